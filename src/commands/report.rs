//! The lines that `send` and `replay` print about their deliveries: each attempt, each end, and the sums.

use std::fmt::{self, Write as _};
use std::time::Duration;

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::Serialize;

use super::tally::{FaultOutcome, Tally};
use crate::delivery::{CompletedAttempt, RetryDecision, TimeScale};
use crate::error::Result;
use crate::output::{MAX_ANNOTATIONS, Output, Style, Verbosity, body_lines, clean, human};

/// The delivery that a line is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The record's number, where it comes from a log.
    pub(super) seq: Option<u64>,
    /// The event's type.
    pub(super) kind: Option<&'a str>,
    /// The event's id.
    pub(super) id: Option<&'a str>,
    /// The fault that the request was given on purpose.
    pub(super) fault: Option<&'a str>,
}

/// The outcome of an attempt, as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Failed,
    /// That of a request that should be rejected.
    Fault(FaultOutcome),
}

/// The words for a handler that accepts what it should reject.
pub(super) const ACCEPTED: &str = "accepted: anyone could have sent this event";

impl Outcome {
    fn of(subject: &Subject<'_>, made: &CompletedAttempt<'_>) -> Self {
        match (subject.fault, made.decision) {
            (Some(_), _) => Self::Fault(FaultOutcome::of(made)),
            (None, RetryDecision::Delivered) => Self::Delivered,
            (None, _) => Self::Failed,
        }
    }

    /// Whether it is the wanted one.
    fn is_good(self) -> bool {
        matches!(self, Self::Delivered | Self::Fault(FaultOutcome::Rejected))
    }

    /// Whether the body of the response says why it is not.
    fn is_explained(self) -> bool {
        matches!(self, Self::Failed | Self::Fault(FaultOutcome::Crashed))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Fault(outcome) => outcome.name(),
        }
    }

    /// The beginning of a line, before the status.
    fn mark(self) -> String {
        match self {
            Self::Delivered => "✓ ".to_owned(),
            Self::Failed => "✗ ".to_owned(),
            Self::Fault(FaultOutcome::Rejected) => "✓ rejected  ".to_owned(),
            Self::Fault(FaultOutcome::Accepted) => format!("✗ {ACCEPTED}  "),
            Self::Fault(FaultOutcome::Crashed) => "✗ crashed   ".to_owned(),
        }
    }
}

/// How a column is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Bold,
    Plain,
    Cyan,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "attempt")]
struct AttemptLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
    attempt: u32,
    url: &'a str,
    at: String,
    status: Option<u16>,
    error: Option<&'a str>,
    duration_ms: f64,
    wait_s: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    perhaps_seen: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "delivery")]
struct DeliveryLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
    outcome: &'static str,
    attempts: u32,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "disabled")]
struct DisabledLine<'a> {
    after: u32,
    url: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "skipped")]
struct SkippedLine<'a> {
    fault: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    sent: u64,
    delivered: u64,
    failed: u64,
    attempts: u64,
    held_back: u64,
    #[serde(flatten)]
    times: Times,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct FaultSummaryLine {
    sent: u64,
    rejected: u64,
    accepted: u64,
    crashed: u64,
    skipped: u64,
    attempts: u64,
    #[serde(flatten)]
    times: Times,
}

#[derive(Serialize)]
struct Times {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    per_second: Option<f64>,
}

/// Prints what becomes of deliveries. Text is buffered until [`Report::flush`], so that many lines go out in one write.
pub(super) struct Report {
    output: Output,
    /// The command, as annotations name it.
    command: &'static str,
    stdout: Vec<u8>,
    /// A bar that must not be printed over.
    bar: ProgressBar,
    /// The speed of the provider's time, which waits are in.
    speed: TimeScale,
    pub(super) tally: Tally,
    /// The widths of the columns of types, faults and ids, as far as they are known.
    widths: [usize; 3],
    annotations: usize,
    /// Whether a handler that was never reached is the subject of an error that follows.
    error_follows: bool,
}

/// The size at which the buffer is written.
const FLUSH_THRESHOLD: usize = 1 << 16;
/// The most lines of a response's body.
const MAX_BODY_LINES: usize = 24;

impl Report {
    pub(super) fn new(output: Output, command: &'static str) -> Self {
        Self {
            output,
            command,
            stdout: Vec::new(),
            bar: ProgressBar::hidden(),
            speed: TimeScale::REAL,
            tally: Tally::default(),
            widths: [0; 3],
            annotations: 0,
            error_follows: false,
        }
    }

    /// Sets the speed of the provider's time.
    pub(super) fn at_speed(self, speed: TimeScale) -> Self {
        Self { speed, ..self }
    }

    /// Prints beside this bar from now on.
    pub(super) fn set_bar(&mut self, bar: ProgressBar) {
        self.bar = bar;
    }

