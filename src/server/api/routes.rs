//! The routes of an API, which are also listed: in the response to an unknown path, and for the description of the API.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, on};

use super::Api;

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Route {
    /// The method.
    pub(super) method: Method,
    /// The path below the base of its API, with parameters in braces.
    pub(super) path: &'static str,
}

/// The routes of an API, with their handlers.
#[derive(Default)]
pub(in crate::server) struct Routes {
    router: Router<Api>,
    list: Vec<Route>,
}

impl Routes {
    /// Adds a route. Its path starts below the base of the API.
    #[must_use]
    pub(super) fn on<H: Handler<T, Api>, T: 'static>(mut self, method: Method, path: &'static str, handler: H) -> Self {
        let filter = MethodFilter::try_from(method.clone()).expect("it is a method of HTTP");
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path });
        self
    }

    /// Returns the router and the list.
    pub(super) fn into_parts(self) -> (Router<Api>, Vec<Route>) {
        (self.router, self.list)
    }
}
