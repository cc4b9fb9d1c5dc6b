//! The results of checks.

use std::time::Duration;

use bytes::Bytes;

use super::battery::{CheckGroup, Level};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The handler did what was expected.
    Passed,
    /// It did something else.
    Failed,
    /// The check does not apply, or could not be judged.
    Skipped,
}

/// The reason of a failure, as reports name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// A request was accepted that a handler must reject.
    Accepted,
    /// A response gave away a secret or a signature.
    Leaked,
    /// An event had another number of effects than it should.
    Effect,
    /// The handler failed: 5xx, or it no longer responds.
    Crashed,
    /// A valid request was rejected.
    Refused,
    /// It responded with a redirect.
    Redirected,
    /// The connection was closed without a response.
    Closed,
    /// There was no response in time.
    Timeout,
}

impl FailureKind {
    /// Returns the name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Leaked => "leaked",
            Self::Effect => "effect",
            Self::Crashed => "crashed",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
        }
    }
}

/// A request as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// The method.
    pub method: String,
    /// The complete URL.
    pub url: String,
    /// The headers in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    pub body: Bytes,
    /// What the command line of curl cannot repeat, such as pauses; nothing if it repeats the request exactly.
    pub not_repeatable: Option<String>,
}

/// A response as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedResponse {
    /// The status.
    pub status: u16,
    /// The headers in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body, or its beginning.
    pub body: Bytes,
    /// Time from the first byte of the request to the end of the response.
    pub duration: Duration,
}

/// The result of one request of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantResult {
    /// Its name, such as the header that was missing.
    pub name: String,
    /// The outcome.
    pub outcome: CheckOutcome,
}

/// The result of a check.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The id of the check.
    pub id: &'static str,
    /// Its group.
    pub group: CheckGroup,
    /// Its level; that of the worst failure if it failed.
    pub level: Level,
    /// The outcome.
    pub outcome: CheckOutcome,
    /// The reason of a failure.
    pub kind: Option<FailureKind>,
    /// True if it could not be judged, because the handler was gone or did not respond.
    pub not_judged: bool,
    /// One line: what happened, or why it was skipped; empty if it passed.
    pub message: String,
    /// The reason for the check.
    pub reason: &'static str,
    /// The remedy, if it failed.
    pub fix: Option<String>,
    /// Address of the rule.
    pub rule: &'static str,
    /// Time that it took.
    pub duration: Duration,
    /// Number of requests that were sent.
    pub requests: u32,
    /// The request that failed, or else the last one.
    pub request: Option<SentRequest>,
    /// Its response.
    pub response: Option<ReceivedResponse>,
    /// The requests of the check, if there are several.
    pub variants: Vec<VariantResult>,
    /// The output of the handler while the check ran, if `whk` started it.
    pub handler_output: Option<String>,
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Checks that passed.
    pub passed: u32,
    /// Required checks that failed.
    pub failed_required: u32,
    /// Recommended checks that failed.
    pub failed_recommended: u32,
    /// Checks that do not apply.
    pub skipped: u32,
    /// Checks that could not be judged.
    pub not_judged: u32,
}

impl CheckCounts {
    /// Counts a result.
    pub fn add(&mut self, result: &CheckResult) {
        *match (result.outcome, result.level) {
            (CheckOutcome::Passed, _) => &mut self.passed,
            (CheckOutcome::Failed, Level::Required) => &mut self.failed_required,
            (CheckOutcome::Failed, Level::Recommended) => &mut self.failed_recommended,
            (CheckOutcome::Skipped, _) if result.not_judged => &mut self.not_judged,
            (CheckOutcome::Skipped, _) => &mut self.skipped,
        } += 1;
    }

    /// True if a check of this level or above failed.
    #[must_use]
    pub fn failed_at(&self, level: Level) -> bool {
        self.failed_required > 0 || level == Level::Recommended && self.failed_recommended > 0
    }
}
