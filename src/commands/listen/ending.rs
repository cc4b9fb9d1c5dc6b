//! What ends `whk listen`, and with which exit code.

use std::process::ExitStatus;
use std::time::Duration;

use super::command::{self, Running};
use super::expect::{Expectation, Standing};
use crate::commands::signals::{Signal, Signals};
use crate::error::{Exit, Result};
use crate::span::Span;

/// How long something that is expected may take to come after the command that causes it has ended.
const GRACE: Duration = Duration::from_secs(2);

/// What may end it.
pub(super) struct Until<'a> {
    pub(super) signals: Signals,
    pub(super) timeout: Option<Span>,
    pub(super) expectation: Option<&'a Expectation>,
    pub(super) command: Option<Running>,
}

/// What ended it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    cause: Cause,
    /// How the command ended, where there was one.
    command: Option<ExitStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The expectation is met or broken, or the command has ended.
    Itself,
    Interruption,
    Timeout,
}

impl Until<'_> {
    /// Waits for the end. A command has ended by then as well.
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
                // Who asks twice does not want to wait.
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

/// A length of time, or for ever.
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
    /// The exit code, and the reason where it is not what was hoped for.
    pub(super) fn exit(self, expectation: Option<&Expectation>, timeout: Option<Span>) -> (Exit, Option<String>) {
        let within = || timeout.map_or_else(String::new, |span| format!("within {span}"));
        let when = match self.cause {
            Cause::Timeout => within(),
            Cause::Interruption => "before the interruption".to_owned(),
            Cause::Itself => "by the end of the command".to_owned(),
        };
        match (expectation.map(|expectation| expectation.standing(&when)), self.command) {
            (Some(Standing::Broken(reason)), _) => (Exit::No, Some(reason)),
            (Some(Standing::Missing(reason)), _) => match self.cause {
                Cause::Timeout => (Exit::TimedOut, Some(reason)),
                Cause::Interruption => (Exit::Interrupted, Some(reason)),
                Cause::Itself => (Exit::No, Some(reason)),
            },
            (_, Some(_)) if self.cause == Cause::Timeout => {
                (Exit::TimedOut, Some(format!("the command did not end {}", within())))
            }
            (_, Some(status)) => (command::exit(status), None),
            (_, None) => (Exit::Yes, None),
        }
    }
}
