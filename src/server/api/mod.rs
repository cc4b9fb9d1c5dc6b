//! The HTTP side: the API of each provider under the provider's own paths, and what is common to all of them. It runs on
//! a thread of its own, and reaches the engine by [`EngineHandle`] alone.

mod access;
mod ahasend;
mod aisend;
mod autosend;
mod description;
mod error;
mod idempotency;
mod json;
mod own;
mod parameters;
mod rate_limit;
mod routes;
mod selfmx;
mod validation;

pub use self::own::EMIT_PATH;

use std::future::ready;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use tokio::sync::watch;

use self::access::Access;
use self::description::{ApiDescription, Description};
use self::error::{ApiError, ErrorForm, Problem};
pub(super) use self::idempotency::IdempotencyKeys;
use self::rate_limit::RateLimit;
pub(super) use self::rate_limit::RateLimiter;
use self::routes::Routes;
use super::engine_handle::EngineHandle;
use super::model::Webhook;
use crate::http::server::HostFilter;
use crate::page::Page;

/// The API of one provider. It is a file in this folder with one such constant, which is listed in [`APIS`].
pub(super) struct ProviderApi {
    /// Name of the provider.
    pub(super) provider: &'static str,
    /// The path that all its routes start with, such as `/v1`.
    base: &'static str,
    /// The form of its errors.
    errors: ErrorForm,
    /// Its routes.
    routes: fn() -> Routes,
    /// The file that describes them.
    description: &'static str,
    /// Its rate limit, if its documentation has one.
    pub(super) rate_limit: Option<RateLimit>,
    /// Returns the counters of a webhook, as its API names them.
    counters: fn(&Webhook) -> Map<String, Value>,
}

/// The APIs, in the order of precedence: if several have the same base and none was chosen with `-p`, the first has it.
pub(super) const APIS: [&ProviderApi; 4] = [&selfmx::API, &aisend::API, &autosend::API, &ahasend::API];

/// What the handlers of one provider need.
pub(super) struct ApiContext {
    /// The engine.
    pub(super) engine: EngineHandle,
    /// Name of the provider, which its webhooks belong to.
    pub(super) provider: String,
    /// The types of event that it has.
    pub(super) event_types: Vec<String>,
    /// Its rate limit, if it is in force.
    pub(super) rate_limiter: Option<Arc<RateLimiter>>,
    /// The requests that have a key of idempotency.
    pub(super) idempotency: IdempotencyKeys,
}

/// The state of the handlers of one provider.
type Api = Arc<ApiContext>;

/// A provider that is served.
pub(super) struct ServedApi {
    pub(super) api: &'static ProviderApi,
    pub(super) context: ApiContext,
}

/// The counters of a provider with an API that shows none.
fn no_counters(_: &Webhook) -> Map<String, Value> {
    Map::new()
}

/// Returns the routes of a provider's API with their whole paths.
#[must_use]
pub fn routes(provider: &str) -> Vec<(Method, String)> {
    let api = APIS.iter().find(|api| api.provider == provider);
    api.map_or_else(Vec::new, |api| (api.routes)().paths(api.base))
}

/// Returns the routes of the server's own API with their whole paths.
#[must_use]
pub fn own_routes() -> Vec<(Method, String)> {
    own::routes().paths(own::BASE)
}

/// Makes the whole application. Each API is at its provider's own paths, and below `/NAME` as well: where several have
/// the same base, the first one has it.
pub(super) fn application(
    served: Vec<ServedApi>,
    engine: EngineHandle,
    page: Arc<Page>,
    hosts: HostFilter,
    key: &str,
) -> Router {
    let both = |api: &ProviderApi| [api.base.to_owned(), format!("/{}{}", api.provider, api.base)];
    let forms = served.iter().flat_map(|served| both(served.api).map(|base| (base, served.api.errors))).collect();
    let access = Arc::new(Access::new(hosts, key, forms));
    let mut application = crate::page::routes(Arc::clone(&page));
    let (mut bases, mut known, mut descriptions) = (Vec::new(), Vec::new(), Vec::new());
    for ServedApi { api, context } in served {
        let own = !bases.contains(&api.base);
        let below = format!("/{}", api.provider);
        let prefix = if own { "" } else { &below };
        let paths: Vec<String> =
            routes(api.provider).into_iter().map(|(method, path)| format!("{method} {prefix}{path}")).collect();
        known.extend(paths.iter().cloned());
        descriptions.push(ApiDescription {
            name: api.provider,
            file: api.description,
            base: format!("{prefix}{}", api.base),
            also_below: own.then(|| below.clone()),
            event_types: context.event_types.clone(),
            has_rate_limit: api.rate_limit.is_some(),
        });
        let router = provider_router(api, context, &access, paths.join(", "));
        if own {
            bases.push(api.base);
            application = application.nest(api.base, router.clone());
        }
        application = application.nest(&format!("{below}{}", api.base), router);
    }
    descriptions.push(own::description());
    let own = own::router(engine, page, Arc::clone(&access), Description::new(descriptions));
    let known = known.join(", ");
    application
        .merge(own)
        .fallback(move |request: Request| ready(no_such_path(&request, &known)))
        .layer(from_fn_with_state(access, access::check_source))
        .layer(map_response(|response: Response| ready(ErrorForm::OWN.render(response))))
        .layer(map_response(protect))
}

/// Makes the router of one provider, below its base.
fn provider_router(api: &'static ProviderApi, context: ApiContext, access: &Arc<Access>, known: String) -> Router {
    let (router, _) = (api.routes)().into_parts();
    let errors = api.errors;
    let router = router
        .method_not_allowed_fallback(async |request: Request| no_such_method(&request))
        .route_layer(from_fn(access::check_media_type));
    let router = match &context.rate_limiter {
        Some(limiter) => router.route_layer(from_fn_with_state(Arc::clone(limiter), rate_limit::check_rate)),
        None => router,
    };
    router
        .route_layer(from_fn_with_state(Arc::clone(access), access::check_key))
        .fallback(move |request: Request| ready(no_such_path(&request, &known)))
        .layer(DefaultBodyLimit::max(json::MAX_BODY))
        .layer(map_response(move |response: Response| ready(errors.render(response))))
        .with_state(Arc::new(context))
}

/// Returns the path as the client sent it: a nested router sees a part of it.
fn path(request: &Request) -> String {
    let whole = request.extensions().get::<axum::extract::OriginalUri>();
    whole.map_or_else(|| request.uri().path().to_owned(), |uri| uri.0.path().to_owned())
}

fn no_such_method(request: &Request) -> ApiError {
    ApiError::new(Problem::MethodNotAllowed, format!("{} has no {}", path(request), request.method()))
}

fn no_such_path(request: &Request, known: &str) -> ApiError {
    ApiError::new(Problem::NoSuchPath, format!("there is no {} {}; known: {known}", request.method(), path(request)))
}

/// Keeps a response out of other pages, and out of caches.
async fn protect(mut response: Response) -> Response {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Ends streams of events when the server stops: it waits for responses, and these have no end of their own.
pub(super) async fn end_streams(
    State(mut draining): State<watch::Receiver<bool>>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = next.run(request).await.into_parts();
    if head.headers.get(header::CONTENT_TYPE).is_none_or(|value| value != "text/event-stream") {
        return Response::from_parts(head, body);
    }
    let end = Box::pin(async move { drop(draining.wait_for(|draining| *draining).await) });
    Response::from_parts(head, Body::from_stream(body.into_data_stream().take_until(end)))
}
