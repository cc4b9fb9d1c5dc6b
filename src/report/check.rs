//! The results of `whk check` for people and as JSON Lines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::case::Case;
use super::curl::curl_command;
use crate::check::{
    CheckCounts, CheckGroup, CheckOutcome, CheckResult, FailureKind, Level, ReceivedResponse, SentRequest,
};
use crate::duration::MeasuredDuration;
use crate::output::{Style, sanitize, wrap};

/// The longest text of the handler that is shown, in characters.
const MAX_EXCERPT: usize = 300;

/// The longest curl command on a terminal, in characters; files have it in full.
const MAX_CURL: usize = 200;

/// Facts about a run.
#[derive(Clone, Debug)]
pub struct CheckRun {
    /// The provider's name.
    pub provider: String,
    /// Its name for people.
    pub title: String,
    /// Its edition.
    pub edition: String,
    /// Address of the handler.
    pub target: String,
    /// Seed of the run.
    pub seed: u64,
    /// The level at which a failure counts.
    pub level: Level,
    /// Number of selected checks.
    pub checks: usize,
    /// Weaknesses of the provider's scheme.
    pub weaknesses: Vec<String>,
}

/// The layout of the results for people.
pub struct CheckText {
    /// The style of the terminal.
    pub style: Style,
    /// The width of the text.
    pub width: usize,
    /// Also list what passed, and print complete commands.
    pub verbose: bool,
    /// Only failures.
    pub quiet: bool,
}

impl CheckText {
    /// Returns the line above the results.
    #[must_use]
    pub fn heading(&self, run: &CheckRun) -> String {
        let title = self.style.bold(&sanitize(&run.title));
        format!(
            "{title} -> {}      {} checks, seed {}, level {}\n",
            sanitize(&run.target),
            run.checks,
            run.seed,
            run.level.name()
        )
    }

    /// Returns the results of a group; nothing if it has none, or none to show.
    #[must_use]
    pub fn group(&self, run: &CheckRun, group: CheckGroup, results: &[CheckResult]) -> String {
        let mine: Vec<&CheckResult> = results.iter().filter(|result| result.group == group).collect();
        let judged = mine.iter().filter(|result| result.outcome != CheckOutcome::Skipped).count();
        let passed = mine.iter().filter(|result| result.outcome == CheckOutcome::Passed).count();
        let mut shown: Vec<&CheckResult> =
            mine.iter().copied().filter(|result| result.outcome == CheckOutcome::Failed).collect();
        shown.sort_by_key(|result| (std::cmp::Reverse(result.level), result.kind));
        if mine.is_empty() || self.quiet && shown.is_empty() {
            return String::new();
        }
        let mut text = format!("\n{}   {passed} of {judged}\n", self.style.bold(group.name()));
        for same in by_cause(&shown) {
            text.push_str(&self.failure(run, &same));
        }
        if !self.quiet {
            for (reason, ids) in skips(&mine) {
                let line = format!("{}: {}", ids.join(", "), sanitize(&reason));
                for (index, line) in wrap(&line, self.width.saturating_sub(8)).iter().enumerate() {
                    let label = if index == 0 { "skip  " } else { "      " };
                    let _ = writeln!(text, "  {}", self.style.faint(&format!("{label}{line}")));
                }
            }
        }
        if self.verbose {
            for result in mine.iter().filter(|result| result.outcome == CheckOutcome::Passed) {
                let time = MeasuredDuration(result.duration);
                let _ = writeln!(
                    text,
                    "  {}  {}  {}",
                    self.style.green("pass"),
                    result.id,
                    self.style.faint(&time.to_string())
                );
            }
        }
        text
    }

    /// One failure, with the others of the same cause.
    fn failure(&self, run: &CheckRun, same: &[&CheckResult]) -> String {
        let result = same[0];
        let sign = match result.level {
            Level::Required => self.style.red("FAIL"),
            Level::Recommended => self.style.yellow("warn"),
        };
        let mut text = format!("  {sign}  {}  {}\n", self.style.bold(result.id), self.style.faint(result.level.name()));
        self.lines(&mut text, "", &sanitize(&result.message));
        self.lines(&mut text, "why   ", result.reason);
        if let Some(fix) = &result.fix {
            self.lines(&mut text, "fix   ", &sanitize(fix));
        }
        self.lines(&mut text, "rule  ", result.rule);
        if let Some(request) = &result.request {
            self.lines(&mut text, "> ", &request_line(request));
        }
        if let Some(response) = &result.response {
            self.lines(&mut text, "< ", &response_line(response));
        }
        if let Some(output) = &result.handler_output {
            for line in last_lines(output, 6) {
                self.lines(&mut text, "| ", &sanitize(line));
            }
        }
        let again =
            format!("whk check {} -p {} --only {} --seed {}", sanitize(&run.target), run.provider, result.id, run.seed);
        self.lines(&mut text, "again ", &again);
        if let Some(request) = &result.request {
            let command = curl_command(request);
            let shown = if self.verbose { command } else { cut(&command, MAX_CURL) };
            let _ = writeln!(text, "        curl  {}", sanitize(&shown));
        }
        if same.len() > 1 {
            let ids: Vec<&str> = same[1..].iter().map(|result| result.id).collect();
            self.lines(&mut text, "also fails: ", &ids.join(", "));
        }
        text
    }

