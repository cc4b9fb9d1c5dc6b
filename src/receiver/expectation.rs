//! The expectation of a run: the number of accepted events, in all or of some types.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::str::FromStr;

use tokio::sync::Notify;

use crate::capture::Record;
use crate::error::{Error, Result};
use crate::provider::EventPattern;

/// Maximum number of types that a reason names.
const MAX_LISTED_TYPES: usize = 8;

/// Options of an expectation.
#[derive(Clone, Debug, Default)]
pub struct ExpectationOptions {
    /// The number of events, if it matters.
    pub total: Option<u64>,
    /// The numbers of events of some types.
    pub types: Vec<ExpectedType>,
}

/// A type of event, and the number of events that are expected: `TYPE` or `TYPE=N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedType {
    /// The type, or a pattern of types.
    pub pattern: EventPattern,
    /// The number of events.
    pub count: u64,
}

impl FromStr for ExpectedType {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (pattern, count) = text.rsplit_once('=').unwrap_or((text, "1"));
        let count = count.parse().map_err(|_| format!("`{count}` is not a number, expected TYPE or TYPE=N"))?;
        Ok(Self { pattern: pattern.parse()?, count })
    }
}

/// Counts accepted requests against the expected ones.
pub struct Expectation {
    total: Option<u64>,
    types: Vec<ExpectedType>,
    counts: RefCell<Counts>,
    settled: Notify,
}

/// The requests until now.
#[derive(Default)]
struct Counts {
    /// The number of accepted requests.
    accepted: u64,
    /// The number of them that match each of the expected types.
    matched: Vec<u64>,
    /// The ids that were counted; duplicates are not.
    ids: HashSet<(Option<String>, String)>,
    /// The types of the accepted requests, for the reason.
    types_seen: BTreeMap<String, u64>,
    /// The number of valid requests without a 2xx response.
    failed: u64,
    /// The reason why it can no longer be met, if there is one.
    broken: Option<String>,
}

/// The state of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectationStatus {
    /// Everything was received, and nothing more.
    Met,
    /// Something is missing, for this reason.
    Missing(String),
    /// It can no longer be met, for this reason.
    Broken(String),
}

impl Expectation {
    /// Returns the expectation that the options describe; `None` if anything may be received.
    ///
    /// # Errors
    /// It can never be met.
    pub fn from_options(options: ExpectationOptions) -> Result<Option<Self>> {
        let ExpectationOptions { total, types } = options;
        if total.is_none() && types.is_empty() {
            return Ok(None);
        }
        // Patterns may overlap, plain types do not.
        let least: u64 = types.iter().filter(|wanted| wanted.pattern.is_plain()).map(|wanted| wanted.count).sum();
        if let Some(total) = total.filter(|total| *total < least) {
            return Err(Error::new(format!("--expect {total} can never be met: --expect-type adds up to {least}")));
        }
        let counts = Counts { matched: vec![0; types.len()], ..Counts::default() };
        Ok(Some(Self { total, types, counts: RefCell::new(counts), settled: Notify::new() }))
    }

    /// Counts a request that was responded to.
    pub fn observe(&self, record: &Record) {
        let mut counts = self.counts.borrow_mut();
        if counts.broken.is_some() {
            return;
        }
        let verdict = &record.verdict;
        let accepted = record.response.status.is_some_and(|status| (200..300).contains(&status));
        if verdict.status != "valid" {
            // If a handler or a script responds, its rejection may be what is tested.
            if !accepted && record.response.responder == "listen" {
                counts.broken =
                    Some(format!("request {} was rejected as {}: {}", record.seq, verdict.status, verdict.message));
            }
        } else if accepted {
            self.accept(&mut counts, record);
        } else {
            counts.failed += 1;
        }
        drop(counts);
        if self.is_settled() {
            self.settled.notify_waiters();
        }
    }

    fn accept(&self, counts: &mut Counts, record: &Record) {
        let verdict = &record.verdict;
        let event_type = verdict.event_type.as_deref().unwrap_or("");
        let matches: Vec<bool> = self.types.iter().map(|wanted| wanted.pattern.matches(event_type)).collect();
        if self.total.is_none() && !matches.contains(&true) {
            return;
        }
        if let Some(id) = &verdict.event_id
            && !counts.ids.insert((verdict.provider.clone(), id.clone()))
        {
            return;
        }
        counts.accepted += 1;
        if counts.types_seen.len() < MAX_LISTED_TYPES || counts.types_seen.contains_key(event_type) {
            *counts.types_seen.entry(event_type.to_owned()).or_default() += 1;
        }
        for (index, _) in matches.iter().enumerate().filter(|(_, matches)| **matches) {
            counts.matched[index] += 1;
        }
        counts.broken = self.violation(counts);
    }

