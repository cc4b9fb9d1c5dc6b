//! Requests as programs log them in JSON: `{"headers": req.headers, "body": req.body}`, and the events of Lambda and
//! API Gateway.
//!
//! Express, Next.js and others have the body parsed already when it is logged. Then the bytes that were signed are
//! lost: the capture notes that, and holds the JSON text as it is in the file.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::text_position::{ParseError, TextCursor, TextPosition};
use super::{CapturedRequest, Headers};

/// A request that was read from JSON.
#[derive(Debug)]
pub(super) struct JsonRequest {
    pub(super) capture: CapturedRequest,
    /// True if the body was logged as parsed JSON, so that its bytes are lost.
    pub(super) parsed_body: bool,
}

impl JsonRequest {
    pub(super) fn with_raw_body(capture: CapturedRequest) -> Self {
        Self { capture, parsed_body: false }
    }
}

/// Keys that only these programs write; without one of them a record is read as our own.
const MARKS: [&str; 8] = [
    "\"isBase64Encoded\"",
    "\"multiValueHeaders\"",
    "\"rawBody\"",
    "\"rawHeaders\"",
    "\"rawPath\"",
    "\"httpMethod\"",
    "\"originalUrl\"",
    "\"Buffer\"",
];

/// Returns whether a record may need this reader, although it reads as one of our own.
pub(super) fn is_marked(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| MARKS.iter().any(|mark| text.contains(mark)))
}

/// Keys that hold the request, if the whole is an object around it.
const AROUND: [&str; 3] = ["request", "req", "event"];

type Fields<'a> = HashMap<String, &'a RawValue>;

/// Reads a request; `None` if this is JSON without headers.
///
/// # Errors
/// It is not JSON, or a part of the request is not what it should be; with its position.
pub(super) fn read(text: &[u8]) -> Result<Option<JsonRequest>, ParseError> {
    let text = std::str::from_utf8(text)
        .map_err(|_| ParseError::new(TextPosition::START, "this is not UTF-8, as JSON must be"))?;
    let mut fields: Fields<'_> = serde_json::from_str(text)?;
    if !has_headers(&fields) {
        let inside = AROUND.iter().find_map(|key| serde_json::from_str(fields.get(*key)?.get()).ok());
        match inside.filter(has_headers) {
            Some(inside) => fields = inside,
            None => return Ok(None),
        }
    }
    let headers = headers(&fields, text)?;
    let (body, parsed_body) = body(&fields, text)?;
    let capture = CapturedRequest {
        received_at: received_at(&fields),
        remote_addr: String::new(),
        method: method(&fields).unwrap_or_else(|| "POST".to_owned()).into(),
        target: target(&fields),
        headers,
        body,
    };
    Ok(Some(JsonRequest { capture, parsed_body }))
}

const HEADER_KEYS: [&str; 3] = ["rawHeaders", "multiValueHeaders", "headers"];

fn has_headers(fields: &Fields<'_>) -> bool {
    HEADER_KEYS.iter().any(|key| present(fields, key).is_some())
}

/// Returns the value of a key that is present and not `null`.
fn present<'a>(fields: &Fields<'a>, key: &str) -> Option<&'a RawValue> {
    fields.get(key).copied().filter(|value| value.get() != "null")
}

fn parsed(fields: &Fields<'_>, key: &str) -> Option<Value> {
    serde_json::from_str(present(fields, key)?.get()).ok()
}

fn text_of(fields: &Fields<'_>, key: &str) -> Option<String> {
    parsed(fields, key).and_then(|value| value.as_str().map(str::to_owned))
}

/// Creates an error about a value, at its position in the whole text.
fn wrong(text: &str, value: &RawValue, message: impl Into<String>) -> ParseError {
    let mut cursor = TextCursor::START;
    cursor.advance(text.as_bytes(), value.get().as_ptr().addr().saturating_sub(text.as_ptr().addr()));
    ParseError::new(cursor.position(), message)
}

