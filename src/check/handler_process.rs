//! The handler as a process that `whk check` starts, restarts and stops.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::redact::Redactor;
use crate::error::{Error, Result};
use crate::signing::Secret;

/// The number of bytes of its output that are kept.
const MAX_OUTPUT: usize = 64 << 10;

/// The time that it gets to stop after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// The time to read what it printed last; a process that it has started may keep the stream open.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(500);

/// A handler that was started; dropping it kills it and what it has started.
pub struct HandlerProcess {
    command: Vec<OsString>,
    port: u16,
    secrets: Vec<Secret>,
    child: Option<Child>,
    output: Rc<RefCell<VecDeque<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

impl HandlerProcess {
    /// Starts a command with `PORT` and `WHK_SECRET` in its environment. Must be called on a local task set.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &[OsString], port: u16, secrets: &[Secret]) -> Result<Self> {
        let mut process = Self {
            command: command.to_vec(),
            port,
            secrets: secrets.to_vec(),
            child: None,
            output: Rc::default(),
            readers: Vec::new(),
        };
        process.spawn(true)?;
        Ok(process)
    }

    fn spawn(&mut self, with_secret: bool) -> Result {
        let (program, arguments) = self.command.split_first().ok_or_else(|| Error::new("there is no command"))?;
        let mut command = Command::new(program);
        command.args(arguments).env("PORT", self.port.to_string()).env_remove("WHK_SECRET").kill_on_drop(true);
        if with_secret {
            let texts: Vec<&str> = self.secrets.iter().map(Secret::expose_secret).collect();
            command.env("WHK_SECRET", texts.join(" "));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what it starts can be stopped with it.
        #[cfg(unix)]
        command.process_group(0);
        let cannot = |error| Error::new(format!("cannot run `{}`", program.display())).cause(error);
        let mut child = command.spawn().map_err(cannot)?;
        if let Some(stdout) = child.stdout.take() {
            self.keep_output(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            self.keep_output(stderr);
        }
        self.child = Some(child);
        Ok(())
    }

    fn keep_output(&mut self, mut stream: impl AsyncRead + Unpin + 'static) {
        let output = Rc::clone(&self.output);
        self.readers.push(tokio::task::spawn_local(async move {
            let mut buffer = vec![0; 8 << 10];
            while let Ok(length) = stream.read(&mut buffer).await {
                if length == 0 {
                    return;
                }
                let mut output = output.borrow_mut();
                output.extend(&buffer[..length]);
                let excess = output.len().saturating_sub(MAX_OUTPUT);
                output.drain(..excess);
            }
        }));
    }

    /// Reads what a process that has ended printed last.
    async fn read_rest(&mut self) {
        let readers = futures_util::future::join_all(self.readers.drain(..));
        let _ = tokio::time::timeout(OUTPUT_TIMEOUT, readers).await;
    }

    /// Takes what it has printed since the last call, without its secrets.
    pub(super) fn take_output(&self) -> Option<String> {
        let bytes: Vec<u8> = self.output.borrow_mut().drain(..).collect();
        if bytes.is_empty() {
            return None;
        }
        Some(Redactor::new(&self.secrets).text(&String::from_utf8_lossy(&bytes)))
    }

    /// Returns the last lines that it has printed, without its secrets.
    #[must_use]
    pub fn last_output(&self, count: usize) -> Vec<String> {
        let text = self.take_output().unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[lines.len().saturating_sub(count)..].to_vec()
    }

    /// True if it has not exited.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Stops it, and what it has started.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal_group(&child, false);
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            signal_group(&child, true);
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
        self.read_rest().await;
    }

    /// Kills it at once, as a crash or a full memory does.
    pub(super) async fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        signal_group(&child, true);
        let _ = child.start_kill();
        let _ = child.wait().await;
        self.read_rest().await;
    }

    /// Starts it again, with or without its secret.
    pub(super) fn start_again(&mut self, with_secret: bool) -> Result {
        self.spawn(with_secret)
    }
}

impl Drop for HandlerProcess {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            signal_group(child, true);
        }
    }
}

/// Sends SIGTERM or SIGKILL to a process and all that it has started.
fn signal_group(child: &Child, kill: bool) {
    #[cfg(unix)]
    if let Some(id) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        let signal = if kill { rustix::process::Signal::KILL } else { rustix::process::Signal::TERM };
        // It may have exited just now.
        let _ = rustix::process::kill_process_group(id, signal);
    }
    #[cfg(not(unix))]
    let _ = (child, kill);
}
