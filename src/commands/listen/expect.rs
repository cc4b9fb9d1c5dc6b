//! The expectation of a run: `--expect` and `--expect-type`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use tokio::sync::Notify;

use crate::capture::Record;
use crate::cli::{ListenArgs, TypeCount};
use crate::error::{Error, Result};

/// The number of types that a reason names.
const NAMED: usize = 8;

/// Counts accepted requests against the expected ones.
pub(super) struct Expectation {
    total: Option<u64>,
    types: Vec<TypeCount>,
    tally: RefCell<Tally>,
    settled: Notify,
}

/// The requests until now.
#[derive(Default)]
struct Tally {
    /// The number of accepted requests.
    accepted: u64,
    /// The number of them that match each of the expected types.
    fitting: Vec<u64>,
    /// The ids that were counted; duplicates are not.
    ids: HashSet<(Option<String>, String)>,
    /// The types of the accepted requests, for the reason.
    kinds: BTreeMap<String, u64>,
    /// The number of valid requests without a 2xx response.
    failed: u64,
    /// The reason why it can no longer be met, if there is one.
    broken: Option<String>,
}

/// The state of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything was received, and nothing more.
    Met,
    /// Something is missing, for this reason.
    Missing(String),
    /// It can no longer be met, for this reason.
    Broken(String),
}

impl Expectation {
    /// Returns the expectation that the flags describe, if any.
    pub(super) fn of(flags: &ListenArgs) -> Result<Option<Self>> {
        let types = flags.expected_types.clone();
        if flags.expect.is_none() && types.is_empty() {
            return Ok(None);
        }
        // Patterns may overlap, plain types do not.
        let least: u64 = types.iter().filter(|wanted| wanted.kind.is_plain()).map(|wanted| wanted.count).sum();
        if let Some(total) = flags.expect.filter(|total| *total < least) {
            return Err(Error::new(format!("--expect {total} can never be met: --expect-type adds up to {least}")));
        }
        let tally = Tally { fitting: vec![0; types.len()], ..Tally::default() };
        Ok(Some(Self { total: flags.expect, types, tally: RefCell::new(tally), settled: Notify::new() }))
    }

    /// Counts a request that was responded to.
    pub(super) fn saw(&self, record: &Record) {
        let mut tally = self.tally.borrow_mut();
        if tally.broken.is_some() {
            return;
        }
        let verdict = &record.verdict;
        let taken = record.response.status.is_some_and(|status| (200..300).contains(&status));
        if verdict.status != "valid" {
            // If a handler or a script responds, its rejection may be what is tested.
            if !taken && record.response.responder == "listen" {
                tally.broken =
                    Some(format!("request {} was rejected as {}: {}", record.seq, verdict.status, verdict.message));
            }
        } else if taken {
            self.accept(&mut tally, record);
        } else {
            tally.failed += 1;
        }
        drop(tally);
        if self.is_settled() {
            self.settled.notify_waiters();
        }
    }

    fn accept(&self, tally: &mut Tally, record: &Record) {
        let verdict = &record.verdict;
        let kind = verdict.event_type.as_deref().unwrap_or("");
        let fits: Vec<bool> = self.types.iter().map(|wanted| wanted.kind.matches(kind)).collect();
        if self.total.is_none() && !fits.contains(&true) {
            return;
        }
        if let Some(id) = &verdict.event_id
            && !tally.ids.insert((verdict.provider.clone(), id.clone()))
        {
            return;
        }
        tally.accepted += 1;
        if tally.kinds.len() < NAMED || tally.kinds.contains_key(kind) {
            *tally.kinds.entry(kind.to_owned()).or_default() += 1;
        }
        for (at, _) in fits.iter().enumerate().filter(|(_, fits)| **fits) {
            tally.fitting[at] += 1;
        }
        tally.broken = self.breach(tally);
    }

    /// Returns the reason if there are too many, or something can no longer be received.
    fn breach(&self, tally: &Tally) -> Option<String> {
        for (wanted, came) in self.types.iter().zip(&tally.fitting) {
            let (kind, count) = (wanted.kind.as_str(), wanted.count);
            if *came > count {
                return Some(format!("expected {count} of {kind}, received {came}"));
            }
        }
        let total = self.total?;
        if tally.accepted > total {
            return Some(format!("expected {}, received {}", requests(total), tally.accepted));
        }
        let missing = self.missing(tally);
        (tally.accepted == total && !missing.is_empty())
            .then(|| format!("received {}{}, but {missing}", requests(total), kinds(tally)))
    }

    /// Returns `missing message.delivered (1 of 2)`; empty if no type is missing.
    fn missing(&self, tally: &Tally) -> String {
        let missing: Vec<String> = self
            .types
            .iter()
            .zip(&tally.fitting)
            .filter(|(wanted, came)| **came < wanted.count)
            .map(|(wanted, came)| format!("{} ({came} of {})", wanted.kind.as_str(), wanted.count))
            .collect();
        if missing.is_empty() { String::new() } else { format!("missing {}", missing.join(", ")) }
    }

