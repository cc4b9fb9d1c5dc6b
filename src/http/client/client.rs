//! The HTTP client: sends a request, and returns the response or the reason why there is none.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};

use super::pool::ConnectionPool;
use super::{AttemptError, AttemptErrorKind, CertificateCheck, Endpoint};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// Maximum size of a response body that is kept: enough to read, not enough to hurt.
const MAX_KEPT_BODY: usize = 64 << 10;

/// A request to send.
#[derive(Clone, Debug)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// Address of the handler.
    pub endpoint: Endpoint,
    /// The headers, in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// Outcome of an attempt.
#[derive(Clone, Debug)]
pub struct AttemptOutcome {
    /// Duration of the attempt.
    pub duration: Duration,
    /// The response, or the reason why there is none.
    pub response: std::result::Result<AttemptResponse, AttemptError>,
}

/// The response of a handler.
#[derive(Clone, Debug)]
pub struct AttemptResponse {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, truncated if it is very long.
    pub body: Bytes,
}

impl AttemptResponse {
    /// Returns the first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Sends requests to endpoints.
pub struct HttpClient {
    pool: ConnectionPool,
    /// Maximum size of a response body that is kept.
    kept_body: usize,
}

impl HttpClient {
    /// Makes a client for this endpoint and others of the same origin. It follows no redirect and uses no proxy.
    /// Certificates are checked against the system's trust store, unless `insecure`; plain http loads nothing of that.
    pub fn new(endpoint: &Endpoint, insecure: bool) -> Result<Self> {
        let pool =
            ConnectionPool::for_attempts(if insecure { CertificateCheck::Disabled } else { CertificateCheck::System });
        if endpoint.is_https() {
            pool.tls().map_err(|error| Error::new("cannot set up TLS").cause(error))?;
        }
        Ok(Self { pool, kept_body: MAX_KEPT_BODY })
    }

    /// Makes a client for endpoints of any origin; TLS is set up when it is first needed.
    #[must_use]
    pub fn for_any_origin(insecure: bool) -> Self {
        let check = if insecure { CertificateCheck::Disabled } else { CertificateCheck::System };
        Self { pool: ConnectionPool::for_attempts(check), kept_body: MAX_KEPT_BODY }
    }

    /// Keeps response bodies up to this size, of a server that is trusted.
    #[must_use]
    pub fn keeping_bodies(self, kept_body: usize) -> Self {
        Self { kept_body, ..self }
    }

    /// Sends one request and waits for the complete response, at most for `timeout`.
    pub async fn attempt(&self, request: &OutgoingRequest, timeout: Option<Duration>) -> Result<AttemptOutcome> {
        let headers = header_map(request)?;
        let watch = Stopwatch::start();
        let sent = match timeout {
            Some(limit) => tokio::time::timeout(limit, self.send(request, headers)).await.ok(),
            None => Some(self.send(request, headers).await),
        };
        let duration = watch.elapsed();
        let response = match sent {
            Some(Ok(response)) => Ok(response),
            Some(Err(failure)) => Err(self.pool.explain(&request.endpoint, failure).await),
            None => {
                let limit = crate::duration::HumanDuration(timeout.unwrap_or_default());
                Err(AttemptError::new(AttemptErrorKind::Timeout, format!("no response within {limit}")))
            }
        };
        Ok(AttemptOutcome { duration, response })
    }

    async fn send(
        &self,
        request: &OutgoingRequest,
        mut headers: HeaderMap,
    ) -> std::result::Result<AttemptResponse, AttemptError> {
        let endpoint = &request.endpoint;
        if let Some(credentials) = endpoint.credentials() {
            headers.entry(AUTHORIZATION).or_insert(credentials);
        }
        let mut outgoing = hyper::Request::new(Full::new(request.body.clone()));
        *outgoing.method_mut() = request.method.clone();
        let target = endpoint.request_target();
        *outgoing.uri_mut() =
            target.ok_or_else(|| AttemptError::no_response(format!("`{}` cannot be requested", endpoint.target())))?;
        *outgoing.headers_mut() = headers;
        let (response, connection) = self.pool.send(endpoint, outgoing).await?;
        let (head, mut body) = response.into_parts();
        let mut kept = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| AttemptError::no_response("the response ended before it was complete"))?;
            if !push_limited(&mut kept, frame.data_ref().map_or(&[], |data| data), self.kept_body) {
                // The rest of the body is not read, so the connection cannot be used again.
                return Ok(AttemptResponse { status: head.status.as_u16(), headers: head.headers, body: kept.into() });
            }
        }
        self.pool.release(endpoint, connection);
        if ConnectionPool::is_tls_notice(endpoint, head.status.as_u16(), &kept) {
            return Err(AttemptError::tls_only(endpoint));
        }
        Ok(AttemptResponse { status: head.status.as_u16(), headers: head.headers, body: kept.into() })
    }
}

/// Appends a part of a response body, up to the limit; returns true if nothing was cut.
fn push_limited(kept: &mut Vec<u8>, part: &[u8], limit: usize) -> bool {
    let room = limit - kept.len();
    kept.extend_from_slice(&part[..part.len().min(room)]);
    part.len() <= room
}

fn header_map(request: &OutgoingRequest) -> Result<HeaderMap> {
    let mut map = HeaderMap::with_capacity(request.headers.len() + 3);
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        map.insert(HOST, request.endpoint.host_value());
    }
    for (name, value) in &request.headers {
        let invalid = |what: &str| Error::new(format!("`{name}` cannot be sent as a header")).cause(what);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("its name is not valid"))?;
        let value = HeaderValue::from_maybe_shared(value.clone()).map_err(|_| invalid("its value is not valid"))?;
        map.append(name, value);
    }
    // An empty body would be sent without it, and some handlers require it.
    map.entry(CONTENT_LENGTH).or_insert_with(|| request.body.len().into());
    Ok(map)
}
