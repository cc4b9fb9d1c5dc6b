//! The command that runs while requests are taken: `whk listen -- COMMAND`.

use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::error::{Error, Exit, Result};
use crate::output::Output;
use crate::signing::Secret;

/// How long a command has to end once it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command that was started; it is killed where it is still running when this goes away.
pub(super) struct Running(Child);

impl Running {
    /// Starts it with the address and the secret in its environment, and with our own streams.
    pub(super) fn start(command: &[OsString], url: &str, secret: &Secret, output: Output) -> Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else { return Ok(None) };
        let mut command = Command::new(program);
        command.args(arguments).env("WHK_URL", url).env("WHK_SECRET", secret.reveal()).kill_on_drop(true);
        command.stdout(output.stdout_of_others());
        let cannot = |error| Error::new(format!("cannot run `{}`", program.display())).cause(error);
        Ok(Some(Self(command.spawn().map_err(cannot)?)))
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus> {
        self.0.wait().await.map_err(|error| Error::new("cannot wait for the command").cause(error))
    }

    /// Asks it to end, as SIGTERM does.
    pub(super) fn terminate(&mut self) {
        #[cfg(unix)]
        if let Some(id) = self.0.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            // It may have ended by itself just now.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        #[cfg(not(unix))]
        self.kill();
    }

    /// Ends it, whether it wants to or not.
    pub(super) fn kill(&mut self) {
        let _ = self.0.start_kill();
    }

    /// Asks it to end, and ends it where it takes too long.
    pub(super) async fn stop(&mut self) -> Result<ExitStatus> {
        self.terminate();
        if let Ok(ended) = tokio::time::timeout(PATIENCE, self.ended()).await {
            return ended;
        }
        self.kill();
        self.ended().await
    }
}

/// The command's status as ours, as a shell gives it.
pub(super) fn exit(status: ExitStatus) -> Exit {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    #[cfg(unix)]
    let code = code.or_else(|| {
        let signal = std::os::unix::process::ExitStatusExt::signal(&status)?;
        u8::try_from(signal + 128).ok()
    });
    Exit::Command(code.unwrap_or(1))
}
