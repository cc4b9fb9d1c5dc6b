//! One result of a run, independent of the command that produced it.

use std::time::Duration;

use crate::sanitize::sanitize;

/// The longest name of a case or a group, in characters.
const MAX_NAME: usize = 300;

/// The longest message or detail, in characters.
const MAX_TEXT: usize = 1000;

/// The longest command, in characters.
const MAX_COMMAND: usize = 4 << 20;

/// The result of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what was expected.
    Passed,
    /// It did something else.
    Failed {
        /// A stable name of the reason, in lower case with hyphens.
        kind: String,
        /// One line for people.
        message: String,
    },
    /// It did something else, which is advice and not a failure of the run.
    Advised {
        /// A stable name of the reason, in lower case with hyphens.
        kind: String,
        /// One line for people.
        message: String,
    },
    /// It could not be tested.
    Errored {
        /// A stable name of the reason, in lower case with hyphens.
        kind: String,
        /// One line for people.
        message: String,
    },
    /// It was left out on purpose.
    Skipped {
        /// One line for people.
        reason: String,
    },
}

/// One thing that a run tested. Text from outside is made harmless and cut to a bounded length on its way in.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) duration: Option<Duration>,
    pub(super) outcome: Outcome,
    pub(super) details: Vec<(&'static str, String)>,
}

impl Case {
    /// A case that passed.
    #[must_use]
    pub fn passed(group: &str, name: &str) -> Self {
        Self {
            group: line(group, MAX_NAME),
            name: line(name, MAX_NAME),
            duration: None,
            outcome: Outcome::Passed,
            details: Vec::new(),
        }
    }

    /// A case that failed; `kind` is a stable name of the reason.
    #[must_use]
    pub fn failed(group: &str, name: &str, kind: &str, message: &str) -> Self {
        let outcome = Outcome::Failed { kind: line(kind, MAX_NAME), message: line(message, MAX_TEXT) };
        Self { outcome, ..Self::passed(group, name) }
    }

    /// A case that failed below the level at which the run fails; `kind` is a stable name of the reason.
    #[must_use]
    pub fn advised(group: &str, name: &str, kind: &str, message: &str) -> Self {
        let outcome = Outcome::Advised { kind: line(kind, MAX_NAME), message: line(message, MAX_TEXT) };
        Self { outcome, ..Self::passed(group, name) }
    }

    /// A case that could not be tested.
    #[must_use]
    pub fn errored(group: &str, name: &str, kind: &str, message: &str) -> Self {
        let outcome = Outcome::Errored { kind: line(kind, MAX_NAME), message: line(message, MAX_TEXT) };
        Self { outcome, ..Self::passed(group, name) }
    }

    /// A case that was left out on purpose.
    #[must_use]
    pub fn skipped(group: &str, name: &str, reason: &str) -> Self {
        Self { outcome: Outcome::Skipped { reason: line(reason, MAX_TEXT) }, ..Self::passed(group, name) }
    }

    /// Sets the time that it took.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Adds a named detail, of one line or several. A second detail of the same name continues the first.
    #[must_use]
    pub fn detail(self, name: &'static str, text: &str) -> Self {
        self.bounded_detail(name, text, MAX_TEXT)
    }

    /// Adds a command, which is of no use unless it is complete.
    #[must_use]
    pub fn command(self, name: &'static str, command: &str) -> Self {
        self.bounded_detail(name, command, MAX_COMMAND)
    }

    fn bounded_detail(mut self, name: &'static str, text: &str, longest: usize) -> Self {
        let text = lines(text, longest);
        match self.details.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push('\n');
                known.push_str(&text);
            }
            None => self.details.push((name, text)),
        }
        self
    }

    /// Adds a named detail if there is one.
    #[must_use]
    pub fn optional_detail(self, name: &'static str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.detail(name, text),
            None => self,
        }
    }

    /// Shows whether it passed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// The kind and the message of a failure or an error, or the reason of a skip.
    pub(super) fn reason(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            Outcome::Passed => None,
            Outcome::Failed { kind, message }
            | Outcome::Advised { kind, message }
            | Outcome::Errored { kind, message } => Some((kind, message)),
            Outcome::Skipped { reason } => Some(("skipped", reason)),
        }
    }

    /// The message and all details as text that stands alone.
    pub(super) fn text(&self) -> String {
        let mut text = self.reason().map(|(_, message)| message.to_owned()).unwrap_or_default();
        for (name, value) in &self.details {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(name);
            text.push_str(": ");
            text.push_str(&value.replace('\n', "\n    "));
        }
        text
    }
}

impl Outcome {
    /// The name in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } | Self::Advised { .. } => "failed",
            Self::Errored { .. } => "errored",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// One harmless line of at most so many characters.
pub(super) fn line(text: &str, longest: usize) -> String {
    sanitize(&cut(text, longest)).into_owned()
}

/// Harmless lines of at most so many characters together.
fn lines(text: &str, longest: usize) -> String {
    let cut = cut(text, longest);
    let lines: Vec<_> = cut.lines().map(sanitize).collect();
    lines.join("\n")
}

/// The beginning of a text, with the number of characters that are missing.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{} … ({} more characters)", &text[..end], text[end..].chars().count()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_harmless_and_bounded() {
        let case = Case::failed("g\u{1b}[0m", &"n".repeat(400), "kind", "a\nb")
            .detail("body", &format!("one\r\ntwo\u{202e}\n{}", "x".repeat(2000)))
            .detail("note", "first")
            .detail("note", "second");
        assert_eq!(case.group, "g\\u{1b}[0m");
        assert!(case.name.ends_with("n … (100 more characters)"), "{}", case.name);
        assert_eq!(case.reason(), Some(("kind", "a\\u{a}b")));
        assert!(case.details[0].1.starts_with("one\ntwo\\u{202e}\nxxx"), "{}", case.details[0].1);
        assert!(case.details[0].1.len() < 1100);
        assert_eq!(case.details[1], ("note", "first\nsecond".to_owned()));
        assert!(case.text().ends_with("\nnote: first\n    second"), "{}", case.text());
    }
}
