//! A request with its verdict and its answer: a line of the log, and of `listen --json`.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::program_json::{self, JsonRequest};
use super::text_position::{Fault, Place, Position};
use super::{Headers, third_party};
use crate::signing::{Header, Request};

/// A request as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The time at which it was received, if that is known.
    pub at: Option<Timestamp>,
    /// The sender's address and port; empty if they are not known.
    pub remote: String,
    /// The method.
    pub method: Cow<'static, str>,
    /// The request target, byte for byte.
    pub target: String,
    /// The headers.
    pub headers: Headers,
    /// The body, byte for byte.
    pub body: Bytes,
}

impl Capture {
    /// The request as the signing core sees it, with its headers as [`Headers::borrowed`] gives them.
    #[must_use]
    pub fn request<'a>(&'a self, headers: &'a [Header<'a>]) -> Request<'a> {
        Request { method: &self.method, url: &self.target, headers, body: &self.body }
    }

    /// Calls `with` with the request as the signing core sees it.
    pub fn as_request<T>(&self, with: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers = self.headers.borrowed();
        with(&self.request(&headers))
    }
}

/// The verdict on a request, as the log keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    pub message: Cow<'static, str>,
    /// The way in which the provider was detected, if none was named.
    pub detected: Option<String>,
}

/// The response.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The status; absent if there was no response, on purpose.
    pub status: Option<u16>,
    /// The responder: `listen`, `forward` or `script`.
    pub by: Cow<'static, str>,
    /// The duration in milliseconds: from the last byte of the request, or that of the handler, if it was forwarded.
    pub duration_ms: f64,
    /// Why there is no answer of the handler, or what is wrong with the answer on purpose.
    pub error: Option<String>,
    /// True if the provider would not have waited so long.
    pub slow: bool,
    /// The text of a handler's response that is not 2xx, cut if it is long.
    pub body: Option<String>,
}

impl Response {
    /// An answer without anything to remark, after this time.
    #[must_use]
    pub fn new(status: Option<u16>, by: &'static str, after: Duration) -> Self {
        let duration_ms = (after.as_secs_f64() * 1e6).round() / 1e3;
        Self { status, by: by.into(), duration_ms, error: None, slow: false, body: None }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number since the listener started, from 1.
    pub seq: u64,
    /// The request.
    pub capture: Box<Capture>,
    /// The verdict.
    pub verdict: RecordedVerdict,
    /// True if a valid request with this id was received before.
    pub duplicate: bool,
    /// The response.
    pub response: Response,
}

/// The version of the record's form.
pub(super) const VERSION: u8 = 1;

/// The parts of a line of a log beside the request itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The record's number.
    pub seq: Option<u64>,
    /// The verdict, if there is one.
    pub judged: Option<Judged>,
    /// The status that was answered.
    pub status: Option<u16>,
}

/// A verdict, as far as a request that is sent again needs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Judged {
    /// `valid`, `invalid`, `unsigned` or `unchecked`.
    pub status: String,
    /// The provider's name.
    pub provider: Option<String>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
}

impl Known {
    /// Reads a line of a log with what it says beside the request.
    ///
    /// # Errors
    /// As [`Capture::from_line`].
    pub fn from_line(text: &[u8]) -> Result<Option<(Capture, Self)>, Fault> {
        let Ok(line) = read::<Line<u64, Judged, Answered>>(text) else {
            // The rest of the line is not ours; the request may be one all the same.
            return Ok(Capture::from_line(text)?.map(|capture| (capture, Self::default())));
        };
        if line.is_of_another_kind() {
            return Ok(None);
        }
        let status = line.response.as_ref().map(|answered| answered.status);
        let (mut line, mut known) = (line, Self { seq: None, judged: None, status });
        (known.seq, known.judged) = (line.seq.take(), line.verdict.take());
        match line.capture() {
            Ok(capture) => Ok(Some((capture, known))),
            Err(message) => Err(without_request(Place::START, message)),
        }
    }
}

#[derive(Deserialize)]
struct Answered {
    status: u16,
}

/// The part of a line that can be checked again; everything else in it may be absent. What stands beside the request is
/// read into the types that are given for it.
#[derive(Deserialize)]
struct Line<S = IgnoredAny, V = IgnoredAny, R = IgnoredAny> {
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
    event: Option<Text>,
    payload: Option<IgnoredAny>,
    resource_id: Option<IgnoredAny>,
    seq: Option<S>,
    verdict: Option<V>,
    response: Option<R>,
}

/// A text, or anything else, which does not matter.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Is(String),
    IsNot(IgnoredAny),
}

