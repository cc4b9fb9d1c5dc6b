//! The value of `--route`: another handler for some events.

use std::str::FromStr;

use crate::http::client::Endpoint;
use crate::provider::EventPattern;

/// `GLOB=/PATH` or `GLOB=URL`: the destination of events of these types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The types.
    pub types: EventPattern,
    /// The destination.
    pub to: RouteTarget,
}

/// The destination of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// Another path of the handler that `--forward-to` names.
    Path(String),
    /// Another handler.
    Endpoint(Endpoint),
}

impl RouteTarget {
    /// Returns the URL, given the handler that `--forward-to` names.
    #[must_use]
    pub fn resolve(&self, handler: &Endpoint) -> Endpoint {
        match self {
            Self::Path(path) => handler.with_target(path),
            Self::Endpoint(endpoint) => endpoint.clone(),
        }
    }
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (types, to) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: expected GLOB=/PATH"))?;
        let to =
            if to.starts_with('/') { RouteTarget::Path(to.to_owned()) } else { RouteTarget::Endpoint(to.parse()?) };
        Ok(Self { types: types.parse()?, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_on_the_same_handler_and_a_url_on_another() {
        let handler: Endpoint = "http://localhost:3000/hooks?a=1".parse().unwrap();
        for (text, expected) in [
            ("message.*=/bounces", "http://localhost:3000/bounces"),
            ("x=/a?b=c=d", "http://localhost:3000/a?b=c=d"),
            ("x=:4000/y", "http://127.0.0.1:4000/y"),
            ("x=https://example.com", "https://example.com/"),
        ] {
            let route: Route = text.parse().unwrap();
            assert_eq!(route.to.resolve(&handler).url().as_str(), expected, "{text}");
        }
        for bad in ["x", "=/x", "x=ftp://y", "x="] {
            assert!(bad.parse::<Route>().is_err(), "{bad}");
        }
    }
}
