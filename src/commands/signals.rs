//! The signals that end a command.

use crate::error::{Error, Result};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C; whatever else runs in the foreground gets it too.
    Interrupt,
    /// SIGTERM, which nobody else gets.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Terminate,
}

/// Catches Ctrl-C and SIGTERM from when it is made.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(not(unix))]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    pub(super) fn catch() -> Result<Self> {
        let cannot = |error| Error::new("cannot catch signals").cause(error);
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
            Ok(Self { interrupt, terminate: signal(SignalKind::terminate()).map_err(cannot)? })
        }
        #[cfg(not(unix))]
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c().map_err(cannot)? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
        #[cfg(not(unix))]
        {
            self.interrupt.recv().await;
            Signal::Interrupt
        }
    }
}
