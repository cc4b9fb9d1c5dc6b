//! `whk man`: manual pages.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::CommandContext;
use crate::cli::{self, Length, ManArgs};
use crate::error::{Error, ExitStatus, Result};

pub(super) fn run(context: &CommandContext, flags: &ManArgs) -> Result<ExitStatus> {
    let root = cli::documented(Length::Long);
    let Some(folder) = &flags.folder else {
        let page = cli::manual_page(&root, "whk")?;
        context.output.print_json(&json!({"kind": "page", "name": "whk.1", "text": page}))?;
        if !context.output.json {
            context.output.write_stdout(page.as_bytes())?;
        }
        return Ok(ExitStatus::Success);
    };
    fs::create_dir_all(folder)
        .map_err(|error| Error::new(format!("cannot create the folder {}", folder.display())).cause(error))?;
    let count = write(context, folder, &root, "whk")?;
    context.output.print(&format!("{count} pages in {}", folder.display()))?;
    Ok(ExitStatus::Success)
}

/// Writes the page of a command and those of the commands below it; returns their number.
fn write(context: &CommandContext, folder: &Path, command: &clap::Command, name: &str) -> Result<usize> {
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, cli::manual_page(command, name)?)
        .map_err(|error| Error::new(format!("cannot write {}", path.display())).cause(error))?;
    context.output.print_json(&json!({"kind": "page", "path": path.display().to_string()}))?;
    let mut count = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        count += write(context, folder, below, &format!("{name}-{}", below.get_name()))?;
    }
    Ok(count)
}
