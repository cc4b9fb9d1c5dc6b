//! The results of `whk check` for people.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::time::Duration;

use super::check::{CheckRun, again, cut, last_lines, request_line, response_line};
use super::curl::curl_command;
use crate::check::{CheckCounts, CheckGroup, CheckOutcome, CheckResult, Level};
use crate::duration::MeasuredDuration;
use crate::output::{Style, plural, sanitize, wrap};

/// The longest curl command on a terminal, in characters; files have it in full.
const MAX_CURL: usize = 200;

/// The number of lines of the handler's output that are shown.
const MAX_OUTPUT_LINES: usize = 6;

/// The number of checks that are named when they could not be judged.
const MAX_NAMED: usize = 4;

/// The indent of all that belongs to a failure.
const INDENT: usize = 8;

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
        let target = format!("{} -> {}", sanitize(&run.title), sanitize(&run.target));
        let checks = plural(run.checks as u64, "check", "checks");
        let facts = format!("{checks}, seed {}, level {}", run.seed, run.level.name());
        let gap = self.width.saturating_sub(target.chars().count() + facts.chars().count());
        let gap = if gap < 3 { "\n".to_owned() } else { " ".repeat(gap.min(6)) };
        format!("{}{gap}{facts}\n", self.style.bold(&cut(&target, self.width - 1)))
    }

    /// Returns the results of a group; nothing if it has none, or none to show.
    #[must_use]
    pub fn group(&self, run: &CheckRun, group: CheckGroup, results: &[CheckResult]) -> String {
        let judged: Vec<&CheckResult> =
            results.iter().filter(|result| result.group == group && !result.not_judged).collect();
        let count = |outcome| judged.iter().filter(|result| result.outcome == outcome).count();
        let (passed, failed) = (count(CheckOutcome::Passed), count(CheckOutcome::Failed));
        if judged.is_empty() || self.quiet && failed == 0 {
            return String::new();
        }
        let counts = if passed + failed == 0 { String::new() } else { format!("   {passed} of {}", passed + failed) };
        let mut text = format!("\n{}{counts}\n", self.style.bold(group.name()));
        for same in by_cause(&judged) {
            text.push_str(&self.failure(run, &same));
        }
        if !self.quiet {
            for (reason, ids) in by_reason(judged.iter().copied().filter(|r| r.outcome == CheckOutcome::Skipped)) {
                let line = format!("{}: {}", ids.join(", "), sanitize(&reason));
                for (index, line) in hard_wrap(&line, self.width - INDENT).iter().enumerate() {
                    let label = if index == 0 { "skip  " } else { "      " };
                    let _ = writeln!(text, "  {}", self.style.faint(&format!("{label}{line}")));
                }
            }
        }
        if self.verbose {
            for result in judged.iter().filter(|result| result.outcome == CheckOutcome::Passed) {
                let time = self.style.faint(&MeasuredDuration(result.duration).to_string());
                let _ = writeln!(text, "  {}  {:25}  {time}", self.style.green("pass"), result.id);
            }
        }
        text
    }

    /// One failure, with the others of the same cause.
    fn failure(&self, run: &CheckRun, same: &[&CheckResult]) -> String {
        let result = same[0];
        let mut text = self.first_line(result);
        if !self.fits_first_line(result) {
            self.lines(&mut text, "", &sanitize(&result.message));
        }
        self.lines(&mut text, "why   ", result.reason);
        if let Some(fix) = &result.fix {
            self.lines(&mut text, "fix   ", &sanitize(fix));
        }
        let _ = writeln!(text, "        rule  {}", result.rule);
        if let Some(request) = &result.request {
            self.lines(&mut text, "> ", &request_line(request));
        }
        if let Some(response) = &result.response {
            self.lines(&mut text, "< ", &response_line(response));
        }
        if let Some(output) = &result.handler_output {
            for line in last_lines(output, MAX_OUTPUT_LINES) {
                self.lines(&mut text, "| ", &sanitize(&cut(line, 3 * self.width)));
            }
        }
        self.command(&mut text, &again(run, result.id));
        if let Some(command) = result.request.as_ref().and_then(curl_command) {
            let shown = if self.verbose { command } else { cut(&command, MAX_CURL) };
            let _ = writeln!(text, "        curl  {shown}");
        }
        if same.len() > 1 {
            let ids: Vec<&str> = same[1..].iter().map(|result| result.id).collect();
            self.lines(&mut text, "also fails: ", &ids.join(", "));
        }
        text
    }

    fn fits_first_line(&self, result: &CheckResult) -> bool {
        let length = |text: &str| text.chars().count();
        INDENT + result.id.len() + length(&sanitize(&result.message)) + result.level.name().len() + 4 <= self.width
    }

    /// The sign, the id, the message if there is room, and the level at the right.
    fn first_line(&self, result: &CheckResult) -> String {
        let sign = match result.level {
            Level::Required => self.style.red("FAIL"),
            Level::Recommended => self.style.yellow("warn"),
        };
        let message =
            if self.fits_first_line(result) { format!("  {}", sanitize(&result.message)) } else { String::new() };
        let used = INDENT + result.id.len() + message.chars().count();
        let gap = " ".repeat(self.width.saturating_sub(used + result.level.name().len()).max(2));
        let level = self.style.faint(result.level.name());
        format!("  {sign}  {}{message}{gap}{level}\n", self.style.bold(result.id))
    }

    /// Writes wrapped lines with a label before the first.
    fn lines(&self, text: &mut String, label: &str, content: &str) {
        let indent = INDENT + label.len();
        for (index, line) in hard_wrap(content, self.width.saturating_sub(indent).max(20)).iter().enumerate() {
            let gap = " ".repeat(label.len());
            let line = format!("        {}{line}", if index == 0 { label } else { &gap });
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }

    /// Writes a command in lines that can be copied together.
    fn command(&self, text: &mut String, command: &str) {
        let lines = wrap(command, self.width - INDENT - "again  \\".len());
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { "again " } else { "      " };
            let end = if index + 1 < lines.len() { " \\" } else { "" };
            let _ = writeln!(text, "        {label}{line}{end}");
        }
    }

    /// Returns the lines at the end; with `-q` only if something failed or could not be judged.
    #[must_use]
    pub fn summary(&self, run: &CheckRun, results: &[CheckResult], counts: CheckCounts, duration: Duration) -> String {
        let mut text = String::from("\n");
        self.not_judged(&mut text, results);
        if !self.quiet {
            self.weaknesses(&mut text, run);
        }
        let failed = counts.failed_at(run.level);
        let line = summary_line(counts);
        let bad = failed || counts.not_judged > 0;
        if self.quiet && !bad && counts.failed_recommended == 0 {
            return String::new();
        }
        let style = if failed { self.style.red(&line) } else { self.style.green(&line) };
        let _ = writeln!(text, "{style}    {}", MeasuredDuration(duration));
        text
    }

    fn not_judged(&self, text: &mut String, results: &[CheckResult]) {
        for line in not_judged_lines(results) {
            for line in hard_wrap(&line, self.width) {
                let _ = writeln!(text, "{}", self.style.yellow(&line));
            }
        }
    }

    fn weaknesses(&self, text: &mut String, run: &CheckRun) {
        if run.weaknesses.is_empty() {
            let _ = writeln!(text, "weaknesses of {}: none found", sanitize(&run.title));
        } else {
            let _ = writeln!(text, "weaknesses of {}:", sanitize(&run.title));
            for weakness in &run.weaknesses {
                for (index, line) in hard_wrap(&sanitize(weakness), self.width - 4).iter().enumerate() {
                    let _ = writeln!(text, "  {} {line}", if index == 0 { "-" } else { " " });
                }
            }
        }
        let untested = "not tested: the timing of comparisons (use a constant-time function)";
        for line in hard_wrap(untested, self.width) {
            let _ = writeln!(text, "{line}");
        }
    }
}

