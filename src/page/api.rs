//! The API of the page: lists, records, explanations and replays.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::inspector::{InspectorCommand, ReplayEdits, ReplayOutcome};
use super::query::ListQuery;
use super::search::select;
use super::server::Page;
use super::store::{Position, RecordStore, StoredRecord};
use crate::error::{Error, ErrorKind, Result};

/// The most attempts of an event that are shown.
const MAX_ATTEMPTS: usize = 200;

/// The result of a handler.
pub(super) type Answer = std::result::Result<Response, Response>;

/// Returns the response to a request that cannot be served.
pub(super) fn problem(status: StatusCode, error: &str, hint: Option<&str>) -> Response {
    let body = match hint {
        Some(hint) => json!({"error": error, "hint": hint}),
        None => json!({"error": error}),
    };
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Returns the response to a request that failed.
pub(super) fn failed(error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unreachable => StatusCode::BAD_GATEWAY,
        ErrorKind::Io => StatusCode::INTERNAL_SERVER_ERROR,
    };
    problem(status, &error.one_line(), error.hint_text())
}

pub(super) fn json_response(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn bad_request(reason: &str) -> Response {
    problem(StatusCode::BAD_REQUEST, reason, None)
}

pub(super) async fn not_found() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this address", None)
}

pub(super) async fn method_not_allowed() -> Response {
    problem(StatusCode::METHOD_NOT_ALLOWED, "this method is not possible here", None)
}

/// Calls a store where reading files blocks nobody.
pub(super) async fn read<T: Send + 'static>(
    page: &Page,
    read: impl FnOnce(&dyn RecordStore) -> Result<T> + Send + 'static,
) -> Result<T> {
    let store = Arc::clone(&page.store);
    let read = tokio::task::spawn_blocking(move || read(&*store)).await;
    read.unwrap_or_else(|_| Err(Error::new("reading the requests failed").kind(ErrorKind::Io)))
}

pub(super) async fn list(State(page): State<Arc<Page>>, RawQuery(query): RawQuery) -> Answer {
    let query = ListQuery::parse(query.as_deref().unwrap_or_default()).map_err(|reason| bad_request(&reason))?;
    let position = query.position.unwrap_or(Position::After(0));
    // Known before the records are read, so that a stream from here on misses none.
    let newest = *page.store.newest().borrow();
    let selected = read(&page, move |store| select(store, position, &query)).await.map_err(|error| failed(&error))?;
    let mut body = b"{\"requests\":[".to_vec();
    for (index, record) in selected.records.iter().enumerate() {
        body.extend_from_slice(if index == 0 { b"" } else { b"," });
        body.extend_from_slice(&record.json);
    }
    let next = selected.last.filter(|_| selected.more).map_or_else(|| "null".to_owned(), |seq| seq.to_string());
    body.extend_from_slice(format!("],\"next\":{next},\"newest\":{newest}}}").as_bytes());
    Ok(json_response(body))
}

pub(super) async fn record(State(page): State<Arc<Page>>, Path(seq): Path<String>) -> Answer {
    Ok(json_response(find(&page, &seq).await?.json))
}

/// Returns the record with the number in a path.
pub(super) async fn find(page: &Page, seq: &str) -> std::result::Result<StoredRecord, Response> {
    let none = || problem(StatusCode::NOT_FOUND, &format!("there is no request {seq}"), None);
    let number: u64 = seq.parse().map_err(|_| none())?;
    let found = read(page, move |store| store.record(number)).await;
    found.map_err(|error| failed(&error))?.ok_or_else(none)
}

/// Gives the inspector a command, and waits for its result.
async fn ask<T>(
    page: &Page,
    command: impl FnOnce(oneshot::Sender<Result<T>>) -> InspectorCommand,
) -> std::result::Result<T, Response> {
    let (reply, result) = oneshot::channel();
    let gone = || problem(StatusCode::SERVICE_UNAVAILABLE, "the listener is stopping", None);
    page.inspector.send(command(reply)).await.map_err(|_| gone())?;
    result.await.map_err(|_| gone())?.map_err(|error| failed(&error))
}

