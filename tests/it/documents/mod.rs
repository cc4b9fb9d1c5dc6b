//! The documents: every command line that they and the help show is run, and every relative link leads somewhere.
#![cfg(unix)]

mod inline;
mod links;
mod page;
mod picture;
mod readme;
mod session;

use std::fs;
use std::path::Path;

use whk::cli::command_tree;

use crate::harness::files::{read, root};
use page::Command;
use session::Session;

/// Command lines that are not run, by how they begin, with the reason.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo ", "builds for minutes, or needs the network"),
    ("RUSTC_BOOTSTRAP=1 cargo ", "builds for minutes"),
    ("sh examples/round-trip.sh", "builds first; tests/it/example.rs runs the script with this binary"),
    ("tests/run", "runs these tests"),
    ("WHK_BLESS=1 tests/run", "runs these tests, and rewrites them"),
    ("WHK_TEST_ROUNDS=full tests/run", "runs these tests in full"),
    ("WHK_TEST_FLAWS=all tests/run", "runs these tests with more providers"),
    ("WHK_TEST_SEED=7 tests/run", "runs these tests with a seed"),
    (".ci/run", "runs these tests, among others"),
];

/// Commands whose document does not say that they fail, with their exit code.
const FAILS: [(&str, i32); 3] = [
    ("whk listen --expect 3 --expect-type message.delivered=2 --timeout 30s", 4),
    ("whk verify --body body.json -H 'x-webhook-signature: ...' -s env:SECRET", 1),
    ("whk log diff 1 2", 1),
];

/// The documents: the Markdown files beside the package and in `docs`.
fn documents() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "docs/"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                names.push(format!("{folder}{name}"));
            }
        }
    }
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    names
}

/// Runs commands in order in one session, and returns those that did not end as they should.
fn run(commands: &[Command]) -> Vec<String> {
    let mut failures = Vec::new();
    let mut rest = commands.iter().filter(|command| !is_listed(&command.text)).peekable();
    if rest.peek().is_none() {
        return failures;
    }
    let mut session = Session::new();
    while let Some(command) = rest.next() {
        let status = rest.next_if(|next| next.text == "echo $?");
        let expected = status.map_or_else(|| expected(command), |status| vec![status.shown.trim().parse().unwrap()]);
        let shortened = Command { text: shortened(&command.text, &expected), ..command.clone() };
        match session.run(&shortened, &expected) {
            // What a document shows belongs to the longer times.
            Ok(_) if shortened.text != command.text => {}
            Ok(printed) => failures.extend(differs(command, &printed)),
            Err(failure) => failures.push(failure),
        }
    }
    failures
}

fn is_listed(text: &str) -> bool {
    NOT_RUN.iter().any(|(start, _)| text.starts_with(start))
}

/// The exit codes that a document gives a command: `# exit 1` behind it, or by what it shows: an `error:` means a
/// failure, a `✗` may be one.
fn expected(command: &Command) -> Vec<i32> {
    let said = command.text.rsplit_once(" # ").and_then(|(_, remark)| {
        let (_, rest) = remark.split_once("exit")?;
        let digits = rest.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        digits.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    });
    let listed = FAILS.iter().find(|(text, _)| *text == command.text).map(|(_, code)| *code);
    match said.or(listed) {
        Some(code) => vec![code],
        None if command.shown.lines().any(|line| line.starts_with("error:")) => vec![1, 2, 3, 4],
        None if command.shown.contains('✗') => vec![0, 1],
        None => vec![0],
    }
}

/// The command with short times: what times out does so soon, and what goes on for a time is soon over.
fn shortened(text: &str, expected: &[i32]) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let short = match &*words[at - 1] {
            "--timeout" if expected.contains(&4) => "200ms",
            "--duration" => "200ms",
            _ => continue,
        };
        short.clone_into(&mut words[at]);
    }
    words.join(" ")
}

/// True if a word may differ from run to run: it has a digit, or is an id, which may happen to have none.
fn varies(word: &str) -> bool {
    let is_id = |text: &str| text.len() >= 20 && text.chars().all(|letter| letter.is_ascii_alphanumeric());
    word.chars().any(|letter| letter.is_ascii_digit()) || word.rsplit_once('_').is_some_and(|(_, id)| is_id(id))
}

/// The lines that a document shows and that the command did not print. A line with `…` stands for others.
fn differs(command: &Command, printed: &str) -> Option<String> {
    let masked = |line: &str| -> String {
        let hide = |word: &str| if varies(word) { "#".to_owned() } else { word.to_owned() };
        line.split_whitespace().map(hide).collect::<Vec<_>>().join(" ")
    };
    let printed_lines: Vec<String> = printed.lines().map(masked).collect();
    let shown = command.shown.lines().filter(|line| !line.trim().is_empty() && !line.contains('…'));
    let missing: Vec<&str> = shown.filter(|line| !printed_lines.contains(&masked(line))).collect();
    let nothing = printed.is_empty() || missing.is_empty();
    (!nothing).then(|| {
        format!(
            "{}: $ {}\nshows, but does not print:\n{}\nit prints:\n{printed}",
            command.place,
            command.text,
            missing.join("\n")
        )
    })
}

#[track_caller]
fn all_ran(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} commands did not end as their document says:\n\n{}\n\
         A document says that a command fails by `# exit 1` behind it, or by the `error:` that it shows. Files that a \
         command needs are made in a comment: `<!-- setup`, lines of shell, `-->`. The handler on :3000 is a `whk \
         listen`; see tests/it/documents/session.rs.",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_command_of_the_documents_runs() {
    let mut failures = Vec::new();
    for name in documents() {
        failures.extend(run(&page::commands(&name, &read(&name))));
    }
    all_ran(&failures);
}

#[test]
fn an_id_without_a_digit_varies_like_any_other() {
    assert!(varies("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"));
    assert!(varies("msg_OfXzKcxOolPRZDlmIggrhwZbUkz"));
    assert!(!varies("body_changed"));
}

#[test]
fn every_example_of_the_help_runs() {
    let mut commands = Vec::new();
    for command in command_tree().get_subcommands() {
        let help =
            command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
        commands.extend(page::examples(command.get_name(), &help));
    }
    assert!(commands.len() >= 20, "{commands:?}");
    all_ran(&run(&commands));
}

#[test]
fn what_is_not_run_is_shown_somewhere() {
    let commands: Vec<Command> = documents().iter().flat_map(|name| page::commands(name, &read(name))).collect();
    for (start, reason) in NOT_RUN {
        assert!(
            commands.iter().any(|command| command.text.starts_with(start)),
            "no document shows `{start}` ({reason})"
        );
    }
}
