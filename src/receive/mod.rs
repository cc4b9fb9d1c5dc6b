//! The receiver: accepts, reads within limits, hands each request on and answers. It prints nothing.

mod connection;
mod desk;
mod fault;
mod guests;
mod hosts;
mod listener;
mod read;
mod reply;
mod seen;

pub use connection::Refusal;
pub use desk::{Case, Desk, Policy};
pub use listener::{Listener, Settings};
pub use read::{Arrival, Limits};
pub use reply::{Fault, Reply};
