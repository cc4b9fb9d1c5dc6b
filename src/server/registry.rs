//! The registered webhooks in memory, as the engine and the API see them; the store has the same.

use std::collections::{BTreeMap, HashMap};

use super::model::{Page, Webhook, WebhookFilter};

/// Every webhook, by its row and by its id.
#[derive(Debug, Default)]
pub(super) struct Registry {
    by_row: BTreeMap<i64, Webhook>,
    by_id: HashMap<String, i64>,
}

impl Registry {
    /// Makes a registry of these webhooks.
    pub(super) fn new(webhooks: Vec<Webhook>) -> Self {
        let mut registry = Self::default();
        for webhook in webhooks {
            registry.insert(webhook);
        }
        registry
    }

    /// Adds a webhook, or replaces the one in its row.
    pub(super) fn insert(&mut self, webhook: Webhook) {
        self.by_id.insert(webhook.id.clone(), webhook.row);
        self.by_row.insert(webhook.row, webhook);
    }

    /// Removes a webhook.
    pub(super) fn remove(&mut self, row: i64) -> Option<Webhook> {
        let removed = self.by_row.remove(&row)?;
        self.by_id.remove(&removed.id);
        Some(removed)
    }

    /// Returns the webhook in a row.
    pub(super) fn get(&self, row: i64) -> Option<&Webhook> {
        self.by_row.get(&row)
    }

    /// Returns the webhook in a row, to change it.
    pub(super) fn get_mut(&mut self, row: i64) -> Option<&mut Webhook> {
        self.by_row.get_mut(&row)
    }

    /// Returns the webhook with this id, in any account.
    pub(super) fn find_by_id(&self, id: &str) -> Option<&Webhook> {
        self.get(*self.by_id.get(id)?)
    }

    /// Returns the webhook of an account with this id.
    pub(super) fn find(&self, provider: &str, account: &str, id: &str) -> Option<&Webhook> {
        let webhook = self.find_by_id(id)?;
        (webhook.fields.provider == provider && webhook.fields.account == account).then_some(webhook)
    }

    /// Returns every webhook, in the order of creation.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Webhook> {
        self.by_row.values()
    }

    /// Returns a part of the webhooks that a filter selects.
    pub(super) fn list(&self, filter: &WebhookFilter, page: Page) -> Vec<Webhook> {
        let rows = self.by_row.values().filter(|webhook| {
            filter.selects(webhook)
                && page.after.is_none_or(|row| webhook.row > row)
                && page.before.is_none_or(|row| webhook.row < row)
        });
        let part = |rows: &mut dyn Iterator<Item = &Webhook>| {
            let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
            rows.skip(offset).take(usize::try_from(page.limit).unwrap_or(usize::MAX)).cloned().collect()
        };
        if page.newest_first { part(&mut rows.rev()) } else { part(&mut { rows }) }
    }

    /// Returns the number of webhooks that a filter selects.
    pub(super) fn count(&self, filter: &WebhookFilter) -> u64 {
        self.by_row.values().filter(|webhook| filter.selects(webhook)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::server::model::{Counters, WebhookFields};
    use crate::signing::Secret;

    fn webhook(row: i64, provider: &str, account: &str, enabled: bool) -> Webhook {
        let fields = WebhookFields {
            provider: provider.to_owned(),
            account: account.to_owned(),
            url: String::new(),
            secret: Secret::new("s"),
            events: Vec::new(),
            enabled,
            details: serde_json::Map::new(),
        };
        let time = Timestamp::UNIX_EPOCH;
        Webhook {
            row,
            id: format!("wh_{row}"),
            fields,
            counters: Counters::default(),
            created_at: time,
            updated_at: time,
        }
    }

    fn rows(webhooks: &[Webhook]) -> Vec<i64> {
        webhooks.iter().map(|webhook| webhook.row).collect()
    }

    #[test]
    fn an_account_sees_its_own_webhooks_only() {
        let all = vec![webhook(1, "a", "x", true), webhook(2, "a", "y", true), webhook(3, "b", "x", true)];
        let mut registry = Registry::new(all);
        assert_eq!(registry.find("a", "x", "wh_1").map(|found| found.row), Some(1));
        for (provider, account, id) in [("a", "y", "wh_1"), ("b", "x", "wh_1"), ("a", "x", "wh_9")] {
            assert!(registry.find(provider, account, id).is_none());
        }
        assert!(registry.remove(1).is_some() && registry.find("a", "x", "wh_1").is_none());
    }

    #[test]
    fn a_list_is_cut_into_pages_from_either_end() {
        let registry = Registry::new((1..=6).map(|row| webhook(row, "a", "", row != 3)).collect());
        let filter = WebhookFilter { provider: "a".to_owned(), ..WebhookFilter::default() };
        let list = |page| rows(&registry.list(&filter, page));
        assert_eq!(list(Page::oldest(2)), [1, 2]);
        assert_eq!(list(Page { offset: 4, ..Page::oldest(9) }), [5, 6]);
        assert_eq!(list(Page { before: Some(5), ..Page::newest(3) }), [4, 3, 2]);
        assert_eq!(list(Page { after: Some(4), ..Page::oldest(9) }), [5, 6]);
        let enabled = WebhookFilter { enabled: Some(true), ..filter };
        assert_eq!(registry.count(&enabled), 5);
        assert_eq!(rows(&registry.list(&enabled, Page::oldest(9))), [1, 2, 4, 5, 6]);
    }
}
