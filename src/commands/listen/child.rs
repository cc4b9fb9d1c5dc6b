//! The command that runs while requests are received: `whk listen -- COMMAND`.

use std::ffi::OsString;
use std::process;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::error::{Error, ExitStatus, Result};
use crate::output::Output;
use crate::signing::Secret;

/// Grace period of a command after it is asked to exit.
const TERMINATE_TIMEOUT: Duration = Duration::from_secs(5);

/// A command that was started; dropping this kills it.
pub(super) struct ChildCommand(Child);

impl ChildCommand {
    /// Starts it with the address and the secret in its environment, and with the streams of `whk`.
    pub(super) fn start(command: &[OsString], url: &str, secret: &Secret, output: Output) -> Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else { return Ok(None) };
        let mut command = Command::new(program);
        command.args(arguments).env("WHK_URL", url).env("WHK_SECRET", secret.expose_secret()).kill_on_drop(true);
        command.stdout(output.child_stdout());
        let cannot = |error| Error::new(format!("cannot run `{}`", program.display())).cause(error);
        Ok(Some(Self(command.spawn().map_err(cannot)?)))
    }

    /// Waits until it exits.
    pub(super) async fn wait(&mut self) -> Result<process::ExitStatus> {
        self.0.wait().await.map_err(|error| Error::new("cannot wait for the command").cause(error))
    }

    /// Asks it to exit, as SIGTERM does.
    pub(super) fn terminate(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may have exited just now.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        #[cfg(not(unix))]
        self.kill();
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        let _ = self.0.start_kill();
    }

    /// Asks it to exit, and kills it after the grace period.
    pub(super) async fn stop(&mut self) -> Result<process::ExitStatus> {
        self.terminate();
        if let Ok(status) = tokio::time::timeout(TERMINATE_TIMEOUT, self.wait()).await {
            return status;
        }
        self.kill();
        self.wait().await
    }
}

/// Returns the exit status of the command as a shell reports it.
pub(super) fn exit_status(status: process::ExitStatus) -> ExitStatus {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    #[cfg(unix)]
    let code = code.or_else(|| {
        let signal = std::os::unix::process::ExitStatusExt::signal(&status)?;
        u8::try_from(signal + 128).ok()
    });
    ExitStatus::Command(code.unwrap_or(1))
}
