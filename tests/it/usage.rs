//! The command line as such: help, versions, wrong use, closed and full outputs.

use std::fs::OpenOptions;

use crate::environment::Room;
use crate::wire::{NOW_TEXT, STANDARD};

#[test]
fn the_version_is_the_packages() {
    for flag in ["--version", "-V"] {
        Room::new().whk([flag]).go().is(concat!("exit 0\nstdout:\nwhk ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn help_names_what_matters() {
    let room = Room::new();
    let global = ["--json", "--color", "--quiet", "--verbose", "--config", "--seed", "--now"];
    for (command, expected) in [
        (&[][..], &["listen", "send", "verify", "secret", "completions", "man", "Exit codes:", "130"][..]),
        (
            &["listen"],
            &[
                "[ADDR]",
                "--port",
                "--provider",
                "--secret",
                "--log",
                "--no-log",
                "--on-invalid",
                "--tolerance",
                "--max-body",
                "--ready-file",
                "Examples:",
            ],
        ),
        (
            &["send"],
            &[
                "[URL]",
                "--type",
                "--provider",
                "--secret",
                "--set",
                "--unset",
                "--data",
                "--header",
                "--id",
                "--timestamp",
                "--count",
                "--fault",
                "--timeout",
                "--insecure",
                "--dry-run",
                "--format",
                "Examples:",
            ],
        ),
        (
            &["verify"],
            &["[FILE]", "--provider", "--secret", "--format", "--body", "--header", "--at", "--tolerance", "Examples:"],
        ),
        (&["secret"], &["show", "new", "--for", "--provider"]),
        (&["completions"], &["<SHELL>", "bash", "zsh", "fish", "powershell", "elvish"]),
        (&["man"], &["[DIR]"]),
    ] {
        let output = room.whk([command, &["--help"]].concat()).go().ended(0);
        let shown = output.stdout();
        for word in expected.iter().chain(&global) {
            assert!(shown.contains(word), "{word} is not in the help of {command:?}\n{output}");
        }
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{output}");
        assert_eq!(output.stderr(), "");
        let short = room.whk([command, &["-h"]].concat()).go().ended(0);
        assert!(!short.stdout().is_empty());
    }
}

#[test]
fn every_exit_code_is_in_the_help() {
    let help = Room::new().whk(["--help"]).go().ended(0).stdout();
    let codes = help.split_once("Exit codes:\n").unwrap().1;
    for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  130  "] {
        assert!(codes.lines().any(|line| line.starts_with(code)), "{code:?} is not in:\n{codes}");
    }
}

#[test]
fn wrong_use_exits_2_and_says_the_nearest() {
    let room = Room::new();
    let output = room.whk::<&str>([]).go().ended(2);
    assert!(output.stdout().is_empty() && output.stderr().contains("Usage: whk [OPTIONS] <COMMAND>"), "{output}");
    room.whk(["sned"]).go().is("
exit 2
stderr:
error: unrecognized subcommand 'sned'

  tip: a similar subcommand exists: 'send'

Usage: whk [OPTIONS] <COMMAND>

For more information, try '--help'.
");
    room.whk(["send", "--tpye", "x"]).go().is("
exit 2
stderr:
error: unexpected argument '--tpye' found

  tip: a similar argument exists: '--type'

Usage: whk send --type <TYPE> [URL]

For more information, try '--help'.
");
    room.whk(["listen", "-q", "-v"]).go().ended(2);
    room.whk(["listen", "--log", "x", "--no-log"]).go().ended(2);
    room.whk(["send", "--type", "user.created", "--seed", "x"]).go().ended(2);
    room.whk(["send", "--type", "user.created", "ftp://x"]).go().ended(2);
    room.whk(["listen", "70000"]).go().ended(2);
    let output = room.whk(["listen", "--color", "pink"]).go().ended(2);
    assert!(output.stderr().contains("`pink` is not one of `auto`, `always`, `never`"), "{output}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let room = Room::new();
    let run = |line: &str| {
        let run = room.program("sh", ["-c", line]).env("WHK", env!("CARGO_BIN_EXE_whk"));
        run.env("SECRET", STANDARD).go()
    };
    let send = "{ $WHK send --dry-run -p standard -s env:SECRET --type all -c 2000; echo $? >&2; }";
    run(&format!("{send} | head -c 4")).is("
exit 0
stdout:
POST[no newline at the end]
stderr:
0
");
    run("{ $WHK --help; echo $? >&2; } | :").is("
exit 0
stderr:
0
");
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_an_error() {
    let room = Room::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [
        &["send", "--dry-run", "-p", "standard", "--type", "user.created"][..],
        &["secret", "-p", "standard"],
        &["secret", "-p", "standard", "--json"],
        &["completions", "bash"],
        &["man"],
    ] {
        let output = room.whk(arguments).stdout_to(full()).go();
        assert_eq!(output.code(), Some(2), "{arguments:?}\n{output}");
        output.is("
exit 2
stderr:
error: cannot write to stdout
  caused by: No space left on device (os error 28)
");
    }
}

#[test]
fn colour_goes_where_it_is_asked_for_and_nowhere_else() {
    let room = Room::new();
    let fixed = ["listen", "no-such-host.invalid:1", "--no-log", "--now", NOW_TEXT];
    for (flags, coloured) in [(&[][..], false), (&["--color=always"], true), (&["--color=never"], false)] {
        let output = room.whk([&fixed, flags].concat()).go().ended(2);
        assert_eq!(output.stderr().contains("\u{1b}["), coloured, "{flags:?}\n{output}");
    }
    // What is made for a program is never coloured.
    for format in ["http", "curl", "json"] {
        let send = ["send", "--dry-run", "-p", "standard", "--type", "all", "--color=always", "--format", format];
        assert!(!room.whk(send).go().ended(0).stdout().contains('\u{1b}'), "{format}");
    }
}

#[test]
fn quiet_says_nothing_but_errors_and_answers() {
    let room = Room::new();
    let send = ["send", "--dry-run", "-p", "ahasend", "-s", "short", "--type", "message.opened", "--format", "curl"];
    let output = room.whk(send).go().ended(0);
    assert_eq!(output.stderr().lines().count(), 1, "{output}");
    let output = room.whk([&send[..], &["-q"]].concat()).go().ended(0);
    assert_eq!((output.stderr().as_str(), output.stdout().lines().count()), ("", 1), "{output}");
    let output = room.whk(["secret", "-p", "nobody", "-q"]).go().ended(2);
    assert!(output.stderr().starts_with("error: there is no provider `nobody`\n"), "{output}");
}
