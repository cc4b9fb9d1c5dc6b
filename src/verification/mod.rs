//! Verification of requests: the provider of each, the verdict on its signature, and the reason if it is not valid.

mod explanation;
mod parsed_body;
pub mod remedy;
mod verifier;

pub use verifier::{Effort, Judge, Judgement, Secrets, Status};
