//! `whk events` and `whk providers`: their arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::provider::ProviderRef;

/// `whk events`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk events ahasend
  whk events message.delivered
  whk events message.delivered -p ahasend@2026-08")]
pub struct EventsArgs {
    /// Event type to show a sample of, or provider to list the events of
    #[arg(value_name = "TYPE|PROVIDER")]
    pub kind: Option<String>,
    /// Provider: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME")]
    pub provider: Option<ProviderRef>,
}

/// `whk providers`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  whk providers
  whk providers ahasend@2026-08
  whk providers new acme                          then edit the file
  whk providers check whk-providers/acme.toml")]
pub struct ProvidersArgs {
    /// Provider to show, optionally with an edition
    #[arg(value_name = "NAME[@EDITION]")]
    pub name: Option<ProviderRef>,
    /// The subcommand; without one, the providers are shown.
    #[command(subcommand)]
    pub action: Option<ProvidersCommand>,
}

/// The subcommands of `whk providers`.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Create whk-providers/NAME.toml, a commented template
    #[command(after_help = "\
Examples:
  whk providers new acme")]
    New {
        /// Name of the provider
        name: String,
    },
    /// Validate a provider file, and sign and verify each of its events
    #[command(after_help = "\
Examples:
  whk providers check whk-providers/acme.toml")]
    Check {
        /// The file, or the folder that holds provider.toml
        path: PathBuf,
    },
}
