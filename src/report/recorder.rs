//! Collects the cases of a run within fixed limits, and counts all of them.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::case::{Case, Outcome, line};

/// The number of failed and errored cases that a report lists: the first ones.
pub const MAX_FAILED_CASES: u64 = 10_000;

/// The number of passed and skipped cases that a report lists: the first ones.
pub const MAX_OTHER_CASES: u64 = 10_000;

/// The longest reason of an early end, in characters.
const MAX_REASON: usize = 1000;

/// Numbers of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Cases that did what was expected.
    pub passed: u64,
    /// Cases that did something else.
    pub failed: u64,
    /// Cases that did something else, which is advice and not a failure of the run.
    #[serde(skip_serializing_if = "is_zero")]
    pub advised: u64,
    /// Cases that could not be tested.
    pub errored: u64,
    /// Cases that were left out on purpose.
    pub skipped: u64,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed { .. } => &mut self.failed,
            Outcome::Advised { .. } => &mut self.advised,
            Outcome::Errored { .. } => &mut self.errored,
            Outcome::Skipped { .. } => &mut self.skipped,
        } += 1;
    }

    /// The number of cases that did not do what was expected.
    pub(super) fn not_passed(&self) -> u64 {
        self.failed + self.advised + self.errored
    }

    /// The sum of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.passed + self.failed + self.advised + self.errored + self.skipped
    }

    /// All numbers that are not 0, such as `3 passed, 1 failed`.
    #[must_use]
    pub fn summary(&self) -> String {
        let all = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.advised, "advised"),
            (self.errored, "errored"),
            (self.skipped, "skipped"),
        ];
        let parts: Vec<String> =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        if parts.is_empty() { "no cases".to_owned() } else { parts.join(", ") }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The way in which a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was tested.
    Complete,
    /// A signal ended it early.
    Interrupted,
    /// An error ended it early.
    Error(String),
}

impl Ending {
    /// The name and the message of an early end.
    pub(super) fn reason(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Complete => None,
            Self::Interrupted => Some(("interrupted", "the run was interrupted before everything was tested")),
            Self::Error(message) => Some(("error", message)),
        }
    }
}

/// Cases that belong together, such as those of one provider.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) name: String,
    pub(super) cases: Vec<Case>,
}

/// The results of one run.
#[derive(Clone, Debug)]
pub struct RunReport {
    pub(super) command: &'static str,
    /// The part of its name after the command, such as the provider.
    pub(super) scope: Option<String>,
    pub(super) version: &'static str,
    pub(super) started: Timestamp,
    pub(super) duration: Duration,
    pub(super) ending: Ending,
    pub(super) properties: Vec<(&'static str, String)>,
    /// All cases, listed or not.
    pub(super) counts: Counts,
    /// The cases beyond the limits: counted, but not listed.
    pub(super) not_listed: Counts,
    pub(super) groups: Vec<Group>,
}

/// Collects the cases of a run. Its memory is bounded by [`MAX_FAILED_CASES`] and [`MAX_OTHER_CASES`].
#[derive(Debug)]
pub struct Recorder {
    report: RunReport,
    /// The position of each group.
    positions: HashMap<String, usize>,
    /// The number of cases with the same name, by group.
    names: HashMap<(usize, String), u64>,
}

impl Recorder {
    /// A recorder of a run that starts at this time.
    #[must_use]
    pub fn new(command: &'static str, started: Timestamp) -> Self {
        let report = RunReport {
            command,
            scope: None,
            version: env!("CARGO_PKG_VERSION"),
            started,
            duration: Duration::ZERO,
            ending: Ending::Complete,
            properties: Vec::new(),
            counts: Counts::default(),
            not_listed: Counts::default(),
            groups: Vec::new(),
        };
        Self { report, positions: HashMap::new(), names: HashMap::new() }
    }

    /// Sets the part of the run's name after the command, such as the provider.
    pub fn set_scope(&mut self, scope: &str) {
        self.report.scope = Some(line(scope, MAX_REASON));
    }

    /// Notes a fact about the whole run, such as the URL of the handler.
    pub fn property(&mut self, name: &'static str, value: &str) {
        self.report.properties.push((name, line(value, MAX_REASON)));
    }

