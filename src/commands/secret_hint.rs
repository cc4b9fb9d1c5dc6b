//! The hint for the most common first failure: the handler verifies with another secret than the development secret.

use crate::cli::SigningArgs;
use crate::config::Config;
use crate::error::Result;
use crate::provider::Provider;

/// Returns whether a handler responds like this to a signature that it does not accept.
pub(super) fn looks_like_a_bad_signature(status: u16) -> bool {
    matches!(status, 400 | 401 | 403)
}

/// Returns whether no secret of the provider is configured, so that the development secret is used.
///
/// # Errors
/// A configured secret cannot be read.
pub(super) fn uses_development_secret(config: &Config, identity: &SigningArgs, provider: &Provider) -> Result<bool> {
    Ok(config.secret_resolver(&identity.secrets).configured(provider)?.is_none())
}

/// Returns the text for [`Output::hint`](crate::output::Output::hint), three lines: the event was signed with the development secret; the handler must know it, or
/// `command` (such as `whk send`) must be given the handler's.
pub(super) fn secret_hint(provider: &Provider, command: &str) -> String {
    let name = &provider.name;
    format!(
        "signed with whk's development secret. Give it to your handler:\n        \
         export WEBHOOK_SECRET=$(whk secret -p {name})\n      \
         or use your handler's own: {command} -s env:WEBHOOK_SECRET …"
    )
}
