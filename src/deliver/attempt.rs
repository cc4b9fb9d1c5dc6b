//! One attempt: a request out, an answer or the reason for none in.

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

use super::Endpoint;
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// How much of an answer's body is kept: enough to read, not enough to hurt.
const KEPT: usize = 64 << 10;

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

/// Hands requests to one endpoint.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    timeout: Option<Duration>,
}

impl Client {
    /// A client that follows no redirect and uses no proxy. Certificates are checked against the system's trust,
    /// unless `insecure`; nothing of that is loaded for plain http.
    pub fn new(endpoint: Endpoint, timeout: Option<Duration>, insecure: bool) -> Result<Self> {
        // It fails only where one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .http1_only();
        if !endpoint.is_https() {
            builder = builder.tls_certs_only([]);
        } else if insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let http = builder.build().map_err(|error| Error::new("cannot set up TLS").causes(&error))?;
        Ok(Self { http, endpoint, timeout })
    }

    /// Sends one request and waits for the whole answer.
    pub async fn attempt(&self, headers: &[(String, String)], body: Bytes) -> Result<Outcome> {
        let mut map = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            let invalid = |what: &str| Error::new(format!("`{name}` cannot be sent as a header")).cause(what);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("its name is not valid"))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| invalid("its value is not valid"))?;
            map.append(name, value);
        }
        // An empty body would go out without it, and there are handlers that cannot do without.
        map.entry(CONTENT_LENGTH).or_insert_with(|| body.len().into());
        let watch = Stopwatch::start();
        let exchange = self.exchange(map, body);
        let answer = match self.timeout {
            Some(limit) => tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
                let limit = crate::span::Span(limit);
                Err(Failure { unreachable: false, message: format!("no answer within {limit}") })
            }),
            None => exchange.await,
        };
        Ok(Outcome { duration: watch.elapsed(), answer })
    }

    async fn exchange(&self, headers: HeaderMap, body: Bytes) -> std::result::Result<Answer, Failure> {
        let sent = self.http.post(self.endpoint.url().clone()).headers(headers).body(body).send().await;
        let mut response = sent.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let mut kept = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            let room = KEPT - kept.len();
            kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                break;
            }
        }
        Ok(Answer { status, body: kept.into() })
    }
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
