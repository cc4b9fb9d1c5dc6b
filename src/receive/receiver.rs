//! The desk: judges a request; once it is known what will be answered, records both, and only then lets the answer go.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use super::dedup_cache::{DedupCache, EventKey};
use super::{Exchange, ServerResponse};
use crate::capture::{Capture, Entry, Log, Record, Response, Verdict};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::provider::{Answer, Judge, Judgement, Status};
use crate::signing::Solved;

/// What is answered to a request that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPolicy {
    /// As the provider's own samples do.
    Reject,
    /// As if it were valid.
    Accept,
}

/// Judges requests, and records each one before it is answered.
pub struct Receiver<'a> {
    judge: Judge<'a>,
    policy: InvalidPolicy,
    state: RefCell<ReceiverState>,
}

/// What changes from request to request.
struct ReceiverState {
    log: Option<Log>,
    dedup: DedupCache,
    sequence: u64,
}

/// What is answered where it cannot be told whose request it is; it is what most receivers' samples do.
const UNKNOWN_PROVIDER_RESPONSE: (u16, &str) = (400, "Invalid signature");

impl<'a> Receiver<'a> {
    /// A desk with a log, or without one.
    #[must_use]
    pub fn new(judge: Judge<'a>, policy: InvalidPolicy, log: Option<Log>) -> Self {
        Self { judge, policy, state: RefCell::new(ReceiverState { log, dedup: DedupCache::default(), sequence: 0 }) }
    }

    /// Judges one request. Nothing is recorded yet.
    pub fn begin(&self, request: Box<Capture>) -> Result<Box<Exchange>> {
        let started = Stopwatch::start();
        let now = request.at.map_or(0, jiff::Timestamp::as_second);
        let headers = request.headers.borrowed();
        let received = request.request(&headers);
        let judgement = self.judge.judge(&received, now)?;
        let challenge_response = self.judge.greet(&received, &judgement)?;
        let Judgement { status, provider, event_type, event_id, finding, message, detected, .. } = judgement;
        let verdict = Verdict {
            status: status.name().into(),
            provider: provider.as_ref().map(|provider| provider.name.clone()),
            event_type,
            event_id,
            cause: finding.map(|finding| finding.cause.name().to_owned()),
            message: if challenge_response.is_some() { "a handshake, answered".into() } else { message },
            detected,
        };
        let response = Response::new(None, "listen", Duration::ZERO);
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

    /// What the listener answers by itself.
    #[must_use]
    pub fn default_response(&self, exchange: &Exchange) -> ServerResponse {
        if let Some(Solved { status, content_type, body }) = &exchange.challenge_response {
            return ServerResponse::new(*status, content_type, Bytes::copy_from_slice(body.as_bytes()));
        }
        let valid = exchange.status == Status::Valid || self.policy == InvalidPolicy::Accept;
        match (&exchange.provider, valid) {
            (Some(provider), true) => static_response(&provider.answers.ok),
            (Some(provider), false) => static_response(&provider.answers.invalid),
            (None, true) => ServerResponse::text(200, "OK"),
            (None, false) => ServerResponse::text(UNKNOWN_PROVIDER_RESPONSE.0, UNKNOWN_PROVIDER_RESPONSE.1),
        }
    }

    /// Records a request, whose record says what `response` is. When this returns, the record is as safe as the log is
    /// asked to make it, and the reply that this gives may be sent.
    ///
    /// What could not be recorded is answered 503 instead, so that the provider sends it again.
    pub async fn finish(&self, exchange: &mut Exchange, response: ServerResponse) -> ServerResponse {
        let (entry, key) = self.append_record(exchange);
        let failed = match entry {
            Some(Ok(mut entry)) => {
                exchange.rotation_error =
                    entry.unrotated.take().map(|error| self.log_failure("begin a new file for", error));
                entry.kept().await.err()
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let Some(error) = failed else { return response };
        if let Some(key) = key {
            self.state.borrow_mut().dedup.remove(key);
        }
        // What is not recorded must not be acknowledged: the provider will send it again.
        exchange.log_error = Some(self.log_failure("write to", error));
        let response = ServerResponse::text(503, "the request could not be recorded");
        exchange.record.response.status = Some(response.status());
        response
    }

    /// Enters a request into the books; gives the mark of its id where that is new.
    fn append_record(&self, exchange: &mut Exchange) -> (Option<io::Result<Entry>>, Option<EventKey>) {
        let mut state = self.state.borrow_mut();
        let ReceiverState { log, dedup, sequence } = &mut *state;
        let record = &mut exchange.record;
        // Only a valid request makes its id known: nobody else can make a genuine one look like a repeat.
        let known = match (&record.verdict.provider, &record.verdict.event_id) {
            (Some(provider), Some(id)) if exchange.status == Status::Valid => Some(dedup.key(provider, id)),
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

fn static_response(response: &Answer) -> ServerResponse {
    ServerResponse::new(response.status, &response.content_type, Bytes::copy_from_slice(response.body.as_bytes()))
}
