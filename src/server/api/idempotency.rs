//! Requests with a key of idempotency: the first response is kept, and is the response to all that repeat it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::{ApiError, Problem};
use crate::clock::Stopwatch;

/// Header with the key.
pub(super) const KEY: &str = "idempotency-key";

/// Header of a response that depends on an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Time for which a response is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of responses that are kept at most: about 20 MB.
const MAX_KEPT: usize = 10_000;

/// A response before it is written.
pub(super) type Outcome = Result<(StatusCode, Value), ApiError>;

struct Entry {
    /// The digest of method, path and body.
    request: [u8; 32],
    since: Stopwatch,
    /// The number of the entry: the lowest is the oldest.
    number: u64,
    /// The response; `None` while the request is under way.
    outcome: Option<Outcome>,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<String, Entry>,
    count: u64,
}

/// The requests of the last 24 hours that have a key. They end with the process.
#[derive(Default)]
pub(in crate::server) struct IdempotencyKeys {
    entries: Mutex<Entries>,
}

impl IdempotencyKeys {
    /// Runs a request, unless its key has a response already. Failures of the server are not kept.
    pub(super) async fn run(&self, key: String, request: [&[u8]; 3], work: impl Future<Output = Outcome>) -> Response {
        let digest = digest(request);
        match self.begin(&key, digest) {
            Begun::First => {}
            Begun::Done(outcome) => return with_header(respond(outcome), REPLAYED, "true"),
            Begun::UnderWay => {
                let error =
                    ApiError::new(Problem::Conflict, "A request with this idempotency key is already in progress");
                return with_header(with_header(error.into_response(), REPLAYED, "false"), header::RETRY_AFTER, "1");
            }
            Begun::Other => {
                let message = "idempotency key was already used with a different request payload";
                return ApiError::new(Problem::Conflict, message)
                    .status(StatusCode::UNPROCESSABLE_ENTITY)
                    .into_response();
            }
        }
        // A client that leaves ends the future here: the key is free again.
        let mut running = Running { keys: self, key: Some(key) };
        let outcome = work.await;
        if !matches!(&outcome, Err(error) if error.status.is_server_error()) {
            running.finish(outcome.clone());
        }
        respond(outcome)
    }

    fn begin(&self, key: &str, request: [u8; 32]) -> Begun {
        let mut entries = self.lock();
        if let Some(entry) = entries.by_key.get(key)
            && entry.since.elapsed() < KEPT
        {
            return match &entry.outcome {
                _ if entry.request != request => Begun::Other,
                Some(outcome) => Begun::Done(outcome.clone()),
                None => Begun::UnderWay,
            };
        }
        if entries.by_key.len() >= MAX_KEPT {
            let oldest = entries.by_key.iter().min_by_key(|(_, entry)| entry.number).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| entries.by_key.remove(&oldest));
        }
        entries.count += 1;
        let entry = Entry { request, since: Stopwatch::start(), number: entries.count, outcome: None };
        entries.by_key.insert(key.to_owned(), entry);
        Begun::First
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of a key when a request comes.
enum Begun {
    First,
    Done(Outcome),
    UnderWay,
    Other,
}

/// A request that is under way; its key is free again if it ends without a response.
struct Running<'a> {
    keys: &'a IdempotencyKeys,
    key: Option<String>,
}

impl Running<'_> {
    fn finish(&mut self, outcome: Outcome) {
        let Some(key) = self.key.take() else { return };
        if let Some(entry) = self.keys.lock().by_key.get_mut(&key) {
            entry.outcome = Some(outcome);
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.keys.lock().by_key.remove(&key);
        }
    }
}

/// Writes a response.
pub(super) fn respond(outcome: Outcome) -> Response {
    match outcome {
        Ok((status, body)) => (status, Json(body)).into_response(),
        Err(error) => error.into_response(),
    }
}

fn with_header(mut response: Response, name: HeaderName, value: &'static str) -> Response {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

fn digest(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn begin(keys: &IdempotencyKeys, key: &str, body: &[u8]) -> &'static str {
        match keys.begin(key, digest([b"POST", b"/x", body])) {
            Begun::First => "first",
            Begun::Done(_) => "done",
            Begun::UnderWay => "under way",
            Begun::Other => "other",
        }
    }

    fn finish(keys: &IdempotencyKeys, key: &str) {
        Running { keys, key: Some(key.to_owned()) }.finish(Ok((StatusCode::CREATED, json!({}))));
    }

    #[test]
    fn a_key_has_one_response() {
        let keys = IdempotencyKeys::default();
        assert_eq!(begin(&keys, "a", b"1"), "first");
        assert_eq!(begin(&keys, "a", b"1"), "under way");
        assert_eq!(begin(&keys, "a", b"2"), "other");
        finish(&keys, "a");
        assert_eq!(begin(&keys, "a", b"1"), "done");
        assert_eq!(begin(&keys, "a", b"2"), "other");
        assert_eq!(begin(&keys, "b", b"1"), "first");
    }

    #[test]
    fn a_request_that_was_left_frees_its_key() {
        let keys = IdempotencyKeys::default();
        assert_eq!(begin(&keys, "a", b"1"), "first");
        drop(Running { keys: &keys, key: Some("a".to_owned()) });
        assert_eq!(begin(&keys, "a", b"2"), "first");
    }

    #[test]
    fn the_oldest_keys_leave_first() {
        let keys = IdempotencyKeys::default();
        for number in 0..=MAX_KEPT {
            assert_eq!(begin(&keys, &number.to_string(), b""), "first");
        }
        assert_eq!(keys.lock().by_key.len(), MAX_KEPT);
        assert_eq!(begin(&keys, "1", b""), "under way");
        assert_eq!(begin(&keys, "0", b""), "first");
    }
}
