//! The desk: judges a request; once it is known what will be answered, records both, and only then lets the answer go.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::Reply;
use super::seen::{Mark, Seen};
use crate::capture::{Capture, Entry, Log, Record, Response, Verdict};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::provider::{Answer, Judge, Judgement, Provider, Status};
use crate::signing::Solved;

/// What is answered to a request that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// As the provider's own samples do.
    Reject,
    /// As if it were valid.
    Accept,
}

/// Judges requests, and records each one before it is answered.
pub struct Desk<'a> {
    judge: Judge<'a>,
    policy: Policy,
    books: RefCell<Books>,
}

/// What changes from request to request.
struct Books {
    log: Option<Log>,
    seen: Seen,
    count: u64,
}

/// A request on its way through the desk. It is large, and stays where it is from beginning to end.
pub struct Case {
    /// What is recorded; its number and its answer are not known before it is closed.
    pub record: Record,
    /// The verdict's status.
    pub status: Status,
    /// Whose request it is, as far as can be told.
    pub provider: Option<Rc<Provider>>,
    /// The answer to it, where it is a handshake.
    pub greeting: Option<Solved>,
    /// Why it could not be written to the log, where it could not.
    pub unwritten: Option<Error>,
    /// Why the log goes on in a file that is larger than it should be, where it does.
    pub unrotated: Option<Error>,
    watch: Stopwatch,
}

impl Case {
    /// The time since the request was whole.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.watch.elapsed()
    }

    /// Whether it is a handshake, which is no event.
    #[must_use]
    pub fn is_handshake(&self) -> bool {
        self.greeting.is_some()
    }
}

/// What is answered where it cannot be told whose request it is; it is what most receivers' samples do.
const UNKNOWN: (u16, &str) = (400, "Invalid signature");

impl<'a> Desk<'a> {
    /// A desk with a log, or without one.
    #[must_use]
    pub fn new(judge: Judge<'a>, policy: Policy, log: Option<Log>) -> Self {
        Self { judge, policy, books: RefCell::new(Books { log, seen: Seen::default(), count: 0 }) }
    }

    /// Judges one request. Nothing is recorded yet.
    pub fn open(&self, capture: Box<Capture>) -> Result<Box<Case>> {
        let watch = Stopwatch::start();
        let now = capture.at.map_or(0, jiff::Timestamp::as_second);
        let headers = capture.headers.borrowed();
        let request = capture.request(&headers);
        let judgement = self.judge.judge(&request, now)?;
        let greeting = self.judge.greet(&request, &judgement)?;
        let Judgement { status, provider, event_type, event_id, finding, message, detected, .. } = judgement;
        let verdict = Verdict {
            status: status.name().into(),
            provider: provider.as_ref().map(|provider| provider.name.clone()),
            event_type,
            event_id,
            cause: finding.map(|finding| finding.cause.name().to_owned()),
            message: if greeting.is_some() { "a handshake, answered".into() } else { message },
            detected,
        };
        let response = Response::new(None, "listen", Duration::ZERO);
        let record = Record { seq: 0, capture, verdict, duplicate: false, response };
        Ok(Box::new(Case { record, status, provider, greeting, unwritten: None, unrotated: None, watch }))
    }

    /// What the listener answers by itself.
    #[must_use]
    pub fn reply(&self, case: &Case) -> Reply {
        if let Some(Solved { status, content_type, body }) = &case.greeting {
            return Reply::new(*status, content_type, Bytes::copy_from_slice(body.as_bytes()));
        }
        let valid = case.status == Status::Valid || self.policy == Policy::Accept;
        match (&case.provider, valid) {
            (Some(provider), true) => fixed(&provider.answers.ok),
            (Some(provider), false) => fixed(&provider.answers.invalid),
            (None, true) => Reply::text(200, "OK"),
            (None, false) => Reply::text(UNKNOWN.0, UNKNOWN.1),
        }
    }

    /// Records a request, whose record says what `reply` is. When this returns, the record is as safe as the log is
    /// asked to make it, and the reply that this gives may be sent.
    ///
    /// What could not be recorded is answered 503 instead, so that the provider sends it again.
    pub async fn close(&self, case: &mut Case, reply: Reply) -> Reply {
        let (entry, mark) = self.enter(case);
        let failed = match entry {
            Some(Ok(mut entry)) => {
                case.unrotated = entry.unrotated.take().map(|error| self.trouble("begin a new file for", error));
                entry.kept().await.err()
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        let Some(error) = failed else { return reply };
        if let Some(mark) = mark {
            self.books.borrow_mut().seen.forget(mark);
        }
        // What is not recorded must not be acknowledged: the provider will send it again.
        case.unwritten = Some(self.trouble("write to", error));
        let reply = Reply::text(503, "the request could not be recorded");
        case.record.response.status = Some(reply.status());
        reply
    }

    /// Enters a request into the books; gives the mark of its id where that is new.
    fn enter(&self, case: &mut Case) -> (Option<io::Result<Entry>>, Option<Mark>) {
        let mut books = self.books.borrow_mut();
        let Books { log, seen, count } = &mut *books;
        let record = &mut case.record;
        // Only a valid request makes its id known: nobody else can make a genuine one look like a repeat.
        let known = match (&record.verdict.provider, &record.verdict.event_id) {
            (Some(provider), Some(id)) if case.status == Status::Valid => Some(seen.mark(provider, id)),
            _ => None,
        };
        record.duplicate = known.is_some_and(|mark| seen.knows(mark));
        *count += 1;
        record.seq = *count;
        if let Some(mark) = known {
            seen.remember(mark);
        }
        let new = known.filter(|_| !record.duplicate);
        (log.as_ref().map(|log| log.append(record)), new)
    }

    fn trouble(&self, what: &str, error: io::Error) -> Error {
        let books = self.books.borrow();
        let log = books.log.as_ref().map_or_else(String::new, |log| format!(" {}", log.path().display()));
        Error::new(format!("cannot {what} the log{log}")).cause(error)
    }
}

fn fixed(answer: &Answer) -> Reply {
    Reply::new(answer.status, &answer.content_type, Bytes::copy_from_slice(answer.body.as_bytes()))
}
