//! Reads a complete request from a head and a body stream, within limits.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_immediate;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Uri};

use super::host_filter::HostFilter;
use crate::capture::CapturedRequest;
use crate::clock::Clock;

/// Limits of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Maximum size of the body in bytes; a larger one gets 413.
    pub max_body: usize,
    /// Time limit for the headers, counted from the first byte or the last response; slower ones get 408. A connection
    /// may also be idle for this long.
    pub header_timeout: Duration,
    /// Time limit for the body; a slower one gets 408.
    pub body_timeout: Duration,
}

/// Maximum size of the request line and headers together; a request with larger ones, or with more than 100 headers,
/// gets 431. Other servers allow 8 to 32 KiB.
pub(super) const MAX_HEAD_BYTES: usize = 64 << 10;

/// A complete request. Its parts are boxed: moving them would cost more than the rest of the handling.
#[derive(Debug)]
pub struct ReceivedRequest {
    /// The request.
    pub request: Box<CapturedRequest>,
    /// The head alone, for forwarding.
    pub head: Box<Parts>,
}

/// The response to a request that breaks a limit, and the reason.
#[derive(Debug)]
pub struct Rejection {
    /// The status.
    pub status: u16,
    /// The reason, for people.
    pub reason: String,
}

impl Rejection {
    pub(super) fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

/// Reads requests with the same limits, hosts and clock.
pub(super) struct RequestReader {
    pub(super) limits: RequestLimits,
    pub(super) host_filter: HostFilter,
    pub(super) clock: Clock,
}

impl RequestReader {
    /// Reads a complete request, or returns the status and the reason of its rejection.
    pub(super) async fn read(
        &self,
        head: Box<Parts>,
        body: Incoming,
        remote: &str,
    ) -> Result<ReceivedRequest, Rejection> {
        self.host_filter.check(&head)?;
        if head.method == Method::CONNECT {
            return Err(Rejection::new(405, "CONNECT is not supported"));
        }
        let body = self.body(body).await?;
        let request = Box::new(CapturedRequest {
            received_at: Some(self.clock.now()),
            remote_addr: remote.to_owned(),
            // Avoids an allocation for nearly every request.
            method: if head.method == Method::POST { "POST".into() } else { head.method.to_string().into() },
            target: target(&head.uri),
            headers: head.headers.iter().collect(),
            body,
        });
        Ok(ReceivedRequest { request, head })
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, Rejection> {
        let RequestLimits { max_body, body_timeout, .. } = self.limits;
        let too_large = || Rejection::new(413, format!("the body is larger than {max_body} bytes"));
        // A body with a declared length is rejected before it is sent.
        if body.size_hint().lower() > max_body as u64 {
            return Err(too_large());
        }
        let mut body = pin!(Limited::new(body, max_body).collect());
        // Most bodies arrive together with their headers: only the others need a timer.
        let collected = match poll_immediate(body.as_mut()).await {
            Some(collected) => Ok(collected),
            None => tokio::time::timeout(body_timeout, body).await,
        };
        match collected {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Rejection::new(400, "the body is incomplete or malformed")),
            Err(_) => Err(Rejection::new(408, format!("the body took longer than {} s", body_timeout.as_secs()))),
        }
    }
}

/// Returns the request target as received. Nearly every target is a path, which needs no formatting.
fn target(uri: &Uri) -> String {
    match uri.path_and_query() {
        Some(path) if uri.authority().is_none() && path.as_str().starts_with('/') => path.as_str().to_owned(),
        _ => uri.to_string(),
    }
}
