//! TAP 14: a line for each case, with its details as a block of YAML.

use std::io::{self, Write};

use serde_json::Value;

use super::case::{Case, Outcome};
use super::recorder::RunReport;

pub(super) fn write(run: &RunReport, writer: &mut impl Write) -> io::Result<()> {
    writeln!(writer, "TAP version 14")?;
    writeln!(writer, "1..{}", run.cases().count())?;
    writeln!(writer, "# {} {}, started {:.3}", run.name(), run.version, run.started)?;
    for (name, value) in &run.properties {
        writeln!(writer, "# {name}: {value}")?;
    }
    for (index, case) in run.cases().enumerate() {
        line(case, index + 1, writer)?;
    }
    writeln!(writer, "# {}", run.counts.summary())?;
    if let Some(omission) = run.omission() {
        writeln!(writer, "# {omission}")?;
    }
    if let Some((_, message)) = run.ending.reason() {
        writeln!(writer, "Bail out! {}", escaped(message))?;
    }
    Ok(())
}

fn line(case: &Case, number: usize, writer: &mut impl Write) -> io::Result<()> {
    let ok = match case.outcome {
        Outcome::Passed | Outcome::Skipped { .. } => "ok",
        Outcome::Failed { .. } | Outcome::Advised { .. } | Outcome::Errored { .. } => "not ok",
    };
    write!(writer, "{ok} {number} - {}: {}", escaped(&case.group), escaped(&case.name))?;
    if let Outcome::Skipped { reason } = &case.outcome {
        write!(writer, " # SKIP {}", escaped(reason))?;
    }
    if matches!(case.outcome, Outcome::Advised { .. }) {
        // A harness does not count the failure of a case that is still to do.
        write!(writer, " # TODO recommended")?;
    }
    writeln!(writer)?;
    let mut rows: Vec<(&str, Value)> = Vec::new();
    match &case.outcome {
        Outcome::Failed { kind, message } => {
            rows.extend([
                ("message", message.as_str().into()),
                ("severity", "fail".into()),
                ("cause", kind.as_str().into()),
            ]);
        }
        Outcome::Advised { kind, message } => {
            rows.extend([
                ("message", message.as_str().into()),
                ("severity", "todo".into()),
                ("cause", kind.as_str().into()),
            ]);
        }
        Outcome::Errored { kind, message } => {
            rows.extend([
                ("message", message.as_str().into()),
                ("severity", "error".into()),
                ("cause", kind.as_str().into()),
            ]);
        }
        Outcome::Passed | Outcome::Skipped { .. } => {}
    }
    if let Some(duration) = case.duration {
        rows.push(("duration_ms", super::json::milliseconds(duration).into()));
    }
    rows.extend(case.details.iter().map(|(name, text)| (*name, text.as_str().into())));
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(writer, "  ---")?;
    for (name, value) in rows {
        // A string of JSON is a string of YAML, and so is a number.
        writeln!(writer, "  {name}: {value}")?;
    }
    writeln!(writer, "  ...")
}

/// A description with `\` and `#` escaped: a bare `#` begins a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}
