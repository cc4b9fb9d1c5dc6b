//! Raw HTTP requests as text: read with CRLF or LF, written with CRLF.

use bytes::Bytes;

use super::text_position::{ParseError, TextPosition};
use super::{CapturedRequest, Headers};

/// Reads a request: an optional request line, headers, an empty line, the body.
///
/// The body is as long as `Content-Length` says, decoded if `Transfer-Encoding: chunked` says so, else the rest.
/// The warnings name contradictions in it.
///
/// # Errors
/// Line, column and what was expected there.
pub fn parse(text: &[u8]) -> Result<(CapturedRequest, Vec<String>), ParseError> {
    parse_whole(text).map(|(capture, warnings, _)| (capture, warnings))
}

/// The same, and everything after the headers, if `content-length` ends the body before that.
pub(super) fn parse_whole(text: &[u8]) -> Result<(CapturedRequest, Vec<String>, Option<Bytes>), ParseError> {
    let Head { method, target, headers, first_header_line, body: after } = Head::parse(text)?;
    let (body, warnings) = body(&headers, after).map_err(|message| {
        // Only this header can be invalid here.
        let index = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let line = (index.unwrap_or_default() + first_header_line) as u64;
        ParseError::new(TextPosition { line, column: 1 }, message)
    })?;
    let chunked = headers.text("transfer-encoding").is_some();
    let rest = (after.len() > body.len() && !chunked).then(|| Bytes::copy_from_slice(after));
    let capture =
        CapturedRequest { received_at: None, remote_addr: String::new(), method: method.into(), target, headers, body };
    Ok((capture, warnings, rest))
}

/// A request without its body.
pub(super) struct Head<'a> {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Headers,
    /// The line of the first header, from 1.
    first_header_line: usize,
    /// Everything after the headers.
    pub(super) body: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads an optional request line, headers and an empty line.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        let mut lines = HeaderLines { rest: text, number: 0 };
        let mut headers = Headers::default();
        let (mut method, mut target) = ("POST".to_owned(), "/".to_owned());
        let first = lines.next().ok_or_else(|| ParseError::new(TextPosition::START, "the request is empty"))?;
        let line = request_line(first);
        let is_header = line.is_none();
        match line {
            Some(_) if !text.contains(&b'\n') => {
                return Err(ParseError::new(TextPosition::START, "the capture ends inside of its first line"));
            }
            Some((found, at)) => (method, target) = (found, at),
            None if is_binary(text) => {
                return Err(ParseError::new(TextPosition::START, "this is no text, so it is no captured request"));
            }
            None => header(first, 1, &mut headers)?,
        }
        while let Some(line) = lines.next() {
            if line.is_empty() {
                break;
            }
            header(line, lines.number, &mut headers)?;
        }
        Ok(Self { method, target, headers, first_header_line: usize::from(!is_header) + 1, body: lines.rest })
    }
}

