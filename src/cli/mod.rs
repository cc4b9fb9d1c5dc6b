//! The command line as types, with its usage errors, completions and manual pages. A flag's comment is its help.
#![expect(clippy::doc_markdown, reason = "help is read on a terminal, where backticks and angle brackets are noise")]

mod catalog;
mod check;
mod complete;
mod deferred;
mod emit;
mod generate;
mod help;
mod listen;
mod log;
mod man;
mod replay;
mod respond;
mod route;
mod schedule;
mod secret;
mod send;
mod serve;
mod usage;
mod value;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use catalog::{EventsArgs, ProvidersArgs, ProvidersCommand};
pub use check::{CheckArgs, CheckFormat};
pub use complete::{COMPLETE_COMMAND, CompletionData, completions};
pub use deferred::{Deferred, command_tree};
pub use emit::EmitArgs;
pub use generate::{CompletionsArgs, HelpArgs, ManArgs, completion_script};
pub use help::{Length, documented, pitch};
pub use listen::{ListenArgs, OnInvalid, TlsMode};
pub use log::{LogArgs, LogCommand, LogDiffArgs, LogExportArgs, LogSelectionArgs, LogShowArgs};
pub use man::manual_page;
pub use replay::ReplayArgs;
pub use respond::ScriptRoute;
pub use route::{Route, RouteTarget};
pub use schedule::ScheduleOverride;
pub use secret::{NewSecretArgs, SecretArgs, SecretCommand, SecretFormat, ShowSecretArgs};
pub use send::{FaultArg, PrintFormat, SendArgs};
pub use serve::ServeArgs;
pub use usage::{help_arguments, usage_error};
pub use value::{ByteSize, HeaderArg, LibraryFilter, ListenAddress, ServeAddress, TimeArg, ToleranceArg};
pub use verify::VerifyArgs;

use crate::output::ColorChoice;
use crate::provider::ProviderRef;
use crate::secrets::SecretSource;

/// Test webhooks offline: send signed events, and explain why a signature fails
///
/// In one terminal: `whk listen`. In another: `whk send -p ahasend --type message.delivered`. They verify each other
/// with no setup.
#[derive(Debug, Parser)]
#[command(name = "whk", version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// The flags of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print JSON Lines on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Colour the output: auto, always or never
    ///
    /// The default is auto: on a terminal, unless NO_COLOR is set; elsewhere only with CLICOLOR_FORCE.
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<ColorChoice>,
    /// Less output: only failures and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More output, with full bodies
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Read this config file instead of ./whk.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Make random values repeatable: ids, names, jitter
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Use this time instead of the current one: RFC 3339, unix seconds, -10m, +6m
    #[arg(long, global = true, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<TimeArg>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks: verify, print and record each one
    Listen(Deferred<ListenArgs>),
    /// Send signed sample events, or your own body
    Send(Deferred<SendArgs>),
    /// Check captured requests and explain why one fails
    Verify(Deferred<VerifyArgs>),
    /// Resend a recorded log on the provider's real retry schedule
    Replay(Deferred<ReplayArgs>),
    /// List what was received, show a request, compare two
    Log(Deferred<LogArgs>),
    /// Test a handler: what it must accept, reject and survive
    Check(Deferred<CheckArgs>),
    /// Be the provider: its webhook API, deliveries, retries and logs
    Serve(Deferred<ServeArgs>),
    /// Send events into a running whk serve
    Emit(Deferred<EmitArgs>),
    /// List the events that can be sent, or show a sample of one
    Events(Deferred<EventsArgs>),
    /// List the providers, show one, or describe one of your own
    Providers(Deferred<ProvidersArgs>),
    /// Show or create development secrets
    Secret(Deferred<SecretArgs>),
    /// Print the completion script of a shell
    Completions(Deferred<CompletionsArgs>),
    /// Print the manual page, or write all of them into a folder
    Man(Deferred<ManArgs>),
    /// Print the help of a command
    #[command(hide = true)]
    Help(Deferred<HelpArgs>),
}

/// The provider and the secrets.
#[derive(Args, Clone, Debug)]
pub struct SigningArgs {
    /// Provider: NAME or NAME@EDITION [default: detected]
    #[arg(short, long, value_name = "NAME", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<ProviderRef>,
    /// Secret: env:NAME, file:PATH or text (repeatable)
    ///
    /// Without it: WHK_SECRET, then the config file, then the development secret (whk secret). Other users of the
    /// machine can see a text on the command line, but not what env: and file: stand for.
    #[arg(short, long = "secret", value_name = "VALUE", allow_hyphen_values = true)]
    pub secrets: Vec<SecretSource>,
}
