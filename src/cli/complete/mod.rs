//! The completions of a command line: the last word is to be completed.
//!
//! The result is a candidate a line, with a tab and its description if it has one; a line `:files` stands for the
//! names of files, which a shell completes itself. It is not a command of clap's: a line to complete need not be one
//! that can be parsed.

mod data;
mod line;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{CommandFactory as _, ValueHint};

use super::{Cli, command_tree};
use crate::environment;
use crate::provider::{Catalog, ProviderRef};
use data::Data;
use line::{Line, Wanted};

/// The first argument that asks for completions.
pub const COMPLETE_COMMAND: &str = "__complete";

/// The data that completions come from; it is read only if a line needs it.
#[derive(Clone, Copy, Debug)]
pub struct CompletionData {
    /// Returns the providers.
    pub catalog: fn() -> Catalog,
    /// Returns the provider of a config: of the file that the line names, or the usual one.
    pub default_provider: fn(Option<&Path>) -> Option<ProviderRef>,
}

/// A text that may stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    value: String,
    description: String,
}

impl Candidate {
    fn new(value: impl Into<String>, description: impl Into<String>) -> Self {
        Self { value: value.into(), description: description.into() }
    }

    fn plain(value: impl Into<String>) -> Self {
        Self::new(value, "")
    }
}

/// What may stand at the cursor.
#[derive(Debug, Default)]
struct Candidates {
    list: Vec<Candidate>,
    /// The names of files, too.
    files: bool,
}

impl From<Vec<Candidate>> for Candidates {
    fn from(list: Vec<Candidate>) -> Self {
        Self { list, files: false }
    }
}

/// Returns the candidates for the last of these words, as the scripts read them. Nothing is an error here: a shell has
/// no place to show it.
#[must_use]
pub fn completions(words: &[OsString], data: CompletionData) -> String {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut root = command_tree();
    root.build();
    let line = Line::read(&root, &words);
    let found = candidates(&line, data);
    let prefix = if let Wanted::Value(_, prefix) = &line.wanted { prefix.as_str() } else { "" };
    let mut text = String::new();
    if found.files {
        text.push_str(":files\n");
    }
    let mut seen = Vec::new();
    for Candidate { value, description } in &found.list {
        if !value.starts_with(&line.typed) || value.contains(char::is_control) || seen.contains(&value) {
            continue;
        }
        seen.push(value);
        let description: String = description.chars().filter(|c| !c.is_control()).collect();
        let _ = match description.as_str() {
            "" => writeln!(text, "{prefix}{value}"),
            _ => writeln!(text, "{prefix}{value}\t{description}"),
        };
    }
    text
}

fn candidates(line: &Line<'_>, data: CompletionData) -> Candidates {
    match &line.wanted {
        Wanted::Value(argument, _) => values(line, argument, data),
        Wanted::Option => options(line),
        Wanted::Other => Candidates { list: Vec::new(), files: true },
        Wanted::Word(positional) => {
            let mut found = positional.map(|argument| values(line, argument, data)).unwrap_or_default();
            let commands = line.command.get_subcommands().filter(|command| !command.is_hide_set());
            let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
            found.list.extend(commands.map(|command| Candidate::new(command.get_name(), about(command))));
            // Options come where nothing else can.
            if found.list.is_empty() && !found.files { options(line) } else { found }
        }
    }
}

fn options(line: &Line<'_>) -> Candidates {
    let mut list = Vec::new();
    for option in line.options() {
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        list.extend(option.get_long().map(|long| Candidate::new(format!("--{long}"), help)));
        // A short form is offered to those who ask for it.
        if line.typed == "-" {
            list.extend(option.get_short().map(|short| Candidate::new(format!("-{short}"), help)));
        }
    }
    list.into()
}

/// The values of an argument: from the data of the providers, from its type, or the names of files.
fn values(line: &Line<'_>, argument: &clap::Arg, source: CompletionData) -> Candidates {
    let name = argument.get_long().unwrap_or_else(|| argument.get_id().as_str());
    let words = |words: &[&str]| words.iter().map(|word| Candidate::plain(*word)).collect::<Vec<_>>().into();
    let data = || Data::read(line, source);
    match (line.command.get_name(), name) {
        (_, "provider") | ("providers", "name") => data().providers(&line.typed).into(),
        (_, "schedule") => {
            let mut list = data().providers(&line.typed);
            list.push(Candidate::new("none", "no retries"));
            list.into()
        }
        ("events", "kind") => {
            let data = data();
            data.types().into_iter().chain(data.providers(&line.typed)).collect::<Vec<_>>().into()
        }
        (_, "type" | "events") => {
            let mut list = data().types();
            list.push(Candidate::new("all", "all types"));
            list.into()
        }
        (_, "expect-type") => data().types().into(),
        (_, "route" | "respond-for") => with_equals(data().types()).into(),
        (_, "scenario") => data().scenarios().into(),
        (_, "set") if !line.typed.contains('=') => with_equals(data().paths()).into(),
        (_, "unset") => data().paths().into(),
        (_, "secret") => secrets(&line.typed),
        (_, "data") => match line.typed.strip_prefix('@') {
            Some(path) => files("@", path).into(),
            None => vec![Candidate::new("@", "a file"), Candidate::new("-", "stdin")].into(),
        },
        ("help", "command") => commands(&Cli::command()).into(),
        _ if !argument.get_possible_values().is_empty() => {
            let values = argument.get_possible_values();
            let help = |value: &clap::builder::PossibleValue| value.get_help().map(ToString::to_string);
            let value =
                |value| Candidate::new(clap::builder::PossibleValue::get_name(value), help(value).unwrap_or_default());
            values.iter().map(value).collect::<Vec<_>>().into()
        }
        (_, "format") => words(&["auto", "http", "curl", "jsonl", "har", "json"]),
        (_, "color") => words(&["auto", "always", "never"]),
        (_, "pace") => words(&["original", "asap"]),
        (_, "speed") => words(&["max"]),
        (_, "tolerance") => words(&["none"]),
        _ => {
            let hint = argument.get_value_hint();
            let files = matches!(hint, ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
            Candidates { list: Vec::new(), files }
        }
    }
}

fn commands(root: &clap::Command) -> Vec<Candidate> {
    root.get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| Candidate::plain(command.get_name()))
        .collect()
}

fn with_equals(list: Vec<Candidate>) -> Vec<Candidate> {
    list.into_iter().map(|one| Candidate { value: one.value + "=", ..one }).collect()
}

fn secrets(typed: &str) -> Candidates {
    if let Some(path) = typed.strip_prefix("file:") {
        return files("file:", path).into();
    }
    if typed.starts_with("env:") {
        return environment::names().map(|name| Candidate::plain(format!("env:{name}"))).collect::<Vec<_>>().into();
    }
    vec![Candidate::new("env:", "a variable"), Candidate::new("file:", "a file")].into()
}

/// The files that a path leads to, for values in which it stands behind a prefix of ours.
fn files(prefix: &str, path: &str) -> Vec<Candidate> {
    let (folder, begun) = path.rsplit_once('/').map_or(("", path), |(folder, _)| path.split_at(folder.len() + 1));
    let entries = fs::read_dir(if folder.is_empty() { "." } else { folder }).into_iter().flatten().flatten();
    let mut found: Vec<Candidate> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let shown = name.starts_with(begun) && (!name.starts_with('.') || begun.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            shown.then(|| Candidate::plain(format!("{prefix}{folder}{name}{slash}")))
        })
        .collect();
    found.sort_by(|a, b| a.value.cmp(&b.value));
    found
}
