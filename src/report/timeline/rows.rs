//! Collects the rows of the page while deliveries end, and writes the page.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::delivery::EventRef;
use super::super::schedule;
use super::model::{AttemptMark, DeliveryOutcome, DeliveryRow, RunSummary, ScheduleNote};
use super::page::{self, Content};
use crate::delivery::{CompletedAttempt, EndpointDisabled, RetryDecision};
use crate::error::{Error, Result};
use crate::fs::AtomicFile;
use crate::provider::DeliveryPolicy;

/// The most deliveries that are drawn: more can neither be read nor shown by a browser at once.
const MAX_ROWS: usize = 2000;

/// The most characters of a handler's response that are kept.
const MAX_BODY: usize = 200;

/// The report while it is collected: the file is complete or absent.
pub struct TimelineReport {
    file: AtomicFile,
    content: Content,
    /// The rows of deliveries that have not ended, by the number of the record.
    open: HashMap<u64, usize>,
    /// Rows that show nothing but an immediate success: they make room for failures.
    uneventful: Vec<usize>,
}

impl TimelineReport {
    /// Makes sure that the report can be written, before anything is sent.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Err(cannot(path, &"it is a folder"));
        }
        let file = AtomicFile::create_private(path).map_err(|error| cannot(path, &error))?;
        let (content, open, uneventful) = (Content::default(), HashMap::new(), Vec::new());
        Ok(Self { file, content, open, uneventful })
    }

    /// Adds the schedule of a provider, once.
    pub fn schedule(&mut self, provider: &str, policy: &DeliveryPolicy) {
        if self.content.schedules.iter().any(|known| known.provider == provider) {
            return;
        }
        self.content.schedules.push(ScheduleNote {
            provider: provider.to_owned(),
            times: schedule::describe(policy),
            source: policy.source.clone(),
        });
    }

    /// Adds an attempt of the record with this number.
    pub fn attempted(&mut self, record: u64, provider: &str, event: &EventRef<'_>, made: &CompletedAttempt<'_>) {
        let mark = mark(made);
        let delivered = mark.delivered;
        let rows = &mut self.content.rows;
        let at = match self.open.get(&record) {
            Some(at) => *at,
            None if rows.len() < MAX_ROWS => {
                rows.push(row(provider, event));
                rows.len() - 1
            }
            // There is room for this one only if an earlier row is uneventful.
            None => {
                let Some(at) = self.uneventful.pop().filter(|_| !delivered) else {
                    self.content.omitted += u64::from(made.attempt.number == 1);
                    return;
                };
                self.content.omitted += 1;
                rows[at] = row(provider, event);
                at
            }
        };
        let row = &mut rows[at];
        row.attempts.push(mark);
        if let RetryDecision::Retry(_) = made.decision {
            self.open.insert(record, at);
            return;
        }
        self.open.remove(&record);
        row.outcome = if delivered { DeliveryOutcome::Delivered } else { DeliveryOutcome::Failed };
        if delivered && row.attempts.len() == 1 {
            self.uneventful.push(at);
        }
    }

    /// Adds a delivery that was not made, with the moments of its attempts.
    pub fn planned(&mut self, provider: &str, event: &EventRef<'_>, moments: &[Duration]) {
        if self.content.rows.len() == MAX_ROWS {
            self.content.omitted += 1;
            return;
        }
        let attempts = moments.iter().zip(1..).map(|(at, number)| AttemptMark {
            number,
            at: *at,
            result: String::new(),
            body: String::new(),
            delivered: false,
            possibly_received: false,
        });
        let attempts = attempts.collect();
        self.content.rows.push(DeliveryRow { attempts, outcome: DeliveryOutcome::Planned, ..row(provider, event) });
    }

    /// Adds an endpoint that was disabled.
    pub fn disabled(&mut self, endpoint: &str, disabled: EndpointDisabled) {
        self.content.disabled.push((endpoint.to_owned(), disabled));
    }

    /// Writes the page, failures and retries first; returns its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(mut self, summary: &RunSummary<'_>) -> Result<PathBuf> {
        let is_uneventful = |row: &DeliveryRow| row.outcome == DeliveryOutcome::Delivered && row.attempts.len() == 1;
        self.content.rows.sort_by_key(|row| (row.outcome, is_uneventful(row)));
        let text = page::render(summary, &self.content);
        let path = self.file.path().to_owned();
        let written = self.file.file().write_all(text.as_bytes()).and_then(|()| self.file.commit());
        written.map_err(|error| cannot(&path, &error))?;
        Ok(path)
    }
}

