//! `whk` tests webhooks offline: it sends signed sample events, receives and verifies them, and explains why a
//! signature fails.
//!
//! The library is the tool's own; its public surface is the command line.

pub mod capture;
pub mod check;
pub mod cli;
pub mod clock;
mod commands;
pub mod config;
mod data_dir;
pub mod delivery;
pub mod duration;
pub mod environment;
pub mod error;
mod fs;
mod heap;
pub mod http;
pub mod inspect;
pub mod output;
pub mod page;
pub mod provider;
pub mod random;
pub mod receiver;
pub mod report;
pub mod sanitize;
pub mod secrets;
pub mod sender;
pub mod server;
pub mod signing;
pub mod strict_toml;
pub mod verification;

/// Reads the command line and runs its command.
#[must_use]
pub fn run() -> error::ExitStatus {
    commands::run()
}
