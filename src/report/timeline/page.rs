//! The HTML of the page: one file that loads nothing, and shows with shapes and words what it shows with colours.

use std::fmt::Write as _;

use super::super::delivery_line::disabled_reason;
use super::axis::TimeAxis;
use super::model::{AttemptMark, DeliveryOutcome, DeliveryRow, RunSummary, ScheduleNote};
use crate::delivery::{EndpointDisabled, TimeScale};
use crate::output::{human, sanitize};

/// The rows of the page, and its notes.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) rows: Vec<DeliveryRow>,
    pub(super) schedules: Vec<ScheduleNote>,
    /// Endpoints that were disabled.
    pub(super) disabled: Vec<(String, EndpointDisabled)>,
    /// The number of deliveries without a row.
    pub(super) omitted: u64,
}

const STYLE: &str = include_str!("page.css");

/// Returns the whole page.
pub(super) fn render(summary: &RunSummary<'_>, content: &Content) -> String {
    let longest = content.rows.iter().flat_map(|row| &row.attempts).map(|attempt| attempt.at).max();
    let axis = TimeAxis::new(longest.unwrap_or_default());
    let planned = summary.stats.is_none();
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{what} {log}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{what} {log}</h1>\n",
        what = if planned { "Planned replay of" } else { "Replay of" },
        log = escape(summary.log)
    );
    write_summary(&mut html, summary, content);
    write_schedules(&mut html, &content.schedules);
    html.push_str(if planned { PLAN_LEGEND } else { LEGEND });
    html.push_str(
        "<table>\n<thead><tr><th scope=\"col\">Event</th><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Attempts, by the time since the first one, on a logarithmic scale\n",
    );
    html.push_str("<div class=\"axis\">");
    for (position, label) in axis.ticks() {
        let _ = write!(html, "<span style=\"left:{position:.2}%\">{label}</span>");
    }
    html.push_str("</div>\n</th></tr></thead>\n<tbody>\n");
    for row in &content.rows {
        write_delivery(&mut html, row, &axis);
    }
    html.push_str("</tbody>\n</table>\n");
    if content.omitted > 0 {
        let _ = writeln!(html, "<p>{} more deliveries are not drawn; failures come first.</p>", content.omitted);
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"mark ok\">✓</span> delivered <span class=\"mark bad\">✗</span> \
    failed <span class=\"mark bad perhaps\">?</span> retried after an interrupted run; the handler may have seen it \
    already. Hover over a mark for the handler's response.</p>\n";

const PLAN_LEGEND: &str = "<p class=\"legend\"><span class=\"mark plan\">1</span> an attempt, if every attempt before it \
    fails. Nothing was sent.</p>\n";

fn write_summary(html: &mut String, summary: &RunSummary<'_>, content: &Content) {
    let mut items = vec![("to", escape(summary.url))];
    if let Some(stats) = summary.stats {
        items.push(("delivered", stats.delivered.to_string()));
        items.push(("failed", stats.failed.to_string()));
        items.push(("attempts", stats.attempts.to_string()));
        if stats.held_back > 0 {
            items.push(("skipped", stats.held_back.to_string()));
        }
        items.push(("would have taken", human::duration(summary.provider_time)));
    } else {
        items.push(("events", (content.rows.len() as u64 + content.omitted).to_string()));
        items.push(("last attempt after", human::duration(summary.provider_time)));
    }
    items.push(("speed", speed(summary.speed)));
    items.push(("date", summary.at.strftime("%Y-%m-%d %H:%M UTC").to_string()));
    items.push(("whk", env!("CARGO_PKG_VERSION").to_owned()));
    html.push_str("<dl>\n");
    for (name, value) in items {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    html.push_str("</dl>\n");
    for (endpoint, disabled) in &content.disabled {
        let (endpoint, why) = (escape(endpoint), disabled_reason(*disabled));
        let _ = writeln!(html, "<p class=\"note\">{endpoint} was disabled {why}; its other events were skipped.</p>");
    }
    if summary.interrupted {
        html.push_str("<p class=\"note\">The run was interrupted before everything was sent.</p>\n");
    }
}

fn speed(speed: TimeScale) -> String {
    match speed {
        TimeScale::Times(times) => format!("{times}×"),
        TimeScale::Max => "max (no waiting)".to_owned(),
    }
}

fn write_schedules(html: &mut String, schedules: &[ScheduleNote]) {
    for schedule in schedules {
        let (provider, times) = (escape(&schedule.provider), escape(&schedule.times));
        let _ = write!(html, "<p class=\"schedule\"><strong>{provider}</strong> makes attempts at: {times}");
        // Only a web address becomes a link: a provider's file may come from somebody else.
        if let Some(source) = schedule.source.as_ref().filter(|source| source.starts_with("https://")) {
            let source = escape(source);
            let _ = write!(html, " (<a href=\"{source}\" rel=\"noreferrer\">source</a>)");
        }
        html.push_str("</p>\n");
    }
}

fn write_delivery(html: &mut String, row: &DeliveryRow, axis: &TimeAxis) {
    let (provider, event_type, id) = (escape(&row.provider), escape(&row.event_type), escape(&row.event_id));
    let last = row.attempts.last().map_or(0, |attempt| attempt.number);
    let (outcome, class) = match row.outcome {
        DeliveryOutcome::Delivered if row.attempts.len() == 1 => ("delivered".to_owned(), "ok"),
        DeliveryOutcome::Delivered => (format!("delivered by attempt {last}"), "ok"),
        DeliveryOutcome::Failed => ("failed".to_owned(), "bad"),
        DeliveryOutcome::Incomplete => ("not finished".to_owned(), "bad"),
        DeliveryOutcome::Planned if last == 1 => ("1 attempt".to_owned(), "plan"),
        DeliveryOutcome::Planned => (format!("{last} attempts"), "plan"),
    };
    let _ = write!(
        html,
        "<tr><th scope=\"row\"><span class=\"kind\">{event_type}</span> <span class=\"provider\">{provider}</span> \
         <span class=\"id\">{id}</span></th>\
         <td class=\"outcome {class}\">{outcome}</td><td><div class=\"bar\" aria-hidden=\"true\">"
    );
    let positions = axis.positions(&row.attempts);
    if let (Some(first), Some(last)) = (positions.first(), positions.last()) {
        let _ = write!(html, "<i style=\"left:{first:.2}%;width:{:.2}%\"></i>", last - first);
    }
    let planned = row.outcome == DeliveryOutcome::Planned;
    for (attempt, position) in row.attempts.iter().zip(&positions) {
        let number = attempt.number.to_string();
        let (class, sign) = match (attempt.delivered, attempt.possibly_received) {
            _ if planned => ("plan", number.as_str()),
            (true, false) => ("ok", "✓"),
            (true, true) => ("ok perhaps", "?"),
            (false, true) => ("bad perhaps", "?"),
            (false, false) => ("bad", "✗"),
        };
        let title = tooltip(attempt);
        let _ =
            write!(html, "<span class=\"mark {class}\" style=\"left:{position:.2}%\" title=\"{title}\">{sign}</span>");
    }
    html.push_str("</div><ol>");
    for attempt in &row.attempts {
        let (title, label) = (tooltip(attempt), attempt_label(attempt));
        let _ = write!(html, "<li value=\"{}\" title=\"{title}\">{label}</li>", attempt.number);
    }
    html.push_str("</ol></td></tr>\n");
}

fn attempt_label(attempt: &AttemptMark) -> String {
    let seen = if attempt.possibly_received { ", possibly received before" } else { "" };
    let separator = if attempt.result.is_empty() { "" } else { " " };
    format!("{}{separator}at {}{seen}", escape(&attempt.result), human::duration(attempt.at))
}

/// Returns the label with the handler's own words.
fn tooltip(attempt: &AttemptMark) -> String {
    let words = if attempt.body.is_empty() { String::new() } else { format!(": {}", escape(&attempt.body)) };
    attempt_label(attempt) + &words
}

/// Returns text from outside as it can stand in a page: harmless to its reader, and no markup.
fn escape(outside: &str) -> String {
    let mut safe = String::with_capacity(outside.len());
    for c in sanitize(outside).chars() {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::delivery::{DeliveryStats, DisableReason};

    #[test]
    fn text_from_outside_is_no_markup() {
        let attempt = AttemptMark {
            number: 1,
            at: Duration::ZERO,
            result: "<b>".to_owned(),
            body: "\"><script>".to_owned(),
            delivered: false,
            possibly_received: false,
        };
        let row = DeliveryRow {
            provider: "<u>".to_owned(),
            event_type: "<script>alert(1)</script>".to_owned(),
            event_id: "a\"onload='x'&\u{202e}\u{1b}[2J".to_owned(),
            attempts: vec![attempt],
            outcome: DeliveryOutcome::Failed,
        };
        let schedule = |source: &str| ScheduleNote {
            provider: "<s>".to_owned(),
            times: "<em>".to_owned(),
            source: Some(source.to_owned()),
        };
        let content = Content {
            rows: vec![row],
            schedules: vec![schedule("javascript:alert(1)"), schedule("https://a/\"onclick=\"")],
            disabled: vec![("<i>".to_owned(), EndpointDisabled { failures: 1, reason: DisableReason::Gone })],
            omitted: 3,
        };
        let summary = RunSummary {
            log: "</title><img src=x>",
            url: "http://a/?\"",
            speed: TimeScale::Max,
            at: Timestamp::UNIX_EPOCH,
            stats: Some(&DeliveryStats::default()),
            provider_time: Duration::ZERO,
            interrupted: true,
        };
        let html = render(&summary, &content);
        for bad in [
            "<script",
            "<img",
            "<b>",
            "<u>",
            "<s>",
            "<em>",
            "<i>",
            "\u{202e}",
            "\u{1b}",
            "a\"onload",
            "javascript:",
            "a/\"",
        ] {
            assert!(!html.contains(bad), "{bad}");
        }
        assert!(html.contains("3 more deliveries are not drawn"));
        assert!(html.contains("&lt;i&gt; was disabled because it said that it is gone (410)"));
    }
}
