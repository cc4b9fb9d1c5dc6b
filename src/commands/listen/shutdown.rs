//! The end of `whk listen`: its reason and its exit code.

use std::process;
use std::time::Duration;

use super::child::{self, ChildCommand};
use crate::commands::signals::{Signal, Signals};
use crate::duration::HumanDuration;
use crate::error::{ExitStatus, Result};
use crate::receiver::{Expectation, ExpectationStatus};

/// Time limit for outstanding events after the command that causes them has exited.
const EXPECTATION_GRACE: Duration = Duration::from_secs(2);

/// Everything that can end the run.
pub(super) struct StopConditions<'a> {
    pub(super) signals: Signals,
    pub(super) timeout: Option<HumanDuration>,
    pub(super) expectation: Option<&'a Expectation>,
    pub(super) command: Option<ChildCommand>,
}

/// The end of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped {
    reason: StopReason,
    /// The exit status of the command, if there was one.
    command: Option<process::ExitStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopReason {
    /// The expectation is met or broken, or the command has exited.
    Completed,
    Interrupted,
    TimedOut,
}

impl StopConditions<'_> {
    /// Waits for the end, and for the end of the command if there is one.
    pub(super) async fn wait(mut self) -> Result<Stopped> {
        let timeout = sleep_or_forever(self.timeout.map(|span| span.0));
        tokio::pin!(timeout);
        if let Some(child) = self.command.take() {
            return self.wait_with_child(child, timeout).await;
        }
        let reason = tokio::select! {
            _ = self.signals.next() => StopReason::Interrupted,
            () = &mut timeout => StopReason::TimedOut,
            () = expectation_settled(self.expectation) => StopReason::Completed,
        };
        Ok(Stopped { reason, command: None })
    }

    async fn wait_with_child(
        mut self,
        mut child: ChildCommand,
        mut timeout: impl Future<Output = ()> + Unpin,
    ) -> Result<Stopped> {
        let mut reason = StopReason::Completed;
        let status = loop {
            let signal = tokio::select! {
                status = child.wait() => break status?,
                () = &mut timeout => {
                    reason = StopReason::TimedOut;
                    break child.stop().await?;
                }
                signal = self.signals.next() => signal,
            };
            match signal {
                // The second signal asks not to wait.
                _ if reason == StopReason::Interrupted => child.kill(),
                // The terminal has sent Ctrl-C to the command as well.
                Signal::Interrupt => {}
                Signal::Terminate => child.terminate(),
            }
            reason = StopReason::Interrupted;
        };
        if reason == StopReason::Completed && status.success() && self.is_unmet() {
            let grace = sleep_or_forever(Some(EXPECTATION_GRACE).filter(|_| self.timeout.is_none()));
            tokio::select! {
                _ = self.signals.next() => reason = StopReason::Interrupted,
                () = expectation_settled(self.expectation) => {}
                () = &mut timeout => {}
                () = grace => {}
            }
        }
        Ok(Stopped { reason, command: Some(status) })
    }

    fn is_unmet(&self) -> bool {
        self.expectation.is_some_and(|expectation| matches!(expectation.status(""), ExpectationStatus::Missing(_)))
    }
}

/// Waits for a length of time, or forever.
async fn sleep_or_forever(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn expectation_settled(expectation: Option<&Expectation>) {
    match expectation {
        Some(expectation) => expectation.settled().await,
        None => std::future::pending().await,
    }
}

impl Stopped {
    /// Returns the exit code, and the reason if it is not 0.
    pub(super) fn exit(
        self,
        expectation: Option<&Expectation>,
        timeout: Option<HumanDuration>,
    ) -> (ExitStatus, Option<String>) {
        let within = || timeout.map_or_else(String::new, |span| format!("within {span}"));
        let when = match self.reason {
            StopReason::TimedOut => within(),
            StopReason::Interrupted => "before it was interrupted".to_owned(),
            StopReason::Completed => "until the command exited".to_owned(),
        };
        match (expectation.map(|expectation| expectation.status(&when)), self.command) {
            (Some(ExpectationStatus::Broken(reason)), _) => (ExitStatus::Failure, Some(reason)),
            (Some(ExpectationStatus::Missing(reason)), _) => match self.reason {
                StopReason::TimedOut => (ExitStatus::TimedOut, Some(reason)),
                StopReason::Interrupted => (ExitStatus::Interrupted, Some(reason)),
                StopReason::Completed => (ExitStatus::Failure, Some(reason)),
            },
            (_, Some(_)) if self.reason == StopReason::TimedOut => {
                (ExitStatus::TimedOut, Some(format!("the command did not exit {}", within())))
            }
            (_, Some(status)) => (child::exit_status(status), None),
            (_, None) => (ExitStatus::Success, None),
        }
    }
}
