//! A provider that is served: its data, and the rules of its deliveries.

use std::rc::Rc;

use crate::provider::{DeliveryPolicy, Provider};

/// A provider that is served.
#[derive(Debug)]
pub(super) struct ServedProvider {
    /// Its data.
    pub(super) data: Provider,
    /// Its policy, for the delivery engine: without the rule that disables an endpoint, as the failures of a webhook are
    /// counted in the store.
    pub(super) policy: Rc<DeliveryPolicy>,
    /// Number of failed attempts in a row that disables a webhook.
    pub(super) disable_after: Option<u64>,
    /// True if each webhook gets an event under an id of its own: the id is in a header that nothing signs.
    pub(super) has_delivery_ids: bool,
}

impl ServedProvider {
    /// Takes a provider's data.
    pub(super) fn new(data: Provider) -> Self {
        let disable_after = data.delivery.disable_after_failures.map(u64::from);
        let policy = DeliveryPolicy {
            disable_after_failures: None,
            disable_after_time: None,
            disable_on_gone: false,
            ..data.delivery.clone()
        };
        let has_delivery_ids = data.headers.values().any(|template| template == "{{id}}");
        Self { policy: Rc::new(policy), disable_after, has_delivery_ids, data }
    }

    /// Returns the notice that the provider sends when it disables a webhook, if it does.
    pub(super) fn disabled_notice(&self, url: &str) -> Option<String> {
        let limit = self.disable_after?;
        Some(format!(
            "{} would now send an email to all members of the account: the webhook to {url} was disabled after {limit} \
             consecutive failures, and can be enabled again by hand",
            self.data.title
        ))
    }
}
