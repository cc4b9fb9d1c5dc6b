//! The records of a log, built field by field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::harness::http::{pairs, signed};

/// A record of a request, as a line of a log; one without headers and with the body `{}` to begin with.
#[derive(Clone)]
pub(crate) struct RecordBuilder(Value);

impl RecordBuilder {
    /// Creates the record of a request.
    pub(crate) fn new() -> Self {
        Self(json!({"v": 1, "kind": "request", "headers": [], "body": "{}"}))
    }

    /// Sets a field that has no method of its own.
    pub(crate) fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    /// Sets the record's number.
    pub(crate) fn seq(self, seq: u64) -> Self {
        self.field("seq", seq)
    }

    /// Sets the time at which it was received.
    pub(crate) fn at(self, time: &str) -> Self {
        self.field("at", time)
    }

    /// Sets the request target.
    pub(crate) fn target(self, target: &str) -> Self {
        self.field("target", target)
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0["headers"].as_array_mut().unwrap().push(json!([name, value]));
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        let record = self.0.as_object_mut().unwrap();
        record.remove("body");
        record.remove("body_b64");
        match std::str::from_utf8(body.as_ref()) {
            Ok(text) => self.field("body", text),
            Err(_) => self.field("body_b64", BASE64.encode(body)),
        }
    }

    /// Sets the body, and adds the three headers of its signature; see [`signed`].
    pub(crate) fn signed(self, secret: &str, id: &str, at: i64, body: impl AsRef<[u8]>) -> Self {
        let headers = signed(secret, id, at, body.as_ref());
        pairs(&headers).fold(self, |record, (name, value)| record.header(name, value)).body(body)
    }

    /// Sets the verdict: `valid`, `invalid` or `unsigned`, the provider, the event's type and its id.
    pub(crate) fn verdict(self, status: &str, provider: Option<&str>, event_type: &str, event_id: &str) -> Self {
        let verdict = json!({"status": status, "provider": provider, "event_type": event_type, "event_id": event_id,
            "cause": null, "message": ""});
        self.field("verdict", verdict)
    }

    /// Sets the response: a status, or `None` if there was none.
    pub(crate) fn response(self, status: Option<u16>) -> Self {
        self.field("response", json!({"status": status, "by": "listen", "duration_ms": 0.1}))
    }

    /// Returns the record as JSON.
    pub(crate) fn build(self) -> Value {
        self.0
    }

    /// Returns the record as a line of a log.
    pub(crate) fn line(self) -> String {
        format!("{}\n", self.0)
    }
}

/// Returns the log that holds these records.
pub(crate) fn log_of(records: impl IntoIterator<Item = RecordBuilder>) -> String {
    records.into_iter().map(RecordBuilder::line).collect()
}
