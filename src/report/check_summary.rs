//! The results of `whk check` as Markdown, for the summary of a step in GitHub Actions.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::check::{CheckRun, again, cut};
use super::check_text::{by_danger, not_judged_lines, summary_line};
use super::curl::curl_command;
use crate::check::{CheckCounts, CheckResult, Level, ReceivedResponse, SentRequest};
use crate::duration::MeasuredDuration;
use crate::output::sanitize;

/// The longest text in a table, in characters.
const MAX_CELL: usize = 300;

/// The longest body that is shown, in bytes.
const MAX_BODY: usize = 4 << 10;

/// The longest command that is shown, in bytes.
const MAX_COMMAND: usize = 16 << 10;

/// The room for the sentence that says that something is missing.
const ENDING: usize = 200;

/// Returns a summary of at most `room` bytes: a headline, a table of what failed, and the details of each.
#[must_use]
pub fn step_summary(
    run: &CheckRun,
    counts: CheckCounts,
    results: &[CheckResult],
    duration: Duration,
    room: usize,
) -> String {
    let sign = if counts.failed_at(run.level) { "❌" } else { "✅" };
    let mut text = format!(
        "### {sign} whk check: {} → {}\n\n**{}** in {}, seed {}, level {}\n\n",
        inline(&run.title),
        inline(&run.target),
        summary_line(counts),
        MeasuredDuration(duration),
        run.seed,
        run.level.name()
    );
    for line in not_judged_lines(results) {
        let _ = writeln!(text, "{}\n", inline(&line));
    }
    let failures = by_danger(results);
    let mut missing = 0;
    let mut add = |text: &mut String, part: &str| {
        if missing == 0 && text.len() + part.len() + ENDING <= room {
            text.push_str(part);
        } else {
            missing += 1;
        }
    };
    if !failures.is_empty() {
        let mut table = String::from("| | check | what happened | fix |\n|---|---|---|---|\n");
        for failure in &failures {
            let _ = writeln!(
                table,
                "| {} | `{}` | {} | {} |",
                sign_of(failure),
                failure.id,
                inline(&failure.message),
                inline(failure.fix.as_deref().unwrap_or_default())
            );
        }
        add(&mut text, &format!("{table}\n"));
        for failure in &failures {
            add(&mut text, &details(run, failure));
        }
    }
    if missing > 0 {
        let _ = writeln!(text, "\nThe details of {missing} checks are left out: GitHub shows at most 1 MiB.");
    }
    text
}

fn sign_of(result: &CheckResult) -> &'static str {
    match result.level {
        Level::Required => "❌ FAIL",
        Level::Recommended => "⚠️ warn",
    }
}

/// All that is known of a failure, folded.
fn details(run: &CheckRun, result: &CheckResult) -> String {
    let mut text = format!("<details><summary>{} {}</summary>\n\n", sign_of(result), result.id);
    let _ = writeln!(text, "{}\n\nRule: <{}>\n", result.reason, result.rule);
    if let Some(request) = &result.request {
        let _ = writeln!(text, "Request\n\n{}", fenced(&request_text(request)));
    }
    if let Some(response) = &result.response {
        let _ = writeln!(text, "Response\n\n{}", fenced(&response_text(response)));
    }
    if let Some(output) = &result.handler_output {
        let start = output.len().saturating_sub(MAX_BODY);
        let start = (start..output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or(output.len());
        let _ = writeln!(text, "Output of the handler\n\n{}", fenced(&output[start..]));
    }
    let _ = writeln!(text, "Run it again\n\n{}", fenced(&again(run, result.id)));
    if let Some(command) = result.request.as_ref().and_then(curl_command).filter(|text| text.len() <= MAX_COMMAND) {
        let _ = writeln!(text, "The same request\n\n{}", fenced(&command));
    }
    text.push_str("</details>\n\n");
    text
}

fn request_text(request: &SentRequest) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    headers(&mut text, &request.headers);
    body(&mut text, &request.body);
    text
}

fn response_text(response: &ReceivedResponse) -> String {
    let mut text = format!("{} after {}\n", response.status, MeasuredDuration(response.duration));
    headers(&mut text, &response.headers);
    body(&mut text, &response.body);
    text
}

fn headers(text: &mut String, headers: &[(String, bytes::Bytes)]) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value).replace(['\r', '\n'], " ");
        let _ = writeln!(text, "{name}: {}", cut(&value, MAX_BODY));
    }
}

fn body(text: &mut String, body: &[u8]) {
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]));
    if body.len() > MAX_BODY {
        let _ = write!(text, "… ({} bytes in all)", body.len());
    }
}

/// Returns lines as a block of code, which nothing in them can end.
fn fenced(content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let lines: Vec<Cow<'_, str>> = content.lines().map(sanitize).collect();
    format!("{fence}text\n{}\n{fence}\n", lines.join("\n"))
}

/// Returns text from outside for a cell of a table: nothing in it is Markdown or HTML.
fn inline(text: &str) -> String {
    let mut safe = String::new();
    for c in sanitize(&cut(text, MAX_CELL)).chars() {
        if c.is_ascii_punctuation() && !".,;'()-/".contains(c) {
            let _ = write!(safe, "&#{};", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_block_ends_it() {
        assert_eq!(fenced("a"), "```text\na\n```\n");
        assert_eq!(fenced("a\n````\n</details>\u{1b}"), "`````text\na\n````\n</details>\\u{1b}\n`````\n");
    }

    #[test]
    fn text_from_outside_is_no_markdown() {
        assert_eq!(inline("a|b `c` <b> @me\nx"), "a&#124;b &#96;c&#96; &#60;b&#62; &#64;me&#92;u&#123;a&#125;x");
    }
}
