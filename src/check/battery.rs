//! The battery: every check as a row of data.

use std::borrow::Cow;

use super::procedure::Procedure;
use super::request::{CheckRequest, RequestBuilder};
use super::{accepts, behaves, rejects, timestamps};
use crate::error::Result;

/// The part of the battery that a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckGroup {
    /// Requests that the provider sends, which a handler must accept.
    Accepts,
    /// Requests that nobody but a forger sends, which a handler must reject.
    Rejects,
    /// Everything else that a handler needs in production.
    Behaves,
}

impl CheckGroup {
    /// The groups in the order in which they run.
    pub const ALL: [Self; 3] = [Self::Accepts, Self::Rejects, Self::Behaves];

    /// Returns the name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepts => "accepts",
            Self::Rejects => "rejects",
            Self::Behaves => "behaves",
        }
    }
}

/// The weight of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A failure loses no event and lets nobody in, but costs something.
    Recommended,
    /// A failure means that a forged, changed or replayed request is accepted, that a real event is rejected, or that
    /// anybody can crash the handler.
    Required,
}

impl Level {
    /// Returns the name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
        }
    }
}

/// What a handler must do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Accept it with a status that the provider counts as delivered.
    Accepted,
    /// Accept it, or at least not fail: rejecting it is only against the recommendation.
    AcceptedOrHandled,
    /// Reject it with 4xx.
    Rejected,
    /// Respond with anything but 5xx.
    Handled,
    /// Respond with anything but 5xx and 2xx.
    HandledNotAccepted,
}

/// One request of a check.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) name: Cow<'static, str>,
    pub(super) request: CheckRequest,
    pub(super) expected: Expected,
    /// The level of this request, if it is not the check's.
    pub(super) level: Option<Level>,
    /// The time limit in milliseconds, if it is not the provider's.
    pub(super) limit: Option<u64>,
}

impl Variant {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, expected: Expected, request: CheckRequest) -> Self {
        Self { name: name.into(), request, expected, level: None, limit: None }
    }

    pub(super) fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    pub(super) fn within(mut self, milliseconds: u64) -> Self {
        self.limit = Some(milliseconds);
        self
    }
}

/// The requests of a check, or the reason why the provider's scheme cannot express it.
pub(super) type Plan = Result<std::result::Result<Vec<Variant>, Cow<'static, str>>>;

/// The way in which a check runs.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Independent requests, one after the other, each on a connection of its own.
    Requests(fn(&RequestBuilder) -> Plan),
    /// A procedure of its own.
    Procedure(Procedure),
}

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Name; stable, lower-case with hyphens.
    pub id: &'static str,
    /// Group.
    pub group: CheckGroup,
    /// Level, unless a single request or the provider's data says otherwise.
    pub level: Level,
    /// The reason for the check in one sentence.
    pub reason: &'static str,
    /// Address of the rule, or of an incident.
    pub rule: &'static str,
    /// The remedy for a failure.
    pub(super) fix: &'static str,
    /// True for the checks of `--quick`.
    pub(super) quick: bool,
    pub(super) run: Run,
}

impl Check {
    const fn new(
        group: CheckGroup,
        id: &'static str,
        level: Level,
        reason: &'static str,
        rule: &'static str,
        fix: &'static str,
        run: Run,
    ) -> Self {
        Self { id, group, level, reason, rule, fix, quick: false, run }
    }
}

/// A row of [`CheckGroup::Accepts`].
pub(super) const fn accepts_check(
    id: &'static str,
    level: Level,
    reason: &'static str,
    rule: &'static str,
    fix: &'static str,
    run: Run,
) -> Check {
    Check::new(CheckGroup::Accepts, id, level, reason, rule, fix, run)
}

/// A row of [`CheckGroup::Rejects`].
pub(super) const fn rejects_check(
    id: &'static str,
    level: Level,
    reason: &'static str,
    rule: &'static str,
    fix: &'static str,
    run: fn(&RequestBuilder) -> Plan,
) -> Check {
    Check::new(CheckGroup::Rejects, id, level, reason, rule, fix, Run::Requests(run))
}

/// A row of [`CheckGroup::Behaves`].
pub(super) const fn behaves_check(
    id: &'static str,
    level: Level,
    reason: &'static str,
    rule: &'static str,
    fix: &'static str,
    run: Run,
) -> Check {
    Check::new(CheckGroup::Behaves, id, level, reason, rule, fix, run)
}

/// The same row, as a part of `--quick`.
pub(super) const fn quick(check: Check) -> Check {
    Check { quick: true, ..check }
}

/// Short forms of the addresses that several rules share.
pub(super) mod rules {
    pub(in crate::check) const STANDARD: &str =
        "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md";
    pub(in crate::check) const RFC9112: &str = "https://www.rfc-editor.org/rfc/rfc9112";
    pub(in crate::check) const RFC8259: &str = "https://www.rfc-editor.org/rfc/rfc8259";
    pub(in crate::check) const CLOUDEVENTS: &str =
        "https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md";
    pub(in crate::check) const OWASP: &str =
        "https://cheatsheetseries.owasp.org/cheatsheets/Webhook_Security_Guidelines_Cheat_Sheet.html";
}

/// Returns all checks in the order in which they run.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    accepts::CHECKS.iter().chain(rejects::CHECKS).chain(timestamps::CHECKS).chain(behaves::CHECKS)
}

/// Skips a check, with the reason.
#[expect(clippy::unnecessary_wraps, reason = "it is the end of functions that return a plan")]
pub(super) fn skip(reason: impl Into<Cow<'static, str>>) -> Plan {
    Ok(Err(reason.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_check_has_an_id_of_its_own_a_reason_and_a_rule() {
        let mut ids = HashSet::new();
        for check in checks() {
            assert!(ids.insert(check.id), "{} twice", check.id);
            assert!(check.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(check.reason.ends_with('.') && check.reason.len() < 130, "{}: {}", check.id, check.reason);
            assert!(check.rule.starts_with("https://"), "{}", check.id);
            assert!(!check.fix.is_empty(), "{}", check.id);
        }
        assert!(ids.len() >= 80, "{}", ids.len());
    }

    #[test]
    fn groups_are_in_order() {
        let groups: Vec<usize> =
            checks().map(|check| CheckGroup::ALL.iter().position(|group| *group == check.group).unwrap()).collect();
        assert!(groups.is_sorted());
    }
}
