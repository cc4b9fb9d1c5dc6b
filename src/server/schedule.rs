//! The deliveries that wait, by webhook: when each webhook has something due, and how much of it is under way. The
//! deliveries themselves stay in the store, so that memory does not grow with their number.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use tokio::sync::Notify;

/// Number of attempts to one webhook that are under way at once: one that does not respond must not hold up the others.
pub(super) const MAX_IN_FLIGHT: usize = 16;

/// The schedule. Times are in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    webhooks: HashMap<i64, WebhookQueue>,
    /// The webhooks that can take another attempt, by the time at which their next delivery is due.
    ready: BTreeSet<(i64, i64)>,
    /// Notified when the next due time changes.
    changed: Rc<Notify>,
}

/// The deliveries of one webhook.
#[derive(Clone, Copy, Debug, Default)]
struct WebhookQueue {
    /// Attempts that are under way.
    in_flight: usize,
    /// Due time of the first delivery that waits.
    next_due: Option<i64>,
}

impl WebhookQueue {
    /// Returns the time at which it can take another attempt.
    fn ready_at(self) -> Option<i64> {
        self.next_due.filter(|_| self.in_flight < MAX_IN_FLIGHT)
    }
}

impl Schedule {
    /// Returns what is notified when the next due time changes.
    pub(super) fn changed(&self) -> Rc<Notify> {
        Rc::clone(&self.changed)
    }

    /// Adds a delivery that is due at this time.
    pub(super) fn add(&mut self, webhook: i64, due: i64) {
        self.update(webhook, |queue| queue.next_due = Some(queue.next_due.map_or(due, |next| next.min(due))));
    }

    /// Sets the due time of the first delivery of a webhook that waits.
    pub(super) fn set_next(&mut self, webhook: i64, next_due: Option<i64>) {
        self.update(webhook, |queue| queue.next_due = next_due);
    }

    /// Counts an attempt that starts.
    pub(super) fn start(&mut self, webhook: i64) {
        self.update(webhook, |queue| queue.in_flight += 1);
    }

    /// Counts an attempt that ended.
    pub(super) fn end(&mut self, webhook: i64) {
        self.update(webhook, |queue| queue.in_flight = queue.in_flight.saturating_sub(1));
    }

    /// Returns the webhook with the delivery that is due first, if it is due by `now`, and the number of attempts that
    /// it can take.
    pub(super) fn due(&self, now: i64) -> Option<(i64, usize)> {
        let (due, webhook) = *self.ready.first()?;
        let in_flight = self.webhooks.get(&webhook).map_or(0, |queue| queue.in_flight);
        (due <= now).then(|| (webhook, MAX_IN_FLIGHT.saturating_sub(in_flight)))
    }

    /// Returns the time at which the next delivery is due.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.ready.first().map(|(due, _)| *due)
    }

    fn update(&mut self, webhook: i64, change: impl FnOnce(&mut WebhookQueue)) {
        let first = self.next_due();
        let queue = self.webhooks.entry(webhook).or_default();
        let before = queue.ready_at();
        change(queue);
        let after = queue.ready_at();
        if queue.in_flight == 0 && queue.next_due.is_none() {
            self.webhooks.remove(&webhook);
        }
        if before != after {
            before.map(|due| self.ready.remove(&(due, webhook)));
            after.map(|due| self.ready.insert((due, webhook)));
        }
        if self.next_due() != first {
            self.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_a_busy_webhook_waits() {
        let mut schedule = Schedule::default();
        schedule.add(1, 20);
        schedule.add(2, 10);
        schedule.add(1, 30);
        assert_eq!((schedule.due(9), schedule.due(15), schedule.next_due()), (None, Some((2, 16)), Some(10)));
        schedule.set_next(2, None);
        assert_eq!(schedule.due(25), Some((1, 16)));
        for _ in 0..MAX_IN_FLIGHT {
            schedule.start(1);
        }
        assert_eq!((schedule.due(99), schedule.next_due()), (None, None), "it takes no more");
        schedule.end(1);
        assert_eq!(schedule.due(99), Some((1, 1)));
    }

    #[test]
    fn a_webhook_with_nothing_left_is_forgotten() {
        let mut schedule = Schedule::default();
        schedule.add(1, 20);
        schedule.start(1);
        schedule.set_next(1, None);
        schedule.end(1);
        assert!(schedule.webhooks.is_empty() && schedule.ready.is_empty());
    }
}
