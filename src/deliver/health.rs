//! Whether endpoints are still delivered to: each one's failures in a row are counted for itself.

use std::collections::HashMap;
use std::rc::Rc;

use super::Next;
use crate::provider::Delivery;

/// The health of every endpoint that was attempted.
#[derive(Debug, Default)]
pub(super) struct Endpoints(HashMap<Rc<str>, Health>);

#[derive(Clone, Copy, Debug, Default)]
struct Health {
    failures: u32,
    disabled: bool,
}

impl Endpoints {
    /// Whether nothing is delivered to this endpoint any more.
    pub(super) fn is_disabled(&self, endpoint: &str) -> bool {
        self.0.get(endpoint).is_some_and(|health| health.disabled)
    }

    /// Counts an attempt. Where it is the one that disables the endpoint, says after how many failures in a row.
    pub(super) fn count(&mut self, endpoint: &Rc<str>, terms: &Delivery, next: Next) -> Option<u32> {
        let health = self.0.entry(Rc::clone(endpoint)).or_default();
        if next == Next::Delivered {
            health.failures = 0;
            return None;
        }
        health.failures += 1;
        let too_many = terms.disable_after.is_some_and(|limit| health.failures >= limit);
        if health.disabled || !(too_many || next == Next::Gone) {
            return None;
        }
        health.disabled = true;
        Some(health.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_in_between_and_another_endpoint_keep_an_endpoint_enabled() {
        let terms: Delivery =
            toml::from_str("timeout = '1s'\nsuccess = '200'\nretries = []\ndisable-after = 3").unwrap();
        let (a, b): (Rc<str>, Rc<str>) = ("a".into(), "b".into());
        let mut endpoints = Endpoints::default();
        for next in [Next::GivenUp, Next::GivenUp, Next::Delivered, Next::GivenUp, Next::GivenUp] {
            assert_eq!(endpoints.count(&a, &terms, next), None);
            assert_eq!(endpoints.count(&b, &terms, Next::Delivered), None);
        }
        assert!(!endpoints.is_disabled("a"));
        assert_eq!(endpoints.count(&a, &terms, Next::GivenUp), Some(3));
        assert_eq!(endpoints.count(&a, &terms, Next::GivenUp), None, "it is said once");
        assert!(endpoints.is_disabled("a") && !endpoints.is_disabled("b"));
        assert_eq!(endpoints.count(&b, &terms, Next::Gone), Some(1));
    }
}
