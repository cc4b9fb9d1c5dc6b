//! Reports the deliveries of `send` and `replay` on the terminal: each attempt, each end, and the counts.

use std::fmt::{self, Write as _};
use std::time::Duration;

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::Serialize;

use super::delivery_json::{
    AttemptLine, DeliveryLine, DisabledLine, FaultSummaryLine, SkippedLine, SummaryLine, Times, seconds,
};
use super::delivery_line::{ACCEPTED, AttemptRenderer, MAX_BODY_LINES, Outcome, disabled_reason};
use super::json::milliseconds;
use crate::delivery::{
    CompletedAttempt, DeliveryStats, DisableReason, EndpointDisabled, FaultOutcome, RetryDecision, TimeScale,
};
use crate::error::{Error, Result};
use crate::output::{MAX_ANNOTATIONS, Output, Style, Verbosity, body_lines, sanitize};

/// The delivery that a line is about.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// The webhook that it goes to, if there are several.
    pub webhook_id: Option<&'a str>,
    /// The record's number, if it comes from a log.
    pub seq: Option<u64>,
    /// The event's type.
    pub event_type: Option<&'a str>,
    /// The event's id.
    pub event_id: Option<&'a str>,
    /// The fault that the request was given on purpose.
    pub fault: Option<&'a str>,
}

/// Prints the outcomes of deliveries. Text is buffered until [`DeliveryReporter::flush`], so that many lines go out in
/// one write.
pub struct DeliveryReporter {
    output: Output,
    /// The command, as annotations name it.
    command: &'static str,
    stdout: Vec<u8>,
    /// A bar that must not be printed over.
    bar: ProgressBar,
    attempts: AttemptRenderer,
    /// The counts so far.
    pub stats: DeliveryStats,
    annotations: usize,
    /// True if an error about a handler that was never reached follows.
    error_follows: bool,
}

/// The size at which the buffer is written.
const FLUSH_THRESHOLD: usize = 1 << 16;

impl DeliveryReporter {
    /// Reports the deliveries of this command, such as `whk send`.
    #[must_use]
    pub fn new(output: Output, command: &'static str) -> Self {
        Self {
            output,
            command,
            stdout: Vec::new(),
            bar: ProgressBar::hidden(),
            attempts: AttemptRenderer::new(output.style, output.verbosity == Verbosity::Verbose),
            stats: DeliveryStats::default(),
            annotations: 0,
            error_follows: false,
        }
    }

    /// Sets the speed of the provider's time.
    #[must_use]
    pub fn with_speed(mut self, speed: TimeScale) -> Self {
        self.attempts.set_speed(speed);
        self
    }

    /// Prints beside this bar from now on.
    pub fn set_bar(&mut self, bar: ProgressBar) {
        self.bar = bar;
    }

