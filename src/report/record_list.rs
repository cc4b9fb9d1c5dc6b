//! A list of records: a line for each.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::record_verdict::{color_status, color_verdict};
use crate::inspect::StoredRecord;
use crate::output::{Output, Style, Verbosity, brief_lines, cut, cut_middle, sanitize, wrap};

/// Renders records as lines of a list. On a terminal they fit its width; elsewhere nothing is cut.
#[derive(Clone, Debug)]
pub struct RecordListRenderer {
    style: Style,
    width: Option<usize>,
    is_verbose: bool,
    now: Timestamp,
}

/// Widths of the columns, without the gaps.
const SEQ: usize = 5;
const VERDICT: usize = 11;
const PROVIDER: usize = 8;
const RESPONSE: usize = 3;

/// The indentation of what is below a line.
const INDENT: usize = SEQ + 1;

/// The columns of a line that share the rest of its width.
struct Widths {
    event_type: usize,
    id: usize,
    request: usize,
}

impl RecordListRenderer {
    /// Renders for this output. The day of `now` is today.
    #[must_use]
    pub fn new(output: Output, now: Timestamp) -> Self {
        let is_verbose = output.verbosity == Verbosity::Verbose;
        Self { style: output.style, width: output.width(), is_verbose, now }
    }

    /// Returns the line of a record, and with `-v` more lines below it.
    #[must_use]
    pub fn lines(&self, record: &StoredRecord) -> Vec<String> {
        let mut lines = vec![self.line(record)];
        if self.is_verbose {
            let width = self.width.map_or(usize::MAX, |width| width - INDENT);
            let below = |text: &str, color: fn(Style, &str) -> String| {
                let lines = wrap(&sanitize(text), width).into_iter();
                lines.map(|line| color(self.style, &line)).collect::<Vec<_>>()
            };
            let mut more = Vec::new();
            if record.verdict.status != "valid" {
                more.extend(below(&record.verdict.message, Style::red));
            }
            if let Some(error) = record.response().and_then(|response| response.error.as_deref()) {
                more.extend(below(error, Style::yellow));
            }
            more.extend(brief_lines(&record.capture().body, self.style, width.min(1000), 2));
            lines.extend(
                more.iter().filter(|line| !line.is_empty()).map(|line| format!("{}{line}", " ".repeat(INDENT))),
            );
        }
        lines
    }

    /// `seq time verdict provider type id method target response`.
    fn line(&self, record: &StoredRecord) -> String {
        let time = self.time(record.capture().received_at);
        let widths = self.width.map(|width| widths(width, time.len()));
        let fit = |text: &str, cut: fn(&str, usize) -> String, width: fn(&Widths) -> usize| match &widths {
            Some(widths) => pad(&cut(text, width(widths)), width(widths)),
            None => text.to_owned(),
        };
        let verdict = &record.verdict;
        let shown = |text: Option<&str>| sanitize(text.filter(|text| !text.is_empty()).unwrap_or("-")).into_owned();
        let status = if record.is_duplicate() { "duplicate" } else { &*verdict.status };
        let request = format!("{} {}", record.capture().method, record.capture().target);
        let style = self.style;
        let columns = [
            style.faint(&format!("{:>SEQ$}", record.seq)),
            style.faint(&time),
            color_verdict(
                style,
                &verdict.status,
                &pad(&super::record_verdict::marked(&verdict.status, status), VERDICT),
            ),
            pad(&cut_to(&shown(verdict.provider.as_deref()), PROVIDER, widths.is_some()), PROVIDER),
            style.bold(&fit(&shown(verdict.event_type.as_deref()), cut, |widths| widths.event_type)),
            style.cyan(&fit(&shown(verdict.event_id.as_deref()), cut_middle, |widths| widths.id)),
            fit(&sanitize(&request), cut, |widths| widths.request),
            color_status(style, record.status()),
        ];
        columns.join(" ")
    }

    /// Returns the time of receipt: that of the day if it is today, on a terminal; else with the date.
    fn time(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else {
            return match self.width {
                Some(_) => format!("{:>8}", "-"),
                None => "-".to_owned(),
            };
        };
        if self.width.is_none() {
            return format!("{at:.3}");
        }
        let local = |time: Timestamp| time.to_zoned(TimeZone::system());
        let (at, now) = (local(at), local(self.now));
        if at.date() == now.date() {
            at.strftime("%H:%M:%S").to_string()
        } else if at.year() == now.year() {
            at.strftime("%d %b %H:%M").to_string()
        } else {
            at.strftime("%Y-%m-%d").to_string()
        }
    }
}

/// Divides the width of a line among its columns.
fn widths(width: usize, time: usize) -> Widths {
    let gaps = 7;
    let rest = width.saturating_sub(SEQ + time + VERDICT + PROVIDER + RESPONSE + gaps);
    let event_type = (rest / 2).clamp(8, 24);
    let id = (rest * 22 / 100).clamp(6, 40);
    Widths { event_type, id, request: rest.saturating_sub(event_type + id).max(6) }
}

fn cut_to(text: &str, width: usize, cuts: bool) -> String {
    if cuts { cut(text, width) } else { text.to_owned() }
}

fn pad(text: &str, width: usize) -> String {
    format!("{text:width$}")
}
