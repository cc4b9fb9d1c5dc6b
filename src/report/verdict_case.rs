//! The case of a report for one request that was verified.

use super::Case;
use super::compat;
use crate::capture::ReadError;
use crate::signing::{ReferenceLibrary, VerificationFailure};
use crate::verification::{Verdict, VerdictStatus};

/// The group of requests that no provider is known for.
const NO_PROVIDER: &str = "unknown provider";

/// Returns the case of a request that was verified. `required` are the libraries that must accept it. The signature that it should have had stays out: reports are passed around.
#[must_use]
pub fn verdict_case(
    required: &[ReferenceLibrary],
    verdict: &Verdict,
    notes: &[String],
    source: &str,
    fix: Option<&str>,
) -> Case {
    let group = verdict.provider.as_ref().map_or(NO_PROVIDER, |provider| &provider.name);
    let name = match &verdict.event_type {
        Some(event_type) => format!("{source} {event_type}"),
        None => source.to_owned(),
    };
    let message: &str = &verdict.message;
    let rejected = compat::warnings(required, verdict);
    let case = match (verdict.status, &verdict.failure) {
        (VerdictStatus::Valid, _) if rejected.is_empty() => Case::passed(group, &name),
        (VerdictStatus::Valid, _) => Case::failed(group, &name, "strict-for", &rejected.join("; ")),
        (VerdictStatus::Unchecked, _) => Case::errored(group, &name, "unchecked", message),
        (status, failure) => {
            let kind = failure.as_ref().map_or(status.name(), |failure| failure.cause.name());
            Case::failed(group, &name, kind, message)
        }
    };
    let diagnosis = verdict.diagnosis.as_ref();
    let headers: Vec<&str> = verdict.failure.iter().flat_map(VerificationFailure::headers).collect();
    let header = Some(headers.join(", ")).filter(|headers| !headers.is_empty());
    let mut case = case
        .optional_detail("fix", fix)
        .optional_detail("event id", verdict.event_id.as_deref())
        .optional_detail("header", header.as_deref())
        .optional_detail("works as", diagnosis.map(|diagnosis| diagnosis.causes[0].reproduced_as.as_str()))
        .optional_detail("age", verdict.age.map(|age| format!("{age} s")).as_deref())
        .optional_detail("provider", verdict.detected.as_deref().filter(|_| verdict.status != VerdictStatus::Valid));
    let mut faults = diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.causes);
    if let Some(difference) = faults.find_map(|fault| fault.difference.as_deref()) {
        case = case.detail("signed", &difference.signed).detail("received", &difference.received);
    }
    for note in notes {
        case = case.detail("note", note);
    }
    case
}

/// Returns the case of input that is not a request, named by its place.
#[must_use]
pub fn unreadable_case(error: &ReadError, source: &str) -> Case {
    let whole = error.located(source);
    let place = whole.strip_suffix(&error.message).and_then(|place| place.strip_suffix(": ")).unwrap_or(&whole);
    Case::errored(NO_PROVIDER, place, "unreadable", &whole)
}
