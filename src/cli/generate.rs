//! `whk completions` and `whk man`: their arguments.

use std::path::PathBuf;

use clap::Args;

/// `whk completions`
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `whk man`
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write the page of every command into this folder, which is made where it is missing
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
