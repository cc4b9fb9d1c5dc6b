//! The last requests in memory, for a run without a log.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::event_index::EventIndex;
use super::store::{Position, RecordStore, StoredRecord};
use crate::capture::Record;
use crate::error::Result;

/// The most records that are kept, and the most bytes of their JSON. The oldest are dropped first.
const MAX_RECORDS: usize = 10_000;
const MAX_BYTES: usize = 64 << 20;

/// Keeps the last requests.
pub struct MemoryStore {
    records: Mutex<Records>,
    newest: watch::Sender<u64>,
}

struct Records {
    index: EventIndex<Bytes>,
    bytes: usize,
}

impl Default for MemoryStore {
    fn default() -> Self {
        let records = Mutex::new(Records { index: EventIndex::new(), bytes: 0 });
        Self { records, newest: watch::Sender::new(0) }
    }
}

impl MemoryStore {
    /// Adds a record. Never waits for the page.
    pub fn push(&self, record: &Record) {
        let mut line = Vec::new();
        // A record can always be written to memory.
        if record.write(&mut line).is_ok() {
            self.push_line(line.into());
        }
    }

    fn push_line(&self, line: Bytes) {
        let mut records = self.records();
        let size = line.len();
        let Some(seq) = records.index.push(&line.clone(), line) else { return };
        records.bytes += size;
        while records.index.len() > 1 && (records.index.len() > MAX_RECORDS || records.bytes > MAX_BYTES) {
            let dropped = records.index.pop().map_or(0, |entry| entry.place.len());
            records.bytes -= dropped;
        }
        drop(records);
        self.newest.send_replace(seq);
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordStore for MemoryStore {
    fn read(&self, position: Position, limit: usize, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        let records = self.records();
        let found = match position {
            Position::After(seq) => records.index.after(seq, limit),
            Position::Before(seq) => records.index.before(seq, limit),
        };
        let (mut bytes, mut taken) = (0, Vec::new());
        for entry in found {
            bytes += entry.place.len();
            if bytes > max_bytes && !taken.is_empty() {
                break;
            }
            taken.push(StoredRecord { seq: entry.seq, json: entry.place });
        }
        Ok(taken)
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>> {
        Ok(self.records().index.find(seq).map(|entry| StoredRecord { seq, json: entry.place }))
    }

    fn attempts(&self, seq: u64, limit: usize) -> Result<Vec<StoredRecord>> {
        let found = self.records().index.same_event(seq, limit);
        Ok(found.into_iter().map(|entry| StoredRecord { seq: entry.seq, json: entry.place }).collect())
    }

    fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: usize, padding: usize) -> Bytes {
        format!(r#"{{"v":1,"kind":"request","seq":{seq},"body":"{}"}}"#, "x".repeat(padding)).into()
    }

    #[test]
    fn the_oldest_are_dropped_by_number_and_by_size() {
        let store = MemoryStore::default();
        for seq in 1..=MAX_RECORDS + 5 {
            store.push_line(line(seq, 0));
        }
        assert!(store.record(5).unwrap().is_none() && store.record(6).unwrap().is_some());
        let large = MAX_RECORDS + 6;
        store.push_line(line(large, MAX_BYTES));
        let kept = store.read(Position::After(0), 100, usize::MAX).unwrap();
        assert_eq!(kept.iter().map(|record| record.seq).collect::<Vec<_>>(), [large as u64], "the newest always stays");
        assert_eq!(*store.newest().borrow(), large as u64);
    }

    #[test]
    fn a_read_ends_at_its_number_of_bytes_but_has_one_record() {
        let store = MemoryStore::default();
        for seq in 1..=3 {
            store.push_line(line(seq, 100));
        }
        assert_eq!(store.read(Position::After(0), 10, 10).unwrap().len(), 1);
        assert_eq!(store.read(Position::Before(9), 10, 300).unwrap().len(), 2);
        assert_eq!(store.read(Position::Before(9), 10, usize::MAX).unwrap().len(), 3);
    }
}
