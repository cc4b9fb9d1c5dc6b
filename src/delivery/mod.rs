//! Delivers requests along a retry schedule: the engine of `replay` and `send`.

mod clock;
mod dispatcher;
mod endpoint_health;
mod journal;
mod outcome;
mod pace;
mod retry;
mod source;

pub use clock::TimeScale;
pub use dispatcher::{DispatchOptions, Dispatcher, DispatcherHandle, DispatcherStatus};
pub use endpoint_health::{DisableReason, EndpointDisabled};
pub use journal::{DeliveryProgress, Journal, JournalKey, JournalMismatch};
pub use outcome::{DeliveryStats, FaultOutcome, LatencyHistogram};
pub use pace::Pace;
pub use retry::{PlannedAttempt, RetryDecision, decide, failure_kind, jitter_rng, planned_attempts, retry_delay};
pub use source::{Attempt, CompletedAttempt, DeliveryObserver, DeliverySource, NewDelivery, NextDelivery};
