//! The end of a replay: the totals, the provider's own time, and the way to resume.

use std::time::Duration;

use super::super::CommandContext;
use crate::delivery::{Journal, TimeScale};
use crate::error::{Error, ExitStatus, Result};
use crate::http::client::Endpoint;
use crate::output::{Output, human, plural, sanitize};
use crate::report::{ReplayReporter, RunSummary};
use crate::sender::{RecordSelection, UndecidedRequests};

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
    /// The number of events that an earlier run delivered.
    pub(super) delivered_earlier: u64,
}

/// Prints the totals, writes the report and returns the exit code.
pub(super) fn finish(
    context: &CommandContext,
    input: &RecordSelection,
    reporter: &mut ReplayReporter<'_>,
    journal: Option<Journal>,
    end: &RunEnd<'_>,
) -> Result<ExitStatus> {
    let output = context.output;
    reporter.report.summary(end.elapsed, false)?;
    write_page(context, input, reporter, end)?;
    print_totals(reporter, end)?;
    note_undecided(output, input);
    if input.has_grown() {
        output.status(&format!("note: {} grew meanwhile; sent only what it held at the start", sanitize(input.name())));
    }
    if end.delivered_earlier > 0 {
        output.status(&format!(
            "skipped {} already delivered by an earlier run (--fresh to resend)",
            plural(end.delivered_earlier, "event", "events")
        ));
    }
    let nothing = reporter.report.stats.attempts == 0 && end.delivered_earlier == 0 && !end.interrupted;
    if nothing && reporter.unsendable == 0 && reporter.report.stats.held_back == 0 {
        if let Some(journal) = journal {
            journal.close(0)?;
        }
        let error = input.empty_selection();
        let some = input.requests > 0;
        return Err(if some { error.hint("list what the log holds: whk replay LOG URL --dry-run -v") } else { error });
    }
    if let Some(journal) = journal {
        close_journal(context, journal, reporter, end)?;
    }
    Ok(exit(context, input.unreadable, reporter, end))
}

/// Prints the summary of a run that an error ended; its progress is kept.
pub(super) fn abort(
    context: &CommandContext,
    input: &RecordSelection,
    reporter: &mut ReplayReporter<'_>,
    error: Error,
    end: &RunEnd<'_>,
) -> Result<ExitStatus> {
    reporter.report.summary(end.elapsed, false)?;
    if let Err(other) = write_page(context, input, reporter, &RunEnd { interrupted: true, ..*end }) {
        context.output.error(&other);
    }
    Err(error)
}

/// Writes the page of `--report FILE.html`, if there is one.
fn write_page(
    context: &CommandContext,
    input: &RecordSelection,
    reporter: &mut ReplayReporter<'_>,
    end: &RunEnd<'_>,
) -> Result {
    let Some(page) = reporter.page.take() else { return Ok(()) };
    let path = page.write(&RunSummary {
        log: &sanitize(input.name()),
        url: &end.url.to_string(),
        speed: end.speed,
        at: context.now(),
        stats: Some(&reporter.report.stats),
        provider_time: reporter.provider_time,
        interrupted: end.interrupted,
    })?;
    context.output.status(&format!("report written to {}", sanitize(&path.display().to_string())));
    Ok(())
}

/// Prints the totals, and the time at the provider's real pace.
fn print_totals(reporter: &mut ReplayReporter<'_>, end: &RunEnd<'_>) -> Result {
    reporter.print_totals()?;
    if end.speed != TimeScale::REAL && reporter.report.stats.attempts > 0 && !end.interrupted {
        let text = format!("at the provider's real pace: {}", human::duration(reporter.provider_time));
        reporter.report.print(&text)?;
    }
    reporter.report.flush()
}

/// Notes the requests that a filter cannot decide on.
pub(super) fn note_undecided(output: Output, input: &RecordSelection) {
    if let Some(UndecidedRequests { count, missing }) = input.undecided() {
        output.status(&format!("note: skipped {count} requests without a recorded {missing}"));
    }
}

/// Keeps the state file if something is left to do, and shows how to resume.
fn close_journal(
    context: &CommandContext,
    journal: Journal,
    reporter: &ReplayReporter<'_>,
    end: &RunEnd<'_>,
) -> Result {
    let output = context.output;
    let path = sanitize(&journal.path().display().to_string()).into_owned();
    if end.interrupted {
        let waiting = plural(end.waiting as u64, "event waits", "events wait");
        let rest = if end.read_to_end { "" } else { "; the log was not read to its end" };
        output.status(&format!(
            "{waiting} for another attempt{rest}\nrun the same command to continue; progress is in {path}"
        ));
        return Ok(());
    }
    let removed = journal.close(end.delivered_earlier)?;
    if reporter.is_undone() {
        output.status(&format!(
            "run the same command to resend what failed, or add --fresh to start over\nprogress is in {path}"
        ));
    } else if !removed {
        output.status(&format!("an earlier run was interrupted and can still continue; progress is in {path}"));
    }
    Ok(())
}

/// Reports unreadable lines, and returns the exit code.
fn exit(context: &CommandContext, unreadable: u64, reporter: &ReplayReporter<'_>, end: &RunEnd<'_>) -> ExitStatus {
    if unreadable > 0 {
        context.output.status(&format!("{} could not be read", plural(unreadable, "line", "lines")));
    }
    if end.interrupted {
        ExitStatus::Interrupted
    } else if unreadable > 0 && end.strict {
        ExitStatus::Error
    } else if reporter.is_undone() || reporter.unsendable > 0 {
        ExitStatus::Failure
    } else {
        ExitStatus::Success
    }
}
