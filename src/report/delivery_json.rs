//! The lines of JSON about deliveries.

use std::time::Duration;

use serde::Serialize;

use crate::delivery::DeliveryStats;

/// An attempt.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "attempt")]
pub(super) struct AttemptLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    pub(super) event_type: Option<&'a str>,
    pub(super) event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'a str>,
    pub(super) attempt: u32,
    pub(super) url: &'a str,
    pub(super) at: String,
    pub(super) status: Option<u16>,
    pub(super) error: Option<&'a str>,
    pub(super) duration_ms: f64,
    pub(super) wait_s: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) perhaps_seen: bool,
}

/// The end of a delivery.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "delivery")]
pub(super) struct DeliveryLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    pub(super) event_type: Option<&'a str>,
    pub(super) event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'a str>,
    pub(super) outcome: &'static str,
    pub(super) attempts: u32,
}

/// An endpoint that was disabled.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "disabled")]
pub(super) struct DisabledLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) webhook_id: Option<&'a str>,
    pub(super) after: u32,
    pub(super) reason: &'static str,
    pub(super) url: &'a str,
}

/// A mutation that is not sent.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "skipped")]
pub(super) struct SkippedLine<'a> {
    pub(super) fault: &'a str,
    pub(super) reason: &'a str,
}

/// The counts of a run.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub(super) struct SummaryLine {
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) attempts: u64,
    pub(super) held_back: u64,
    #[serde(flatten)]
    pub(super) times: Times,
}

/// The counts of a run with mutations.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub(super) struct FaultSummaryLine {
    pub(super) sent: u64,
    pub(super) rejected: u64,
    pub(super) accepted: u64,
    pub(super) crashed: u64,
    pub(super) skipped: u64,
    pub(super) attempts: u64,
    #[serde(flatten)]
    pub(super) times: Times,
}

/// The latencies and the rate of a run.
#[derive(Serialize)]
pub(super) struct Times {
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
    pub(super) per_second: Option<f64>,
}

impl Times {
    /// The times of a run that took this long.
    pub(super) fn new(stats: &DeliveryStats, elapsed: Duration) -> Self {
        let (sent, seconds) = (stats.ended(), elapsed.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        let rate = (sent > 0 && seconds > 0.0).then(|| (sent as f64 / seconds * 10.0).round() / 10.0);
        Self {
            p50_ms: stats.latencies.percentile(50),
            p95_ms: stats.latencies.percentile(95),
            p99_ms: stats.latencies.percentile(99),
            max_ms: stats.latencies.percentile(100),
            per_second: rate,
        }
    }
}

/// Returns seconds, rounded to the millisecond.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}
