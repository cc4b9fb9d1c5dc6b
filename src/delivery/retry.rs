//! The retry decision after an attempt, from the provider's policy; uses neither clock nor network.

use std::time::Duration;

use jiff::Timestamp;

use super::clock::scaled;
use crate::http::client::{AttemptErrorKind, AttemptOutcome, AttemptResponse};
use crate::provider::{DeliveryPolicy, FailureKind};
use crate::random::Rng;

/// The decision after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// No further attempt: it was delivered.
    Delivered,
    /// Another attempt after this delay, counted from the response, in provider time.
    Retry(Duration),
    /// No further attempt: the schedule is exhausted.
    Exhausted,
    /// No further attempt: the provider does not retry after this response.
    Final,
    /// No further attempt: the endpoint responded that it is gone, and is disabled.
    Gone,
}

/// Upper limit of a delay that a handler asks for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Decides what follows the attempt with this number, counted from 1.
#[must_use]
pub fn decide(
    policy: &DeliveryPolicy,
    attempt: u32,
    outcome: &AttemptOutcome,
    now: Timestamp,
    rng: &mut Rng,
) -> RetryDecision {
    let response = outcome.response.as_ref().ok();
    if response.is_some_and(|response| policy.success.contains(response.status)) {
        return RetryDecision::Delivered;
    }
    if policy.disable_on_gone && response.is_some_and(|response| response.status == 410) {
        return RetryDecision::Gone;
    }
    if response.is_some_and(|response| is_final(policy, response)) {
        return RetryDecision::Final;
    }
    let Some(delay) = retry_delay(policy, attempt, rng) else { return RetryDecision::Exhausted };
    RetryDecision::Retry(adjusted_delay(policy, delay, outcome, now))
}

/// Returns the kind of failure of an attempt that was not delivered.
#[must_use]
pub fn failure_kind(outcome: &AttemptOutcome) -> FailureKind {
    match &outcome.response {
        Ok(_) => FailureKind::Status,
        Err(error) => match error.kind {
            AttemptErrorKind::Timeout => FailureKind::Timeout,
            AttemptErrorKind::Unreachable => FailureKind::Connection,
            AttemptErrorKind::PlainHttp
            | AttemptErrorKind::TlsOnly
            | AttemptErrorKind::Handshake
            | AttemptErrorKind::Certificate => FailureKind::Tls,
            AttemptErrorKind::NoResponse => FailureKind::Other,
        },
    }
}

/// True if the provider does not retry after this response.
fn is_final(policy: &DeliveryPolicy, response: &AttemptResponse) -> bool {
    policy.final_response.as_ref().is_some_and(|rule| {
        let has_header = rule.header.as_ref().is_some_and(|(name, value)| response.header(name) == Some(value));
        has_header || rule.status.as_ref().is_some_and(|statuses| statuses.contains(response.status))
    })
}

/// Returns a scheduled delay as the failure changes it: `retry-after` and some failures make it longer.
fn adjusted_delay(policy: &DeliveryPolicy, delay: Duration, outcome: &AttemptOutcome, now: Timestamp) -> Duration {
    let response = outcome.response.as_ref().ok();
    let requested = response.and_then(|response| response.header("retry-after")).filter(|_| policy.retry_after);
    let requested = requested.and_then(|text| retry_after(text, now)).unwrap_or_default();
    let limit = policy.retry_after_limit.map_or(MAX_RETRY_AFTER, |multiple| scaled(delay, multiple));
    let (failure, status) = (failure_kind(outcome), response.map(|response| response.status));
    let least = policy.min_delay.as_ref();
    let least = least.filter(|rule| rule.after.iter().any(|condition| condition.matches(failure, status)));
    delay.max(requested.min(limit)).max(least.map_or(Duration::ZERO, |rule| rule.delay.0))
}

