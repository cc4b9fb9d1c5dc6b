//! Notes on what a provider's scheme does not protect from.

use crate::provider::Provider;
use crate::signing::ValueSource;

/// Returns the notes on what the provider's scheme does not protect from.
#[must_use]
pub fn weak_scheme_notes(provider: &Provider) -> Vec<String> {
    let mut notes = Vec::new();
    let scheme = &provider.scheme;
    let content = &scheme.content;
    // A time in the body is signed with the body.
    let in_body = |place: &ValueSource| matches!(place, ValueSource::Json(_)) && content.has_body();
    let timely = content.to_string().contains("timestamp")
        || scheme.timestamp.as_ref().is_some_and(|rule| rule.from.iter().any(in_body));
    if !timely {
        let what = "so a captured request can be replayed forever";
        notes.push(format!("note: {} does not sign a timestamp, {what}", provider.title));
    }
    if !content.has_body() && scheme.requirements.is_empty() {
        notes.push(format!("note: {} does not sign the body, so it can be changed unnoticed", provider.title));
    } else if !content.has_id() && provider.event_fields.id.iter().any(|place| place.header().is_some()) {
        let what = "so a repeated event can be passed off as a new one";
        notes.push(format!("note: {} does not sign the id in its header, {what}", provider.title));
    }
    notes
}
