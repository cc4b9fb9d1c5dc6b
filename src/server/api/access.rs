//! Access: the hosts and origins that requests may come by, and the key.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::error::{ApiError, ErrorForm, Problem};
use crate::http::server::{HostFilter, Rejection, check_origin};

/// The rules of access.
pub(super) struct Access {
    /// Hosts that a request may name.
    pub(super) hosts: HostFilter,
    /// The digest of the key: keys of any length compare in the same time.
    pub(super) key: [u8; 32],
    /// The forms of errors, by the start of a path; the first that fits.
    forms: Vec<(String, ErrorForm)>,
}

impl Access {
    pub(super) fn new(hosts: HostFilter, key: &str, forms: Vec<(String, ErrorForm)>) -> Self {
        Self { hosts, key: Sha256::digest(key).into(), forms }
    }

    /// Returns the form of errors at a path.
    fn form(&self, path: &str) -> ErrorForm {
        let is_below =
            |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.forms.iter().find(|(start, _)| is_below(start)).map_or(ErrorForm::OWN, |(_, form)| *form)
    }

    /// Checks the bearer key of a request.
    pub(super) fn check_key(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let error = |message| Err(ApiError::new(Problem::Unauthorized, message));
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return error("the key is missing, expected the header `authorization: Bearer KEY`");
        };
        let Some((scheme, key)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return error("the header `authorization` is not `Bearer KEY`");
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return error("the header `authorization` is not `Bearer KEY`");
        }
        if bool::from(Sha256::digest(key.trim()).as_slice().ct_eq(&self.key)) {
            Ok(())
        } else {
            error("the key is not the one that `whk serve` printed")
        }
    }
}

/// Rejects requests for other hosts and of pages with another origin.
pub(super) async fn check_source(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if let Err(Rejection { status, reason }) = access.hosts.check(&head).and_then(|()| check_origin(&head)) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
        let problem = if status == StatusCode::FORBIDDEN { Problem::Forbidden } else { Problem::Malformed };
        let error = ApiError::new(problem, reason).status(status);
        return access.form(head.uri.path()).render(error.into_response());
    }
    next.run(Request::from_parts(head, body)).await
}

/// Rejects requests without the key.
pub(super) async fn check_key(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.check_key(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Rejects bodies of another type than JSON. A request without a `content-type` may have one.
pub(super) async fn check_media_type(request: Request, next: Next) -> Response {
    let has_body = request.method() == Method::POST || request.method() == Method::PUT;
    if let Some(value) = request.headers().get(header::CONTENT_TYPE).filter(|_| has_body) {
        let given = String::from_utf8_lossy(value.as_bytes());
        let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" && !essence.ends_with("+json") {
            let message = format!("the `content-type` is `{essence}`, expected `application/json`");
            return ApiError::new(Problem::Malformed, message).into_response();
        }
    }
    next.run(request).await
}