    /// Writes wrapped lines with a label before the first.
    fn lines(&self, text: &mut String, label: &str, content: &str) {
        let indent = 8 + label.len();
        for (index, line) in wrap(content, self.width.saturating_sub(indent).max(20)).iter().enumerate() {
            let gap = " ".repeat(label.len());
            let _ = writeln!(text, "        {}{line}", if index == 0 { label } else { &gap });
        }
    }

    /// Returns the lines at the end.
    #[must_use]
    pub fn summary(&self, run: &CheckRun, counts: CheckCounts, duration: Duration) -> String {
        let mut text = String::from("\n");
        if !self.quiet {
            if run.weaknesses.is_empty() {
                let _ = writeln!(text, "weaknesses of {}: none found", sanitize(&run.title));
            } else {
                let _ = writeln!(text, "weaknesses of {}:", sanitize(&run.title));
                for weakness in &run.weaknesses {
                    for (index, line) in wrap(weakness, self.width.saturating_sub(4)).iter().enumerate() {
                        let _ = writeln!(text, "  {} {line}", if index == 0 { "-" } else { " " });
                    }
                }
            }
            text.push_str("not tested: the timing of comparisons (use a constant-time function)\n");
        }
        let CheckCounts { passed, failed_required, failed_recommended, skipped, not_judged } = counts;
        let all = [
            (failed_required, "required failed"),
            (failed_recommended, "recommended failed"),
            (skipped, "skipped"),
            (not_judged, "not judged"),
        ];
        let parts: Vec<String> =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
        let line = std::iter::once(format!("{passed} passed")).chain(parts).collect::<Vec<_>>().join(", ");
        let style = if counts.failed_at(run.level) { self.style.red(&line) } else { self.style.green(&line) };
        let _ = writeln!(text, "{style}    {}", MeasuredDuration(duration));
        text
    }
}

/// Puts failures that have one cause together: the same kind, fix and level.
fn by_cause<'a>(failures: &[&'a CheckResult]) -> Vec<Vec<&'a CheckResult>> {
    let mut causes: Vec<Vec<&CheckResult>> = Vec::new();
    for failure in failures {
        let same = |have: &&mut Vec<&CheckResult>| {
            let first = have[0];
            first.kind == failure.kind && first.fix == failure.fix && first.level == failure.level
        };
        match causes.iter_mut().find(same) {
            Some(have) => have.push(failure),
            None => causes.push(vec![failure]),
        }
    }
    causes
}

/// Returns the reasons of skips, each with its checks.
fn skips(results: &[&CheckResult]) -> Vec<(String, Vec<&'static str>)> {
    let mut reasons: Vec<(String, Vec<&'static str>)> = Vec::new();
    for result in results.iter().filter(|result| result.outcome == CheckOutcome::Skipped) {
        match reasons.iter_mut().find(|(reason, _)| *reason == result.message) {
            Some((_, ids)) => ids.push(result.id),
            None => reasons.push((result.message.clone(), vec![result.id])),
        }
    }
    reasons
}

fn request_line(request: &SentRequest) -> String {
    let size = request.body.len();
    let note = request.not_repeatable.as_ref().map(|note| format!("    ({note})")).unwrap_or_default();
    format!("{} {}    body {size} bytes{note}", request.method, sanitize(&request.url))
}

fn response_line(response: &ReceivedResponse) -> String {
    let body = excerpt(&response.body);
    format!("{} {body}", response.status)
}

/// Returns the beginning of a body, harmless and on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    sanitize(&cut(&line, MAX_EXCERPT)).into_owned()
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// The line of a check in JSON.
#[derive(Serialize)]
struct CheckLine<'a> {
    kind: &'static str,
    id: &'a str,
    group: &'static str,
    level: &'static str,
    outcome: &'static str,
    cause: Option<&'static str>,
    message: &'a str,
    reason: &'a str,
    fix: Option<&'a str>,
    rule: &'a str,
    duration_ms: f64,
    requests: u32,
    request: Option<Value>,
    response: Option<Value>,
    curl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variants: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler_output: Option<&'a str>,
}

