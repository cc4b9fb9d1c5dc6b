//! The health of endpoints: counts the failures in a row of each, and disables it after too many.

use std::collections::HashMap;
use std::rc::Rc;

use super::RetryDecision;
use crate::provider::DeliveryPolicy;

/// The health of every endpoint that was attempted.
#[derive(Debug, Default)]
pub(super) struct EndpointHealth(HashMap<Rc<str>, HealthState>);

#[derive(Clone, Copy, Debug, Default)]
struct HealthState {
    failures: u32,
    disabled: bool,
}

impl EndpointHealth {
    /// True if the endpoint is disabled.
    pub(super) fn is_disabled(&self, endpoint: &str) -> bool {
        self.0.get(endpoint).is_some_and(|health| health.disabled)
    }

    /// Counts an attempt. If it disables the endpoint, returns the number of failures in a row.
    pub(super) fn record_attempt(
        &mut self,
        endpoint: &Rc<str>,
        policy: &DeliveryPolicy,
        decision: RetryDecision,
    ) -> Option<u32> {
        let health = self.0.entry(Rc::clone(endpoint)).or_default();
        if decision == RetryDecision::Delivered {
            health.failures = 0;
            return None;
        }
        health.failures += 1;
        let too_many = policy.disable_after_failures.is_some_and(|limit| health.failures >= limit);
        if health.disabled || !(too_many || decision == RetryDecision::Gone) {
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
        let policy: DeliveryPolicy =
            toml::from_str("timeout = '1s'\nsuccess = '200'\nretries = []\ndisable-after = 3").unwrap();
        let (a, b): (Rc<str>, Rc<str>) = ("a".into(), "b".into());
        let mut endpoints = EndpointHealth::default();
        for decision in [
            RetryDecision::Exhausted,
            RetryDecision::Exhausted,
            RetryDecision::Delivered,
            RetryDecision::Exhausted,
            RetryDecision::Exhausted,
        ] {
            assert_eq!(endpoints.record_attempt(&a, &policy, decision), None);
            assert_eq!(endpoints.record_attempt(&b, &policy, RetryDecision::Delivered), None);
        }
        assert!(!endpoints.is_disabled("a"));
        assert_eq!(endpoints.record_attempt(&a, &policy, RetryDecision::Exhausted), Some(3));
        assert_eq!(endpoints.record_attempt(&a, &policy, RetryDecision::Exhausted), None, "it is said once");
        assert!(endpoints.is_disabled("a") && !endpoints.is_disabled("b"));
        assert_eq!(endpoints.record_attempt(&b, &policy, RetryDecision::Gone), Some(1));
    }
}