/// Returns a line for each reason why checks could not be judged: their names help nobody if there are many.
pub fn not_judged_lines(results: &[CheckResult]) -> Vec<String> {
    let lines = by_reason(results.iter().filter(|result| result.not_judged)).into_iter().map(|(reason, ids)| {
        let reason = reason.strip_prefix("not judged: ").unwrap_or(&reason);
        let names = if ids.len() <= MAX_NAMED { format!(" ({})", ids.join(", ")) } else { String::new() };
        format!("{} not judged{names}: {}", plural(ids.len() as u64, "check", "checks"), sanitize(reason))
    });
    lines.collect()
}

/// Returns the numbers of a run in words.
pub(super) fn summary_line(counts: CheckCounts) -> String {
    let CheckCounts { passed, failed_required, failed_recommended, skipped, not_judged } = counts;
    let all = [
        (failed_required, "required failed"),
        (failed_recommended, "recommended failed"),
        (skipped, "skipped"),
        (not_judged, "not judged"),
    ];
    let parts = all.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    std::iter::once(format!("{passed} passed")).chain(parts).collect::<Vec<_>>().join(", ")
}

/// Returns the failures by danger, with those of one cause together: the same kind, fix and level.
fn by_cause<'a>(results: &[&'a CheckResult]) -> Vec<Vec<&'a CheckResult>> {
    let mut causes: Vec<Vec<&CheckResult>> = Vec::new();
    for failure in by_danger(results.iter().copied()) {
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

/// Returns the failures among some results: required ones first, the most dangerous ones first.
pub fn by_danger<'a>(results: impl IntoIterator<Item = &'a CheckResult>) -> Vec<&'a CheckResult> {
    let mut failures: Vec<&CheckResult> =
        results.into_iter().filter(|result| result.outcome == CheckOutcome::Failed).collect();
    failures.sort_by_key(|result| (Reverse(result.level), result.kind));
    failures
}

/// Returns the messages of some results, each with its checks.
fn by_reason<'a>(results: impl Iterator<Item = &'a CheckResult>) -> Vec<(String, Vec<&'static str>)> {
    let mut reasons: Vec<(String, Vec<&'static str>)> = Vec::new();
    for result in results {
        match reasons.iter_mut().find(|(reason, _)| *reason == result.message) {
            Some((_, ids)) => ids.push(result.id),
            None => reasons.push((result.message.clone(), vec![result.id])),
        }
    }
    reasons
}

/// Returns lines that are never longer than `width`: a word that is too long is divided.
fn hard_wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let characters: Vec<char> = line.chars().collect();
        if characters.len() <= width {
            lines.push(line);
        } else {
            lines.extend(characters.chunks(width).map(|chunk| chunk.iter().collect::<String>()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_too_long_is_divided() {
        assert_eq!(hard_wrap("ab abcdefg h", 3), ["ab", "abc", "def", "g", "h"]);
        assert_eq!(hard_wrap("", 3), [""]);
    }
}
