//! The last changes of deliveries and webhooks, for those who follow them: what each was is in the store.

use std::collections::{BTreeSet, VecDeque};

/// Number of changes that are kept. A reader that is further behind reads everything again.
const MAX_CHANGES: usize = 4096;

/// Number of deliveries that a reader gets at once. After more, reading the newest again costs less.
const MAX_DELIVERIES: usize = 200;

/// A row that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A delivery.
    Delivery(i64),
    /// A webhook: its fields, its counters, or its end.
    Webhook(i64),
}

/// The last changes, each with a number.
#[derive(Debug)]
pub(super) struct ChangeLog {
    changes: VecDeque<Change>,
    newest: u64,
}

/// The rows that changed since a number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ChangedRows {
    pub(super) deliveries: BTreeSet<i64>,
    pub(super) webhooks: BTreeSet<i64>,
}

impl ChangeLog {
    /// Makes an empty log. Its numbers start above `start`, so that those of an earlier process are too small.
    pub(super) fn new(start: u64) -> Self {
        Self { changes: VecDeque::new(), newest: start }
    }

    /// Returns the number of the last change.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Adds a change.
    pub(super) fn push(&mut self, change: Change) {
        self.newest += 1;
        if self.changes.len() == MAX_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    /// Notes that more changed than can be said: each reader reads everything again.
    pub(super) fn push_many(&mut self) {
        self.newest += 1;
        self.changes.clear();
    }

    /// Returns what changed after a number; `None` if that is not known any more, or is too much.
    pub(super) fn since(&self, after: u64) -> Option<ChangedRows> {
        let count = usize::try_from(self.newest.checked_sub(after)?).ok()?;
        let start = self.changes.len().checked_sub(count)?;
        let mut rows = ChangedRows::default();
        for change in self.changes.range(start..) {
            match change {
                Change::Delivery(row) => rows.deliveries.insert(*row),
                Change::Webhook(row) => rows.webhooks.insert(*row),
            };
        }
        (rows.deliveries.len() <= MAX_DELIVERIES).then_some(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(deliveries: &[i64], webhooks: &[i64]) -> ChangedRows {
        let set = |rows: &[i64]| rows.iter().copied().collect();
        ChangedRows { deliveries: set(deliveries), webhooks: set(webhooks) }
    }

    #[test]
    fn a_reader_gets_each_row_that_changed_since_its_number_once() {
        let mut log = ChangeLog::new(10);
        for change in [Change::Delivery(1), Change::Webhook(7), Change::Delivery(2), Change::Delivery(1)] {
            log.push(change);
        }
        assert_eq!(log.newest(), 14);
        assert_eq!(log.since(10), Some(rows(&[1, 2], &[7])));
        assert_eq!(log.since(13), Some(rows(&[1], &[])));
        assert_eq!(log.since(14), Some(rows(&[], &[])));
        assert_eq!((log.since(9), log.since(15)), (None, None), "numbers of another process");
    }

    #[test]
    fn a_reader_that_is_far_behind_reads_everything_again() {
        let mut log = ChangeLog::new(0);
        for _ in 0..=MAX_CHANGES {
            log.push(Change::Webhook(1));
        }
        assert_eq!(log.changes.len(), MAX_CHANGES);
        assert_eq!((log.since(0), log.since(1)), (None, Some(rows(&[], &[1]))));
        for row in 0..=i64::try_from(MAX_DELIVERIES).unwrap() {
            log.push(Change::Delivery(row));
        }
        assert_eq!(log.since(log.newest() - MAX_DELIVERIES as u64 - 1), None, "too much at once");
        log.push_many();
        assert_eq!((log.since(log.newest() - 1), log.since(log.newest())), (None, Some(rows(&[], &[]))));
    }
}
