//! `whk completions`: the script of a shell.

use serde_json::json;

use super::CommandContext;
use crate::cli::{CompletionsArgs, completion_script};
use crate::error::{ExitStatus, Result};

pub(super) fn run(context: &CommandContext, flags: &CompletionsArgs) -> Result<ExitStatus> {
    let script = completion_script(flags.shell)?;
    if context.output.json {
        let line = json!({"kind": "completions", "shell": flags.shell.to_string(), "script": script});
        context.output.print_json(&line)?;
    } else {
        context.output.write_stdout(script.as_bytes())?;
    }
    Ok(ExitStatus::Success)
}
