//! What the server's own API and its page show: webhooks with what waits for them, deliveries with their attempts.

use bytes::Bytes;
use jiff::Timestamp;

use super::engine::Engine;
use super::model::{DeliveryEntry, Webhook};
use crate::error::Result;

/// A delivery of any webhook.
#[derive(Clone, Debug)]
pub(super) struct DeliveryRow {
    /// What the logs show of it.
    pub(super) entry: DeliveryEntry,
    /// The row of its webhook.
    pub(super) webhook: i64,
    /// Name of its provider.
    pub(super) provider: String,
    /// Id of its event.
    pub(super) event_id: String,
    /// The provider's wait before the next attempt, in milliseconds.
    pub(super) wait_ms: u64,
    /// Time at which the next attempt is due, in milliseconds since 1970; only if it waits.
    pub(super) due_at: i64,
}

/// A delivery with what is known of its webhook now.
#[derive(Clone, Debug)]
pub(super) struct DeliveryOverview {
    /// The delivery.
    pub(super) delivery: DeliveryRow,
    /// The id and the URL of its webhook; `None` if it was deleted.
    pub(super) webhook: Option<(String, String)>,
    /// The most attempts that its provider makes; `None` if the provider is not served.
    pub(super) max_attempts: Option<usize>,
}

/// An attempt that was made, with what was sent and received.
#[derive(Clone, Debug)]
pub(super) struct PastAttempt {
    /// Its row in the store.
    pub(super) row: i64,
    /// Its number within the delivery, from 1.
    pub(super) number: u32,
    /// Time at which it started.
    pub(super) at: Timestamp,
    /// True if the handler accepted it.
    pub(super) succeeded: bool,
    /// Status of the response; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The reason why there was no response.
    pub(super) error: Option<String>,
    /// Its duration in microseconds.
    pub(super) duration_us: u64,
    /// Time at which the next one was due then, if there was to be one.
    pub(super) next_at: Option<Timestamp>,
    /// The headers that were sent.
    pub(super) headers: Vec<(String, String)>,
    /// The first bytes of the response's body.
    pub(super) response: Vec<u8>,
}

/// A delivery in full.
#[derive(Clone, Debug)]
pub(super) struct DeliveryDetail {
    /// The delivery.
    pub(super) overview: DeliveryOverview,
    /// The body that is sent.
    pub(super) body: Bytes,
    /// The attempts so far.
    pub(super) attempts: Vec<PastAttempt>,
}

/// The deliveries that wait for a webhook.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WaitingDeliveries {
    /// Their number.
    pub(super) count: u64,
    /// Time at which the first one is due, in milliseconds since 1970.
    pub(super) first_due: Option<i64>,
}

/// A webhook with what waits for it.
#[derive(Clone, Debug)]
pub(super) struct WebhookOverview {
    /// The webhook.
    pub(super) webhook: Webhook,
    /// What waits for it.
    pub(super) waiting: WaitingDeliveries,
    /// The notice that its provider sends, if the provider disabled it.
    pub(super) disabled_notice: Option<String>,
}

/// What changed since a number.
#[derive(Debug)]
pub(super) struct Changes {
    /// The number of the last change.
    pub(super) newest: u64,
    /// What changed; `None` if that is too much, or not known any more.
    pub(super) changed: Option<Changed>,
}

/// Webhooks and deliveries as they are now.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) deliveries: Vec<DeliveryOverview>,
    pub(super) webhooks: Vec<WebhookOverview>,
    /// The rows of webhooks that were deleted.
    pub(super) deleted: Vec<i64>,
}

impl Engine {
    /// Returns the newest webhooks before a row, at most `limit`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn newest_webhooks(&self, before: i64, limit: usize) -> Result<Vec<WebhookOverview>> {
        let waiting = self.store.waiting_for_each()?;
        let webhooks = self.webhooks.iter().rev().filter(|webhook| webhook.row < before).take(limit);
        let overview =
            |webhook: &Webhook| self.webhook_overview(webhook, waiting.get(&webhook.row).copied().unwrap_or_default());
        Ok(webhooks.map(overview).collect())
    }

    /// Returns the webhook with this id, whatever its provider and its account.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn any_webhook(&self, id: &str) -> Result<Option<WebhookOverview>> {
        self.webhooks.find_by_id(id).map(|webhook| self.read_webhook_overview(webhook)).transpose()
    }

    fn read_webhook_overview(&self, webhook: &Webhook) -> Result<WebhookOverview> {
        Ok(self.webhook_overview(webhook, self.store.waiting_for(webhook.row)?))
    }

    fn webhook_overview(&self, webhook: &Webhook, waiting: WaitingDeliveries) -> WebhookOverview {
        let provider = self.providers.get(&webhook.fields.provider);
        // One that was disabled by hand has fewer failures, and one that is enabled again starts to count again.
        let by_provider = |limit| !webhook.fields.enabled && webhook.counters.failures_in_a_row >= limit;
        let disabled = provider.filter(|provider| provider.disable_after.is_some_and(by_provider));
        WebhookOverview {
            waiting,
            disabled_notice: disabled.and_then(|provider| provider.disabled_notice(&webhook.fields.url)),
            webhook: webhook.clone(),
        }
    }

    /// Returns the newest deliveries before a row, of every webhook or of the one with this row.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn newest_deliveries(
        &self,
        webhook: Option<i64>,
        before: i64,
        limit: u32,
    ) -> Result<Vec<DeliveryOverview>> {
        let rows = self.store.newest_deliveries(webhook, before, limit)?;
        Ok(rows.into_iter().map(|row| self.delivery_overview(row)).collect())
    }

    /// Returns a delivery.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn any_delivery(&self, row: i64) -> Result<Option<DeliveryOverview>> {
        Ok(self.store.delivery(row)?.map(|row| self.delivery_overview(row)))
    }

    /// Returns a delivery with its body and its attempts.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn delivery_detail(&self, row: i64) -> Result<Option<DeliveryDetail>> {
        let Some(overview) = self.any_delivery(row)? else { return Ok(None) };
        let body = self.store.delivery_body(row)?.unwrap_or_default();
        Ok(Some(DeliveryDetail { overview, body, attempts: self.store.past_attempts(row)? }))
    }

    fn delivery_overview(&self, delivery: DeliveryRow) -> DeliveryOverview {
        let webhook = self.webhooks.get(delivery.webhook);
        let provider = self.providers.get(&delivery.provider);
        DeliveryOverview {
            webhook: webhook.map(|webhook| (webhook.id.clone(), webhook.fields.url.clone())),
            max_attempts: provider.map(|provider| provider.policy.retries.len() + 1),
            delivery,
        }
    }

    /// Returns the number of the last change.
    pub(super) fn newest_change(&self) -> u64 {
        self.changes.newest()
    }

    /// Returns what changed after a number.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn changes_since(&self, after: u64) -> Result<Changes> {
        let newest = self.changes.newest();
        let Some(rows) = self.changes.since(after) else { return Ok(Changes { newest, changed: None }) };
        let mut changed = Changed { deliveries: Vec::new(), webhooks: Vec::new(), deleted: Vec::new() };
        for row in rows.deliveries {
            changed.deliveries.extend(self.any_delivery(row)?);
        }
        for row in rows.webhooks {
            match self.webhooks.get(row) {
                Some(webhook) => changed.webhooks.push(self.read_webhook_overview(webhook)?),
                None => changed.deleted.push(row),
            }
        }
        Ok(Changes { newest, changed: Some(changed) })
    }
}
