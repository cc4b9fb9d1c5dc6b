//! `whk` tests webhooks offline: it sends signed sample events, receives and verifies them, and says why a
//! signature fails.
//!
//! The library is the tool's own; its public surface is the command line.

pub mod capture;
pub mod clock;
pub mod environment;
pub mod error;
pub mod provider;
pub mod random;
pub mod signing;
pub mod span;
pub mod strict_toml;
