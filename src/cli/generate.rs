//! `whk completions`, `whk man` and `whk help`: their arguments, and the scripts of the shells.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;
use clap_complete::aot::generate;
use clap_complete::shells::{Elvish, PowerShell};

use super::command_tree;
use crate::error::{Error, Result};

/// `whk completions`
#[derive(Args, Debug)]
#[command(after_help = "\
To install:
  whk completions bash > ~/.local/share/bash-completion/completions/whk
  whk completions zsh > \"${fpath[1]}/_whk\"
  whk completions fish > ~/.config/fish/completions/whk.fish
  whk completions powershell >> $PROFILE
  whk completions elvish >> ~/.config/elvish/rc.elv
Then start a new shell.")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `whk man`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk man | man -l -
  whk man ~/.local/share/man/man1    then: man whk-send")]
pub struct ManArgs {
    /// Write the pages of all commands into this folder, which is created if missing
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// `whk help`
#[derive(Args, Debug)]
pub struct HelpArgs {
    /// The command, such as `send` or `secret new`
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Returns the completion script of a shell. Those of bash, zsh and fish ask `whk __complete`; the others are lists.
///
/// # Errors
/// There is no script for this shell.
pub fn completion_script(shell: Shell) -> Result<String> {
    match shell {
        Shell::Bash => Ok(include_str!("../../completions/whk.bash").to_owned()),
        Shell::Zsh => Ok(include_str!("../../completions/_whk").to_owned()),
        Shell::Fish => Ok(include_str!("../../completions/whk.fish").to_owned()),
        Shell::Elvish => Ok(static_script(Elvish)),
        Shell::PowerShell => Ok(static_script(PowerShell)),
        other => Err(Error::new(format!("there are no completions for {other}"))),
    }
}

/// Returns a script that lists the commands, their options and values.
fn static_script(shell: impl clap_complete::Generator) -> String {
    let mut script = Vec::new();
    generate(shell, &mut command_tree(), "whk", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
