//! A body as lines for people: JSON indented and coloured, text as it is, bytes in hexadecimal.

use std::fmt::Write as _;

use super::cut::{cut_painted, visible};
use super::{Style, sanitize};

/// Returns the lines of a body, at most `max_lines`; if more follow, the last line gives the size.
#[must_use]
pub fn body_lines(body: &[u8], style: Style, max_lines: usize) -> Vec<String> {
    if body.is_empty() {
        return Vec::new();
    }
    let mut lines = match std::str::from_utf8(body) {
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => indented(text, style, max_lines + 1),
        Ok(text) => text.lines().take(max_lines + 1).map(|line| sanitize(line).into_owned()).collect(),
        Err(_) => vec![bytes(body)],
    };
    if lines.len() > max_lines {
        lines.truncate(max_lines.saturating_sub(1));
        lines.push(style.faint(&format!("… folded: {} bytes in all (-v shows them)", body.len())));
    }
    lines
}

/// Returns the beginning of a body on at most `max_lines` lines of this width; if more follows, the last
/// line gives the size.
#[must_use]
pub fn brief_lines(body: &[u8], style: Style, width: usize, max_lines: usize) -> Vec<String> {
    let pieces = body_lines(body, style, width * max_lines);
    let mut lines = vec![String::new()];
    for piece in pieces.iter().map(|piece| piece.trim_start()) {
        let number = lines.len();
        let line = lines.last_mut().expect("there is always one");
        let joined = line.is_empty() || line.ends_with(['{', '[']) || piece.starts_with(['}', ']']);
        let gap = if joined { "" } else { " " };
        let used = visible(line.chars()) + gap.len() + visible(piece.chars());
        if line.is_empty() || used <= width {
            line.extend([gap, piece]);
        } else if number < max_lines {
            lines.push(piece.to_owned());
        } else {
            let more = format!(" {} bytes (-v shows all)", body.len());
            let begun = format!("{line}{gap}{piece}");
            *line = cut_painted(&begun, width.saturating_sub(more.len())) + &style.faint(&more);
            break;
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.iter().map(|line| cut_painted(line, width)).collect()
}

fn bytes(body: &[u8]) -> String {
    let mut line = format!("{} bytes that are not text:", body.len());
    for byte in body.iter().take(16) {
        let _ = write!(line, " {byte:02x}");
    }
    if body.len() > 16 {
        line.push_str(" …");
    }
    line
}

/// Indents JSON token by token, so that numbers, escapes, key order and repeated keys stay as they were sent.
fn indented(text: &str, style: Style, max_lines: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut rest = text.trim_matches([' ', '\n', '\r', '\t']);
    let mut key = false;
    let mut open: Vec<bool> = Vec::new();
    let turn = |line: &mut String, depth: usize, lines: &mut Vec<String>| {
        lines.push(std::mem::replace(line, "  ".repeat(depth)));
    };
    while let Some(c) = rest.chars().next() {
        if lines.len() > max_lines {
            return lines;
        }
        let length = match c {
            '{' | '[' => {
                let after = rest[1..].trim_start_matches([' ', '\n', '\r', '\t']);
                if after.starts_with(['}', ']']) {
                    line.push(c);
                    line.push(after.chars().next().unwrap_or('}'));
                    rest = &after[1..];
                    continue;
                }
                line.push(c);
                depth += 1;
                open.push(c == '{');
                key = c == '{';
                turn(&mut line, depth, &mut lines);
                1
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                open.pop();
                turn(&mut line, depth, &mut lines);
                line.push(c);
                1
            }
            ',' => {
                line.push(',');
                key = open.last().copied().unwrap_or_default();
                turn(&mut line, depth, &mut lines);
                1
            }
            ':' => {
                line.push_str(": ");
                key = false;
                1
            }
            '"' => {
                let length = string_length(rest);
                let token = sanitize(&rest[..length]);
                line.push_str(&if key { style.cyan(&token) } else { style.green(&token) });
                length
            }
            c if c.is_ascii_whitespace() => 1,
            _ => {
                let length = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
                line.push_str(&style.yellow(&rest[..length]));
                length
            }
        };
        rest = &rest[length..];
    }
    lines.push(line);
    lines
}

/// Returns the length of the string token at the front, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(body: &[u8], max_lines: usize) -> String {
        body_lines(body, Style::fixed(false), max_lines).join("\n")
    }

    #[test]
    fn json_is_indented_and_every_token_stays_as_it_was() {
        assert_eq!(
            plain(br#" {"n":1.10,"big":12345678901234567890,"n":1E400,"e":{},"a":[ ],"s":"\u003c\"}","l":[1,{"x":null}]} "#, 99),
            "{\n  \"n\": 1.10,\n  \"big\": 12345678901234567890,\n  \"n\": 1E400,\n  \"e\": {},\n  \"a\": [],\n  \"s\": \"\\u003c\\\"}\",\n  \"l\": [\n    1,\n    {\n      \"x\": null\n    }\n  ]\n}"
        );
    }

    #[test]
    fn the_beginning_of_a_body_fits_a_few_lines() {
        let body = br#"{"type":"a","data":{"list":[1,2],"none":{},"text":"some longer text"},"more":true}"#;
        let lines = |width, max_lines| brief_lines(body, Style::fixed(false), width, max_lines);
        assert_eq!(
            lines(200, 3).join("|"),
            r#"{"type": "a", "data": {"list": [1, 2], "none": {}, "text": "some longer text"}, "more": true}"#
        );
        assert_eq!(
            lines(50, 2),
            [r#"{"type": "a", "data": {"list": [1, 2], "none": {},"#, r#""text": "some longer text"}, "more": true}"#]
        );
        assert_eq!(lines(50, 1), [r#"{"type": "a", "data": {"l… 82 bytes (-v shows all)"#]);
        assert_eq!(brief_lines(b"plain\ntext", Style::fixed(false), 50, 2), ["plain text"]);
        assert_eq!(brief_lines(b"", Style::fixed(false), 50, 2), [""; 0]);
        let painted = brief_lines(body, Style::fixed(true), 50, 2);
        let unpainted: Vec<usize> = painted.iter().map(|line| visible(line.chars())).collect();
        assert_eq!(unpainted, lines(50, 2).iter().map(|line| line.chars().count()).collect::<Vec<_>>());
    }

    #[test]
    fn bodies_other_than_json_are_text_or_bytes() {
        assert_eq!(plain(b"a=1\x1b[0m\nb", 9), "a=1\\u{1b}[0m\nb");
        assert_eq!(plain(&[0xff; 20], 9).matches("ff").count(), 16);
        assert_eq!(plain(b"", 9), "");
    }

    #[test]
    fn a_long_body_is_folded_with_its_size() {
        let body = format!("[{}0]", "0,".repeat(100));
        let lines = body_lines(body.as_bytes(), Style::fixed(false), 5);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[4], "… folded: 203 bytes in all (-v shows them)");
    }
}
