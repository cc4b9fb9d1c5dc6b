//! `whk completions` and `whk man`: made from the same definition as the parser.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use serde_json::json;

use super::Context;
use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::error::{Error, Exit, Result};

pub(super) fn completions(context: &Context, flags: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "whk", &mut script);
    if context.output.json {
        let script = String::from_utf8_lossy(&script);
        let line = json!({"kind": "completions", "shell": flags.shell.to_string(), "script": script});
        context.output.object(&line)?;
    } else {
        context.output.raw(&script)?;
    }
    Ok(Exit::Yes)
}

pub(super) fn man(context: &Context, flags: &ManArgs) -> Result<Exit> {
    let mut root = Cli::command();
    root.build();
    let Some(folder) = &flags.folder else {
        let page = page(root)?;
        context.output.object(&json!({"kind": "page", "name": "whk.1", "text": page}))?;
        if !context.output.json {
            context.output.raw(page.as_bytes())?;
        }
        return Ok(Exit::Yes);
    };
    fs::create_dir_all(folder)
        .map_err(|error| Error::new(format!("cannot make the folder {}", folder.display())).cause(error))?;
    write(context, folder, &root, "whk")?;
    Ok(Exit::Yes)
}

/// Writes the page of a command, and those of the commands below it.
fn write(context: &Context, folder: &Path, command: &clap::Command, name: &str) -> Result {
    let path = folder.join(format!("{name}.1"));
    let shown =
        command.clone().name(name.to_owned()).bin_name(name.replace('-', " ")).version(env!("CARGO_PKG_VERSION"));
    fs::write(&path, page(shown)?)
        .map_err(|error| Error::new(format!("cannot write {}", path.display())).cause(error))?;
    context.output.answer(&path.display().to_string())?;
    context.output.object(&json!({"kind": "page", "path": path.display().to_string()}))?;
    for below in command.get_subcommands() {
        write(context, folder, below, &format!("{name}-{}", below.get_name()))?;
    }
    Ok(())
}

fn page(command: clap::Command) -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::new("cannot make the manual page").cause(error))?;
    Ok(sections(&String::from_utf8_lossy(&page)))
}

/// What stands after the options is a section of its own, by its own heading, and keeps its lines.
fn sections(page: &str) -> String {
    let Some((before, rest)) = page.split_once(".SH EXTRA\n") else { return page.to_owned() };
    let end = rest.find(".SH ").unwrap_or(rest.len());
    let (extra, after) = rest.split_at(end);
    let (heading, lines) = extra.split_once('\n').unwrap_or((extra, ""));
    let heading = if heading == "Examples:" { "EXAMPLES" } else { "\"EXIT STATUS\"" };
    format!("{before}.SH {heading}\n.nf\n{lines}.fi\n{after}")
}
