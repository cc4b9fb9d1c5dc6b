//! Reads captured requests from a file or a stream, whatever their format.

use std::fmt;
use std::io::{self, BufRead, Read as _};

use bytes::Bytes;

use super::curl::CurlCommands;
use super::entries::Entries;
use super::http_file::HttpRequests;
use super::peek_reader::PeekReader;
use super::program_json::JsonRequest;
use super::record::LineDetail;
use super::text_position::{ParseError, TextPosition};
use super::{CaptureFormat, CapturedRequest, LoggedOutcome, MAX_INPUT_BYTES, cgi, har, record};

/// A request that was read, and its position.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureEntry {
    /// The line, from 1, if the input has more than one request, a line or a command each.
    pub line: Option<u64>,
    /// The number of the entry, from 1, in an archive or an array.
    pub entry: Option<u64>,
    /// The request.
    pub capture: CapturedRequest,
    /// Warnings about contradictions in it, a line each.
    pub warnings: Vec<String>,
    /// True if the body was logged as parsed JSON, so that the bytes that were signed are lost.
    pub parsed_body: bool,
    /// Everything after the headers, if `content-length` ends the body before that.
    pub rest: Option<Bytes>,
    /// The verdict and response that a log has beside the request, if requested.
    pub outcome: LoggedOutcome,
}

impl CaptureEntry {
    /// Creates an entry from a single request, built from a body and headers.
    #[must_use]
    pub fn alone(mut capture: CapturedRequest) -> Self {
        let note = cgi::restore_names(&mut capture.headers);
        Self { warnings: note.into_iter().collect(), ..captured(None, capture) }
    }

    /// Returns the position in the input of this name: `log.jsonl:3`, or `archive.har#3` for its third entry.
    #[must_use]
    pub fn source(&self, input: &str) -> String {
        match (self.entry, self.line) {
            (Some(entry), _) => format!("{input}#{entry}"),
            (_, Some(line)) => format!("{input}:{line}"),
            _ => input.to_owned(),
        }
    }

    /// Returns whether the input may hold more of them.
    #[must_use]
    pub fn is_one_of_many(&self) -> bool {
        self.line.is_some() || self.entry.is_some()
    }
}

/// Input that is not a request.
#[derive(Debug)]
pub struct ReadError {
    /// The position, unless the input as a whole is wrong.
    pub position: Option<TextPosition>,
    /// The problem.
    pub message: String,
    /// The remedy.
    pub hint: Option<&'static str>,
    /// True if nothing more can be read.
    pub fatal: bool,
}

impl ReadError {
    /// The error with the name of the input before it: `log.jsonl:3:14: expected value`.
    #[must_use]
    pub fn located(&self, input: &str) -> String {
        match self.position {
            Some(TextPosition { line, column }) => format!("{input}:{line}:{column}: {}", self.message),
            None => format!("{input}: {}", self.message),
        }
    }

    fn new(error: ParseError, fatal: bool) -> Self {
        Self { position: Some(error.position), message: error.message, hint: error.hint, fatal }
    }