/// Returns the line of a check in JSON.
#[must_use]
pub fn check_json(result: &CheckResult) -> impl Serialize {
    CheckLine {
        kind: "check",
        id: result.id,
        group: result.group.name(),
        level: result.level.name(),
        outcome: outcome_name(result.outcome),
        cause: cause_name(result),
        message: &result.message,
        reason: result.reason,
        fix: result.fix.as_deref(),
        rule: result.rule,
        duration_ms: super::json::milliseconds(result.duration),
        requests: result.requests,
        request: result.request.as_ref().map(request_json),
        response: result.response.as_ref().map(response_json),
        curl: result.request.as_ref().map(curl_command),
        variants: result
            .variants
            .iter()
            .map(|variant| json!({"name": variant.name, "outcome": outcome_name(variant.outcome)}))
            .collect(),
        handler_output: result.handler_output.as_deref(),
    }
}

/// Returns the name of a cause, as in JSON.
pub(super) fn cause_name(result: &CheckResult) -> Option<&'static str> {
    if result.not_judged { Some("not-judged") } else { result.kind.map(FailureKind::name) }
}

fn outcome_name(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Passed => "pass",
        CheckOutcome::Failed => "fail",
        CheckOutcome::Skipped => "skip",
    }
}

/// Returns the line at the end in JSON.
#[must_use]
pub fn summary_json(run: &CheckRun, counts: CheckCounts, duration: Duration) -> impl Serialize {
    json!({
        "kind": "summary",
        "passed": counts.passed,
        "failed_required": counts.failed_required,
        "failed_recommended": counts.failed_recommended,
        "skipped": counts.skipped,
        "not_judged": counts.not_judged,
        "seed": run.seed,
        "duration_ms": super::json::milliseconds(duration),
        "provider": run.provider,
        "edition": run.edition,
        "target": run.target,
        "version": env!("CARGO_PKG_VERSION"),
        "weaknesses": run.weaknesses,
    })
}

fn headers_json(headers: &[(String, bytes::Bytes)]) -> Value {
    headers.iter().map(|(name, value)| json!([name, String::from_utf8_lossy(value)])).collect()
}

/// The longest body in JSON, in bytes: a body of 32 MiB helps nobody.
const MAX_JSON_BODY: usize = 64 << 10;

fn body_json(fields: &mut Map<String, Value>, body: &[u8]) {
    use base64::Engine as _;
    let shown = &body[..body.len().min(MAX_JSON_BODY)];
    match std::str::from_utf8(shown) {
        Ok(text) => fields.insert("body".to_owned(), text.into()),
        Err(_) => fields.insert("body_b64".to_owned(), base64::engine::general_purpose::STANDARD.encode(shown).into()),
    };
    if shown.len() < body.len() {
        fields.insert("body_truncated".to_owned(), body.len().into());
    }
}

fn request_json(request: &SentRequest) -> Value {
    let mut fields = Map::new();
    fields.insert("method".to_owned(), request.method.clone().into());
    fields.insert("target".to_owned(), request.url.clone().into());
    fields.insert("headers".to_owned(), headers_json(&request.headers));
    body_json(&mut fields, &request.body);
    fields.into()
}

fn response_json(response: &ReceivedResponse) -> Value {
    let mut fields = Map::new();
    fields.insert("status".to_owned(), response.status.into());
    fields.insert("headers".to_owned(), headers_json(&response.headers));
    body_json(&mut fields, &response.body);
    fields.insert("duration_ms".to_owned(), super::json::milliseconds(response.duration).into());
    fields.into()
}

/// Returns the case of a check for the files of `--report`. A failure below the level of the run counts as skipped.
#[must_use]
pub fn check_case(run: &CheckRun, result: &CheckResult) -> Case {
    let group = format!("{}.{}", run.provider, result.group.name());
    let case = match result.outcome {
        CheckOutcome::Passed => Case::passed(&group, result.id),
        CheckOutcome::Failed if result.level >= run.level => {
            Case::failed(&group, result.id, cause_name(result).unwrap_or("failed"), &result.message)
        }
        CheckOutcome::Failed => Case::skipped(&group, result.id, &format!("recommended, failed: {}", result.message)),
        CheckOutcome::Skipped if result.not_judged => Case::errored(&group, result.id, "not-judged", &result.message),
        CheckOutcome::Skipped => Case::skipped(&group, result.id, &result.message),
    };
    let case = case.duration(result.duration).detail("level", result.level.name()).detail("rule", result.rule);
    if result.outcome != CheckOutcome::Failed {
        return case;
    }
    let case = case.detail("why", result.reason).optional_detail("fix", result.fix.as_deref());
    let case = case.optional_detail("request", result.request.as_ref().map(request_line).as_deref());
    let case = case.optional_detail("response", result.response.as_ref().map(response_line).as_deref());
    let case = case.optional_detail("handler-output", result.handler_output.as_deref());
    case.optional_detail("curl", result.request.as_ref().map(curl_command).as_deref())
}
