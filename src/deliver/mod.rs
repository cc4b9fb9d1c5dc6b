//! Delivers requests: one attempt at an endpoint, a delivery along a retry schedule, and forwarding of a received
//! request.

mod attempt;
mod clock;
mod connection;
mod dispatcher;
mod endpoint;
mod endpoint_health;
mod failure;
mod forward;
mod hop_by_hop;
mod journal;
mod retry;
mod trust;

pub use attempt::{Answer, Client, Outcome, Outgoing};
pub use clock::TimeScale;
pub use connection::accepts_connections;
pub use dispatcher::{
    Attempt, CompletedAttempt, DispatchOptions, Dispatcher, DispatcherStatus, NewDelivery, NextDelivery, Outbox,
};
pub use endpoint::Endpoint;
pub use failure::{Failure, FailureKind};
pub use forward::{Destination, Forwarded, Forwarder, NoAnswer};
pub use hop_by_hop::HopByHopHeaders;
pub use journal::{DeliveryProgress, Journal, JournalKey, JournalMismatch};
pub use retry::{RetryDecision, decide, jitter_rng, retry_delay};
pub use trust::Trust;