    /// Returns its state. `when` is the end of the wait for the reason, such as `within 30s`.
    pub(super) fn standing(&self, when: &str) -> Standing {
        let tally = self.tally.borrow();
        if let Some(broken) = &tally.broken {
            return Standing::Broken(broken.clone());
        }
        let missing = self.missing(&tally);
        if missing.is_empty() && self.total.is_none_or(|total| total == tally.accepted) {
            return Standing::Met;
        }
        let expected =
            self.total.map_or_else(|| "expected more".to_owned(), |total| format!("expected {}", requests(total)));
        let mut reason = format!("{expected}, received {} {when}{}", tally.accepted, kinds(&tally));
        if !missing.is_empty() {
            reason.push_str("; ");
            reason.push_str(&missing);
        }
        if tally.failed > 0 {
            let _ = write!(reason, "; {} more got no 2xx response", tally.failed);
        }
        Standing::Missing(reason)
    }

    /// True if more requests can only break it, or it is broken.
    fn is_settled(&self) -> bool {
        match self.standing("") {
            Standing::Broken(_) => true,
            Standing::Met => self.waits_for_something(),
            Standing::Missing(_) => false,
        }
    }

    /// True if something must be received; otherwise it is met until something is.
    fn waits_for_something(&self) -> bool {
        self.total.is_some_and(|total| total > 0) || self.types.iter().any(|wanted| wanted.count > 0)
    }

    /// Waits until it is met or broken.
    pub(super) async fn settled(&self) {
        // Created before the check, so that nothing in between is missed.
        let notified = self.settled.notified();
        if !self.is_settled() {
            notified.await;
        }
    }
}

/// Returns `: message.opened, message.delivered (2)`, or nothing.
fn kinds(tally: &Tally) -> String {
    let shown: Vec<String> = tally
        .kinds
        .iter()
        .map(|(kind, count)| {
            let kind = if kind.is_empty() { "without a type" } else { kind };
            if *count == 1 { kind.to_owned() } else { format!("{kind} ({count})") }
        })
        .collect();
    let more = if tally.kinds.values().sum::<u64>() < tally.accepted { ", …" } else { "" };
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
        let types: Vec<TypeCount> = types.iter().map(|text| text.parse().unwrap()).collect();
        let tally = Tally { fitting: vec![0; types.len()], ..Tally::default() };
        Expectation { total, types, tally: RefCell::new(tally), settled: Notify::new() }
    }

    /// `valid TYPE ID STATUS`, or another verdict.
    fn record(text: &str) -> Record {
        let parts: Vec<&str> = text.split(' ').collect();
        let [status, kind, id, answer] = parts[..] else { panic!("{text}") };
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
                event_type: Some(kind.to_owned()),
                event_id: Some(id.to_owned()).filter(|id| id != "-"),
                message: "the reason".into(),
                ..RecordedVerdict::default()
            },
            duplicate: false,
            response: RecordedResponse::new(answer.parse().ok(), "listen", std::time::Duration::ZERO),
        }
    }

    /// Returns its state after these requests, and true if that is final.
    fn after(expectation: &Expectation, requests: &[&str]) -> (Standing, bool) {
        for text in requests {
            expectation.saw(&record(text));
        }
        (expectation.standing("within 1s"), expectation.is_settled())
    }

    fn missing(reason: &str) -> (Standing, bool) {
        (Standing::Missing(reason.to_owned()), false)
    }

    fn broken(reason: &str) -> (Standing, bool) {
        (Standing::Broken(reason.to_owned()), true)
    }

    #[test]
    fn valid_requests_that_were_accepted_count_once_each() {
        let three = expectation(Some(3), &[]);
        assert_eq!(after(&three, &[]), missing("expected 3 requests, received 0 within 1s"));
        let some = ["valid a 1 200", "valid a 1 200", "valid a 2 500", "valid b 3 204"];
        let reason = "expected 3 requests, received 2 within 1s: a, b; 1 more got no 2xx response";
        assert_eq!(after(&three, &some), missing(reason));
        assert_eq!(after(&three, &["valid a 2 200"]), (Standing::Met, true), "the handler accepted the duplicate");
        assert_eq!(after(&three, &["valid a 3 200"]), (Standing::Met, true), "a duplicate of a counted one");
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
        assert_eq!(after(&expectation(None, &types), &all), (Standing::Met, true));
        let many = ["valid b.x 1 200", "valid b.y 2 200"];
        assert_eq!(after(&expectation(None, &types), &many), broken("expected 1 of b.*, received 2"));
    }

    #[test]
    fn a_rejected_request_breaks_it_and_an_accepted_invalid_one_does_not() {
        let taken = ["unsigned a - 200", "invalid a - 200"];
        assert_eq!(after(&expectation(Some(1), &[]), &taken), missing("expected 1 request, received 0 within 1s"));
        for status in ["invalid", "unsigned", "unchecked"] {
            let refused = format!("{status} a 1 400");
            let reason = format!("request 7 was rejected as {status}: the reason");
            assert_eq!(after(&expectation(Some(1), &[]), &[&refused, "valid a 1 200"]), broken(&reason));
        }
    }

    #[test]
    fn a_rejection_by_the_handler_does_not_break_it() {
        let mut record = record("invalid a 1 401");
        record.response.responder = "forward".into();
        let one = expectation(Some(1), &[]);
        one.saw(&record);
        assert_eq!(after(&one, &[]), missing("expected 1 request, received 0 within 1s"));
    }

    #[test]
    fn nothing_may_be_expected_until_the_end() {
        for (none, reason) in [
            (expectation(Some(0), &[]), "expected 0 requests, received 1"),
            (expectation(None, &["a=0"]), "expected 0 of a, received 1"),
        ] {
            assert_eq!(after(&none, &["unsigned a - 200"]), (Standing::Met, false));
            assert_eq!(after(&none, &["valid a 1 200"]), broken(reason));
        }
    }
}
