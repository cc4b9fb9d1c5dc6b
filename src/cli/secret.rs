//! `whk secret`: its arguments.

use clap::{Args, Subcommand, ValueEnum};

use super::SigningArgs;
use crate::provider::Name;

/// `whk secret`
#[derive(Args, Debug)]
pub struct SecretArgs {
    /// What to do; without a word, show.
    #[command(subcommand)]
    pub action: Option<SecretCommand>,
    /// The flags of `show`.
    #[command(flatten)]
    pub show: ShowSecretArgs,
}

/// What `whk secret` does.
#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Print the secret that send and listen use
    Show(ShowSecretArgs),
    /// Print a new secret in the provider's own format; nothing is stored
    New(NewSecretArgs),
}

/// Whose secret, and in which form.
#[derive(Args, Debug)]
pub struct ShowSecretArgs {
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)
    #[arg(long = "for", value_name = "LIBRARY")]
    pub library: Option<SecretFormat>,
}

/// `whk secret new`
#[derive(Args, Debug)]
pub struct NewSecretArgs {
    /// Whose webhooks: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME[@EDITION]", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<Name>,
    /// Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)
    #[arg(long = "for", value_name = "LIBRARY")]
    pub library: Option<SecretFormat>,
    /// Make a key pair instead of a shared secret, where the provider can sign with one
    #[arg(long)]
    pub pair: bool,
}

/// Libraries that take a secret in a form of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretFormat {
    /// The published Standard Webhooks libraries, all of them: `whsec_` and base64
    StandardWebhooks,
    /// Whoever checks signatures made with a key pair: its public half
    PublicKey,
}
