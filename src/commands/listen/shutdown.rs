//! The end of `whk listen`: its cause and its exit code.

use std::process::ExitStatus;
use std::time::Duration;

use super::child::{self, Running};
use super::expectation::{Expectation, Standing};
use crate::commands::signals::{Signal, Signals};
use crate::duration::HumanDuration;
use crate::error::{Exit, Result};

/// Time limit for outstanding events after the command that causes them has exited.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that can end the run.
pub(super) struct Until<'a> {
    pub(super) signals: Signals,
    pub(super) timeout: Option<HumanDuration>,
    pub(super) expectation: Option<&'a Expectation>,
    pub(super) command: Option<Running>,
}

/// The end of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    cause: Cause,
    /// The exit status of the command, if there was one.
    command: Option<ExitStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The expectation is met or broken, or the command has exited.
    Itself,
    Interruption,
    Timeout,
}

impl Until<'_> {
    /// Waits for the end, and for the end of the command if there is one.
    pub(super) async fn over(mut self) -> Result<Ending> {
        let timeout = after(self.timeout.map(|span| span.0));
        tokio::pin!(timeout);
        if let Some(running) = self.command.take() {
            return self.command_over(running, timeout).await;
        }
        let cause = tokio::select! {
            _ = self.signals.next() => Cause::Interruption,
            () = &mut timeout => Cause::Timeout,
            () = settled(self.expectation) => Cause::Itself,
        };
        Ok(Ending { cause, command: None })
    }

    async fn command_over(
        mut self,
        mut running: Running,
        mut timeout: impl Future<Output = ()> + Unpin,
    ) -> Result<Ending> {
        let mut cause = Cause::Itself;
        let status = loop {
            let signal = tokio::select! {
                status = running.ended() => break status?,
                () = &mut timeout => {
                    cause = Cause::Timeout;
                    break running.stop().await?;
                }
                signal = self.signals.next() => signal,
            };
            match signal {
                // The second signal asks not to wait.
                _ if cause == Cause::Interruption => running.kill(),
                // The terminal has sent Ctrl-C to the command as well.
                Signal::Interrupt => {}
                Signal::Terminate => running.terminate(),
            }
            cause = Cause::Interruption;
        };
        if cause == Cause::Itself && status.success() && self.is_missing_something() {
            let grace = after(Some(GRACE).filter(|_| self.timeout.is_none()));
            tokio::select! {
                _ = self.signals.next() => cause = Cause::Interruption,
                () = settled(self.expectation) => {}
                () = &mut timeout => {}
                () = grace => {}
            }
        }
        Ok(Ending { cause, command: Some(status) })
    }

    fn is_missing_something(&self) -> bool {
        self.expectation.is_some_and(|expectation| matches!(expectation.standing(""), Standing::Missing(_)))
    }
}

/// Waits for a length of time, or forever.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn settled(expectation: Option<&Expectation>) {
    match expectation {
        Some(expectation) => expectation.settled().await,
        None => std::future::pending().await,
    }
}

impl Ending {
    /// Returns the exit code, and the reason if it is not 0.
    pub(super) fn exit(
        self,
        expectation: Option<&Expectation>,
        timeout: Option<HumanDuration>,
    ) -> (Exit, Option<String>) {
        let within = || timeout.map_or_else(String::new, |span| format!("within {span}"));
        let when = match self.cause {
            Cause::Timeout => within(),
            Cause::Interruption => "before it was interrupted".to_owned(),
            Cause::Itself => "until the command exited".to_owned(),
        };
        match (expectation.map(|expectation| expectation.standing(&when)), self.command) {
            (Some(Standing::Broken(reason)), _) => (Exit::No, Some(reason)),
            (Some(Standing::Missing(reason)), _) => match self.cause {
                Cause::Timeout => (Exit::TimedOut, Some(reason)),
                Cause::Interruption => (Exit::Interrupted, Some(reason)),
                Cause::Itself => (Exit::No, Some(reason)),
            },
            (_, Some(_)) if self.cause == Cause::Timeout => {
                (Exit::TimedOut, Some(format!("the command did not exit {}", within())))
            }
            (_, Some(status)) => (child::exit(status), None),
            (_, None) => (Exit::Yes, None),
        }
    }
}
