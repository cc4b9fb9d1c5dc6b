//! The desk: judges a request, records it, and only then answers.

use bytes::Bytes;

use super::Reply;
use super::seen::Seen;
use crate::capture::{Capture, Log, Record, Response, Verdict};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::provider::{Answer, Judge, Judgement, Status};

/// What is answered to a request that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// As the provider's own samples do.
    Reject,
    /// As if it were valid.
    Accept,
}

/// Judges, records and answers, one request at a time.
pub struct Desk<'a> {
    judge: Judge<'a>,
    policy: Policy,
    log: Option<Log>,
    seen: Seen,
    count: u64,
}

/// A request that was dealt with.
pub struct Dealt {
    /// What is answered.
    pub reply: Reply,
    /// What was recorded.
    pub record: Record,
    /// Sender and recipient, as the provider's data finds them in the body.
    pub people: (Option<String>, Option<String>),
    /// Why it could not be written to the log, where it could not.
    pub unwritten: Option<Error>,
}

/// What is answered where it cannot be told whose request it is; it is what most receivers' samples do.
const UNKNOWN: (u16, &str) = (400, "Invalid signature");

impl<'a> Desk<'a> {
    /// A desk with a log, or without one.
    #[must_use]
    pub fn new(judge: Judge<'a>, policy: Policy, log: Option<Log>) -> Self {
        Self { judge, policy, log, seen: Seen::default(), count: 0 }
    }

    /// Deals with one request. When this returns, the record is in the log, and the answer may be sent.
    pub fn deal(&mut self, capture: Capture) -> Result<Dealt> {
        let watch = Stopwatch::start();
        let now = capture.at.map_or(0, jiff::Timestamp::as_second);
        let judgement = capture.as_request(|request| self.judge.judge(request, now))?;
        let people = capture.as_request(|request| {
            judgement.provider.as_ref().map_or((None, None), |provider| provider.people(request))
        });
        let greeting = capture.as_request(|request| self.judge.greet(request, &judgement))?;
        let mut judgement = judgement;
        let mut reply = match greeting {
            Some(solved) => {
                "a handshake, answered".clone_into(&mut judgement.message);
                Reply { status: solved.status, content_type: solved.content_type, body: solved.body.into() }
            }
            None => self.answer(&judgement),
        };
        // Only a valid request makes its id known: nobody else can make a genuine one look like a repeat.
        let known = match (&judgement.provider, &judgement.event_id) {
            (Some(provider), Some(id)) if judgement.status == Status::Valid => {
                Some((provider.name.as_str(), id.as_str()))
            }
            _ => None,
        };
        let duplicate = known.is_some_and(|(provider, id)| self.seen.knows(provider, id));
        self.count += 1;
        let mut record = Record {
            seq: self.count,
            capture,
            verdict: verdict(&judgement),
            duplicate,
            response: Response {
                status: reply.status,
                by: "listen".into(),
                duration_ms: (watch.elapsed().as_secs_f64() * 1e6).round() / 1e3,
            },
        };
        let mut unwritten = None;
        if let Some(log) = &mut self.log
            && let Err(error) = log.append(&record)
        {
            // What is not recorded must not be acknowledged: the provider will send it again.
            let shown = log.path().display().to_string();
            unwritten = Some(Error::new(format!("cannot write to the log {shown}")).cause(error));
            reply = text(503, "the request could not be recorded");
            record.response.status = reply.status;
        } else if let Some((provider, id)) = known {
            self.seen.remember(provider, id);
        }
        Ok(Dealt { reply, record, people, unwritten })
    }

    fn answer(&self, judgement: &Judgement) -> Reply {
        let valid = judgement.status == Status::Valid || self.policy == Policy::Accept;
        match (&judgement.provider, valid) {
            (Some(provider), true) => fixed(&provider.answers.ok),
            (Some(provider), false) => fixed(&provider.answers.invalid),
            (None, true) => text(200, "OK"),
            (None, false) => text(UNKNOWN.0, UNKNOWN.1),
        }
    }
}

fn verdict(judgement: &Judgement) -> Verdict {
    Verdict {
        status: judgement.status.name().to_owned(),
        provider: judgement.provider.as_ref().map(|provider| provider.name.clone()),
        event_type: judgement.event_type.clone(),
        event_id: judgement.event_id.clone(),
        cause: judgement.finding.as_ref().map(|finding| finding.cause.name().to_owned()),
        message: judgement.message.clone(),
        detected: judgement.detected.clone(),
    }
}

fn fixed(answer: &Answer) -> Reply {
    Reply {
        status: answer.status,
        content_type: answer.content_type.clone(),
        body: Bytes::copy_from_slice(answer.body.as_bytes()),
    }
}

fn text(status: u16, body: &'static str) -> Reply {
    Reply { status, content_type: "text/plain; charset=utf-8".to_owned(), body: Bytes::from_static(body.as_bytes()) }
}
