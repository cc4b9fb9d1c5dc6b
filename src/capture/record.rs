//! A request with its verdict and its response: a line of the log, and of `listen --json`.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::program_json::{self, JsonRequest};
use super::text_position::{ParseError, TextCursor, TextPosition};
use super::{Headers, third_party};
use crate::signing::{Header, Request};

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedRequest {
    /// The time at which it was received, if that is known.
    pub received_at: Option<Timestamp>,
    /// The sender's address and port; empty if they are not known.
    pub remote_addr: String,
    /// The method.
    pub method: Cow<'static, str>,
    /// The request target, byte for byte.
    pub target: String,
    /// The headers.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl CapturedRequest {
    /// The request as the signing core sees it, with its headers as [`Headers::borrowed`] gives them.
    #[must_use]
    pub fn request<'a>(&'a self, headers: &'a [Header<'a>]) -> Request<'a> {
        Request { method: &self.method, url: &self.target, headers, body: &self.body }
    }

    /// Calls `with` with the request as the signing core sees it.
    pub fn with_request<T>(&self, with: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers = self.headers.borrowed();
        with(&self.request(&headers))
    }
}

/// The verdict on a request, as the log keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RecordedVerdict {
    /// `valid`, `invalid`, `unsigned` or `unchecked`.
    pub status: Cow<'static, str>,
    /// The provider's name.
    pub provider: Option<String>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
    /// The cause, by its name for scripts.
    pub cause: Option<String>,
    /// The verdict in one sentence.
    #[serde(default)]
    pub message: Cow<'static, str>,
    /// The way in which the provider was detected, if none was named.
    pub detected: Option<String>,
    /// A note on headers that contradict those that were used.
    pub note: Option<String>,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RecordedResponse {
    /// The status; absent if there was no response, on purpose.
    pub status: Option<u16>,
    /// The responder: `listen`, `forward` or `script`.
    #[serde(rename = "by", default)]
    pub responder: Cow<'static, str>,
    /// The duration in milliseconds: from the last byte of the request, or that of the handler, if it was forwarded.
    #[serde(default)]
    pub duration_ms: f64,
    /// The reason why the handler did not respond, or the deliberate fault of the response.
    pub error: Option<String>,
    /// True if the provider's timeout is shorter.
    #[serde(default)]
    pub slow: bool,
    /// The text of a handler's response that is not 2xx, cut if it is long.
    pub body: Option<String>,
}

impl RecordedResponse {
    /// Creates a response without an error, after this time.
    #[must_use]
    pub fn new(status: Option<u16>, responder: &'static str, after: Duration) -> Self {
        let duration_ms = (after.as_secs_f64() * 1e6).round() / 1e3;
        Self { status, responder: responder.into(), duration_ms, error: None, slow: false, body: None }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number since the listener started, from 1.
    pub seq: u64,
    /// The request.
    pub capture: Box<CapturedRequest>,
    /// The verdict.
    pub verdict: RecordedVerdict,
    /// True if a valid request with this id was received before.
    pub duplicate: bool,
    /// The response.
    pub response: RecordedResponse,
}

impl Record {
    /// Returns whether the request is not valid, or was not accepted.
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.verdict.status != "valid" || !self.response.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// The version of the record format.
pub(super) const VERSION: u8 = 1;

/// The parts of a line of a log beside the request itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedOutcome {
    /// The record's number.
    pub seq: Option<u64>,
    /// The verdict, if there is one.
    pub verdict: Option<RecordedVerdict>,
    /// True if a valid request with this id was received before.
    pub duplicate: bool,
    /// The response, if there is one.
    pub response: Option<RecordedResponse>,
}

impl LoggedOutcome {
    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().and_then(|response| response.status)
    }

    /// Reads a line of a log with its verdict and response.
    ///
    /// # Errors
    /// As [`CapturedRequest::from_line`].
    pub fn from_line(text: &[u8]) -> Result<Option<(CapturedRequest, Self)>, ParseError> {
        let Ok(mut line) = read::<RecordLine<u64, RecordedVerdict, bool, RecordedResponse>>(text) else {
            // The other fields are not ours, but the request may still be valid.
            return Ok(CapturedRequest::from_line(text)?.map(|capture| (capture, Self::default())));
        };
        if line.is_of_another_kind() {
            return Ok(None);
        }
        let outcome = Self {
            seq: line.seq.take(),
            verdict: line.verdict.take(),
            duplicate: line.duplicate.take().unwrap_or_default(),
            response: line.response.take(),
        };
        match line.capture() {
            Ok(capture) => Ok(Some((capture, outcome))),
            Err(message) => Err(without_request(TextPosition::START, message)),
        }
    }

