//! A response, and the fault to send it with.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::ResponseFault;

/// The response to a request.
#[derive(Debug, Default)]
pub struct ServerResponse {
    /// Status, headers and body.
    pub http: Response<Bytes>,
    /// The fault to send it with, if any.
    pub fault: Option<ResponseFault>,
}

/// The most common media types of responses.
const COMMON_MEDIA_TYPES: [&str; 2] = ["text/plain; charset=utf-8", "application/json"];

impl ServerResponse {
    /// Makes a response with a body of this media type.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: Bytes) -> Self {
        let mut http = Response::new(body);
        *http.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let common = COMMON_MEDIA_TYPES.iter().find(|common| **common == content_type);
        let media_type =
            common.map_or_else(|| HeaderValue::from_str(content_type), |common| Ok(HeaderValue::from_static(common)));
        if let Ok(media_type) = media_type {
            http.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        Self { http, fault: None }
    }

    /// Makes a plain text response.
    #[must_use]
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, COMMON_MEDIA_TYPES[0], body.into())
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.http.status().as_u16()
    }
}
