//! Usage errors in the form of all other errors, and the commands that help is asked for.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Length, documented};
use crate::error::{Error, Result};
use crate::strict_toml::nearest;

/// Returns the arguments that print the help of the command with this path, such as `secret new`.
///
/// # Errors
/// There is no such command.
pub fn help_arguments(words: &[String]) -> Result<Vec<OsString>> {
    let root = documented(Length::Long);
    let (mut command, mut path) = (&root, "whk".to_owned());
    for word in words {
        command = command.find_subcommand(word).ok_or_else(|| unknown_command(command, &path, word))?;
        path = format!("{path} {}", command.get_name());
    }
    Ok(path.split(' ').chain(["--help"]).map(OsString::from).collect())
}

/// Returns the error for arguments that the parser rejects: the problem, the possible values, and a hint.
#[must_use]
pub fn usage_error(arguments: &[OsString], error: &clap::Error) -> Error {
    let (command, path) = command_of(arguments);
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let list = |kind| match error.get(kind) {
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    };
    let help = format!("{path} --help");
    let argument = text(ContextKind::InvalidArg).map(flag_name).unwrap_or_default();
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let possible = list(ContextKind::ValidValue);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            unknown_command(&command, &path, text(ContextKind::InvalidSubcommand).unwrap_or_default())
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Error::new("which command?").available("commands", commands(&command)).hint(help)
        }
        ErrorKind::UnknownArgument => unknown_argument(&command, &path, &argument),
        ErrorKind::InvalidValue if value.is_empty() => {
            let error = Error::new(format!("{argument} needs a value"));
            if possible.is_empty() { error.hint(help) } else { error.available("", possible) }
        }
        ErrorKind::InvalidValue => {
            let near = nearest(value, possible.iter().map(String::as_str)).map(str::to_owned);
            let error = Error::new(format!("unknown value `{value}` for {argument}")).available("", possible);
            near.into_iter().fold(error, |error, near| error.hint(format!("did you mean `{near}`?")))
        }
        ErrorKind::ValueValidation => {
            let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            Error::new(wrong_value(&argument, value, &source))
        }
        ErrorKind::MissingRequiredArgument => missing(&command, &path, &list(ContextKind::InvalidArg)),
        ErrorKind::ArgumentConflict => {
            let others: Vec<String> = list(ContextKind::PriorArg).iter().map(|other| flag_name(other)).collect();
            if others.is_empty() || others.contains(&argument) {
                return Error::new(format!("{argument} can be given only once")).hint(help);
            }
            let argument =
                if argument.is_empty() { text(ContextKind::InvalidSubcommand).unwrap_or_default() } else { &argument };
            Error::new(format!("{argument} cannot be used with {}", others.join(", "))).hint(help)
        }
        ErrorKind::TooManyValues => Error::new(format!("{argument} takes no value, but got `{value}`")).hint(help),
        ErrorKind::InvalidUtf8 => Error::new("an argument is not valid UTF-8").hint(help),
        _ => Error::new(first_line(&error.to_string())).hint(help),
    }
}

/// The command that the arguments name, and its path, such as `whk secret new`.
fn command_of(arguments: &[OsString]) -> (clap::Command, String) {
    let mut command = documented(Length::Long);
    let mut path = "whk".to_owned();
    for word in arguments.iter().skip(1).filter_map(|argument| argument.to_str()).take_while(|word| *word != "--") {
        if let Some(below) = command.find_subcommand(word).cloned() {
            path = format!("{path} {}", below.get_name());
            command = below;
        }
    }
    (command, path)
}

fn commands(command: &clap::Command) -> impl Iterator<Item = &str> {
    command.get_subcommands().filter(|below| !below.is_hide_set()).map(clap::Command::get_name)
}

