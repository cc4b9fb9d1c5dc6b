//! JSON: one document with everything that is known of the run.

use std::io::{self, Write};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::case::{Case, Outcome};
use super::recorder::{Counts, Ending, RunReport};

#[derive(Serialize)]
struct Document<'a> {
    v: u8,
    kind: &'static str,
    command: &'a str,
    version: &'a str,
    started: String,
    duration_ms: f64,
    ended: &'static str,
    error: Option<&'a str>,
    #[serde(serialize_with = "as_map")]
    properties: &'a [(&'static str, String)],
    summary: Counts,
    not_listed: Counts,
    cases: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    group: &'a str,
    name: &'a str,
    outcome: &'static str,
    cause: Option<&'a str>,
    message: Option<&'a str>,
    duration_ms: Option<f64>,
    #[serde(serialize_with = "as_map")]
    details: &'a [(&'static str, String)],
}

pub(super) fn write(run: &RunReport, writer: &mut impl Write) -> io::Result<()> {
    let document = Document {
        v: 1,
        kind: "report",
        command: run.command,
        version: run.version,
        started: format!("{:.6}", run.started),
        duration_ms: milliseconds(run.duration),
        ended: run.ending.reason().map_or("complete", |(name, _)| name),
        error: match &run.ending {
            Ending::Error(message) => Some(message),
            Ending::Complete | Ending::Interrupted => None,
        },
        properties: &run.properties,
        summary: run.counts,
        not_listed: run.not_listed,
        cases: run.cases().map(entry).collect(),
    };
    serde_json::to_writer_pretty(&mut *writer, &document)?;
    writeln!(writer)
}

fn entry(case: &Case) -> Entry<'_> {
    let (kind, message) = match &case.outcome {
        Outcome::Passed => (None, None),
        Outcome::Failed { kind, message } | Outcome::Advised { kind, message } | Outcome::Errored { kind, message } => {
            (Some(kind.as_str()), Some(message.as_str()))
        }
        Outcome::Skipped { reason } => (None, Some(reason.as_str())),
    };
    Entry {
        group: &case.group,
        name: &case.name,
        outcome: case.outcome.name(),
        cause: kind,
        message,
        duration_ms: case.duration.map(milliseconds),
        details: &case.details,
    }
}

/// In milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn as_map<S: Serializer>(pairs: &[(&'static str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
