//! From a head and a stream of bytes to a whole request, within limits.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_immediate;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Uri};

use super::hosts::Hosts;
use crate::capture::Capture;
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

/// A whole request. Its parts stay where they are made: to move them would cost more than the rest of the way.
#[derive(Debug)]
pub struct Arrival {
    /// The request.
    pub capture: Box<Capture>,
    /// The same without its body, for passing it on.
    pub head: Box<Parts>,
}

/// What every request is read with.
pub(super) struct Reader {
    pub(super) limits: Limits,
    pub(super) hosts: Hosts,
    pub(super) clock: Clock,
}

impl Reader {
    /// Reads a request to its end, or says with which status and why it is refused.
    pub(super) async fn read(&self, head: Box<Parts>, body: Incoming, remote: &str) -> Result<Arrival, (u16, String)> {
        self.hosts.check(&head)?;
        if head.method == Method::CONNECT {
            return Err((405, "this is no proxy".to_owned()));
        }
        let body = self.body(body).await?;
        let capture = Box::new(Capture {
            at: Some(self.clock.now()),
            remote: remote.to_owned(),
            // Nearly every one is this.
            method: if head.method == Method::POST { "POST".into() } else { head.method.to_string().into() },
            target: target(&head.uri),
            headers: head.headers.iter().collect(),
            body,
        });
        Ok(Arrival { capture, head })
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, (u16, String)> {
        let Limits { body: most, body_within, .. } = self.limits;
        let too_large = || (413, format!("the body is larger than {most} bytes"));
        // Told by its length, it is refused before it is sent.
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let mut body = pin!(Limited::new(body, most).collect());
        // Most bodies come together with their headers: only the others need a timer.
        let collected = match poll_immediate(body.as_mut()).await {
            Some(collected) => Ok(collected),
            None => tokio::time::timeout(body_within, body).await,
        };
        match collected {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err((400, "the body ended before it was complete, or is malformed".to_owned())),
            Err(_) => Err((408, format!("the body took longer than {} s", body_within.as_secs()))),
        }
    }
}

/// The request target as it came. Nearly every one is a path, which needs no printing.
fn target(uri: &Uri) -> String {
    match uri.path_and_query() {
        Some(path) if uri.authority().is_none() && path.as_str().starts_with('/') => path.as_str().to_owned(),
        _ => uri.to_string(),
    }
}