/// Returns the delay between the attempt with this number and the next, its jitter included; `None` for the last.
#[must_use]
pub fn retry_delay(policy: &DeliveryPolicy, attempt: u32, rng: &mut Rng) -> Option<Duration> {
    let delay = policy.retries.get(usize::try_from(attempt).ok()?.checked_sub(1)?)?.0;
    if policy.jitter <= 0.0 {
        return Some(delay);
    }
    // Uniform, in steps of a millionth of the whole range.
    let position = f64::from(u32::try_from(rng.below(1_000_001)).unwrap_or(500_000)) / 500_000.0 - 1.0;
    Some(scaled(delay, 1.0 + policy.jitter * position))
}

/// Returns the random source of an attempt's jitter: the same for the same seed, delivery and attempt, independent of
/// order and speed.
#[must_use]
pub fn jitter_rng(seed: u64, delivery: u64, attempt: u32) -> Rng {
    let mut first = Rng::seeded(seed ^ delivery.wrapping_mul(0xa076_1d64_78bd_642f));
    Rng::seeded(first.bits() ^ u64::from(attempt))
}

/// An attempt of a delivery in which every attempt fails at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedAttempt {
    /// The wait before it.
    pub delay: Duration,
    /// Its moment after the first one.
    pub since_first: Duration,
}

/// Returns the attempts of a delivery if every one of them fails at once: the first, and all retries.
#[must_use]
pub fn planned_attempts(policy: &DeliveryPolicy, seed: u64, delivery: u64) -> Vec<PlannedAttempt> {
    let mut since_first = Duration::ZERO;
    let mut attempts = vec![PlannedAttempt { delay: Duration::ZERO, since_first }];
    for attempt in 1.. {
        let Some(delay) = retry_delay(policy, attempt, &mut jitter_rng(seed, delivery, attempt)) else { break };
        since_first += delay;
        attempts.push(PlannedAttempt { delay, since_first });
    }
    attempts
}

