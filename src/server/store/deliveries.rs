//! Messages, their deliveries and their attempts.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Store, conversion, json, millis, optional_time, time};
use crate::error::Result;
use crate::sender::EventMessage;
use crate::server::model::{AttemptEntry, DeliveryEntry, DeliveryState, DueDelivery, MadeAttempt, Page};

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
            "SELECT delivery.*, message.event_type
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

    /// Adds a message; returns its row.
    pub(in crate::server) fn add_message(
        &mut self,
        provider: &str,
        message: &EventMessage,
        now: Timestamp,
    ) -> Result<i64> {
        let headers = json(&message.headers)?;
        self.insert(
            "INSERT INTO message (provider, event_type, event_id, headers, body, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![provider, message.event_type, message.event_id, headers, &message.body[..], millis(now)],
        )
    }

    /// Adds a delivery of a message that is due at this time; returns its row. Its event has an id of its own if one is
    /// given.
    pub(in crate::server) fn add_delivery(
        &mut self,
        webhook: i64,
        message: i64,
        event_id: Option<&str>,
        due_at: i64,
        now: Timestamp,
    ) -> Result<i64> {
        let row = self.insert(
            "INSERT INTO delivery (webhook, message, event_id, state, due_at, created_at, updated_at)
            VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5)",
            params![webhook, message, event_id, due_at, millis(now)],
        )?;
        self.remove_old(row)?;
        Ok(row)
    }

    /// Returns the time at which the first delivery that waits for a webhook is due.
    pub(in crate::server) fn next_due(&self, webhook: i64) -> Result<Option<i64>> {
        let sql = "SELECT min(due_at) FROM delivery WHERE webhook = ?1 AND state = 0";
        Ok(self.query_one(sql, [webhook], |row| row.get(0))?.flatten())
    }

    /// Returns the deliveries to a webhook that are due by `now`, first those that have waited longest.
    pub(in crate::server) fn due(&self, webhook: i64, now: i64, limit: usize) -> Result<Vec<DueDelivery>> {
        let sql = "SELECT delivery.row, delivery.webhook, delivery.attempts, delivery.wait_ms,
                delivery.possibly_received, delivery.event_id AS own_id, message.event_type, message.event_id,
                message.headers, message.body
            FROM delivery JOIN message ON message.row = delivery.message
            WHERE delivery.webhook = ?1 AND delivery.state = 0 AND delivery.due_at <= ?2
            ORDER BY delivery.due_at, delivery.row LIMIT ?3";
        self.query(sql, params![webhook, now, i64::try_from(limit).unwrap_or(i64::MAX)], read_due)
    }

    /// Notes that an attempt of a delivery starts: if the process ends before it is known, the handler may have got it.
    pub(in crate::server) fn start_attempt(&mut self, delivery: i64) -> Result {
        self.execute("UPDATE delivery SET state = 1 WHERE row = ?1", [delivery]).map(drop)
    }

    /// Adds an attempt that was made, and changes its delivery.
    pub(in crate::server) fn end_attempt(&mut self, made: &MadeAttempt<'_>) -> Result<i64> {
        let number = made.number;
        self.execute(
            "UPDATE delivery SET state = ?2, attempts = ?3, wait_ms = ?4, possibly_received = 0, due_at = ?5,
                status = ?6, error = ?7, duration_us = ?8, updated_at = ?9
            WHERE row = ?1",
            params![
                made.delivery,
                made.state.number(),
                number,
                made.wait_ms,
                made.next_at.unwrap_or_default(),
                made.status,
                made.error,
                made.duration_us,
                millis(made.ended_at)
            ],
        )?;
        self.insert(
            "INSERT INTO attempt (delivery, webhook, number, at, succeeded, status, error, duration_us, next_at,
                headers, response)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                made.delivery,
                made.webhook,
                number,
                millis(made.at),
                made.state == DeliveryState::Delivered,
                made.status,
                made.error,
                made.duration_us,
                made.next_at,
                json(&made.headers)?,
                made.response
            ],
        )
    }

    /// Skips one delivery.
    pub(in crate::server) fn skip_delivery(&mut self, delivery: i64) -> Result {
        self.execute("UPDATE delivery SET state = 4 WHERE row = ?1", [delivery]).map(drop)
    }

    /// Skips the deliveries that wait for a webhook; returns their number.
    pub(in crate::server) fn skip_waiting(&mut self, webhook: i64, now: Timestamp) -> Result<usize> {
        let sql = "UPDATE delivery SET state = 4, updated_at = ?2 WHERE webhook = ?1 AND state = 0";
        self.execute(sql, params![webhook, millis(now)])
    }

    /// Lets the deliveries that an earlier process had under way wait again: their handlers may have got them. What
    /// waits for a webhook that is gone is skipped.
    pub(in crate::server) fn recover(&mut self) -> Result {
        self.execute("UPDATE delivery SET state = 0, possibly_received = 1 WHERE state = 1", [])?;
        let gone = "UPDATE delivery SET state = 4 WHERE state = 0 AND webhook NOT IN (SELECT row FROM webhook)";
        self.execute(gone, [])?;
        self.commit()
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
        at: time(row, "at")?,
        next_at: optional_time(row, "next_at")?,
    })
}

pub(super) fn read_delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryEntry> {
    Ok(DeliveryEntry {
        row: row.get("row")?,
        event_type: row.get("event_type")?,
        state: DeliveryState::from_number(row.get("state")?),
        attempts: row.get("attempts")?,
        status: row.get("status")?,
        error: row.get("error")?,
        duration_us: row.get("duration_us")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn read_due(row: &Row<'_>) -> rusqlite::Result<DueDelivery> {
    let (headers, body): (String, Vec<u8>) = (row.get("headers")?, row.get("body")?);
    let mut headers: Vec<(String, String)> = serde_json::from_str(&headers).map_err(|error| conversion(&error))?;
    let mut event_id: String = row.get("event_id")?;
    if let Some(own_id) = row.get::<_, Option<String>>("own_id")? {
        for (_, value) in headers.iter_mut().filter(|(_, value)| *value == event_id) {
            own_id.clone_into(value);
        }
        event_id = own_id;
    }
    Ok(DueDelivery {
        row: row.get("row")?,
        webhook: row.get("webhook")?,
        attempts: row.get("attempts")?,
        wait_ms: row.get("wait_ms")?,
        possibly_received: row.get("possibly_received")?,
        message: EventMessage {
            event_type: row.get("event_type")?,
            event_id,
            headers,
            body: Bytes::from(body),
            delay: std::time::Duration::ZERO,
        },
    })
}
