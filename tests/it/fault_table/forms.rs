//! The forms of input: how a program or a person captures a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::draft::Draft;

/// Writes several requests.
type WriteAll = fn(&[&Draft]) -> Vec<u8>;

pub(super) struct Form {
    /// The name of `--format`.
    pub(super) name: &'static str,
    pub(super) one: fn(&Draft) -> Vec<u8>,
    /// Writes many, if the form can hold more than one.
    pub(super) all: Option<WriteAll>,
    /// True if it can hold a body that is not text.
    pub(super) holds_bytes: bool,
}

pub(super) const FORMS: [Form; 5] = [
    Form { name: "jsonl", one: line, all: Some(lines), holds_bytes: true },
    Form { name: "http", one: http, all: None, holds_bytes: true },
    Form { name: "curl", one: curl, all: Some(curls), holds_bytes: false },
    Form { name: "har", one: har, all: Some(hars), holds_bytes: true },
    Form { name: "json", one: object, all: None, holds_bytes: true },
];

fn http(draft: &Draft) -> Vec<u8> {
    let mut text = String::from("POST /hooks HTTP/1.1\r\nhost: hooks.example.com\r\n");
    for (name, value) in draft.headers() {
        text.extend([name, ": ", &value, "\r\n"]);
    }
    let head = format!("{text}content-length: {}\r\n\r\n", draft.body().len());
    [head.as_bytes(), draft.body()].concat()
}

fn curl(draft: &Draft) -> Vec<u8> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut text = String::from("curl -X POST 'https://hooks.example.com/hooks'");
    for (name, value) in draft.headers() {
        // A header without a value is written with a semicolon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        text.extend([" \\\n  -H ", &quoted(&header)]);
    }
    format!("{text} \\\n  --data-binary {}\n", quoted(&draft.body)).into_bytes()
}

fn curls(drafts: &[&Draft]) -> Vec<u8> {
    drafts.iter().flat_map(|draft| curl(draft)).collect()
}

fn line(draft: &Draft) -> Vec<u8> {
    let mut record = json!({"v": 1, "kind": "request", "method": "POST", "target": "/hooks",
        "headers": draft.headers()});
    let (name, body) = text_or_base64(draft);
    record[name] = body.into();
    format!("{record}\n").into_bytes()
}

fn lines(drafts: &[&Draft]) -> Vec<u8> {
    drafts.iter().flat_map(|draft| line(draft)).collect()
}

fn entry(draft: &Draft) -> Value {
    let headers: Vec<Value> =
        draft.headers().iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let (name, body) = text_or_base64(draft);
    let encoding = if name == "body" { "" } else { "base64" };
    json!({"startedDateTime": "2026-03-02T08:15:33Z", "request": {"method": "POST",
        "url": "https://hooks.example.com/hooks", "httpVersion": "HTTP/1.1", "headers": headers,
        "postData": {"mimeType": "application/json", "text": body, "encoding": encoding}}})
}

fn har(draft: &Draft) -> Vec<u8> {
    hars(&[draft])
}

fn hars(drafts: &[&Draft]) -> Vec<u8> {
    let entries: Vec<Value> = drafts.iter().map(|draft| entry(draft)).collect();
    json!({"log": {"version": "1.2", "creator": {"name": "test", "version": "1"}, "entries": entries}})
        .to_string()
        .into_bytes()
}

fn object(draft: &Draft) -> Vec<u8> {
    let (name, body) = text_or_base64(draft);
    json!({"headers": draft.headers(), name: body}).to_string().into_bytes()
}

/// The body, as text or in base64, with the name of the field that holds it.
fn text_or_base64(draft: &Draft) -> (&'static str, String) {
    match &draft.bytes {
        Some(bytes) => ("body_b64", BASE64.encode(bytes)),
        None => ("body", draft.body.clone()),
    }
}
