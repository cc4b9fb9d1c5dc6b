//! The receiver: accepts, reads within limits, hands each request on and answers. It prints nothing.

mod desk;
mod listener;
mod seen;

pub use desk::{Case, Dealt, Desk, Policy};
pub use listener::{Arrival, Limits, Listener, Refusal, Reply};