    /// Makes the columns as wide as these types and faults.
    pub fn align<'t>(&mut self, types: impl Iterator<Item = &'t str>, faults: impl Iterator<Item = &'t str>) {
        self.attempts.align(types, faults);
    }

    /// Leaves a handler that was never reached to the error that follows.
    pub fn omit_unreachable(&mut self) {
        self.error_follows = true;
    }

    /// Reports an attempt, out of `max_attempts` at most; it may have been the last of its delivery.
    pub fn report_attempt(
        &mut self,
        event: &EventRef<'_>,
        url: &impl fmt::Display,
        at: Timestamp,
        made: &CompletedAttempt<'_>,
        max_attempts: usize,
    ) -> Result {
        self.stats.count(made, event.fault.is_some());
        let outcome = Outcome::from_attempt(event, made);
        if self.output.json {
            self.attempt_line(event, &url.to_string(), at, made)?;
            if !matches!(made.decision, RetryDecision::Retry(_)) {
                self.print_json(&DeliveryLine {
                    webhook_id: event.webhook_id,
                    seq: event.seq,
                    event_type: event.event_type,
                    event_id: event.event_id,
                    fault: event.fault,
                    outcome: outcome.name(),
                    attempts: made.attempt.number,
                })?;
            }
        } else if !self.is_hidden(outcome, made) {
            self.attempts.render(event, outcome, made, max_attempts, &mut self.stdout);
        }
        if !outcome.is_good() && !matches!(made.decision, RetryDecision::Retry(_)) {
            self.annotate(event, outcome, made)?;
        }
        self.flush_if(FLUSH_THRESHOLD)
    }

    /// Reports a fault that is not sent.
    pub fn report_skipped(&mut self, fault: &str, reason: &str) -> Result {
        self.stats.skipped += 1;
        self.print_json(&SkippedLine { fault, reason })?;
        if self.output.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.print(&self.output.style.faint(&format!("- skipped   {fault}: {reason}")))
    }

    fn is_hidden(&self, outcome: Outcome, made: &CompletedAttempt<'_>) -> bool {
        let unreached = self.error_follows && self.stats.never_reached().is_some() && made.outcome.response.is_err();
        unreached || self.output.verbosity == Verbosity::Quiet && outcome.is_good()
    }

    fn attempt_line(&mut self, event: &EventRef<'_>, url: &str, at: Timestamp, made: &CompletedAttempt<'_>) -> Result {
        let answer = &made.outcome.response;
        self.print_json(&AttemptLine {
            webhook_id: event.webhook_id,
            seq: event.seq,
            event_type: event.event_type,
            event_id: event.event_id,
            fault: event.fault,
            attempt: made.attempt.number,
            url,
            at: format!("{at:.6}"),
            status: answer.as_ref().ok().map(|answer| answer.status),
            error: answer.as_ref().err().map(|failure| failure.message.as_str()),
            duration_ms: milliseconds(made.outcome.duration),
            wait_s: seconds(made.attempt.wait),
            perhaps_seen: made.attempt.possibly_received,
        })
    }

    /// Makes a failure stand out in GitHub Actions.
    fn annotate(&mut self, event: &EventRef<'_>, outcome: Outcome, made: &CompletedAttempt<'_>) -> Result {
        if self.annotations == MAX_ANNOTATIONS || !Output::annotates() {
            return Ok(());
        }
        self.annotations += 1;
        self.flush()?;
        let mut message = match outcome {
            Outcome::Fault(FaultOutcome::Accepted) => format!("{}: {ACCEPTED}", event.fault.unwrap_or_default()),
            Outcome::Fault(outcome) => format!("{}: {}", event.fault.unwrap_or_default(), outcome.name()),
            _ => "failed".to_owned(),
        };
        match &made.outcome.response {
            Ok(answer) => {
                let _ = write!(message, " ({})", answer.status);
                if let Some(first) = body_lines(&answer.body, Style::fixed(false), MAX_BODY_LINES).first() {
                    let _ = write!(message, ": {first}");
                }
            }
            Err(failure) => {
                let _ = write!(message, ": {}", failure.message);
            }
        }
        let title = format!("{}: {}", self.command, event.event_type.or(event.event_id).unwrap_or("request"));
        self.bar.suspend(|| self.output.annotate(&title, &message))
    }

    /// Reports that nothing is delivered to this endpoint any more.
    pub fn report_disabled(&mut self, url: &str, disabled: EndpointDisabled) -> Result {
        self.report_disabled_webhook(None, url, disabled, None)
    }

    /// Reports the same about a webhook, with the notice that its provider sends.
    pub fn report_disabled_webhook(
        &mut self,
        webhook_id: Option<&str>,
        url: &str,
        disabled: EndpointDisabled,
        notice: Option<&str>,
    ) -> Result {
        let reason = match disabled.reason {
            DisableReason::Gone => "gone",
            DisableReason::Failures => "failures",
            DisableReason::Time(_) => "time",
        };
        self.print_json(&DisabledLine { webhook_id, after: disabled.failures, reason, url })?;
        self.flush()?;
        let mut text = format!("{} is disabled {}; skipping the rest", sanitize(url), disabled_reason(disabled));
        if let Some(notice) = notice {
            text = format!("{text}\n  {notice}");
        }
        self.bar.suspend(|| self.output.status(&self.output.stderr_style.yellow(&text)));
        Ok(())
    }

    /// Writes the counts as JSON; those of faults if requests were made wrong on purpose.
    pub fn summary(&mut self, elapsed: Duration, with_faults: bool) -> Result {
        let (sent, times) = (self.stats.ended(), Times::new(&self.stats, elapsed));
        let DeliveryStats { delivered, failed, rejected, accepted, crashed, skipped, attempts, held_back, .. } =
            self.stats;
        if with_faults {
            self.print_json(&FaultSummaryLine { sent, rejected, accepted, crashed, skipped, attempts, times })?;
        } else {
            self.print_json(&SummaryLine { sent, delivered, failed, attempts, held_back, times })?;
        }
        self.flush()
    }

    /// Writes a line for people. With `--json` it writes nothing.
    pub fn print(&mut self, text: &str) -> Result {
        if !self.output.json {
            self.stdout.extend_from_slice(text.as_bytes());
            self.stdout.push(b'\n');
        }
        self.flush_if(FLUSH_THRESHOLD)
    }

    /// Writes a line of JSON. Without `--json` it writes nothing.
    pub fn print_json(&mut self, value: &impl Serialize) -> Result {
        if !self.output.json {
            return Ok(());
        }
        serde_json::to_writer(&mut self.stdout, value).map_err(|error| Error::new("cannot write JSON").cause(error))?;
        self.stdout.push(b'\n');
        self.flush_if(FLUSH_THRESHOLD)
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) -> Result {
        self.flush_if(1)
    }

    fn flush_if(&mut self, least: usize) -> Result {
        if self.stdout.len() < least {
            return Ok(());
        }
        let result = self.bar.suspend(|| self.output.write_stdout(&self.stdout));
        self.stdout.clear();
        result
    }
}

/// Returns the counts of a run of `send` for people.
#[must_use]
pub fn send_summary(stats: &DeliveryStats, with_mutations: bool, with_expectation: bool) -> String {
    let mut text = format!("{} sent, ", stats.ended());
    let parts: &[(u64, &str, bool)] = if with_mutations {
        &[
            (stats.rejected, "rejected", true),
            (stats.accepted, "accepted", true),
            (stats.crashed, "crashed", false),
            (stats.skipped, "skipped", false),
        ]
    } else if with_expectation {
        &[(stats.delivered, "as expected", true), (stats.failed, "unexpected", true)]
    } else {
        &[
            (stats.delivered, "delivered", true),
            (stats.failed, "failed", true),
            (stats.held_back, "skipped (endpoint disabled)", false),
        ]
    };
    let parts = parts.iter().filter(|(count, _, always)| *always || *count > 0);
    let parts: Vec<String> = parts.map(|(count, name, _)| format!("{count} {name}")).collect();
    text.push_str(&parts.join(", "));
    text
}
