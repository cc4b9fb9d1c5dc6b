//! The sums of a run of `send` or `replay`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::delivery::{CompletedAttempt, RetryDecision};
use crate::http::client::AttemptError;

/// The response of a handler to a request that it should reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultOutcome {
    /// 4xx, as it should be.
    Rejected,
    /// 2xx: it does not check what is wrong.
    Accepted,
    /// Anything else, or no response.
    Crashed,
}

impl FaultOutcome {
    /// The outcome of an attempt.
    pub(super) fn of(made: &CompletedAttempt<'_>) -> Self {
        match made.outcome.response.as_ref().map(|answer| answer.status) {
            Ok(400..=499) => Self::Rejected,
            Ok(200..=299) => Self::Accepted,
            _ => Self::Crashed,
        }
    }

    /// The name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Accepted => "accepted",
            Self::Crashed => "crashed",
        }
    }
}

/// The sums of everything that was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) held_back: u64,
    pub(super) attempts: u64,
    pub(super) rejected: u64,
    pub(super) accepted: u64,
    pub(super) crashed: u64,
    pub(super) skipped: u64,
    /// Whether any attempt reached the handler.
    reached: bool,
    /// The failure of the first attempt that did not.
    unreached: Option<AttemptError>,
    pub(super) durations: Durations,
}

impl Tally {
    /// The number of deliveries that came to an end.
    pub(super) fn ended(&self) -> u64 {
        self.delivered + self.failed + self.rejected + self.accepted + self.crashed
    }

    /// Whether any attempt reached the handler.
    pub(super) fn reached(&self) -> bool {
        self.reached
    }

    /// The failure of the first attempt, if none reached the handler.
    pub(super) fn never_reached(&self) -> Option<&AttemptError> {
        self.unreached.as_ref().filter(|_| !self.reached)
    }

    /// Counts an attempt, and the end of its delivery if it was the last.
    pub(super) fn count(&mut self, made: &CompletedAttempt<'_>, with_fault: bool) {
        self.attempts += 1;
        match &made.outcome.response {
            Err(failure) if failure.is_unreachable() => {
                self.unreached.get_or_insert_with(|| failure.clone());
            }
            _ => self.reached = true,
        }
        self.durations.add(made.outcome.duration);
        let counted = match (made.decision, with_fault) {
            (RetryDecision::Retry(_), _) => return,
            (_, true) => match FaultOutcome::of(made) {
                FaultOutcome::Rejected => &mut self.rejected,
                FaultOutcome::Accepted => &mut self.accepted,
                FaultOutcome::Crashed => &mut self.crashed,
            },
            (RetryDecision::Delivered, false) => &mut self.delivered,
            (RetryDecision::Exhausted | RetryDecision::Gone, false) => &mut self.failed,
        };
        *counted += 1;
    }
}

/// The number of times each duration was measured, rounded to three significant digits: some thousand numbers at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Durations(BTreeMap<u64, u64>);

impl Durations {
    pub(super) fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let scale = 10_u64.pow(micros.checked_ilog10().unwrap_or(0).saturating_sub(2));
        *self.0.entry(micros.saturating_add(scale / 2) / scale * scale).or_default() += 1;
    }

    /// The nearest rank: the smallest of them that at least this share, in percent, does not exceed; in milliseconds.
    pub(super) fn rank(&self, share: u64) -> Option<f64> {
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
        let mut durations = Durations::default();
        assert_eq!(durations.rank(50), None);
        for micros in 1..=1000 {
            durations.add(Duration::from_micros(micros * 1000 + 4));
        }
        assert_eq!(durations.rank(50), Some(500.0));
        assert_eq!(durations.rank(99), Some(990.0));
        assert_eq!(durations.rank(100), Some(1000.0));
        durations.add(Duration::from_micros(12_345));
        assert!(durations.0.contains_key(&12_300));
    }
}
