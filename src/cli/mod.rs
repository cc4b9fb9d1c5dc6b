//! The command line as types. A flag's comment is its help.
#![expect(clippy::doc_markdown, reason = "help is read on a terminal, where backticks and angle brackets are noise")]

mod catalog;
mod generate;
mod listen;
mod replay;
mod respond;
mod route;
mod schedule;
mod secret;
mod send;
mod value;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use catalog::{EventsArgs, ProvidersArgs, ProvidersCommand};
pub use generate::{CompletionsArgs, ManArgs};
pub use listen::{ListenArgs, OnInvalid, TlsMode};
pub use replay::ReplayArgs;
pub use respond::{Act, Script, ScriptFor, Step};
pub use route::{Route, RouteTo};
pub use schedule::{Schedule, StatusFilter};
pub use secret::{NewSecretArgs, SecretArgs, SecretCommand, SecretFormat, ShowSecretArgs};
pub use send::{Fault, PrintFormat, SendArgs};
pub use value::{
    Address, DEFAULT_PORT, Glob, Header, Pace, SecretSource, Size, StrictFor, Time, ToleranceFlag, TypeCount,
};
pub use verify::VerifyArgs;

use crate::output::Choice;
use crate::provider::Name;

const EXIT_CODES: &str = "\
Exit codes:
  0    yes: valid, delivered, expectation met, or a normal end
  1    no: a signature is invalid, a delivery refused, an expectation broken
  2    could not run: bad usage, unreadable input, bad config, port taken
  3    the target could not be reached at all
  4    timed out waiting for what was expected
  130  interrupted before the answer was known";

/// Test webhooks offline: send signed sample events, receive and verify them, learn why a signature fails
///
/// In one terminal: `whk listen`. In another: `whk send --type message.delivered`. They verify each other with no
/// set-up.
#[derive(Debug, Parser)]
#[command(name = "whk", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print JSON Lines on stdout, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Choice>,
    /// Say less on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more on stderr, and show bodies unfolded
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Read this config file instead of ./whk.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Make ids, names and other random values repeatable
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`
    #[arg(long, global = true, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<Time>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks: verify, print and record each one
    Listen(Box<ListenArgs>),
    /// Send signed sample events, or your own body
    Send(Box<SendArgs>),
    /// Check captured requests and say why one fails
    Verify(VerifyArgs),
    /// Send a recorded log again, on the provider's real retry schedule
    Replay(Box<ReplayArgs>),
    /// List the events that can be sent, or show a sample of one
    Events(EventsArgs),
    /// List the providers, show one, or describe one of your own
    Providers(ProvidersArgs),
    /// Show or make the secret that is used while none is configured
    Secret(SecretArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them into a folder
    Man(ManArgs),
}

/// Whose events, and with which secret.
#[derive(Args, Clone, Debug)]
pub struct SigningArgs {
    /// Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell
    #[arg(short, long, value_name = "NAME[@EDITION]", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<Name>,
    /// The signing secret: its text, env:NAME or file:PATH; may be repeated
    ///
    /// Else WHK_SECRET, else the config file, else the development secret (`whk secret`). A text on the command line
    /// can be seen by other users of the machine; env: and file: cannot.
    #[arg(short, long = "secret", value_name = "VALUE", allow_hyphen_values = true)]
    pub secrets: Vec<SecretSource>,
}
