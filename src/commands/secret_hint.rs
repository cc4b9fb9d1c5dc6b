//! The condition of [`secret_hint`](crate::report::secret_hint).

use crate::cli::SigningArgs;
use crate::config::Config;
use crate::error::Result;
use crate::provider::Provider;

/// Returns whether no secret of the provider is configured, so that the development secret is used.
///
/// # Errors
/// A configured secret cannot be read.
pub(super) fn uses_development_secret(config: &Config, identity: &SigningArgs, provider: &Provider) -> Result<bool> {
    Ok(config.secret_resolver(&identity.secrets).configured(provider)?.is_none())
}
