//! One attempt: a request out, an answer or the reason for none in.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use super::Endpoint;
use super::connection::{Keep, NoAnswer};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// How much of an answer's body is kept: enough to read, not enough to hurt.
const KEPT: usize = 64 << 10;

/// A request that goes out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where it goes to.
    pub endpoint: Endpoint,
    /// The headers, in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How long it took.
    pub duration: Duration,
    /// The answer, or why there is none.
    pub answer: std::result::Result<Answer, Failure>,
}

/// What the handler answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `retry-after`.
    pub retry_after: Option<String>,
    /// The body, cut where it is very long.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Whether the handler was never reached: refused, unknown host, TLS.
    pub unreachable: bool,
    /// The reason in one sentence.
    pub message: String,
}

/// Hands requests to endpoints of one origin.
pub struct Client {
    way: Way,
}

/// How requests go out.
enum Way {
    /// Over plain connections, which are kept: what goes out is exactly what is given, at the least cost.
    Plain(Keep),
    /// Over TLS.
    Secure(reqwest::Client),
}

impl Client {
    /// A client for this endpoint and others of the same origin. It follows no redirect and uses no proxy.
    /// Certificates are checked against the system's trust, unless `insecure`; nothing of that is loaded for plain
    /// http.
    pub fn new(endpoint: &Endpoint, insecure: bool) -> Result<Self> {
        if !endpoint.is_https() {
            return Ok(Self { way: Way::Plain(Keep::for_attempts()) });
        }
        // It fails only where one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .http1_only()
            .tls_danger_accept_invalid_certs(insecure);
        let http = builder.build().map_err(|error| Error::new("cannot set up TLS").causes(&error))?;
        Ok(Self { way: Way::Secure(http) })
    }

    /// Sends one request and waits for the whole answer, at most for `timeout`.
    pub async fn attempt(&self, request: &Outgoing, timeout: Option<Duration>) -> Result<Outcome> {
        let headers = header_map(request)?;
        let watch = Stopwatch::start();
        let answer = match timeout {
            Some(limit) => tokio::time::timeout(limit, self.exchange(request, headers)).await.unwrap_or_else(|_| {
                let message = format!("no answer within {}", crate::span::Span(limit));
                Err(Failure { unreachable: false, message })
            }),
            None => self.exchange(request, headers).await,
        };
        Ok(Outcome { duration: watch.elapsed(), answer })
    }

    async fn exchange(&self, request: &Outgoing, headers: HeaderMap) -> std::result::Result<Answer, Failure> {
        match &self.way {
            Way::Plain(keep) => plain(keep, request, headers).await,
            Way::Secure(http) => secure(http, request, headers).await,
        }
    }
}

async fn plain(keep: &Keep, request: &Outgoing, mut headers: HeaderMap) -> std::result::Result<Answer, Failure> {
    let endpoint = &request.endpoint;
    if let Some(credentials) = endpoint.credentials() {
        headers.entry(AUTHORIZATION).or_insert(credentials);
    }
    let unusable = |message: String| Failure { unreachable: false, message };
    let mut outgoing = hyper::Request::new(Full::new(request.body.clone()));
    *outgoing.method_mut() = request.method.clone();
    let target = endpoint.request_target();
    *outgoing.uri_mut() = target.ok_or_else(|| unusable(format!("`{}` cannot be requested", endpoint.target())))?;
    *outgoing.headers_mut() = headers;
    let (answer, connection) = keep.exchange(endpoint, outgoing).await.map_err(|broken| match broken {
        NoAnswer::Unreachable(message) => Failure { unreachable: true, message },
        NoAnswer::Broken(message) => unusable(message),
    })?;
    let (head, mut body) = answer.into_parts();
    let retry_after = retry_after(&head.headers);
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| unusable("the answer ended before it was complete".to_owned()))?;
        if !keep_part(&mut kept, frame.data_ref().map_or(&[], |data| data)) {
            // What is left of it is not read, and the connection is of no more use.
            return Ok(Answer { status: head.status.as_u16(), retry_after, body: kept.into() });
        }
    }
    keep.put_back(endpoint, connection);
    Ok(Answer { status: head.status.as_u16(), retry_after, body: kept.into() })
}

async fn secure(
    http: &reqwest::Client,
    request: &Outgoing,
    headers: HeaderMap,
) -> std::result::Result<Answer, Failure> {
    let sent = http.request(request.method.clone(), request.endpoint.url().clone()).headers(headers);
    let mut response = sent.body(request.body.clone()).send().await.map_err(|error| failure(&error))?;
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let mut kept = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if !keep_part(&mut kept, &chunk) {
            break;
        }
    }
    Ok(Answer { status, retry_after, body: kept.into() })
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Keeps a part of an answer's body; says whether there is room for more.
fn keep_part(kept: &mut Vec<u8>, part: &[u8]) -> bool {
    let room = KEPT - kept.len();
    kept.extend_from_slice(&part[..part.len().min(room)]);
    part.len() <= room
}

fn header_map(request: &Outgoing) -> Result<HeaderMap> {
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
    // An empty body would go out without it, and there are handlers that cannot do without.
    map.entry(CONTENT_LENGTH).or_insert_with(|| request.body.len().into());
    Ok(map)
}

fn failure(error: &reqwest::Error) -> Failure {
    let mut reasons = Vec::new();
    let mut source = error.source();
    while let Some(inner) = source {
        reasons.push(inner.to_string());
        source = inner.source();
    }
    // Outer layers repeat that something failed, one of them without a reason; the innermost two say what.
    reasons.retain(|reason| !reason.starts_with("client error ("));
    let first = reasons.len().saturating_sub(2);
    let mut message = String::new();
    for reason in &reasons[first..] {
        if !message.contains(reason.as_str()) {
            if !message.is_empty() {
                message.push_str(": ");
            }
            message.push_str(reason);
        }
    }
    if message.is_empty() {
        message = error.to_string();
    }
    Failure { unreachable: error.is_connect(), message }
}
