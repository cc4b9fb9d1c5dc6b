//! What each target does with an input, for the fuzzer and for the ordinary tests, which run the corpus through it.

pub mod diagnosis;
pub mod headers;
mod oracle;
pub mod readers;
mod sample;
