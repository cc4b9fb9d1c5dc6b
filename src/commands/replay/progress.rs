//! How far a replay is, on stderr where that is a terminal.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::report::in_words;
use super::REDRAWN;
use super::outbox::ReplayOutbox;
use crate::deliver::Dispatcher;
use crate::output::{Output, Volume};

/// A bar with counts; hidden where nobody sees it.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Begins to draw. The bar's length is the size of the log: how many events are chosen of it is not known before.
    pub(super) fn start(output: Output, size: Option<u64>) -> Self {
        if output.volume == Volume::Quiet || output.json {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        let template = if size.is_some() { "{bar:20} {msg}" } else { "{spinner} {msg}" };
        if let Some(size) = size {
            bar.set_length(size);
        }
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    /// The bar, for whoever prints beside it.
    pub(super) fn bar(&self) -> ProgressBar {
        self.0.clone()
    }

    /// Draws for as long as it is awaited.
    pub(super) async fn tick(&self, dispatcher: &Dispatcher<ReplayOutbox<'_>>) {
        if self.0.is_hidden() {
            return std::future::pending().await;
        }
        let mut interval = tokio::time::interval(REDRAWN);
        loop {
            interval.tick().await;
            let standing = dispatcher.status();
            let (tally, place) = dispatcher.with_source(|outbox| (outbox.report.tally.clone(), outbox.input.place()));
            let mut text = format!("{} done", tally.delivered);
            let parts =
                [(standing.waiting as u64, "waiting"), (tally.failed, "failed"), (tally.held_back, "held back")];
            for (count, what) in parts {
                if count > 0 {
                    let _ = write!(text, ", {count} {what}");
                }
            }
            if let Some(wait) = standing.next_due.filter(|wait| !wait.is_zero() && standing.in_flight == 0) {
                let _ = write!(text, "; next attempt in {}", in_words(wait));
            }
            self.0.set_position(place);
            self.0.set_message(text);
        }
    }

    /// Prints beside the bar.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// Takes it away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
