//! Records each attempt in a file before and after it is made, so that an interrupted run can resume.
//!
//! What happens between two turns of the engine is written at once, before the requests themselves are sent.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RetryDecision;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::private_options;
use crate::provider::FailureKind;

/// Identity of a run. A journal of another run is not resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalKey {
    /// Identifies the log: a hash of its first line.
    #[serde(rename = "log")]
    pub log_fingerprint: String,
    /// URL of the endpoint.
    pub url: String,
}

/// Progress of a delivery that was attempted and not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryProgress {
    /// Number of attempts made.
    pub attempts: u32,
    /// True if the next one was started, and its outcome is unknown.
    pub interrupted: bool,
    /// Time of the first attempt.
    pub first: Timestamp,
    /// Time at which the last one ended.
    pub last: Timestamp,
    /// Delay before the next one.
    pub wait: Duration,
    /// True if there is none: the schedule is exhausted.
    pub exhausted: bool,
    /// The failure of the last one, if the journal has it.
    pub last_failure: Option<FailureKind>,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    delivered: BitSet,
    in_progress: HashMap<u64, DeliveryProgress>,
    /// Number of records that earlier runs delivered. If the last run was interrupted, there may be records that it
    /// never reached.
    delivered_earlier: u64,
    interrupted: bool,
    lines: Vec<u8>,
}

/// A set of small numbers, one bit each.
#[derive(Debug, Default)]
struct BitSet {
    words: Vec<u64>,
    count: u64,
}

impl BitSet {
    fn insert(&mut self, number: u64) {
        let word = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        self.count += u64::from(self.words[word] & bit == 0);
        self.words[word] |= bit;
    }

