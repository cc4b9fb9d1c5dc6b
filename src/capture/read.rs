//! Reads captured requests from a file or a stream, whatever their format.

use std::fmt;
use std::io::{self, BufRead};
use std::str::FromStr;

use super::Capture;
use super::http_text;

/// The form of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Found out from the first bytes.
    Auto,
    /// A raw HTTP request.
    Http,
    /// One JSON record.
    Json,
    /// A log: one JSON record a line.
    JsonLines,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "http" => Ok(Self::Http),
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(format!("unknown format `{text}`, expected one of `auto`, `http`, `json`, `jsonl`")),
        }
    }
}

/// A request that was read, and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The line, from 1, where the input has more than one request.
    pub line: Option<u64>,
    /// The request.
    pub capture: Capture,
    /// What did not fit together in it, a line each.
    pub remarks: Vec<String>,
}

/// Input that is not a request.
#[derive(Debug)]
pub struct ReadError {
    /// The line, from 1, where the input has more than one request.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// Whether nothing more can be read.
    pub fatal: bool,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The largest request that is read into memory: 64 MiB, far above what any provider sends.
const LARGEST: u64 = 64 << 20;

/// Reads requests one at a time; of a log only one line is in memory.
pub struct Reader<R> {
    input: R,
    format: Format,
    line: u64,
    buffer: Vec<u8>,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads `input` as `format`.
    pub fn new(input: R, format: Format) -> Self {
        Self { input, format, line: 0, buffer: Vec::new(), done: false }
    }

    fn read(&mut self) -> Result<Option<Captured>, ReadError> {
        if self.done {
            return Ok(None);
        }
        if self.format == Format::Auto {
            self.format = self.recognise()?;
        }
        if self.format == Format::JsonLines { self.line() } else { self.whole() }
    }

    /// A `{` begins JSON; whether it is one record or a log shows when the first line is complete in itself.
    fn recognise(&mut self) -> Result<Format, ReadError> {
        let start = self.input.fill_buf().map_err(|error| failed(&error))?;
        Ok(if start.trim_ascii_start().starts_with(b"{") { Format::JsonLines } else { Format::Http })
    }

    fn line(&mut self) -> Result<Option<Captured>, ReadError> {
        loop {
            self.buffer.clear();
            let read = self.take_line()?;
            if read == 0 {
                self.done = true;
                return Ok(None);
            }
            self.line += 1;
            if self.line == 1 && is_opened(&self.buffer) && !self.begins_anew()? {
                self.format = Format::Json;
                return self.whole();
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() || is_other_kind(text) {
                continue;
            }
            let line = Some(self.line);
            return Capture::from_json(text)
                .map(|capture| Some(Captured { line, capture, remarks: Vec::new() }))
                .map_err(|message| ReadError { line, message: located(&message), fatal: false });
        }
    }

    /// Whether the next line begins a record of its own, as it does where the one before it was cut off.
    fn begins_anew(&mut self) -> Result<bool, ReadError> {
        Ok(self.input.fill_buf().map_err(|error| failed(&error))?.starts_with(b"{"))
    }

    fn whole(&mut self) -> Result<Option<Captured>, ReadError> {
        self.done = true;
        self.read_rest()?;
        let wrong = |message| ReadError { line: None, message, fatal: true };
        let (capture, remarks) = match self.format {
            Format::Json => (Capture::from_json(&self.buffer).map_err(wrong)?, Vec::new()),
            _ => http_text::parse(&self.buffer).map_err(wrong)?,
        };
        Ok(Some(Captured { line: None, capture, remarks }))
    }

    fn take_line(&mut self) -> Result<usize, ReadError> {
        let read = io::Read::take(&mut self.input, LARGEST).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| failed(&error))?;
        if read as u64 == LARGEST && !self.buffer.ends_with(b"\n") {
            return Err(too_large(self.line + 1));
        }
        Ok(read)
    }

    fn read_rest(&mut self) -> Result<(), ReadError> {
        let read = io::Read::read_to_end(&mut io::Read::take(&mut self.input, LARGEST), &mut self.buffer);
        let read = read.map_err(|error| failed(&error))?;
        if read as u64 == LARGEST { Err(too_large(self.line + 1)) } else { Ok(()) }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Captured, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.read().transpose();
        if let Some(Err(error)) = &result
            && error.fatal
        {
            self.done = true;
        }
        result
    }
}

fn failed(error: &io::Error) -> ReadError {
    ReadError { line: None, message: format!("it cannot be read: {error}"), fatal: true }
}

fn too_large(line: u64) -> ReadError {
    ReadError { line: Some(line), message: "it is larger than 64 MiB".to_owned(), fatal: true }
}

/// Whether a first line opens a record that goes on over the next lines, as pretty-printed JSON does.
fn is_opened(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.ends_with(b"}") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// `ready`, `summary` and the like, which `listen --json` prints between the requests.
fn is_other_kind(text: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: Option<String>,
        headers: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Kind>(text)
        .is_ok_and(|line| line.headers.is_none() && line.kind.is_some_and(|kind| kind != "request"))
}

/// `serde_json` counts lines within the text it was given, which is a single one here.
fn located(message: &str) -> String {
    message.replace(" at line 1 column ", " at column ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Captured, ReadError>> {
        Reader::new(text.as_bytes(), Format::Auto).collect()
    }

    #[test]
    fn one_record_may_stand_on_one_line_or_on_several() {
        for text in [r#"{"headers":[],"body":"x"}"#, "{\n  \"headers\": [],\n  \"body\": \"x\"\n}\n"] {
            let found = read(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(&found[0].as_ref().unwrap().capture.body[..], b"x");
        }
    }

    #[test]
    fn a_broken_line_is_named_and_the_rest_is_read() {
        let good = r#"{"headers":[],"body":"x"}"#;
        let found = read(&format!(
            "{good}\n{{\"kind\":\"ready\"}}\n\n{{\"headers\":1}}\n{{\"v\":9,\"headers\":[],\"body\":\"\"}}\n{good}\n{{\"hea"
        ));
        let lines: Vec<String> = found
            .iter()
            .map(|found| match found {
                Ok(captured) => format!("{:?}", captured.line),
                Err(error) => error.to_string(),
            })
            .collect();
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert_eq!((lines[0].as_str(), lines[3].as_str()), ("Some(1)", "Some(6)"));
        assert!(lines[1].starts_with("line 4: invalid type") && lines[1].contains("column 12"), "{}", lines[1]);
        assert_eq!(lines[2], "line 5: its version is 9, and 1 is the only one known");
        assert!(lines[4].starts_with("line 7: EOF"), "{}", lines[4]);
    }

    #[test]
    fn a_first_line_that_was_cut_off_does_not_hide_the_others() {
        for torn in ["{\"v\":1,", "{\"v\":1,\"bo", "{"] {
            let found = read(&format!("{torn}\n{{\"headers\":[],\"body\":\"x\"}}\n"));
            assert!(found[0].as_ref().is_err_and(|error| error.line == Some(1)), "{found:?}");
            assert!(found[1].as_ref().is_ok_and(|captured| captured.line == Some(2)), "{found:?}");
        }
    }
}