pub(super) async fn signature(State(page): State<Arc<Page>>, Path(seq): Path<String>) -> Answer {
    let json = find(&page, &seq).await?.json;
    let explanation = ask(&page, |reply| InspectorCommand::Explain { json, reply }).await?;
    Ok(to_json(&explanation))
}

pub(super) async fn attempts(State(page): State<Arc<Page>>, Path(seq): Path<String>) -> Answer {
    let record = find(&page, &seq).await?;
    let seq = record.seq;
    let attempts = read(&page, move |store| {
        store.attempts(seq, MAX_ATTEMPTS)?.iter().map(|record| super::brief::brief(&record.json)).collect()
    });
    let attempts: Vec<Vec<u8>> = attempts.await.map_err(|error| failed(&error))?;
    let schedule = ask(&page, |reply| InspectorCommand::Schedule { json: record.json, reply }).await?;
    let mut body = b"{\"attempts\":[".to_vec();
    body.extend_from_slice(&attempts.join(&b','));
    body.extend_from_slice(b"],\"schedule\":");
    body.extend_from_slice(json!(schedule).to_string().as_bytes());
    body.extend_from_slice(b"}");
    Ok(json_response(body))
}

/// The body of a replay: every field is optional.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    url: Option<String>,
    #[serde(default)]
    headers: Vec<(String, Option<String>)>,
    body: Option<String>,
    body_b64: Option<String>,
    resign: Option<bool>,
}

pub(super) async fn replay(
    State(page): State<Arc<Page>>,
    Path(seq): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let edits = edits(&headers, &body).map_err(|reason| bad_request(&reason))?;
    let json = find(&page, &seq).await?.json;
    let outcome = ask(&page, |reply| InspectorCommand::Replay { json, edits, reply }).await?;
    Ok(to_json(&outcome_json(&outcome)))
}

fn edits(headers: &HeaderMap, body: &[u8]) -> std::result::Result<ReplayEdits, String> {
    if body.is_empty() {
        return Ok(ReplayEdits::default());
    }
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // A form of another page cannot send this type.
    if is_json.is_none_or(|value| value.split(';').next() != Some("application/json")) {
        return Err("the body must be application/json".to_owned());
    }
    let request: ReplayRequest = serde_json::from_slice(body).map_err(|error| format!("the body: {error}"))?;
    let body = match (request.body, request.body_b64) {
        (Some(_), Some(_)) => return Err("either `body` or `body_b64`, not both".to_owned()),
        (Some(text), None) => Some(Bytes::from(text)),
        (None, Some(encoded)) => {
            let decoded = STANDARD.decode(encoded);
            Some(decoded.map_err(|error| format!("`body_b64` is not base64: {error}"))?.into())
        }
        (None, None) => None,
    };
    let url = request.url.filter(|url| !url.is_empty()).map(|url| url.parse()).transpose();
    let url = url.map_err(|error| format!("`url`: {error}"))?;
    Ok(ReplayEdits { url, headers: request.headers, body, resign: request.resign })
}

fn outcome_json(outcome: &ReplayOutcome) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = outcome.headers.iter().map(|(name, value)| json!([name, text(value)]));
    let mut value = json!({
        "status": outcome.status,
        "duration_ms": (outcome.duration.as_secs_f64() * 1e6).round() / 1e3,
        "headers": headers.collect::<Vec<_>>(),
        "resigned": outcome.resigned,
    });
    match std::str::from_utf8(&outcome.body) {
        Ok(text) => value["body"] = text.into(),
        Err(_) => value["body_b64"] = STANDARD.encode(&outcome.body).into(),
    }
    value
}

fn to_json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_response(body),
        Err(error) => failed(&Error::new("cannot write JSON").cause(error)),
    }
}
