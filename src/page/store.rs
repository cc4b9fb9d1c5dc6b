//! The seam between the page and the place that keeps the requests: a log, memory, or a database.

use bytes::Bytes;
use tokio::sync::watch;

use crate::error::Result;

/// A record as the log keeps it: one line of JSON, without its end.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Its number, unique and ascending.
    pub seq: u64,
    /// The JSON.
    pub json: Bytes,
}

/// The records before or after a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Those with a larger number, the smallest first.
    After(u64),
    /// Those with a smaller number, the largest first.
    Before(u64),
}

/// Keeps the requests that the page shows. Its methods may read files: they are called where that blocks nobody.
pub trait RecordStore: Send + Sync + 'static {
    /// Returns the next records, at most `limit` of them, and at most about `max_bytes` of JSON but at least one record.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(&self, position: Position, limit: usize, max_bytes: usize) -> Result<Vec<StoredRecord>>;

    /// Returns the record with this number.
    ///
    /// # Errors
    /// It cannot be read.
    fn record(&self, seq: u64) -> Result<Option<StoredRecord>>;

    /// Returns the records of the same event as this one, the oldest first, at most `limit`: the attempts to deliver it.
    ///
    /// # Errors
    /// They cannot be read.
    fn attempts(&self, seq: u64, limit: usize) -> Result<Vec<StoredRecord>>;

    /// Returns the largest number so far. It changes when there are new records.
    fn newest(&self) -> watch::Receiver<u64>;
}
