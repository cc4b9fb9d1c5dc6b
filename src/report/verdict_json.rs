//! The verdict of `verify` as a line of JSON.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::verdict::VerdictView;
use crate::error::{Error, Result};
use crate::signing::{DiagnosedCause, Fault, VerificationFailure};
use crate::verification::Verdict;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "verdict")]
struct VerdictLine<'a> {
    source: &'a str,
    status: &'static str,
    provider: Option<&'a str>,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    cause: Option<&'static str>,
    message: &'a str,
    fix: Option<&'a str>,
    evidence: Value,
}

impl VerdictView<'_> {
    /// Writes the line.
    pub fn write_json(&self, writer: &mut impl Write) -> Result {
        let verdict = self.verdict;
        let line = VerdictLine {
            source: self.source,
            status: verdict.status.name(),
            provider: verdict.provider.as_ref().map(|provider| provider.name.as_str()),
            event_type: verdict.event_type.as_deref(),
            event_id: verdict.event_id.as_deref(),
            cause: verdict.failure.as_ref().map(|failure| failure.cause.name()),
            message: &verdict.message,
            fix: self.remedy,
            evidence: evidence(verdict, self.notes),
        };
        let cannot = |error: &dyn std::fmt::Display| Error::new("cannot write JSON").cause(error);
        serde_json::to_writer(&mut *writer, &line).map_err(|error| cannot(&error))?;
        writer.write_all(b"\n").map_err(|error| cannot(&error))
    }
}

/// Returns what the verdict is based on.
fn evidence(verdict: &Verdict, notes: &[String]) -> Value {
    let mut evidence = Map::new();
    let headers: Vec<&str> = verdict.failure.iter().flat_map(VerificationFailure::headers).collect();
    if let Some(first) = headers.first() {
        evidence.insert("header".to_owned(), (*first).into());
        evidence.insert("headers".to_owned(), headers.into());
    }
    if let Some(age) = verdict.age {
        evidence.insert("age_s".to_owned(), age.into());
    }
    if let Some(diagnosis) = &verdict.diagnosis {
        evidence.insert("works_as".to_owned(), diagnosis.causes[0].reproduced_as.as_str().into());
        evidence.insert("secret".to_owned(), (diagnosis.secret + 1).into());
    }
    if let Some(failure) = &verdict.failure {
        let diagnosed = |fault: &Fault| {
            verdict.diagnosis.iter().flat_map(|diagnosis| &diagnosis.causes).find(|cause| cause.cause == fault.cause)
        };
        let faults: Vec<Value> = failure.faults.iter().map(|fault| fault_entry(fault, diagnosed(fault))).collect();
        evidence.insert("faults".to_owned(), faults.into());
    }
    if let Some(expected) = &verdict.expected {
        evidence.insert("expected".to_owned(), expected.as_str().into());
    }
    if !verdict.incompatible_libraries.is_empty() {
        evidence.insert("refused_by".to_owned(), super::compat::in_json(&verdict.incompatible_libraries));
    }
    if let Some(detected) = &verdict.detected {
        evidence.insert("detected".to_owned(), detected.as_str().into());
    }
    if let Some(secret) = verdict.secret {
        evidence.insert("secret".to_owned(), (secret + 1).into());
    }
    if let Some(reading) = verdict.reading {
        evidence.insert("works_as".to_owned(), reading.into());
    }
    if !notes.is_empty() {
        evidence.insert("notes".to_owned(), notes.to_vec().into());
    }
    Value::Object(evidence)
}

/// Returns a cause that holds, with the details of the probe that reproduced it.
fn fault_entry(fault: &Fault, diagnosed: Option<&DiagnosedCause>) -> Value {
    let mut entry = json!({
        "cause": fault.cause.name(),
        "works_as": diagnosed.map(|cause| cause.reproduced_as.as_str()),
        "differs_at": diagnosed.and_then(|cause| cause.first_difference),
    });
    if let Some(difference) = diagnosed.and_then(|cause| cause.difference.as_deref()) {
        entry["signed"] = difference.signed.as_str().into();
        entry["received"] = difference.received.as_str().into();
    }
    entry
}