fn unknown_command(command: &clap::Command, path: &str, word: &str) -> Error {
    let error = Error::new(format!("unknown command `{word}`")).available("commands", commands(command));
    match nearest(word, commands(command)) {
        _ if word == "version" => error.hint("whk --version"),
        Some(near) => error.hint(format!("did you mean: {path} {near}")),
        None => error.hint(format!("{path} --help")),
    }
}

fn unknown_argument(command: &clap::Command, path: &str, argument: &str) -> Error {
    let help = format!("{path} --help");
    if !argument.starts_with('-') {
        let places: Vec<String> = command.get_positionals().map(|place| format!("[{}]", name_of(place))).collect();
        let usage = if places.is_empty() { path.to_owned() } else { format!("{path} {}", places.join(" ")) };
        return Error::new(format!("unexpected argument `{argument}`: the form is `{usage}`")).hint(help);
    }
    let options = || command.get_arguments().filter(|option| !option.is_hide_set() && !option.is_global_set());
    let longs: Vec<String> = options().filter_map(clap::Arg::get_long).map(|long| format!("--{long}")).collect();
    let global = command.get_arguments().filter(|option| option.is_global_set());
    let known: Vec<String> = global
        .chain(options())
        .flat_map(|option| option.get_long_and_visible_aliases().unwrap_or_default())
        .map(|long| format!("--{long}"))
        .collect();
    let error = Error::new(format!("unknown option `{argument}`"));
    match nearest(argument, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.available("options", longs).hint(help),
    }
}

/// Arguments that are missing, and their possible values if there are any.
fn missing(command: &clap::Command, path: &str, names: &[String]) -> Error {
    let shown: Vec<String> = names.iter().map(|name| flag_name(name)).collect();
    let error = Error::new(format!("`{path}` needs {}", shown.join(", ")));
    let wanted = command.get_arguments().find(|known| shown.first().is_some_and(|name| *name == name_of(known)));
    let values: Vec<String> = wanted
        .map(clap::Arg::get_possible_values)
        .unwrap_or_default()
        .iter()
        .map(|value| value.get_name().to_owned())
        .collect();
    let hint = match values.first() {
        Some(first) => format!("{path} {first}"),
        None => format!("{path} --help"),
    };
    error.available("", values).hint(hint)
}

/// `--count` for an option, and `SHELL` for what has no name.
fn name_of(argument: &clap::Arg) -> String {
    match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default(),
    }
}

/// The name in clap's `--count <N>`, `<SHELL>` or `[URL]`.
fn flag_name(shown: &str) -> String {
    if shown.contains('|') && shown.contains("--") {
        return shown.trim_matches(['<', '>']).split('|').map(flag_name).collect::<Vec<_>>().join(" or ");
    }
    let first = shown.split([' ', '=']).next().unwrap_or_default();
    let bare = if first.starts_with('-') { first.trim_end_matches("...") } else { shown.trim_end_matches("...") };
    bare.trim_matches(['<', '>', '[', ']']).to_owned()
}

/// The message for a value that its type rejects. What the numbers of the standard library say is put in words.
fn wrong_value(argument: &str, value: &str, source: &str) -> String {
    let number = match source {
        "invalid digit found in string" | "cannot parse integer from empty string" => Some("a whole number".to_owned()),
        "number would be zero for non-zero type" => Some("a number from 1".to_owned()),
        _ if source.starts_with("number too large") => Some("a smaller number".to_owned()),
        _ => source.split_once(" is not in ").and_then(|(_, range)| range_in_words(range)),
    };
    match number {
        Some(expected) => format!("{argument} {value}: expected {expected}"),
        None => format!("{argument}: {source}"),
    }
}

/// `1..=1024` is "a number from 1 to 1024"; the largest number of its type is no bound.
fn range_in_words(range: &str) -> Option<String> {
    let (first, last) = range.split_once("..")?;
    let last = last.trim_start_matches('=');
    if last.is_empty() || last == u64::MAX.to_string() || last == i64::MAX.to_string() {
        Some(format!("a number from {first}"))
    } else {
        Some(format!("a number from {first} to {last}"))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
