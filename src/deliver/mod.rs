//! Delivering: one attempt to hand a signed request to an endpoint, or to pass on one that was received.

mod attempt;
mod connection;
mod endpoint;
mod forward;
mod trust;

pub use attempt::{Answer, Client, Outcome};
pub use endpoint::Endpoint;
pub use forward::{Destination, Forwarded, Forwarder, NoAnswer};
pub use trust::Trust;
