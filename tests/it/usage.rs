//! The command line as such: help, versions, wrong use, closed and full outputs.

use std::fs::OpenOptions;

use crate::harness::env::TestEnv;
use crate::harness::http::{NOW_TEXT, STANDARD};

#[test]
fn the_version_is_the_packages() {
    for flag in ["--version", "-V"] {
        TestEnv::new().whk([flag]).run().assert_snapshot(concat!(
            "exit 0\nstdout:\nwhk ",
            env!("CARGO_PKG_VERSION"),
            "\n"
        ));
    }
}

#[test]
fn help_names_what_matters() {
    let room = TestEnv::new();
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
        (&["log"], &["[FILE]", "show", "--log", "--type", "--verdict", "--where", "--grep", "--last", "Examples:"]),
        (&["log", "show"], &["[SEQ|ID]", "--log", "--id", "Examples:"]),
        (&["secret"], &["show", "new", "--for", "--provider"]),
        (&["completions"], &["<SHELL>", "bash", "zsh", "fish", "powershell", "elvish"]),
        (&["man"], &["[DIR]"]),
    ] {
        let output = room.whk([command, &["--help"]].concat()).run().assert_exit(0);
        let shown = output.stdout();
        for word in expected.iter().chain(&global) {
            assert!(shown.contains(word), "{word} is not in the help of {command:?}\n{output}");
        }
        assert!(shown.lines().all(|line| line.chars().count() <= 100), "{output}");
        assert_eq!(output.stderr(), "");
        let short = room.whk([command, &["-h"]].concat()).env("COLUMNS", "80").run().assert_exit(0);
        assert!(!short.stdout().is_empty());
    }
}

#[test]
fn every_exit_code_is_in_the_help() {
    let help = TestEnv::new().whk(["--help"]).run().assert_exit(0).stdout();
    let codes = help.split_once("Exit codes:\n").unwrap().1;
    for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  130  "] {
        assert!(codes.lines().any(|line| line.starts_with(code)), "{code:?} is not in:\n{codes}");
    }
}

#[test]
fn whk_alone_shows_where_to_start_on_20_lines() {
    let output = TestEnv::new().whk::<&str>([]).run();
    let shown = output.stderr();
    assert!(shown.lines().count() <= 20 && shown.lines().all(|line| line.chars().count() <= 80), "{output}");
    output.assert_snapshot(
        "
exit 2
stderr:
Test webhooks offline: send signed events, and explain why a signature fails.

Try it in two terminals:
  whk listen
  whk send -p ahasend --type message.delivered

Commands:
  listen     Receive webhooks: verify, print and record each one
  send       Send signed sample events, or your own body
  verify     Check captured requests and explain why one fails
  replay     Resend a recorded log on the provider's real retry schedule
  log        List what was received, show a request, compare two
  check      Test a handler: what it must accept, reject and survive
  serve      Be the provider: its webhook API, deliveries, retries and logs
  emit       Send events into a running whk serve
  events     List the events that can be sent, or show a sample of one
  providers  List the providers, show one, or describe one of your own
  secret     Show or create development secrets

Help: whk COMMAND --help; there are completions and man too
",
    );
}

