//! Forwards a received request to a handler, byte for byte, and returns its response the same way.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri, Version};
use tokio::sync::Semaphore;

use super::pool::ConnectionPool;
use super::{AttemptError, CertificateCheck, Endpoint, HopByHopHeaders};
use crate::clock::Stopwatch;

/// Maximum size of a response that is returned: 16 MiB, far above what any provider reads.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// The target of a forwarded request.
#[derive(Clone, Debug)]
pub struct ForwardTarget {
    /// The handler.
    pub endpoint: Endpoint,
    /// True if the endpoint's path replaces the path of the request.
    pub replace_path: bool,
}

impl ForwardTarget {
    /// Returns the URL that a request with this target is forwarded to, without its query.
    #[must_use]
    pub fn url_of(&self, uri: &Uri) -> Endpoint {
        match join_target(self, uri) {
            Some(target) => self.endpoint.with_target(target.path()),
            None => self.endpoint.clone(),
        }
    }
}

/// Outcome of a forwarded request.
#[derive(Debug)]
pub struct ForwardOutcome {
    /// Time that the handler took, without the time in the queue.
    pub duration: Duration,
    /// The response without hop-by-hop headers, or the reason why there is none.
    pub response: Result<Response<Bytes>, ForwardError>,
}

/// The reason why a handler gave no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardError {
    /// It was never reached: connection refused, unknown host, TLS.
    Unreachable(String),
    /// It took longer than this.
    TimedOut(Duration),
    /// It was reached, and gave no response or one that cannot be returned.
    Broken(String),
}

/// Forwards a limited number of requests at a time, in order of arrival, on pooled connections.
pub struct Forwarder {
    permits: Semaphore,
    pool: ConnectionPool,
}

impl Forwarder {
    /// Makes a forwarder of up to `concurrency` requests at a time.
    #[must_use]
    pub fn new(concurrency: usize, certificate_check: CertificateCheck) -> Self {
        Self { permits: Semaphore::new(concurrency), pool: ConnectionPool::for_forwarding(certificate_check) }
    }

    /// Waits for a permit, sends a request, and waits for the complete response. No redirect is followed.
    pub async fn forward(
        &self,
        to: &ForwardTarget,
        head: Parts,
        body: Bytes,
        limit: Option<Duration>,
    ) -> ForwardOutcome {
        let permit = self.permits.acquire().await;
        let watch = Stopwatch::start();
        let Some(request) = request(to, head, body) else {
            let why = "its target would be too long".to_owned();
            return ForwardOutcome { duration: watch.elapsed(), response: Err(ForwardError::Broken(why)) };
        };
        let exchanged = match limit {
            Some(limit) => tokio::time::timeout(limit, self.send(&to.endpoint, request)).await.map_err(|_| limit),
            None => Ok(self.send(&to.endpoint, request).await),
        };
        drop(permit);
        let duration = watch.elapsed();
        let response = match exchanged {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(failure)) => Err(self.forward_error(&to.endpoint, failure).await),
            Err(limit) => Err(ForwardError::TimedOut(limit)),
        };
        ForwardOutcome { duration, response }
    }

    /// Returns the reason why there is no response, with the address that would help.
    async fn forward_error(&self, to: &Endpoint, failure: AttemptError) -> ForwardError {
        let failure = self.pool.explain(to, failure).await;
        if !failure.is_unreachable() {
            return ForwardError::Broken(failure.message);
        }
        let advice = failure.advice(to).map(|advice| format!("; {advice}")).unwrap_or_default();
        ForwardError::Unreachable(failure.message + &advice)
    }

    async fn send(&self, to: &Endpoint, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, AttemptError> {
        let (response, connection) = self.pool.send(to, request).await?;
        let (mut head, body) = response.into_parts();
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.map_err(|error| {
            AttemptError::no_response(match error.downcast::<hyper::Error>() {
                Ok(_) => "the response ended before it was complete".to_owned(),
                Err(_) => format!("the response is larger than {} MiB", MAX_RESPONSE_BYTES >> 20),
            })
        })?;
        self.pool.release(to, connection);
        let body = body.to_bytes();
        // The HTTP version of the handler concerns its connection only.
        head.version = Version::HTTP_11;
        // Without a body, as after HEAD, `content-length` is that of the body there would be.
        head.headers = strip_hop_by_hop(&head.headers, Some(body.len()).filter(|length| *length > 0));
        Ok(Response::from_parts(head, body))
    }
}

