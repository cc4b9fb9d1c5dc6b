//! Forwarding: a request that was received goes on to a handler, byte for byte, and its answer comes back the same way.

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

/// The largest answer that is passed back: 16 MiB, far above what any provider reads.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct ForwardTarget {
    /// The handler.
    pub endpoint: Endpoint,
    /// Whether the path of the request is left out, because the endpoint's is the whole of it.
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

/// What came of a request that was forwarded.
#[derive(Debug)]
pub struct ForwardOutcome {
    /// How long the handler took; waiting for its turn is not part of it.
    pub duration: Duration,
    /// The answer without hop-by-hop headers, or why there is none.
    pub response: Result<Response<Bytes>, ForwardError>,
}

/// Why a handler did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardError {
    /// It was never reached: refused, unknown host, TLS.
    Unreachable(String),
    /// It took longer than this.
    TimedOut(Duration),
    /// It was reached and gave no answer, or none that can be passed on.
    Broken(String),
}

/// Forwards requests, so many at a time and in order of arrival, on connections that are kept.
pub struct Forwarder {
    permits: Semaphore,
    pool: ConnectionPool,
}

impl Forwarder {
    /// One that forwards up to `concurrency` requests at a time.
    #[must_use]
    pub fn new(concurrency: usize, certificate_check: CertificateCheck) -> Self {
        Self { permits: Semaphore::new(concurrency), pool: ConnectionPool::for_forwarding(certificate_check) }
    }

    /// Waits for its turn, sends a request, and waits for the whole answer. No redirect is followed.
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

    /// The reason why there is no response, and the address that would help.
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
        // Which version the handler speaks is between it and us.
        head.version = Version::HTTP_11;
        // Without a body, as after HEAD, the length is that of the body there would be.
        head.headers = strip_hop_by_hop(&head.headers, Some(body.len()).filter(|length| *length > 0));
        Ok(Response::from_parts(head, body))
    }
}

/// The request for the handler: its own target and host, and the body with its length. All else is as it came; nothing
/// is added, because a signature may cover it. Nothing where the target becomes too long.
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

/// The target on the handler: the endpoint's path with the request's behind it, then both queries. Where the path of
/// the request is `/`, or the endpoint's is the whole of it, the endpoint's path stands alone.
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

/// The headers without those that are about one connection alone (RFC 9110, section 7.6.1), in the same order. Where the
/// body's length is given, it stands in the place of what told its end before.
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
