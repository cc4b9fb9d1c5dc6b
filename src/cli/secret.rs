//! `whk secret`: its arguments.

use clap::{Args, Subcommand, ValueEnum};

use crate::provider::ProviderRef;
use crate::secrets::SecretSource;

/// `whk secret`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  export WEBHOOK_SECRET=$(whk secret -p ahasend)
  whk secret -p ahasend --as standard-webhooks    for the stock libraries
  whk secret new -p standard                      a new one, not stored")]
pub struct SecretArgs {
    /// The subcommand; without one, `show`.
    #[command(subcommand)]
    pub action: Option<SecretCommand>,
    /// The flags of `show`.
    #[command(flatten)]
    pub show: ShowSecretArgs,
}

/// The subcommands of `whk secret`.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Print the secret that send and listen use
    #[command(after_help = "\
Examples:
  whk secret show -p ahasend")]
    Show(ShowSecretArgs),
    /// Print a new secret in the provider's own format; nothing is stored
    #[command(after_help = "\
Examples:
  whk secret new -p standard
  whk secret new -p standard --pair    a key pair")]
    New(NewSecretArgs),
}

/// The provider, the secret, and the form in which it is printed.
#[derive(Args, Debug)]
pub struct ShowSecretArgs {
    /// Provider: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<ProviderRef>,
    /// Print this one: env:NAME, file:PATH or its text
    #[arg(short, long, value_name = "VALUE", allow_hyphen_values = true)]
    pub secret: Option<SecretSource>,
    /// Print it in the form that others expect
    #[arg(long = "for", visible_alias = "as", value_name = "FORM")]
    pub library: Option<SecretFormat>,
}

/// `whk secret new`
#[derive(Args, Debug)]
pub struct NewSecretArgs {
    /// Provider: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<ProviderRef>,
    /// Print it in the form that others expect
    #[arg(long = "for", visible_alias = "as", value_name = "FORM")]
    pub library: Option<SecretFormat>,
    /// Create a key pair instead of a shared secret, if the provider can sign with one
    #[arg(long)]
    pub pair: bool,
}

/// A form of a secret that others expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretFormat {
    /// whsec_ and base64, for the published Standard Webhooks libraries
    StandardWebhooks,
    /// The public half of a key pair, for receivers
    PublicKey,
}
