//! The bound of the store: the newest deliveries stay as the log, older ones that have ended are removed. What waits is
//! never removed.

use super::Store;
use crate::error::Result;

/// Number of deliveries that a file keeps: some hundred megabytes at most with the usual bodies.
pub(super) const KEPT_IN_FILE: i64 = 100_000;

/// Number of deliveries that are kept in memory.
pub(super) const KEPT_IN_MEMORY: i64 = 10_000;

/// Number of new deliveries after which older ones are removed.
const INTERVAL: i64 = 256;

impl Store {
    /// Removes what is too old, now and then; `newest` is the row of the newest delivery.
    pub(super) fn remove_old(&mut self, newest: i64) -> Result {
        if newest % INTERVAL != 0 || newest <= self.kept {
            return Ok(());
        }
        let last = newest - self.kept;
        self.execute(
            "DELETE FROM attempt WHERE delivery IN (SELECT row FROM delivery WHERE row <= ?1 AND state >= 2)",
            [last],
        )?;
        // A message can go to several webhooks, and be sent again.
        self.execute(
            "DELETE FROM message
            WHERE row IN (SELECT message FROM delivery WHERE row <= ?1 AND state >= 2)
                AND NOT EXISTS (
                    SELECT 1 FROM delivery
                    WHERE delivery.message = message.row AND (delivery.row > ?1 OR delivery.state < 2)
                )",
            [last],
        )?;
        self.execute("DELETE FROM delivery WHERE row <= ?1 AND state >= 2", [last]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::sender::EventMessage;
    use crate::server::model::{DeliveryState, MadeAttempt};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn add(store: &mut Store, message: Option<i64>) -> (i64, i64) {
        let new = EventMessage {
            event_type: "opened".to_owned(),
            event_id: "evt_1".to_owned(),
            headers: Vec::new(),
            body: Bytes::from_static(b"{}"),
            delay: Duration::ZERO,
        };
        let message = message.unwrap_or_else(|| store.add_message("selfmx", &new, NOW).unwrap());
        (store.add_delivery(1, message, None, 0, NOW).unwrap(), message)
    }

    fn end(store: &mut Store, delivery: i64) {
        let made = MadeAttempt {
            delivery,
            webhook: 1,
            number: 1,
            at: NOW,
            ended_at: NOW,
            state: DeliveryState::Delivered,
            status: Some(200),
            error: None,
            duration_us: 1,
            next_at: None,
            wait_ms: 0,
            headers: Vec::new(),
            response: None,
        };
        store.end_attempt(&made).unwrap();
    }

    fn count(store: &Store, table: &str) -> i64 {
        store.query_one(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap().unwrap()
    }

    #[test]
    fn the_log_stays_within_its_bound_and_what_waits_stays() {
        let mut store = Store::in_memory().unwrap();
        store.kept = 1000;
        let (waiting, _) = add(&mut store, None);
        let (first, _) = add(&mut store, None);
        end(&mut store, first);
        for _ in 0..5000 {
            let (delivery, _) = add(&mut store, None);
            end(&mut store, delivery);
            assert!(count(&store, "delivery") <= 1000 + INTERVAL + 1);
        }
        for table in ["delivery", "attempt", "message"] {
            let rows = count(&store, table);
            assert!((1000..=1000 + INTERVAL + 1).contains(&rows), "{table}: {rows}");
        }
        assert_eq!(store.waiting_for(1).unwrap().count, 1);
        assert!(store.delivery_body(waiting).unwrap().is_some());
        assert!(store.delivery(first).unwrap().is_none());
    }

    #[test]
    fn a_message_stays_while_a_delivery_needs_it() {
        let mut store = Store::in_memory().unwrap();
        store.kept = 10;
        let (old, message) = add(&mut store, None);
        let (pending, _) = add(&mut store, Some(message));
        end(&mut store, old);
        for _ in 0..2 * INTERVAL {
            let (delivery, _) = add(&mut store, None);
            end(&mut store, delivery);
        }
        assert!(store.delivery(old).unwrap().is_none());
        assert!(store.delivery_body(pending).unwrap().is_some(), "the other delivery of the message waits");
    }
}
