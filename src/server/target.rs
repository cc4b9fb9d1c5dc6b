//! The target of a webhook: where its requests go, and what signs them.

use std::rc::Rc;

use super::engine::Engine;
use super::provider::ServedProvider;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::signing::Keyring;

/// Where the requests of a webhook go, and what signs them.
pub(super) struct Target {
    /// Its id in the API.
    pub(super) webhook_id: String,
    /// Its address.
    pub(super) endpoint: Endpoint,
    /// Its address as it was given.
    pub(super) url: String,
    /// The keys that sign.
    pub(super) keyring: Keyring,
    /// Its provider.
    pub(super) provider: Rc<ServedProvider>,
}

impl Engine {
    /// Returns the target of a webhook; `None` if nothing can be delivered to it.
    ///
    /// # Errors
    /// Its URL or its secret cannot be used.
    pub(super) fn target(&mut self, row: i64) -> Result<Option<Rc<Target>>> {
        if let Some(target) = self.targets.get(&row) {
            return Ok(Some(Rc::clone(target)));
        }
        let Some(webhook) = self.webhooks.get(row).filter(|webhook| webhook.fields.enabled) else { return Ok(None) };
        let Some(provider) = self.providers.get(&webhook.fields.provider) else { return Ok(None) };
        let cannot = || Error::new(format!("cannot deliver to the webhook {}", webhook.id));
        let keyring = Keyring::new(&provider.data.scheme, std::slice::from_ref(&webhook.fields.secret))
            .map_err(|error| cannot().cause(error))?;
        let target = Rc::new(Target {
            webhook_id: webhook.id.clone(),
            endpoint: webhook.fields.url.parse().map_err(|error: String| cannot().cause(error))?,
            url: webhook.fields.url.clone(),
            keyring,
            provider: Rc::clone(provider),
        });
        self.targets.insert(row, Rc::clone(&target));
        Ok(Some(target))
    }
}
