//! `whk events` and `whk providers`: their arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::provider::Name;

/// `whk events`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk events -p ahasend
  whk events message.delivered
  whk events message.delivered -p ahasend@2026-08")]
pub struct EventsArgs {
    /// The type of event of which a sample is shown
    #[arg(value_name = "TYPE")]
    pub kind: Option<String>,
    /// Whose events: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME[@EDITION]")]
    pub provider: Option<Name>,
}

/// `whk providers`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ProvidersArgs {
    /// The provider: NAME or NAME@EDITION
    #[arg(value_name = "NAME[@EDITION]")]
    pub name: Option<Name>,
    /// What to do; without a word, show.
    #[command(subcommand)]
    pub action: Option<ProvidersCommand>,
}

/// What `whk providers` does.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Write a commented start of one's own into whk-providers/NAME.toml, and print the path
    New {
        /// The name by which it is called
        name: String,
    },
    /// Check a provider's file: exit 0, or 2 with file and line
    Check {
        /// The file, or the folder that holds provider.toml
        path: PathBuf,
    },
}
