//! Formats a received request: one line, the reason if it is not valid, the handler's response, the body.

use jiff::tz::TimeZone;

use crate::capture::Record;
use crate::output::{Screen, Style, body_lines, brief_lines, cut, cut_painted, sanitize, wrap};

/// The number of lines of a body that are shown, unless `unfolded`.
const FOLDED_LINES: usize = 24;

/// The number of lines of a handler's response that are shown.
const FOLDED_RESPONSE_LINES: usize = 8;

/// From this width on there is room for milliseconds and the recipient.
const WIDE: usize = 110;

/// Widths of columns; a longer text is not cut, it moves the next columns.
const STATUS: usize = 3;
const VERDICT: usize = 10;
const PROVIDER: usize = 8;
const TYPE: usize = 19;

/// A request with its response, and details beyond the record of both.
#[derive(Debug)]
pub(super) struct RequestView {
    /// The request and its response.
    pub(super) record: Box<Record>,
    /// The recipient that an email event names.
    pub(super) recipient: Option<String>,
    /// The handler that responded, if the request was forwarded.
    pub(super) handler: Option<HandlerView>,
}

/// A handler that a request was forwarded to.
#[derive(Debug)]
pub(super) struct HandlerView {
    /// Its URL.
    pub(super) url: String,
    /// The reason why its response was too slow, if it was.
    pub(super) late: Option<String>,
}

impl RequestView {
    /// Returns its lines, cut or folded for the screen; `unfolded` shows everything instead.
    pub(super) fn lines(&self, style: Style, screen: Screen, unfolded: bool) -> Vec<String> {
        let record = &self.record;
        let width = screen.width.map_or(usize::MAX, |width| width.saturating_sub(4));
        let wrapped = |text: &str| wrap(&sanitize(text), width);
        let mut lines = Vec::new();
        if record.verdict.status != "valid" {
            lines.extend(wrapped(&record.verdict.message).iter().map(|line| style.red(line)));
        }
        if let Some(note) = &record.verdict.note {
            lines.extend(wrapped(&format!("note: {note}")).iter().map(|line| style.yellow(line)));
        }
        if let Some(detected) = record.verdict.detected.as_ref().filter(|_| unfolded) {
            lines.extend(wrapped(detected).iter().map(|line| style.faint(line)));
        }
        if let Some(handler) = &self.handler {
            let line = wrapped(&handler.response(record));
            lines.extend(
                line.iter().map(|line| if handler.late.is_some() { style.yellow(line) } else { style.faint(line) }),
            );
        }
        if let Some(error) = &record.response.error {
            lines.extend(wrapped(error).iter().map(|line| style.yellow(line)));
        }
        if let Some(body) = &record.response.body {
            lines.extend(
                body_lines(body.as_bytes(), style, FOLDED_RESPONSE_LINES).iter().map(|line| format!("< {line}")),
            );
        }
        lines.extend(body(&record.capture.body, style, screen, unfolded));
        let fitted = |line: &String| if unfolded { line.clone() } else { cut_painted(line, width) };
        let below = lines.iter().map(|line| format!("    {}", fitted(line)));
        std::iter::once(self.head(style, screen.width)).chain(below).collect()
    }

