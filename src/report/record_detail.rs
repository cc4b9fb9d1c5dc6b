//! A record in full: the request, its verdict and its response.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::record_verdict::{color_status, color_verdict, marked};
use super::{VerdictRenderer, VerdictView};
use crate::capture::RecordedResponse;
use crate::inspect::StoredRecord;
use crate::output::{Output, Style, Verbosity, body_lines, hex_lines, sanitize, wrap};

/// Renders records in full, for people.
pub struct RecordDetailRenderer {
    style: Style,
    width: usize,
    is_verbose: bool,
    verdicts: VerdictRenderer,
}

/// The lines of a body that is not text, without `-v`.
const HEX_LINES: usize = 64;

impl RecordDetailRenderer {
    /// Renders for this output.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let width = output.width().unwrap_or(usize::MAX);
        let is_verbose = output.verbosity == Verbosity::Verbose;
        let verdicts = VerdictRenderer {
            style: output.style,
            verbose: is_verbose,
            width: width.saturating_sub(4),
            required: Vec::new(),
        };
        Self { style: output.style, width, is_verbose, verdicts }
    }

    /// Returns the lines of a record; `now` is the verdict of a new verification.
    #[must_use]
    pub fn lines(&self, record: &StoredRecord, now: &VerdictView<'_>) -> Vec<String> {
        let mut lines = vec![self.title(record)];
        lines.extend(self.verdict(record, now));
        lines.push(String::new());
        lines.extend(self.request(record));
        if let Some(response) = record.response() {
            lines.push(String::new());
            lines.extend(self.response(response));
        }
        lines
    }

    fn title(&self, record: &StoredRecord) -> String {
        let capture = record.capture();
        let mut title = self.style.bold(&format!("request {}", record.seq));
        if let Some(at) = capture.received_at {
            let at = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S%.3f %:z");
            title.push_str(&self.style.faint(&format!("  {at}")));
        }
        if !capture.remote_addr.is_empty() {
            title.push_str(&self.style.faint(&format!("  from {}", sanitize(&capture.remote_addr))));
        }
        if record.is_duplicate() {
            title.push_str(&self.style.yellow("  duplicate"));
        }
        title
    }

    /// The verdict of now with its reasons; if another was recorded, both.
    fn verdict(&self, record: &StoredRecord, now: &VerdictView<'_>) -> Vec<String> {
        let (recorded, found) = (&record.verdict, now.verdict);
        if !record.has_recorded_verdict || recorded.status == found.status.name() {
            return self.verdicts.lines(now);
        }
        let mut head = color_verdict(self.style, &recorded.status, &marked(&recorded.status, &recorded.status));
        let _ = write!(head, " {}", sanitize(now.source));
        for part in [&recorded.provider, &recorded.event_type, &recorded.event_id].into_iter().flatten() {
            let _ = write!(head, " {}", sanitize(part));
        }
        let mut lines = vec![head];
        if !recorded.message.is_empty() {
            lines.extend(self.wrapped(&format!("recorded: {}", recorded.message)));
        }
        lines.extend(self.wrapped(&format!("now: {}: {}", found.status.name(), found.message)));
        if let Some(remedy) = now.remedy {
            lines.extend(self.wrapped(&format!("fix: {remedy}")));
        }
        lines
    }

    fn wrapped(&self, text: &str) -> Vec<String> {
        let lines = wrap(&sanitize(text), self.width.saturating_sub(4));
        let indent = |index| if index == 0 { "  " } else { "    " };
        lines.iter().enumerate().map(|(index, line)| format!("{}{line}", indent(index))).collect()
    }

    fn request(&self, record: &StoredRecord) -> Vec<String> {
        let (style, capture) = (self.style, record.capture());
        let mut lines = vec![style.bold(&format!("{} {}", sanitize(&capture.method), sanitize(&capture.target)))];
        for (name, value) in capture.headers.iter() {
            lines.push(format!("{}: {}", style.cyan(&sanitize(name)), shown_bytes(value)));
        }
        lines.push(String::new());
        let body = &capture.body;
        if body.is_empty() {
            lines.push(style.faint("(no body)"));
        } else if std::str::from_utf8(body).is_ok() {
            lines.extend(body_lines(body, style, usize::MAX - 1));
        } else {
            let limit = if self.is_verbose { usize::MAX } else { HEX_LINES };
            let shown = hex_lines(body, limit);
            let more = shown.len() * 16 < body.len();
            lines.extend(shown);
            if more {
                lines.push(style.faint(&format!("… {} bytes in all (-v shows them)", body.len())));
            }
        }
        lines
    }

    fn response(&self, response: &RecordedResponse) -> Vec<String> {
        let style = self.style;
        let by = if response.responder.is_empty() { String::new() } else { format!(" by {}", response.responder) };
        let slow = if response.slow { style.yellow(" (slower than the provider's timeout)") } else { String::new() };
        let mut lines = vec![format!(
            "{} {}{} in {:.1} ms{slow}",
            style.bold("response"),
            color_status(style, response.status),
            sanitize(&by),
            response.duration_ms
        )];
        if let Some(error) = &response.error {
            lines.extend(self.wrapped(error).iter().map(|line| style.yellow(line)));
        }
        if let Some(body) = &response.body {
            lines.extend(body_lines(body.as_bytes(), style, usize::MAX - 1).iter().map(|line| format!("< {line}")));
        }
        lines
    }
}

/// Returns bytes as text: what is not UTF-8 as `\xff`.
pub(super) fn shown_bytes(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&sanitize(chunk.valid()));
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}
