//! Prints requests: for people, as lines of JSON, and as annotations of GitHub Actions.

use super::view::{People, Sight};
use crate::capture::Record;
use crate::error::Result;
use crate::output::{Output, Volume, clean, request_lines};
use crate::receive::RejectedRequest;

/// How many requests are annotated: GitHub shows ten errors of a step, and the last one is for the result.
const ANNOTATED: usize = 9;

/// What prints. What goes to stdout is gathered, and written when it is flushed: one write for many lines.
pub(super) struct Printer {
    output: Output,
    annotated: usize,
    gathered: Vec<u8>,
}

impl Printer {
    pub(super) fn new(output: Output) -> Self {
        Self { output, annotated: 0, gathered: Vec::new() }
    }

    /// One request, with its sender and recipient, for people; with JSON, what is said of it beside its line.
    pub(super) fn request(&mut self, record: &Record, people: &People) -> Result {
        let output = self.output;
        if !output.json {
            let whole = output.volume == Volume::Verbose;
            let people = (people.0.as_deref(), people.1.as_deref());
            // The width is asked each time: a terminal may have changed.
            let lines = request_lines(record, people, output.paint, output.width(), whole);
            self.gathered.extend_from_slice(Output::text_of_others(&lines).as_bytes());
        }
        self.annotate(record)
    }

    /// A line of JSON.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.gathered.extend_from_slice(line);
    }

    /// Writes what was gathered.
    pub(super) fn flush(&mut self) -> Result {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let written = self.output.raw(&self.gathered);
        self.gathered.clear();
        written
    }

    /// What is said on stderr.
    pub(super) fn remark(&mut self, sight: &Sight) -> Result {
        self.flush()?;
        match sight {
            Sight::Refused(refusal) => self.refused(refusal),
            Sight::Trouble(error) => self.output.error(error),
            Sight::Note(text) => self.output.status(text),
            Sight::Request(..) | Sight::Line(_) | Sight::End => {}
        }
        Ok(())
    }

    /// A request that was refused before it could be judged.
    fn refused(&self, refusal: &RejectedRequest) {
        let status = refusal.status.map_or_else(String::new, |status| format!("{status} "));
        let line = format!("refused {}: {status}{}", clean(&refusal.remote_addr), clean(&refusal.reason));
        self.output.status(&self.output.status_paint.yellow(&line));
    }

    /// That some were not shown.
    pub(super) fn skipped(&self, count: u64) {
        let many = if count == 1 { "1 request was".to_owned() } else { format!("{count} requests were") };
        self.output.status(&format!("{many} not shown: the terminal is too slow"));
    }

    fn annotate(&mut self, record: &Record) -> Result {
        let verdict = &record.verdict;
        if verdict.status == "valid" || self.annotated == ANNOTATED {
            return Ok(());
        }
        self.annotated += 1;
        self.flush()?;
        let kind = verdict.event_type.as_deref().unwrap_or("a request");
        self.output.annotate(&format!("{} webhook", verdict.status), &format!("{kind}: {}", verdict.message))
    }
}

/// Whether it is not valid, or was not taken.
pub(super) fn needs_attention(record: &Record) -> bool {
    record.verdict.status != "valid" || !record.response.status.is_some_and(|status| (200..300).contains(&status))
}