    fn of_input(message: impl Into<String>) -> Self {
        Self { position: None, message: message.into(), hint: None, fatal: true }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(TextPosition { line, column }) => write!(f, "line {line}, column {column}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The state of a reader.
enum ReaderState {
    Start,
    /// A log, of which one line is in memory.
    Lines,
    /// Command lines, all of which are in memory.
    Commands(CurlCommands),
    /// Raw requests, all of which are in memory.
    Requests(HttpRequests),
    /// An archive, all of which is in memory.
    Archive(Entries),
    /// An array of records, all of which is in memory.
    Array(Entries),
    Done,
}

/// Reads requests one at a time; of a log only one line is in memory.
pub struct Reader<R> {
    input: PeekReader<R>,
    format: CaptureFormat,
    /// True if the format was given, not detected.
    is_format_given: bool,
    state: ReaderState,
    entry: Option<u64>,
    line: u64,
    /// The offset of the line after the last one.
    offset: u64,
    detail: LineDetail,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads `input` as `format`.
    pub fn new(input: R, format: CaptureFormat) -> Self {
        let input = PeekReader::new(input);
        Self {
            input,
            format,
            is_format_given: true,
            state: ReaderState::Start,
            entry: None,
            line: 0,
            offset: 0,
            detail: LineDetail::Request,
            buffer: Vec::new(),
        }
    }

    /// Reads only this entry of an archive or an array, counted from 1.
    #[must_use]
    pub fn entry(self, number: Option<u64>) -> Self {
        Self { entry: number, ..self }
    }

    /// Also reads the verdicts and responses of a log.
    #[must_use]
    pub fn with_outcomes(self) -> Self {
        Self { detail: LineDetail::Outcome, ..self }
    }

    /// Also reads the verdicts and responses of a log, but no headers and no bodies of requests with a verdict, which
    /// takes a fraction of the time.
    #[must_use]
    pub fn summaries(self) -> Self {
        Self { detail: LineDetail::Summary, ..self }
    }

    /// Counts the lines of a log from here on, if the input is a part of a longer one.
    #[must_use]
    pub fn after_lines(self, lines: u64) -> Self {
        Self { line: lines, ..self }
    }

    /// Returns the line of a log that was read last, and its offset in the input; `None` for other formats.
    #[must_use]
    pub fn last_line(&self) -> Option<(u64, &[u8])> {
        let is_log = matches!(self.state, ReaderState::Lines);
        is_log.then(|| (self.offset - self.buffer.len() as u64, self.buffer.as_slice()))
    }

    fn read(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        if matches!(self.state, ReaderState::Start) {
            self.detect_format()?;
            if self.format == CaptureFormat::JsonLines {
                self.state = ReaderState::Lines;
            } else {
                self.read_rest()?;
                return self.read_buffered();
            }
        }
        match self.state {
            ReaderState::Start | ReaderState::Done => Ok(None),
            ReaderState::Lines => self.read_record_line(),
            ReaderState::Commands(_) => self.read_command(),
            ReaderState::Requests(_) => self.read_request(),
            ReaderState::Archive(_) => self.read_entry(),
            ReaderState::Array(_) => self.read_record(),
        }
    }

    /// Detects the format from the first bytes. A byte order mark is removed, the other bytes are put back.
    fn detect_format(&mut self) -> Result<(), ReadError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let mut start = Vec::new();
        loop {
            let more = self.input.fill_buf().map_err(|error| failed(&error))?;
            let (count, end) = (more.len(), more.is_empty());
            start.extend_from_slice(more);
            self.input.consume(count);
            if MARK.starts_with(&start) && !end {
                continue;
            }
            let text = start.strip_prefix(MARK).unwrap_or(&start);
            let found =
                if self.format == CaptureFormat::Auto { CaptureFormat::detect(text, end) } else { Some(self.format) };
            if let Some(format) = found {
                self.is_format_given = self.format != CaptureFormat::Auto;
                self.format = format;
                self.offset = (start.len() - text.len()) as u64;
                self.input.put_back(text.to_vec());
                return Ok(());
            }
        }
    }

    fn read_record_line(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        self.reject_entry_number()?;
        loop {
            self.buffer.clear();
            let read = self.read_line()?;
            if read == 0 {
                self.state = ReaderState::Done;
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && opens_record(&self.buffer) && !self.starts_record()? {
                self.read_rest()?;
                // An archive may have other keys before its `log`.
                let archive = !self.is_format_given && har::is_archive(&self.buffer);
                self.format = if archive { CaptureFormat::Har } else { CaptureFormat::Json };
                return self.read_buffered();
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let indent = self.buffer.len() - self.buffer.trim_ascii_start().len();
            let start = TextPosition { line: self.line, column: indent as u64 + 1 };
            match record::read_line(text, self.detail) {
                Ok(Some((JsonRequest { capture, parsed_body }, outcome))) => {
                    return Ok(Some(CaptureEntry { parsed_body, outcome, ..captured(Some(self.line), capture) }));
                }
                Ok(None) => {}
                Err(error) => return Err(ReadError::new(error.relative_to(start), false)),
            }
        }
    }

    /// Returns whether the next line begins another record; then the one before it was cut off.
    fn starts_record(&mut self) -> Result<bool, ReadError> {
        Ok(self.input.fill_buf().map_err(|error| failed(&error))?.starts_with(b"{"))
    }

    /// Reads the buffer, which holds the whole input.
    fn read_buffered(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        self.state = ReaderState::Done;
        let wrong = |error| ReadError::new(error, true);
        match self.format {
            CaptureFormat::Curl => {
                self.reject_entry_number()?;
                self.state = ReaderState::Commands(CurlCommands::new());
                self.read_command()
            }
            CaptureFormat::Har => {
                let entries = har::entries(&self.buffer).map_err(wrong)?;
                self.state = ReaderState::Archive(self.chosen(entries)?);
                self.read_entry()
            }
            CaptureFormat::Json if self.buffer.trim_ascii_start().starts_with(b"[") => {
                let entries = Entries::of_array(&self.buffer).map_err(wrong)?;
                self.state = ReaderState::Array(self.chosen(entries)?);
                self.read_record()
            }
            CaptureFormat::Json => {
                self.reject_entry_number()?;
                let JsonRequest { capture, parsed_body } = record::read_json(&self.buffer).map_err(wrong)?;
                Ok(Some(CaptureEntry { parsed_body, ..captured(None, capture) }))
            }
            _ => {
                self.reject_entry_number()?;
                if self.buffer.trim_ascii().is_empty() {
                    return Err(ReadError::of_input("the request is empty"));
                }
                self.state = ReaderState::Requests(HttpRequests::new());
                self.read_request()
            }
        }
    }

    /// Skips to the chosen entry, if one was chosen.
    fn chosen(&self, mut entries: Entries) -> Result<Entries, ReadError> {
        if let Some(number) = self.entry {
            let many = entries.len();
            if !(1..=many as u64).contains(&number) {
                return Err(ReadError::of_input(format!("there is no entry {number}, it has {many}")));
            }
            entries.skip(number - 1);
        }
        Ok(entries)
    }

    fn read_request(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        let ReaderState::Requests(requests) = &mut self.state else { return Ok(None) };
        let first = self.line == 0;
        match requests.next(&self.buffer) {
            None if first => {
                self.state = ReaderState::Done;
                Err(ReadError::of_input("the request is empty"))
            }
            None => Ok(None),
            Some(Ok(request)) => {
                self.line = request.line;
                let only = first && requests.is_at_end(&self.buffer);
                let line = Some(request.line).filter(|_| !only);
                Ok(Some(CaptureEntry {
                    warnings: request.warnings,
                    rest: request.rest,
                    ..captured(line, request.capture)
                }))
            }
            Some(Err(error)) => {
                self.line = error.position.line;
                Err(ReadError::new(error, !requests.is_file()))
            }
        }
    }

    fn read_command(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        let ReaderState::Commands(commands) = &mut self.state else { return Ok(None) };
        let first = self.line == 0;
        match commands.next(&self.buffer) {
            None if first => {
                self.state = ReaderState::Done;
                Err(ReadError::of_input("there is no command in it"))
            }
            None => Ok(None),
            Some(Ok(command)) => {
                self.line = command.line;
                let only = first && commands.is_at_end(&self.buffer);
                Ok(Some(captured(Some(command.line).filter(|_| !only), command.capture)))
            }
            Some(Err(error)) => {
                self.line = error.position.line;
                Err(ReadError::new(error, false))
            }
        }
    }

    fn read_entry(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        let ReaderState::Archive(entries) = &mut self.state else { return Ok(None) };
        let Some(entry) = entries.next(&self.buffer) else { return Ok(None) };
        let read = har::read(entry.text).map_err(|error| ReadError::new(entry.error(error), false));
        let number = entry.number;
        if self.entry.is_some() {
            self.state = ReaderState::Done;
        }
        let (capture, warnings) = read?;
        Ok(Some(CaptureEntry { entry: Some(number), warnings, ..captured(None, capture) }))
    }

    fn read_record(&mut self) -> Result<Option<CaptureEntry>, ReadError> {
        loop {
            let ReaderState::Array(entries) = &mut self.state else { return Ok(None) };
            let Some(entry) = entries.next(&self.buffer) else { return Ok(None) };
            let read = record::read_line(entry.text, self.detail);
            let read = read.map_err(|error| ReadError::new(entry.error(error), false));
            let number = entry.number;
            if self.entry.is_some() {
                self.state = ReaderState::Done;
            }
            if let Some((JsonRequest { capture, parsed_body }, outcome)) = read? {
                return Ok(Some(CaptureEntry { entry: Some(number), parsed_body, outcome, ..captured(None, capture) }));
            }
        }
    }

    /// Rejects the number of an entry if there are no entries.
    fn reject_entry_number(&self) -> Result<(), ReadError> {
        match self.entry {
            Some(_) => {
                Err(ReadError::of_input("it is neither an HTTP Archive nor an array, and only these have entries"))
            }
            None => Ok(()),
        }
    }

    fn read_line(&mut self) -> Result<usize, ReadError> {
        let read = self.input.by_ref().take(MAX_INPUT_BYTES).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| failed(&error))?;
        self.offset += read as u64;
        if read as u64 == MAX_INPUT_BYTES && !self.buffer.ends_with(b"\n") {
            let position = TextPosition { line: self.line + 1, column: 1 };
            return Err(ReadError::new(ParseError::new(position, TOO_LARGE), true));
        }
        Ok(read)
    }

    fn read_rest(&mut self) -> Result<(), ReadError> {
        let read = self.input.by_ref().take(MAX_INPUT_BYTES).read_to_end(&mut self.buffer);
        let read = read.map_err(|error| failed(&error))?;
        if read as u64 == MAX_INPUT_BYTES { Err(ReadError::of_input(TOO_LARGE)) } else { Ok(()) }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<CaptureEntry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut result = self.read().transpose();
        if let Some(Ok(found)) = &mut result {
            found.warnings.extend(cgi::restore_names(&mut found.capture.headers));
        }
        if let Some(Err(error)) = &result
            && error.fatal
        {
            self.state = ReaderState::Done;
        }
        result
    }
}

const TOO_LARGE: &str = "it is larger than 64 MiB";

fn captured(line: Option<u64>, capture: CapturedRequest) -> CaptureEntry {
    CaptureEntry {
        line,
        entry: None,
        capture,
        warnings: Vec::new(),
        parsed_body: false,
        rest: None,
        outcome: LoggedOutcome::default(),
    }
}

fn failed(error: &io::Error) -> ReadError {
    ReadError::of_input(format!("it cannot be read: {error}"))
}

/// Returns whether a first line begins a record that continues on the next lines, as pretty-printed JSON does.
fn opens_record(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"{")
        && !line.ends_with(b"}")
        && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<CaptureEntry, ReadError>> {
        Reader::new(text.as_bytes(), CaptureFormat::Auto).collect()
    }

    /// `source body` of each request, or the error.
    fn describe(text: &str) -> Vec<String> {
        let one = |found: Result<CaptureEntry, ReadError>| match found {
            Ok(found) => format!("{} {}", found.source("in"), String::from_utf8_lossy(&found.capture.body)),
            Err(error) => error.located("in"),
        };
        read(text).into_iter().map(one).collect()
    }

    #[test]
    fn one_record_may_be_on_one_line_or_on_several() {
        for text in [r#"{"headers":[],"body":"x"}"#, "{\n  \"headers\": [],\n  \"body\": \"x\"\n}\n"] {
            let found = read(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(&found[0].as_ref().unwrap().capture.body[..], b"x");
        }
    }

    #[test]
    fn a_broken_line_is_named_and_the_rest_is_read() {
        let good = r#"{"headers":[],"body":"x"}"#;
        let found = describe(&format!(
            "{good}\n{{\"kind\":\"ready\"}}\n\n{{\"headers\":1}}\n  {{\"v\":9,\"headers\":[],\"body\":\"\"}}\n{good}\n{{\"hea"
        ));
        assert_eq!(found.len(), 5, "{found:?}");
        assert_eq!((found[0].as_str(), found[3].as_str()), ("in:1 x", "in:6 x"));
        assert!(found[1].starts_with("in:4:12: `headers` is neither"), "{}", found[1]);
        assert_eq!(found[2], "in:5:3: its version is 9, and 1 is the only one known");
        assert!(found[4].starts_with("in:7:5: the JSON is cut off here"), "{}", found[4]);
    }

    #[test]
    fn a_first_line_that_was_cut_off_does_not_hide_the_others() {
        for torn in ["{\"v\":1,", "{\"v\":1,\"bo", "{"] {
            let found = describe(&format!("{torn}\n{{\"headers\":[],\"body\":\"x\"}}\n"));
            assert!(found[0].starts_with("in:1:"), "{found:?}");
            assert_eq!(found[1], "in:2 x");
        }
    }

    #[test]
    fn every_format_is_detected_after_a_byte_order_mark_and_in_small_pieces() {
        let entry = r#"{"request":{"method":"POST","url":"u","headers":[],"postData":{"text":"x"}}}"#;
        for (text, expected) in [
            ("POST / HTTP/1.1\n\nx".to_owned(), "in x"),
            ("curl -d x u".to_owned(), "in x"),
            ("curl -d x u\n\ncurl -d y v".to_owned(), "in:1 x,in:3 y"),
            (format!("{{ \"log\" : {{\"entries\":[{entry}]}}}}"), "in#1 x"),
            (format!("{{\n\"_\":1,\n\"log\":{{\"entries\":[{entry},\n{entry}]}}}}"), "in#1 x,in#2 x"),
            ("{\"headers\":{\"a\":\"b\",\"c\":[\"d\"]},\"body_b64\":\"eA==\"}\n".to_owned(), "in:1 x"),
            ("{\n\"headers\":[],\n\"body\":\"x\"}\n".to_owned(), "in x"),
            (" [{\"headers\":[],\"body\":\"x\"},\n{\"kind\":\"ready\"}]".to_owned(), "in#1 x"),
            ("# received: x\n\nPOST / HTTP/1.1\n\nx".to_owned(), "in x"),
            ("###\nPOST / HTTP/1.1\n\nx\n### a\n\nPOST /2 HTTP/1.1\n\nx".to_owned(), "in:2 x,in:7 x"),
        ] {
            for mark in ["", "\u{feff}"] {
                let text = format!("{mark}{text}");
                assert_eq!(describe(&text).join(","), expected, "{text}");
                let pieces = io::BufReader::with_capacity(1, text.as_bytes());
                let found: Vec<String> =
                    Reader::new(pieces, CaptureFormat::Auto).map(|found| found.unwrap().source("in") + " x").collect();
                assert_eq!(found.join(",").replace("3 x", "3 y"), expected, "{text}");
            }
        }
    }

    #[test]
    fn requests_end_at_their_length_or_at_a_separator_before_another() {
        for (text, expected) in [
            (
                "POST / HTTP/1.1\nContent-Length: 1\n\nx\n###\nbad\n###\n// b\nPOST /2 HTTP/1.1\n\ny",
                "in:1 x,in:6:1: expected a request line or `Name: value`,in:9 y",
            ),
            ("POST / HTTP/1.1\n\nx\n### y\nz", "in x\n### y\nz"),
            ("POST / HTTP/1.1\n\nx\r\n###\n\nPUT /2 HTTP/1.1\n\ny\n", "in:1 x,in:6 y\n"),
            ("POST / HTTP/1.1\nContent-Length: 2\n\nx\n###\nPUT /2 HTTP/1.1\n\ny", "in:1 x\n,in:6 y"),
            ("POST / HTTP/1.1\nContent-Length: 24\n\nx\n###\nPUT /2 HTTP/1.1\n\ny", "in x\n###\nPUT /2 HTTP/1.1\n\ny"),
            ("# body-bytes: 23\nPOST / HTTP/1.1\n\n###\nPUT /2 HTTP/1.1\n\nyy\n###\n", "in ###\nPUT /2 HTTP/1.1\n\nyy"),
            ("GET / HTTP/1.1\na: b\n###\nGET /2 HTTP/1.1\n", "in:1 ,in:4 "),
        ] {
            assert_eq!(describe(text).join(","), expected, "{text}");
        }
    }

    #[test]
    fn an_entry_is_chosen_by_its_number() {
        let entry = |body: &str| {
            format!(r#"{{"request":{{"method":"POST","url":"u","headers":[],"postData":{{"text":"{body}"}}}}}}"#)
        };
        let archive = format!("{{\"log\":{{\"entries\":[{},1,{}]}}}}", entry("a"), entry("b"));
        let choose = |text: &str, number| {
            let found =
                Reader::new(text.as_bytes(), CaptureFormat::Auto).entry(Some(number)).map(|found| match found {
                    Ok(found) => found.source("in"),
                    Err(error) => error.located("in"),
                });
            found.collect::<Vec<_>>().join(",")
        };
        assert_eq!(choose(&archive, 3), "in#3");
        assert_eq!(choose(&archive, 4), "in: there is no entry 4, it has 3");
        assert_eq!(choose(&archive, 0), "in: there is no entry 0, it has 3");
        for other in ["POST / HTTP/1.1\n\n", "curl x", "{\"headers\":[],\"body\":\"\"}", "{\n}"] {
            assert_eq!(choose(other, 1), "in: it is neither an HTTP Archive nor an array, and only these have entries");
        }
        assert!(describe(&archive)[1].starts_with("in:1:"), "{:?}", describe(&archive));
    }
}
