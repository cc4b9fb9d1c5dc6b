//! A request while it is handled: its verdict, and the record that grows with it.

use std::rc::Rc;
use std::time::Duration;

use crate::capture::Record;
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::provider::{Provider, Status};
use crate::signing::Solved;

/// A request on its way through the desk. It is large, and stays where it is from beginning to end.
pub struct Exchange {
    /// What is recorded; its number and its answer are not known before it is closed.
    pub record: Record,
    /// The verdict's status.
    pub status: Status,
    /// Whose request it is, as far as can be told.
    pub provider: Option<Rc<Provider>>,
    /// The answer to it, where it is a handshake.
    pub challenge_response: Option<Solved>,
    /// Why it could not be written to the log, where it could not.
    pub log_error: Option<Error>,
    /// Why the log goes on in a file that is larger than it should be, where it does.
    pub rotation_error: Option<Error>,
    pub(super) started: Stopwatch,
}

impl Exchange {
    /// The time since the request was whole.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether it is a handshake, which is no event.
    #[must_use]
    pub fn is_challenge(&self) -> bool {
        self.challenge_response.is_some()
    }
}
