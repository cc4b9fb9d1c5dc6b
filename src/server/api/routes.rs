//! The routes of an API, which are also listed: in the response to an unknown path, and for the description of the API.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Route {
    /// The method.
    pub(super) method: Method,
    /// The path below the base of its API, with parameters in braces.
    pub(super) path: &'static str,
}

/// The routes of an API, with their handlers and the type of their state.
pub(in crate::server) struct Routes<S = super::Api> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Adds a route. Its path starts below the base of the API.
    #[must_use]
    pub(super) fn on<H: Handler<T, S>, T: 'static>(mut self, method: Method, path: &'static str, handler: H) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("it is a method of HTTP");
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path });
        self
    }

    /// Returns the router and the list.
    pub(super) fn into_parts(self) -> (Router<S>, Vec<Route>) {
        (self.router, self.list)
    }

    /// Returns each method with its whole path, below the base of the API.
    pub(super) fn paths(self, base: &str) -> Vec<(Method, String)> {
        self.list.into_iter().map(|route| (route.method, format!("{base}{}", route.path))).collect()
    }
}
