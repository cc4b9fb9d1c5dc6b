//! Delivering: one attempt to hand a signed request to an endpoint.

mod attempt;
mod endpoint;

pub use attempt::{Answer, Client, Outcome};
pub use endpoint::Endpoint;
