//! A file of raw HTTP requests, with a line `###` between two and comments above them, as the HTTP clients of editors and
//! `whk log export` write it; or a single request.

use bytes::Bytes;

use super::CapturedRequest;
use super::raw_http::{self, Head, request_line};
use super::request_comments::RequestComments;
use super::text_position::{ParseError, TextCursor};

/// Reads the requests of a text, one at a time.
pub(super) struct HttpRequests {
    cursor: TextCursor,
    /// True if there was a comment or a separator, so that the text is no bare request.
    is_file: bool,
}

/// A request, and the line on which it begins.
pub(super) struct HttpRequest {
    pub(super) line: u64,
    pub(super) capture: CapturedRequest,
    pub(super) warnings: Vec<String>,
    /// Everything after the headers, if `content-length` ends the body before that.
    pub(super) rest: Option<Bytes>,
}

/// The end of a request in the text that begins with it.
enum End {
    /// The body ends at the second offset, and begins at the first.
    Body(usize, usize),
    /// The request ends there, and has no other sign of its end.
    Separator(usize),
}

impl HttpRequests {
    pub(super) fn new() -> Self {
        Self { cursor: TextCursor::START, is_file: false }
    }

    /// True if the text may have several requests, so that one that cannot be read does not end it.
    pub(super) fn is_file(&self) -> bool {
        self.is_file
    }

    /// Returns whether nothing but white space and separators is left.
    pub(super) fn is_at_end(&self, text: &[u8]) -> bool {
        let lines = text[self.cursor.offset..].split(|byte| *byte == b'\n');
        lines.into_iter().all(|line| line.trim_ascii().is_empty() || line.starts_with(b"#"))
    }

    /// Reads the next request of `text`, the same text each time.
    pub(super) fn next(&mut self, text: &[u8]) -> Option<Result<HttpRequest, ParseError>> {
        let comments = self.skip_comments(text);
        let rest = &text[self.cursor.offset..];
        if rest.is_empty() {
            return None;
        }
        let start = self.cursor.position();
        let (request, end) = match self.find_end(rest, &comments) {
            Ok(End::Body(from, to)) => (with_body(&rest[..from], &rest[from..to]), to),
            Ok(End::Separator(end)) => {
                let is_last = end == rest.len();
                let request = if is_last { rest } else { without_line_end(&rest[..end]) };
                (raw_http::parse_whole(request), end)
            }
            Err(error) => (Err(error), separator(rest, |_| true).unwrap_or(rest.len())),
        };
        self.cursor.advance(text, self.cursor.offset + end);
        Some(match request {
            Ok((mut capture, warnings, rest)) => {
                capture.received_at = comments.received_at;
                Ok(HttpRequest { line: start.line, capture, warnings, rest })
            }
            Err(error) => Err(error.relative_to(start)),
        })
    }

    /// Skips empty lines, separators and comments, and reads the facts in them.
    fn skip_comments(&mut self, text: &[u8]) -> RequestComments {
        let mut comments = RequestComments::default();
        while let Some(line) = text[self.cursor.offset..].split_inclusive(|byte| *byte == b'\n').next() {
            let is_comment = line.starts_with(b"#") || line.starts_with(b"//");
            if !is_comment && !line.trim_ascii().is_empty() {
                break;
            }
            self.is_file |= is_comment;
            comments.read(line);
            self.cursor.advance(text, self.cursor.offset + line.len());
        }
        comments
    }

    /// Finds the end of the request with which `text` begins.
    fn find_end(&mut self, text: &[u8], comments: &RequestComments) -> Result<End, ParseError> {
        // A request without an empty line ends at the separator as well.
        let head_end = head_end(text);
        if let Some(end) = separator(&text[..head_end], |_| true) {
            self.is_file = true;
            return Ok(End::Separator(end));
        }
        let head = Head::parse(text)?;
        let start = text.len() - head.body.len();
        if let Some(end) = comments.body_bytes.map(|length| start + length).filter(|end| *end <= text.len()) {
            return Ok(End::Body(start, end));
        }
        let length = head.headers.text("content-length").and_then(|length| length.parse::<usize>().ok());
        if let Some(length) = length
            && head.headers.text("transfer-encoding").is_none()
            && let Some(after) = head.body.get(length..)
        {
            let is_last = after.trim_ascii().is_empty();
            if after.trim_ascii_start().starts_with(b"###") || self.is_file && is_last {
                self.is_file = true;
                return Ok(End::Body(start, start + length));
            }
            if is_last {
                return Ok(End::Separator(text.len()));
            }
        }
        // The body of a bare request can have such a line, so another request must follow it.
        let is_file = self.is_file;
        let starts_request = |after: &[u8]| {
            let mut lines = after.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#") && !line.starts_with(b"//"));
            first.map_or(is_file, |line| request_line(line).is_some())
        };
        Ok(match separator(head.body, starts_request) {
            Some(end) => {
                self.is_file = true;
                End::Separator(start + end)
            }
            None => End::Separator(text.len()),
        })
    }
}

/// Reads a request of which the body is known.
fn with_body(head: &[u8], body: &[u8]) -> Result<(CapturedRequest, Vec<String>, Option<Bytes>), ParseError> {
    let Head { method, target, headers, .. } = Head::parse(head)?;
    let body = Bytes::copy_from_slice(body);
    let capture =
        CapturedRequest { received_at: None, remote_addr: String::new(), method: method.into(), target, headers, body };
    Ok((capture, Vec::new(), None))
}

/// Returns the offset after the empty line that ends the headers.
fn head_end(text: &[u8]) -> usize {
    let mut end = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if line == b"\n" || line == b"\r\n" {
            break;
        }
    }
    end
}

/// Returns the offset of the first line that begins with `###` and is followed by a text that `accepts` accepts.
fn separator(text: &[u8], accepts: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"###") && accepts(&text[at + line.len()..]) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}
