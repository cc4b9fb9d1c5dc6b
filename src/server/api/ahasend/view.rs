//! A webhook as AhaSend's API shows it.

use serde_json::{Map, Value, json};

use super::fields::FLAGS;
use crate::server::model::Webhook;

/// The fields of a webhook that are counters.
const COUNTERS: [&str; 4] = ["success_count", "error_count", "errors_since_last_success", "last_request_at"];

/// Returns the counters of a webhook.
pub(super) fn counters(webhook: &Webhook) -> Map<String, Value> {
    let Value::Object(mut view) = webhook_view(webhook, false) else { return Map::new() };
    COUNTERS.iter().filter_map(|name| view.remove_entry(*name)).collect()
}

/// Returns a webhook; its secret is shown when it is created only.
pub(super) fn webhook_view(webhook: &Webhook, with_secret: bool) -> Value {
    let Webhook { id, fields, counters, created_at, updated_at, .. } = webhook;
    let mut view = Map::new();
    let mut add = |name: &str, value: Value| drop(view.insert(name.to_owned(), value));
    add("object", json!("webhook"));
    add("id", json!(id));
    add("created_at", json!(created_at.to_string()));
    add("updated_at", json!(updated_at.to_string()));
    add("name", json!(fields.details.get("name")));
    add("url", json!(fields.url));
    add("enabled", json!(fields.enabled));
    for (flag, event_type) in FLAGS {
        add(flag, json!(fields.events.iter().any(|have| have == event_type)));
    }
    add("scope", json!(fields.details.get("scope")));
    add("domains", json!(fields.details.get("domains")));
    add("success_count", json!(counters.successes));
    add("error_count", json!(counters.failures));
    add("errors_since_last_success", json!(counters.failures_in_a_row));
    add("last_request_at", json!(counters.last_attempt_at.map(|time| time.to_string())));
    if with_secret {
        add("secret", json!(fields.secret.expose_secret()));
    }
    view.into()
}
