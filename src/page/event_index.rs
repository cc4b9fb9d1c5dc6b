//! An index of records in memory, small and bounded: the number of each, its place, and a hash of its event.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

use serde::Deserialize;

/// The most records that are kept: an index of this size takes some 40 MB.
pub(super) const MAX_RECORDS: usize = 1 << 20;

/// A record: its number, its event, and its place.
#[derive(Clone, Debug)]
pub(super) struct Entry<P> {
    pub(super) seq: u64,
    /// A hash of provider and id; 0 without an id.
    event: u64,
    pub(super) place: P,
}

/// Records in the order of their numbers.
pub(super) struct EventIndex<P> {
    entries: VecDeque<Entry<P>>,
    hasher: RandomState,
}

/// The fields of a record that the index needs.
#[derive(Deserialize)]
struct IndexedFields<'a> {
    kind: Option<&'a str>,
    #[serde(default)]
    seq: u64,
    #[serde(borrow)]
    verdict: Option<IndexedVerdict<'a>>,
}

#[derive(Deserialize)]
struct IndexedVerdict<'a> {
    #[serde(borrow)]
    provider: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    event_id: Option<std::borrow::Cow<'a, str>>,
}

impl<P: Clone> EventIndex<P> {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), hasher: RandomState::new() }
    }

    /// Adds a line of a log, if it is a record with a number above all others. Returns the number.
    pub(super) fn push(&mut self, json: &[u8], place: P) -> Option<u64> {
        let fields: IndexedFields<'_> = serde_json::from_slice(json).ok()?;
        let is_new = fields.seq > self.newest() && fields.kind == Some("request");
        let event = fields.verdict.and_then(|verdict| Some((verdict.provider, verdict.event_id?)));
        let event = event.map_or(0, |event| self.hasher.hash_one(event).max(1));
        is_new.then(|| {
            self.entries.push_back(Entry { seq: fields.seq, event, place });
            fields.seq
        })
    }

    /// Removes the oldest record.
    pub(super) fn pop(&mut self) -> Option<Entry<P>> {
        self.entries.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the largest number, 0 if there are no records.
    pub(super) fn newest(&self) -> u64 {
        self.entries.back().map_or(0, |entry| entry.seq)
    }

    pub(super) fn find(&self, seq: u64) -> Option<Entry<P>> {
        let at = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        Some(self.entries[at].clone())
    }

    /// Returns at most `limit` records after a number, the oldest first.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Vec<Entry<P>> {
        let start = self.entries.partition_point(|entry| entry.seq <= seq);
        self.entries.range(start..).take(limit).cloned().collect()
    }

    /// Returns at most `limit` records before a number, the newest first.
    pub(super) fn before(&self, seq: u64, limit: usize) -> Vec<Entry<P>> {
        let end = self.entries.partition_point(|entry| entry.seq < seq);
        self.entries.range(..end).rev().take(limit).cloned().collect()
    }

    /// Returns at most `limit` records of the same event, the oldest first; the record alone if it has no id.
    pub(super) fn same_event(&self, seq: u64, limit: usize) -> Vec<Entry<P>> {
        let Some(entry) = self.find(seq) else { return Vec::new() };
        if entry.event == 0 {
            return vec![entry];
        }
        self.entries.iter().filter(|other| other.event == entry.event).take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(records: &[(u64, Option<&str>)]) -> EventIndex<usize> {
        let mut index = EventIndex::new();
        for (place, (seq, id)) in records.iter().enumerate() {
            let line = serde_json::json!({
                "v": 1, "kind": "request", "seq": seq, "body": "x", "verdict": {"provider": "p", "event_id": id},
            });
            index.push(line.to_string().as_bytes(), place);
        }
        index
    }

    fn numbers(entries: Vec<Entry<usize>>) -> Vec<u64> {
        entries.into_iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn records_are_found_by_number_on_both_sides_and_by_event() {
        let index = index(&[(1, Some("a")), (2, None), (4, Some("b\"")), (5, Some("a")), (9, None)]);
        assert_eq!((index.len(), index.newest()), (5, 9));
        assert_eq!(numbers(index.after(2, 2)), [4, 5]);
        assert_eq!(numbers(index.after(9, 2)), [0; 0]);
        assert_eq!(numbers(index.before(5, 2)), [4, 2]);
        assert_eq!(numbers(index.before(u64::MAX, 9)), [9, 5, 4, 2, 1]);
        assert_eq!(numbers(index.same_event(5, 9)), [1, 5]);
        assert_eq!(numbers(index.same_event(2, 9)), [2], "without an id it is the only attempt");
        assert!(index.find(3).is_none() && numbers(index.same_event(3, 9)).is_empty());
    }

    #[test]
    fn other_lines_and_numbers_that_are_not_new_are_left_out() {
        let mut index = index(&[(1, None), (1, None)]);
        for line in ["{\"kind\":\"summary\",\"seq\":7}", "{\"kind\":\"request\"}", "torn {", ""] {
            assert_eq!(index.push(line.as_bytes(), 0), None, "{line}");
        }
        assert_eq!(index.len(), 1);
    }
}
