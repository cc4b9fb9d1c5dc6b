//! The results of `whk check`: facts about a run, and the case of a check for the files of `--report`.

use std::fmt::Write as _;

use super::case::Case;
use super::check_json::cause_name;
use super::curl::{curl_command, shell_quote};
use crate::check::{CheckOutcome, CheckResult, Level, ReceivedResponse, SentRequest};
use crate::output::sanitize;

/// The longest text of the handler that is shown, in characters.
const MAX_EXCERPT: usize = 300;

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
    /// The command that starts the handler, if `whk` starts it.
    pub command: Vec<String>,
    /// Address of the handler as it was typed, if it was.
    pub typed_target: Option<String>,
    /// Weaknesses of the provider's scheme.
    pub weaknesses: Vec<String>,
}

/// Checks that judge the responses to the requests of all others, and send none of their own.
const JUDGES_OTHERS: [&str; 3] = ["no-leak", "no-redirect", "within-timeout"];

/// Returns the command that runs one check again.
pub(super) fn again(run: &CheckRun, id: &str) -> String {
    let mut command = "whk check".to_owned();
    if let Some(target) = &run.typed_target {
        command.push(' ');
        command
            .push_str(target.strip_prefix("http://127.0.0.1").filter(|rest| rest.starts_with(':')).unwrap_or(target));
    }
    let _ = write!(command, " -p {}", run.provider);
    if !JUDGES_OTHERS.contains(&id) {
        let _ = write!(command, " --only {id}");
    }
    let _ = write!(command, " --seed {}", run.seed);
    if !run.command.is_empty() {
        command.push_str(" --");
        for word in &run.command {
            let plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c));
            command.push(' ');
            command.push_str(&if plain { word.clone() } else { shell_quote(word) });
        }
    }
    sanitize(&command).into_owned()
}

pub(super) fn request_line(request: &SentRequest) -> String {
    let size = request.body.len();
    let note = request.not_repeatable.as_ref().map(|note| format!("    ({note})")).unwrap_or_default();
    format!("{} {}    body {size} bytes{note}", request.method, sanitize(&request.url))
}

pub(super) fn response_line(response: &ReceivedResponse) -> String {
    let body = excerpt(&response.body);
    format!("{} {body}", response.status)
}

/// Returns the beginning of a body, harmless and on one line.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_EXCERPT)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    sanitize(&cut(&line, MAX_EXCERPT)).into_owned()
}

pub(super) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

/// Returns the case of a check for the files of `--report`. A failure below the level of the run is advice.
#[must_use]
pub fn check_case(run: &CheckRun, result: &CheckResult) -> Case {
    let group = result.group.name();
    let kind = cause_name(result).unwrap_or("failed");
    let case = match result.outcome {
        CheckOutcome::Passed => Case::passed(group, result.id),
        CheckOutcome::Failed if result.level >= run.level => Case::failed(group, result.id, kind, &result.message),
        CheckOutcome::Failed => Case::advised(group, result.id, kind, &result.message),
        CheckOutcome::Skipped if result.not_judged => Case::errored(group, result.id, "not-judged", &result.message),
        CheckOutcome::Skipped => Case::skipped(group, result.id, &result.message),
    };
    let case = case.duration(result.duration).detail("level", result.level.name()).detail("rule", result.rule);
    if result.outcome != CheckOutcome::Failed {
        return case;
    }
    let case = case.detail("why", result.reason).optional_detail("fix", result.fix.as_deref());
    let case = case.optional_detail("request", result.request.as_ref().map(request_line).as_deref());
    let case = case.optional_detail("response", result.response.as_ref().map(response_line).as_deref());
    let case = case.optional_detail("handler-output", result.handler_output.as_deref());
    let case = case.command("again", &again(run, result.id));
    match result.request.as_ref().and_then(curl_command) {
        Some(command) => case.command("curl", &command),
        None => case,
    }
}