    fn contains(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|word| self.words.get(word));
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

const VERSION: u8 = 1;

/// The first bytes of every journal.
const HEADER_PREFIX: &[u8] = b"{\"kind\":\"replay\"";

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum JournalLine {
    /// The first line.
    Replay {
        v: u8,
        #[serde(flatten)]
        key: JournalKey,
    },
    /// An attempt is about to be made.
    Begin { record: u64, attempt: u32, at: Timestamp },
    /// The attempt was made.
    End {
        record: u64,
        attempt: u32,
        at: Timestamp,
        outcome: JournalOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_s: Option<f64>,
        /// The failure that a retry reports.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<FailureKind>,
    },
    /// A run completed: all that it was to attempt is in the lines before.
    Done,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum JournalOutcome {
    Delivered,
    Retry,
    Failed,
}

/// The journal belongs to another log or URL, given here.
pub struct JournalMismatch(pub JournalKey);

impl Journal {
    /// Opens or creates a journal. An empty one starts over, and so does any with `fresh`.
    ///
    /// # Errors
    /// It cannot be read or written, another process has it, or it is not a journal. A journal of another run in which
    /// something was delivered gives `Ok(Err)`.
    pub fn open(path: &Path, key: &JournalKey, fresh: bool) -> Result<std::result::Result<Self, JournalMismatch>> {
        let cannot =
            |error: io::Error| Error::new(format!("cannot use the state file {}", path.display())).cause(error);
        let file = private_options().read(true).append(true).create(true).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(format!("another replay is using the state file {}", path.display()))
                    .hint("wait until it ends, or use another file: --state FILE"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        if fresh {
            let mut start = Vec::new();
            (&file).take(HEADER_PREFIX.len() as u64).read_to_end(&mut start).map_err(cannot)?;
            if !HEADER_PREFIX.starts_with(&start) {
                return Err(not_a_journal(path, 1, &"it does not start as one"));
            }
            file.set_len(0).map_err(cannot)?;
        }
        let (delivered, in_progress) = (BitSet::default(), HashMap::new());
        let mut journal = Self {
            file,
            path: path.to_owned(),
            delivered,
            in_progress,
            delivered_earlier: 0,
            interrupted: false,
            lines: Vec::new(),
        };
        if let Some(found) = journal.read()?
            && found != *key
        {
            if journal.delivered.count > 0 {
                return Ok(Err(JournalMismatch(found)));
            }
            // Nothing was delivered: nothing can be sent twice.
            journal.file.set_len(0).map_err(cannot)?;
            journal.in_progress.clear();
            journal.interrupted = false;
        }
        journal.delivered_earlier = journal.delivered.count;
        if journal.file.metadata().map_err(cannot)?.len() == 0 {
            journal.append(&JournalLine::Replay { v: VERSION, key: key.clone() })?;
            journal.flush()?;
        }
        Ok(Ok(journal))
    }

    /// Reads what an earlier run wrote. A torn last line is removed: what it says did not happen.
    fn read(&mut self) -> Result<Option<JournalKey>> {
        let path = self.path.clone();
        let cannot =
            |error: io::Error| Error::new(format!("cannot read the state file {}", path.display())).cause(error);
        self.file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        let mut lines = BufReader::new(self.file.try_clone().map_err(cannot)?);
        let (mut key, mut number, mut valid_len) = (None, 0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines.by_ref().take(1 << 20).read_until(b'\n', &mut line).map_err(cannot)?;
            if !line.ends_with(b"\n") {
                // Only a file that starts as a journal is truncated: any other file is left alone.
                if read > 0 && (key.is_some() || HEADER_PREFIX.starts_with(&line)) {
                    self.file.set_len(valid_len).map_err(cannot)?;
                } else if read > 0 {
                    return Err(not_a_journal(&path, number + 1, &"its last line is incomplete"));
                }
                return Ok(key);
            }
            number += 1;
            valid_len += read as u64;
            let read = serde_json::from_slice(&line).map_err(|error| not_a_journal(&path, number, &error))?;
            match read {
                JournalLine::Replay { v, .. } if v != VERSION => {
                    return Err(not_a_journal(
                        &path,
                        number,
                        &format!("its version is {v}; only {VERSION} is supported"),
                    ));
                }
                JournalLine::Replay { key: found, .. } => key = Some(found),
                _ if key.is_none() => return Err(not_a_journal(&path, number, &"it does not start as one")),
                JournalLine::Done => self.interrupted = false,
                JournalLine::Begin { record, attempt, at } => {
                    self.interrupted = true;
                    self.apply_start(record, attempt, at);
                }
                JournalLine::End { record, attempt, at, outcome, wait_s, failure } => {
                    self.interrupted = true;
                    let wait = wait_s.and_then(|wait| Duration::try_from_secs_f64(wait).ok()).unwrap_or_default();
                    self.apply_end(record, attempt, at, outcome, (wait, failure));
                }
            }
        }
    }

    fn apply_start(&mut self, record: u64, attempt: u32, at: Timestamp) {
        let new = DeliveryProgress {
            attempts: 0,
            interrupted: true,
            first: at,
            last: at,
            wait: Duration::ZERO,
            exhausted: false,
            last_failure: None,
        };
        let progress = self.in_progress.entry(record).or_insert(new);
        if attempt == 1 {
            *progress = new;
        }
        progress.interrupted = true;
    }

    fn apply_end(
        &mut self,
        record: u64,
        attempt: u32,
        at: Timestamp,
        outcome: JournalOutcome,
        (wait, last_failure): (Duration, Option<FailureKind>),
    ) {
        match outcome {
            JournalOutcome::Delivered => {
                self.in_progress.remove(&record);
                self.delivered.insert(record);
            }
            JournalOutcome::Retry | JournalOutcome::Failed => {
                let first = self.in_progress.get(&record).map_or(at, |progress| progress.first);
                let exhausted = matches!(outcome, JournalOutcome::Failed);
                let progress = DeliveryProgress {
                    attempts: attempt,
                    interrupted: false,
                    first,
                    last: at,
                    wait,
                    exhausted,
                    last_failure,
                };
                self.in_progress.insert(record, progress);
            }
        }
    }

    /// Returns the number of records delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered.count
    }

    /// True if the record was delivered.
    #[must_use]
    pub fn is_delivered(&self, record: u64) -> bool {
        self.delivered.contains(record)
    }

    /// Returns the progress of a record that was attempted and not delivered.
    #[must_use]
    pub fn progress(&self, record: u64) -> Option<DeliveryProgress> {
        self.in_progress.get(&record).copied()
    }

    /// Records that an attempt is about to be made.
    pub fn begin(&mut self, record: u64, attempt: u32, at: Timestamp) -> Result {
        self.apply_start(record, attempt, at);
        self.append(&JournalLine::Begin { record, attempt, at })
    }

    /// Records the outcome of an attempt, with its failure if it failed.
    pub fn end(
        &mut self,
        record: u64,
        attempt: u32,
        at: Timestamp,
        decision: RetryDecision,
        failure: Option<FailureKind>,
    ) -> Result {
        let (outcome, wait) = match decision {
            RetryDecision::Delivered => (JournalOutcome::Delivered, None),
            RetryDecision::Retry(wait) => (JournalOutcome::Retry, Some(wait)),
            RetryDecision::Exhausted | RetryDecision::Final | RetryDecision::Gone => (JournalOutcome::Failed, None),
        };
        let failure = failure.filter(|_| wait.is_some());
        self.apply_end(record, attempt, at, outcome, (wait.unwrap_or_default(), failure));
        let wait_s = wait.map(|wait| wait.as_secs_f64());
        self.append(&JournalLine::End { record, attempt, at, outcome, wait_s, failure })
    }

    /// Closes the journal of a completed run, and removes the file if everything was delivered; returns true if it did.
    ///
    /// `already_delivered` is the number of records delivered by earlier runs that this run selected as well. If
    /// earlier runs delivered more and were interrupted, this run covered only a part of theirs, and the rest is still
    /// to be done.
    pub fn close(mut self, already_delivered: u64) -> Result<bool> {
        let is_part = self.interrupted && already_delivered < self.delivered_earlier;
        if !is_part && self.in_progress.is_empty() {
            return std::fs::remove_file(&self.path).map(|()| true).map_err(|error| {
                Error::new(format!("cannot remove the state file {}", self.path.display())).cause(error)
            });
        }
        if !is_part {
            self.append(&JournalLine::Done)?;
        }
        self.flush()?;
        Ok(false)
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to the next [`Journal::flush`].
    fn append(&mut self, line: &JournalLine) -> Result {
        serde_json::to_writer(&mut self.lines, line).map_err(|error| self.cannot_write(&error))?;
        self.lines.push(b'\n');
        Ok(())
    }

    /// Writes the added lines: when this returns, they survive the end of this process.
    pub fn flush(&mut self) -> Result {
        if self.lines.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|error| self.cannot_write(&error))
    }

    fn cannot_write(&self, error: &dyn std::fmt::Display) -> Error {
        Error::new(format!("cannot write the state file {}", self.path.display())).kind(ErrorKind::Io).cause(error)
    }
}

fn not_a_journal(path: &Path, line: u64, why: &dyn std::fmt::Display) -> Error {
    Error::new(format!("{}:{line}: not a replay state file", path.display()))
        .cause(why)
        .hint("use another one: --state FILE")
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    fn key(url: &str) -> JournalKey {
        JournalKey { log_fingerprint: "abc".to_owned(), url: url.to_owned() }
    }

    fn open(path: &Path) -> Journal {
        Journal::open(path, &key("http://a/"), false).unwrap().ok().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_run_that_was_cut_off_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let mut journal = open(&path);
        for record in 1..=4 {
            journal.begin(record, 1, at(10)).unwrap();
        }
        journal.end(1, 1, at(11), RetryDecision::Delivered, None).unwrap();
        let wait = RetryDecision::Retry(Duration::from_millis(1500));
        journal.end(2, 1, at(12), wait, Some(FailureKind::Timeout)).unwrap();
        journal.end(3, 1, at(12), RetryDecision::Exhausted, Some(FailureKind::Status)).unwrap();
        journal.flush().unwrap();
        drop(journal);
        // A write that was interrupted half-way.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"kind\":\"end\",\"rec").unwrap();
        drop(file);
        let journal = open(&path);
        assert!(journal.is_delivered(1) && journal.delivered() == 1);
        let progress = |attempts, interrupted, last, wait, exhausted| DeliveryProgress {
            attempts,
            interrupted,
            first: at(10),
            last: at(last),
            wait: Duration::from_millis(wait),
            exhausted,
            last_failure: None,
        };
        let waiting =
            DeliveryProgress { last_failure: Some(FailureKind::Timeout), ..progress(1, false, 12, 1500, false) };
        assert_eq!(journal.progress(2), Some(waiting));
        assert_eq!(journal.progress(3), Some(progress(1, false, 12, 0, true)));
        assert_eq!(journal.progress(4), Some(progress(0, true, 10, 0, false)));
        assert_eq!(journal.progress(5), None);
        assert!(!journal.close(1).unwrap(), "something is left to do");
        assert!(std::fs::read(&path).unwrap().ends_with(b"\n"), "the line that was cut off is gone");
    }

    #[test]
    fn a_run_of_a_part_leaves_what_is_known_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let run = |records: &[(u64, RetryDecision)], already_delivered| {
            let mut journal = open(&path);
            for (record, decision) in records {
                journal.begin(*record, 1, at(10)).unwrap();
                journal.end(*record, 1, at(11), *decision, None).unwrap();
            }
            match already_delivered {
                Some(already_delivered) => journal.close(already_delivered).unwrap(),
                None => journal.flush().is_err(),
            }
        };
        let (delivered, failed) = (RetryDecision::Delivered, RetryDecision::Exhausted);
        run(&[(1, delivered), (2, delivered)], None);
        assert!(!run(&[(9, delivered)], Some(0)), "the first run is not at its end");
        assert!(!run(&[(8, failed)], Some(1)), "nor is it now");
        assert!(run(&[(3, delivered), (8, delivered)], Some(3)), "now all of it was delivered");
        assert!(!path.exists());
        run(&[(1, delivered), (2, failed)], Some(0));
        assert!(run(&[(2, delivered)], Some(0)), "the first run was at its end");
    }

    #[test]
    fn only_one_may_use_it_and_only_for_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let journal = open(&path);
        let error = Journal::open(&path, &key("http://a/"), false).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("another replay is using the state file"), "{error}");
        assert!(journal.close(0).is_ok_and(|removed| removed));
        assert!(!path.exists(), "nothing is left to do");
        drop(open(&path));
        let mut journal = Journal::open(&path, &key("http://b/"), false).unwrap().ok().unwrap();
        journal.end(1, 1, at(1), RetryDecision::Delivered, None).unwrap();
        journal.flush().unwrap();
        drop(journal);
        assert!(Journal::open(&path, &key("http://a/"), false).unwrap().is_err(), "something was delivered");
        assert!(Journal::open(&path, &key("http://a/"), true).unwrap().is_ok(), "fresh");
    }

    #[test]
    fn a_file_of_something_else_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        for text in [
            "my notes",
            "my notes\n",
            "{\"kind\":\"begin\",\"record\":1,\"attempt\":1,\"at\":\"2026-01-01T00:00:00Z\"}\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Journal::open(&path, &key("http://a/"), false).is_err());
            assert!(Journal::open(&path, &key("http://a/"), true).is_err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
