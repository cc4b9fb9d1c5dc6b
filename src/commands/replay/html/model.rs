//! The data of the page: a row for each delivery, a mark for each attempt.

use std::time::Duration;

use jiff::Timestamp;

use super::super::super::tally::Tally;
use crate::delivery::TimeScale;

/// One delivery.
#[derive(Debug)]
pub(in super::super) struct DeliveryRow {
    /// The title of the provider; empty if it is not known.
    pub(in super::super) provider: String,
    pub(in super::super) event_type: String,
    pub(in super::super) event_id: String,
    pub(in super::super) attempts: Vec<AttemptMark>,
    pub(in super::super) outcome: DeliveryOutcome,
}

/// One attempt.
#[derive(Debug)]
pub(in super::super) struct AttemptMark {
    pub(in super::super) number: u32,
    /// The provider's time since the first attempt of its delivery.
    pub(in super::super) at: Duration,
    /// The status, or the error; empty for a planned attempt.
    pub(in super::super) result: String,
    /// The beginning of the handler's response, if it did not accept the event.
    pub(in super::super) body: String,
    pub(in super::super) delivered: bool,
    /// True if the handler may have received it in an earlier run.
    pub(in super::super) possibly_received: bool,
}

/// The end of a delivery, in the order of the page: failures come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum DeliveryOutcome {
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
pub(in super::super) struct RunSummary<'a> {
    pub(in super::super) log: &'a str,
    pub(in super::super) url: &'a str,
    pub(in super::super) speed: TimeScale,
    /// The time at which the report was written.
    pub(in super::super) at: Timestamp,
    /// The counts of a run; none for a plan.
    pub(in super::super) tally: Option<&'a Tally>,
    /// The length of the run, or of the plan, in the provider's time.
    pub(in super::super) provider_time: Duration,
    /// True if the run ended before everything was sent.
    pub(in super::super) interrupted: bool,
}
