//! Annotations of GitHub Actions: log lines that are shown beside the run.

use super::sanitize;

/// The maximum number of annotations of one run: GitHub shows ten of a kind in a step, and silently drops the others.
pub const MAX_ANNOTATIONS: usize = 10;

/// The importance of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something should be better.
    Warning,
}

/// Returns `::error title=…::…`, with delimiters escaped.
#[must_use]
pub(super) fn annotation(severity: Severity, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    // Other characters that harm terminals harm logs too.
    let command = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("::{command} title={}::{}", sanitize(&title), sanitize(&data(message)))
}

/// Escapes a line of text from outside, so that the log does not read it as a command.
#[must_use]
pub(super) fn escape_command(line: &str) -> String {
    let at = line.len() - line.trim_start().len();
    let line =
        if line[at..].starts_with("::") { format!("{}: :{}", &line[..at], &line[at + 2..]) } else { line.to_owned() };
    line.replace("##[", "# #[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_in_an_annotation_are_escaped() {
        assert_eq!(
            annotation(Severity::Error, "a:b,c%", "1: x,\r\n50%"),
            "::error title=a%3Ab%2Cc%25::1: x,%0D%0A50%25"
        );
        assert_eq!(annotation(Severity::Warning, "t", "\u{1b}[0m"), "::warning title=t::\\u{1b}[0m");
    }

    #[test]
    fn a_line_from_outside_is_no_command() {
        assert_eq!(escape_command("    ::stop-commands::x"), "    : :stop-commands::x");
        assert_eq!(escape_command("a ::b ##[group]c"), "a ::b # #[group]c");
    }
}
