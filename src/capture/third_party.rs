//! JSON Lines of other command-line tools.
//!
//! Clerk's `webhooks listen --json` writes `{"type":"event","headers":{…},"body_b64":"…"}`, which reads as a record does.
//! Resend's `webhooks listen --json` writes `{"timestamp":…,"type":…,"resource_id":…,"payload":{…}}`.

/// The lines of Clerk's stream that are between its events.
const STATES: [&str; 2] = ["ready", "reconnecting"];

/// Returns whether a line without headers and body is only the state of the tool that wrote it.
pub(super) fn is_state(kind: &str) -> bool {
    STATES.contains(&kind)
}

/// Explains why an event without headers cannot be checked, if the tool that wrote it is known.
pub(super) fn missing_headers_reason(has_payload: bool, has_resource: bool) -> Option<&'static str> {
    match (has_payload, has_resource) {
        (true, true) => Some(
            "Resend's CLI wrote this; it keeps a parsed payload, not the headers and the raw body that were signed, so it cannot be checked",
        ),
        (true, false) => Some(
            "it keeps a parsed payload, not the headers and the raw body that were signed, so it cannot be checked",
        ),
        _ => None,
    }
}
