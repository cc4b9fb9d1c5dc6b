//! Deliveries from the store to the engine of `whk replay`, and their outcomes back into the store.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::ServerEvent;
use super::changes::Change;
use super::engine::Engine;
use super::model::{DeliveryState, DueDelivery, MadeAttempt};
use super::schedule::MAX_IN_FLIGHT;
use super::target::Target;
use crate::clock::Clock;
use crate::delivery::{
    Attempt, CompletedAttempt, DeliveryObserver, DeliverySource, DisableReason, EndpointDisabled, NewDelivery,
    NextDelivery, RetryDecision, TimeScale,
};
use crate::error::Result;
use crate::http::client::OutgoingRequest;

/// Number of bytes of a response that are kept.
const KEPT_RESPONSE: usize = 4096;

/// The deliveries of the store.
pub(super) struct StoreSource {
    pub(super) engine: Rc<RefCell<Engine>>,
}

/// A delivery that is under way.
pub(super) struct StoredDelivery {
    due: DueDelivery,
    target: Rc<Target>,
    /// Time of the attempt.
    at: Timestamp,
}

impl DeliverySource for StoreSource {
    type Delivery = StoredDelivery;
    type Notice = Infallible;

    const KEEPS_RETRIES: bool = true;

    fn next(&mut self) -> Result<NextDelivery<StoredDelivery, Infallible>> {
        let Some((due, target)) = self.engine.borrow_mut().next_delivery()? else { return Ok(NextDelivery::Pending) };
        Ok(NextDelivery::Ready(NewDelivery {
            number: due.row.unsigned_abs(),
            policy: Rc::clone(&target.provider.policy),
            // The failures of each webhook are counted in the store.
            endpoint: Rc::from(""),
            due: Duration::ZERO,
            attempts_made: due.attempts,
            possibly_received: due.possibly_received,
            wait: Duration::from_millis(due.wait_ms),
            last_failure: None,
            delivery: StoredDelivery { due, target, at: Timestamp::UNIX_EPOCH },
        }))
    }

    fn build_request(&mut self, delivery: &mut StoredDelivery, attempt: &Attempt) -> Result<OutgoingRequest> {
        let StoredDelivery { due, target, at } = delivery;
        // What is signed is always the real time: a handler compares it with its own clock.
        *at = Clock::System.now();
        due.message.sign(&target.provider.data, &target.keyring, &target.endpoint, (*at, attempt.number))
    }
}

impl Engine {
    /// Returns the next delivery that is due, with its target.
    fn next_delivery(&mut self) -> Result<Option<(DueDelivery, Rc<Target>)>> {
        loop {
            while let Some(due) = self.loaded.pop_front() {
                if let Some(target) = self.target(due.webhook)? {
                    return Ok(Some((due, target)));
                }
                // Its webhook was disabled or deleted in the meantime.
                self.schedule.end(due.webhook);
                self.store.skip_delivery(due.row)?;
                self.changes.push(Change::Delivery(due.row));
            }
            let now = self.real_millis();
            let Some((webhook, room)) = self.schedule.due(now) else { return Ok(None) };
            self.load(webhook, now, room)?;
        }
    }

    /// Loads what is due of a webhook, at most `room` deliveries.
    fn load(&mut self, webhook: i64, now: i64, room: usize) -> Result {
        let found = self.store.due(webhook, now, room.min(MAX_IN_FLIGHT))?;
        for due in &found {
            self.store.start_attempt(due.row)?;
            self.changes.push(Change::Delivery(due.row));
            self.schedule.start(webhook);
        }
        let next_due = self.store.next_due(webhook)?;
        self.schedule.set_next(webhook, next_due);
        self.loaded.extend(found);
        Ok(())
    }

