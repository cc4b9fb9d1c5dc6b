//! Keeps other pages out: they can read nothing and change nothing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::api::problem;
use super::server::Page;
use crate::http::server::{Rejection, check_local_host, check_origin};

/// The header that carries the token.
pub(super) const TOKEN_HEADER: &str = "x-whk-token";

/// Headers of every response. The policy allows the page's own files alone: nothing inline, no other host, no frame.
const RESPONSE_HEADERS: [(HeaderName, &str); 7] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Rejects what does not come from the page itself or from a program on this machine.
pub(super) async fn guard(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut response = match check(&head, &page) {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err((status, reason)) => problem(status, &reason, None).into_response(),
    };
    for (name, value) in RESPONSE_HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(head: &Parts, page: &Page) -> Result<(), (StatusCode, String)> {
    // A name of another machine that points here must not open the page.
    check_local_host(head).and_then(|()| check_origin(head)).map_err(|Rejection { status, reason }| {
        (StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), reason)
    })?;
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    if !page.has_token(&head.headers) {
        let reason = "the `x-whk-token` header must have the token of this page; reload the page";
        return Err((StatusCode::FORBIDDEN, reason.to_owned()));
    }
    Ok(())
}
