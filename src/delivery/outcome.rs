//! The counts of a run, and the outcome of requests that should be rejected.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CompletedAttempt, RetryDecision};
use crate::http::client::AttemptError;

/// The response of a handler to a request that it should reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// 4xx, as it should be.
    Rejected,
    /// 2xx: it does not check what is wrong.
    Accepted,
    /// Anything else, or no response.
    Crashed,
}

impl FaultOutcome {
    /// Returns the outcome of an attempt.
    #[must_use]
    pub fn from_attempt(made: &CompletedAttempt<'_>) -> Self {
        match made.outcome.response.as_ref().map(|answer| answer.status) {
            Ok(400..=499) => Self::Rejected,
            Ok(200..=299) => Self::Accepted,
            _ => Self::Crashed,
        }
    }

    /// Returns the name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Crashed => "crashed",
        }
    }
}

/// The counts of everything that was sent.
#[derive(Clone, Debug, Default)]
pub struct DeliveryStats {
    /// Deliveries that were accepted.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub failed: u64,
    /// Deliveries that were not made because the endpoint is disabled.
    pub held_back: u64,
    /// Attempts.
    pub attempts: u64,
    /// Requests with a mutation that were rejected, as they should be.
    pub rejected: u64,
    /// Requests with a mutation that were accepted.
    pub accepted: u64,
    /// Requests with a mutation that had another response, or none.
    pub crashed: u64,
    /// Mutations that were not sent.
    pub skipped: u64,
    /// True if any attempt reached the handler.
    reached: bool,
    /// The failure of the first attempt that did not.
    unreached: Option<AttemptError>,
    /// The durations of attempts.
    pub latencies: LatencyHistogram,
}

impl DeliveryStats {
    /// Returns the number of deliveries that came to an end.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.delivered + self.failed + self.rejected + self.accepted + self.crashed
    }

    /// Returns whether any attempt reached the handler.
    #[must_use]
    pub fn reached(&self) -> bool {
        self.reached
    }

    /// Returns the failure of the first attempt, if none reached the handler.
    #[must_use]
    pub fn never_reached(&self) -> Option<&AttemptError> {
        self.unreached.as_ref().filter(|_| !self.reached)
    }

    /// Counts an attempt, and the end of its delivery if it was the last.
    pub fn count(&mut self, made: &CompletedAttempt<'_>, with_fault: bool) {
        self.attempts += 1;
        match &made.outcome.response {
            Err(failure) if failure.is_unreachable() => {
                self.unreached.get_or_insert_with(|| failure.clone());
            }
            _ => self.reached = true,
        }
        self.latencies.add(made.outcome.duration);
        let counted = match (made.decision, with_fault) {
            (RetryDecision::Retry(_), _) => return,
            (_, true) => match FaultOutcome::from_attempt(made) {
                FaultOutcome::Rejected => &mut self.rejected,
                FaultOutcome::Accepted => &mut self.accepted,
                FaultOutcome::Crashed => &mut self.crashed,
            },
            (RetryDecision::Delivered, false) => &mut self.delivered,
            (RetryDecision::Exhausted | RetryDecision::Final | RetryDecision::Gone, false) => &mut self.failed,
        };
        *counted += 1;
    }
}

/// The number of times each duration was measured, rounded to three significant digits: some thousand numbers at most.
#[derive(Clone, Debug, Default)]
pub struct LatencyHistogram(BTreeMap<u64, u64>);

impl LatencyHistogram {
    /// Counts a duration.
    pub fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let scale = 10_u64.pow(micros.checked_ilog10().unwrap_or(0).saturating_sub(2));
        *self.0.entry(micros.saturating_add(scale / 2) / scale * scale).or_default() += 1;
    }

    /// Returns the nearest rank in milliseconds: the smallest duration that at least this share, in percent, does not
    /// exceed.
    #[must_use]
    pub fn percentile(&self, share: u64) -> Option<f64> {
        let count: u64 = self.0.values().sum();
        let wanted = (count * share).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.0.iter().find(|(_, times)| {
            seen += *times;
            seen >= wanted
        });
        #[expect(clippy::cast_precision_loss, reason = "three digits are significant")]
        found.map(|(micros, _)| *micros as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_values_that_were_measured_to_three_digits() {
        let mut latencies = LatencyHistogram::default();
        assert_eq!(latencies.percentile(50), None);
        for micros in 1..=1000 {
            latencies.add(Duration::from_micros(micros * 1000 + 4));
        }
        assert_eq!(latencies.percentile(50), Some(500.0));
        assert_eq!(latencies.percentile(99), Some(990.0));
        assert_eq!(latencies.percentile(100), Some(1000.0));
        latencies.add(Duration::from_micros(12_345));
        assert!(latencies.0.contains_key(&12_300));
    }
}
