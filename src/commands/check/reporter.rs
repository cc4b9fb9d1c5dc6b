//! Shows the results as they come, and keeps them for the reports.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;

use super::progress;
use crate::check::{CheckCounts, CheckGroup, CheckObserver, CheckResult};
use crate::cli::CheckFormat;
use crate::environment;
use crate::error::{ExitStatus, Result};
use crate::fs::append;
use crate::output::{MAX_ANNOTATIONS, Output, Severity, Verbosity, sanitize};
use crate::report::{
    CheckRun, CheckText, Ending, Recorder, Results, by_danger, check_case, check_json, not_judged_lines, step_summary,
    summary_json,
};

/// The width of results where there is no terminal.
const WIDTH: usize = 80;

/// The longest summary of a step, in bytes: GitHub drops one of more than 1 MiB.
const MAX_STEP_SUMMARY: u64 = 900_000;

/// The results of a run.
pub(super) struct CheckReporter {
    output: Output,
    format: CheckFormat,
    run: CheckRun,
    counts: CheckCounts,
    results: Vec<CheckResult>,
    files: Option<Results>,
    /// The results as JUnit or TAP on stdout.
    recorder: Option<Recorder>,
    duration: Duration,
    printed: Option<CheckGroup>,
    progress: ProgressBar,
}

impl CheckReporter {
    pub(super) fn new(
        output: Output,
        format: Option<CheckFormat>,
        run: CheckRun,
        mut files: Option<Results>,
        now: jiff::Timestamp,
    ) -> Self {
        let format = if output.json { CheckFormat::Json } else { format.unwrap_or(CheckFormat::Human) };
        let mut recorder = matches!(format, CheckFormat::Junit | CheckFormat::Tap).then(|| Recorder::new("check", now));
        for recorder in recorder.iter_mut().chain(files.iter_mut().map(|files| &mut files.recorder)) {
            recorder.set_scope(&run.provider);
            recorder.property("target", &run.target);
            recorder.property("provider", &format!("{}@{}", run.provider, run.edition));
            recorder.property("seed", &run.seed.to_string());
            recorder.property("level", run.level.name());
        }
        Self {
            output,
            format,
            progress: progress::bar(run.checks as u64),
            run,
            counts: CheckCounts::default(),
            results: Vec::new(),
            files,
            recorder,
            duration: Duration::ZERO,
            printed: None,
        }
    }

    /// Returns the bar that shows the progress to people; nothing if they are not to see it.
    pub(super) fn progress(&self) -> Option<ProgressBar> {
        let people = self.format == CheckFormat::Human && self.output.verbosity != Verbosity::Quiet;
        people.then(|| self.progress.clone())
    }

    /// Writes complete lines to stdout, above the progress. The handler's words are in them.
    fn write(&self, text: &str) -> Result {
        if text.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let text = Output::guard_ci_commands(&lines);
        self.progress.suspend(|| self.output.write_stdout(text.as_bytes()))
    }

    fn text(&self) -> CheckText {
        CheckText {
            style: self.output.style,
            width: self.output.width().unwrap_or(WIDTH),
            verbose: self.output.verbosity == Verbosity::Verbose,
            quiet: self.output.verbosity == Verbosity::Quiet,
        }
    }

    /// Prints the heading.
    pub(super) fn start(&self) -> Result {
        if self.format == CheckFormat::Human && self.output.verbosity != Verbosity::Quiet {
            self.write(&self.text().heading(&self.run))?;
        }
        Ok(())
    }

    pub(super) fn counts(&self) -> CheckCounts {
        self.counts
    }

    fn print_group(&mut self) -> Result {
        if let Some(group) = self.printed.take()
            && self.format == CheckFormat::Human
        {
            let text = self.text().group(&self.run, group, &self.results);
            self.write(&text)?;
        }
        Ok(())
    }

