//! A request of a log or another capture, with its verdict: the recorded one, or that of a verifier.

use super::{RecordFilter, RecordView};
use crate::capture::{CaptureEntry, CapturedRequest, ExportedRecord, RecordedResponse, RecordedVerdict, write_record};
use crate::error::{Error, Result};
use crate::verification::{Verdict, Verifier};

/// A request with everything that is known about it.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// The record's own number, else its line, its entry or its position in the input.
    pub seq: u64,
    /// The request, and its position in the input.
    pub entry: CaptureEntry,
    /// The verdict.
    pub verdict: RecordedVerdict,
    /// True if a listener recorded the verdict.
    pub has_recorded_verdict: bool,
}

impl StoredRecord {
    /// Returns the request.
    #[must_use]
    pub fn capture(&self) -> &CapturedRequest {
        &self.entry.capture
    }

    /// Returns the response, if it was recorded.
    #[must_use]
    pub fn response(&self) -> Option<&RecordedResponse> {
        self.entry.outcome.response.as_ref()
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.entry.outcome.status()
    }

    /// True if a valid request with this id was received before.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.entry.outcome.duplicate
    }

    /// True if the request is not valid, or was not accepted.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        let rejected =
            |response: &RecordedResponse| !response.status.is_some_and(|status| (200..300).contains(&status));
        self.verdict.status != "valid" || self.response().is_some_and(rejected)
    }

    /// Returns the parts that a filter examines.
    #[must_use]
    pub fn view(&self) -> RecordView<'_> {
        RecordView::new(self.capture(), &self.verdict, self.response())
    }

    /// Returns the parts that an export has.
    #[must_use]
    pub fn exported(&self) -> ExportedRecord<'_> {
        ExportedRecord {
            seq: self.seq,
            capture: self.capture(),
            verdict: &self.verdict,
            duplicate: self.is_duplicate(),
            response: self.response(),
        }
    }

    /// Writes the record as a line of a log, without the end of the line.
    ///
    /// # Errors
    /// A number cannot be written.
    pub fn write(&self, line: &mut Vec<u8>) -> Result {
        let written = write_record(line, self.seq, self.capture(), &self.verdict, self.is_duplicate(), self.response());
        written.map_err(|error| Error::new("cannot write JSON").cause(error))
    }
}

/// Selects requests with a filter. Those without a recorded verdict are verified.
pub struct RecordSelector {
    filter: RecordFilter,
    verifier: Verifier<'static>,
    /// The time of requests that were captured without one, in unix seconds.
    now: i64,
    /// The requests that the filter cannot decide on, because a value was not recorded: the name of the value.
    undecided: Option<(&'static str, u64)>,
}

impl RecordSelector {
    /// Selects with this filter. `now` is the time of requests that were captured without one, in unix seconds.
    #[must_use]
    pub fn new(filter: RecordFilter, verifier: Verifier<'static>, now: i64) -> Self {
        Self { filter, verifier, now, undecided: None }
    }

    /// Returns the request with its verdict, if it is selected. `position` is its number in the input, from 1.
    ///
    /// # Errors
    /// A provider or its secrets cannot be read.
    pub fn select(&mut self, mut entry: CaptureEntry, position: u64) -> Result<Option<StoredRecord>> {
        let recorded = entry.outcome.verdict.take();
        let has_recorded_verdict = recorded.is_some();
        let verdict = match recorded {
            Some(verdict) => verdict,
            None => self.verify(&entry)?.0.into(),
        };
        let seq = entry.outcome.seq.or(entry.line).or(entry.entry).unwrap_or(position);
        let record = StoredRecord { seq, entry, verdict, has_recorded_verdict };
        let view = record.view();
        if let Some(missing) = self.filter.missing_value(&view) {
            self.undecided.get_or_insert((missing, 0)).1 += 1;
            return Ok(None);
        }
        let selected = self.filter.matches(&view);
        Ok(Some(record).filter(|_| selected))
    }

    /// Verifies a request at the time at which it was received. Returns the verdict and notes.
    ///
    /// # Errors
    /// A provider or its secrets cannot be read.
    pub fn verify(&self, entry: &CaptureEntry) -> Result<(Verdict, Vec<String>)> {
        let at = entry.capture.received_at.map_or(self.now, jiff::Timestamp::as_second);
        self.verifier.verify_captured(entry, at)
    }

    /// Returns the name of a value that was not recorded, and the number of requests that were skipped because of it.
    #[must_use]
    pub fn undecided(&self) -> Option<(&'static str, u64)> {
        self.undecided
    }
}