    /// `time status verdict provider type id path recipient`: the id and the recipient are omitted if they do not fit.
    fn head(&self, style: Style, width: Option<usize>) -> String {
        let record = &self.record;
        let verdict = &record.verdict;
        let wide = width.is_none_or(|width| width >= WIDE);
        let time = record.capture.received_at.map_or_else(String::new, |at| {
            let local = at.to_zoned(TimeZone::system());
            local.strftime(if wide { "%H:%M:%S%.3f" } else { "%H:%M:%S" }).to_string()
        });
        let mark = match &*verdict.status {
            "valid" => "✓",
            "invalid" => "✗",
            _ => "?",
        };
        let mut line = Line { style, width: width.unwrap_or(usize::MAX), used: 0, gap: 0, text: String::new() };
        line.add(&time, time.len(), Style::faint);
        let status = record.response.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        line.add(
            &status,
            STATUS,
            match record.response.status {
                Some(200..=299) => Style::green,
                Some(300..=499) => Style::yellow,
                _ => Style::red,
            },
        );
        line.add(
            &format!("{mark} {}", verdict.status),
            VERDICT,
            match mark {
                "✓" => Style::green,
                "✗" => Style::red,
                _ => Style::yellow,
            },
        );
        line.add(&sanitize(verdict.provider.as_deref().unwrap_or_default()), PROVIDER, Style::plain);
        let target = sanitize(&record.capture.target);
        let path = target.split_once('?').map_or(&*target, |(path, _)| path);
        let duplicate = if record.duplicate { " duplicate".len() } else { 0 };
        if let Some(event_type) = &verdict.event_type {
            line.add(&cut(&sanitize(event_type), line.room(duplicate)), TYPE, Style::bold);
        } else {
            let request = format!("{} {target}", sanitize(&record.capture.method));
            line.add(&cut(&request, line.room(duplicate)), TYPE, Style::bold);
        }
        let path = Some(path).filter(|path| verdict.event_type.is_some() && *path != "/");
        let id = sanitize(verdict.event_id.as_deref().unwrap_or_default());
        let path_width = path.map_or(0, |path| path.chars().count() + 1);
        if id.chars().count() + path_width <= line.room(duplicate) {
            line.add(&id, 0, Style::cyan);
        }
        if let Some(path) = path {
            line.add(&cut(path, line.room(duplicate)), 0, Style::plain);
        }
        let recipient = sanitize(self.recipient.as_deref().filter(|_| wide).unwrap_or_default());
        if recipient.chars().count() <= line.room(duplicate) {
            line.add(&recipient, 0, Style::plain);
        }
        if record.duplicate {
            line.add("duplicate", 0, Style::yellow);
        }
        line.text
    }
}

impl HandlerView {
    /// `<-- 200 http://127.0.0.1:3000/hooks in 2.0 ms`, with a note on a slow response.
    fn response(&self, record: &Record) -> String {
        let response = &record.response;
        let status = response.status.filter(|_| response.error.is_none());
        let status = status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        let late = self.late.as_ref().map_or_else(String::new, |late| format!(" ({late})"));
        format!("<-- {status} {} in {:.1} ms{late}", self.url, response.duration_ms)
    }
}

/// Returns a body that fits the screen: in full if it leaves room for others, else its beginning on a few lines.
fn body(body: &[u8], style: Style, screen: Screen, unfolded: bool) -> Vec<String> {
    if unfolded {
        return body_lines(body, style, usize::MAX - 1);
    }
    let lines = body_lines(body, style, FOLDED_LINES);
    match screen.height {
        Some(height) if lines.len() > height * 3 / 10 => {
            let width = screen.width.unwrap_or(80).saturating_sub(4);
            brief_lines(body, style, width, (height / 8).max(2))
        }
        _ => lines,
    }
}

/// A line of columns. Each is padded only if another follows.
struct Line {
    style: Style,
    width: usize,
    used: usize,
    /// The spaces before the next column.
    gap: usize,
    text: String,
}

impl Line {
    /// Adds a column; an empty one takes its width if it has one.
    fn add(&mut self, text: &str, width: usize, style: impl Fn(Style, &str) -> String) {
        let length = text.chars().count();
        if length.max(width) == 0 {
            return;
        }
        if length > 0 {
            self.text.push_str(&" ".repeat(self.gap));
            self.text.push_str(&style(self.style, text));
            self.used += self.gap + length;
            self.gap = 0;
        }
        self.gap += width.saturating_sub(length) + 1;
    }

    /// Returns the room for one more column, which is followed by so many characters.
    fn room(&self, after: usize) -> usize {
        self.width.saturating_sub(self.used + self.gap + after)
    }
}
