//! `--report`: the results of a run, recorded while it goes on and written when it ends, also after a failure.

use std::path::Path;

use jiff::Timestamp;

use super::{Ending, OpenReport, Recorder, ReportFile};
use crate::clock::Stopwatch;
use crate::error::{ExitStatus, Result};
use crate::output::{Output, sanitize};

/// The reports of a run while it goes on.
pub struct Results {
    /// Collects the cases.
    pub recorder: Recorder,
    files: Vec<OpenReport>,
    watch: Stopwatch,
}

impl Results {
    /// Opens the files, which must not be one of `taken`; `None` if there are none. `now` is the start of the run.
    pub fn open(now: Timestamp, command: &'static str, files: &[ReportFile], taken: &[&Path]) -> Result<Option<Self>> {
        let mut taken = taken.to_vec();
        let mut open = Vec::with_capacity(files.len());
        for file in files {
            open.push(file.open(&taken)?);
            taken.push(file.path());
        }
        let recorder = Recorder::new(command, now);
        Ok((!open.is_empty()).then(|| Self { recorder, files: open, watch: Stopwatch::start() }))
    }

    /// Writes the files, and returns the result of the run, or the reason why a file could not be written.
    pub fn write(self, output: Output, result: Result<ExitStatus>) -> Result<ExitStatus> {
        let ending = match &result {
            Ok(ExitStatus::Interrupted) => Ending::Interrupted,
            Ok(_) => Ending::Complete,
            Err(error) => Ending::Error(error.one_line()),
        };
        let run = self.recorder.finish(ending, self.watch.elapsed());
        let mut result = result;
        for file in self.files {
            match file.write(&run) {
                Ok(path) => output.status(&format!("report written to {}", sanitize(&path.display().to_string()))),
                Err(error) if result.is_ok() => result = Err(error),
                // The first error is the one that the run ends with.
                Err(error) => output.error(&error),
            }
        }
        result
    }
}

/// Writes the results if there are any to write.
pub fn write_results(results: Option<Results>, output: Output, result: Result<ExitStatus>) -> Result<ExitStatus> {
    match results {
        Some(results) => results.write(output, result),
        None => result,
    }
}
