//! `whk completions`, `whk man` and `whk help`: their arguments.

use std::path::PathBuf;

use clap::Args;

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
    pub shell: clap_complete::Shell,
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
