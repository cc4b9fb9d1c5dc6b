//! Committed files that follow from the code: completions, `docs/cli.md`, the table of exit codes, the table of providers
//! and its example; and the manual pages.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::harness::files::root;

const WHK: &str = env!("CARGO_BIN_EXE_whk");

/// What to do where a file is behind.
const AGAIN: &str = "to generate it: sh docs/generate.sh";

fn read_generated(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}; {AGAIN}"))
}

/// A program without an environment but the PATH, as wide as a README is read.
fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH")).env("COLUMNS", "80");
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// What `whk` prints, where it ends well and says nothing else.
#[track_caller]
fn whk<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    let room = tempfile::tempdir().unwrap();
    well(program(WHK).args(arguments).env("HOME", room.path()).output().unwrap())
}

#[track_caller]
fn well(output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A program that may be missing.
fn found(name: &str) -> Option<&str> {
    let path = std::env::vars_os().find(|(key, _)| key == "PATH")?.1;
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file()).then_some(name)
}

#[track_caller]
fn compare_completions(shell: &str, file: &str) {
    let file = format!("completions/{file}");
    assert!(
        read_generated(&file) == whk(["completions", shell]),
        "{file} is not what `whk completions {shell}` prints; {AGAIN}"
    );
}

#[test]
fn the_bash_completions_are_current() {
    compare_completions("bash", "whk.bash");
}

#[test]
fn the_zsh_completions_are_current() {
    compare_completions("zsh", "_whk");
}

#[test]
fn the_fish_completions_are_current() {
    compare_completions("fish", "whk.fish");
}

#[test]
fn the_powershell_completions_are_current() {
    compare_completions("powershell", "_whk.ps1");
}

#[test]
fn the_elvish_completions_are_current() {
    compare_completions("elvish", "whk.elv");
}

#[test]
fn shells_that_are_here_read_their_completions() {
    let checks: [(&str, &[&str]); 4] = [
        ("zsh", &["-n", "completions/_whk"]),
        ("fish", &["--no-execute", "completions/whk.fish"]),
        ("elvish", &["-compileonly", "completions/whk.elv"]),
        ("pwsh", &["-NoProfile", "-Command", "[void][scriptblock]::Create((Get-Content -Raw completions/_whk.ps1))"]),
    ];
    for (shell, arguments) in checks {
        match found(shell) {
            Some(shell) => {
                let room = tempfile::tempdir().unwrap();
                well(program(shell).args(arguments).env("HOME", room.path()).output().unwrap());
            }
            None => eprintln!("not checked, because it is not on this machine: {shell}"),
        }
    }
}

/// The names of the commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = whk(["--help"]);
    let list = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_has_a_manual_page_that_can_be_read() {
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("new").join("man1");
    let printed = whk([OsStr::new("man"), folder.as_os_str()]);
    let count = fs::read_dir(&folder).unwrap().count();
    assert_eq!(printed, format!("{count} pages in {}\n", folder.display()));
    let send = fs::read_to_string(folder.join("whk-send.1")).unwrap();
    assert!(send.contains(".SH SYNOPSIS\n\\fBwhk send\\fR [OPTIONS] [URL]\n.SH DESCRIPTION\n"), "{send}");
    assert!(send.contains(".SH EXAMPLES\n") && send.contains(".SH ENVIRONMENT\n.TP\n\\fBWHK_PROVIDER\\fR\n"), "{send}");
    assert!(send.contains("0    every event was delivered"), "the exit codes are its own: {send}");
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for name in std::iter::once("whk".to_owned()).chain(commands.iter().map(|name| format!("whk-{name}"))) {
        let path = folder.join(format!("{name}.1"));
        let page = fs::read_to_string(&path).unwrap();
        for section in
            [".SH NAME\n", ".SH SYNOPSIS\n", ".SH OPTIONS\n", ".SH \"EXIT STATUS\"\n", ".SH \"GLOBAL OPTIONS\"\n"]
        {
            assert!(page.contains(section), "{name}.1 has no {section}");
        }
        let (own, global) = (page.find("OPTIONS\n"), page.find("GLOBAL OPTIONS"));
        assert!(own < global, "{name}.1 has the options of all commands first");
        let Some(groff) = found("groff") else {
            eprintln!("not rendered, because groff is not on this machine: {name}.1");
            continue;
        };
        let shown =
            well(program(groff).args(["-Kutf8", "-man", "-Tutf8", "-P-cbou", "-ww"]).arg(&path).output().unwrap());
        for text in ["NAME", "SYNOPSIS", "OPTIONS", &format!("{name}(1)")] {
            assert!(shown.contains(text), "{name}.1 does not show `{text}`:\n{shown}");
        }
    }
    assert_eq!(whk(["man"]), fs::read_to_string(folder.join("whk.1")).unwrap(), "without a folder it prints the first");
}

