//! What the command-line tools of others write as JSON Lines, beside our own log.
//!
//! Clerk's `webhooks listen --json` writes `{"type":"event","headers":{…},"body_b64":"…"}`, which reads as a record does.
//! Resend's `webhooks listen --json` writes `{"timestamp":…,"type":…,"resource_id":…,"payload":{…}}`.

/// The lines of Clerk's stream that stand between its events.
const STATES: [&str; 2] = ["ready", "reconnecting"];

/// Whether a line without headers and body only tells about the tool that wrote it.
pub(super) fn is_state(kind: &str) -> bool {
    STATES.contains(&kind)
}

/// Why an event without headers cannot be checked, where it is known what wrote it.
pub(super) fn why_not(has_payload: bool, has_resource: bool) -> Option<&'static str> {
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
