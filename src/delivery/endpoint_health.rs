//! The health of endpoints: counts the failures in a row of each, and disables it after too many, or after too long.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::RetryDecision;
use crate::provider::DeliveryPolicy;

/// The health of every endpoint that was attempted.
#[derive(Debug, Default)]
pub(super) struct EndpointHealth(HashMap<Rc<str>, HealthState>);

#[derive(Clone, Copy, Debug, Default)]
struct HealthState {
    failures: u32,
    /// Time of the first failure in a row.
    failing_since: Option<Duration>,
    disabled: bool,
}

/// The reason why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisableReason {
    /// It responded that it is gone.
    Gone,
    /// Too many failures in a row.
    Failures,
    /// Failures in a row for too long; this is the provider's limit.
    Time(Duration),
}

/// An endpoint was disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointDisabled {
    /// The number of failures in a row.
    pub failures: u32,
    /// The reason.
    pub reason: DisableReason,
}

impl EndpointHealth {
    /// True if the endpoint is disabled.
    pub(super) fn is_disabled(&self, endpoint: &str) -> bool {
        self.0.get(endpoint).is_some_and(|health| health.disabled)
    }

    /// Counts an attempt that ended at `now`, in provider time. If it disables the endpoint, returns the reason.
    pub(super) fn record_attempt(
        &mut self,
        endpoint: &Rc<str>,
        policy: &DeliveryPolicy,
        decision: RetryDecision,
        now: Duration,
    ) -> Option<EndpointDisabled> {
        let health = self.0.entry(Rc::clone(endpoint)).or_default();
        if decision == RetryDecision::Delivered {
            (health.failures, health.failing_since) = (0, None);
            return None;
        }
        health.failures += 1;
        let failing_for = now.saturating_sub(*health.failing_since.get_or_insert(now));
        let limit = policy.disable_after_time.map(|limit| limit.0);
        let reason = if decision == RetryDecision::Gone {
            DisableReason::Gone
        } else if policy.disable_after_failures.is_some_and(|limit| health.failures >= limit) {
            DisableReason::Failures
        } else {
            DisableReason::Time(limit.filter(|limit| failing_for >= *limit)?)
        };
        if health.disabled {
            return None;
        }
        health.disabled = true;
        Some(EndpointDisabled { failures: health.failures, reason })
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
        let mut record = |endpoint, decision| endpoints.record_attempt(endpoint, &policy, decision, Duration::ZERO);
        for decision in [
            RetryDecision::Exhausted,
            RetryDecision::Exhausted,
            RetryDecision::Delivered,
            RetryDecision::Exhausted,
            RetryDecision::Final,
        ] {
            assert_eq!(record(&a, decision), None);
            assert_eq!(record(&b, RetryDecision::Delivered), None);
        }
        let disabled = |failures, reason| Some(EndpointDisabled { failures, reason });
        assert_eq!(record(&a, RetryDecision::Exhausted), disabled(3, DisableReason::Failures));
        assert_eq!(record(&a, RetryDecision::Exhausted), None, "it is said once");
        assert_eq!(record(&b, RetryDecision::Gone), disabled(1, DisableReason::Gone));
        assert!(endpoints.is_disabled("a") && endpoints.is_disabled("b"));
    }

    #[test]
    fn an_endpoint_that_fails_for_too_long_is_disabled_and_a_success_starts_the_time_again() {
        let policy: DeliveryPolicy =
            toml::from_str("timeout = '1s'\nsuccess = '200'\nretries = []\ndisable-after-time = '2h'").unwrap();
        let a: Rc<str> = "a".into();
        let mut endpoints = EndpointHealth::default();
        let mut at =
            |minutes: u64, decision| endpoints.record_attempt(&a, &policy, decision, Duration::from_secs(60 * minutes));
        let failure = RetryDecision::Exhausted;
        assert_eq!((at(10, failure), at(129, failure)), (None, None));
        assert_eq!((at(129, RetryDecision::Delivered), at(130, failure), at(249, failure)), (None, None, None));
        let reason = DisableReason::Time(Duration::from_secs(7200));
        assert_eq!(at(250, failure), Some(EndpointDisabled { failures: 3, reason }));
    }
}
