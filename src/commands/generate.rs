//! `whk completions` and `whk man`: made from the same definition as the parser.

use std::fs;

use clap::CommandFactory as _;

use super::Context;
use crate::cli::{Cli, Completions, Man};
use crate::error::{Error, Exit, Result};

pub(super) fn completions(context: &Context, flags: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "whk", &mut script);
    context.output.raw(&script)?;
    Ok(Exit::Yes)
}

pub(super) fn man(context: &Context, flags: &Man) -> Result<Exit> {
    let Some(folder) = &flags.folder else {
        context.output.raw(&page(Cli::command())?)?;
        return Ok(Exit::Yes);
    };
    fs::create_dir_all(folder)
        .map_err(|error| Error::new(format!("cannot make the folder {}", folder.display())).cause(error))?;
    let mut root = Cli::command();
    root.build();
    let names = root.get_subcommands().map(|command| Some(command.get_name().to_owned()));
    for name in std::iter::once(None).chain(names.collect::<Vec<_>>()) {
        let (file, command) = match name {
            None => ("whk.1".to_owned(), Cli::command()),
            Some(name) => {
                let command = root.find_subcommand(&name).cloned().unwrap_or_default();
                let full = format!("whk-{name}");
                (
                    format!("{full}.1"),
                    command.name(full).bin_name(format!("whk {name}")).version(env!("CARGO_PKG_VERSION")),
                )
            }
        };
        let path = folder.join(file);
        fs::write(&path, page(command)?)
            .map_err(|error| Error::new(format!("cannot write {}", path.display())).cause(error))?;
        context.output.answer(&path.display().to_string())?;
    }
    Ok(Exit::Yes)
}

fn page(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Error::new("cannot make the manual page").cause(error))?;
    Ok(page)
}
