//! Reads the selected requests of a log or another capture, one at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Take};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::capture::{CaptureEntry, CaptureFormat, CapturedRequest, ReadError, Reader, RecordedVerdict};
use crate::delivery::DispatcherHandle;
use crate::error::{Error, Result};
use crate::inspect::{RecordFilter, RecordView};
use crate::sanitize::sanitize;
use crate::signing::Encoding;
use crate::verification::{VerdictStatus, Verifier};

/// A request that was selected.
pub struct SelectedRecord {
    /// Its position among all requests or lines of the input, which does not change.
    pub key: u64,
    /// The record's own number, else its position.
    pub seq: u64,
    /// The line or the entry of the input.
    line: Option<u64>,
    entry: Option<u64>,
    /// The time of receipt.
    pub at: Option<Timestamp>,
    /// Its verdict and its event.
    pub known: RecordIdentity,
    /// The request.
    pub capture: CapturedRequest,
    /// The place to read it again.
    pub origin: RecordLocation,
}

/// The verdict and the event of a request, as recorded or as determined now.
#[derive(Clone, Debug)]
pub struct RecordIdentity {
    /// True if its signature was valid.
    pub valid: bool,
    /// Name of the provider.
    pub provider: Option<String>,
    /// Event type.
    pub event_type: Option<String>,
    /// Event id.
    pub id: Option<String>,
}

/// The place where a request can be read again.
#[derive(Clone, Debug)]
pub enum RecordLocation {
    /// A line of the log: its offset and its length.
    Line(u64, usize),
    /// Memory, for input that cannot be read twice.
    Buffered(Rc<CapturedRequest>),
}

/// The next record of an input.
pub enum NextRecord {
    /// A request that was selected.
    Selected(Box<SelectedRecord>),
    /// A line or an entry that cannot be read, and is skipped.
    Unreadable(Error),
    /// Nothing yet: more may come.
    Pending,
    /// The end of the input.
    End,
}

/// The bytes that requests are read from.
enum RecordInput {
    /// A file, up to the length that it had when it was opened: a listener may append to it meanwhile, even the requests
    /// that this replay sends.
    File(Box<Reader<BufReader<Take<File>>>>),
    /// Stdin or a pipe, read by its own thread: a retry that is due must not wait for the next line.
    Stream(Receiver<Captures>),
}

/// A request, or the reason why there is none.
type Captures = std::result::Result<CaptureEntry, ReadError>;

/// The number of requests of a stream that are read ahead.
const READ_AHEAD: usize = 1024;

/// The selected requests of an input.
pub struct RecordSelection {
    source: RecordInput,
    name: String,
    /// The file, to read lines of it again; none for a stream.
    file: Option<File>,
    /// The length of the file when it was opened.
    length: u64,
    options: SelectionOptions,
    verifier: Verifier<'static>,
    /// The last requests, with `--last`.
    kept: Option<VecDeque<Box<SelectedRecord>>>,
    position: u64,
    /// The number of lines or entries that could not be read.
    pub unreadable: u64,
    /// The number of requests, selected or not.
    pub requests: u64,
    /// The number of requests without the recorded time or status that a filter needs.
    unknown: u64,
}

/// Options of [`RecordSelection`].
#[derive(Clone, Debug, Default)]
pub struct SelectionOptions {
    /// Format of the input.
    pub format: CaptureFormat,
    /// Filter that a request must match.
    pub filter: RecordFilter,
}

/// Requests that a filter cannot decide on, because a value was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndecidedRequests {
    /// Number of requests, which are skipped.
    pub count: u64,
    /// Name of the value.
    pub missing: &'static str,
}

