//! Records written in the forms that the readers read back: with the same bytes, so that they get the same verdict.

mod curl;
mod har;
mod http;

use std::str::FromStr;

use super::record_json::write_record;
use super::{CapturedRequest, Record, RecordedResponse, RecordedVerdict};
use crate::error::{Error, Result};
use crate::sanitize::sanitize;

pub use curl::{MAX_CURL_ARGUMENT, curl_header, curl_line, curl_path_options, without_curl_headers};

/// A form in which records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExportFormat {
    /// A record a line, as in a log.
    #[default]
    JsonLines,
    /// HTTP as it goes over the wire, with a line `###` between requests.
    Http,
    /// Command lines that a shell runs.
    Curl,
    /// An HTTP Archive, HAR 1.2.
    Har,
    /// An array of records.
    Json,
}

/// A record that is written.
#[derive(Clone, Copy, Debug)]
pub struct ExportedRecord<'a> {
    /// Its number.
    pub seq: u64,
    /// The request.
    pub capture: &'a CapturedRequest,
    /// The verdict.
    pub verdict: &'a RecordedVerdict,
    /// True if a valid request with this id was received before.
    pub duplicate: bool,
    /// The response, if it was recorded.
    pub response: Option<&'a RecordedResponse>,
}

impl<'a> From<&'a Record> for ExportedRecord<'a> {
    fn from(record: &'a Record) -> Self {
        let Record { seq, capture, verdict, duplicate, response } = record;
        Self { seq: *seq, capture, verdict, duplicate: *duplicate, response: Some(response) }
    }
}

impl ExportFormat {
    /// The formats by their names.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("jsonl", Self::JsonLines),
        ("http", Self::Http),
        ("curl", Self::Curl),
        ("har", Self::Har),
        ("json", Self::Json),
    ];

    /// Returns the text before the first record.
    #[must_use]
    pub fn start(self) -> &'static str {
        match self {
            Self::Har => har::START,
            Self::Json => "[\n",
            Self::JsonLines | Self::Http | Self::Curl => "",
        }
    }

    /// Returns the text between two records.
    #[must_use]
    pub fn separator(self) -> &'static str {
        match self {
            Self::JsonLines | Self::Curl => "\n",
            Self::Http => "\n###\n",
            Self::Har | Self::Json => ",\n",
        }
    }

    /// Returns the text after the last record, of which there are `count`.
    #[must_use]
    pub fn end(self, count: u64) -> &'static str {
        match (self, count) {
            (Self::JsonLines | Self::Http | Self::Curl, 0) => "",
            (Self::JsonLines | Self::Http | Self::Curl, _) => "\n",
            (Self::Har, 0) => "]}}\n",
            (Self::Har, _) => "\n]}}\n",
            (Self::Json, 0) => "]\n",
            (Self::Json, _) => "\n]\n",
        }
    }

    /// Writes a record, without what is between two of them.
    ///
    /// # Errors
    /// The format cannot hold the request, such as a line break in a header; then nothing is written.
    pub fn write(self, record: &ExportedRecord<'_>, to: &mut Vec<u8>) -> Result {
        let unwritable = |why: String| {
            let name = Self::NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name);
            Error::new(format!("cannot write request {} as {name}", record.seq)).cause(why).hint("use --format jsonl")
        };
        match self {
            Self::JsonLines | Self::Json => {
                let ExportedRecord { seq, capture, verdict, duplicate, response } = *record;
                write_record(to, seq, capture, verdict, duplicate, response)
                    .map_err(|error| Error::new("cannot write JSON").cause(error))
            }
            Self::Http => http::write(record, to).map_err(unwritable),
            Self::Curl => curl::write(record, to).map_err(unwritable),
            Self::Har => har::write(record, to).map_err(|error| Error::new("cannot write JSON").cause(error)),
        }
    }

    /// Returns records as a whole text.
    ///
    /// # Errors
    /// As [`ExportFormat::write`].
    pub fn write_all<'a>(self, records: impl IntoIterator<Item = ExportedRecord<'a>>) -> Result<Vec<u8>> {
        let mut text = self.start().as_bytes().to_vec();
        let mut count = 0;
        for record in records {
            if count > 0 {
                text.extend_from_slice(self.separator().as_bytes());
            }
            self.write(&record, &mut text)?;
            count += 1;
        }
        text.extend_from_slice(self.end(count).as_bytes());
        Ok(text)
    }
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known
            .map(|(_, format)| *format)
            .ok_or_else(|| format!("unknown format `{text}`, expected one of `jsonl`, `http`, `curl`, `har`, `json`"))
    }
}

/// Returns the name of a record in a comment: `request 3: valid, ahasend message.delivered`.
fn title(record: &ExportedRecord<'_>) -> String {
    let RecordedVerdict { status, provider, event_type, .. } = record.verdict;
    let mut title = format!("request {}: {status}", record.seq);
    let names: Vec<&str> = [provider, event_type].into_iter().flatten().map(String::as_str).collect();
    if !names.is_empty() {
        title.push_str(", ");
        title.push_str(&names.join(" "));
    }
    sanitize(&title).into_owned()
}

/// Returns the reason why no form but JSON can hold these headers.
fn unwritable_headers(capture: &CapturedRequest) -> Option<String> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(super::raw_http::is_token);
    let is_value =
        |value: &[u8]| !value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) && value.trim_ascii() == value;
    let (name, _) = capture.headers.iter().find(|(name, value)| !is_name(name) || !is_value(value))?;
    Some(format!("its header `{}` is not possible in HTTP", sanitize(name)))
}
