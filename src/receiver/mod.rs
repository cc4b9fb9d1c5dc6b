//! The receiver: verifies requests, records each with its response, and prints nothing.

mod dedup_cache;
mod exchange;
#[expect(clippy::module_inception, reason = "the receiver is the module's main type")]
mod receiver;

pub use exchange::Exchange;
pub use receiver::{InvalidPolicy, Receiver};