impl RecordSelection {
    /// Opens a log or another capture; `-` is stdin. The handle is woken when a stream has more.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(
        log: &Path,
        options: SelectionOptions,
        verifier: Verifier<'static>,
        handle: &DispatcherHandle,
    ) -> Result<Self> {
        let format = options.format.of_file(log);
        let (name, opened, length) = if log.as_os_str() == "-" {
            ("stdin".to_owned(), None, None)
        } else {
            let (file, length) = open(log)?;
            (log.display().to_string(), Some(file), length)
        };
        let (source, file) = match (opened, length) {
            (None, _) => (RecordInput::Stream(read_stream(io::stdin(), format, handle.clone())), None),
            (Some(pipe), None) => (RecordInput::Stream(read_stream(pipe, format, handle.clone())), None),
            (Some(opened), Some(length)) => {
                let reader = BufReader::with_capacity(1 << 16, opened.take(length));
                let reader = Reader::new(reader, format).with_outcomes();
                (RecordInput::File(Box::new(reader)), Some(open(log)?.0))
            }
        };
        Ok(Self {
            source,
            name,
            file,
            length: length.unwrap_or_default(),
            options,
            verifier,
            kept: None,
            position: 0,
            unreadable: 0,
            requests: 0,
            unknown: 0,
        })
    }

    /// Reads to the end, and selects only the last requests. Calls `on_unreadable` for each line that is skipped.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn keep_last(&mut self, last: usize, mut on_unreadable: impl FnMut(&Error)) -> Result {
        let mut kept = VecDeque::new();
        loop {
            match self.read(true)? {
                NextRecord::Selected(record) => {
                    if kept.len() == last {
                        kept.pop_front();
                    }
                    kept.push_back(record);
                }
                NextRecord::Unreadable(error) => on_unreadable(&error),
                NextRecord::Pending | NextRecord::End => break,
            }
        }
        self.kept = Some(kept);
        Ok(())
    }

    /// Returns the next selected request, if there is one yet.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn try_next(&mut self) -> Result<NextRecord> {
        self.next_or_wait(false)
    }

    /// Returns the next selected request; waits for it, so that it is never [`NextRecord::Pending`].
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn wait_for_next(&mut self) -> Result<NextRecord> {
        self.next_or_wait(true)
    }

    fn next_or_wait(&mut self, blocking: bool) -> Result<NextRecord> {
        match &mut self.kept {
            Some(kept) => Ok(kept.pop_front().map_or(NextRecord::End, NextRecord::Selected)),
            None => self.read(blocking),
        }
    }

    /// Returns the place of a request for people.
    pub fn source(&self, record: &SelectedRecord) -> String {
        match (record.entry, record.line) {
            (Some(entry), _) => format!("{}#{entry}", self.name),
            (_, Some(line)) => format!("{}:{line}", self.name),
            _ => self.name.clone(),
        }
    }

    fn read(&mut self, blocking: bool) -> Result<NextRecord> {
        loop {
            let read = match &mut self.source {
                RecordInput::File(reader) => reader.next(),
                RecordInput::Stream(lines) if blocking => lines.recv().ok(),
                RecordInput::Stream(lines) => match lines.try_recv() {
                    Ok(read) => Some(read),
                    Err(TryRecvError::Empty) => return Ok(NextRecord::Pending),
                    Err(TryRecvError::Disconnected) => None,
                },
            };
            match read {
                None => return Ok(NextRecord::End),
                Some(Err(error)) => return self.unreadable(&error).map(NextRecord::Unreadable),
                Some(Ok(captured)) => {
                    self.requests += 1;
                    if let Some(record) = self.select(captured)? {
                        return Ok(NextRecord::Selected(Box::new(record)));
                    }
                }
            }
        }
    }

    /// Counts a line that cannot be read, and returns its error; fails if nothing can be read at all.
    fn unreadable(&mut self, error: &ReadError) -> Result<Error> {
        self.unreadable += 1;
        let mut wrong = Error::new(error.located(&self.name));
        if let Some(hint) = error.hint {
            wrong = wrong.hint(hint);
        }
        if error.fatal && self.requests == 0 { Err(wrong) } else { Ok(wrong) }
    }

    /// Returns the line of the log that was read last.
    fn last_line(&self) -> Option<(u64, &[u8])> {
        match &self.source {
            RecordInput::File(reader) => reader.last_line(),
            RecordInput::Stream(_) => None,
        }
    }

    fn select(&mut self, captured: CaptureEntry) -> Result<Option<SelectedRecord>> {
        self.position += 1;
        let (line, entry) = (captured.line, captured.entry);
        let key = captured.line.or(captured.entry).unwrap_or(self.position);
        let capture = captured.capture;
        let outcome = captured.outcome;
        let origin = match self.last_line() {
            Some((offset, text)) => RecordLocation::Line(offset, text.len()),
            None => RecordLocation::Buffered(Rc::new(capture.clone())),
        };
        let filter = &self.options.filter;
        let response = outcome.response.as_ref();
        let unverified = RecordedVerdict::default();
        let view = RecordView::new(&capture, outcome.verdict.as_ref().unwrap_or(&unverified), response);
        if filter.missing_value(&view).is_some() {
            self.unknown += 1;
            return Ok(None);
        }
        let verdict = match outcome.verdict {
            Some(verdict) => verdict,
            None => self.verify(&capture)?,
        };
        if !filter.matches(&RecordView::new(&capture, &verdict, response)) {
            return Ok(None);
        }
        let known = RecordIdentity {
            valid: verdict.status == VerdictStatus::Valid.name(),
            provider: verdict.provider,
            event_type: verdict.event_type,
            id: verdict.event_id,
        };
        let record = SelectedRecord {
            key,
            seq: outcome.seq.unwrap_or(key),
            line,
            entry,
            at: capture.received_at,
            known,
            capture,
            origin,
        };
        Ok(Some(record))
    }

    /// Verifies a request that no listener recorded.
    fn verify(&self, capture: &CapturedRequest) -> Result<RecordedVerdict> {
        let now = capture.received_at.map_or(0, Timestamp::as_second);
        Ok(capture.with_request(|request| self.verifier.verify(request, now))?.into())
    }

    /// Reads a request again.
    pub fn reread(&mut self, origin: &RecordLocation) -> Result<CapturedRequest> {
        let (offset, length) = match origin {
            RecordLocation::Buffered(capture) => return Ok(capture.as_ref().clone()),
            RecordLocation::Line(offset, length) => (*offset, *length),
        };
        let changed =
            |why: &dyn std::fmt::Display| Error::new(format!("{} was changed while it was read", self.name)).cause(why);
        let Some(file) = &mut self.file else { return Err(changed(&"it is not a file")) };
        let mut line = vec![0; length];
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut line)).map_err(|error| changed(&error))?;
        CapturedRequest::from_json(line.trim_ascii()).map_err(|fault| changed(&fault.message))
    }

    /// Returns the requests that a filter cannot decide on, if there are any.
    pub fn undecided(&self) -> Option<UndecidedRequests> {
        let missing = if self.options.filter.statuses.is_some() { "status" } else { "time of receipt" };
        (self.unknown > 0).then_some(UndecidedRequests { count: self.unknown, missing })
    }

    /// Returns the length of the file when it was opened; none for a stream.
    pub fn length(&self) -> Option<u64> {
        self.file.is_some().then_some(self.length)
    }

    /// True if the file is longer now than when it was opened.
    pub fn has_grown(&self) -> bool {
        self.file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|data| data.len() > self.length)
    }

    /// Returns the hash of the first line, which identifies a log and stays the same when it grows; none for a stream.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fingerprint(&self) -> Result<Option<String>> {
        let Some(mut file) = self.file.as_ref() else { return Ok(None) };
        let mut line = Vec::new();
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| BufReader::new(file.take(self.length.min(1 << 16))).read_until(b'\n', &mut line));
        read.map_err(|error| Error::new(format!("cannot read {}", self.name)).cause(error))?;
        Ok(Some(Encoding::Hex.encode(&Sha256::digest(&line)[..8])))
    }

    /// Returns the number of bytes of a log that were read.
    pub fn offset(&self) -> u64 {
        self.last_line().map_or(0, |(offset, line)| offset + line.len() as u64)
    }

    /// Returns the error for a selection without requests.
    pub fn empty_selection(&self) -> Error {
        let name = sanitize(&self.name);
        Error::new(match self.requests {
            0 => format!("there is no request in {name}"),
            1 => format!("the only request in {name} does not match the selection"),
            several => format!("none of the {several} requests in {name} matches the selection"),
        })
    }

    /// Returns the name of the input: `stdin`, or the path.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Reads a stream in its own thread, until it ends or the receiver is gone. The handle is woken for each request and at