    /// Makes the columns as wide as these types and faults.
    pub(super) fn align<'t>(&mut self, types: impl Iterator<Item = &'t str>, faults: impl Iterator<Item = &'t str>) {
        self.widths[0] = types.map(|text| text.chars().count()).max().unwrap_or(0);
        self.widths[1] = faults.map(str::len).max().unwrap_or(0);
    }

    /// Leaves a handler that was never reached to the error that follows.
    pub(super) fn leave_unreachable_to_the_error(&mut self) {
        self.error_follows = true;
    }

    /// Reports an attempt, out of `most` at most; it may have been the last of its delivery.
    pub(super) fn attempted(
        &mut self,
        subject: &Subject<'_>,
        url: &impl fmt::Display,
        at: Timestamp,
        made: &CompletedAttempt<'_>,
        most: usize,
    ) -> Result {
        self.tally.count(made, subject.fault.is_some());
        let outcome = Outcome::of(subject, made);
        if self.output.json {
            self.attempt_line(subject, &url.to_string(), at, made)?;
            if !matches!(made.decision, RetryDecision::Retry(_)) {
                self.object(&DeliveryLine {
                    seq: subject.seq,
                    event_type: subject.kind,
                    event_id: subject.id,
                    fault: subject.fault,
                    outcome: outcome.name(),
                    attempts: made.attempt.number,
                })?;
            }
        } else if !self.is_hidden(outcome, made) {
            self.lines(subject, outcome, made, most);
        }
        if !outcome.is_good() && !matches!(made.decision, RetryDecision::Retry(_)) {
            self.annotate(subject, outcome, made)?;
        }
        self.flush_if(FLUSH_THRESHOLD)
    }

    /// Reports a fault that is not sent.
    pub(super) fn skipped(&mut self, fault: &str, reason: &str) -> Result {
        self.tally.skipped += 1;
        self.object(&SkippedLine { fault, reason })?;
        if self.output.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.answer(&self.output.paint.faint(&format!("- skipped   {fault}: {reason}")))
    }

    fn is_hidden(&self, outcome: Outcome, made: &CompletedAttempt<'_>) -> bool {
        let unreached = self.error_follows && self.tally.never_reached().is_some() && made.outcome.response.is_err();
        unreached || self.output.verbosity == Verbosity::Quiet && outcome.is_good()
    }

    fn attempt_line(&mut self, subject: &Subject<'_>, url: &str, at: Timestamp, made: &CompletedAttempt<'_>) -> Result {
        let answer = &made.outcome.response;
        self.object(&AttemptLine {
            seq: subject.seq,
            event_type: subject.kind,
            event_id: subject.id,
            fault: subject.fault,
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

    /// An attempt for people: `✓ 200  message.bounced  wh_…  0.9 ms`, and the body of a response that explains a failure.
    fn lines(&mut self, subject: &Subject<'_>, outcome: Outcome, made: &CompletedAttempt<'_>, most: usize) {
        let paint = self.output.paint;
        let (status, detail) = match &made.outcome.response {
            Ok(answer) => {
                let took = format!("{:.1} ms", milliseconds(made.outcome.duration));
                (answer.status.to_string(), paint.faint(&took))
            }
            Err(failure) => (String::new(), clean(&failure.message).into_owned()),
        };
        let mark = format!("{}{status:3}", outcome.mark());
        let mut line = if outcome.is_good() { paint.green(&mark) } else { paint.red(&mark) };
        // The id matters less than the fault, and both would be too wide for a terminal.
        let id = if subject.fault.is_some() { None } else { Some(subject.id.unwrap_or("-")) };
        let cells = [(subject.kind, Column::Bold), (subject.fault, Column::Plain), (id, Column::Cyan)];
        for (width, (text, column)) in self.widths.iter_mut().zip(cells) {
            if text.is_none() && *width == 0 || id.is_none() && column == Column::Cyan {
                continue;
            }
            let text = clean(text.unwrap_or("-"));
            *width = (*width).max(text.chars().count());
            let padded = format!("{text:0$}", *width);
            line.push_str("  ");
            line.push_str(&match column {
                Column::Bold => paint.bold(&padded),
                Column::Cyan => paint.cyan(&padded),
                Column::Plain => padded,
            });
        }
        line.push_str("  ");
        line.push_str(&detail);
        if most > 1 || made.attempt.possibly_received {
            line.push_str(&paint.faint(&place(made, most, self.speed)));
        }
        line.push('\n');
        self.stdout.extend_from_slice(line.as_bytes());
        // A failure is explained by the handler's own words, the first time.
        if let Ok(answer) = &made.outcome.response
            && (self.output.verbosity == Verbosity::Verbose || outcome.is_explained() && made.attempt.number == 1)
        {
            let body = body_lines(&answer.body, paint, MAX_BODY_LINES);
            let body: Vec<String> = body.iter().map(|text| format!("    {text}")).collect();
            if !body.is_empty() {
                self.stdout.extend_from_slice(Output::guard_ci_commands(&body).as_bytes());
            }
        }
    }

    /// Makes a failure stand out in GitHub Actions.
    fn annotate(&mut self, subject: &Subject<'_>, outcome: Outcome, made: &CompletedAttempt<'_>) -> Result {
        if self.annotations == MAX_ANNOTATIONS || !Output::annotates() {
            return Ok(());
        }
        self.annotations += 1;
        self.flush()?;
        let mut message = match outcome {
            Outcome::Fault(FaultOutcome::Accepted) => format!("{}: {ACCEPTED}", subject.fault.unwrap_or_default()),
            Outcome::Fault(outcome) => format!("{}: {}", subject.fault.unwrap_or_default(), outcome.name()),
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
        let title = format!("{}: {}", self.command, subject.kind.or(subject.id).unwrap_or("request"));
        self.bar.suspend(|| self.output.annotate(&title, &message))
    }

    /// Nothing is delivered to this endpoint any more.
    pub(super) fn disabled(&mut self, url: &str, after: u32) -> Result {
        self.object(&DisabledLine { after, url })?;
        self.flush()?;
        let text = format!("{} is disabled {}; skipping the rest", clean(url), why_disabled(after));
        self.bar.suspend(|| self.output.status(&self.output.stderr_style.yellow(&text)));
        Ok(())
    }

    /// The sums of everything, as JSON; those of faults if requests were made wrong on purpose.
    pub(super) fn summary(&mut self, elapsed: Duration, with_faults: bool) -> Result {
        let tally = &self.tally;
        let sent = tally.ended();
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let rate = (sent > 0 && seconds > 0.0).then(|| (sent as f64 / seconds * 10.0).round() / 10.0);
        let times = Times {
            p50_ms: tally.durations.rank(50),
            p95_ms: tally.durations.rank(95),
            p99_ms: tally.durations.rank(99),
            max_ms: tally.durations.rank(100),
            per_second: rate,
        };
        let Tally { delivered, failed, rejected, accepted, crashed, skipped, attempts, held_back, .. } = *tally;
        if with_faults {
            self.object(&FaultSummaryLine { sent, rejected, accepted, crashed, skipped, attempts, times })?;
        } else {
            self.object(&SummaryLine { sent, delivered, failed, attempts, held_back, times })?;
        }
        self.flush()
    }

    /// An answer for people.
    pub(super) fn answer(&mut self, text: &str) -> Result {
        if !self.output.json {
            self.stdout.extend_from_slice(text.as_bytes());
            self.stdout.push(b'\n');
        }
        self.flush_if(FLUSH_THRESHOLD)
    }

    pub(super) fn object(&mut self, value: &impl Serialize) -> Result {
        if !self.output.json {
            return Ok(());
        }
        serde_json::to_writer(&mut self.stdout, value)
            .map_err(|error| crate::error::Error::new("cannot write JSON").cause(error))?;
        self.stdout.push(b'\n');
        self.flush_if(FLUSH_THRESHOLD)
    }

    /// Writes what was kept.
    pub(super) fn flush(&mut self) -> Result {
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

/// Why an endpoint is disabled after so many failures. No provider gives up after one; an endpoint that says that it is
/// gone is believed at once.
pub(super) fn why_disabled(after: u32) -> String {
    if after == 1 {
        "because it said that it is gone (410)".to_owned()
    } else {
        format!("after {after} failures in a row")
    }
}

/// Which attempt it was, and when the next one follows.
fn place(made: &CompletedAttempt<'_>, most: usize, speed: TimeScale) -> String {
    let attempt = &made.attempt;
    let mut parts = Vec::new();
    match made.decision {
        RetryDecision::Delivered if attempt.number == 1 => {}
        RetryDecision::Delivered => parts.push(format!("attempt {}", attempt.number)),
        _ => parts.push(format!("{} of {most}", attempt.number)),
    }
    if attempt.possibly_received {
        parts.push("possibly received before".to_owned());
    }
    if let RetryDecision::Retry(wait) = made.decision {
        // The wait is the provider's own, which the replay divides.
        let scaled = match speed {
            _ if speed == TimeScale::REAL => String::new(),
            TimeScale::Times(times) => format!(" (÷{times})"),
            TimeScale::Max => " (no waiting)".to_owned(),
        };
        parts.push(format!("next in {}{scaled}", human::duration(wait)));
    }
    if parts.is_empty() { String::new() } else { format!("  {}", parts.join(", ")) }
}

/// In milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// In seconds, to the millisecond.
pub(super) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