    /// Reads a line that a listener wrote, without its headers and its body, which are most of it; `None` if it is
    /// another line, or has no verdict.
    #[must_use]
    pub fn summary_of_line(text: &[u8]) -> Option<(CapturedRequest, Self)> {
        if !text.starts_with(OWN_START) {
            return None;
        }
        let line = read::<SummaryLine>(text).ok()?;
        if line.v != VERSION || line.kind != "request" {
            return None;
        }
        let capture = CapturedRequest {
            received_at: line.at,
            remote_addr: String::new(),
            method: line.method.into(),
            target: line.target,
            headers: Headers::default(),
            body: Bytes::new(),
        };
        let SummaryLine { seq, verdict, duplicate, response, .. } = line;
        Some((capture, Self { seq: Some(seq), verdict: Some(verdict), duplicate, response: Some(response) }))
    }
}

/// The start of a line that a listener wrote.
const OWN_START: &[u8] = b"{\"v\":1,";

/// The fields of a line that a listener wrote, without the request's headers and body.
#[derive(Deserialize)]
struct SummaryLine {
    v: u8,
    kind: String,
    seq: u64,
    at: Option<Timestamp>,
    method: String,
    target: String,
    /// Both must be there.
    #[serde(rename = "headers")]
    _headers: IgnoredAny,
    #[serde(rename = "body", alias = "body_b64")]
    _body: IgnoredAny,
    verdict: RecordedVerdict,
    duplicate: bool,
    response: RecordedResponse,
}

/// The fields of a line that are read; all but the request are optional. The types of the fields beside the request are
/// parameters, so that they can be ignored.
#[derive(Deserialize)]
struct RecordLine<S = IgnoredAny, V = IgnoredAny, D = IgnoredAny, R = IgnoredAny> {
    v: Option<u64>,
    kind: Option<String>,
    #[serde(default)]
    at: Option<Timestamp>,
    #[serde(default)]
    remote: String,
    #[serde(default = "post")]
    method: String,
    #[serde(default = "root")]
    target: String,
    /// The full URL, if the record is of a request that was sent.
    url: Option<String>,
    headers: Option<Headers>,
    body: Option<String>,
    body_b64: Option<String>,
    /// Fields that other tools write beside these.
    #[serde(rename = "type", default)]
    event: Option<EventTag>,
    payload: Option<IgnoredAny>,
    resource_id: Option<IgnoredAny>,
    seq: Option<S>,
    verdict: Option<V>,
    duplicate: Option<D>,
    response: Option<R>,
}

/// A string, or any other value, which is ignored.
#[derive(Deserialize)]
#[serde(untagged)]
enum EventTag {
    Is(String),
    IsNot(IgnoredAny),
}

/// Reads JSON, which is UTF-8 (RFC 8259, section 8.1). It is validated once as a whole, instead of string by string.
fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, ParseError> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let mut cursor = TextCursor::START;
        cursor.advance(text, error.valid_up_to());
        ParseError::new(cursor.position(), "this is not UTF-8, as JSON must be")
    })?;
    Ok(serde_json::from_str(text)?)
}

fn post() -> String {
    "POST".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

impl CapturedRequest {
    /// Reads a record, as the log and `listen --json` hold it, or the JSON that another program writes.
    ///
    /// # Errors
    /// The text is no record; with the position of the problem.
    pub fn from_json(text: &[u8]) -> Result<Self, ParseError> {
        Ok(read_json(text)?.capture)
    }

    /// Reads a line of a log, or of another tool's output; `None` if it is not a request.
    ///
    /// # Errors
    /// The text is no record; with the position of the problem.
    pub fn from_line(text: &[u8]) -> Result<Option<Self>, ParseError> {
        let line: RecordLine = read(text)?;
        if line.is_of_another_kind() {
            return Ok(None);
        }
        line.capture().map(Some).map_err(|message| without_request(TextPosition::START, message))
    }
}

/// Reads a record, as [`CapturedRequest::from_json`] does.
///
/// # Errors
/// The text is no record; with the position of the problem.
pub(super) fn read_json(text: &[u8]) -> Result<JsonRequest, ParseError> {
    let found = read::<RecordLine>(text).and_then(|line| {
        line.capture().map_err(|message| {
            let start = text.len() - text.trim_ascii_start().len();
            let mut cursor = TextCursor::START;
            cursor.advance(text, start);
            without_request(cursor.position(), message)
        })
    });
    let found = of_programs(text, found.map(|capture| Some((capture, ()))))?;
    let (request, ()) = found.expect("a record that is read is one");
    Ok(request)
}

/// The parts of a line that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LineDetail {
    /// The request.
    #[default]
    Request,
    /// The request, its verdict and its response.
    Outcome,
    /// The same, without the headers and the body if the verdict is known.
    Summary,
}

