//! What `send` and `replay` say of their deliveries: each attempt, each end, and the sum.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use indicatif::ProgressBar;
use jiff::Timestamp;
use serde::Serialize;

use crate::deliver::{CompletedAttempt, RetryDecision, TimeScale};
use crate::error::Result;
use crate::output::{Output, Volume, body_lines, clean};

/// Which delivery it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The record's number, where it comes from a log.
    pub(super) seq: Option<u64>,
    /// The event's type.
    pub(super) kind: Option<&'a str>,
    /// The event's id.
    pub(super) id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "attempt")]
struct AttemptLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
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
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    sent: u64,
    delivered: u64,
    failed: u64,
    attempts: u64,
    held_back: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    per_second: Option<f64>,
}

/// What came of everything that was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) held_back: u64,
    pub(super) attempts: u64,
    /// Whether any attempt reached the handler.
    pub(super) reached: bool,
    durations: Durations,
}

impl Tally {
    /// How many deliveries came to an end.
    pub(super) fn ended(&self) -> u64 {
        self.delivered + self.failed
    }
}

/// How often each length of time was measured, rounded to three significant digits: some thousand numbers at most.
#[derive(Clone, Debug, Default)]
struct Durations(BTreeMap<u64, u64>);

impl Durations {
    fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let scale = 10_u64.pow(micros.checked_ilog10().unwrap_or(0).saturating_sub(2));
        *self.0.entry(micros.saturating_add(scale / 2) / scale * scale).or_default() += 1;
    }

    /// The nearest rank: the smallest of them that at least this share, in percent, does not exceed; in milliseconds.
    fn rank(&self, share: u64) -> Option<f64> {
        let count: u64 = self.0.values().sum();
        let wanted = (count * share).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.0.iter().find(|(_, times)| {
            seen += *times;
            seen >= wanted
        });
        #[expect(clippy::cast_precision_loss, reason = "three digits are significant")]
        found.map(|(micros, _)| *micros as f64 / 1e3)
    }
}

/// Says what becomes of deliveries. Answers are kept until [`Report::flush`], so that many go out in one write.
pub(super) struct Report {
    output: Output,
    stdout: Vec<u8>,
    /// A bar that must not be printed over.
    bar: ProgressBar,
    /// The speed of the provider's time, which waits are in.
    speed: TimeScale,
    pub(super) tally: Tally,
}

/// How much is kept at most before it is written.
const KEPT: usize = 1 << 16;

impl Report {
    pub(super) fn new(output: Output) -> Self {
        Self { output, stdout: Vec::new(), bar: ProgressBar::hidden(), speed: TimeScale::REAL, tally: Tally::default() }
    }

    /// Sets the speed of the provider's time.
    pub(super) fn at_speed(self, speed: TimeScale) -> Self {
        Self { speed, ..self }
    }

    /// Prints beside this bar from now on.
    pub(super) fn set_bar(&mut self, bar: ProgressBar) {
        self.bar = bar;
    }

    /// An attempt was made, out of so many at most; it may have been the last of its delivery.
    pub(super) fn attempted(
        &mut self,
        subject: &Subject<'_>,
        url: &impl fmt::Display,
        at: Timestamp,
        made: &CompletedAttempt<'_>,
        most: usize,
    ) -> Result {
        self.count(made);
        if self.output.json {
            self.attempt_line(subject, &url.to_string(), at, made)?;
            if !matches!(made.decision, RetryDecision::Retry(_)) {
                let outcome = if made.decision == RetryDecision::Delivered { "delivered" } else { "failed" };
                let (event_type, event_id) = (subject.kind, subject.id);
                let attempts = made.attempt.number;
                self.object(&DeliveryLine { seq: subject.seq, event_type, event_id, outcome, attempts })?;
            }
            return Ok(());
        }
        self.lines(subject, made, most);
        self.flush_if(KEPT)
    }

    fn count(&mut self, made: &CompletedAttempt<'_>) {
        let tally = &mut self.tally;
        tally.attempts += 1;
        tally.reached |= made.outcome.answer.as_ref().map_or_else(|failure| !failure.unreachable, |_| true);
        tally.durations.add(made.outcome.duration);
        match made.decision {
            RetryDecision::Delivered => tally.delivered += 1,
            RetryDecision::Exhausted | RetryDecision::Gone => tally.failed += 1,
            RetryDecision::Retry(_) => {}
        }
    }

