//! The hint for the most common first failure: the handler verifies with another secret than the development secret.

use crate::error::Result;
use crate::provider::Provider;

/// Returns whether no secret of a provider is configured, so that the development secret is used.
pub type DevelopmentSecretCheck<'a> = Box<dyn Fn(&Provider) -> Result<bool> + 'a>;

/// Returns whether a handler responds like this to a signature that it does not accept.
#[must_use]
pub fn suggests_bad_signature(status: u16) -> bool {
    matches!(status, 400 | 401 | 403)
}

/// Returns the text for [`Output::hint`](crate::output::Output::hint), three lines: the event was signed with the
/// development secret; the handler must know it, or `command` (such as `whk send`) must be given the handler's.
#[must_use]
pub fn secret_hint(provider: &Provider, command: &str) -> String {
    let name = &provider.name;
    format!(
        "signed with whk's development secret. Give it to your handler:\n        \
         export WEBHOOK_SECRET=$(whk secret -p {name})\n      \
         or use your handler's own: {command} -s env:WEBHOOK_SECRET …"
    )
}
