//! Cuts text to a width, with or without colour codes.

/// Cuts a plain text to `width` characters; the last one is then `…`.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Cuts a plain text in its middle to `width` characters, around a `…`.
#[must_use]
pub fn cut_middle(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end = width / 2;
    let start = width.saturating_sub(end + 1);
    text.chars().take(start).chain(['…']).chain(text.chars().skip(length - end)).collect()
}

/// Cuts a line with colour codes to a width, and keeps the codes complete.
#[must_use]
pub fn cut_painted(line: &str, width: usize) -> String {
    let mut shown = String::new();
    let mut room = width.saturating_sub(1);
    let mut code = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        code |= c == '\u{1b}';
        if !code && room == 0 && visible(characters.clone()) > 0 {
            let end = if line.contains('\u{1b}') { "\u{1b}[0m" } else { "" };
            return format!("{shown}…{end}");
        }
        room = room.saturating_sub(usize::from(!code));
        code &= c != 'm';
        shown.push(c);
    }
    shown
}

/// Returns the number of visible characters.
pub(super) fn visible(characters: impl Iterator<Item = char>) -> usize {
    let mut code = false;
    characters
        .filter(|c| {
            let shown = !code && *c != '\u{1b}';
            code = (code || *c == '\u{1b}') && *c != 'm';
            shown
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_text_is_cut() {
        assert_eq!(cut_middle("abcdefgh", 8), "abcdefgh");
        assert_eq!(cut_middle("abcdefghi", 8), "abc…fghi");
        assert_eq!(cut_middle("abc", 1), "…");
    }

    #[test]
    fn a_painted_line_is_cut_by_what_is_seen() {
        assert_eq!(cut_painted("abc", 3), "abc");
        assert_eq!(cut_painted("abcd", 3), "ab…");
        assert_eq!(cut_painted("\u{1b}[32mabc\u{1b}[0m", 3), "\u{1b}[32mabc\u{1b}[0m");
        assert_eq!(cut_painted("\u{1b}[32mabcd\u{1b}[0m", 3), "\u{1b}[32mab…\u{1b}[0m");
    }
}
