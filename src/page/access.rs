//! Keeps other pages out: they can read nothing and change nothing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::api::problem;
use super::server::Page;
use crate::http::server::{Rejection, check_local_host};

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
    check_local_host(head).map_err(|Rejection { status, reason }| {
        (StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN), reason)
    })?;
    let text = |name: HeaderName| head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let forbidden = |reason: &str| Err((StatusCode::FORBIDDEN, reason.to_owned()));
    if head.headers.get_all(ORIGIN).iter().count() > 1 {
        return forbidden("more than one `origin` header");
    }
    if let Some(origin) = text(ORIGIN) {
        let own = format!("http://{}", text(HOST).unwrap_or_default());
        if !origin.eq_ignore_ascii_case(&own) {
            return forbidden("this page cannot be used by another one");
        }
    }
    // Browsers say so even where they send no `origin`: for images, scripts and links.
    let site = text(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin" && site != "none") && !opens_page(head) {
        return forbidden("this page cannot be used by another one");
    }
    if head.method == Method::GET || head.method == Method::HEAD {
        return Ok(());
    }
    if !page.has_token(&head.headers) {
        return forbidden("the `x-whk-token` header must have the token of this page; reload the page");
    }
    Ok(())
}

/// Returns whether a link elsewhere opens the page as a whole, which shows the other page nothing.
fn opens_page(head: &Parts) -> bool {
    let is = |name: &'static str, wanted: &str| head.headers.get(name).is_some_and(|value| value == wanted);
    head.method == Method::GET
        && head.uri.path() == "/"
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}
