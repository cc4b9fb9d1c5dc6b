//! What is answered, and how it goes over the wire.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// The answer to a request.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status, headers and body.
    pub response: Response<Bytes>,
    /// What goes wrong with it, on purpose.
    pub fault: Option<Fault>,
}

/// What goes wrong with an answer, on purpose. The connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is answered: the connection is reset.
    Reset,
    /// Nothing is answered, and the connection stays open until the other side leaves.
    Hang,
    /// The body comes a byte at a time, over this length of time.
    Slow(Duration),
    /// The connection ends before the body is as long as `content-length` says.
    Short,
    /// There is more body than `content-length` says.
    Long,
}

/// The usual media types of answers.
const USUAL: [&str; 2] = ["text/plain; charset=utf-8", "application/json"];

impl Reply {
    /// An answer with a body of this media type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: Bytes) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let usual = USUAL.iter().find(|usual| **usual == content_type);
        let kind =
            usual.map_or_else(|| HeaderValue::from_str(content_type), |usual| Ok(HeaderValue::from_static(usual)));
        if let Ok(kind) = kind {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        Self { response, fault: None }
    }

    /// An answer of plain text.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, USUAL[0], body.into())
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }
}
