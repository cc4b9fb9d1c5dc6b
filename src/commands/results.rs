//! `--report`: the results of a run, recorded while it goes on and written when it ends, also after a failure.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::signals::Signals;
use super::{Context, block_on};
use crate::clock::Stopwatch;
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Output, clean};
use crate::report::{Case, Ending, OpenReport, Recorder, ReportFile};

/// The reports of a run while it goes on.
pub(super) struct Results {
    pub(super) recorder: Recorder,
    files: Vec<OpenReport>,
    watch: Stopwatch,
}

impl Results {
    /// Opens the files, which must not be one of `taken`; `None` without `--report`.
    pub(super) fn open(
        context: &Context,
        command: &'static str,
        files: &[ReportFile],
        taken: &[&Path],
    ) -> Result<Option<Self>> {
        let mut taken = taken.to_vec();
        let mut open = Vec::with_capacity(files.len());
        for file in files {
            open.push(file.open(&taken)?);
            taken.push(file.path());
        }
        let recorder = Recorder::new(command, context.now());
        Ok((!open.is_empty()).then(|| Self { recorder, files: open, watch: Stopwatch::start() }))
    }

    /// Writes the files, and returns the result of the run, or the reason why a file could not be written.
    pub(super) fn write(self, output: Output, result: Result<ExitStatus>) -> Result<ExitStatus> {
        let ending = match &result {
            Ok(ExitStatus::Interrupted) => Ending::Interrupted,
            Ok(_) => Ending::Complete,
            Err(error) => Ending::Error(error.in_short()),
        };
        let run = self.recorder.finish(ending, self.watch.elapsed());
        let mut result = result;
        for file in self.files {
            match file.write(&run) {
                Ok(path) => output.status(&format!("report written to {}", clean(&path.display().to_string()))),
                Err(error) if result.is_ok() => result = Err(error),
                // The first error is the one that the run ends with.
                Err(error) => output.error(&error),
            }
        }
        result
    }
}

/// Writes the results if there are any to write.
pub(super) fn write(results: Option<Results>, output: Output, result: Result<ExitStatus>) -> Result<ExitStatus> {
    match results {
        Some(results) => results.write(output, result),
        None => result,
    }
}

/// Results that the thread which waits for a signal can write at any time.
#[derive(Clone, Default)]
pub(super) struct SharedResults(Arc<Mutex<Option<Results>>>);

impl SharedResults {
    /// Records cases in their order. After the report was written they are dropped.
    pub(super) fn record(&self, cases: Vec<Case>) {
        if cases.is_empty() {
            return;
        }
        if let Some(results) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            for case in cases {
                results.recorder.record(case);
            }
        }
    }

    fn take(&self) -> Option<Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Runs blocking work on a thread of its own, until it is done or a signal arrives, and writes the results in both cases.
pub(super) fn until_signal(
    context: &Context,
    results: Results,
    work: impl FnOnce(&Context, &SharedResults) -> Result<ExitStatus> + Send + 'static,
) -> Result<ExitStatus> {
    let shared = SharedResults(Arc::new(Mutex::new(Some(results))));
    let (done, end) = oneshot::channel();
    let (recipe, sink) = (context.recipe(), shared.clone());
    let ended = block_on(async move {
        let mut signals = Signals::catch()?;
        thread::spawn(move || {
            // Nobody listens after a signal.
            let _ = done.send(work(&recipe.context(), &sink));
        });
        tokio::select! {
            ended = end => ended.unwrap_or_else(|_| Err(Error::new("the run ended unexpectedly"))),
            _ = signals.next() => Ok(ExitStatus::Interrupted),
        }
    })?;
    write(shared.take(), context.output, ended)
}
