//! The end of a replay: the totals, the provider's own time, and the way to resume.

use std::time::Duration;

use super::super::Context;
use super::super::report::in_words;
use super::html::RunSummary;
use super::record_source::RecordSource;
use crate::deliver::{Endpoint, TimeScale};
use crate::error::{Error, Exit, Result};
use crate::output::clean;

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunEnd<'a> {
    /// The URL of the handler.
    pub(super) url: &'a Endpoint,
    /// True if it ended before everything was sent.
    pub(super) interrupted: bool,
    /// The number of deliveries that wait for an attempt.
    pub(super) waiting: usize,
    /// True if the log was read to its end.
    pub(super) read_to_end: bool,
    pub(super) elapsed: Duration,
    pub(super) speed: TimeScale,
    /// True if unreadable lines are an error.
    pub(super) strict: bool,
}

/// Prints the totals, writes the report and returns the exit code.
pub(super) fn finish(context: &Context, mut source: RecordSource<'_>, end: &RunEnd<'_>) -> Result<Exit> {
    let output = context.output;
    source.report.summary(end.elapsed, false)?;
    write_page(context, &mut source, end)?;
    print_totals(&mut source, end)?;
    source.input.say_unknown();
    if source.input.has_grown() {
        output.status(&format!("note: {} grew meanwhile; sent only what it held at the start", source.input.name()));
    }
    if source.delivered_earlier > 0 {
        output.status(&format!(
            "skipped {} already delivered by an earlier run (--fresh to resend)",
            counted(source.delivered_earlier, "event", "events")
        ));
    }
    let nothing = source.report.tally.attempts == 0 && source.delivered_earlier == 0 && !end.interrupted;
    if nothing && source.unsendable == 0 && source.report.tally.held_back == 0 {
        if let Some(journal) = source.journal.take() {
            journal.close(0)?;
        }
        let error = source.input.empty_selection();
        let some = source.input.requests > 0;
        return Err(if some { error.hint("list what the log holds: whk replay LOG URL --dry-run -v") } else { error });
    }
    close_journal(source, end)
}

/// Prints the summary of a run that an error ended; its progress is kept.
pub(super) fn abort(context: &Context, mut source: RecordSource<'_>, error: Error, end: &RunEnd<'_>) -> Result<Exit> {
    source.report.summary(end.elapsed, false)?;
    if let Err(other) = write_page(context, &mut source, &RunEnd { interrupted: true, ..*end }) {
        context.output.error(&other);
    }
    Err(error)
}

/// Writes the page of `--report FILE.html`, if there is one.
fn write_page(context: &Context, source: &mut RecordSource<'_>, end: &RunEnd<'_>) -> Result {
    let Some(page) = source.page.take() else { return Ok(()) };
    let path = page.write(&RunSummary {
        log: &source.input.name(),
        url: &end.url.to_string(),
        speed: end.speed,
        at: context.now(),
        tally: Some(&source.report.tally),
        provider_time: source.provider_time,
        interrupted: end.interrupted,
    })?;
    context.output.status(&format!("report written to {}", clean(&path.display().to_string())));
    Ok(())
}

/// Prints a row for each event type, and the time at the provider's real pace.
fn print_totals(source: &mut RecordSource<'_>, end: &RunEnd<'_>) -> Result {
    let mut rows = vec![["", "delivered", "failed", "skipped", "retries"].map(str::to_owned).to_vec()];
    for (kind, totals) in &source.totals_by_type {
        let counts = [totals.delivered, totals.failed, totals.held_back, totals.retries].map(|count| count.to_string());
        rows.push([vec![clean(kind).into_owned()], counts.to_vec()].concat());
    }
    if rows.len() > 1 {
        for line in columns(&rows) {
            source.report.answer(&line)?;
        }
    }
    if end.speed != TimeScale::REAL && source.report.tally.attempts > 0 && !end.interrupted {
        let text = format!("at the provider's real pace: {}", in_words(source.provider_time));
        source.report.answer(&text)?;
    }
    source.report.flush()
}

/// Keeps the state file if something is left to do, and says how to resume.
fn close_journal(source: RecordSource<'_>, end: &RunEnd<'_>) -> Result<Exit> {
    let (output, tally) = (source.output(), source.report.tally.clone());
    let undone = tally.failed + tally.held_back > 0;
    let unreadable = source.input.unreadable;
    let unsendable = source.unsendable;
    if let Some(journal) = source.journal {
        let path = clean(&journal.path().display().to_string()).into_owned();
        if end.interrupted {
            let waiting = counted(end.waiting as u64, "event waits", "events wait");
            let rest = if end.read_to_end { "" } else { "; the log was not read to its end" };
            output.status(&format!(
                "{waiting} for another attempt{rest}\nrun the same command to continue; progress is in {path}"
            ));
        } else {
            let removed = journal.close(source.delivered_earlier)?;
            if undone {
                output.status(&format!(
                    "run the same command to resend what failed, or add --fresh to start over\nprogress is in {path}"
                ));
            } else if !removed {
                output.status(&format!("an earlier run was interrupted and can still continue; progress is in {path}"));
            }
        }
    }
    if unreadable > 0 {
        output.status(&format!("{} could not be read", counted(unreadable, "line", "lines")));
    }
    Ok(if end.interrupted {
        Exit::Interrupted
    } else if unreadable > 0 && end.strict {
        Exit::CannotRun
    } else if undone || unsendable > 0 {
        Exit::No
    } else {
        Exit::Yes
    })
}

/// Aligns the first column to the left, numbers to the right.
fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let first = format!("{:1$}", row[0], widths[0]);
        let rest = row.iter().zip(&widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        std::iter::once(first).chain(rest).collect()
    };
    rows.iter().map(line).collect()
}

fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}
