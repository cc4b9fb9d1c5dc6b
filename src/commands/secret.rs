//! `whk secret`: the only command that prints one.

use serde::Serialize;

use super::CommandContext;
use crate::cli::{SecretArgs, SecretCommand, SecretFormat, ShowSecretArgs, SigningArgs};
use crate::error::{Error, ExitStatus, Result};
use crate::provider::{Provider, ProviderRef};
use crate::signing::{Key, Secret, to_standard_webhooks};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "secret")]
struct Line<'a> {
    provider: &'a str,
    secret: &'a str,
}

pub(super) fn run(context: &CommandContext, command: &SecretArgs) -> Result<ExitStatus> {
    match &command.action {
        None => show(context, &command.show),
        Some(SecretCommand::Show(flags)) => show(context, flags),
        Some(SecretCommand::New(new)) => {
            let provider = provider(context, new.provider.clone())?;
            let secret = if new.pair { provider.new_key_pair()? } else { provider.new_secret()? };
            print(context, new.library, &provider, &secret)
        }
    }
}

fn show(context: &CommandContext, flags: &ShowSecretArgs) -> Result<ExitStatus> {
    let provider = provider(context, flags.provider.clone())?;
    let given = SigningArgs { provider: None, secrets: flags.secret.iter().cloned().collect() };
    let secrets = context.secrets(&given, &provider)?;
    print(context, flags.library, &provider, &secrets[0])
}

fn provider(context: &CommandContext, flag: Option<ProviderRef>) -> Result<Provider> {
    let name = flag.or_else(|| context.config.provider()).ok_or_else(|| {
        Error::new("which provider? Each has its own secret (-p NAME)")
            .available("", context.catalog.names())
            .hint("whk secret -p ahasend")
    })?;
    context.catalog.load(&name)
}

fn print(
    context: &CommandContext,
    library: Option<SecretFormat>,
    provider: &Provider,
    secret: &Secret,
) -> Result<ExitStatus> {
    let shown = match library {
        None => secret.expose_secret().to_owned(),
        Some(SecretFormat::PublicKey) => {
            provider.scheme.public_text(secret).ok_or_else(|| Error::new("a shared secret has no public half"))?
        }
        Some(SecretFormat::StandardWebhooks) => {
            let key = provider
                .scheme
                .key(secret)
                .map_err(|error| Error::new(format!("the secret does not fit {}", provider.title)).cause(error))?;
            match key {
                Key::Shared(bytes) => to_standard_webhooks(&bytes),
                Key::Ed25519 { .. } | Key::P256 { .. } => {
                    return Err(Error::new("stock libraries accept shared secrets only, and this one is a key pair"));
                }
            }
        }
    };
    context.output.print(&shown)?;
    context.output.print_json(&Line { provider: &provider.name, secret: &shown })?;
    Ok(ExitStatus::Success)
}
