//! The progress of a replay, on stderr if it is a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ReplayReporter;
use crate::delivery::{Dispatcher, TimeScale};
use crate::output::{Output, Verbosity, human};
use crate::sender::RecordSource;

/// The pause between two updates.
const REDRAWN: Duration = Duration::from_millis(100);

/// A bar with counts; hidden if nobody sees it.
pub struct ReplayProgress {
    bar: ProgressBar,
    speed: TimeScale,
}

impl ReplayProgress {
    /// Starts drawing. The length of the bar is the size of the log: the number of selected events is not known in
    /// advance.
    #[must_use]
    pub fn start(output: Output, size: Option<u64>, speed: TimeScale) -> Self {
        if output.verbosity == Verbosity::Quiet || output.json {
            return Self { bar: ProgressBar::hidden(), speed };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let template = if size.is_some() { "{bar:20} {msg}" } else { "{spinner} {msg}" };
        if let Some(size) = size {
            bar.set_length(size);
        }
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, speed }
    }

    /// Returns the bar, so that other output can be printed above it.
    #[must_use]
    pub fn bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    /// Draws until it is dropped.
    pub async fn tick(&self, dispatcher: &Dispatcher<RecordSource<'_>, ReplayReporter<'_>>) {
        if self.bar.is_hidden() {
            return std::future::pending().await;
        }
        let mut interval = tokio::time::interval(REDRAWN);
        loop {
            interval.tick().await;
            let status = dispatcher.status();
            let (counts, offset) =
                dispatcher.inspect(|source, reporter| (reporter.report.stats.clone(), source.input.offset()));
            let mut text = format!("{} done", counts.delivered);
            let parts = [(status.waiting as u64, "waiting"), (counts.failed, "failed"), (counts.held_back, "skipped")];
            for (count, what) in parts {
                if count > 0 {
                    let _ = write!(text, ", {count} {what}");
                }
            }
            // The wait is shown in real time.
            if let Some(wait) = status.next_due.filter(|wait| !wait.is_zero() && status.in_flight == 0)
                && let TimeScale::Times(times) = self.speed
            {
                let _ = write!(text, "; next attempt in {}", human::short_duration(wait.div_f64(times)));
            }
            self.bar.set_position(offset);
            self.bar.set_message(text);
        }
    }

    /// Prints above the bar.
    pub fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
