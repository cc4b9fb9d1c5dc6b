//! A record as an entry of an HTTP Archive, HAR 1.2. Fields that begin with an underscore are its extensions: they keep
//! bytes that are not text, and the request target.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::curl::base_url;
use super::{ExportedRecord, title};
use crate::capture::{CapturedRequest, RecordedResponse};

/// The start of an archive.
pub(super) const START: &str = concat!(
    r#"{"log":{"version":"1.2","creator":{"name":"whk","version":""#,
    env!("CARGO_PKG_VERSION"),
    "\"},\"entries\":[\n"
);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    time: f64,
    request: Request<'a>,
    response: Response<'a>,
    cache: Empty,
    timings: Timings,
    comment: String,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    #[serde(rename = "_target", skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i8,
    body_size: usize,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    value: String,
    #[serde(rename = "_value_b64", skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: String,
    text: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: [Empty; 0],
    content: Content<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'static str,
    headers_size: i8,
    body_size: i8,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    size: usize,
    mime_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

#[derive(Serialize)]
struct Timings {
    send: f64,
    wait: f64,
    receive: f64,
}

/// Writes a record.
pub(super) fn write(record: &ExportedRecord<'_>, to: &mut Vec<u8>) -> serde_json::Result<()> {
    let duration = record.response.map_or(0.0, |response| response.duration_ms);
    let entry = Entry {
        // A time is required; this one says that it is not known.
        started_date_time: record.capture.received_at.map_or_else(String::new, |at| at.to_string()),
        time: duration,
        request: request(record.capture),
        response: response(record.response),
        cache: Empty {},
        timings: Timings { send: 0.0, wait: duration, receive: 0.0 },
        comment: title(record),
    };
    serde_json::to_writer(to, &entry)
}

fn request(capture: &CapturedRequest) -> Request<'_> {
    let target = capture.target.as_str();
    let is_url = target.contains("://") && !target.starts_with('/');
    let query = target.split_once('?').map_or("", |(_, query)| query.split('#').next().unwrap_or_default());
    let body = &capture.body;
    let post_data = || {
        let mime_type = capture.headers.text("content-type").unwrap_or_default().into_owned();
        match std::str::from_utf8(body) {
            Ok(text) => PostData { mime_type, text: text.into(), encoding: None },
            Err(_) => PostData { mime_type, text: STANDARD.encode(body).into(), encoding: Some("base64") },
        }
    };
    Request {
        method: &capture.method,
        url: if is_url { target.to_owned() } else { format!("{}{target}", base_url(capture)) },
        target: (!is_url).then_some(target),
        http_version: "HTTP/1.1",
        cookies: [],
        headers: capture.headers.iter().map(|(name, value)| pair(name, value)).collect(),
        query_string: form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| pair(&name, value.as_bytes()))
            .collect(),
        post_data: (!body.is_empty()).then(post_data),
        headers_size: -1,
        body_size: body.len(),
    }
}

fn pair(name: &str, value: &[u8]) -> Pair {
    let is_text = std::str::from_utf8(value).is_ok();
    Pair {
        name: name.to_owned(),
        value: String::from_utf8_lossy(value).into_owned(),
        bytes: (!is_text).then(|| STANDARD.encode(value)),
    }
}

fn response(response: Option<&RecordedResponse>) -> Response<'_> {
    let text = response.and_then(|response| response.body.as_deref());
    Response {
        status: response.and_then(|response| response.status).unwrap_or_default(),
        status_text: "",
        http_version: "HTTP/1.1",
        cookies: [],
        headers: [],
        content: Content { size: text.map_or(0, str::len), mime_type: "x-unknown", text },
        redirect_url: "",
        headers_size: -1,
        body_size: -1,
        error: response.and_then(|response| response.error.as_deref()),
    }
}
