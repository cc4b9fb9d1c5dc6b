//! The description of how a provider was detected.

use std::rc::Rc;

use super::Verdict;
use super::candidates::Candidate;
use crate::signing::{Request, ValueSource};

/// Describes how one of the candidates was chosen; the second value is true if nothing decides between them. The text
/// is built without a formatter: a receiver makes one for each request.
pub(super) fn describe_detection(
    verdict: &Verdict,
    candidates: &[&Rc<Candidate>],
    request: &Request<'_>,
) -> (String, bool) {
    let Some(provider) = &verdict.provider else { return (String::new(), true) };
    let others = || candidates.iter().map(|other| other.provider.name.as_str()).filter(|name| *name != provider.name);
    let mut text = String::with_capacity(128);
    let event = verdict.event_type.as_ref().filter(|event_type| provider.has_event(event_type));
    let verified = verdict.signature_matches();
    if candidates.len() > 1 && !verified && event.is_none() {
        text.push_str("unclear (");
        for (at, candidate) in candidates.iter().enumerate() {
            text.extend([if at == 0 { "" } else { ", " }, &candidate.provider.name]);
        }
        text.push_str("); choose one with -p NAME");
        return (text, true);
    }
    text.extend([&provider.name, " ("]);
    let scheme = &provider.scheme;
    let id = scheme.id.iter().flat_map(|rule| &rule.from);
    let timestamp = scheme.timestamp.iter().flat_map(|rule| &rule.from);
    match scheme.signature.from.iter().chain(id).chain(timestamp).find(|source| source.is_present(request)) {
        Some(ValueSource::Header(name)) => text.extend(["`", name, "`"]),
        Some(source) => text.push_str(&source.to_string()),
        None => text.push_str("a header"),
    }
    if candidates.len() > 1 {
        text.push_str(" is also used by ");
        for (at, name) in others().enumerate() {
            text.extend([if at == 0 { "" } else { ", " }, name]);
        }
        match event {
            _ if verified => text.extend(["; the signature is ", &provider.name, "'s"]),
            Some(event_type) => text.extend(["; `", event_type, "` is an event of ", &provider.name]),
            None => {}
        }
    }
    text.push(')');
    (text, false)
}
