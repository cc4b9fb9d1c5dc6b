//! The scope of a webhook: the domains that its events are of, if its provider lets a webhook choose some.

use serde_json::{Map, Value};

use super::model::WebhookFields;

/// The fields of an event's data that name its domain: the sender's address, or the domain itself.
const DOMAIN_FIELDS: [&str; 3] = ["from", "sending_domain", "domain"];

/// True if a webhook gets an event with this body: it has no scope, or its scope has the event's domain.
pub(super) fn is_in_scope(fields: &WebhookFields, body: &[u8]) -> bool {
    let domains = match (fields.details.get("scope"), fields.details.get("domains")) {
        (Some(scope), Some(Value::Array(domains))) if scope == "scoped" => domains,
        _ => return true,
    };
    let event: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let of_event = event.get("data").and_then(domain);
    of_event.is_some_and(|domain| {
        domains.iter().filter_map(Value::as_str).any(|allowed| allowed.eq_ignore_ascii_case(domain))
    })
}

/// Returns the domain of an event.
fn domain(data: &Value) -> Option<&str> {
    let text = DOMAIN_FIELDS.iter().find_map(|name| data.get(name)?.as_str())?;
    // An address can have a name before it: `Shop <orders@example.com>`.
    Some(text.rsplit('@').next()?.trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signing::Secret;

    fn in_scope(scope: &str, domains: &[&str], event: &Value) -> bool {
        let fields = WebhookFields {
            provider: String::new(),
            account: String::new(),
            url: String::new(),
            secret: Secret::new("s"),
            events: Vec::new(),
            enabled: true,
            details: Map::from_iter([("scope".to_owned(), json!(scope)), ("domains".to_owned(), json!(domains))]),
        };
        is_in_scope(&fields, event.to_string().as_bytes())
    }

    #[test]
    fn a_scoped_webhook_gets_events_of_its_domains_only() {
        let own = ["a.example", "B.example"];
        for (data, expected) in [
            (json!({ "from": "x@a.example", "recipient": "y@c.example" }), true),
            (json!({ "from": "Shop <x@b.EXAMPLE>" }), true),
            (json!({ "from": "x@c.example", "recipient": "y@a.example" }), false),
            (json!({ "from": "x@sub.a.example" }), false),
            (json!({ "sending_domain": "a.example" }), true),
            (json!({ "domain": "b.example" }), true),
            (json!({ "domain": "c.example" }), false),
            (json!({}), false),
        ] {
            assert_eq!(in_scope("scoped", &own, &json!({ "data": data })), expected, "{data}");
            assert!(in_scope("global", &[], &json!({ "data": data })), "{data}");
        }
        assert!(!in_scope("scoped", &[], &json!({ "data": { "domain": "a.example" } })));
        assert!(!in_scope("scoped", &own, &json!([])));
    }
}