fn headers(fields: &Fields<'_>, text: &str) -> Result<Headers, ParseError> {
    // Repeated headers are only in the complete forms.
    let found = HEADER_KEYS.iter().find_map(|key| Some((*key, present(fields, key)?)));
    let Some((key, raw)) = found else { return Ok(Headers::default()) };
    let error = || wrong(text, raw, format!("`{key}` is neither an object nor a list of [name, value] pairs"));
    if key == "headers"
        && let Ok(headers) = serde_json::from_str(raw.get())
    {
        return Ok(headers);
    }
    let mut headers = Headers::default();
    match serde_json::from_str(raw.get()).map_err(|_| error())? {
        Value::Object(object) => {
            for (name, value) in object {
                push(&mut headers, &name, &value).ok_or_else(error)?;
            }
        }
        Value::Array(items) if items.iter().all(Value::is_string) && items.len().is_multiple_of(2) => {
            for pair in items.chunks(2) {
                let name = pair[0].as_str().ok_or_else(error)?;
                push(&mut headers, name, &pair[1]).ok_or_else(error)?;
            }
        }
        Value::Array(items) => {
            for item in &items {
                let pair = match item {
                    Value::Array(pair) if pair.len() == 2 => Some((&pair[0], &pair[1])),
                    Value::Object(pair) => pair.get("name").or(pair.get("key")).zip(pair.get("value")),
                    _ => None,
                };
                let (name, value) = pair.ok_or_else(error)?;
                push(&mut headers, name.as_str().ok_or_else(error)?, value).ok_or_else(error)?;
            }
        }
        _ => return Err(error()),
    }
    Ok(headers)
}

/// Adds a header, once for each value of a list; a number is its digits, and `null` is nothing.
fn push(headers: &mut Headers, name: &str, value: &Value) -> Option<()> {
    match value {
        Value::Null => {}
        Value::String(text) => headers.push(name, text.as_bytes()),
        Value::Number(_) | Value::Bool(_) => headers.push(name, value.to_string().as_bytes()),
        Value::Array(values) => {
            for value in values.iter().filter(|value| !value.is_array()) {
                push(headers, name, value)?;
            }
        }
        Value::Object(_) => return None,
    }
    Some(())
}

/// Returns the body, and whether it was logged as parsed JSON.
fn body(fields: &Fields<'_>, text: &str) -> Result<(Bytes, bool), ParseError> {
    let found = ["rawBody", "body_b64", "body"].iter().find_map(|key| Some((*key, present(fields, key)?)));
    let Some((key, raw)) = found else {
        // A Lambda event without a body has `null`.
        if fields.contains_key("body") {
            return Ok((Bytes::new(), false));
        }
        return Err(ParseError::new(TextPosition::START, "no `body` in this JSON"));
    };
    if !raw.get().starts_with('"') {
        return Ok(match buffer(raw) {
            Some(bytes) => (bytes.into(), false),
            None => (Bytes::copy_from_slice(raw.get().as_bytes()), true),
        });
    }
    let value: String = serde_json::from_str(raw.get())?;
    let encoded = key == "body_b64" || parsed(fields, "isBase64Encoded") == Some(Value::Bool(true));
    if !encoded {
        return Ok((value.into(), false));
    }
    let bytes = STANDARD.decode(value).map_err(|error| wrong(text, raw, format!("`{key}` is not base64: {error}")))?;
    Ok((bytes.into(), false))
}

/// The bytes of a Node.js `Buffer`, which `JSON.stringify` writes as `{"type":"Buffer","data":[…]}`.
fn buffer(raw: &RawValue) -> Option<Vec<u8>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Buffer {
        r#type: String,
        data: Vec<u8>,
    }
    let buffer: Buffer = serde_json::from_str(raw.get()).ok()?;
    (buffer.r#type == "Buffer").then_some(buffer.data)
}

fn method(fields: &Fields<'_>) -> Option<String> {
    let context = || parsed(fields, "requestContext")?.pointer("/http/method")?.as_str().map(str::to_owned);
    text_of(fields, "method").or_else(|| text_of(fields, "httpMethod")).or_else(context)
}