/// Reads a line of a log; `None` if it is not a request.
///
/// # Errors
/// The text is no record; with the position of the problem.
pub(super) fn read_line(text: &[u8], detail: LineDetail) -> Result<Option<(JsonRequest, LoggedOutcome)>, ParseError> {
    if detail == LineDetail::Summary
        && let Some((capture, outcome)) = LoggedOutcome::summary_of_line(text)
    {
        return Ok(Some((JsonRequest::with_raw_body(capture), outcome)));
    }
    let found = if detail == LineDetail::Request {
        CapturedRequest::from_line(text).map(|capture| capture.map(|capture| (capture, LoggedOutcome::default())))
    } else {
        LoggedOutcome::from_line(text)
    };
    of_programs(text, found)
}

/// Reads a record again in the form of other programs, if it is not one of ours.
fn of_programs<T: Default>(
    text: &[u8],
    found: Result<Option<(CapturedRequest, T)>, ParseError>,
) -> Result<Option<(JsonRequest, T)>, ParseError> {
    let is_own = text.starts_with(OWN_START);
    match found {
        Ok(None) => Ok(None),
        Ok(Some((capture, beside))) if is_own || !program_json::is_marked(text) => {
            Ok(Some((JsonRequest::with_raw_body(capture), beside)))
        }
        Ok(Some((capture, beside))) => {
            let request = program_json::read(text)?.unwrap_or_else(|| JsonRequest::with_raw_body(capture));
            Ok(Some((request, beside)))
        }
        Err(error) if is_own => Err(error),
        Err(error) => match program_json::read(text)? {
            Some(request) if !error.message.contains("version") => Ok(Some((request, T::default()))),
            _ => Err(error),
        },
    }
}

const NO_HEADERS: &str = "no `headers` in this JSON";

fn without_request(position: TextPosition, message: String) -> ParseError {
    let error = ParseError::new(position, message);
    if error.message == NO_HEADERS { error.hint("whk verify --body FILE -H 'Name: value'") } else { error }
}

impl<S, V, D, R> RecordLine<S, V, D, R> {
    /// Returns whether it is `ready`, `summary` or another line between the requests.
    fn is_of_another_kind(&self) -> bool {
        let state = matches!(&self.event, Some(EventTag::Is(event)) if third_party::is_state(event));
        self.headers.is_none() && (state || self.kind.as_ref().is_some_and(|kind| kind != "request"))
    }

    fn capture(self) -> Result<CapturedRequest, String> {
        if let Some(version) = self.v.filter(|version| *version != u64::from(VERSION)) {
            return Err(format!("its version is {version}, and {VERSION} is the only one known"));
        }
        if let Some(kind) = self.kind.filter(|kind| kind != "request") {
            return Err(format!("it is of the kind `{kind}`, not a request"));
        }
        let Some(headers) = self.headers else {
            let why = third_party::missing_headers_reason(self.payload.is_some(), self.resource_id.is_some());
            return Err(why.unwrap_or(NO_HEADERS).to_owned());
        };
        let body = match (self.body, self.body_b64) {
            (Some(text), None) => Bytes::from(text),
            (None, Some(encoded)) => {
                Bytes::from(STANDARD.decode(encoded).map_err(|error| format!("`body_b64` is not base64: {error}"))?)
            }
            (None, None) => return Err("it has neither `body` nor `body_b64`".to_owned()),
            (Some(_), Some(_)) => return Err("it has both `body` and `body_b64`".to_owned()),
        };
        Ok(CapturedRequest {
            received_at: self.at,
            remote_addr: self.remote,
            method: self.method.into(),
            target: self.url.unwrap_or(self.target),
            headers,
            body,
        })
    }
}
