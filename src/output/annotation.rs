//! Annotations of GitHub Actions: lines that its log turns into remarks on the run.

use super::clean;

/// The most annotations of one run: GitHub shows ten of a step, and drops the others without a word.
pub const MAX_ANNOTATIONS: usize = 10;

/// `::error title=…::…`, with what would end a part of it escaped.
#[must_use]
pub(super) fn annotation(title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    // Whatever else is not for terminals is not for a log either.
    format!("::error title={}::{}", clean(&title), clean(&data(message)))
}

/// A line that a log does not take for a command, though its text comes from outside.
#[must_use]
pub(super) fn disarmed(line: &str) -> String {
    let at = line.len() - line.trim_start().len();
    let line =
        if line[at..].starts_with("::") { format!("{}: :{}", &line[..at], &line[at + 2..]) } else { line.to_owned() };
    line.replace("##[", "# #[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_ends_it() {
        assert_eq!(annotation("a:b,c%", "1: x,\r\n50%"), "::error title=a%3Ab%2Cc%25::1: x,%0D%0A50%25");
        assert_eq!(annotation("t", "\u{1b}[0m"), "::error title=t::\\u{1b}[0m");
    }

    #[test]
    fn a_line_from_outside_is_no_command() {
        assert_eq!(disarmed("    ::stop-commands::x"), "    : :stop-commands::x");
        assert_eq!(disarmed("a ::b ##[group]c"), "a ::b # #[group]c");
    }
}
