//! Webhooks and log entries as AutoSend's API shows them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::server::model::{DeliveryEntry, DeliveryState, Webhook};

/// The organization that has every project.
const ORGANIZATION: &str = "000000000000000000000000";

/// The fields of a webhook that are counters.
const COUNTERS: [&str; 4] = ["failureCount", "lastSuccessAt", "lastFailedAt", "lastDeliveredAt"];

/// Returns the counters of a webhook.
pub(super) fn counters(webhook: &Webhook) -> Map<String, Value> {
    let Value::Object(mut view) = webhook_view(webhook, false) else { return Map::new() };
    COUNTERS.iter().filter_map(|name| view.remove_entry(*name)).collect()
}

/// Returns a webhook; its secret is shown when it is created only.
pub(super) fn webhook_view(webhook: &Webhook, with_secret: bool) -> Value {
    let Webhook { id, fields, counters, created_at, updated_at, .. } = webhook;
    json!({
        "id": id,
        "organizationId": ORGANIZATION,
        "projectId": fields.account,
        "url": fields.url,
        "secret": if with_secret { fields.secret.expose_secret() } else { "***hidden***" },
        "events": fields.events,
        "isActive": fields.enabled,
        "status": if fields.enabled { "active" } else { "inactive" },
        "failureCount": counters.failures_in_a_row,
        "lastFailedAt": counters.last_failure_at.map(millis),
        "lastSuccessAt": counters.last_success_at.map(millis),
        "lastDeliveredAt": counters.last_attempt_at.map(millis),
        "metadata": fields.details.get("metadata"),
        "createdAt": millis(*created_at),
        "updatedAt": millis(*updated_at),
    })
}

/// Returns an entry of the logs, which is one delivery with its last attempt.
pub(super) fn log_view(webhook: &Webhook, entry: &DeliveryEntry) -> Value {
    let delivered = entry.state == DeliveryState::Delivered;
    let failed_by = || entry.error.clone().or_else(|| entry.status.map(|status| format!("HTTP {status}")));
    json!({
        "_id": format!("{:024x}", entry.row),
        "webhookId": webhook.id,
        "projectId": webhook.fields.account,
        "event": entry.event_type,
        "url": webhook.fields.url,
        "statusCode": entry.status,
        "success": delivered,
        "attempts": entry.attempts,
        "duration": entry.duration_us.map(|duration| duration / 1000),
        "errorMessage": if delivered { None } else { failed_by() },
        "deliveredAt": delivered.then(|| millis(entry.updated_at)),
        "createdAt": millis(entry.created_at),
        "updatedAt": millis(entry.updated_at),
    })
}

/// Returns a time with milliseconds, as JavaScript writes it.
fn millis(time: Timestamp) -> String {
    format!("{time:.3}")
}
