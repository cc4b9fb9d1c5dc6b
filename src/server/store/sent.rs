//! The requests that were sent: each attempt with its message.

use rusqlite::{Row, params};

use super::{Store, conversion, store_error, time};
use crate::error::Result;
use crate::server::page::{SentPosition, SentRequest};

/// The columns of a [`SentRequest`].
macro_rules! select_sent {
    ($end:literal) => {
        concat!(
            "SELECT attempt.row, attempt.webhook, attempt.at, attempt.headers, attempt.status, attempt.error,
                attempt.duration_us, attempt.response, attempt.succeeded, message.provider, message.event_type,
                coalesce(delivery.event_id, message.event_id) AS event_id, message.body
            FROM attempt JOIN delivery ON delivery.row = attempt.delivery
                JOIN message ON message.row = delivery.message ",
            $end
        )
    };
}

impl Store {
    /// Returns the row of the last attempt, 0 if there is none.
    pub(in crate::server) fn newest_attempt(&self) -> Result<i64> {
        Ok(self.query_one("SELECT max(row) FROM attempt", [], |row| row.get(0))?.flatten().unwrap_or(0))
    }

    /// Returns the next requests, at most `limit`, and at most about `max_bytes` of them but at least one.
    pub(in crate::server) fn sent(
        &self,
        position: SentPosition,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<SentRequest>> {
        let (sql, first) = match position {
            SentPosition::After(row) => (select_sent!("WHERE attempt.row > ?1 ORDER BY attempt.row LIMIT ?2"), row),
            SentPosition::Before(row) => {
                (select_sent!("WHERE attempt.row < ?1 ORDER BY attempt.row DESC LIMIT ?2"), row)
            }
            SentPosition::Only(row) => (select_sent!("WHERE attempt.row = ?1 LIMIT ?2"), row),
            SentPosition::SameDelivery(row) => (
                select_sent!(
                    "WHERE attempt.delivery = (SELECT delivery FROM attempt WHERE row = ?1)
                    ORDER BY attempt.row LIMIT ?2"
                ),
                row,
            ),
        };
        let mut statement = self.statement(sql)?;
        let mut rows = statement
            .query(params![first, i64::try_from(limit).unwrap_or(i64::MAX)])
            .map_err(|error| store_error(&error))?;
        let (mut sent, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(|error| store_error(&error))? {
            let request = read(row).map_err(|error| store_error(&error))?;
            bytes += request.size();
            if bytes > max_bytes && !sent.is_empty() {
                break;
            }
            sent.push(request);
        }
        Ok(sent)
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<SentRequest> {
    let headers: String = row.get("headers")?;
    Ok(SentRequest {
        row: row.get("row")?,
        webhook: row.get("webhook")?,
        url: None,
        at: time(row, "at")?,
        headers: serde_json::from_str(&headers).map_err(|error| conversion(&error))?,
        body: row.get::<_, Vec<u8>>("body")?.into(),
        provider: row.get("provider")?,
        event_type: row.get("event_type")?,
        event_id: row.get("event_id")?,
        succeeded: row.get("succeeded")?,
        status: row.get("status")?,
        error: row.get("error")?,
        duration_us: row.get("duration_us")?,
        response: row.get::<_, Option<Vec<u8>>>("response")?.unwrap_or_default(),
    })
}
