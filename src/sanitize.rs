//! Text from outside, made harmless for a terminal, a log or a report.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Writes control characters, and characters that reorder or hide text, as `\u{…}`. Tabs become a space.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\t' {
            harmless.push(' ');
        } else if is_harmful(c) {
            let _ = write!(harmless, "\\u{{{:x}}}", u32::from(c));
        } else {
            harmless.push(c);
        }
    }
    Cow::Owned(harmless)
}

fn is_harmful(c: char) -> bool {
    // Bidirectional controls and zero-width characters let a line show what it does not say.
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_hides_text_gets_through() {
        assert_eq!(sanitize("Größe 😀 ok"), "Größe 😀 ok");
        assert_eq!(
            sanitize("a\u{1b}[31mb\tc\u{7}\u{9b}1m\u{202e}\r\n"),
            "a\\u{1b}[31mb c\\u{7}\\u{9b}1m\\u{202e}\\u{d}\\u{a}"
        );
    }
}
