//! Selects records: the filter of `whk log` and of the page's search box.

use std::str::FromStr;

use jiff::Timestamp;

use super::TextSearch;
use crate::capture::{CapturedRequest, Headers, Record, RecordedResponse, RecordedVerdict};
use crate::provider::{EventPattern, JsonPath, StatusRanges};
use crate::verification::VerdictStatus;

/// Selects the records that match each of its parts. An empty filter selects all.
///
/// `text.parse()` reads the words of a search box; see [`RecordFilter::from_str`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordFilter {
    /// Verdicts, any of which matches; all if empty.
    pub verdicts: Vec<VerdictStatus>,
    /// Patterns of event types, any of which matches; all if empty.
    pub types: Vec<EventPattern>,
    /// Names of providers, any of which matches; all if empty.
    pub providers: Vec<String>,
    /// Event ids, any of which matches; all if empty.
    pub ids: Vec<String>,
    /// Statuses of the response.
    pub statuses: Option<StatusRanges>,
    /// Start of the time of receipt.
    pub since: Option<Timestamp>,
    /// End of the time of receipt, exclusive.
    pub until: Option<Timestamp>,
    /// Values in the JSON of the body, all of which must match.
    pub fields: Vec<FieldMatch>,
    /// Texts, each of which must be somewhere in the record.
    pub texts: Vec<TextSearch>,
}

/// The parts of a record that a filter examines.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// The time of receipt, if known.
    pub received_at: Option<Timestamp>,
    /// The method.
    pub method: &'a str,
    /// The request target.
    pub target: &'a str,
    /// The headers.
    pub headers: &'a Headers,
    /// The body.
    pub body: &'a [u8],
    /// The verdict: `valid`, `invalid`, `unsigned` or `unchecked`.
    pub verdict: &'a str,
    /// The name of the provider.
    pub provider: Option<&'a str>,
    /// The event type.
    pub event_type: Option<&'a str>,
    /// The event id.
    pub event_id: Option<&'a str>,
    /// The cause of the verdict, by its name for scripts.
    pub cause: Option<&'a str>,
    /// The verdict in one sentence.
    pub message: &'a str,
    /// The status of the response.
    pub status: Option<u16>,
    /// The error of the response.
    pub error: Option<&'a str>,
}

impl<'a> From<&'a Record> for RecordView<'a> {
    fn from(record: &'a Record) -> Self {
        Self::new(&record.capture, &record.verdict, Some(&record.response))
    }
}

impl<'a> RecordView<'a> {
    /// The view of a request with its verdict and its response.
    #[must_use]
    pub fn new(
        capture: &'a CapturedRequest,
        verdict: &'a RecordedVerdict,
        response: Option<&'a RecordedResponse>,
    ) -> Self {
        Self {
            received_at: capture.received_at,
            method: &capture.method,
            target: &capture.target,
            headers: &capture.headers,
            body: &capture.body,
            verdict: &verdict.status,
            provider: verdict.provider.as_deref(),
            event_type: verdict.event_type.as_deref(),
            event_id: verdict.event_id.as_deref(),
            cause: verdict.cause.as_deref(),
            message: &verdict.message,
            status: response.and_then(|response| response.status),
            error: response.and_then(|response| response.error.as_deref()),
        }
    }
}

impl RecordFilter {
    /// True if the filter selects a record.
    #[must_use]
    pub fn matches(&self, record: &RecordView<'_>) -> bool {
        // The cheapest come first.
        self.matches_outcome(record)
            && self.fields.iter().all(|field| field.matches(record.body))
            && self.texts.iter().all(|text| record.contains(text))
    }

    /// True if the filter selects a record as far as its verdict, its event, its response and its time tell.
    #[must_use]
    pub fn matches_outcome(&self, record: &RecordView<'_>) -> bool {
        let any = |wanted: &[String], have: Option<&str>| {
            wanted.is_empty() || have.is_some_and(|have| wanted.iter().any(|wanted| wanted == have))
        };
        let has_type = |pattern: &EventPattern| record.event_type.is_some_and(|found| pattern.matches(found));
        (self.verdicts.is_empty() || self.verdicts.iter().any(|verdict| verdict.name() == record.verdict))
            && self.statuses.as_ref().is_none_or(|ranges| record.status.is_some_and(|status| ranges.contains(status)))
            && any(&self.providers, record.provider)
            && any(&self.ids, record.event_id)
            && (self.types.is_empty() || self.types.iter().any(has_type))
            && self.since.is_none_or(|since| record.received_at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| record.received_at.is_some_and(|at| at < until))
    }

    /// True if the filter examines headers or bodies.
    #[must_use]
    pub fn reads_requests(&self) -> bool {
        !self.fields.is_empty() || !self.texts.is_empty()
    }

    /// True if the filter selects all records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the name of the value that the filter needs and the record lacks.
    #[must_use]
    pub fn missing_value(&self, record: &RecordView<'_>) -> Option<&'static str> {
        if self.statuses.is_some() && record.status.is_none() {
            return Some("status");
        }
        let is_timed = self.since.is_some() || self.until.is_some();
        (is_timed && record.received_at.is_none()).then_some("time of receipt")
    }
}

impl RecordView<'_> {
    /// True if a text is somewhere in the record: in the request, the verdict or the error of the response.
    #[must_use]
    pub fn contains(&self, text: &TextSearch) -> bool {
        let verdict = [Some(self.verdict), self.provider, self.event_type, self.event_id, self.cause];
        let others = [Some(self.message), self.error, Some(self.method), Some(self.target)];
        verdict.into_iter().chain(others).flatten().any(|part| text.matches(part.as_bytes()))
            || self.headers.iter().any(|(name, value)| text.matches(name.as_bytes()) || text.matches(value))
            || text.as_str().contains(':')
                && self.headers.iter().any(|(name, value)| text.matches(&[name.as_bytes(), b": ", value].concat()))
            || text.matches(self.body)
    }
}

/// A value in the JSON of a body: `PATH=TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMatch {
    path: JsonPath,
    text: String,
}

impl FieldMatch {
    /// True if the body is JSON with this value at the path: a string by its text, any other value as it is written.
    #[must_use]
    pub fn matches(&self, body: &[u8]) -> bool {
        let Some(found) = self.path.find_raw(body) else { return false };
        if found.starts_with('"') {
            return serde_json::from_str::<String>(found).is_ok_and(|found| found == self.text);
        }
        found == self.text
    }
}

impl FromStr for FieldMatch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or_else(|| format!("`{text}` lacks a `=`, expected PATH=TEXT"))?;
        Ok(Self { path: path.parse()?, text: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_compared_by_its_text_or_as_it_is_written() {
        let body = br#"{"data":{"id":7,"n":"7","to":["a\u00e9"],"ok":true,"none":null,"price":1.0}}"#;
        for (text, expected) in [
            ("data.id=7", true),
            ("/data/id=7", true),
            ("data.n=7", true),
            ("data.to[0]=a\u{e9}", true),
            ("data.ok=true", true),
            ("data.none=null", true),
            ("data.price=1.0", true),
            ("data.price=1", false),
            ("data.id=8", false),
            ("data.to=[\"a\\u00e9\"]", true),
            ("data.nope=", false),
        ] {
            assert_eq!(text.parse::<FieldMatch>().unwrap().matches(body), expected, "{text}");
        }
        assert!("data.id".parse::<FieldMatch>().is_err() && "=7".parse::<FieldMatch>().is_err());
        assert!(!"a=7".parse::<FieldMatch>().unwrap().matches(b"a=7"));
    }
}
