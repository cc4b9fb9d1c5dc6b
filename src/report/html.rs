//! HTML: one page that loads nothing, runs nothing, and shows by words and signs what it shows by colours.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::case::{Case, Outcome};
use super::json::milliseconds;
use super::recorder::RunReport;

const STYLE: &str = include_str!("report.css");

pub(super) fn write(run: &RunReport, writer: &mut impl Write) -> io::Result<()> {
    writer.write_all(page(run).into_string().as_bytes())
}

fn page(run: &RunReport) -> Markup {
    let title = format!("{}: {}", run.name(), run.counts.summary());
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
                    // A battery is long: what matters comes before its groups.
                    @if run.scope.is_some() && run.cases().any(is_bad) {
                        (section("failed", run.cases().filter(|case| is_bad(case))))
                    }
                    @for group in &run.groups {
                        @if run.scope.is_some() {
                            (section(&group.name, group.cases.iter().filter(|case| !is_bad(case))))
                        } @else {
                            (section(&group.name, group.cases.iter()))
                        }
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

/// Shows whether a case failed, is advice, or could not be tested.
fn is_bad(case: &Case) -> bool {
    rank(case) < 3
}

/// The position by importance: what failed comes first.
fn rank(case: &Case) -> u8 {
    match case.outcome {
        Outcome::Failed { .. } => 0,
        Outcome::Advised { .. } => 1,
        Outcome::Errored { .. } => 2,
        Outcome::Passed | Outcome::Skipped { .. } => 3,
    }
}

/// A group: what did not pass first, and open.
fn section<'a>(name: &str, cases: impl Iterator<Item = &'a Case>) -> Markup {
    let mut cases: Vec<&Case> = cases.collect();
    if cases.is_empty() {
        return html! {};
    }
    cases.sort_by_key(|case| rank(case));
    html! {
        section {
            h2 { (name) }
            ul {
                @for case in cases {
                    (entry(case))
                }
            }
        }
    }
}

fn entry(case: &Case) -> Markup {
    let (class, sign, word) = match case.outcome {
        Outcome::Passed => ("passed", "✓", "passed"),
        Outcome::Failed { .. } => ("failed", "✗", "failed"),
        Outcome::Advised { .. } => ("advised", "△", "warning"),
        Outcome::Errored { .. } => ("failed", "!", "errored"),
        Outcome::Skipped { .. } => ("skipped", "–", "skipped"),
    };
    let bad = matches!(class, "failed" | "advised");
    let head = html! {
        span class={ "outcome " (class) } { span .sign aria-hidden="true" { (sign) } " " (word) }
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
                details open[bad] {
                    summary { (head) }
                    @if let Some((kind, message)) = case.reason() {
                        p .message { (message) @if bad { " " span .kind { "(" (kind) ")" } } }
                    }
                    dl {
                        @for (name, text) in &case.details {
                            dt { (name) }
                            dd {
                                @if *name == "rule" && text.starts_with("https://") {
                                    a href=(text) rel="noreferrer" { (text) }
                                } @else {
                                    (text)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