    /// Prints what is left of the results, and the summary.
    pub(super) fn summary(&mut self, duration: Duration) -> Result {
        self.progress.finish_and_clear();
        self.print_group()?;
        self.duration = duration;
        match self.format {
            CheckFormat::Human => {
                let text = self.text().summary(&self.run, &self.results, self.counts, duration);
                self.write(&text)?;
            }
            CheckFormat::Json => self.output.print_json(&summary_json(&self.run, self.counts, duration))?,
            CheckFormat::Junit | CheckFormat::Tap => {}
        }
        Ok(())
    }

    /// Prints the results as JUnit or TAP, and returns what is to be written into files.
    pub(super) fn finish(mut self, result: Result<ExitStatus>) -> Result<(Option<Results>, Result<ExitStatus>)> {
        self.progress.finish_and_clear();
        if result.is_err() || result.as_ref().is_ok_and(|status| *status == ExitStatus::Interrupted) {
            self.print_group()?;
        }
        self.annotate()?;
        self.append_step_summary();
        if let Some(recorder) = self.recorder.take() {
            let ending = match &result {
                Ok(ExitStatus::Interrupted) => Ending::Interrupted,
                Ok(_) => Ending::Complete,
                Err(error) => Ending::Error(error.one_line()),
            };
            let report = recorder.finish(ending, self.duration);
            let text = if self.format == CheckFormat::Junit { report.to_junit() } else { report.to_tap() };
            self.write(&text)?;
        }
        Ok((self.files, result))
    }
}

impl CheckReporter {
    /// Annotates what failed, the most dangerous first, and says how many more there are.
    fn annotate(&self) -> Result {
        if !Output::annotates() {
            return Ok(());
        }
        // JUnit and TAP on stdout are one document.
        let output = Output { json: self.format != CheckFormat::Human, ..self.output };
        let mut errors = Vec::new();
        let mut warnings = Vec::new();
        for failure in by_danger(&self.results) {
            let is_error = failure.level >= self.run.level;
            let fix = failure.fix.as_ref().map(|fix| format!("\nfix: {fix}")).unwrap_or_default();
            let annotation = (format!("whk: {}", failure.id), format!("{}{fix}", failure.message));
            if is_error { errors.push(annotation) } else { warnings.push(annotation) }
        }
        errors.extend(not_judged_lines(&self.results).into_iter().map(|line| ("whk: not judged".to_owned(), line)));
        for (severity, annotations) in [(Severity::Error, errors), (Severity::Warning, warnings)] {
            for (title, message) in annotations.iter().take(MAX_ANNOTATIONS - 1) {
                output.annotate_as(severity, title, message)?;
            }
            let more = annotations.len().saturating_sub(MAX_ANNOTATIONS - 1);
            if more > 0 {
                output.annotate_as(severity, "whk check", &format!("and {more} more: see the summary"))?;
            }
        }
        Ok(())
    }

    /// Appends the summary of the step in GitHub Actions, if there is a file for it. A run does not fail because of it.
    fn append_step_summary(&self) {
        let Some(path) = environment::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from) else { return };
        let used = std::fs::metadata(&path).map_or(0, |file| file.len());
        let room = usize::try_from(MAX_STEP_SUMMARY.saturating_sub(used)).unwrap_or_default();
        let text = step_summary(&self.run, self.counts, &self.results, self.duration, room);
        if text.len() > room {
            self.output.status("the step summary is full: no summary was appended");
        } else if let Err(error) = append(&path, text.as_bytes()) {
            let path = path.display().to_string();
            self.output.status(&format!("cannot append to the step summary {}: {error}", sanitize(&path)));
        }
    }
}

impl CheckObserver for CheckReporter {
    fn on_result(&mut self, result: &CheckResult) -> Result {
        if self.printed.is_some_and(|group| group != result.group) {
            self.print_group()?;
        }
        self.printed = Some(result.group);
        self.counts.add(result);
        let case = check_case(&self.run, result);
        if let Some(files) = &mut self.files {
            files.recorder.record(case.clone());
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.record(case);
        }
        if self.format == CheckFormat::Json {
            self.output.print_json(&check_json(result))?;
        }
        self.progress.inc(1);
        self.results.push(result.clone());
        Ok(())
    }
}
