//! The server's own API, below `/_whk`: what no provider has. It shows the webhooks and deliveries of all of them, and
//! acts on each.

mod deliveries;
mod emit;
mod stream;
mod view;
mod webhooks;

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{Method, header, request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

use super::access::Access;
use super::description::{ApiDescription, Description, description_file};
use super::error::ApiError;
use super::json::MAX_BODY;
use super::parameters::Query;
use super::routes::Routes;
use super::{no_such_method, no_such_path};
use crate::http::server::check_local_host;
use crate::page::Page;
use crate::server::engine_handle::EngineHandle;

/// The path that the routes start with.
pub(super) const BASE: &str = "/_whk";

/// The path of `emit`.
pub const EMIT_PATH: &str = "/_whk/emit";

/// The same below the base.
const EMIT: &str = "/emit";

/// Number of entries of a list, unless it is said, and at most.
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// The state of the handlers.
#[derive(Clone)]
pub(super) struct Own {
    engine: EngineHandle,
    page: Arc<Page>,
    access: Arc<Access>,
    description: Arc<Description>,
}

/// Returns the routes, below the base.
pub(super) fn routes() -> Routes<Own> {
    Routes::default()
        .on(Method::POST, EMIT, emit::emit)
        .on(Method::GET, "/webhooks", webhooks::list)
        .on(Method::GET, "/webhooks/{id}", webhooks::read)
        .on(Method::POST, "/webhooks/{id}/enable", webhooks::enable)
        .on(Method::POST, "/webhooks/{id}/test", webhooks::test)
        .on(Method::GET, "/deliveries", deliveries::list)
        .on(Method::GET, "/deliveries/{seq}", deliveries::read)
        .on(Method::POST, "/deliveries/{seq}/resend", deliveries::resend)
        .on(Method::GET, "/stream", stream::stream)
        .on(Method::GET, "/openapi.json", describe)
}

/// Returns the description of the routes.
pub(super) fn description() -> ApiDescription {
    let file = description_file!("own");
    ApiDescription {
        name: "whk",
        file,
        base: BASE.to_owned(),
        also_below: None,
        event_types: Vec::new(),
        has_rate_limit: false,
    }
}

/// Describes the APIs.
async fn describe(State(own): State<Own>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], own.description.json()).into_response()
}

/// Makes the router, with whole paths.
pub(super) fn router(engine: EngineHandle, page: Arc<Page>, access: Arc<Access>, description: Description) -> Router {
    let own = Own { engine, page, access, description: Arc::new(description) };
    let known: Vec<String> = routes().paths(BASE).iter().map(|(method, path)| format!("{method} {path}")).collect();
    let known = known.join(", ");
    let (router, _) = routes().into_parts();
    let router = router
        .method_not_allowed_fallback(async |request: Request| no_such_method(&request))
        .route_layer(from_fn_with_state(own.clone(), check))
        .fallback(move |request: Request| ready(no_such_path(&request, &known)))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(own);
    Router::new().nest(BASE, router)
}

/// Rejects requests that are not allowed here.
async fn check(State(own): State<Own>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().copied();
    let (head, body) = request.into_parts();
    match own.check(&head, peer.is_some_and(|peer| peer.ip().is_loopback())) {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(error) => error.into_response(),
    }
}

impl Own {
    /// A program on this machine that uses its own name may read, and send events; the page may do all that the key
    /// allows, by its token.
    fn check(&self, head: &request::Parts, is_local_peer: bool) -> Result<(), ApiError> {
        let is_local = is_local_peer && check_local_host(head).is_ok();
        let is_open = head.method == Method::GET || head.method == Method::HEAD || head.uri.path() == EMIT;
        // A key that is given must be right.
        let has_key = head.headers.contains_key(header::AUTHORIZATION);
        if is_local && !has_key && (is_open || self.page.has_token(&head.headers)) {
            return Ok(());
        }
        self.access.check_key(&head.headers)
    }
}

/// A part of a list, the newest first, as the query names it.
struct Part {
    before: i64,
    limit: u32,
}

impl Part {
    fn new(query: &Query) -> Result<Self, ApiError> {
        let before = query.parse("before")?.unwrap_or(i64::MAX);
        Ok(Self { before, limit: query.parse("limit")?.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT) })
    }

    /// Returns the number that the next part comes before; `None` at the end.
    fn next<T>(&self, entries: &[T], row: impl Fn(&T) -> i64) -> Option<i64> {
        entries.last().filter(|_| entries.len() == self.limit as usize).map(row)
    }
}
