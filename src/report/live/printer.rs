//! Prints requests: for people, as lines of JSON, and as annotations of GitHub Actions.

use super::queue::Message;
use super::request_line::RequestView;
use crate::capture::Record;
use crate::error::Result;
use crate::http::server::RejectedRequest;
use crate::output::{MAX_ANNOTATIONS, Output, Verbosity, plural, sanitize};

/// The number of requests that are annotated: the last annotation is for the result.
const MAX_ANNOTATED_REQUESTS: usize = MAX_ANNOTATIONS - 1;

/// Prints. Output for stdout is gathered until it is flushed: one write for many lines.
pub(super) struct LivePrinter {
    output: Output,
    annotated: usize,
    buffer: Vec<u8>,
}

impl LivePrinter {
    pub(super) fn new(output: Output) -> Self {
        Self { output, annotated: 0, buffer: Vec::new() }
    }

    /// Prints a message; what goes to stdout is written with the next flush.
    pub(super) fn print(&mut self, message: &Message) -> Result {
        match message {
            Message::Request(request) => return self.print_request(request),
            Message::JsonLine(line) => {
                self.buffer.extend_from_slice(line);
                return Ok(());
            }
            _ => self.flush()?,
        }
        match message {
            Message::Rejected(request) => self.print_rejected(request),
            Message::Error(error) => self.output.error(error),
            Message::Status(text) => self.output.status(text),
            Message::Hint(text) => self.output.hint(text),
            Message::Request(_) | Message::JsonLine(_) | Message::Close => {}
        }
        Ok(())
    }

    /// Prints one request for people; with JSON, only its annotation.
    fn print_request(&mut self, request: &RequestView) -> Result {
        let output = self.output;
        if !output.json {
            let unfolded = output.verbosity == Verbosity::Verbose;
            // Asked for each time: the size of a terminal changes.
            let lines = request.lines(output.style, output.screen(), unfolded);
            self.buffer.extend_from_slice(Output::guard_ci_commands(&lines).as_bytes());
        }
        self.annotate(&request.record)
    }

    /// Writes the gathered output.
    pub(super) fn flush(&mut self) -> Result {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.output.write_stdout(&self.buffer);
        self.buffer.clear();
        written
    }

    /// Prints a request that was rejected before it could be verified.
    fn print_rejected(&self, request: &RejectedRequest) {
        let status = request.status.map_or_else(String::new, |status| format!("{status} "));
        let line = format!("rejected {}: {status}{}", sanitize(&request.remote_addr), sanitize(&request.reason));
        self.output.status(&self.output.stderr_style.yellow(&line));
    }

    /// Prints that some requests were not shown.
    pub(super) fn print_skipped(&self, count: u64) {
        let requests = plural(count, "request was", "requests were");
        self.output.status(&format!("{requests} not shown: the terminal is too slow"));
    }

    fn annotate(&mut self, record: &Record) -> Result {
        let verdict = &record.verdict;
        if verdict.status == "valid" || self.annotated == MAX_ANNOTATED_REQUESTS {
            return Ok(());
        }
        self.annotated += 1;
        self.flush()?;
        let event_type = verdict.event_type.as_deref().unwrap_or("a request");
        self.output.annotate(&format!("{} webhook", verdict.status), &format!("{event_type}: {}", verdict.message))
    }
}
