//! Shows the results as they come, and keeps them for the reports.

use std::time::Duration;

use crate::check::{CheckCounts, CheckGroup, CheckObserver, CheckOutcome, CheckResult, Level};
use crate::cli::CheckFormat;
use crate::error::{ExitStatus, Result};
use crate::output::{Output, Verbosity};
use crate::report::{CheckRun, CheckText, Ending, Recorder, Results, check_case, check_json, summary_json};

/// The width of results where there is no terminal.
const WIDTH: usize = 80;

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
            run,
            counts: CheckCounts::default(),
            results: Vec::new(),
            files,
            recorder,
            duration: Duration::ZERO,
            printed: None,
        }
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
            self.output.write_stdout(self.text().heading(&self.run).as_bytes())?;
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
            self.output.write_stdout(text.as_bytes())?;
        }
        Ok(())
    }

    /// Prints what is left of the results, and the summary.
    pub(super) fn summary(&mut self, duration: Duration) -> Result {
        self.print_group()?;
        self.duration = duration;
        match self.format {
            CheckFormat::Human => {
                let text = self.text().summary(&self.run, &self.results, self.counts, duration);
                self.output.write_stdout(text.as_bytes())?;
            }
            CheckFormat::Json => self.output.print_json(&summary_json(&self.run, self.counts, duration))?,
            CheckFormat::Junit | CheckFormat::Tap => {}
        }
        Ok(())
    }

    /// Prints the results as JUnit or TAP, and returns what is to be written into files.
    pub(super) fn finish(mut self, result: Result<ExitStatus>) -> Result<(Option<Results>, Result<ExitStatus>)> {
        if result.is_err() || result.as_ref().is_ok_and(|status| *status == ExitStatus::Interrupted) {
            self.print_group()?;
        }
        if let Some(recorder) = self.recorder {
            let ending = match &result {
                Ok(ExitStatus::Interrupted) => Ending::Interrupted,
                Ok(_) => Ending::Complete,
                Err(error) => Ending::Error(error.one_line()),
            };
            let report = recorder.finish(ending, self.duration);
            let text = if self.format == CheckFormat::Junit { report.to_junit() } else { report.to_tap() };
            self.output.write_stdout(text.as_bytes())?;
        }
        Ok((self.files, result))
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
        if Output::annotates() && result.outcome == CheckOutcome::Failed && result.level == Level::Required {
            self.output.annotate(&format!("whk check: {}", result.id), &result.message)?;
        }
        self.results.push(result.clone());
        Ok(())
    }
}
