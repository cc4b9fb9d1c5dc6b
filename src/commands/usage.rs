//! The end of a run that has no command: help, the version, and usage errors.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::cli::{self, Length};
use crate::error::{ExitStatus, Result};
use crate::output::{ColorChoice, Output, Verbosity};

/// Ends a run that the parser did not accept.
pub(super) fn end(arguments: &[OsString], error: &clap::Error) -> ExitStatus {
    let output = output(arguments);
    match error.kind() {
        ErrorKind::DisplayHelp => help(output, arguments),
        ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitStatus::Success
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if arguments.len() < 2 => {
            Output::write_stderr(format!("{}\n", cli::pitch()).as_bytes());
            ExitStatus::Error
        }
        _ => {
            let error = cli::usage_error(arguments, error);
            output.error(&error);
            error.kind.into()
        }
    }
}

/// Prints the help that `-h` or `--help` asked for.
fn help(output: Output, arguments: &[OsString]) -> ExitStatus {
    let before = arguments.iter().take_while(|argument| *argument != "--");
    let long = before.clone().any(|argument| argument == "--help");
    let mut root = cli::documented(if long { Length::Long } else { Length::Short });
    match root.try_get_matches_from_mut(arguments) {
        // clap colours the help itself, and knows the width.
        Err(help) if help.kind() == ErrorKind::DisplayHelp => {
            let _ = help.print();
            ExitStatus::Success
        }
        Err(error) => {
            let error = cli::usage_error(arguments, &error);
            output.error(&error);
            error.kind.into()
        }
        Ok(_) => ExitStatus::Success,
    }
}

/// `whk help COMMAND`: prints what `whk COMMAND --help` prints.
pub(super) fn help_of(output: Output, words: &[String]) -> Result<ExitStatus> {
    Ok(help(output, &cli::help_arguments(words)?))
}

/// The output for errors before the flags are known: the colour is looked up in the arguments.
fn output(arguments: &[OsString]) -> Output {
    let mut words = arguments.iter().filter_map(|argument| argument.to_str());
    let text = words.find_map(|word| word.strip_prefix("--color")).and_then(|rest| match rest {
        "" => words.next(),
        rest => rest.strip_prefix('='),
    });
    let choice = text.and_then(|text| text.parse().ok());
    Output::new(false, Verbosity::Normal, choice.unwrap_or(ColorChoice::Auto))
}
