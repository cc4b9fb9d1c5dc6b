//! Limits on the work of diagnosing invalid requests.

use std::cell::Cell;

/// Limits on the work of diagnosing invalid requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagnosisBudget {
    /// The largest body that is diagnosed, in bytes.
    pub max_body: usize,
    /// The number of requests that are diagnosed within one second; further ones are only rejected.
    pub per_second: u32,
}

impl DiagnosisBudget {
    /// No limits.
    pub const UNLIMITED: Self = Self { max_body: usize::MAX, per_second: u32::MAX };
    /// No diagnosis.
    pub const OFF: Self = Self { max_body: 0, per_second: 0 };
    /// So little that a flood of bad requests cannot slow a receiver: some milliseconds a second.
    pub const RECEIVER: Self = Self { max_body: 16 << 10, per_second: 20 };
}

/// A budget, and the part of it that is used.
#[derive(Debug)]
pub(super) struct BudgetMeter {
    pub(super) budget: DiagnosisBudget,
    /// The second in which requests were last diagnosed, and how many.
    used: Cell<(i64, u32)>,
}

impl BudgetMeter {
    pub(super) fn new(budget: DiagnosisBudget) -> Self {
        Self { budget, used: Cell::new((0, 0)) }
    }

    /// Returns whether one more request, with a body of `size` bytes, may be diagnosed at the time `now`.
    pub(super) fn try_spend(&self, size: usize, now: i64) -> bool {
        let (second, count) = self.used.get();
        let count = if second == now { count } else { 0 };
        self.used.set((now, count.saturating_add(1)));
        size <= self.budget.max_body && count < self.budget.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_limits_the_size_and_the_number_in_a_second() {
        let meter = BudgetMeter::new(DiagnosisBudget { max_body: 10, per_second: 2 });
        assert!(meter.try_spend(10, 7));
        assert!(!meter.try_spend(11, 7));
        assert!(!meter.try_spend(1, 7), "two requests were counted in this second");
        assert!(meter.try_spend(1, 8), "the next second has a budget of its own");
    }

    #[test]
    fn a_budget_can_be_without_limits_or_off() {
        assert!(BudgetMeter::new(DiagnosisBudget::UNLIMITED).try_spend(usize::MAX, 0));
        assert!(!BudgetMeter::new(DiagnosisBudget::OFF).try_spend(0, 0));
    }
}
