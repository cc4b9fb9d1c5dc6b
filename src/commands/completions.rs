//! `whk completions`: the script of a shell. Those of bash, zsh and fish ask `whk __complete`; the others are lists.

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::aot::generate;
use clap_complete::shells::{Elvish, PowerShell};
use serde_json::json;

use super::Context;
use crate::cli::{Cli, CompletionsArgs};
use crate::error::{Error, ExitStatus, Result};

pub(super) fn run(context: &Context, flags: &CompletionsArgs) -> Result<ExitStatus> {
    let script = match flags.shell {
        Shell::Bash => include_str!("../../completions/whk.bash").to_owned(),
        Shell::Zsh => include_str!("../../completions/_whk").to_owned(),
        Shell::Fish => include_str!("../../completions/whk.fish").to_owned(),
        Shell::Elvish => list(Elvish),
        Shell::PowerShell => list(PowerShell),
        other => return Err(Error::new(format!("there are no completions for {other}"))),
    };
    if context.output.json {
        let line = json!({"kind": "completions", "shell": flags.shell.to_string(), "script": script});
        context.output.print_json(&line)?;
    } else {
        context.output.write_stdout(script.as_bytes())?;
    }
    Ok(ExitStatus::Success)
}

/// A script that lists the commands, their options and values.
fn list(shell: impl clap_complete::Generator) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "whk", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