    /// Shows whether the next case that failed, or the next other case, is listed.
    fn has_room(&self, failed: bool) -> bool {
        let (all, hidden) = (&self.report.counts, &self.report.not_listed);
        if failed {
            all.not_passed() - hidden.not_passed() < MAX_FAILED_CASES
        } else {
            all.passed + all.skipped - hidden.passed - hidden.skipped < MAX_OTHER_CASES
        }
    }

    /// Counts a case, and keeps it if there is room.
    pub fn record(&mut self, mut case: Case) {
        let room = self.has_room(!matches!(case.outcome, Outcome::Passed | Outcome::Skipped { .. }));
        self.report.counts.add(&case.outcome);
        if !room {
            self.report.not_listed.add(&case.outcome);
            return;
        }
        let at = self.position(&case.group);
        // CI systems tell cases apart by group and name, and ignore a second one of the same name.
        let seen = self.names.entry((at, case.name.clone())).or_default();
        *seen += 1;
        if *seen > 1 {
            case.name = format!("{} ({seen})", case.name);
        }
        self.report.groups[at].cases.push(case);
    }

    /// The position of a group, which is added if it is new.
    fn position(&mut self, group: &str) -> usize {
        if let Some(at) = self.positions.get(group) {
            return *at;
        }
        let at = self.report.groups.len();
        self.report.groups.push(Group { name: group.to_owned(), cases: Vec::new() });
        self.positions.insert(group.to_owned(), at);
        at
    }

    /// Ends the run.
    #[must_use]
    pub fn finish(mut self, ending: Ending, duration: Duration) -> RunReport {
        self.report.ending = match ending {
            Ending::Error(message) => Ending::Error(line(&message, MAX_REASON)),
            other => other,
        };
        self.report.duration = duration;
        self.report
    }
}

impl RunReport {
    /// Returns the report as JUnit.
    #[must_use]
    pub fn to_junit(&self) -> String {
        text(|writer| super::junit::write(self, writer))
    }

    /// Returns the report as TAP 14.
    #[must_use]
    pub fn to_tap(&self) -> String {
        text(|writer| super::tap::write(self, writer))
    }

    /// The name of the run: the command and its scope.
    pub(super) fn name(&self) -> String {
        match &self.scope {
            Some(scope) => format!("whk {} {scope}", self.command),
            None => format!("whk {}", self.command),
        }
    }

    /// Each listed case, in the order of the groups.
    pub(super) fn cases(&self) -> impl Iterator<Item = &Case> {
        self.groups.iter().flat_map(|group| &group.cases)
    }

    /// A sentence about the cases that are counted and not listed.
    pub(super) fn omission(&self) -> Option<String> {
        let hidden = self.not_listed;
        (hidden.total() > 0).then(|| {
            format!(
                "not listed: {} (a report lists the first {MAX_FAILED_CASES} failures and the first {MAX_OTHER_CASES} other cases)",
                hidden.summary()
            )
        })
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("memory can be written");
    String::from_utf8(bytes).expect("reports are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_cases_are_counted_and_only_the_first_ones_kept() {
        let mut recorder = Recorder::new("verify", Timestamp::UNIX_EPOCH);
        for number in 0..1_000_000_u64 {
            recorder.record(match number % 4 {
                0 => Case::failed("a", "same", "cause", "message"),
                _ => Case::passed("b", "same"),
            });
        }
        let report = recorder.finish(Ending::Complete, Duration::ZERO);
        assert_eq!(report.counts, Counts { passed: 750_000, failed: 250_000, ..Counts::default() });
        assert_eq!(report.not_listed, Counts { passed: 740_000, failed: 240_000, ..Counts::default() });
        assert_eq!(report.cases().count(), 20_000);
        assert_eq!(
            report.omission().unwrap(),
            "not listed: 740000 passed, 240000 failed (a report lists the first 10000 failures and the first 10000 other cases)"
        );
    }

    #[test]
    fn a_repeated_name_is_numbered() {
        let mut recorder = Recorder::new("send", Timestamp::UNIX_EPOCH);
        for group in ["a", "a", "b", "a"] {
            recorder.record(Case::passed(group, "name"));
        }
        let report = recorder.finish(Ending::Complete, Duration::ZERO);
        let names: Vec<(&str, &str)> = report.cases().map(|case| (case.group.as_str(), case.name.as_str())).collect();
        assert_eq!(names, [("a", "name"), ("a", "name (2)"), ("a", "name (3)"), ("b", "name")]);
    }
}
