//! The verdict of `verify`: lines for people.

use super::compat;
use crate::output::{Style, sanitize, wrap};
use crate::signing::ReferenceLibrary;
use crate::verification::{Verdict, VerdictStatus};

/// A verdict, and what is shown with it.
#[derive(Clone, Copy, Debug)]
pub struct VerdictView<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// Notes on the captured request.
    pub notes: &'a [String],
    /// The input and the position in it.
    pub source: &'a str,
    /// The remedy, if there is one.
    pub remedy: Option<&'a str>,
}

/// Renders verdicts as lines for people.
#[derive(Debug)]
pub struct VerdictRenderer {
    /// The style of stdout.
    pub style: Style,
    /// True to show how a provider was detected, the expected signature, and the libraries that differ.
    pub verbose: bool,
    /// The number of columns, without the indentation.
    pub width: usize,
    /// The libraries that must accept a valid request.
    pub required: Vec<ReferenceLibrary>,
}

impl VerdictRenderer {
    /// Returns the lines about a verdict.
    #[must_use]
    pub fn lines(&self, view: &VerdictView<'_>) -> Vec<String> {
        let VerdictView { verdict, notes, source, remedy } = *view;
        let style = self.style;
        let status = verdict.status.name();
        let status = match verdict.status {
            VerdictStatus::Valid => style.green(&format!("✓ {status}")),
            VerdictStatus::Invalid => style.red(&format!("✗ {status}")),
            VerdictStatus::Unsigned | VerdictStatus::Unchecked => style.yellow(&format!("? {status}")),
        };
        let mut head = format!("{status} {}", sanitize(source));
        let provider = verdict.provider.as_ref().map(|provider| provider.name.as_str());
        for part in [provider, verdict.event_type.as_deref(), verdict.event_id.as_deref()].into_iter().flatten() {
            head.push(' ');
            head.push_str(&sanitize(part));
        }
        let mut lines = vec![head];
        if verdict.status != VerdictStatus::Valid {
            lines.extend(self.wrapped("why:", &verdict.message));
            lines.extend(self.difference(verdict));
        } else if verdict.secret.is_some_and(|secret| secret > 0) || verdict.reading.is_some() {
            lines.extend(self.wrapped("note:", &verdict.message));
        }
        if let Some(fix) = remedy {
            lines.extend(self.wrapped("fix:", fix).iter().map(|line| line.replacen("fix:", &style.cyan("fix:"), 1)));
        }
        if let Some(detected) = verdict.detected.as_ref().filter(|_| verdict.ambiguous || self.verbose) {
            lines.extend(self.wrapped("provider:", detected).iter().map(|line| style.faint(line)));
        }
        if let Some(expected) = verdict.expected.as_ref().filter(|_| self.verbose) {
            lines.extend(self.wrapped("expected signature:", expected));
        }
        lines.extend(notes.iter().flat_map(|note| self.wrapped("note:", note)));
        for text in compat::warnings(&self.required, verdict) {
            let warning = style.yellow("warning:");
            lines.extend(self.wrapped("warning:", &text).iter().map(|line| line.replacen("warning:", &warning, 1)));
        }
        if self.verbose {
            lines.extend(compat::table(&self.required, verdict, self.width));
        }
        lines
    }

    /// Returns two aligned lines: the text that was signed, and the text that was received.
    fn difference(&self, verdict: &Verdict) -> Vec<String> {
        let mut faults = verdict.diagnosis.iter().flat_map(|diagnosis| &diagnosis.causes);
        let Some(difference) = faults.find_map(|fault| fault.difference.as_deref()) else { return Vec::new() };
        let style = self.style;
        let line = |name: &str, text: &str| format!("    {} {}", style.faint(name), sanitize(text));
        vec![line("signed:  ", &difference.signed), line("received:", &difference.received)]
    }

    /// Formats `  name: text`, over several lines on a narrow terminal.
    fn wrapped(&self, name: &str, text: &str) -> Vec<String> {
        let lines = wrap(&format!("{name} {}", sanitize(text)), self.width);
        let indent = |index| if index == 0 { "  " } else { "    " };
        lines.iter().enumerate().map(|(index, line)| format!("{}{line}", indent(index))).collect()
    }
}
