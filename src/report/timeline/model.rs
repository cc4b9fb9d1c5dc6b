//! The data of the page: a row for each delivery, a mark for each attempt.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::DeliveryStats;
use crate::delivery::TimeScale;

/// One delivery.
#[derive(Debug)]
pub(super) struct DeliveryRow {
    /// The title of the provider; empty if it is not known.
    pub(super) provider: String,
    pub(super) event_type: String,
    pub(super) event_id: String,
    pub(super) attempts: Vec<AttemptMark>,
    pub(super) outcome: DeliveryOutcome,
}

/// One attempt.
#[derive(Debug)]
pub(super) struct AttemptMark {
    pub(super) number: u32,
    /// The provider's time since the first attempt of its delivery.
    pub(super) at: Duration,
    /// The status, or the error; empty for a planned attempt.
    pub(super) result: String,
    /// The beginning of the handler's response, if it did not accept the event.
    pub(super) body: String,
    pub(super) delivered: bool,
    /// True if the handler may have received it in an earlier run.
    pub(super) possibly_received: bool,
}

/// The end of a delivery, in the order of the page: failures come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DeliveryOutcome {
    Failed,
    /// The run ended before it did, or its endpoint was disabled.
    Incomplete,
    Delivered,
    /// Nothing was sent: `--dry-run`.
    Planned,
}

/// The retry schedule of one provider.
#[derive(Debug)]
pub(super) struct ScheduleNote {
    pub(super) provider: String,
    pub(super) times: String,
    /// The address of the document that describes it.
    pub(super) source: Option<String>,
}

/// The run as a whole.
#[derive(Debug)]
pub struct RunSummary<'a> {
    /// The name of the log, harmless for a terminal.
    pub log: &'a str,
    /// The URL of the handler.
    pub url: &'a str,
    /// The speed of the provider's time.
    pub speed: TimeScale,
    /// The time at which the report was written.
    pub at: Timestamp,
    /// The counts of a run; none for a plan.
    pub stats: Option<&'a DeliveryStats>,
    /// The length of the run, or of the plan, in the provider's time.
    pub provider_time: Duration,
    /// True if the run ended before everything was sent.
    pub interrupted: bool,
}
