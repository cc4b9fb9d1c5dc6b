//! Verifies a request, records it together with its response, and releases the response only once the record is stored.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::dedup_cache::{DedupCache, EventKey};
use super::{Exchange, InvalidPolicy};
use crate::capture::{CapturedRequest, PendingRecord, Record, RecordLog, RecordedResponse, RecordedVerdict};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::http::server::ServerResponse;
use crate::provider::StaticResponse;
use crate::signing::ChallengeResponse;
use crate::verification::{VerdictStatus, Verifier};

/// Verifies requests, and records each one before its response is sent.
pub struct Receiver<'a> {
    verifier: Verifier<'a>,
    policy: InvalidPolicy,
    state: RefCell<ReceiverState>,
}

/// State that changes from request to request.
struct ReceiverState {
    log: Option<RecordLog>,
    dedup: DedupCache,
    sequence: u64,
}

/// Response to a request of an unknown provider, as most receivers' samples give it.
const UNKNOWN_PROVIDER_RESPONSE: (u16, &str) = (400, "Invalid signature");

impl<'a> Receiver<'a> {
    /// Makes a receiver, with a log if any.
    #[must_use]
    pub fn new(verifier: Verifier<'a>, policy: InvalidPolicy, log: Option<RecordLog>) -> Self {
        Self { verifier, policy, state: RefCell::new(ReceiverState { log, dedup: DedupCache::default(), sequence: 0 }) }
    }

    /// Returns the policy for requests that are not valid.
    #[must_use]
    pub fn policy(&self) -> InvalidPolicy {
        self.policy
    }

    /// Verifies one request. Nothing is recorded yet.
    pub fn begin(&self, request: Box<CapturedRequest>) -> Result<Box<Exchange>> {
        let started = Stopwatch::start();
        let now = request.received_at.map_or(0, jiff::Timestamp::as_second);
        let headers = request.headers.borrowed();
        let received = request.request(&headers);
        let verdict = self.verifier.verify(&received, now)?;
        let challenge_response = self.verifier.challenge_response(&received, &verdict)?;
        let (status, provider) = (verdict.status, verdict.provider.clone());
        let mut verdict = RecordedVerdict::from(verdict);
        if challenge_response.is_some() {
            verdict.message = "a verification handshake".into();
        }
        let response = RecordedResponse::new(None, "listen", Duration::ZERO);
        let record = Record { seq: 0, capture: request, verdict, duplicate: false, response };
        Ok(Box::new(Exchange {
            record,
            status,
            provider,
            challenge_response,
            log_error: None,
            rotation_error: None,
            started,
        }))
    }

    /// Returns the listener's own response.
    #[must_use]
    pub fn default_response(&self, exchange: &Exchange) -> ServerResponse {
        if let Some(ChallengeResponse { status, content_type, body }) = &exchange.challenge_response {
            return ServerResponse::new(*status, content_type, Bytes::copy_from_slice(body.as_bytes()));
        }
        let valid = exchange.status == VerdictStatus::Valid || self.policy != InvalidPolicy::Reject;
        match (&exchange.provider, valid) {
            (Some(provider), true) => static_response(&provider.responses.valid),
            (Some(provider), false) => static_response(&provider.responses.invalid),
            (None, true) => ServerResponse::text(200, "OK"),
            (None, false) => ServerResponse::text(UNKNOWN_PROVIDER_RESPONSE.0, UNKNOWN_PROVIDER_RESPONSE.1),
        }
    }

    /// Records a request together with `response`. When this returns, the record is as durable as the log is
    /// configured to make it, and the returned response may be sent.
    ///
    /// A request that could not be recorded gets 503 instead, so that the provider sends it again.
    pub async fn finish(&self, exchange: &mut Exchange, response: ServerResponse) -> ServerResponse {
        let (pending, key) = self.append_record(exchange);
        let failed = match pending {
            Some(Ok(mut pending)) => {
                exchange.rotation_error = pending.rotation_error.take().map(|error| self.log_failure("rotate", error));
                pending.persisted().await.err()
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let Some(error) = failed else { return response };
        if let Some(key) = key {
            self.state.borrow_mut().dedup.remove(key);
        }
        // An unrecorded request must not be acknowledged: after a 503 the provider sends it again.
        exchange.log_error = Some(self.log_failure("write to", error));
        let response = ServerResponse::text(503, "the request could not be recorded");
        exchange.record.response.status = Some(response.status());
        response
    }

    /// Numbers the record, marks it as a duplicate if it is one, and appends it to the log. Returns the key of its id
    /// if that is new.
    fn append_record(&self, exchange: &mut Exchange) -> (Option<io::Result<PendingRecord>>, Option<EventKey>) {
        let mut state = self.state.borrow_mut();
        let ReceiverState { log, dedup, sequence } = &mut *state;
        let record = &mut exchange.record;
        // Only a valid request makes its id known: nobody else can make a genuine one look like a duplicate.
        let known = match (&record.verdict.provider, &record.verdict.event_id) {
            (Some(provider), Some(id)) if exchange.status == VerdictStatus::Valid => Some(dedup.key(provider, id)),
            _ => None,
        };
        record.duplicate = known.is_some_and(|key| dedup.contains(key));
        *sequence += 1;
        record.seq = *sequence;
        if let Some(key) = known {
            dedup.insert(key);
        }
        let new = known.filter(|_| !record.duplicate);
        (log.as_ref().map(|log| log.append(record)), new)
    }

    fn log_failure(&self, action: &str, error: io::Error) -> Error {
        let state = self.state.borrow();
        let log = state.log.as_ref().map_or_else(String::new, |log| format!(" {}", log.path().display()));
        Error::new(format!("cannot {action} the log{log}")).cause(error)
    }
}

fn static_response(response: &StaticResponse) -> ServerResponse {
    ServerResponse::new(response.status, &response.content_type, Bytes::copy_from_slice(response.body.as_bytes()))
}