/// Parses seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    now.until(date).ok()?.total(jiff::Unit::Second).ok().and_then(|delay| Duration::try_from_secs_f64(delay).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::client::AttemptError;

    fn policy(text: &str) -> DeliveryPolicy {
        toml::from_str(&format!("timeout = '10s'\nsuccess = '200-299'\n{text}")).unwrap()
    }

    fn answered(status: u16, retry_after: Option<&str>) -> AttemptOutcome {
        with_headers(status, retry_after.map(|text| ("retry-after", text)).as_slice())
    }

    fn with_headers(status: u16, headers: &[(&'static str, &str)]) -> AttemptOutcome {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let answer = AttemptResponse { status, headers: headers.collect(), body: bytes::Bytes::new() };
        AttemptOutcome { duration: Duration::ZERO, response: Ok(answer) }
    }

    fn failed(kind: AttemptErrorKind) -> AttemptOutcome {
        AttemptOutcome { duration: Duration::ZERO, response: Err(AttemptError::new(kind, "")) }
    }

    fn follows(policy: &DeliveryPolicy, attempt: u32, outcome: &AttemptOutcome) -> RetryDecision {
        let now = "2026-03-02T08:15:33Z".parse().unwrap();
        decide(policy, attempt, outcome, now, &mut Rng::seeded(1))
    }

    #[test]
    fn a_delivery_is_retried_until_it_succeeds_or_the_schedule_ends() {
        let policy = policy("retries = ['1s', '16s']");
        let lost = failed(AttemptErrorKind::Unreachable);
        assert_eq!(follows(&policy, 1, &answered(204, None)), RetryDecision::Delivered);
        for bad in [answered(302, None), answered(500, Some("90")), answered(410, None), lost] {
            assert_eq!(follows(&policy, 1, &bad), RetryDecision::Retry(Duration::from_secs(1)));
            assert_eq!(follows(&policy, 2, &bad), RetryDecision::Retry(Duration::from_secs(16)));
            assert_eq!(follows(&policy, 3, &bad), RetryDecision::Exhausted);
        }
    }

    #[test]
    fn retry_after_makes_a_wait_longer_where_the_provider_heeds_it() {
        let policy = policy("retries = ['60s']\nretry-after = true\ngone-disables = true");
        for (text, seconds) in [
            ("90", 90),
            ("30", 60),
            ("Mon, 02 Mar 2026 08:17:33 GMT", 120),
            ("Mon, 02 Mar 2026 08:00:00 GMT", 60),
            ("9999999999", 86_400),
            ("soon", 60),
            ("-5", 60),
        ] {
            let expected = RetryDecision::Retry(Duration::from_secs(seconds));
            assert_eq!(follows(&policy, 1, &answered(503, Some(text))), expected, "{text}");
        }
        assert_eq!(follows(&policy, 1, &answered(410, None)), RetryDecision::Gone);
        assert_eq!(follows(&policy, 2, &answered(503, Some("90"))), RetryDecision::Exhausted);
    }

    #[test]
    fn retry_after_has_the_providers_limit_and_some_failures_a_least_wait() {
        let policy = policy(
            "retries = ['5s', '5m']\nretry-after = true\nretry-after-limit = 2\nleast-wait = { after = ['429', 'timeout'], wait = '60s' }",
        );
        for (attempt, outcome, seconds) in [
            (1, answered(503, Some("7")), 7),
            (1, answered(503, Some("90")), 10),
            (1, answered(503, Some("1")), 5),
            (1, answered(429, Some("90")), 60),
            (1, answered(428, None), 5),
            (1, failed(AttemptErrorKind::Timeout), 60),
            (1, failed(AttemptErrorKind::NoResponse), 5),
            (2, answered(429, None), 300),
            (2, failed(AttemptErrorKind::Timeout), 300),
            (2, answered(500, Some("900")), 600),
        ] {
            let expected = RetryDecision::Retry(Duration::from_secs(seconds));
            assert_eq!(follows(&policy, attempt, &outcome), expected, "{attempt} {outcome:?}");
        }
    }

    #[test]
    fn a_final_status_or_header_ends_the_retries() {
        let policy = policy(
            "retries = ['5s']\nno-retry = { status = '406,410-428', header = 'X-No-Retry: 1' }\ngone-disables = true",
        );
        let retried = RetryDecision::Retry(Duration::from_secs(5));
        for (outcome, expected) in [
            (answered(406, None), RetryDecision::Final),
            (answered(428, None), RetryDecision::Final),
            (answered(410, None), RetryDecision::Gone),
            (answered(429, None), retried),
            (with_headers(500, &[("x-no-retry", "1")]), RetryDecision::Final),
            (with_headers(500, &[("x-no-retry", "0")]), retried),
            (with_headers(200, &[("x-no-retry", "1")]), RetryDecision::Delivered),
            (failed(AttemptErrorKind::Timeout), retried),
        ] {
            assert_eq!(follows(&policy, 1, &outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_is_rejected() {
        for (text, words) in [
            ("retry-after-limit = 0.5", "below 1"),
            ("jitter = 1.5", "not a share"),
            ("no-retry = { status = '400-' }", "not a status"),
            ("no-retry = { header = 'x-no-retry' }", "expected `NAME: VALUE`"),
            ("least-wait = { after = ['slow'], wait = '60s' }", "not a failure"),
            ("least-wait = { after = ['timeout'] }", "wait"),
            ("disable-after-time = '5 days'", "not a duration"),
            ("retry-reasons = { late = 'x' }", "unknown field `late`"),
        ] {
            let text = format!("timeout = '1s'\nsuccess = '200'\nretries = []\n{text}");
            let error = toml::from_str::<DeliveryPolicy>(&text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn jitter_stays_within_its_share_uses_it_and_repeats_with_the_seed() {
        let policy = policy("retries = ['100s']\njitter = 0.1");
        let waits = |seed| (0..1000).map(move |delivery| (seed, delivery));
        let delay =
            |(seed, delivery)| retry_delay(&policy, 1, &mut jitter_rng(seed, delivery, 1)).unwrap().as_secs_f64();
        let drawn: Vec<f64> = waits(7).map(delay).collect();
        assert!(drawn.iter().all(|delay| (90.0..=110.0).contains(delay)));
        assert!(drawn.iter().any(|delay| *delay < 91.0) && drawn.iter().any(|delay| *delay > 109.0));
        assert_eq!(drawn, waits(7).map(delay).collect::<Vec<_>>());
        assert_ne!(drawn, waits(8).map(delay).collect::<Vec<_>>());
    }
}