/// The help of a command as a section of `docs/cli.md`, then those of the commands below it.
fn help_pages(command: &[&str]) -> String {
    let help = whk(command.iter().chain(&["--help"]));
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let mut pages = format!("\n## {}\n\n```text\n{}\n```\n", [&["whk"], command].concat().join(" "), lines.join("\n"));
    let below = lines.iter().skip_while(|line| **line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for line in below.filter(|line| !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        pages.push_str(&help_pages(&[command, &[name]].concat()));
    }
    pages
}

#[test]
fn the_page_of_the_command_line_is_current() {
    let page = read_generated("docs/cli.md");
    let pages = help_pages(&[]);
    assert!(page.ends_with(&pages), "docs/cli.md is not what the commands print for --help; {AGAIN}");
    for command in commands() {
        assert!(page.contains(&format!("\n## whk {command}\n")), "docs/cli.md has no section `whk {command}`");
    }
    assert!(page.contains("\n## whk secret new\n"), "docs/cli.md has no section for a subcommand");
}

#[test]
fn the_page_of_the_checks_is_current() {
    let page = read_generated("docs/checks.md");
    for check in whk::check::checks() {
        let row = format!("| `{}` | {} | {} ([rule]({})) |\n", check.id, check.level.name(), check.reason, check.rule);
        assert!(page.contains(&row), "docs/checks.md lacks {row}{AGAIN}");
    }
    assert_eq!(page.matches("\n| `").count(), whk::check::checks().count(), "{AGAIN}");
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_help() {
    let help = whk(["--help"]);
    let wanted: Vec<(&str, &str)> = help
        .split("Exit codes:\n")
        .nth(1)
        .unwrap()
        .lines()
        .map(|line| line.trim().split_once(' ').map(|(code, meaning)| (code, meaning.trim())).unwrap())
        .collect();
    let page = read_generated("docs/configuration.md");
    let table = page.split("<!-- exit codes -->\n").nth(1).expect("docs/configuration.md has a table of exit codes");
    let shown: Vec<(&str, &str)> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches(['|', ' ']).split_once(" | ").unwrap())
        .collect();
    assert!(wanted.len() >= 5, "{help}");
    assert_eq!(shown, wanted, "{AGAIN}");
}

#[test]
fn the_example_of_a_provider_holds_together_and_sends() {
    let page = read_generated("docs/providers.md");
    let example =
        page.split("<!-- file: whk-providers/parcels.toml -->\n```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("whk-providers");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("parcels.toml"), example).unwrap();
    let whk = |arguments: &[&str]| {
        let mut command = program(WHK);
        well(command.args(arguments).current_dir(room.path()).env("HOME", room.path()).output().unwrap())
    };
    assert_eq!(
        whk(&["providers", "check", "whk-providers/parcels.toml"]),
        "✓ whk-providers/parcels.toml: 1 edition, 2 events\n"
    );
    let record = whk(&["send", "-p", "parcels", "--type", "all", "--dry-run", "--json"]);
    fs::write(room.path().join("sent.jsonl"), &record).unwrap();
    let verdicts = whk(&["verify", "sent.jsonl", "--json", "-q"]);
    assert_eq!(verdicts.matches(r#""status":"valid","provider":"parcels""#).count(), 2, "{verdicts}");
}

#[test]
fn the_page_of_the_providers_has_a_row_for_every_provider_and_edition_and_no_other() {
    let listed = program(WHK).args(["providers", "--json", "-q"]).env("HOME", "/nonexistent").output().unwrap();
    let known: Vec<Value> = well(listed).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let page = read_generated("docs/providers.md");
    let section = page.split("\n## The providers\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    for provider in &known {
        let name = provider["provider"].as_str().unwrap();
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/providers.md lacks a row for `{name}`"));
        let editions = row.split('|').nth(2).unwrap();
        let wanted: Vec<String> =
            provider["editions"].as_array().unwrap().iter().map(|edition| format!("`{}`", text(edition))).collect();
        let shown: Vec<&str> =
            editions.split(',').map(|edition| edition.trim().trim_end_matches(" (default)")).collect();
        assert_eq!(shown, wanted, "the editions of `{name}` in docs/providers.md");
        let summed = provider["retries_s"].as_array().unwrap().len();
        let retries = row.split('|').nth(5).unwrap().trim();
        let count = retries.split(',').next().unwrap();
        assert_eq!(count, if summed == 0 { "none".to_owned() } else { summed.to_string() }, "the retries of `{name}`");
        let timeout = format!("{} s", provider["timeout_s"].as_f64().unwrap());
        assert_eq!(row.split('|').nth(6).unwrap().trim(), timeout, "the timeout of `{name}`");
    }
    assert_eq!(rows.len(), known.len(), "docs/providers.md has rows of providers that do not exist");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
