//! A recorded verdict and a recorded status, in their colours.

use crate::output::Style;

/// Returns a text with the mark of a verdict: `✓ valid`.
pub(super) fn marked(verdict: &str, text: &str) -> String {
    let mark = match verdict {
        "valid" => '✓',
        "invalid" => '✗',
        _ => '?',
    };
    format!("{mark} {}", crate::output::sanitize(text))
}

/// Returns a text in the colour of a verdict.
pub(super) fn color_verdict(style: Style, verdict: &str, text: &str) -> String {
    match verdict {
        "valid" => style.green(text),
        "invalid" => style.red(text),
        _ => style.yellow(text),
    }
}

/// Returns the status of a response in its colour; `-` if there is none.
pub(super) fn color_status(style: Style, status: Option<u16>) -> String {
    match status {
        Some(status @ 200..=299) => style.green(&status.to_string()),
        Some(status @ 300..=499) => style.yellow(&status.to_string()),
        Some(status) => style.red(&status.to_string()),
        None => style.faint("-"),
    }
}
