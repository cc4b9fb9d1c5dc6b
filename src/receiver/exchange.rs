//! A request while it is handled: its verdict, and the record that grows with it.

use std::rc::Rc;
use std::time::Duration;

use crate::capture::Record;
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::provider::Provider;
use crate::signing::ChallengeResponse;
use crate::verification::VerdictStatus;

/// A request with its verdict. It is large, and is not moved from beginning to end.
pub struct Exchange {
    /// The record; its number and its response are not known before it is finished.
    pub record: Record,
    /// The status of the verdict.
    pub status: VerdictStatus,
    /// The provider that sent the request, if known.
    pub provider: Option<Rc<Provider>>,
    /// The response to a challenge, if the request is one.
    pub challenge_response: Option<ChallengeResponse>,
    /// The error that kept the record out of the log, if any.
    pub log_error: Option<Error>,
    /// The error that kept the log from rotating, if any.
    pub rotation_error: Option<Error>,
    pub(super) started: Stopwatch,
}

impl Exchange {
    /// Returns the time since the request was complete.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// True for a challenge, which is not an event.
    #[must_use]
    pub fn is_challenge(&self) -> bool {
        self.challenge_response.is_some()
    }

    /// True for a GET or HEAD request without a signature, such as a browser sends to see if someone listens.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        matches!(&*self.record.capture.method, "GET" | "HEAD")
            && self.status == VerdictStatus::Unsigned
            && !self.is_challenge()
    }
}
