//! Attempts as lines for people.

use super::delivery::EventRef;
use super::json::milliseconds;
use crate::delivery::{CompletedAttempt, DisableReason, EndpointDisabled, FaultOutcome, RetryDecision, TimeScale};
use crate::duration::HumanDuration;
use crate::output::{Output, Style, body_lines, human, sanitize};

/// The outcome of an attempt, as it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Delivered,
    Failed,
    /// That of a request that should be rejected.
    Fault(FaultOutcome),
}

/// The words for a handler that accepts what it should reject.
pub(super) const ACCEPTED: &str = "accepted: anyone could have sent this event";

impl Outcome {
    pub(super) fn from_attempt(event: &EventRef<'_>, made: &CompletedAttempt<'_>) -> Self {
        match (event.fault, made.decision) {
            (Some(_), _) => Self::Fault(FaultOutcome::from_attempt(made)),
            (None, RetryDecision::Delivered) => Self::Delivered,
            (None, _) => Self::Failed,
        }
    }

    /// Returns whether it is the wanted one.
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Delivered | Self::Fault(FaultOutcome::Rejected))
    }

    /// Returns whether the body of the response says why it is not.
    fn is_explained(self) -> bool {
        matches!(self, Self::Failed | Self::Fault(FaultOutcome::Crashed))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Fault(outcome) => outcome.name(),
        }
    }

    /// Returns the beginning of a line, before the status.
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

/// The style of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Bold,
    Plain,
    Cyan,
}

/// The most lines of a response's body.
pub(super) const MAX_BODY_LINES: usize = 24;

/// Renders attempts as lines for people, in columns that grow with their content.
pub(super) struct AttemptRenderer {
    style: Style,
    /// True if the body of every response is shown.
    verbose: bool,
    /// The speed of the provider's time, in which waits are given.
    speed: TimeScale,
    /// The widths of the columns of types, faults and ids, as far as they are known.
    widths: [usize; 3],
}

impl AttemptRenderer {
    pub(super) fn new(style: Style, verbose: bool) -> Self {
        Self { style, verbose, speed: TimeScale::REAL, widths: [0; 3] }
    }

    /// Sets the speed of the provider's time.
    pub(super) fn set_speed(&mut self, speed: TimeScale) {
        self.speed = speed;
    }

    /// Makes the columns as wide as these types and faults.
    pub(super) fn align<'t>(&mut self, types: impl Iterator<Item = &'t str>, faults: impl Iterator<Item = &'t str>) {
        self.widths[0] = types.map(|text| text.chars().count()).max().unwrap_or(0);
        self.widths[1] = faults.map(str::len).max().unwrap_or(0);
    }

    /// Writes an attempt: `✓ 200  message.bounced  wh_…  0.9 ms`, and the body of a response that explains a failure.
    pub(super) fn render(
        &mut self,
        event: &EventRef<'_>,
        outcome: Outcome,
        made: &CompletedAttempt<'_>,
        max_attempts: usize,
        writer: &mut Vec<u8>,
    ) {
        let style = self.style;
        let (status, detail) = match &made.outcome.response {
            Ok(answer) => {
                let took = format!("{:.1} ms", milliseconds(made.outcome.duration));
                (answer.status.to_string(), style.faint(&took))
            }
            Err(failure) => (String::new(), sanitize(&failure.message).into_owned()),
        };
        let mark = format!("{}{status:3}", outcome.mark());
        let mut line = if outcome.is_good() { style.green(&mark) } else { style.red(&mark) };
        // The id matters less than the fault, and both would be too wide for a terminal.
        let id = if event.fault.is_some() { None } else { Some(event.event_id.unwrap_or("-")) };
        let cells = [(event.event_type, Column::Bold), (event.fault, Column::Plain), (id, Column::Cyan)];
        for (width, (text, column)) in self.widths.iter_mut().zip(cells) {
            if text.is_none() && *width == 0 || id.is_none() && column == Column::Cyan {
                continue;
            }
            let text = sanitize(text.unwrap_or("-"));
            *width = (*width).max(text.chars().count());
            let padded = format!("{text:0$}", *width);
            line.push_str("  ");
            line.push_str(&match column {
                Column::Bold => style.bold(&padded),
                Column::Cyan => style.cyan(&padded),
                Column::Plain => padded,
            });
        }
        line.push_str("  ");
        line.push_str(&detail);
        if max_attempts > 1 || made.attempt.possibly_received {
            line.push_str(&style.faint(&attempt_position(made, max_attempts, self.speed)));
        }
        line.push('\n');
        writer.extend_from_slice(line.as_bytes());
        // A failure is explained by the handler's own words, the first time.
        if let Ok(answer) = &made.outcome.response
            && (self.verbose || outcome.is_explained() && made.attempt.number == 1)
        {
            let body = body_lines(&answer.body, style, MAX_BODY_LINES);
            let body: Vec<String> = body.iter().map(|text| format!("    {text}")).collect();
            if !body.is_empty() {
                writer.extend_from_slice(Output::guard_ci_commands(&body).as_bytes());
            }
        }
    }
}

/// Returns the reason why an endpoint is disabled, as the end of a sentence.
#[must_use]
pub(super) fn disabled_reason(disabled: EndpointDisabled) -> String {
    let failures = disabled.failures;
    match disabled.reason {
        DisableReason::Gone => "because it said that it is gone (410)".to_owned(),
        DisableReason::Failures => format!("after {failures} failures in a row"),
        DisableReason::Time(limit) => format!("after {} without a success", HumanDuration(limit)),
    }
}

/// Returns the number of the attempt, and the wait before the next one.
fn attempt_position(made: &CompletedAttempt<'_>, max_attempts: usize, speed: TimeScale) -> String {
    let attempt = &made.attempt;
    let mut parts = Vec::new();
    match made.decision {
        RetryDecision::Delivered if attempt.number == 1 => {}
        RetryDecision::Delivered => parts.push(format!("attempt {}", attempt.number)),
        RetryDecision::Final => parts.push(format!("{} of {max_attempts}, not retried", attempt.number)),
        _ => parts.push(format!("{} of {max_attempts}", attempt.number)),
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
