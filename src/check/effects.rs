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

/// The time for which a number that is as expected must stay so.
const STABLE: Duration = Duration::from_millis(250);

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
    pub async fn settled(&self) -> Result<i64> {
        let watch = Stopwatch::start();
        let mut count = self.count().await?;
        let mut since = Stopwatch::start();
        while since.elapsed() < STABLE.min(self.settle) && watch.elapsed() < self.settle * 2 {
            tokio::time::sleep(POLL_INTERVAL).await;
            let next = self.count().await?;
            if next != count {
                (count, since) = (next, Stopwatch::start());
            }
        }
        Ok(count)
    }

    /// Returns the change from `before`, once it is `expected` and stays so, or after the time that effects may take.
    ///
    /// # Errors
    /// The command fails.
    pub async fn change(&self, before: i64, expected: i64) -> Result<i64> {
        let watch = Stopwatch::start();
        // Nothing may happen: only time can show that.
        let limit = if expected == 0 { self.settle.min(Duration::from_millis(600)) } else { self.settle };
        let mut since = None;
        loop {
            let change = self.count().await? - before;
            if change > expected {
                return Ok(change);
            }
            if change == expected && expected != 0 {
                let first = *since.get_or_insert_with(Stopwatch::start);
                if first.elapsed() >= STABLE {
                    return Ok(change);
                }
            }
            if watch.elapsed() >= limit {
                return Ok(change);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
