//! Verification of requests: the provider of each, the verdict on its signature, and the reason if it is not valid.
//!
//! A [`Verifier`] finds the candidates by the headers, verifies the request as each of them, and keeps the [`Verdict`]
//! with the highest score. An invalid request is then diagnosed, as far as the [`DiagnosisBudget`] allows.

mod budget;
mod candidates;
mod captured;
mod detection;
mod diagnosis;
mod explanation;
mod parsed_body;
pub mod remedy;
mod score;
mod verdict;
mod verifier;

pub use budget::DiagnosisBudget;
pub use verdict::{Verdict, VerdictStatus};
pub use verifier::Verifier;
