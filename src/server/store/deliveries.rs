//! Messages, their deliveries and their attempts.

use rusqlite::{Row, params};

use super::{Store, optional_time, time};
use crate::error::Result;
use crate::server::model::{AttemptEntry, DeliveryEntry, DeliveryState, Page};

/// The end of a query for a part of a list: the rows between two others, in either order.
macro_rules! page {
    ($table:literal) => {
        concat!($table, ".row > ?2 AND ", $table, ".row < ?3 ORDER BY ", $table, ".row")
    };
}

impl Store {
    /// Returns a part of the attempts of a webhook.
    pub(in crate::server) fn attempts(&self, webhook: i64, page: Page) -> Result<Vec<AttemptEntry>> {
        let sql = concat!(
            "SELECT attempt.*, coalesce(delivery.event_id, message.event_id) AS event_id, message.event_type
            FROM attempt JOIN delivery ON delivery.row = attempt.delivery
                JOIN message ON message.row = delivery.message
            WHERE attempt.webhook = ?1 AND ",
            page!("attempt")
        );
        self.page(sql, webhook, page, read_attempt)
    }

    /// Returns a part of the deliveries of a webhook.
    pub(in crate::server) fn deliveries(&self, webhook: i64, page: Page) -> Result<Vec<DeliveryEntry>> {
        let sql = concat!(
            "SELECT delivery.*, coalesce(delivery.event_id, message.event_id) AS id, message.event_type
            FROM delivery JOIN message ON message.row = delivery.message
            WHERE delivery.webhook = ?1 AND ",
            page!("delivery")
        );
        self.page(sql, webhook, page, read_delivery)
    }

    /// Returns the number of deliveries of a webhook.
    pub(in crate::server) fn count_deliveries(&self, webhook: i64) -> Result<u64> {
        let sql = "SELECT count(*) FROM delivery WHERE webhook = ?1";
        Ok(self.query_one(sql, [webhook], |row| row.get(0))?.unwrap_or(0))
    }

    fn page<T>(
        &self,
        sql: &str,
        webhook: i64,
        page: Page,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let sql = format!("{sql}{} LIMIT ?4 OFFSET ?5", if page.newest_first { " DESC" } else { "" });
        let (after, before) = (page.after.unwrap_or(0), page.before.unwrap_or(i64::MAX));
        let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.query(&sql, params![webhook, after, before, limit, offset], read)
    }
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<AttemptEntry> {
    Ok(AttemptEntry {
        row: row.get("row")?,
        event_id: row.get("event_id")?,
        event_type: row.get("event_type")?,
        number: row.get("number")?,
        succeeded: row.get("succeeded")?,
        status: row.get("status")?,
        error: row.get("error")?,
        duration_us: row.get("duration_us")?,
        at: time(row, "at")?,
        next_at: optional_time(row, "next_at")?,
    })
}

fn read_delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryEntry> {
    let state = DeliveryState::from_number(row.get("state")?);
    let due_at = optional_time(row, "due_at")?.filter(|_| state == DeliveryState::Pending);
    Ok(DeliveryEntry {
        row: row.get("row")?,
        event_id: row.get("id")?,
        event_type: row.get("event_type")?,
        state,
        attempts: row.get("attempts")?,
        status: row.get("status")?,
        error: row.get("error")?,
        duration_us: row.get("duration_us")?,
        due_at,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
