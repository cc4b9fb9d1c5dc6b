//! The number of effects, as a command of the user's prints it.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// The time limit of one run of the command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two runs.
const POLL_INTERVAL: Duration = Duration::from_millis(40);

/// The time for which a number must not change, if effects are complete when the handler responds.
const STABLE: Duration = Duration::from_millis(150);

/// The time after which a rejected request has had no effect, if a handler's effects are complete when it responds.
const NONE: Duration = Duration::from_millis(300);

/// When effects can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EffectTime {
    /// When the handler responds.
    AtResponse,
    /// Some time after it.
    Later,
    /// Not at all: a valid event has none.
    Never,
}

/// A command that prints how many events have taken effect so far.
#[derive(Clone, Debug)]
pub struct Effects {
    command: String,
    settle: Duration,
}

impl Effects {
    /// Makes it of a shell command; `settle` is the time that an effect may take.
    #[must_use]
    pub fn new(command: String, settle: Duration) -> Self {
        Self { command, settle }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// It fails, or does not print one whole number.
    pub async fn count(&self) -> Result<i64> {
        let cannot = |reason: String| {
            Error::new(format!("cannot count effects with `{}`", self.command))
                .cause(reason)
                .hint("--effects takes a shell command that prints one whole number")
        };
        #[cfg(unix)]
        let (shell, flag) = ("sh", "-c");
        #[cfg(not(unix))]
        let (shell, flag) = ("cmd", "/C");
        let mut command = Command::new(shell);
        command.arg(flag).arg(&self.command).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await;
        let output = output.map_err(|_| cannot("it did not end within 10 s".to_owned()))?;
        let output = output.map_err(|error| cannot(error.to_string()))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            let reason = reason.lines().next().unwrap_or_default().to_owned();
            return Err(cannot(format!("{}: {reason}", output.status)));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let text = text.trim();
        text.parse().map_err(|_| cannot(format!("it printed `{}`", text.chars().take(40).collect::<String>())))
    }

    /// Returns the number once it no longer changes: effects of earlier requests may still come.
    ///
    /// # Errors
    /// The command fails.
    pub(super) async fn settled(&self, time: EffectTime) -> Result<i64> {
        let quiet = match time {
            EffectTime::AtResponse => STABLE.min(self.settle),
            EffectTime::Later | EffectTime::Never => self.settle,
        };
        let watch = Stopwatch::start();
        let mut count = self.count().await?;
        let mut since = Stopwatch::start();
        while since.elapsed() < quiet && watch.elapsed() < self.settle * 3 {
            tokio::time::sleep(POLL_INTERVAL).await;
            let next = self.count().await?;
            if next != count {
                (count, since) = (next, Stopwatch::start());
            }
        }
        Ok(count)
    }

    /// Returns the change from `before` after the time that effects may take, or as soon as it is certain.
    ///
    /// # Errors
    /// The command fails.
    pub(super) async fn change(&self, before: i64, expected: i64, time: EffectTime) -> Result<i64> {
        let is_deferred = time != EffectTime::AtResponse;
        let limit = if expected == 0 && !is_deferred { NONE.min(self.settle) } else { self.settle };
        let watch = Stopwatch::start();
        let mut since = None;
        loop {
            let change = self.count().await? - before;
            if change > expected || watch.elapsed() >= limit {
                return Ok(change);
            }
            if change == expected && expected != 0 && !is_deferred {
                let first = *since.get_or_insert_with(Stopwatch::start);
                if first.elapsed() >= STABLE {
                    return Ok(change);
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
