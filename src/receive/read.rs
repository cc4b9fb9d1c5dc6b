//! From a head and a stream of bytes to a whole request, within limits.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request};

use super::hosts::Hosts;
use crate::capture::{Capture, Headers};
use crate::clock::Clock;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body in bytes; a larger one is answered 413.
    pub body: usize,
    /// How long the headers may take, counted from the first byte or the last answer; slower ones are answered 408.
    /// It is also how long a connection may be idle.
    pub headers_within: Duration,
    /// How long the body may take; a slower one is answered 408.
    pub body_within: Duration,
}

/// The largest request line and headers together; a request with larger ones, or with more than 100 headers, is
/// answered 431. Other servers take 8 to 32 KiB.
pub(super) const LARGEST_HEAD: usize = 64 << 10;

/// A whole request.
#[derive(Debug)]
pub struct Arrival {
    /// The request.
    pub capture: Capture,
    /// The same without its body, for passing it on.
    pub head: Parts,
}

/// What every request is read with.
pub(super) struct Reader {
    pub(super) limits: Limits,
    pub(super) hosts: Hosts,
    pub(super) clock: Clock,
}

impl Reader {
    /// Reads a request to its end, or says with which status and why it is refused.
    pub(super) async fn read(&self, request: Request<Incoming>, remote: SocketAddr) -> Result<Arrival, (u16, String)> {
        self.hosts.check(&request)?;
        if request.method() == Method::CONNECT {
            return Err((405, "this is no proxy".to_owned()));
        }
        let (head, body) = request.into_parts();
        let body = self.body(body).await?;
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())));
        let capture = Capture {
            at: Some(self.clock.now()),
            remote: remote.to_string(),
            method: head.method.as_str().to_owned(),
            target: head.uri.to_string(),
            headers: Headers(headers.collect()),
            body,
        };
        Ok(Arrival { capture, head })
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, (u16, String)> {
        let Limits { body: most, body_within, .. } = self.limits;
        let too_large = || (413, format!("the body is larger than {most} bytes"));
        // Told by its length, it is refused before it is sent.
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        match tokio::time::timeout(body_within, Limited::new(body, most).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err((400, "the body ended before it was complete, or is malformed".to_owned())),
            Err(_) => Err((408, format!("the body took longer than {} s", body_within.as_secs()))),
        }
    }
}
