//! HTML: one page that loads nothing, runs nothing, and shows by words and signs what it shows by colours.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::case::{Case, Outcome};
use super::json::milliseconds;
use super::recorder::{Group, RunReport};

const STYLE: &str = include_str!("report.css");

pub(super) fn write(run: &RunReport, writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(page(run).into_string().as_bytes())
}

fn page(run: &RunReport) -> Markup {
    let title = format!("whk {}: {}", run.command, run.counts.summary());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (facts(run))
                    @if let Some((_, message)) = run.ending.reason() {
                        p .note { "Ended early: " (message) }
                    }
                    @if let Some(omission) = run.omission() {
                        p .note { (omission) }
                    }
                    @for group in &run.groups {
                        (section(group))
                    }
                }
            }
        }
    }
}

/// The facts of the run as a whole.
fn facts(run: &RunReport) -> Markup {
    html! {
        dl .facts {
            div { dt { "started" } dd { (format!("{:.0}", run.started)) } }
            div { dt { "took" } dd { (format!("{:.3} s", run.duration.as_secs_f64())) } }
            @for (name, value) in &run.properties {
                div { dt { (name) } dd { (value) } }
            }
            div { dt { "whk" } dd { (run.version) } }
        }
    }
}

/// A group: what did not pass first, and open.
fn section(group: &Group) -> Markup {
    let bad = |case: &&Case| matches!(case.outcome, Outcome::Failed { .. } | Outcome::Errored { .. });
    let good = |case: &&Case| !bad(case);
    html! {
        section {
            h2 { (group.name) }
            ul {
                @for case in group.cases.iter().filter(bad).chain(group.cases.iter().filter(good)) {
                    (entry(case))
                }
            }
        }
    }
}

fn entry(case: &Case) -> Markup {
    let (class, sign) = match case.outcome {
        Outcome::Passed => ("passed", "✓"),
        Outcome::Failed { .. } => ("failed", "✗"),
        Outcome::Errored { .. } => ("failed", "!"),
        Outcome::Skipped { .. } => ("skipped", "–"),
    };
    let head = html! {
        span class={ "outcome " (class) } { span .sign aria-hidden="true" { (sign) } " " (case.outcome.name()) }
        " " span .name { (case.name) }
        @if let Some(duration) = case.duration {
            " " span .took { (format!("{:.1} ms", milliseconds(duration))) }
        }
    };
    html! {
        li {
            @if case.reason().is_none() && case.details.is_empty() {
                (head)
            } @else {
                details open[class == "failed"] {
                    summary { (head) }
                    @if let Some((kind, message)) = case.reason() {
                        p .message { (message) @if class == "failed" { " " span .kind { "(" (kind) ")" } } }
                    }
                    dl {
                        @for (name, text) in &case.details {
                            dt { (name) }
                            dd { (text) }
                        }
                    }
                }
            }
        }
    }
}