#[test]
fn help_of_a_command_is_what_its_flag_prints() {
    let room = TestEnv::new();
    for command in [&[][..], &["send"], &["secret", "new"]] {
        let asked = room.whk([&["help"], command].concat()).run().assert_exit(0);
        let flag = room.whk([command, &["--help"]].concat()).run().assert_exit(0);
        assert_eq!(asked.stdout(), flag.stdout(), "{command:?}");
        assert!(flag.stdout().contains("\nExit codes:\n"), "{flag}");
    }
    room.write("whk.toml", "broken");
    room.whk(["help", "send"]).run().assert_exit(0);
    room.whk(["help", "sned"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown command `sned`
available commands: listen, send, verify, replay, log, check, serve, emit,
  events, providers, secret, completions, man
hint: did you mean: whk send
",
    );
}

#[test]
fn short_help_has_a_line_for_each_flag_and_the_global_ones_on_one() {
    let room = TestEnv::new();
    let own: [&[&str]; 15] = [
        &[],
        &["listen"],
        &["send"],
        &["verify"],
        &["replay"],
        &["log"],
        &["log", "show"],
        &["events"],
        &["providers"],
        &["providers", "new"],
        &["secret"],
        &["secret", "new"],
        &["completions"],
        &["man"],
        &["help"],
    ];
    for command in own {
        let output = room.whk([command, &["-h"]].concat()).env("COLUMNS", "80").run().assert_exit(0);
        let shown = output.stdout();
        assert!(shown.lines().count() <= 24, "{command:?}: {} lines\n{output}", shown.lines().count());
    }
    for command in ["listen", "send", "verify", "replay", "log", "events", "secret"] {
        let output = room.whk([command, "-h"]).env("COLUMNS", "80").run().assert_exit(0);
        let shown = output.stdout();
        assert!(
            shown.ends_with("Global options:\n  --json  --color WHEN  -q  -v  --config FILE  --seed N  --now TIME\n")
        );
        assert!(!shown.contains("WHK_PROVIDER") && !shown.contains("--verbose"), "{output}");
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{output}");
    }
    room.whk(["events", "-h"]).env("COLUMNS", "80").run().assert_snapshot(
        "
exit 0
stdout:
List the events that can be sent, or show a sample of one

Usage: whk events [OPTIONS] [TYPE|PROVIDER]

Arguments:
  [TYPE|PROVIDER]  Event type to show a sample of, or provider to list the
                   events of

Options:
  -p, --provider <NAME>  Provider: NAME or NAME@EDITION
  -h, --help             Print help (see more with '--help')

Examples:
  whk events ahasend
  whk events message.delivered
  whk events message.delivered -p ahasend@2026-08

Global options:
  --json  --color WHEN  -q  -v  --config FILE  --seed N  --now TIME
",
    );
}

#[test]
fn examples_fit_80_columns_so_that_they_can_be_pasted() {
    fn check(command: &clap::Command) {
        for line in command.get_after_help().map(ToString::to_string).unwrap_or_default().lines() {
            let example = line.starts_with("  ");
            assert!(!example || line.chars().count() <= 80, "whk {}: {line}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }
    check(&whk::cli::documented(whk::cli::Length::Long));
}

#[test]
fn every_help_has_exit_codes_and_examples() {
    let room = TestEnv::new();
    let commands: [&[&str]; 12] = [
        &["listen"],
        &["send"],
        &["verify"],
        &["replay"],
        &["events"],
        &["providers"],
        &["providers", "new"],
        &["providers", "check"],
        &["secret"],
        &["secret", "show"],
        &["secret", "new"],
        &["man"],
    ];
    for command in commands {
        let output = room.whk([command, &["--help"]].concat()).run().assert_exit(0);
        for part in ["\nExamples:\n", "\nExit codes:\n  0 "] {
            assert!(output.stdout().contains(part), "{command:?} lacks {part:?}\n{output}");
        }
    }
    assert!(room.whk(["completions", "--help"]).run().stdout().contains("\nTo install:\n"));
}

#[test]
fn a_usage_error_is_in_the_form_of_all_errors() {
    let room = TestEnv::new();
    room.whk(["sned"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown command `sned`
available commands: listen, send, verify, replay, log, check, serve, emit,
  events, providers, secret, completions, man
hint: did you mean: whk send
",
    );
    room.whk(["version"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown command `version`
available commands: listen, send, verify, replay, log, check, serve, emit,
  events, providers, secret, completions, man
hint: whk --version
",
    );
    room.whk(["send", "--tpye", "x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown option `--tpye`
hint: did you mean `--type`?
",
    );
    room.whk(["events", "--all"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown option `--all`
available options: --provider, --help
hint: whk events --help
",
    );
}

#[test]
fn a_wrong_value_is_named_with_what_is_expected() {
    let room = TestEnv::new();
    room.whk(["send", "-t", "a", "-c", "0"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --count 0: expected a number from 1
",
    );
    room.whk(["listen", "--concurrency", "2000"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --concurrency 2000: expected a number from 1 to 1024
",
    );
    room.whk(["listen", "--keep", "0"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --keep 0: expected a number from 1
",
    );
    room.whk(["completions"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `whk completions` needs SHELL
available: bash, elvish, fish, powershell, zsh
hint: whk completions bash
",
    );
    room.whk(["completions", "tcsh"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown value `tcsh` for SHELL
available: bash, elvish, fish, powershell, zsh
",
    );
    room.whk(["completions", "bahs"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unknown value `bahs` for SHELL
available: bash, elvish, fish, powershell, zsh
hint: did you mean `bash`?
",
    );
}

#[test]
fn wrong_combinations_of_arguments_are_named() {
    let room = TestEnv::new();
    room.whk(["listen", "-q", "-v"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --quiet cannot be used with --verbose
hint: whk listen --help
",
    );
    room.whk(["listen", "--log", "x", "--no-log"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --log cannot be used with --no-log
hint: whk listen --help
",
    );
    room.whk(["send", "--type", "user.created", "--seed", "x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --seed x: expected a whole number
",
    );
    room.whk(["events", "--seed", "1", "--seed", "2"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --seed can be given only once
hint: whk events --help
",
    );
    room.whk(["listen", "70000"]).run().assert_snapshot(
        "
exit 2
stderr:
error: ADDR: `70000` is not an address to listen on, expected PORT or HOST:PORT
",
    );
    room.whk(["listen", "--color", "pink"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --color: `pink` is not one of `auto`, `always`, `never`
",
    );
    room.whk(["listen", "--json=1"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --json takes no value, but got `1`
hint: whk listen --help
",
    );
    room.whk(["events", "--provider"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --provider needs a value
hint: whk events --help
",
    );
    room.whk(["events", "a", "b"]).run().assert_snapshot(
        "
exit 2
stderr:
error: unexpected argument `b`: the form is `whk events [TYPE|PROVIDER]`
hint: whk events --help
",
    );
    room.whk(["--json"]).run().assert_snapshot(
        "
exit 2
stderr:
error: which command?
available commands: listen, send, verify, replay, log, check, serve, emit,
  events, providers, secret, completions, man
hint: whk --help
",
    );
    room.whk(["send", "--type", "user.created", "ftp://x"]).run().assert_exit(2);
    let coloured = room.whk(["events", "--all", "--color=always"]).run().assert_exit(2);
    assert!(coloured.stderr().starts_with("\u{1b}[1;31merror:\u{1b}[0m unknown"), "{coloured}");
    assert!(coloured.stderr().contains("\u{1b}[36mavailable options:"), "{coloured}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let room = TestEnv::new();
    let run = |line: &str| {
        let run = room.program("sh", ["-c", line]).env("WHK", env!("CARGO_BIN_EXE_whk"));
        run.env("SECRET", STANDARD).run()
    };
    let send = "{ $WHK send --dry-run -p standard -s env:SECRET --type all -c 2000; echo $? >&2; }";
    run(&format!("{send} | head -c 4")).assert_snapshot(
        "
exit 0
stdout:
POST[no newline at the end]
stderr:
0
",
    );
    run("{ $WHK --help; echo $? >&2; } | :").assert_snapshot(
        "
exit 0
stderr:
0
",
    );
}

#[test]
#[cfg(target_os = "linux")]
fn an_output_that_is_full_is_an_error() {
    let room = TestEnv::new();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [
        &["send", "--dry-run", "-p", "standard", "--type", "user.created"][..],
        &["secret", "-p", "standard"],
        &["secret", "-p", "standard", "--json"],
        &["completions", "bash"],
        &["man"],
    ] {
        let output = room.whk(arguments).stdout_to(full()).run();
        assert_eq!(output.code(), Some(2), "{arguments:?}\n{output}");
        output.assert_snapshot(
            "
exit 2
stderr:
error: cannot write to stdout
  caused by: no space left on device
",
        );
    }
}

#[test]
fn colour_goes_where_it_is_asked_for_and_nowhere_else() {
    let room = TestEnv::new();
    let fixed = ["listen", "no-such-host.invalid:1", "--no-log", "--now", NOW_TEXT];
    for (flags, coloured) in [(&[][..], false), (&["--color=always"], true), (&["--color=never"], false)] {
        let output = room.whk([&fixed, flags].concat()).run().assert_exit(2);
        assert_eq!(output.stderr().contains("\u{1b}["), coloured, "{flags:?}\n{output}");
    }
    // What is made for a program is never coloured.
    for format in ["http", "curl", "json"] {
        let send = ["send", "--dry-run", "-p", "standard", "--type", "all", "--color=always", "--format", format];
        assert!(!room.whk(send).run().assert_exit(0).stdout().contains('\u{1b}'), "{format}");
    }
}

#[test]
fn quiet_says_nothing_but_errors_and_answers() {
    let room = TestEnv::new();
    let send = ["send", "--dry-run", "-p", "ahasend", "-s", "short", "--type", "message.opened", "--format", "curl"];
    let output = room.whk(send).run().assert_exit(0);
    assert_eq!(output.stderr().lines().count(), 1, "{output}");
    let output = room.whk([&send[..], &["-q"]].concat()).run().assert_exit(0);
    assert_eq!((output.stderr().as_str(), output.stdout().lines().count()), ("", 1), "{output}");
    let output = room.whk(["secret", "-p", "nobody", "-q"]).run().assert_exit(2);
    assert!(output.stderr().starts_with("error: there is no provider `nobody`\n"), "{output}");
}