fn row(provider: &str, event: &EventRef<'_>) -> DeliveryRow {
    let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
    DeliveryRow {
        provider: provider.to_owned(),
        event_type: text(event.event_type),
        event_id: text(event.event_id),
        attempts: Vec::new(),
        outcome: DeliveryOutcome::Incomplete,
    }
}

fn mark(made: &CompletedAttempt<'_>) -> AttemptMark {
    let delivered = made.decision == RetryDecision::Delivered;
    let (result, body) = match &made.outcome.response {
        Ok(answer) if delivered => (answer.status.to_string(), String::new()),
        Ok(answer) => (answer.status.to_string(), excerpt(&answer.body)),
        Err(failure) => (failure.message.clone(), String::new()),
    };
    AttemptMark {
        number: made.attempt.number,
        at: made.attempt.since_first,
        result,
        body,
        delivered,
        possibly_received: made.attempt.possibly_received,
    }
}

/// Returns the beginning of a response's body, on one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_BODY)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_BODY) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot write the report {}", path.display())).cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Attempt;
    use crate::http::client::{AttemptError, AttemptErrorKind, AttemptOutcome, AttemptResponse, OutgoingRequest};

    /// Adds an attempt of a record to the report.
    fn put(report: &mut TimelineReport, record: u64, number: u32, status: Option<u16>, decision: RetryDecision) {
        let attempt = Attempt {
            number,
            wait: Duration::ZERO,
            possibly_received: false,
            since_first: Duration::from_secs(1),
            last_failure: None,
        };
        let request = OutgoingRequest {
            method: hyper::Method::POST,
            endpoint: "3000".parse().unwrap(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        let answer = match status {
            Some(status) => Ok(AttemptResponse { status, headers: hyper::HeaderMap::new(), body: bytes::Bytes::new() }),
            None => Err(AttemptError::new(AttemptErrorKind::Unreachable, "refused")),
        };
        let outcome = AttemptOutcome { duration: Duration::ZERO, response: answer };
        let made = CompletedAttempt {
            attempt,
            request: &request,
            outcome: &outcome,
            decision,
            delivery_started: Duration::ZERO,
        };
        let id = format!("id{record}");
        report.attempted(
            record,
            "AhaSend",
            &EventRef { webhook_id: None, seq: Some(record), event_type: Some("a"), event_id: Some(&id), fault: None },
            &made,
        );
    }

    #[test]
    fn a_failure_takes_the_place_of_what_is_no_news_and_the_number_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = TimelineReport::open(&folder.path().join("report.html")).unwrap();
        let again = RetryDecision::Retry(Duration::from_secs(1));
        put(&mut report, 1, 1, None, again);
        for record in 2..=MAX_ROWS as u64 + 100 {
            put(&mut report, record, 1, Some(200), RetryDecision::Delivered);
        }
        assert_eq!((report.content.rows.len(), report.content.omitted), (MAX_ROWS, 100));
        put(&mut report, 1, 2, Some(200), RetryDecision::Delivered);
        put(&mut report, 9000, 1, Some(500), again);
        put(&mut report, 9000, 2, Some(500), RetryDecision::Exhausted);
        assert_eq!((report.content.rows.len(), report.content.omitted), (MAX_ROWS, 101));
        assert_eq!(report.content.rows[0].attempts.len(), 2);
        assert_eq!(report.content.rows[0].outcome, DeliveryOutcome::Delivered);
        let failed: Vec<&DeliveryRow> =
            report.content.rows.iter().filter(|row| row.outcome == DeliveryOutcome::Failed).collect();
        assert_eq!((failed.len(), failed[0].attempts.len(), failed[0].event_id.as_str()), (1, 2, "id9000"));
        assert!(report.open.is_empty());
    }

    #[test]
    fn a_report_that_is_not_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        drop(TimelineReport::open(&folder.path().join("report.html")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(TimelineReport::open(folder.path()).is_err());
        assert!(TimelineReport::open(&folder.path().join("missing/report.html")).is_err());
    }
}
