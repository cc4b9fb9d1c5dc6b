//! Results of `--report` that are recorded on another thread than the one that waits for a signal.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::signals::Signals;
use super::{CommandContext, block_on};
use crate::error::{Error, ExitStatus, Result};
use crate::report::{Case, Results, write_results};

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
    context: &CommandContext,
    results: Results,
    work: impl FnOnce(&CommandContext, &SharedResults) -> Result<ExitStatus> + Send + 'static,
) -> Result<ExitStatus> {
    let shared = SharedResults(Arc::new(Mutex::new(Some(results))));
    let (done, end) = oneshot::channel();
    let (shared_context, sink) = (context.shared(), shared.clone());
    let ended = block_on(async move {
        let mut signals = Signals::catch()?;
        thread::spawn(move || {
            // Nobody listens after a signal.
            let _ = done.send(work(&shared_context.context(), &sink));
        });
        tokio::select! {
            ended = end => ended.unwrap_or_else(|_| Err(Error::new("the run ended unexpectedly"))),
            _ = signals.next() => Ok(ExitStatus::Interrupted),
        }
    })?;
    write_results(shared.take(), context.output, ended)
}
