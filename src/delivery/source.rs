//! The two ends of the delivery engine: a source that supplies deliveries, and an observer of their outcomes.

use std::rc::Rc;
use std::time::Duration;

use super::endpoint_health::EndpointDisabled;
use super::retry::RetryDecision;
use crate::error::Result;
use crate::http::client::{AttemptOutcome, OutgoingRequest};
use crate::provider::{DeliveryPolicy, FailureKind};

/// Supplies deliveries, and builds their requests.
pub trait DeliverySource {
    /// State from which the requests of a delivery are built.
    type Delivery;

    /// A remark about the input, such as an entry that cannot be sent; `Infallible` if there is none.
    type Notice;

    /// True if the source itself yields a delivery again when its retry is due; the engine keeps it otherwise.
    const KEEPS_RETRIES: bool = false;

    /// Returns the next delivery, in order. It must not wait for one.
    ///
    /// # Errors
    /// The input cannot be read. This ends the run.
    fn next(&mut self) -> Result<NextDelivery<Self::Delivery, Self::Notice>>;

    /// Builds the request of an attempt that is due. It is sent after the next [`DeliveryObserver::flush`].
    ///
    /// # Errors
    /// The request cannot be built. This ends the run.
    fn build_request(&mut self, delivery: &mut Self::Delivery, attempt: &Attempt) -> Result<OutgoingRequest>;
}

/// Observes the deliveries of a source. An error ends the run.
pub trait DeliveryObserver<S: DeliverySource> {
    /// Called for each remark of the source, before its next delivery.
    ///
    /// # Errors
    /// The remark cannot be reported.
    fn on_notice(&mut self, notice: S::Notice) -> Result;

    /// Called after each attempt.
    ///
    /// # Errors
    /// The attempt cannot be reported, or its outcome must end the run.
    fn on_attempt(&mut self, delivery: &S::Delivery, completed: &CompletedAttempt<'_>) -> Result;

    /// Called when an endpoint is disabled.
    ///
    /// # Errors
    /// This cannot be reported.
    fn on_endpoint_disabled(&mut self, endpoint: &str, disabled: EndpointDisabled) -> Result;

    /// Called for a delivery that is skipped, in full or in part, because its endpoint is disabled.
    ///
    /// # Errors
    /// This cannot be reported.
    fn on_skipped(&mut self, delivery: &S::Delivery) -> Result;

    /// Writes what must be durable before the requests built so far are sent, in one write. Called before the engine
    /// yields to the connections.
    ///
    /// # Errors
    /// This cannot be written.
    fn flush(&mut self) -> Result;
}

/// Result of asking for the next delivery.
#[derive(Debug)]
pub enum NextDelivery<D, N> {
    /// A delivery.
    Ready(NewDelivery<D>),
    /// A remark for the observer; a delivery may follow.
    Notice(N),
    /// None yet: more may come. [`DispatcherHandle::wake`](super::DispatcherHandle::wake) makes the engine ask again.
    Pending,
    /// No more deliveries.
    Exhausted,
}

/// A delivery that enters the engine.
#[derive(Debug)]
pub struct NewDelivery<D> {
    /// State from which its requests are built.
    pub delivery: D,
    /// Its number, which its jitter depends on.
    pub number: u64,
    /// Its policy: timeout, success, retries.
    pub policy: Rc<DeliveryPolicy>,
    /// The endpoint; its failures in a row are counted.
    pub endpoint: Rc<str>,
    /// Due time, as provider time since the start.
    pub due: Duration,
    /// Number of attempts that an earlier run made.
    pub attempts_made: u32,
    /// True if an earlier run was interrupted during the next attempt.
    pub possibly_received: bool,
    /// Delay before the next attempt, if an earlier run made some.
    pub wait: Duration,
    /// The failure of the last attempt of an earlier run, if it is known.
    pub last_failure: Option<FailureKind>,
}

/// An attempt that is due.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// Delay before it, in provider time.
    pub wait: Duration,
    /// True if the handler may have received it in an earlier run that was interrupted.
    pub possibly_received: bool,
    /// Provider time from the first attempt of its delivery to this one.
    pub since_first: Duration,
    /// The failure of the attempt before it, if there was one.
    pub last_failure: Option<FailureKind>,
}

impl Attempt {
    /// Returns the first attempt of a delivery.
    #[must_use]
    pub fn first() -> Self {
        Self {
            number: 1,
            wait: Duration::ZERO,
            possibly_received: false,
            since_first: Duration::ZERO,
            last_failure: None,
        }
    }
}

/// An attempt that was made.
#[derive(Debug)]
pub struct CompletedAttempt<'a> {
    /// The attempt.
    pub attempt: Attempt,
    /// The request that was sent.
    pub request: &'a OutgoingRequest,
    /// Its outcome.
    pub outcome: &'a AttemptOutcome,
    /// The decision that follows.
    pub decision: RetryDecision,
    /// Start of the delivery, as provider time since the start of the run.
    pub delivery_started: Duration,
}
