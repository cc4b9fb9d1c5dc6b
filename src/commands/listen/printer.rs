//! Prints requests: for people, as lines of JSON, and as annotations of GitHub Actions.

use super::queue::Sight;
use crate::capture::Record;
use crate::error::Result;
use crate::http::server::RejectedRequest;
use crate::output::{MAX_ANNOTATIONS, Output, RequestView, Volume, clean};

/// The number of requests that are annotated: the last annotation is for the result.
const MAX_ANNOTATED_REQUESTS: usize = MAX_ANNOTATIONS - 1;

/// Prints. Output for stdout is gathered until it is flushed: one write for many lines.
pub(super) struct Printer {
    output: Output,
    annotated: usize,
    gathered: Vec<u8>,
}

impl Printer {
    pub(super) fn new(output: Output) -> Self {
        Self { output, annotated: 0, gathered: Vec::new() }
    }

    /// Prints one request for people; with JSON, only its annotation.
    pub(super) fn request(&mut self, request: &RequestView) -> Result {
        let output = self.output;
        if !output.json {
            let whole = output.volume == Volume::Verbose;
            // Asked for each time: the size of a terminal changes.
            let lines = request.lines(output.paint, output.screen(), whole);
            self.gathered.extend_from_slice(Output::text_of_others(&lines).as_bytes());
        }
        self.annotate(&request.record)
    }

    /// Prints a line of JSON.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.gathered.extend_from_slice(line);
    }

    /// Writes the gathered output.
    pub(super) fn flush(&mut self) -> Result {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let written = self.output.raw(&self.gathered);
        self.gathered.clear();
        written
    }

    /// Prints something on stderr.
    pub(super) fn remark(&mut self, sight: &Sight) -> Result {
        self.flush()?;
        match sight {
            Sight::Refused(refusal) => self.refused(refusal),
            Sight::Trouble(error) => self.output.error(error),
            Sight::Note(text) => self.output.status(text),
            Sight::Hint(text) => self.output.hint(text),
            Sight::Request(_) | Sight::Line(_) | Sight::End => {}
        }
        Ok(())
    }

    /// Prints a request that was rejected before it could be verified.
    fn refused(&self, refusal: &RejectedRequest) {
        let status = refusal.status.map_or_else(String::new, |status| format!("{status} "));
        let line = format!("rejected {}: {status}{}", clean(&refusal.remote_addr), clean(&refusal.reason));
        self.output.status(&self.output.status_paint.yellow(&line));
    }

    /// Prints that some requests were not shown.
    pub(super) fn skipped(&self, count: u64) {
        let many = if count == 1 { "1 request was".to_owned() } else { format!("{count} requests were") };
        self.output.status(&format!("{many} not shown: the terminal is too slow"));
    }

    fn annotate(&mut self, record: &Record) -> Result {
        let verdict = &record.verdict;
        if verdict.status == "valid" || self.annotated == MAX_ANNOTATED_REQUESTS {
            return Ok(());
        }
        self.annotated += 1;
        self.flush()?;
        let kind = verdict.event_type.as_deref().unwrap_or("a request");
        self.output.annotate(&format!("{} webhook", verdict.status), &format!("{kind}: {}", verdict.message))
    }
}

/// True if a request is not valid, or was not accepted.
pub(super) fn needs_attention(record: &Record) -> bool {
    record.verdict.status != "valid" || !record.response.status.is_some_and(|status| (200..300).contains(&status))
}
