//! The report as a page of HTML: one file that loads nothing, and says with shapes and words what it says with colours.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::report::{Tally, in_words, why_disabled};
use super::page::{Fate, Mark, Row};
use crate::deliver::TimeScale;
use crate::output::clean;

/// What the page says of the run as a whole.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) log: &'a str,
    pub(super) url: &'a str,
    pub(super) speed: TimeScale,
    pub(super) tally: &'a Tally,
    pub(super) provider_time: Duration,
    /// Whether the run was ended before everything was sent.
    pub(super) left: bool,
}

const STYLE: &str = include_str!("report.css");

/// Moments that are marked on the axis.
const TICKS: [(u64, &str); 9] = [
    (0, "0"),
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (21_600, "6 h"),
    (86_400, "1 d"),
    (259_200, "3 d"),
];

/// The whole page.
pub(super) fn page(facts: &Facts<'_>, rows: &[Row], left_out: u64, disabled: &[(String, u32)]) -> String {
    let longest = rows.iter().flat_map(|row| &row.marks).map(|mark| mark.at).max().unwrap_or_default();
    let scale = Scale::new(longest);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Replay of {log}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Replay of {log}</h1>\n",
        log = text(facts.log)
    );
    summary(&mut html, facts, disabled);
    html.push_str(LEGEND);
    html.push_str(
        "<table>\n<thead><tr><th scope=\"col\">Event</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Attempts, by the time since the first one, on a logarithmic scale\n",
    );
    axis(&mut html, &scale);
    html.push_str("</th></tr></thead>\n<tbody>\n");
    for row in rows {
        delivery(&mut html, row, &scale);
    }
    html.push_str("</tbody>\n</table>\n");
    if left_out > 0 {
        let _ = writeln!(html, "<p>{left_out} more deliveries are not drawn; failures come first.</p>");
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"mark ok\">✓</span> delivered <span class=\"mark bad\">✗</span> \
    failed <span class=\"mark bad perhaps\">?</span> made again after a run was cut off: the handler may have seen it \
    before</p>\n";

fn summary(html: &mut String, facts: &Facts<'_>, disabled: &[(String, u32)]) {
    let tally = facts.tally;
    let mut items = vec![
        ("to", text(facts.url)),
        ("delivered", tally.delivered.to_string()),
        ("failed", tally.failed.to_string()),
        ("attempts", tally.attempts.to_string()),
    ];
    if tally.held_back > 0 {
        items.push(("held back", tally.held_back.to_string()));
    }
    items.push(("in production", in_words(facts.provider_time)));
    items.push(("speed", facts.speed.to_string()));
    html.push_str("<dl>\n");
    for (name, value) in items {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n");
    for (endpoint, after) in disabled {
        let (endpoint, why) = (text(endpoint), why_disabled(*after));
        let _ = writeln!(html, "<p class=\"note\">{endpoint} was disabled {why}; the rest for it was held back.</p>");
    }
    if facts.left {
        html.push_str("<p class=\"note\">The run was ended before everything was sent.</p>\n");
    }
}

fn axis(html: &mut String, scale: &Scale) {
    html.push_str("<div class=\"axis\">");
    for (seconds, label) in TICKS {
        if let Some(place) = scale.tick(seconds) {
            let _ = write!(html, "<span style=\"left:{place:.2}%\">{label}</span>");
        }
    }
    html.push_str("</div>\n");
}

fn delivery(html: &mut String, row: &Row, scale: &Scale) {
    let (kind, id) = (text(&row.kind), text(&row.id));
    let attempts = row.marks.len();
    let outcome = match row.fate {
        Fate::Delivered if attempts == 1 => "delivered".to_owned(),
        Fate::Delivered => format!("delivered by attempt {}", row.marks.last().map_or(0, |mark| mark.number)),
        Fate::Failed => "failed".to_owned(),
        Fate::Open => "not ended".to_owned(),
    };
    let class = if row.fate == Fate::Delivered { "ok" } else { "bad" };
    let _ = write!(
        html,
        "<tr><th scope=\"row\"><span class=\"kind\">{kind}</span> <span class=\"id\">{id}</span></th>\
         <td class=\"outcome {class}\">{outcome}</td><td><div class=\"bar\" aria-hidden=\"true\">"
    );
    let places = scale.places(&row.marks);
    if let (Some(first), Some(last)) = (places.first(), places.last()) {
        let _ = write!(html, "<i style=\"left:{first:.2}%;width:{:.2}%\"></i>", last - first);
    }
    for (mark, place) in row.marks.iter().zip(&places) {
        let (class, sign) = match (mark.delivered, mark.perhaps_seen) {
            (true, false) => ("ok", "✓"),
            (true, true) => ("ok perhaps", "?"),
            (false, true) => ("bad perhaps", "?"),
            (false, false) => ("bad", "✗"),
        };
        let _ = write!(
            html,
            "<span class=\"mark {class}\" style=\"left:{place:.2}%\" title=\"{}\">{sign}</span>",
            words(mark)
        );
    }
    html.push_str("</div><ol>");
    for mark in &row.marks {
        let _ = write!(html, "<li value=\"{}\">{}</li>", mark.number, words(mark));
    }
    html.push_str("</ol></td></tr>\n");
}

fn words(mark: &Mark) -> String {
    let seen = if mark.perhaps_seen { ", perhaps seen before" } else { "" };
    format!("{} at {}{seen}", text(&mark.came), in_words(mark.at))
}

/// Text from outside as it may stand in a page: harmless to whoever reads it, and no markup.
fn text(outside: &str) -> String {
    let mut safe = String::with_capacity(outside.len());
    for c in clean(outside).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// From a time to a place on the axis, in percent: logarithmic, because waits reach from a second to a day.
struct Scale {
    longest: f64,
}

/// Where the axis begins and ends, so that marks have room.
const FIRST: f64 = 2.0;
const LAST: f64 = 97.0;

/// How far marks are apart at least, where they have the room: their width where the page is narrowest.
const APART: f64 = 4.6;

impl Scale {
    fn new(longest: Duration) -> Self {
        Self { longest: longest.as_secs_f64().max(1.0) }
    }

    fn place(&self, time: Duration) -> f64 {
        FIRST + (LAST - FIRST) * time.as_secs_f64().ln_1p() / self.longest.ln_1p()
    }

    /// The place of a moment that is marked, where it is on the axis.
    fn tick(&self, seconds: u64) -> Option<f64> {
        let place = self.place(Duration::from_secs(seconds));
        (place <= LAST + 0.01).then_some(place)
    }

    /// The places of a delivery's attempts, in order; what would overlap is set apart.
    fn places(&self, marks: &[Mark]) -> Vec<f64> {
        let count = f64::from(u32::try_from(marks.len().max(1)).unwrap_or(u32::MAX));
        let apart = APART.min((LAST - FIRST) / count);
        let mut places: Vec<f64> = marks.iter().map(|mark| self.place(mark.at)).collect();
        for at in 1..places.len() {
            places[at] = places[at].max(places[at - 1] + apart);
        }
        // What was pushed over the end moves back, and pushes what is before it.
        let mut end = LAST;
        for place in places.iter_mut().rev() {
            *place = place.min(end);
            end = *place - apart;
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u32, seconds: u64) -> Mark {
        Mark { number, at: Duration::from_secs(seconds), came: "500".to_owned(), delivered: false, perhaps_seen: false }
    }

    #[test]
    fn marks_are_in_order_apart_and_on_the_axis() {
        for count in [1, 2, 7, 61] {
            let marks: Vec<Mark> = (0..count).map(|number| mark(number, u64::from(number / 2) * 3600)).collect();
            let scale = Scale::new(marks.last().unwrap().at);
            let places = scale.places(&marks);
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 1.5), "{places:?}");
            assert!(places.iter().all(|place| (FIRST - 0.01..=LAST + 0.01).contains(place)), "{places:?}");
        }
    }

    #[test]
    fn text_from_outside_is_no_markup() {
        let row = Row {
            kind: "<script>alert(1)</script>".to_owned(),
            id: "a\"onload='x'&\u{202e}\u{1b}[2J".to_owned(),
            marks: vec![Mark { came: "<b>".to_owned(), ..mark(1, 0) }],
            fate: Fate::Failed,
        };
        let tally = Tally::default();
        let facts = Facts {
            log: "</title><img src=x>",
            url: "http://a/?\"",
            speed: TimeScale::Max,
            tally: &tally,
            provider_time: Duration::ZERO,
            left: true,
        };
        let html = page(&facts, &[row], 3, &[("<i>".to_owned(), 1)]);
        for bad in ["<script", "<img", "<b>", "<i>", "\u{202e}", "\u{1b}", "a\"onload"] {
            assert!(!html.contains(bad), "{bad}");
        }
        assert!(html.contains("3 more deliveries are not drawn"));
        assert!(html.contains("&lt;i&gt; was disabled as gone"));
    }
}
