//! What follows an attempt: the rules of a provider, without clock or network.

use std::time::Duration;

use jiff::Timestamp;

use super::Outcome;
use super::speed::scaled;
use crate::provider::Delivery;
use crate::random::Random;

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it was delivered.
    Delivered,
    /// Another attempt after this wait, counted from the answer, in the provider's time.
    Retry(Duration),
    /// Nothing: the schedule is at its end.
    GivenUp,
    /// Nothing: the endpoint said that it is gone, and is disabled.
    Gone,
}

/// A handler may ask for a longer wait than the schedule's; more than a day is not heeded.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// What follows the attempt with this number, counted from 1.
#[must_use]
pub fn next(terms: &Delivery, attempt: u32, outcome: &Outcome, now: Timestamp, random: &mut Random) -> Next {
    let answer = outcome.answer.as_ref().ok();
    if answer.is_some_and(|answer| terms.success.contain(answer.status)) {
        return Next::Delivered;
    }
    if terms.gone_disables && answer.is_some_and(|answer| answer.status == 410) {
        return Next::Gone;
    }
    let Some(wait) = wait(terms, attempt, random) else { return Next::GivenUp };
    let asked = answer.and_then(|answer| answer.retry_after.as_deref()).filter(|_| terms.retry_after);
    let asked = asked.and_then(|text| retry_after(text, now)).unwrap_or_default();
    Next::Retry(wait.max(asked.min(LONGEST_RETRY_AFTER)))
}

/// The wait between the attempt with this number and the next, its jitter included; nothing where it is the last.
#[must_use]
pub fn wait(terms: &Delivery, attempt: u32, random: &mut Random) -> Option<Duration> {
    let wait = terms.retries.get(usize::try_from(attempt).ok()?.checked_sub(1)?)?.0;
    if terms.jitter <= 0.0 {
        return Some(wait);
    }
    // Uniform, in steps of a millionth of the whole range.
    let position = f64::from(u32::try_from(random.below(1_000_001)).unwrap_or(500_000)) / 500_000.0 - 1.0;
    Some(scaled(wait, 1.0 + terms.jitter * position))
}

/// The source of an attempt's jitter: the same for the same seed, delivery and attempt, whatever the order and speed.
#[must_use]
pub fn jitter_of(seed: u64, delivery: u64, attempt: u32) -> Random {
    let mut first = Random::seeded(seed ^ delivery.wrapping_mul(0xa076_1d64_78bd_642f));
    Random::seeded(first.bits() ^ u64::from(attempt))
}

/// Seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    now.until(date).ok()?.total(jiff::Unit::Second).ok().and_then(|wait| Duration::try_from_secs_f64(wait).ok())
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Failure};
    use super::*;

    fn terms(text: &str) -> Delivery {
        toml::from_str(&format!("timeout = '10s'\nsuccess = '200-299'\n{text}")).unwrap()
    }

    fn answered(status: u16, retry_after: Option<&str>) -> Outcome {
        let answer = Answer { status, retry_after: retry_after.map(str::to_owned), body: bytes::Bytes::new() };
        Outcome { duration: Duration::ZERO, answer: Ok(answer) }
    }

    fn follows(terms: &Delivery, attempt: u32, outcome: &Outcome) -> Next {
        let now = "2026-03-02T08:15:33Z".parse().unwrap();
        next(terms, attempt, outcome, now, &mut Random::seeded(1))
    }

    #[test]
    fn a_delivery_is_retried_until_it_succeeds_or_the_schedule_ends() {
        let terms = terms("retries = ['1s', '16s']");
        let lost = Failure { unreachable: true, message: String::new() };
        let lost = Outcome { duration: Duration::ZERO, answer: Err(lost) };
        assert_eq!(follows(&terms, 1, &answered(204, None)), Next::Delivered);
        for bad in [answered(302, None), answered(500, Some("90")), answered(410, None), lost] {
            assert_eq!(follows(&terms, 1, &bad), Next::Retry(Duration::from_secs(1)));
            assert_eq!(follows(&terms, 2, &bad), Next::Retry(Duration::from_secs(16)));
            assert_eq!(follows(&terms, 3, &bad), Next::GivenUp);
        }
    }

    #[test]
    fn retry_after_makes_a_wait_longer_where_the_provider_heeds_it() {
        let terms = terms("retries = ['60s']\nretry-after = true\ngone-disables = true");
        for (text, seconds) in [
            ("90", 90),
            ("30", 60),
            ("Mon, 02 Mar 2026 08:17:33 GMT", 120),
            ("Mon, 02 Mar 2026 08:00:00 GMT", 60),
            ("9999999999", 86_400),
            ("soon", 60),
            ("-5", 60),
        ] {
            let expected = Next::Retry(Duration::from_secs(seconds));
            assert_eq!(follows(&terms, 1, &answered(503, Some(text))), expected, "{text}");
        }
        assert_eq!(follows(&terms, 1, &answered(410, None)), Next::Gone);
        assert_eq!(follows(&terms, 2, &answered(503, Some("90"))), Next::GivenUp);
    }

    #[test]
    fn jitter_stays_within_its_share_uses_it_and_repeats_with_the_seed() {
        let terms = terms("retries = ['100s']\njitter = 0.1");
        let waits = |seed| (0..1000).map(move |delivery| (seed, delivery));
        let wait = |(seed, delivery)| wait(&terms, 1, &mut jitter_of(seed, delivery, 1)).unwrap().as_secs_f64();
        let drawn: Vec<f64> = waits(7).map(wait).collect();
        assert!(drawn.iter().all(|wait| (90.0..=110.0).contains(wait)));
        assert!(drawn.iter().any(|wait| *wait < 91.0) && drawn.iter().any(|wait| *wait > 109.0));
        assert_eq!(drawn, waits(7).map(wait).collect::<Vec<_>>());
        assert_ne!(drawn, waits(8).map(wait).collect::<Vec<_>>());
    }
}