    /// Returns the reason if there are too many, or something can no longer be received.
    fn violation(&self, counts: &Counts) -> Option<String> {
        for (wanted, received) in self.types.iter().zip(&counts.matched) {
            let (event_type, count) = (wanted.pattern.as_str(), wanted.count);
            if *received > count {
                return Some(format!("expected {count} of {event_type}, received {received}"));
            }
        }
        let total = self.total?;
        if counts.accepted > total {
            return Some(format!("expected {}, received {}", requests(total), counts.accepted));
        }
        let missing = self.missing(counts);
        (counts.accepted == total && !missing.is_empty())
            .then(|| format!("received {}{}, but {missing}", requests(total), list_types(counts)))
    }

    /// Returns `missing message.delivered (1 of 2)`; empty if no type is missing.
    fn missing(&self, counts: &Counts) -> String {
        let missing: Vec<String> = self
            .types
            .iter()
            .zip(&counts.matched)
            .filter(|(wanted, received)| **received < wanted.count)
            .map(|(wanted, received)| format!("{} ({received} of {})", wanted.pattern.as_str(), wanted.count))
            .collect();
        if missing.is_empty() { String::new() } else { format!("missing {}", missing.join(", ")) }
    }

    /// Returns its state. `when` is the end of the wait for the reason, such as `within 30s`.
    pub fn status(&self, when: &str) -> ExpectationStatus {
        let counts = self.counts.borrow();
        if let Some(broken) = &counts.broken {
            return ExpectationStatus::Broken(broken.clone());
        }
        let missing = self.missing(&counts);
        if missing.is_empty() && self.total.is_none_or(|total| total == counts.accepted) {
            return ExpectationStatus::Met;
        }
        let expected =
            self.total.map_or_else(|| "expected more".to_owned(), |total| format!("expected {}", requests(total)));
        let mut reason = format!("{expected}, received {} {when}{}", counts.accepted, list_types(&counts));
        if !missing.is_empty() {
            reason.push_str("; ");
            reason.push_str(&missing);
        }
        if counts.failed > 0 {
            let _ = write!(reason, "; {} more got no 2xx response", counts.failed);
        }
        ExpectationStatus::Missing(reason)
    }

    /// True if more requests can only break it, or it is broken.
    fn is_settled(&self) -> bool {
        match self.status("") {
            ExpectationStatus::Broken(_) => true,
            ExpectationStatus::Met => self.waits_for_something(),
            ExpectationStatus::Missing(_) => false,
        }
    }

    /// True if something must be received; otherwise it is met until something is.
    fn waits_for_something(&self) -> bool {
        self.total.is_some_and(|total| total > 0) || self.types.iter().any(|wanted| wanted.count > 0)
    }

    /// Waits until it is met or broken.
    pub async fn settled(&self) {
        // Created before the check, so that nothing in between is missed.
        let notified = self.settled.notified();
        if !self.is_settled() {
            notified.await;
        }
    }
}

/// Returns `: message.opened, message.delivered (2)`, or nothing.
fn list_types(counts: &Counts) -> String {
    let shown: Vec<String> = counts
        .types_seen
        .iter()
        .map(|(event_type, count)| {
            let event_type = if event_type.is_empty() { "without a type" } else { event_type };
            if *count == 1 { event_type.to_owned() } else { format!("{event_type} ({count})") }
        })
        .collect();
    let more = if counts.types_seen.values().sum::<u64>() < counts.accepted { ", …" } else { "" };
    if shown.is_empty() { String::new() } else { format!(": {}{more}", shown.join(", ")) }
}

fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CapturedRequest, Headers, RecordedResponse, RecordedVerdict};

    fn expectation(total: Option<u64>, types: &[&str]) -> Expectation {
        let types: Vec<ExpectedType> = types.iter().map(|text| text.parse().unwrap()).collect();
        let counts = Counts { matched: vec![0; types.len()], ..Counts::default() };
        Expectation { total, types, counts: RefCell::new(counts), settled: Notify::new() }
    }

    /// `valid TYPE ID STATUS`, or another verdict.
    fn record(text: &str) -> Record {
        let parts: Vec<&str> = text.split(' ').collect();
        let [status, event_type, id, response] = parts[..] else { panic!("{text}") };
        Record {
            seq: 7,
            capture: Box::new(CapturedRequest {
                received_at: None,
                remote_addr: String::new(),
                method: "POST".into(),
                target: "/".to_owned(),
                headers: Headers::default(),
                body: bytes::Bytes::new(),
            }),
            verdict: RecordedVerdict {
                status: status.to_owned().into(),
                provider: Some("standard".to_owned()),
                event_type: Some(event_type.to_owned()),
                event_id: Some(id.to_owned()).filter(|id| id != "-"),
                message: "the reason".into(),
                ..RecordedVerdict::default()
            },
            duplicate: false,
            response: RecordedResponse::new(response.parse().ok(), "listen", std::time::Duration::ZERO),
        }
    }

    /// Returns its state after these requests, and true if that is final.
    fn after(expectation: &Expectation, requests: &[&str]) -> (ExpectationStatus, bool) {
        for text in requests {
            expectation.observe(&record(text));
        }
        (expectation.status("within 1s"), expectation.is_settled())
    }

    fn missing(reason: &str) -> (ExpectationStatus, bool) {
        (ExpectationStatus::Missing(reason.to_owned()), false)
    }

    fn broken(reason: &str) -> (ExpectationStatus, bool) {
        (ExpectationStatus::Broken(reason.to_owned()), true)
    }

    #[test]
    fn valid_requests_that_were_accepted_count_once_each() {
        let three = expectation(Some(3), &[]);
        assert_eq!(after(&three, &[]), missing("expected 3 requests, received 0 within 1s"));
        let some = ["valid a 1 200", "valid a 1 200", "valid a 2 500", "valid b 3 204"];
        let reason = "expected 3 requests, received 2 within 1s: a, b; 1 more got no 2xx response";
        assert_eq!(after(&three, &some), missing(reason));
        assert_eq!(
            after(&three, &["valid a 2 200"]),
            (ExpectationStatus::Met, true),
            "the handler accepted the duplicate"
        );
        assert_eq!(after(&three, &["valid a 3 200"]), (ExpectationStatus::Met, true), "a duplicate of a counted one");
        assert_eq!(after(&three, &["valid a 4 200"]), broken("expected 3 requests, received 4"));
    }

    #[test]
    fn types_are_missing_too_many_or_out_of_reach() {
        let types = ["a=2", "b.*"];
        let some = ["valid a 1 200", "valid c 2 200"];
        let reason = "expected more, received 1 within 1s: a; missing a (1 of 2), b.* (0 of 1)";
        assert_eq!(after(&expectation(None, &types), &some), missing(reason));
        let reason = "expected 4 requests, received 2 within 1s: a, c; missing a (1 of 2), b.* (0 of 1)";
        assert_eq!(after(&expectation(Some(4), &types), &some), missing(reason));
        let reason = "received 2 requests: a, c, but missing a (1 of 2), b.* (0 of 1)";
        assert_eq!(after(&expectation(Some(2), &types), &some), broken(reason));
        let all = ["valid a 1 200", "valid b.x 2 200", "valid a - 200"];
        assert_eq!(after(&expectation(None, &types), &all), (ExpectationStatus::Met, true));
        let many = ["valid b.x 1 200", "valid b.y 2 200"];
        assert_eq!(after(&expectation(None, &types), &many), broken("expected 1 of b.*, received 2"));
    }

    #[test]
    fn a_rejected_request_breaks_it_and_an_accepted_invalid_one_does_not() {
        let accepted = ["unsigned a - 200", "invalid a - 200"];
        assert_eq!(after(&expectation(Some(1), &[]), &accepted), missing("expected 1 request, received 0 within 1s"));
        for status in ["invalid", "unsigned", "unchecked"] {
            let rejected = format!("{status} a 1 400");
            let reason = format!("request 7 was rejected as {status}: the reason");
            assert_eq!(after(&expectation(Some(1), &[]), &[&rejected, "valid a 1 200"]), broken(&reason));
        }
    }

    #[test]
    fn a_rejection_by_the_handler_does_not_break_it() {
        let mut record = record("invalid a 1 401");
        record.response.responder = "forward".into();
        let one = expectation(Some(1), &[]);
        one.observe(&record);
        assert_eq!(after(&one, &[]), missing("expected 1 request, received 0 within 1s"));
    }

    #[test]
    fn nothing_may_be_expected_until_the_end() {
        for (none, reason) in [
            (expectation(Some(0), &[]), "expected 0 requests, received 1"),
            (expectation(None, &["a=0"]), "expected 0 of a, received 1"),
        ] {
            assert_eq!(after(&none, &["unsigned a - 200"]), (ExpectationStatus::Met, false));
            assert_eq!(after(&none, &["valid a 1 200"]), broken(reason));
        }
    }
}
