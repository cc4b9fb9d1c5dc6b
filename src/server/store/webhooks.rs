//! The registered webhooks.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Store, conversion, json, millis, optional_time, time};
use crate::error::Result;
use crate::server::model::{Counters, Webhook, WebhookFields};
use crate::signing::Secret;

impl Store {
    /// Adds a webhook; returns its row.
    pub(in crate::server) fn add_webhook(&mut self, id: &str, fields: &WebhookFields, now: Timestamp) -> Result<i64> {
        let (events, details) = (json(&fields.events)?, json(&fields.details)?);
        self.insert(
            "INSERT INTO webhook
                (id, provider, account, url, secret, events, enabled, details, created_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
            params![
                id,
                fields.provider,
                fields.account,
                fields.url,
                fields.secret.expose_secret(),
                events,
                fields.enabled,
                details,
                millis(now)
            ],
        )
    }

    /// Changes the fields of a webhook.
    pub(in crate::server) fn update_webhook(&mut self, row: i64, fields: &WebhookFields, now: Timestamp) -> Result {
        let (events, details) = (json(&fields.events)?, json(&fields.details)?);
        self.execute(
            "UPDATE webhook SET url = ?2, secret = ?3, events = ?4, enabled = ?5, details = ?6, updated_at = ?7
            WHERE row = ?1",
            params![row, fields.url, fields.secret.expose_secret(), events, fields.enabled, details, millis(now)],
        )
        .map(drop)
    }

    /// Counts the attempts that are past; called with the counters of a webhook that changed.
    pub(in crate::server) fn update_counters(&mut self, row: i64, counters: &Counters) -> Result {
        self.execute(
            "UPDATE webhook SET successes = ?2, failures = ?3, failures_in_a_row = ?4, last_attempt_at = ?5,
                last_success_at = ?6, last_failure_at = ?7
            WHERE row = ?1",
            params![
                row,
                counters.successes,
                counters.failures,
                counters.failures_in_a_row,
                counters.last_attempt_at.map(millis),
                counters.last_success_at.map(millis),
                counters.last_failure_at.map(millis)
            ],
        )
        .map(drop)
    }

    /// Removes a webhook. Its deliveries are skipped later, as nothing leads to them any more.
    pub(in crate::server) fn delete_webhook(&mut self, row: i64) -> Result {
        self.execute("DELETE FROM webhook WHERE row = ?1", [row]).map(drop)
    }

    /// Returns every webhook, in the order of creation.
    pub(in crate::server) fn all_webhooks(&self) -> Result<Vec<Webhook>> {
        self.query("SELECT * FROM webhook ORDER BY row", [], read)
    }

    /// Returns the number of webhooks that were ever created.
    pub(in crate::server) fn webhooks_created(&self) -> Result<u64> {
        let last = "SELECT seq FROM sqlite_sequence WHERE name = 'webhook'";
        Ok(self.query_one(last, [], |row| row.get(0))?.unwrap_or(0))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let parsed = |column: &str| row.get::<_, String>(column);
    let counters = Counters {
        successes: row.get("successes")?,
        failures: row.get("failures")?,
        failures_in_a_row: row.get("failures_in_a_row")?,
        last_attempt_at: optional_time(row, "last_attempt_at")?,
        last_success_at: optional_time(row, "last_success_at")?,
        last_failure_at: optional_time(row, "last_failure_at")?,
    };
    let fields = WebhookFields {
        provider: row.get("provider")?,
        account: row.get("account")?,
        url: row.get("url")?,
        secret: Secret::new(row.get::<_, String>("secret")?),
        events: serde_json::from_str(&parsed("events")?).map_err(|error| conversion(&error))?,
        enabled: row.get("enabled")?,
        details: serde_json::from_str(&parsed("details")?).map_err(|error| conversion(&error))?,
    };
    Ok(Webhook {
        row: row.get("row")?,
        id: row.get("id")?,
        fields,
        counters,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
