//! Deliveries of every webhook, and what waits: as the server's own API shows them.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::{Row, params};

use super::deliveries::read_delivery;
use super::{Store, conversion, optional_time, time};
use crate::error::Result;
use crate::server::overview::{DeliveryRow, PastAttempt, WaitingDeliveries};

/// The columns of a [`DeliveryRow`].
macro_rules! select_delivery {
    ($end:literal) => {
        concat!(
            "SELECT delivery.*, coalesce(delivery.event_id, message.event_id) AS shown_id, message.event_type,
                message.provider
            FROM delivery JOIN message ON message.row = delivery.message ",
            $end
        )
    };
}

impl Store {
    /// Returns the newest deliveries before a row, of every webhook or of one.
    pub(in crate::server) fn newest_deliveries(
        &self,
        webhook: Option<i64>,
        before: i64,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>> {
        let end = (before, limit);
        match webhook {
            None => {
                let sql = select_delivery!("WHERE delivery.row < ?1 ORDER BY delivery.row DESC LIMIT ?2");
                self.query(sql, end, read_delivery_row)
            }
            Some(webhook) => {
                let sql = select_delivery!(
                    "WHERE delivery.webhook = ?3 AND delivery.row < ?1 ORDER BY delivery.row DESC LIMIT ?2"
                );
                self.query(sql, params![before, limit, webhook], read_delivery_row)
            }
        }
    }

    /// Returns a delivery.
    pub(in crate::server) fn delivery(&self, row: i64) -> Result<Option<DeliveryRow>> {
        self.query_one(select_delivery!("WHERE delivery.row = ?1"), [row], read_delivery_row)
    }

    /// Returns the webhook of a delivery, its message, and the id of its event if that is its own.
    pub(in crate::server) fn delivery_source(&self, row: i64) -> Result<Option<(i64, i64, Option<String>)>> {
        let sql = "SELECT webhook, message, event_id FROM delivery WHERE row = ?1";
        self.query_one(sql, [row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    }

    /// Returns the body of a delivery's message.
    pub(in crate::server) fn delivery_body(&self, row: i64) -> Result<Option<Bytes>> {
        let sql = "SELECT message.body FROM delivery JOIN message ON message.row = delivery.message
            WHERE delivery.row = ?1";
        self.query_one(sql, [row], |row| Ok(Bytes::from(row.get::<_, Vec<u8>>(0)?)))
    }

    /// Returns the attempts of a delivery, in their order.
    pub(in crate::server) fn past_attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>> {
        let sql = "SELECT * FROM attempt WHERE delivery = ?1 ORDER BY row";
        self.query(sql, [delivery], read_attempt)
    }

    /// Returns what waits, for each webhook with something that waits.
    pub(in crate::server) fn waiting_for_each(&self) -> Result<HashMap<i64, WaitingDeliveries>> {
        let sql = "SELECT webhook, count(*), min(due_at) FROM delivery WHERE state = 0 GROUP BY webhook";
        let found = self.query(sql, [], |row| {
            Ok((row.get(0)?, WaitingDeliveries { count: row.get(1)?, first_due: row.get(2)? }))
        })?;
        Ok(found.into_iter().collect())
    }

    /// Returns what waits for a webhook.
    pub(in crate::server) fn waiting_for(&self, webhook: i64) -> Result<WaitingDeliveries> {
        let sql = "SELECT count(*), min(due_at) FROM delivery WHERE webhook = ?1 AND state = 0";
        let found =
            self.query_one(sql, [webhook], |row| Ok(WaitingDeliveries { count: row.get(0)?, first_due: row.get(1)? }))?;
        Ok(found.unwrap_or_default())
    }
}

fn read_delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    Ok(DeliveryRow {
        entry: read_delivery(row)?,
        webhook: row.get("webhook")?,
        provider: row.get("provider")?,
        event_id: row.get("shown_id")?,
        wait_ms: row.get("wait_ms")?,
        due_at: row.get("due_at")?,
    })
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<PastAttempt> {
    let headers: String = row.get("headers")?;
    Ok(PastAttempt {
        row: row.get("row")?,
        number: row.get("number")?,
        at: time(row, "at")?,
        succeeded: row.get("succeeded")?,
        status: row.get("status")?,
        error: row.get("error")?,
        duration_us: row.get("duration_us")?,
        next_at: optional_time(row, "next_at")?,
        headers: serde_json::from_str(&headers).map_err(|error| conversion(&error))?,
        response: row.get::<_, Option<Vec<u8>>>("response")?.unwrap_or_default(),
    })
}