    fn attempt_line(&mut self, subject: &Subject<'_>, url: &str, at: Timestamp, made: &CompletedAttempt<'_>) -> Result {
        let answer = &made.outcome.answer;
        self.object(&AttemptLine {
            seq: subject.seq,
            event_type: subject.kind,
            event_id: subject.id,
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

    fn lines(&mut self, subject: &Subject<'_>, made: &CompletedAttempt<'_>, most: usize) {
        let paint = self.output.paint;
        let delivered = made.decision == RetryDecision::Delivered;
        let mark = if delivered { paint.green("✓ delivered") } else { paint.red("✗ failed   ") };
        let kind = paint.bold(&clean(subject.kind.unwrap_or("-")));
        let id = paint.cyan(&clean(subject.id.unwrap_or("-")));
        let came = match &made.outcome.answer {
            Ok(answer) => {
                let status = answer.status.to_string();
                let status = if delivered { paint.green(&status) } else { paint.red(&status) };
                let took = milliseconds(made.outcome.duration);
                format!("{status} {}", paint.faint(&format!("{took:.1} ms")))
            }
            Err(failure) => clean(&failure.message).into_owned(),
        };
        let mut line = format!("{mark} {kind} {id} {came}");
        if most > 1 || made.attempt.possibly_received {
            line.push_str(&paint.faint(&place(made, most, self.speed)));
        }
        // A refusal is explained by the handler's own words, the first time.
        if let Ok(answer) = &made.outcome.answer
            && (self.output.volume == Volume::Verbose || !delivered && made.attempt.number == 1)
        {
            for text in body_lines(&answer.body, paint, 24) {
                let _ = write!(line, "\n    {text}");
            }
        }
        line.push('\n');
        self.stdout.extend_from_slice(line.as_bytes());
    }

    /// Nothing is delivered to this endpoint any more.
    pub(super) fn disabled(&mut self, url: &str, after: u32) -> Result {
        self.object(&DisabledLine { after, url })?;
        self.flush()?;
        let text = format!("{} is disabled {}: the rest for it is held back", clean(url), why_disabled(after));
        self.bar.suspend(|| self.output.status(&self.output.status_paint.yellow(&text)));
        Ok(())
    }

    /// The sum of everything, as JSON.
    pub(super) fn summary(&mut self, elapsed: Duration) -> Result {
        let tally = &self.tally;
        let sent = tally.ended();
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let rate = (sent > 0 && seconds > 0.0).then(|| (sent as f64 / seconds * 10.0).round() / 10.0);
        let line = SummaryLine {
            sent,
            delivered: tally.delivered,
            failed: tally.failed,
            attempts: tally.attempts,
            held_back: tally.held_back,
            p50_ms: tally.durations.rank(50),
            p95_ms: tally.durations.rank(95),
            p99_ms: tally.durations.rank(99),
            max_ms: tally.durations.rank(100),
            per_second: rate,
        };
        self.object(&line)?;
        self.flush()
    }

    /// An answer for people.
    pub(super) fn answer(&mut self, text: &str) -> Result {
        if !self.output.json {
            self.stdout.extend_from_slice(text.as_bytes());
            self.stdout.push(b'\n');
        }
        self.flush_if(KEPT)
    }

    pub(super) fn object(&mut self, value: &impl Serialize) -> Result {
        if !self.output.json {
            return Ok(());
        }
        serde_json::to_writer(&mut self.stdout, value)
            .map_err(|error| crate::error::Error::new("cannot write JSON").cause(error))?;
        self.stdout.push(b'\n');
        self.flush_if(KEPT)
    }

    /// Writes what was kept.
    pub(super) fn flush(&mut self) -> Result {
        self.flush_if(1)
    }

    fn flush_if(&mut self, least: usize) -> Result {
        if self.stdout.len() < least {
            return Ok(());
        }
        let result = self.bar.suspend(|| self.output.raw(&self.stdout));
        self.stdout.clear();
        result
    }
}

/// Why an endpoint is disabled after so many failures. No provider gives up after one; an endpoint that says that it is
/// gone is believed at once.
pub(super) fn why_disabled(after: u32) -> String {
    if after == 1 { "as gone".to_owned() } else { format!("after {after} failures in a row") }
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
        parts.push("perhaps seen before".to_owned());
    }
    if let RetryDecision::Retry(wait) = made.decision {
        // The wait is the provider's own, which the replay divides.
        let scaled = match speed {
            _ if speed == TimeScale::REAL => String::new(),
            TimeScale::Times(times) => format!(" (÷{times})"),
            TimeScale::Max => " (no waiting)".to_owned(),
        };
        parts.push(format!("next in {}{scaled}", in_words(wait)));
    }
    if parts.is_empty() { String::new() } else { format!("  {}", parts.join(", ")) }
}

/// A length of time as people say it: `0.4 s`, `16 s`, `16 min 19 s`, `3 d 3 h 35 min`.
pub(super) fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 10_000 {
        let tenths = (millis + 50) / 100;
        return if tenths.is_multiple_of(10) {
            format!("{} s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        };
    }
    let seconds = (millis + 500) / 1000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, unit) in units {
        if rest >= size && words.len() < 3 {
            words.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    words.join(" ")
}

/// In milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// In seconds, to the millisecond.
pub(super) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_said_as_people_do() {
        for (millis, words) in [
            (0, "0 s"),
            (449, "0.4 s"),
            (1_000, "1 s"),
            (16_000, "16 s"),
            (60_000, "1 min"),
            (979_000, "16 min 19 s"),
            (272_105_000, "3 d 3 h 35 min"),
        ] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }

    #[test]
    fn ranks_are_values_that_were_measured_to_three_digits() {
        let mut durations = Durations::default();
        assert_eq!(durations.rank(50), None);
        for micros in 1..=1000 {
            durations.add(Duration::from_micros(micros * 1000 + 4));
        }
        assert_eq!(durations.rank(50), Some(500.0));
        assert_eq!(durations.rank(99), Some(990.0));
        assert_eq!(durations.rank(100), Some(1000.0));
        durations.add(Duration::from_micros(12_345));
        assert!(durations.0.contains_key(&12_300));
    }
}