/// Writes a request with CRLF, and adds `content-length` if the headers lack it.
#[must_use]
pub fn write(capture: &CapturedRequest) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\n", capture.method, capture.target).into_bytes();
    for (name, value) in capture.headers.iter() {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    }
    if capture.headers.text("content-length").is_none() {
        text.extend_from_slice(format!("content-length: {}\r\n", capture.body.len()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(&capture.body);
    text
}

struct HeaderLines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Iterator for HeaderLines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let line = &self.rest[..end.unwrap_or(self.rest.len())];
        self.rest = end.map_or(&[], |end| &self.rest[end + 1..]);
        self.number += 1;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// True if the beginning has bytes that no header has, as images, archives and databases do.
fn is_binary(text: &[u8]) -> bool {
    const BEGINNING: usize = 512;
    let beginning = &text[..text.len().min(BEGINNING)];
    beginning.iter().any(|byte| matches!(byte, 0..=8 | 14..=31)) || beginning.starts_with(b"\x89PNG")
}

/// Parses `POST /path HTTP/1.1`; `None` if it is no request line.
pub(super) fn request_line(line: &[u8]) -> Option<(String, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let (target, version) = rest.rsplit_once(' ').unwrap_or((rest, "HTTP/1.1"));
    let plain = !method.is_empty() && method.bytes().all(is_token);
    (plain && version.starts_with("HTTP/") && !target.is_empty()).then(|| (method.to_owned(), target.to_owned()))
}

fn header(line: &[u8], number: usize, headers: &mut Headers) -> Result<(), ParseError> {
    let wrong =
        |column: usize, what: &str| ParseError::new(TextPosition { line: number as u64, column: column as u64 }, what);
    let colon = line
        .iter()
        .position(|byte| *byte == b':')
        .ok_or_else(|| wrong(1, "expected a request line or `Name: value`"))?;
    let name = &line[..colon];
    if let Some(at) = name.iter().position(|byte| !is_token(*byte)) {
        return Err(wrong(at + 1, "a header name cannot contain this character"));
    }
    if name.is_empty() {
        return Err(wrong(1, "the header has no name"));
    }
    headers.push(&String::from_utf8_lossy(name), line[colon + 1..].trim_ascii());
    Ok(())
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn body(headers: &Headers, rest: &[u8]) -> Result<(Bytes, Vec<String>), String> {
    let chunked = headers.text("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if chunked && let Some(body) = decode_chunked(rest) {
        return Ok((body.into(), Vec::new()));
    }
    if chunked {
        // Tools that save a request often decode the body and keep the header.
        return Ok((
            Bytes::copy_from_slice(rest),
            vec!["the body is not chunked, although `transfer-encoding` says so".to_owned()],
        ));
    }
    let Some(length) = headers.text("content-length") else {
        return Ok((Bytes::copy_from_slice(rest), Vec::new()));
    };
    let length: usize = length.parse().map_err(|_| format!("`content-length` is not a number of bytes: `{length}`"))?;
    match rest.get(..length) {
        Some(body) if body.len() == rest.len() => Ok((Bytes::copy_from_slice(body), Vec::new())),
        Some(body) => {
            let more = rest.len() - length;
            let bytes = if more == 1 { "1 byte".to_owned() } else { format!("{more} bytes") };
            let warning = format!("ignored {bytes} after the end of the body (content-length: {length})");
            Ok((Bytes::copy_from_slice(body), vec![warning]))
        }
        None => {
            let warning = format!("the body has {} bytes, but `content-length` says {length}", rest.len());
            Ok((Bytes::copy_from_slice(rest), vec![warning]))
        }
    }
}

fn decode_chunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 1..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = &rest[size..];
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crlf_and_lf_give_the_same_request_and_leave_the_body_alone() {
        let crlf = b"POST /hooks?x=1 HTTP/1.1\r\nWebhook-Id: a\r\nX-Empty:\r\n\r\n{\"a\":1}\r\n";
        let lf = b"POST /hooks?x=1 HTTP/1.1\nWebhook-Id: a\nX-Empty:\n\n{\"a\":1}\r\n";
        let (request, warnings) = parse(crlf).unwrap();
        assert_eq!(parse(lf).unwrap().0, request);
        assert_eq!((&*request.method, request.target.as_str()), ("POST", "/hooks?x=1"));
        assert_eq!(&request.body[..], b"{\"a\":1}\r\n");
        assert!(warnings.is_empty());
    }

    #[test]
    fn content_length_ends_the_body() {
        let (request, warnings) = parse(b"POST / HTTP/1.1\nContent-Length: 2\n\n{}\n").unwrap();
        assert_eq!(&request.body[..], b"{}");
        assert_eq!(warnings, ["ignored 1 byte after the end of the body (content-length: 2)"]);
        let (request, warnings) = parse(b"POST / HTTP/1.1\nContent-Length: 9\n\n{}").unwrap();
        assert_eq!(&request.body[..], b"{}");
        assert_eq!(warnings, ["the body has 2 bytes, but `content-length` says 9"]);
    }

    #[test]
    fn chunks_are_joined() {
        let text = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(&parse(text).unwrap().0.body[..], b"abcde");
        let (saved, warnings) = parse(b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n{}").unwrap();
        assert_eq!((&saved.body[..], warnings.len()), (&b"{}"[..], 1));
    }

    #[test]
    fn invalid_requests_are_rejected_with_a_position() {
        for (text, expected) in [
            (&b""[..], "empty"),
            (b"hello", "line 1, column 1"),
            (b"POST / HTTP/1.1\nno colon\n", "line 2, column 1"),
            (b"POST / HTTP/1.1\nbad name: x\n", "line 2, column 4"),
            (b"POST / HTTP/1.1\n: x\n", "no name"),
            (
                b"POST / HTTP/1.1\na: b\ncontent-length: x\n\n",
                "line 3, column 1: `content-length` is not a number of bytes",
            ),
            (b"content-length: x\n\n", "line 1, column 1: `content-length` is not a number of bytes"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_written_request_reads_back() {
        let (request, _) = parse(b"POST /a HTTP/1.1\nx: \xff\n\n\x00\xff").unwrap();
        let (again, warnings) = parse(&write(&request)).unwrap();
        assert_eq!((again.body, warnings.len()), (request.body, 0));
        assert_eq!(again.headers.iter().next(), Some(("x", &[0xff][..])));
    }
}
