//! Delivering: one attempt to hand a signed request to an endpoint, a delivery along a schedule, and passing on what
//! was received.

mod attempt;
mod connection;
mod course;
mod dispatcher;
mod endpoint;
mod forward;
mod health;
mod hop;
mod journal;
mod speed;
mod trust;

pub use attempt::{Answer, Client, Failure, Outcome, Outgoing};
pub use connection::accepts_connections;
pub use course::{Next, jitter_of, next, wait};
pub use dispatcher::{Attempt, Dispatcher, Fresh, Made, Outbox, Pacing, Standing, Supply};
pub use endpoint::Endpoint;
pub use forward::{Destination, Forwarded, Forwarder, NoAnswer};
pub use hop::Hop;
pub use journal::{About, Foreign, Journal, Stand};
pub use speed::Speed;
pub use trust::Trust;
