//! Delivers requests: one attempt at an endpoint, a delivery along a retry schedule, and forwarding of a received
//! request.

mod attempt_error;
mod client;
mod clock;
mod dispatcher;
mod endpoint;
mod endpoint_health;
mod forwarder;
mod hop_by_hop;
mod journal;
mod pool;
mod retry;
mod source;
mod tls;

pub use attempt_error::{AttemptError, AttemptErrorKind};
pub use client::{AttemptOutcome, AttemptResponse, HttpClient, OutgoingRequest};
pub use clock::TimeScale;
pub use dispatcher::{DispatchOptions, Dispatcher, DispatcherHandle, DispatcherStatus};
pub use endpoint::Endpoint;
pub use forwarder::{ForwardError, ForwardOutcome, ForwardTarget, Forwarder};
pub use hop_by_hop::HopByHopHeaders;
pub use journal::{DeliveryProgress, Journal, JournalKey, JournalMismatch};
pub use pool::accepts_connections;
pub use retry::{RetryDecision, decide, jitter_rng, retry_delay};
pub use source::{Attempt, CompletedAttempt, DeliveryObserver, DeliverySource, NewDelivery, NextDelivery};
pub use tls::CertificateCheck;
