//! The cases of `--report` for `send` and `replay`: one for each delivery, with its attempts.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::delivery::EventRef;
use super::delivery_line::ACCEPTED;
use super::json::milliseconds;
use super::results::Results;
use super::{Case, MAX_FAILED_CASES};
use crate::delivery::{CompletedAttempt, FaultOutcome, RetryDecision};
use crate::output::human;

/// The longest part of a response that a report shows, in characters.
const MAX_RESPONSE: usize = 300;

/// The group of deliveries that no provider is known for.
pub const NO_PROVIDER: &str = "unknown provider";

/// Records a case for each delivery when it ends.
pub struct DeliveryCases {
    results: Results,
    /// The deliveries that wait for another attempt, by their number: at most as many as a report lists.
    open: HashMap<u64, Trail>,
}

/// The attempts of a delivery.
#[derive(Default)]
struct Trail {
    group: String,
    name: String,
    attempts: Vec<String>,
    duration: Duration,
}

impl DeliveryCases {
    /// Records into these results.
    #[must_use]
    pub fn new(results: Results) -> Self {
        Self { results, open: HashMap::new() }
    }

    /// Records a fact about the whole run.
    pub fn property(&mut self, name: &'static str, value: &str) {
        self.results.recorder.property(name, value);
    }

    /// Records a case that is no delivery.
    pub fn record(&mut self, case: Case) {
        self.results.recorder.record(case);
    }

    /// Records an attempt of the delivery with this number; it may have been the last one.
    pub fn attempted(&mut self, number: u64, group: &str, event: &EventRef<'_>, made: &CompletedAttempt<'_>) {
        let mut trail = self.open.remove(&number).unwrap_or_else(|| Trail {
            group: event.fault.unwrap_or(group).to_owned(),
            name: name(event),
            ..Trail::default()
        });
        trail.attempts.push(describe(made));
        trail.duration += made.outcome.duration;
        match made.decision {
            RetryDecision::Retry(_) => {
                if (self.open.len() as u64) < MAX_FAILED_CASES {
                    self.open.insert(number, trail);
                }
            }
            RetryDecision::Delivered | RetryDecision::Exhausted | RetryDecision::Final | RetryDecision::Gone => {
                let case = trail.case(event, made);
                self.record(case);
            }
        }
    }

    /// Records a delivery that is not made, or not finished, because its endpoint is disabled.
    pub fn held_back(&mut self, number: u64, group: &str, event: &EventRef<'_>) {
        let reason = "the endpoint was disabled after too many failures";
        let case = match self.open.remove(&number) {
            Some(trail) => trail.unfinished(reason),
            None => Case::skipped(event.fault.unwrap_or(group), &name(event), reason),
        };
        self.record(case);
    }

    /// Ends the run. What still waits for an attempt is recorded as skipped.
    #[must_use]
    pub fn finish(mut self) -> Results {
        let mut open: Vec<(u64, Trail)> = std::mem::take(&mut self.open).into_iter().collect();
        open.sort_by_key(|(number, _)| *number);
        for (_, trail) in open {
            self.record(trail.unfinished("the run ended before the next attempt"));
        }
        self.results
    }
}

impl Trail {
    /// The case of a delivery that ended with this attempt.
    fn case(self, event: &EventRef<'_>, made: &CompletedAttempt<'_>) -> Case {
        let case = match event.fault {
            Some(_) => self.rejection(made),
            None => self.delivery(made),
        };
        let body = made.outcome.response.as_ref().ok().filter(|_| !case.is_passed());
        case.duration(self.duration)
            .optional_detail("event id", event.event_id)
            .detail("attempts", &self.attempts.join("\n"))
            .optional_detail("response", body.and_then(|response| excerpt(&response.body)).as_deref())
    }

    /// The case of a request that should be delivered.
    fn delivery(&self, made: &CompletedAttempt<'_>) -> Case {
        match (&made.outcome.response, made.decision) {
            (_, RetryDecision::Delivered) => Case::passed(&self.group, &self.name),
            (Ok(response), _) => {
                let message = format!("not delivered: the handler responded {}", response.status);
                Case::failed(&self.group, &self.name, "unexpected-status", &message)
            }
            (Err(failure), _) => {
                let kind = if failure.is_unreachable() { "unreachable" } else { "no-response" };
                Case::failed(&self.group, &self.name, kind, &format!("not delivered: {}", failure.message))
            }
        }
    }

    /// The case of a request that should be rejected.
    fn rejection(&self, made: &CompletedAttempt<'_>) -> Case {
        let outcome = FaultOutcome::from_attempt(made);
        let result = match &made.outcome.response {
            Ok(response) => format!("the handler responded {}", response.status),
            Err(failure) => failure.message.clone(),
        };
        match outcome {
            FaultOutcome::Rejected => Case::passed(&self.group, &self.name),
            FaultOutcome::Accepted => {
                Case::failed(&self.group, &self.name, outcome.name(), &format!("{ACCEPTED} ({result})"))
            }
            FaultOutcome::Crashed => {
                Case::failed(&self.group, &self.name, outcome.name(), &format!("crashed: {result}"))
            }
        }
    }

    fn unfinished(self, reason: &str) -> Case {
        Case::skipped(&self.group, &self.name, reason)
            .duration(self.duration)
            .detail("attempts", &self.attempts.join("\n"))
    }
}

/// The record's number, if there is one, and the event's type.
fn name(event: &EventRef<'_>) -> String {
    let event_type = event.event_type.unwrap_or("event");
    match event.seq {
        Some(seq) => format!("record {seq}: {event_type}"),
        None => event_type.to_owned(),
    }
}

/// One attempt as a line, such as `2: 500 in 3.1 ms, 5 s after the first`.
fn describe(made: &CompletedAttempt<'_>) -> String {
    let (number, took) = (made.attempt.number, milliseconds(made.outcome.duration));
    let mut line = match &made.outcome.response {
        Ok(response) => format!("{number}: {} in {took:.1} ms", response.status),
        Err(failure) => format!("{number}: {} after {took:.1} ms", failure.message),
    };
    if number > 1 {
        let _ = write!(line, ", {} after the first", human::duration(made.attempt.since_first));
    }
    if made.attempt.possibly_received {
        line.push_str(", perhaps seen before");
    }
    line
}

/// The beginning of a body that is text.
fn excerpt(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_RESPONSE)]);
    let text: String = text.trim().chars().take(MAX_RESPONSE).collect();
    (!text.is_empty()).then_some(text)
}
