//! The end of a replay: the sums, the provider's own time, and how to go on.

use std::time::Duration;

use super::super::Context;
use super::super::report::in_words;
use super::html::RunSummary;
use super::outbox::ReplayOutbox;
use crate::deliver::{Endpoint, TimeScale};
use crate::error::{Error, Exit, Result};
use crate::output::clean;

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    /// Where it was sent to.
    pub(super) url: &'a Endpoint,
    /// Whether it was ended before everything was sent.
    pub(super) left: bool,
    /// How many deliveries wait for an attempt.
    pub(super) waiting: usize,
    /// Whether the log was read to its end.
    pub(super) whole: bool,
    pub(super) elapsed: Duration,
    pub(super) speed: TimeScale,
    /// Whether what cannot be read is an error.
    pub(super) strict: bool,
}

/// Says what came of everything, and what that means for scripts.
pub(super) fn conclude(context: &Context, mut outbox: ReplayOutbox<'_>, end: &End<'_>) -> Result<Exit> {
    let output = context.output;
    outbox.report.summary(end.elapsed, false)?;
    if let Some(page) = outbox.page.take() {
        let path = page.write(&RunSummary {
            log: &outbox.input.name(),
            url: &end.url.to_string(),
            speed: end.speed,
            at: context.now(),
            tally: Some(&outbox.report.tally),
            provider_time: outbox.provider_time,
            interrupted: end.left,
        })?;
        output.status(&format!("the report is in {}", clean(&path.display().to_string())));
    }
    sums(&mut outbox, end)?;
    outbox.input.say_unknown();
    if outbox.input.has_grown() {
        output.status(&format!("note: {} grew meanwhile; sent only what it held at the start", outbox.input.name()));
    }
    if outbox.before > 0 {
        output.status(&format!(
            "skipped {} already delivered by an earlier run (--fresh to resend)",
            counted(outbox.before, "event", "events")
        ));
    }
    let nothing = outbox.report.tally.attempts == 0 && outbox.before == 0 && !end.left;
    if nothing && outbox.unsendable == 0 && outbox.report.tally.held_back == 0 {
        if let Some(journal) = outbox.journal.take() {
            journal.close(0)?;
        }
        let error = outbox.input.nothing_chosen();
        let some = outbox.input.requests > 0;
        return Err(if some { error.hint("list what the log holds: whk replay LOG URL --dry-run -v") } else { error });
    }
    state(outbox, end)
}

/// An error that ended it: what was done is kept.
pub(super) fn broken_off(mut outbox: ReplayOutbox<'_>, error: Error, end: &End<'_>) -> Result<Exit> {
    outbox.report.summary(end.elapsed, false)?;
    Err(error)
}

/// A row for each type, and what it would have been in production.
fn sums(outbox: &mut ReplayOutbox<'_>, end: &End<'_>) -> Result {
    let mut rows = vec![["", "delivered", "failed", "skipped", "retries"].map(str::to_owned).to_vec()];
    for (kind, fate) in &outbox.fates {
        let counts = [fate.delivered, fate.failed, fate.held_back, fate.retries].map(|count| count.to_string());
        rows.push([vec![clean(kind).into_owned()], counts.to_vec()].concat());
    }
    if rows.len() > 1 {
        for line in columns(&rows) {
            outbox.report.answer(&line)?;
        }
    }
    if end.speed != TimeScale::REAL && outbox.report.tally.attempts > 0 && !end.left {
        let text = format!("at the provider's real pace: {}", in_words(outbox.provider_time));
        outbox.report.answer(&text)?;
    }
    outbox.report.flush()
}

/// Keeps the state file where something is left to do, and says how to go on.
fn state(outbox: ReplayOutbox<'_>, end: &End<'_>) -> Result<Exit> {
    let (output, tally) = (outbox.output(), outbox.report.tally.clone());
    let undone = tally.failed + tally.held_back > 0;
    let unreadable = outbox.input.unreadable;
    let unsendable = outbox.unsendable;
    if let Some(journal) = outbox.journal {
        let path = clean(&journal.path().display().to_string()).into_owned();
        if end.left {
            let waiting = counted(end.waiting as u64, "event waits", "events wait");
            let rest = if end.whole { "" } else { "; the log was not read to its end" };
            output.status(&format!(
                "{waiting} for another attempt{rest}\nrun the same command to continue; progress is in {path}"
            ));
        } else {
            let removed = journal.close(outbox.before)?;
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
    Ok(if end.left {
        Exit::Interrupted
    } else if unreadable > 0 && end.strict {
        Exit::CannotRun
    } else if undone || unsendable > 0 {
        Exit::No
    } else {
        Exit::Yes
    })
}

/// The first column to the left, numbers to the right.
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
