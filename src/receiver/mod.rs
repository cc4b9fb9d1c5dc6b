//! The receiver: verifies requests, responds, records each with its response, and publishes what happened as events. It
//! prints nothing.

mod dedup_cache;
mod event;
mod exchange;
mod expectation;
mod in_flight;
mod log_health;
mod pipeline;
mod policy;
#[expect(clippy::module_inception, reason = "the receiver is the module's main type")]
mod receiver;
mod responder;
mod stats;

pub use event::{ForwardedTo, ReceiverEvent};
pub use exchange::Exchange;
pub use expectation::{Expectation, ExpectationOptions, ExpectationStatus, ExpectedType};
pub use in_flight::InFlight;
pub use pipeline::{Pipeline, PipelineParts};
pub use policy::InvalidPolicy;
pub use receiver::Receiver;
pub use responder::{ForwardOptions, ForwardResponder, ResponseScript, ScriptAction, ScriptStep, ScriptedResponder};
pub use stats::{ReceiverStats, ReceiverSummary};

/// The port of a receiver if none is given: W-H-K on a phone's keypad, and a 0.
pub const DEFAULT_PORT: u16 = 9450;
