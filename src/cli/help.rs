//! The help texts: `-h` fits a screen, `--help` is complete, and `whk` alone shows where to start.

use clap::{Command, CommandFactory as _};

use super::{Cli, command_tree};

/// The length of a help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// `-h`: a line for each flag.
    Short,
    /// `--help`, and the manual pages: everything.
    Long,
}

/// Exit codes with their meaning.
type ExitCodes = &'static [(&'static str, &'static str)];

const COULD_NOT_RUN: (&str, &str) = ("2", "could not run: bad usage, unreadable input, bad config");
const UNREACHABLE: (&str, &str) = ("3", "the target could not be reached");
const INTERRUPTED: (&str, &str) = ("130", "interrupted");

/// The exit codes of a command, `whk` itself included.
fn exit_codes(command: &str) -> ExitCodes {
    match command {
        "whk" => &[
            ("0", "success: valid, delivered, expectation met, or a normal end"),
            ("1", "check failed: invalid signature, rejected delivery, unmet expectation"),
            ("2", "could not run: bad usage, unreadable input, bad config, port in use"),
            UNREACHABLE,
            ("4", "timed out waiting for what was expected"),
            INTERRUPTED,
        ],
        "listen" => &[
            ("0", "the expectation was met, or a normal end without one (Ctrl-C)"),
            ("1", "the expectation was not met"),
            ("2", "could not run: bad usage, bad config, port in use, log not writable"),
            ("4", "timed out waiting for what was expected"),
            ("130", "interrupted before the expectation was met"),
            ("N", "the exit code of COMMAND, if the expectation was met"),
        ],
        "send" => &[
            ("0", "every event was delivered; with --fault, every request was rejected"),
            ("1", "an event was not delivered; with --fault, a request was not rejected"),
            COULD_NOT_RUN,
            UNREACHABLE,
            INTERRUPTED,
        ],
        "verify" => &[("0", "every request is valid"), ("1", "a request is invalid or unsigned"), COULD_NOT_RUN],
        "replay" => &[
            ("0", "every event was delivered"),
            ("1", "an event was not delivered"),
            COULD_NOT_RUN,
            UNREACHABLE,
            INTERRUPTED,
        ],
        "log" | "show" | "export" => &[("0", "success, even if nothing is selected"), COULD_NOT_RUN],
        "diff" => &[("0", "the requests are the same"), ("1", "they are different"), COULD_NOT_RUN],
        _ => &[("0", "success"), COULD_NOT_RUN],
    }
}

/// The command line with help texts of this length, for help and manual pages. Parsing needs none of it.
#[must_use]
pub fn documented(length: Length) -> Command {
    let root = command_tree();
    let global = global_options(&root);
    let mut root = document(root, length, &global);
    root.build();
    root
}

fn document(command: Command, length: Length, global: &str) -> Command {
    let notes = match length {
        Length::Short => command.get_after_help(),
        Length::Long => command.get_after_long_help().or(command.get_after_help()),
    };
    let notes = notes.map(ToString::to_string);
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let mut command = match length {
        Length::Short => {
            let lines = command.get_arguments().filter(|argument| !argument.is_hide_short_help_set()).count();
            let is_root = command.get_name() == "whk";
            let command = command.mut_args(|argument| short(argument, is_root)).after_long_help(None::<&str>);
            // Examples that leave no room for the flags are for --help.
            let notes = notes.filter(|notes| lines + notes.lines().count() <= ROOM);
            let global = format!("Global options:\n{global}");
            command.after_help(notes.map(|notes| format!("{notes}\n\n{global}")).unwrap_or(global))
        }
        Length::Long => {
            let codes = exit_text(exit_codes(command.get_name()));
            let command = command.after_long_help(None::<&str>);
            command.after_help(notes.map(|notes| format!("{notes}\n\n{codes}")).unwrap_or(codes))
        }
    };
    for name in below {
        // The short form fits 24 lines; --help shows it.
        let omitted = length == Length::Short && name == OMITTED;
        command = command.mut_subcommand(name, |below| {
            let below = document(below, length, global);
            if omitted { below.hide(true) } else { below }
        });
    }
    command
}

/// The command that the short help of `whk` leaves out: it is needed once, if at all.
const OMITTED: &str = "man";

/// Lines that flags and examples may take together, so that `-h` fits a terminal of 24 lines.
const ROOM: usize = 14;

/// A value list longer than this is for `--help`, where each value has a line.
const FEW_VALUES: usize = 5;

/// The short form of an argument: one line, without the environment and without long lists of values.
/// The global options, which `root` has, are on a line of their own.
fn short(argument: clap::Arg, is_root: bool) -> clap::Arg {
    let many = argument.is_hide_possible_values_set() || argument.get_possible_values().len() > FEW_VALUES;
    let hidden = is_root && argument.is_global_set() || argument.is_hide_short_help_set();
    argument.hide_env(true).hide_possible_values(many).hide_short_help(hidden)
}

/// The global options on one line, such as `--json  -q  --seed N`.
fn global_options(root: &Command) -> String {
    let options = root.get_arguments().filter(|argument| argument.is_global_set()).map(|option| {
        let takes_value = option.get_action().takes_values();
        let name = match (option.get_short(), option.get_long()) {
            (Some(short), _) if !takes_value => format!("-{short}"),
            (_, long) => format!("--{}", long.unwrap_or_default()),
        };
        let value = option.get_value_names().filter(|_| takes_value).and_then(|names| names.first());
        value.map(|value| format!("{name} {value}")).unwrap_or(name)
    });
    format!("  {}", options.collect::<Vec<_>>().join("  "))
}

fn exit_text(codes: ExitCodes) -> String {
    let lines: Vec<String> = codes.iter().map(|(code, meaning)| format!("  {code:<3}  {meaning}")).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// Commands that are for the installation, and of which `whk` alone shows the names only.
const ONCE: [&str; 2] = ["completions", "man"];

/// The text for `whk` alone: two commands to try, and the commands that there are. It fits 20 lines.
#[must_use]
pub fn pitch() -> String {
    let root = Cli::command();
    let commands: Vec<String> = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && !ONCE.contains(&command.get_name()))
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            format!("  {:<9}  {about}", command.get_name())
        })
        .collect();
    format!(
        "\
Test webhooks offline: send signed events, and explain why a signature fails.

Try it in two terminals:
  whk listen
  whk send -p ahasend --type message.delivered

Commands:
{}

Help: whk COMMAND --help; there are {} too",
        commands.join("\n"),
        ONCE.join(" and ")
    )
}
