//! The desk: judges a request; once it is known what will be answered, records both, and only then lets the answer go.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::Reply;
use super::seen::Seen;
use crate::capture::{Capture, Log, Record, Response, Verdict, Written};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::provider::{Answer, Judge, Judgement, Provider, Status};

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

/// A request that was judged and is not answered yet.
pub struct Case {
    /// The request.
    pub capture: Capture,
    /// What was found out about it.
    pub judgement: Judgement,
    /// Whether it is a handshake, which `reply` answers.
    pub handshake: bool,
    /// What the listener would answer by itself.
    pub reply: Reply,
    watch: Stopwatch,
}

impl Case {
    /// The time since the request was whole.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.watch.elapsed()
    }
}

/// A request that was dealt with.
pub struct Dealt {
    /// What is answered.
    pub reply: Reply,
    /// What was recorded.
    pub record: Record,
    /// Whose request it is, as far as can be told.
    pub provider: Option<Rc<Provider>>,
    /// Why it could not be written to the log, where it could not.
    pub unwritten: Option<Error>,
    /// Why the log goes on in a file that is larger than it should be, where it does.
    pub unrotated: Option<Error>,
}

/// What is answered where it cannot be told whose request it is; it is what most receivers' samples do.
const UNKNOWN: (u16, &str) = (400, "Invalid signature");

impl<'a> Desk<'a> {
    /// A desk with a log, or without one.
    #[must_use]
    pub fn new(judge: Judge<'a>, policy: Policy, log: Option<Log>) -> Self {
        Self { judge, policy, books: RefCell::new(Books { log, seen: Seen::default(), count: 0 }) }
    }

    /// Judges one request, and says what the listener would answer by itself. Nothing is recorded yet.
    pub fn open(&self, capture: Capture) -> Result<Case> {
        let watch = Stopwatch::start();
        let now = capture.at.map_or(0, jiff::Timestamp::as_second);
        let (mut judgement, greeting) = capture.as_request(|request| {
            let judgement = self.judge.judge(request, now)?;
            let greeting = self.judge.greet(request, &judgement)?;
            Result::Ok((judgement, greeting))
        })?;
        let handshake = greeting.is_some();
        let reply = match greeting {
            Some(solved) => {
                "a handshake, answered".clone_into(&mut judgement.message);
                Reply::new(solved.status, &solved.content_type, solved.body.into())
            }
            None => self.answer(&judgement),
        };
        Ok(Case { capture, judgement, handshake, reply, watch })
    }

    /// Records a request with its answer. When this returns, the record is as safe as the log is asked to make it, and
    /// the answer may be sent.
    ///
    /// What could not be recorded is answered 503 instead, so that the provider sends it again.
    pub async fn close(&self, case: Case, reply: Reply, response: Response) -> Dealt {
        let (mut dealt, written) = self.enter(case, reply, response);
        let failed = match written {
            Some(Ok(mut written)) => {
                dealt.unrotated = written.unrotated.take().map(|error| self.trouble("begin a new file for", error));
                written.durable().await.err()
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        if let Some(error) = failed {
            // What is not recorded must not be acknowledged: the provider will send it again.
            dealt.unwritten = Some(self.trouble("write to", error));
            dealt.reply = Reply::text(503, "the request could not be recorded");
            dealt.record.response.status = Some(dealt.reply.status());
        }
        dealt
    }

    /// Enters a request into the books.
    fn enter(&self, case: Case, reply: Reply, response: Response) -> (Dealt, Option<io::Result<Written>>) {
        let Case { capture, judgement, .. } = case;
        let valid = judgement.status == Status::Valid;
        let (provider, verdict) = verdict(judgement);
        let mut books = self.books.borrow_mut();
        let Books { log, seen, count } = &mut *books;
        // Only a valid request makes its id known: nobody else can make a genuine one look like a repeat.
        let known = match (&verdict.provider, &verdict.event_id) {
            (Some(provider), Some(id)) if valid => Some(seen.mark(provider, id)),
            _ => None,
        };
        let duplicate = known.is_some_and(|mark| seen.knows(mark));
        *count += 1;
        let record = Record { seq: *count, capture, verdict, duplicate, response };
        let written = log.as_mut().map(|log| log.append(&record));
        if let Some(mark) = known.filter(|_| !matches!(written, Some(Err(_)))) {
            seen.remember(mark);
        }
        (Dealt { reply, record, provider, unwritten: None, unrotated: None }, written)
    }

    fn trouble(&self, what: &str, error: io::Error) -> Error {
        let books = self.books.borrow();
        let log = books.log.as_ref().map_or_else(String::new, |log| format!(" {}", log.path().display()));
        Error::new(format!("cannot {what} the log{log}")).cause(error)
    }

    fn answer(&self, judgement: &Judgement) -> Reply {
        let valid = judgement.status == Status::Valid || self.policy == Policy::Accept;
        match (&judgement.provider, valid) {
            (Some(provider), true) => fixed(&provider.answers.ok),
            (Some(provider), false) => fixed(&provider.answers.invalid),
            (None, true) => Reply::text(200, "OK"),
            (None, false) => Reply::text(UNKNOWN.0, UNKNOWN.1),
        }
    }
}

/// What is recorded of a judgement, and whose request it is.
fn verdict(judgement: Judgement) -> (Option<Rc<Provider>>, Verdict) {
    let verdict = Verdict {
        status: judgement.status.name().into(),
        provider: judgement.provider.as_ref().map(|provider| provider.name.clone()),
        event_type: judgement.event_type,
        event_id: judgement.event_id,
        cause: judgement.finding.map(|finding| finding.cause.name().to_owned()),
        message: judgement.message,
        detected: judgement.detected,
    };
    (judgement.provider, verdict)
}

fn fixed(answer: &Answer) -> Reply {
    Reply::new(answer.status, &answer.content_type, Bytes::copy_from_slice(answer.body.as_bytes()))
}