fn target(fields: &Fields<'_>) -> String {
    let whole = ["originalUrl", "url", "target"].iter().find_map(|key| text_of(fields, key));
    if let Some(whole) = whole {
        return whole;
    }
    let path = text_of(fields, "rawPath").or_else(|| text_of(fields, "path")).unwrap_or_else(|| "/".to_owned());
    let query = text_of(fields, "rawQueryString").or_else(|| {
        let parameters = parsed(fields, "queryStringParameters")?;
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters.as_object()? {
            query.append_pair(name, value.as_str()?);
        }
        Some(query.finish())
    });
    match query.filter(|query| !query.is_empty()) {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// The time at which it was received: our own `at`, or API Gateway's milliseconds.
fn received_at(fields: &Fields<'_>) -> Option<Timestamp> {
    if let Some(at) = text_of(fields, "at") {
        return at.parse().ok();
    }
    let context = parsed(fields, "requestContext")?;
    let milliseconds = ["timeEpoch", "requestTimeEpoch"].iter().find_map(|key| context.get(key)?.as_i64())?;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> JsonRequest {
        read(text.as_bytes()).unwrap().unwrap_or_else(|| panic!("{text}"))
    }

    /// The headers as `name=value` and the body.
    fn shown(text: &str) -> (String, String, bool) {
        let JsonRequest { capture, parsed_body } = one(text);
        let headers: Vec<String> =
            capture.headers.iter().map(|(name, value)| format!("{name}={}", value.escape_ascii())).collect();
        (headers.join(" "), String::from_utf8_lossy(&capture.body).into_owned(), parsed_body)
    }

    #[test]
    fn headers_are_read_in_every_form() {
        for headers in [
            r#""headers": {"a": "1", "b": ["2", 3], "c": null}"#,
            r#""headers": [["a", "1"], ["b", "2"], ["b", "3"]]"#,
            r#""headers": [{"name": "a", "value": "1"}, {"key": "b", "value": ["2", "3"]}]"#,
            r#""rawHeaders": ["a", "1", "b", "2", "b", "3"], "headers": {"a": "1", "b": "2, 3"}"#,
            r#""multiValueHeaders": {"a": ["1"], "b": ["2", "3"]}, "headers": {"a": "1", "b": "3"}"#,
            r#""headers": null, "multiValueHeaders": {"a": ["1"], "b": ["2", "3"]}"#,
        ] {
            assert_eq!(shown(&format!("{{{headers}, \"body\": \"x\"}}")).0, "a=1 b=2 b=3", "{headers}");
        }
        let around = r#"{"level": 30, "req": {"headers": {"a": "1"}, "body": "x"}}"#;
        assert_eq!(shown(around), ("a=1".to_owned(), "x".to_owned(), false));
        assert!(read(br#"{"level": 30, "req": {"method": "GET"}}"#).unwrap().is_none());
    }

    #[test]
    fn a_body_is_raw_parsed_or_encoded() {
        for (body, expected, parsed) in [
            (r#""body": "{\"a\":1}""#, "{\"a\":1}", false),
            (r#""body": { "a" : 1 }"#, "{ \"a\" : 1 }", true),
            (r#""body": [1, 2]"#, "[1, 2]", true),
            (r#""body": null"#, "", false),
            (r#""body": {"a": 1}, "rawBody": "{ \"a\":1 }""#, "{ \"a\":1 }", false),
            (r#""body": {"type": "Buffer", "data": [123, 125]}"#, "{}", false),
            (
                r#""body": {"type": "Buffer", "data": [123], "other": 1}"#,
                r#"{"type": "Buffer", "data": [123], "other": 1}"#,
                true,
            ),
            (r#""body": "e30=", "isBase64Encoded": true"#, "{}", false),
            (r#""body": "e30=", "isBase64Encoded": false"#, "e30=", false),
        ] {
            let found = shown(&format!("{{\"headers\": {{}}, {body}}}"));
            assert_eq!((found.1.as_str(), found.2), (expected, parsed), "{body}");
        }
    }

    #[test]
    fn events_of_api_gateway_give_method_target_and_time() {
        let first = one(r#"{"httpMethod": "PUT", "path": "/a", "queryStringParameters": {"b": "c d"}, "headers": {},
            "requestContext": {"requestTimeEpoch": 1772439333000}, "body": null}"#)
        .capture;
        assert_eq!((&*first.method, first.target.as_str()), ("PUT", "/a?b=c+d"));
        assert_eq!(first.received_at.unwrap().as_second(), 1_772_439_333);
        let second = one(r#"{"version": "2.0", "rawPath": "/a", "rawQueryString": "b=c%20d", "headers": {},
            "requestContext": {"http": {"method": "PUT"}, "timeEpoch": 1772439333000}, "body": "x"}"#)
        .capture;
        assert_eq!((&*second.method, second.target.as_str()), ("PUT", "/a?b=c%20d"));
        assert_eq!(second.received_at, first.received_at);
    }

    #[test]
    fn an_error_names_the_key_and_its_position() {
        for (text, expected) in [
            ("{\n\"headers\": 1, \"body\": \"x\"}", "line 2, column 12: `headers` is neither an object nor a list"),
            ("{\"headers\": {\"a\": {}}, \"body\": \"\"}", "line 1, column 13: `headers` is neither"),
            ("{\"headers\": {}}", "line 1, column 1: no `body` in this JSON"),
            (
                "{\"headers\": {}, \"body\": \"!\", \"isBase64Encoded\": true}",
                "line 1, column 25: `body` is not base64",
            ),
            ("{\"headers\": {}", "line 1, column 14: the JSON is cut off here"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