/// the end.
fn read_stream(
    stream: impl Read + Send + 'static,
    format: CaptureFormat,
    handle: DispatcherHandle,
) -> Receiver<Captures> {
    let (sender, receiver) = mpsc::sync_channel(READ_AHEAD);
    thread::spawn(move || {
        let at_end = WakeOnDrop(handle);
        // Dropped before `at_end`, also if a reader panics: whoever is woken sees the end.
        let sender = sender;
        for read in Reader::new(BufReader::new(stream), format).with_outcomes() {
            if sender.send(read).is_err() {
                return;
            }
            at_end.0.wake();
        }
    });
    receiver
}

/// Wakes the dispatcher when it is dropped.
struct WakeOnDrop(DispatcherHandle);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake();
    }
}

/// Opens a file; returns its length as well, except for a pipe or a device.
fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let cannot = |error: &dyn std::fmt::Display| Error::new(format!("cannot read {}", path.display())).cause(error);
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let data = file.metadata().map_err(|error| cannot(&error))?;
    if data.is_dir() {
        return Err(cannot(&"it is a folder"));
    }
    let length = Some(data.len()).filter(|_| data.is_file());
    Ok((file, length))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::provider::{Catalog, StatusRanges};
    use crate::signing::Tolerance;

    fn record(seq: u64, kind: &str, status: u16) -> String {
        format!(
            r#"{{"v":1,"kind":"request","seq":{seq},"at":"2026-03-02T08:0{seq}:00Z","remote":"127.0.0.1:1","method":"POST","target":"/in","headers":[],"body":"{{}}","size":2,"duplicate":false,"verdict":{{"status":"valid","provider":"standard","event_type":"{kind}","event_id":"msg_{seq}","cause":null,"message":""}},"response":{{"status":{status},"by":"listen","duration_ms":0.1}}}}"#
        )
    }

    fn log() -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        for line in [record(1, "a.made", 200), "{broken".to_owned(), record(2, "b.made", 500), record(3, "a.made", 503)]
        {
            writeln!(file, "{line}").unwrap();
        }
        file
    }

    fn open(log: &Path, options: SelectionOptions) -> RecordSelection {
        let verifier = Verifier::new(
            Rc::new(Catalog::new(Vec::new())),
            None,
            None,
            Box::new(|_| Ok(Vec::new())),
            Tolerance::Unlimited,
        );
        RecordSelection::open(log, options, verifier, &DispatcherHandle::default()).unwrap()
    }

    /// The numbers of the selected records; 0 stands for a line that cannot be read.
    fn rest(selection: &mut RecordSelection) -> Vec<u64> {
        let mut numbers = Vec::new();
        loop {
            match selection.wait_for_next().unwrap() {
                NextRecord::Selected(record) => numbers.push(record.seq),
                NextRecord::Unreadable(_) => numbers.push(0),
                NextRecord::Pending => unreachable!("it waits"),
                NextRecord::End => return numbers,
            }
        }
    }

    #[test]
    fn unreadable_lines_are_values_between_the_records() {
        let log = log();
        let mut selection = open(log.path(), SelectionOptions::default());
        assert_eq!(rest(&mut selection), [1, 0, 2, 3]);
        assert_eq!((selection.requests, selection.unreadable), (3, 1));
    }

    #[test]
    fn every_option_narrows_the_selection() {
        let log = log();
        let select = |filter| rest(&mut open(log.path(), SelectionOptions { filter, ..SelectionOptions::default() }));
        let all = RecordFilter::default;
        assert_eq!(select(RecordFilter { types: vec!["a.*".parse().unwrap()], ..all() }), [1, 0, 3]);
        assert_eq!(select(RecordFilter { ids: vec!["msg_2".to_owned()], ..all() }), [0, 2]);
        let statuses = Some(StatusRanges::new(&[500..=599]));
        assert_eq!(select(RecordFilter { statuses, ..all() }), [0, 2, 3]);
        let time = |text: &str| Some(text.parse().unwrap());
        let (since, until) = (time("2026-03-02T08:02:00Z"), time("2026-03-02T08:03:00Z"));
        assert_eq!(select(RecordFilter { since, until, ..all() }), [0, 2]);
    }

    #[test]
    fn the_last_records_are_kept_and_unreadable_lines_are_reported() {
        let log = log();
        let mut selection = open(log.path(), SelectionOptions::default());
        let mut unreadable = 0;
        selection.keep_last(2, |_| unreadable += 1).unwrap();
        assert_eq!((rest(&mut selection), unreadable), (vec![2, 3], 1));
    }

    #[test]
    fn a_record_that_is_appended_after_opening_is_not_read() {
        let mut log = log();
        let mut selection = open(log.path(), SelectionOptions::default());
        assert!(!selection.has_grown());
        writeln!(log, "{}", record(4, "a.made", 200)).unwrap();
        assert_eq!(rest(&mut selection), [1, 0, 2, 3]);
        assert!(selection.has_grown());
    }

    #[test]
    fn a_filter_needs_what_was_recorded() {
        let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        writeln!(file, r#"{{"method":"POST","target":"/in","headers":[],"body":"{{}}"}}"#).unwrap();
        let statuses = Some(StatusRanges::new(&[500..=599]));
        let mut selection = open(
            file.path(),
            SelectionOptions {
                filter: RecordFilter { statuses, ..RecordFilter::default() },
                ..SelectionOptions::default()
            },
        );
        assert!(rest(&mut selection).is_empty());
        assert_eq!(selection.undecided(), Some(UndecidedRequests { count: 1, missing: "status" }));
    }
}
