//! Webhooks and deliveries in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::APIS;
use crate::server::model::DeliveryState;
use crate::server::overview::{DeliveryDetail, DeliveryOverview, PastAttempt, WebhookOverview};

/// Returns a webhook. Its secret is shown by its provider's API alone.
pub(super) fn webhook_view(overview: &WebhookOverview) -> Value {
    let WebhookOverview { webhook, waiting, disabled_notice } = overview;
    let (fields, counters) = (&webhook.fields, &webhook.counters);
    let api = APIS.iter().find(|api| api.provider == fields.provider);
    json!({
        "seq": webhook.row,
        "id": webhook.id,
        "provider": fields.provider,
        "account": Some(&fields.account).filter(|account| !account.is_empty()),
        "url": fields.url,
        "events": fields.events,
        "enabled": fields.enabled,
        "disabled_notice": disabled_notice,
        "waiting": waiting.count,
        "next_attempt_at": waiting.first_due.map(time),
        "successes": counters.successes,
        "failures": counters.failures,
        "failures_in_a_row": counters.failures_in_a_row,
        "last_attempt_at": counters.last_attempt_at,
        "last_success_at": counters.last_success_at,
        "last_failure_at": counters.last_failure_at,
        "counters": api.map(|api| (api.counters)(webhook)).unwrap_or_default(),
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    })
}

/// Returns a delivery.
pub(super) fn delivery_view(overview: &DeliveryOverview) -> Value {
    let DeliveryOverview { delivery, webhook, max_attempts } = overview;
    let entry = &delivery.entry;
    let waits = entry.state == DeliveryState::Pending;
    json!({
        "seq": entry.row,
        "webhook_id": webhook.as_ref().map(|(id, _)| id),
        "url": webhook.as_ref().map(|(_, url)| url),
        "provider": delivery.provider,
        "event_type": entry.event_type,
        "event_id": delivery.event_id,
        "state": state_name(entry.state),
        "attempts": entry.attempts,
        "max_attempts": max_attempts,
        "status": entry.status,
        "error": entry.error,
        "duration_ms": entry.duration_us.map(duration),
        // At the chosen speed; the wait is the provider's own.
        "next_attempt_at": waits.then(|| time(delivery.due_at)),
        "wait_s": waits.then(|| seconds(delivery.wait_ms)),
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    })
}

/// Returns a delivery with its body and its attempts.
pub(super) fn delivery_detail_view(detail: &DeliveryDetail) -> Value {
    let mut view = delivery_view(&detail.overview);
    put_body(&mut view, "body", &detail.body);
    view["history"] = detail.attempts.iter().map(attempt_view).collect();
    view
}

fn attempt_view(attempt: &PastAttempt) -> Value {
    let mut view = json!({
        "seq": attempt.row,
        "attempt": attempt.number,
        "at": attempt.at,
        "delivered": attempt.succeeded,
        "status": attempt.status,
        "error": attempt.error,
        "duration_ms": duration(attempt.duration_us),
        "next_attempt_at": attempt.next_at,
        "headers": attempt.headers,
    });
    put_body(&mut view, "response", &attempt.response);
    view
}

/// Adds a body as text, or as base64 if it is no text.
fn put_body(view: &mut Value, name: &str, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) => view[name] = text.into(),
        Err(_) => view[format!("{name}_b64")] = STANDARD.encode(body).into(),
    }
}

fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::InFlight => "in_flight",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Failed => "failed",
        DeliveryState::Skipped => "skipped",
    }
}

fn time(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

/// Returns milliseconds as seconds: a whole number if it is one.
fn seconds(millis: u64) -> Value {
    if millis.is_multiple_of(1000) {
        json!(millis / 1000)
    } else {
        json!(std::time::Duration::from_millis(millis).as_secs_f64())
    }
}

/// Returns microseconds as milliseconds.
fn duration(micros: u64) -> f64 {
    std::time::Duration::from_micros(micros).as_secs_f64() * 1e3
}
