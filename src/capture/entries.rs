//! The entries of a list in JSON, one at a time: those of an archive, or of an array of records.

use std::ops::Range;

use serde_json::value::RawValue;

use super::text_position::{ParseError, TextCursor, TextPosition};

/// The entries of a list in a text that stays in memory.
pub(super) struct Entries {
    ranges: std::vec::IntoIter<Range<usize>>,
    cursor: TextCursor,
    number: u64,
}

/// An entry: its number from 1, its position and its text.
pub(super) struct Entry<'a> {
    pub(super) number: u64,
    pub(super) position: TextPosition,
    pub(super) text: &'a [u8],
}

impl Entries {
    /// Collects entries that are parts of `text`.
    pub(super) fn new(text: &[u8], entries: Vec<&RawValue>) -> Self {
        let start = text.as_ptr().addr();
        let range = |entry: &RawValue| {
            let from = entry.get().as_ptr().addr() - start;
            from..from + entry.get().len()
        };
        let ranges: Vec<Range<usize>> = entries.into_iter().map(range).collect();
        Self { ranges: ranges.into_iter(), cursor: TextCursor::START, number: 0 }
    }

    /// Finds the entries of an array.
    pub(super) fn of_array(text: &[u8]) -> Result<Self, ParseError> {
        Ok(Self::new(text, serde_json::from_slice(text)?))
    }

    /// Returns the number of entries that remain.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Skips `count` of them.
    pub(super) fn skip(&mut self, count: u64) {
        for _ in 0..count.min(self.ranges.len() as u64) {
            self.ranges.next();
            self.number += 1;
        }
    }

    /// Returns the next entry of `text`, the same text as before.
    pub(super) fn next<'a>(&mut self, text: &'a [u8]) -> Option<Entry<'a>> {
        let range = self.ranges.next()?;
        self.number += 1;
        self.cursor.advance(text, range.start);
        Some(Entry { number: self.number, position: self.cursor.position(), text: &text[range] })
    }
}

impl Entry<'_> {
    /// Converts an error in the entry to one in the whole text.
    pub(super) fn error(&self, error: ParseError) -> ParseError {
        let error = error.relative_to(self.position);
        ParseError { message: format!("entry {}: {}", self.number, error.message), ..error }
    }
}