/// Builds the request for the handler: its own target and host, and the body with its length. All else stays as
/// received; nothing is added, because a signature may cover it. `None` if the target becomes too long.
fn request(to: &ForwardTarget, mut head: Parts, body: Bytes) -> Option<Request<Full<Bytes>>> {
    head.headers = strip_hop_by_hop(&head.headers, Some(body.len()));
    head.headers.insert(HOST, to.endpoint.host_value());
    if let Some(credentials) = to.endpoint.credentials() {
        head.headers.entry(AUTHORIZATION).or_insert(credentials);
    }
    head.uri = join_target(to, &head.uri)?;
    head.version = Version::HTTP_11;
    Some(Request::from_parts(head, Full::new(body)))
}

/// Returns the target on the handler: the endpoint's path followed by that of the request, then both queries. If the
/// path of the request is `/`, or is to be replaced, the endpoint's path is used alone.
fn join_target(to: &ForwardTarget, uri: &Uri) -> Option<Uri> {
    let base = to.endpoint.url();
    let path = if to.replace_path || matches!(uri.path(), "/" | "*" | "") {
        base.path().to_owned()
    } else {
        format!("{}{}", base.path().strip_suffix('/').unwrap_or(base.path()), uri.path())
    };
    let query = match (base.query(), uri.query()) {
        (Some(ours), Some(theirs)) => format!("?{ours}&{theirs}"),
        (Some(query), None) | (None, Some(query)) => format!("?{query}"),
        (None, None) => String::new(),
    };
    PathAndQuery::try_from(path + &query).ok().map(Uri::from)
}

/// Returns the headers without the hop-by-hop ones (RFC 9110, section 7.6.1), in the same order. If the length of the
/// body is given, it replaces the header that delimited the body before.
fn strip_hop_by_hop(headers: &HeaderMap, length: Option<usize>) -> HeaderMap {
    let hop = HopByHopHeaders::from_connection(headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes));
    let mut kept = HeaderMap::with_capacity(headers.len() + 1);
    for (name, value) in headers {
        match length {
            Some(length) if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) => {
                kept.insert(CONTENT_LENGTH, length.into());
            }
            _ if hop.contains(name.as_str()) => {}
            _ => {
                kept.append(name, value.clone());
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn joined(base: &str, replace_path: bool, incoming: &str) -> String {
        let to = ForwardTarget { endpoint: base.parse().unwrap(), replace_path };
        join_target(&to, &incoming.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_path_of_the_request_follows_that_of_the_endpoint() {
        for (base, incoming, expected) in [
            ("3000", "/", "/"),
            ("3000", "/x", "/x"),
            ("3000", "//x/../y", "//x/../y"),
            ("3000/hooks", "/", "/hooks"),
            ("3000/hooks/", "/", "/hooks/"),
            ("3000/hooks", "/x?y=1", "/hooks/x?y=1"),
            ("3000/hooks/", "/x", "/hooks/x"),
            ("3000/hooks", "//x", "/hooks//x"),
            ("3000/hooks?a=1", "/?b=2&b=3", "/hooks?a=1&b=2&b=3"),
            ("3000/hooks?a=1", "/", "/hooks?a=1"),
            ("3000", "/%2f%2E%2e/a%00?%zz=é&&", "/%2f%2E%2e/a%00?%zz=é&&"),
            ("3000", "/?", "/?"),
            ("3000", "http://localhost:1/x?y", "/x?y"),
            ("3000/hooks", "*", "/hooks"),
        ] {
            assert_eq!(joined(base, false, incoming), expected, "{base} {incoming}");
        }
        assert_eq!(joined("3000/bounces", true, "/hooks?x=1"), "/bounces?x=1");
    }

    #[test]
    fn only_what_is_about_the_connection_is_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "x"),
            ("connection", "close, X-Named"),
            ("x-named", "1"),
            ("webhook-id", "m"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "secret"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("x-repeated", "1"),
            ("x-repeated", "2"),
            ("expect", "100-continue"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let kept = |length| {
            let kept = strip_hop_by_hop(&headers, length);
            kept.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(kept(Some(7)), ["host=x", "webhook-id=m", "content-length=7", "x-repeated=1", "x-repeated=2"]);
        assert_eq!(kept(None), ["host=x", "webhook-id=m", "x-repeated=1", "x-repeated=2"]);
    }
}
