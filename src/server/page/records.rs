//! The requests in the store as the page reads them.

use std::borrow::Cow;
use std::time::Duration;

use tokio::sync::watch;

use super::{SentPosition, SentRequest};
use crate::capture::{CapturedRequest, Record, RecordedResponse, RecordedVerdict};
use crate::error::{Error, ErrorKind, Result};
use crate::http::client::Endpoint;
use crate::page::{Position, RecordStore, StoredRecord};
use crate::server::engine_handle::EngineHandle;

/// Reads requests by the engine. Its methods wait for the engine, on threads where that blocks nobody.
pub(super) struct SentRecords {
    engine: EngineHandle,
}

impl SentRecords {
    pub(super) fn new(engine: EngineHandle) -> Self {
        Self { engine }
    }

    fn sent(&self, position: SentPosition, limit: usize, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        let found = self.engine.call_blocking(move |engine| engine.sent(position, limit, max_bytes));
        let found = found.map_err(|_| Error::new("the server is stopping").kind(ErrorKind::Io))??;
        found.into_iter().map(record).collect()
    }
}

impl RecordStore for SentRecords {
    fn read(&self, position: Position, limit: usize, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        let position = match position {
            Position::After(seq) => SentPosition::After(row(seq)),
            Position::Before(seq) => SentPosition::Before(row(seq)),
        };
        self.sent(position, limit, max_bytes)
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>> {
        Ok(self.sent(SentPosition::Only(row(seq)), 1, usize::MAX)?.pop())
    }

    fn attempts(&self, seq: u64, limit: usize) -> Result<Vec<StoredRecord>> {
        self.sent(SentPosition::SameDelivery(row(seq)), limit, usize::MAX)
    }

    fn newest(&self) -> watch::Receiver<u64> {
        self.engine.attempts()
    }
}

fn row(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Writes a request in the form of a listener's log. The server signed it, so it was valid when it was sent.
fn record(sent: SentRequest) -> Result<StoredRecord> {
    let seq = sent.row.unsigned_abs();
    let target = sent.url.and_then(|url| url.parse::<Endpoint>().ok());
    // The client adds it to what was signed.
    let host = target.as_ref().map(|target| ("host".to_owned(), target.host()));
    let mut response = RecordedResponse::new(sent.status, "handler", Duration::from_micros(sent.duration_us));
    response.error = sent.error;
    if !sent.succeeded && !sent.response.is_empty() {
        response.body = Some(String::from_utf8_lossy(&sent.response).into_owned());
    }
    let record = Record {
        seq,
        capture: Box::new(CapturedRequest {
            received_at: Some(sent.at),
            remote_addr: String::new(),
            method: Cow::Borrowed("POST"),
            target: target.map_or_else(|| "/".to_owned(), |target| target.target()),
            headers: host.into_iter().chain(sent.headers).collect(),
            body: sent.body,
        }),
        verdict: RecordedVerdict {
            status: Cow::Borrowed("valid"),
            provider: Some(sent.provider),
            event_type: Some(sent.event_type),
            event_id: Some(sent.event_id),
            message: Cow::Borrowed("signed with the secret of the webhook"),
            ..RecordedVerdict::default()
        },
        duplicate: false,
        response,
    };
    let mut json = Vec::new();
    record.write(&mut json).map_err(|error| Error::new("cannot write JSON").cause(error))?;
    Ok(StoredRecord { seq, json: json.into() })
}
