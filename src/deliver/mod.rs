//! Delivering: one attempt to hand a signed request to an endpoint, and a delivery along a schedule.

mod attempt;
mod course;
mod dispatcher;
mod endpoint;
mod health;
mod journal;
mod speed;

pub use attempt::{Answer, Client, Failure, Outcome, Outgoing};
pub use course::{Next, jitter_of, next, wait};
pub use dispatcher::{Attempt, Dispatcher, Fresh, Made, Outbox, Pacing, Standing};
pub use endpoint::Endpoint;
pub use journal::{About, Foreign, Journal, Stand};
pub use speed::Speed;
