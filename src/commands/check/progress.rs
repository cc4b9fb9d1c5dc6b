//! The progress of a run, on stderr if it is a terminal and the run takes a moment.

use std::convert::Infallible;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A run that takes less shows no progress.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// The time between two drawings.
const REDRAWN: Duration = Duration::from_millis(200);

/// Returns a bar that nobody sees yet.
pub(super) fn bar(checks: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(checks), ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template("{spinner} {pos} of {len} checks, {elapsed}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

/// Shows a bar after a moment, until it is finished.
pub(super) async fn show(bar: Option<ProgressBar>) -> Infallible {
    if let Some(bar) = bar {
        tokio::time::sleep(SHOWN_AFTER).await;
        if !bar.is_finished() {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            bar.enable_steady_tick(REDRAWN);
        }
    }
    std::future::pending().await
}