/// Reads JSON, which is UTF-8 (RFC 8259, section 8.1): looked at as a whole, its texts need not be looked at one by one.
fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Fault> {
    let text = std::str::from_utf8(text).map_err(|error| {
        let mut position = Position::START;
        position.advance(text, error.valid_up_to());
        Fault::new(position.place(), "this is not UTF-8, as JSON must be")
    })?;
    Ok(serde_json::from_str(text)?)
}

fn post() -> String {
    "POST".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

impl Capture {
    /// Reads a record, as the log and `listen --json` hold it, or the JSON that another program writes.
    ///
    /// # Errors
    /// The text is no record; with the position of the problem.
    pub fn from_json(text: &[u8]) -> Result<Self, Fault> {
        Ok(read_json(text)?.capture)
    }

    /// Reads a line of a log, or of what a tool writes; nothing where it is of another kind than a request.
    ///
    /// # Errors
    /// The text is no record; with the position of the problem.
    pub fn from_line(text: &[u8]) -> Result<Option<Self>, Fault> {
        let line: Line = read(text)?;
        if line.is_of_another_kind() {
            return Ok(None);
        }
        line.capture().map(Some).map_err(|message| without_request(Place::START, message))
    }
}

/// Reads a record, as [`Capture::from_json`] does.
///
/// # Errors
/// The text is no record; with the position of the problem.
pub(super) fn read_json(text: &[u8]) -> Result<JsonRequest, Fault> {
    let found = read::<Line>(text).and_then(|line| {
        line.capture().map_err(|message| {
            let start = text.len() - text.trim_ascii_start().len();
            let mut position = Position::START;
            position.advance(text, start);
            without_request(position.place(), message)
        })
    });
    let found = of_programs(text, found.map(|capture| Some((capture, ()))))?;
    let (request, ()) = found.expect("a record that is read is one");
    Ok(request)
}

/// Reads a line of a log, with what it says beside the request if `verdicts` are asked for; `None` if it is of another
/// kind than a request.
///
/// # Errors
/// The text is no record; with the position of the problem.
pub(super) fn read_line(text: &[u8], verdicts: bool) -> Result<Option<(JsonRequest, Known)>, Fault> {
    let found = if verdicts {
        Known::from_line(text)
    } else {
        Capture::from_line(text).map(|capture| capture.map(|capture| (capture, Known::default())))
    };
    of_programs(text, found)
}

/// Reads a record again as other programs write one, if it is none of ours.
fn of_programs<T: Default>(
    text: &[u8],
    found: Result<Option<(Capture, T)>, Fault>,
) -> Result<Option<(JsonRequest, T)>, Fault> {
    let ours = text.starts_with(b"{\"v\":1,");
    match found {
        Ok(None) => Ok(None),
        Ok(Some((capture, beside))) if ours || !program_json::is_marked(text) => {
            Ok(Some((JsonRequest::with_raw_body(capture), beside)))
        }
        Ok(Some((capture, beside))) => {
            let request = program_json::read(text)?.unwrap_or_else(|| JsonRequest::with_raw_body(capture));
            Ok(Some((request, beside)))
        }
        Err(fault) if ours => Err(fault),
        Err(fault) => match program_json::read(text)? {
            Some(request) if !fault.message.contains("version") => Ok(Some((request, T::default()))),
            _ => Err(fault),
        },
    }
}

const NO_HEADERS: &str = "no `headers` in this JSON";

fn without_request(place: Place, message: String) -> Fault {
    let fault = Fault::new(place, message);
    if fault.message == NO_HEADERS { fault.hint("whk verify --body FILE -H 'Name: value'") } else { fault }
}

impl<S, V, R> Line<S, V, R> {
    /// `ready`, `summary` and the like, which stand between the requests.
    fn is_of_another_kind(&self) -> bool {
        let state = matches!(&self.event, Some(Text::Is(event)) if third_party::is_state(event));
        self.headers.is_none() && (state || self.kind.as_ref().is_some_and(|kind| kind != "request"))
    }

    fn capture(self) -> Result<Capture, String> {
        if let Some(version) = self.v.filter(|version| *version != u64::from(VERSION)) {
            return Err(format!("its version is {version}, and {VERSION} is the only one known"));
        }
        if let Some(kind) = self.kind.filter(|kind| kind != "request") {
            return Err(format!("it is of the kind `{kind}`, not a request"));
        }
        let Some(headers) = self.headers else {
            let why = third_party::why_not(self.payload.is_some(), self.resource_id.is_some());
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
        Ok(Capture {
            at: self.at,
            remote: self.remote,
            method: self.method.into(),
            target: self.url.unwrap_or(self.target),
            headers,
            body,
        })
    }
}
