//! `--report`: what is known of every delivery, for the page that draws it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::report::Subject;
use super::drawing::{self, Facts};
use crate::deliver::{CompletedAttempt, RetryDecision};
use crate::error::{Error, Result};
use crate::private;

/// How many deliveries are drawn: more can neither be read nor shown by a browser at once.
const MOST: usize = 2000;

/// One delivery.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) marks: Vec<Mark>,
    pub(super) fate: Fate,
}

/// One attempt.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) number: u32,
    /// The provider's time since the first attempt of its delivery.
    pub(super) at: Duration,
    /// The status, or why there is none.
    pub(super) came: String,
    pub(super) delivered: bool,
    pub(super) perhaps_seen: bool,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    Failed,
    /// The run ended before it did, or its endpoint was disabled.
    Open,
}

/// The report while it is collected. It is written beside its place and moved there, so that it is whole or absent.
pub(super) struct Page {
    path: PathBuf,
    draft: PathBuf,
    file: File,
    rows: Vec<Row>,
    /// The rows of deliveries that have not ended, by the number of the record.
    open: HashMap<u64, usize>,
    /// Rows that show nothing but a success at once: they give way to failures.
    dull: Vec<usize>,
    left_out: u64,
    disabled: Vec<(String, u32)>,
}

impl Page {
    /// Makes sure that the report can be written, before anything is sent.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", std::process::id()));
        let draft = PathBuf::from(draft);
        if path.is_dir() {
            return Err(cannot(&path, &"it is a folder"));
        }
        let file = private::options().write(true).create(true).truncate(true).open(&draft);
        let file = file.map_err(|error| cannot(&path, &error))?;
        let (rows, open, dull) = (Vec::new(), HashMap::new(), Vec::new());
        Ok(Self { path, draft, file, rows, open, dull, left_out: 0, disabled: Vec::new() })
    }

    /// An attempt of the record with this number was made.
    pub(super) fn attempted(&mut self, record: u64, subject: &Subject<'_>, made: &CompletedAttempt<'_>) {
        let mark = mark(made);
        let delivered = mark.delivered;
        let at = match self.open.get(&record) {
            Some(at) => *at,
            None if self.rows.len() < MOST => {
                self.rows.push(row(subject));
                self.rows.len() - 1
            }
            // Only where one of the first is no news is there room for this one.
            None => {
                let Some(at) = self.dull.pop().filter(|_| !delivered) else {
                    self.left_out += u64::from(made.attempt.number == 1);
                    return;
                };
                self.left_out += 1;
                self.rows[at] = row(subject);
                at
            }
        };
        let row = &mut self.rows[at];
        row.marks.push(mark);
        if let RetryDecision::Retry(_) = made.decision {
            self.open.insert(record, at);
            return;
        }
        self.open.remove(&record);
        row.fate = if delivered { Fate::Delivered } else { Fate::Failed };
        if delivered && row.marks.len() == 1 {
            self.dull.push(at);
        }
    }

    /// An endpoint was disabled.
    pub(super) fn disabled(&mut self, endpoint: &str, after: u32) {
        self.disabled.push((endpoint.to_owned(), after));
    }

    /// Writes it; says where it is.
    pub(super) fn write(mut self, facts: &Facts<'_>) -> Result<PathBuf> {
        let text = drawing::page(facts, &self.rows, self.left_out, &self.disabled);
        let written = self.file.write_all(text.as_bytes()).and_then(|()| fs::rename(&self.draft, &self.path));
        written.map_err(|error| cannot(&self.path, &error))?;
        Ok(self.path.clone())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // After the report was written there is none.
        let _ = fs::remove_file(&self.draft);
    }
}

fn row(subject: &Subject<'_>) -> Row {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    Row { kind: text(subject.kind), id: text(subject.id), marks: Vec::new(), fate: Fate::Open }
}

fn mark(made: &CompletedAttempt<'_>) -> Mark {
    Mark {
        number: made.attempt.number,
        at: made.attempt.since_first,
        came: match &made.outcome.answer {
            Ok(answer) => answer.status.to_string(),
            Err(failure) => failure.message.clone(),
        },
        delivered: made.decision == RetryDecision::Delivered,
        perhaps_seen: made.attempt.possibly_received,
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot write the report {}", path.display())).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::{Answer, Attempt, Failure, Outcome, Outgoing};

    /// Puts an attempt of a record into the page.
    fn put(page: &mut Page, record: u64, number: u32, status: Option<u16>, decision: RetryDecision) {
        let attempt =
            Attempt { number, wait: Duration::ZERO, possibly_received: false, since_first: Duration::from_secs(1) };
        let request = Outgoing {
            method: hyper::Method::POST,
            endpoint: "3000".parse().unwrap(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        let answer = match status {
            Some(status) => Ok(Answer { status, retry_after: None, body: bytes::Bytes::new() }),
            None => Err(Failure { unreachable: true, message: "refused".to_owned() }),
        };
        let outcome = Outcome { duration: Duration::ZERO, answer };
        let made = CompletedAttempt {
            attempt,
            request: &request,
            outcome: &outcome,
            decision,
            delivery_started: Duration::ZERO,
        };
        let id = format!("id{record}");
        page.attempted(record, &Subject { seq: Some(record), kind: Some("a"), id: Some(&id) }, &made);
    }

    #[test]
    fn a_failure_takes_the_place_of_what_is_no_news_and_the_number_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut page = Page::open(folder.path().join("report.html")).unwrap();
        let again = RetryDecision::Retry(Duration::from_secs(1));
        put(&mut page, 1, 1, None, again);
        for record in 2..=MOST as u64 + 100 {
            put(&mut page, record, 1, Some(200), RetryDecision::Delivered);
        }
        assert_eq!((page.rows.len(), page.left_out), (MOST, 100));
        put(&mut page, 1, 2, Some(200), RetryDecision::Delivered);
        put(&mut page, 9000, 1, Some(500), again);
        put(&mut page, 9000, 2, Some(500), RetryDecision::Exhausted);
        assert_eq!((page.rows.len(), page.left_out), (MOST, 101));
        assert_eq!(page.rows[0].marks.len(), 2);
        assert_eq!(page.rows[0].fate, Fate::Delivered);
        let failed: Vec<&Row> = page.rows.iter().filter(|row| row.fate == Fate::Failed).collect();
        assert_eq!((failed.len(), failed[0].marks.len(), failed[0].id.as_str()), (1, 2, "id9000"));
        assert!(page.open.is_empty());
    }

    #[test]
    fn a_report_that_is_not_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        drop(Page::open(folder.path().join("report.html")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Page::open(folder.path().to_owned()).is_err());
        assert!(Page::open(folder.path().join("missing/report.html")).is_err());
    }
}
