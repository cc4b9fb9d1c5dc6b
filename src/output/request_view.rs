//! A received request as people see it: one line, the reason where it is not valid, the body beneath.

use jiff::tz::TimeZone;

use super::{Paint, body_lines, clean, wrap};
use crate::capture::Record;

/// How many lines of a body are shown unless all are asked for.
const FOLD: usize = 24;

/// The lines of one request. `width` is the terminal's, where there is one; `whole` shows bodies unfolded.
#[must_use]
pub fn request_lines(
    record: &Record,
    people: (Option<&str>, Option<&str>),
    paint: Paint,
    width: Option<usize>,
    whole: bool,
) -> Vec<String> {
    let mut lines = vec![head(record, people, paint, width)];
    if record.verdict.status != "valid" {
        let reason = wrap(&clean(&record.verdict.message), width.unwrap_or(usize::MAX).saturating_sub(4));
        lines.extend(reason.iter().map(|line| format!("    {}", paint.red(line))));
    }
    if let Some(detected) = record.verdict.detected.as_ref().filter(|_| whole) {
        lines.push(format!("    {}", paint.faint(&clean(detected))));
    }
    lines.extend(answer_lines(record, paint, width));
    let most = if whole { usize::MAX - 1 } else { FOLD };
    for line in body_lines(&record.capture.body, paint, most) {
        lines.push(format!("    {line}"));
    }
    if let Some(width) = width.filter(|_| !whole) {
        for line in &mut lines[1..] {
            *line = cut_painted(line, width);
        }
    }
    lines
}

/// How many lines of a handler's answer are shown.
const ANSWER_FOLD: usize = 8;

/// What is to be said of the answer: who gave it, why there is none, and what a handler said that did not take it.
fn answer_lines(record: &Record, paint: Paint, width: Option<usize>) -> Vec<String> {
    let response = &record.response;
    let mut lines = Vec::new();
    if response.by == "forward" {
        let status = response.status.filter(|_| response.error.is_none());
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let mut line = format!("{status} in {:.1} ms", response.duration_ms);
        if response.slow {
            line.push_str(": the provider would have given up");
        }
        lines.push(format!("    handler: {}", if response.slow { paint.yellow(&line) } else { paint.faint(&line) }));
    }
    if let Some(error) = &response.error {
        let error = wrap(&clean(error), width.unwrap_or(usize::MAX).saturating_sub(4));
        lines.extend(error.iter().map(|line| format!("    {}", paint.yellow(line))));
    }
    if let Some(body) = &response.body {
        lines.extend(body_lines(body.as_bytes(), paint, ANSWER_FOLD).iter().map(|line| format!("    < {line}")));
    }
    lines
}

/// `time verdict provider type from → to id answer`; the people in the middle give way where it is narrow.
fn head(record: &Record, (from, to): (Option<&str>, Option<&str>), paint: Paint, width: Option<usize>) -> String {
    let verdict = &record.verdict;
    let time = record.capture.at.map_or_else(String::new, |at| {
        let local = at.to_zoned(TimeZone::system());
        local.strftime(if width.is_some_and(|width| width < 110) { "%H:%M:%S" } else { "%H:%M:%S%.3f" }).to_string()
    });
    let mark = match &*verdict.status {
        "valid" => paint.green("✓ valid"),
        "invalid" => paint.red("✗ invalid"),
        "unsigned" => paint.yellow("? unsigned"),
        _ => paint.yellow("? unchecked"),
    };
    let mark_width = 2 + verdict.status.chars().count();
    let provider = clean(verdict.provider.as_deref().unwrap_or("-")).into_owned();
    let kind = clean(verdict.event_type.as_deref().unwrap_or("-")).into_owned();
    let id = clean(verdict.event_id.as_deref().unwrap_or("-")).into_owned();
    let status = record.response.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let answer = match record.response.status {
        Some(200..=299) => paint.green(&status),
        Some(300..=499) => paint.yellow(&status),
        _ => paint.red(&status),
    };
    let again = if record.duplicate { " duplicate" } else { "" };
    let taken = time.len()
        + mark_width
        + [&provider, &kind, &id].map(|text| text.chars().count()).iter().sum::<usize>()
        + status.len()
        + again.len()
        + 6;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(taken));
    let people = people(from, to, room);
    let (kind, id, again) = (paint.bold(&kind), paint.cyan(&id), paint.yellow(again));
    format!("{} {mark} {provider} {kind} {people}{id} {answer}{again}", paint.faint(&time))
}

/// `from → to `, shortened to `room`, or nothing where there is no room for it.
fn people(from: Option<&str>, to: Option<&str>, room: usize) -> String {
    let (from, to) = (clean(from.unwrap_or("")), clean(to.unwrap_or("")));
    let arrow = if from.is_empty() || to.is_empty() { 0 } else { 3 };
    let whole = from.chars().count() + to.chars().count() + arrow;
    if whole == 0 || room < 12 {
        return String::new();
    }
    // The recipient tells more than the sender, who is often the same.
    let short = to.chars().count() + 2;
    let (from, to) = if whole < room {
        (from.into_owned(), to.into_owned())
    } else if arrow > 0 {
        return if short < room { format!("→ {to} ") } else { format!("→ {} ", cut(&to, room - 3)) };
    } else {
        (cut(&from, room - 1), cut(&to, room - 1))
    };
    if arrow == 0 { format!("{from}{to} ") } else { format!("{from} → {to} ") }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Cuts a line with colour codes in it to a width, leaving the codes whole.
fn cut_painted(line: &str, width: usize) -> String {
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

/// How many of the characters are shown.
fn visible(characters: impl Iterator<Item = char>) -> usize {
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
    fn a_painted_line_is_cut_by_what_is_seen() {
        assert_eq!(cut_painted("abc", 3), "abc");
        assert_eq!(cut_painted("abcd", 3), "ab…");
        assert_eq!(cut_painted("\u{1b}[32mabc\u{1b}[0m", 3), "\u{1b}[32mabc\u{1b}[0m");
        assert_eq!(cut_painted("\u{1b}[32mabcd\u{1b}[0m", 3), "\u{1b}[32mab…\u{1b}[0m");
    }

    #[test]
    fn people_give_way_where_it_is_narrow() {
        let (from, to) = (Some("billing@shop.example.com"), Some("dana@example.com"));
        assert_eq!(people(from, to, 99), "billing@shop.example.com → dana@example.com ");
        assert_eq!(people(from, to, 24), "→ dana@example.com ");
        assert_eq!(people(from, to, 15), "→ dana@exampl… ");
        assert_eq!(people(from, to, 9), "");
        assert_eq!(people(None, to, 99), "dana@example.com ");
        assert_eq!(people(None, None, 99), "");
    }
}