    /// Keeps the outcome of an attempt; returns the number of failures in a row if it disables the webhook.
    fn end_attempt(&mut self, delivery: &StoredDelivery, made: &CompletedAttempt<'_>) -> Result<Option<u32>> {
        let (row, now) = (delivery.due.webhook, self.now());
        self.schedule.end(row);
        let enabled = self.webhooks.get(row).is_some_and(|webhook| webhook.fields.enabled);
        let (mut state, mut wait) = match made.decision {
            RetryDecision::Delivered => (DeliveryState::Delivered, None),
            RetryDecision::Retry(wait) => (DeliveryState::Pending, Some(wait)),
            RetryDecision::Exhausted | RetryDecision::Final | RetryDecision::Gone => (DeliveryState::Failed, None),
        };
        let disabled = self.count(row, made.decision == RetryDecision::Delivered, now);
        if state == DeliveryState::Pending && (disabled.is_some() || !enabled) {
            (state, wait) = (DeliveryState::Skipped, None);
        }
        let next_at = wait.map(|wait| self.real_millis().saturating_add(millis(self.scaled(wait))));
        let response = made.outcome.response.as_ref();
        let kept = response.ok().map(|response| &response.body[..response.body.len().min(KEPT_RESPONSE)]);
        let text = |value: &Bytes| String::from_utf8_lossy(value).into_owned();
        self.newest_attempt = self.store.end_attempt(&MadeAttempt {
            delivery: delivery.due.row,
            webhook: row,
            number: made.attempt.number,
            at: delivery.at,
            ended_at: now,
            state,
            status: response.ok().map(|response| response.status),
            error: response.err().map(|error| error.message.as_str()),
            duration_us: u64::try_from(made.outcome.duration.as_micros()).unwrap_or(u64::MAX),
            next_at,
            wait_ms: wait.map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            headers: made.request.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            response: kept.filter(|body| !body.is_empty()),
        })?;
        self.changes.push(Change::Delivery(delivery.due.row));
        self.changes.push(Change::Webhook(row));
        if let Some(due) = next_at {
            self.schedule.add(row, due);
        }
        if disabled.is_some() {
            self.disable(row)?;
        }
        Ok(disabled)
    }

    /// Counts an attempt; returns the number of failures in a row if it disables the webhook.
    fn count(&mut self, row: i64, delivered: bool, now: Timestamp) -> Option<u32> {
        let webhook = self.webhooks.get_mut(row)?;
        self.counted.insert(row);
        let counters = &mut webhook.counters;
        counters.last_attempt_at = Some(now);
        if delivered {
            (counters.successes, counters.failures_in_a_row) = (counters.successes + 1, 0);
            counters.last_success_at = Some(now);
            return None;
        }
        (counters.failures, counters.failures_in_a_row) = (counters.failures + 1, counters.failures_in_a_row + 1);
        counters.last_failure_at = Some(now);
        let limit = self.providers.get(&webhook.fields.provider)?.disable_after?;
        let failures = counters.failures_in_a_row;
        (webhook.fields.enabled && failures >= limit).then(|| u32::try_from(failures).unwrap_or(u32::MAX))
    }

    /// Disables a webhook, and skips what waits for it.
    fn disable(&mut self, row: i64) -> Result {
        let Some(webhook) = self.webhooks.get(row) else { return Ok(()) };
        let fields = super::model::WebhookFields { enabled: false, ..webhook.fields.clone() };
        self.update_webhook(row, fields).map(drop)
    }

    /// Returns the real time of a provider's wait.
    pub(super) fn scaled(&self, wait: Duration) -> Duration {
        match self.speed {
            TimeScale::Times(times) => Duration::try_from_secs_f64(wait.as_secs_f64() / times).unwrap_or(Duration::MAX),
            TimeScale::Max => Duration::ZERO,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Keeps the outcomes of attempts, and reports them.
pub(super) struct StoreObserver<F> {
    pub(super) engine: Rc<RefCell<Engine>>,
    pub(super) on_event: F,
}

impl<F: FnMut(ServerEvent<'_>) -> Result> DeliveryObserver<StoreSource> for StoreObserver<F> {
    fn on_notice(&mut self, notice: Infallible) -> Result {
        match notice {}
    }

    fn on_attempt(&mut self, delivery: &StoredDelivery, made: &CompletedAttempt<'_>) -> Result {
        let disabled = self.engine.borrow_mut().end_attempt(delivery, made)?;
        let StoredDelivery { due, target, at } = delivery;
        (self.on_event)(ServerEvent::Attempt {
            webhook_id: &target.webhook_id,
            url: &target.url,
            event_type: &due.message.event_type,
            event_id: &due.message.event_id,
            at: *at,
            made,
            max_attempts: target.provider.policy.retries.len() + 1,
        })?;
        let Some(failures) = disabled else { return Ok(()) };
        (self.on_event)(ServerEvent::Disabled {
            webhook_id: &target.webhook_id,
            url: &target.url,
            disabled: EndpointDisabled { failures, reason: DisableReason::Failures },
            notice: target.provider.disabled_notice(&target.url),
        })
    }

    fn on_endpoint_disabled(&mut self, _: &str, _: EndpointDisabled) -> Result {
        Ok(())
    }

    fn on_skipped(&mut self, _: &StoredDelivery) -> Result {
        Ok(())
    }

    fn flush(&mut self) -> Result {
        self.engine.borrow_mut().commit()?;
        (self.on_event)(ServerEvent::Flush)
    }
}
