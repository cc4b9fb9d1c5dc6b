//! Completions: the candidates, and the real shells that show them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::env::TestEnv;

/// A provider of the user's own.
const PARCELS: &str = "tests/it/completion/parcels.toml";

fn room() -> TestEnv {
    let room = TestEnv::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PARCELS);
    room.write("whk-providers/parcels.toml", std::fs::read(path).unwrap());
    room.write("captured.http", "");
    room.write("captures/one.http", "");
    room
}

/// The candidates for the last word, without their descriptions.
#[track_caller]
fn candidates(room: &TestEnv, words: &[&str]) -> Vec<String> {
    let output = room.whk([&["__complete"], words].concat()).run().assert_exit(0);
    assert_eq!(output.stderr(), "");
    output.stdout().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn providers_are_completed_with_their_editions() {
    let room = room();
    let all = candidates(&room, &["send", "-p", ""]);
    assert!(all.len() > 20 && all[0] == "parcels" && all.contains(&"ahasend".to_owned()), "{all:?}");
    for words in [&["send", "-p", "aha"][..], &["listen", "--provider", "aha"], &["secret", "new", "-p", "aha"]] {
        assert_eq!(candidates(&room, words), ["ahasend", "ahasend@2024-05", "ahasend@2026-08"], "{words:?}");
    }
    assert_eq!(candidates(&room, &["send", "-p", "ahasend@2026"]), ["ahasend@2026-08"]);
    assert_eq!(candidates(&room, &["providers", "selfm"]), ["selfmx"]);
    assert_eq!(candidates(&room, &["replay", "log", "--schedule", "no"]), ["none"]);
    let described = room.whk(["__complete", "providers", "selfm"]).run().stdout();
    assert!(described.starts_with("selfmx\t") && described.len() > 20, "{described}");
}

#[test]
fn types_are_those_of_the_provider_that_the_line_or_the_config_names() {
    let room = room();
    let named = ["message.delivered"];
    for words in [
        &["send", "-p", "ahasend", "--type", "message.deliv"][..],
        &["send", "-pahasend", "-t", "message.deliv"],
        &["send", "--provider=ahasend", "--type=message.reception", "-t", "message.deliv"],
        &["listen", "3000", "--provider", "ahasend", "--expect-type", "message.deliv"],
        &["replay", "events.jsonl", "-qp", "ahasend", "-t", "message.deliv"],
        &["events", "message.deliv"],
    ] {
        assert_eq!(candidates(&room, words), named, "{words:?}");
    }
    assert_eq!(candidates(&room, &["send", "-p", "ahasend", "--type=message.deliv"]), ["--type=message.delivered"]);
    assert_eq!(candidates(&room, &["send", "-p", "ahasend", "-tmessage.deliv"]), ["-tmessage.delivered"]);
    assert!(candidates(&room, &["send", "-p", "selfmx", "-t", "message."]).is_empty());
    assert_eq!(candidates(&room, &["send", "-p", "parcels", "-t", ""]), ["parcel.shipped", "parcel.lost", "all"]);
    let of_all = candidates(&room, &["send", "-t", ""]);
    assert!(of_all.len() > 60 && of_all.iter().collect::<BTreeSet<_>>().len() == of_all.len(), "{of_all:?}");
    assert_eq!(candidates(&room, &["listen", "--route", "parcel.l"]), ["parcel.lost="]);
    room.write("whk.toml", "provider = \"parcels\"\n");
    assert_eq!(candidates(&room, &["send", "-t", ""]), ["parcel.shipped", "parcel.lost", "all"]);
    assert_eq!(candidates(&room, &["send", "-p", "ahasend", "-t", "message.deliv"]), named);
    let run = room.whk(["__complete", "send", "-t", "message.deliv"]).env("WHK_PROVIDER", "ahasend");
    assert!(run.run().stdout().starts_with("message.delivered\t"));
}

#[test]
fn scenarios_faults_libraries_and_paths_are_completed() {
    let room = room();
    assert_eq!(candidates(&room, &["send", "-p", "ahasend", "--scenario", "hard"]), ["hard-bounce"]);
    assert_eq!(candidates(&room, &["send", "--fault", "tam"]), ["tampered-body"]);
    assert_eq!(candidates(&room, &["verify", "--strict-for", "py"]), ["python"]);
    assert_eq!(candidates(&room, &["verify", "--strict-for", "ruby,py"]), ["ruby,python"]);
    let of_type = ["send", "-p", "parcels", "-t", "parcel.lost"];
    assert_eq!(candidates(&room, &[&of_type[..], &["--set", ""]].concat()), ["number=", "reason=", "reason.code="]);
    assert_eq!(candidates(&room, &[&of_type[..], &["--unset", "reason."]].concat()), ["reason.code"]);
    assert_eq!(candidates(&room, &["send", "-t", "parcel.lost", "--set", "n"]), ["number="]);
    assert_eq!(candidates(&room, &["send", "--set", "number=1"]), <[&str; 0]>::default());
    assert_eq!(candidates(&room, &["secret", "-p", "standard", "--as", "st"]), ["standard-webhooks"]);
    assert_eq!(candidates(&room, &["verify", "--format", "h"]), ["http", "har"]);
    let run = room.whk(["__complete", "send", "-s", "env:ONE_"]).env("ONE_SECRET", "hidden").run();
    assert_eq!(run.stdout(), "env:ONE_SECRET\n");
}

#[test]
fn commands_options_and_files_come_where_they_are_meant() {
    let room = room();
    assert_eq!(candidates(&room, &["lis"]), ["listen"]);
    assert_eq!(candidates(&room, &["help", "lis"]), ["listen"]);
    assert_eq!(candidates(&room, &["secret", ""]), ["show", "new"]);
    assert_eq!(candidates(&room, &["completions", ""]), ["bash", "elvish", "fish", "powershell", "zsh"]);
    assert_eq!(candidates(&room, &["listen", "--ready"]), ["--ready-file"]);
    assert!(candidates(&room, &["send", "--retry", "--retr"]).is_empty(), "an option that cannot be repeated");
    assert_eq!(candidates(&room, &["send", "-t", "a", "--typ"]), ["--type"]);
    for words in [&["verify", "cap"][..], &["listen", "--log", ""], &["man", ""], &["listen", "--", "npm", ""]] {
        assert_eq!(candidates(&room, words), [":files"], "{words:?}");
    }
    assert_eq!(candidates(&room, &["send", "-d", "@captur"]), ["@captured.http", "@captures/"]);
    assert_eq!(candidates(&room, &["send", "-s", "file:captures/o"]), ["file:captures/one.http"]);
    assert_eq!(candidates(&room, &["send", "-s", ""]), ["env:", "file:"]);
}

#[test]
fn no_line_is_an_error() {
    let room = room();
    room.write("whk-providers/broken.toml", "title = [");
    room.write("whk-providers/bytes.toml", b"\xff");
    room.write("whk.toml", "provider = [");
    let lines: [&[&str]; 9] = [
        &[],
        &[""],
        &["nope", ""],
        &["send", "-p", "nope", "-t", ""],
        &["send", "-p", "broken", "-t", ""],
        &["send", "--", "--", ""],
        &["send", "-", "--=x", "-é", ""],
        &["send", "-t", ""],
        &["send", "-d", "@/nonexistent/x"],
    ];
    for words in lines {
        candidates(&room, words);
    }
    assert!(candidates(&room, &["send", "-p", ""]).contains(&"broken".to_owned()));
}

/// Lines as they are typed, and what a shell shows for them: the whole last word.
const LINES: [(&str, &[&str]); 11] = [
    ("whk lis", &["listen"]),
    ("whk send -p aha", &["ahasend", "ahasend@2024-05", "ahasend@2026-08"]),
    ("whk send -p ahasend@2026", &["ahasend@2026-08"]),
    ("whk send -p ahasend -t message.deliv", &["message.delivered"]),
    ("whk send -p parcels --type ", &["parcel.shipped", "parcel.lost", "all"]),
    ("whk send --provider=parcels --type=parcel.l", &["--type=parcel.lost"]),
    ("whk send -p ahasend@2024-05 --scenario hard", &["hard-bounce"]),
    ("whk send --fault tam", &["tampered-body"]),
    ("whk verify --strict-for py", &["python"]),
    ("whk send -t parcel.lost --set number=1 --set reason", &["reason=", "reason.code="]),
    ("whk verify capt", &["captured.http", "captures/"]),
];

/// The folder of the completion scripts.
fn scripts() -> String {
    format!("{}/completions", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a shell that finds the binary under test as `whk`; the error is the reason why the test is skipped.
fn shell(room: &TestEnv, name: &str, arguments: &[&str]) -> Result<String, String> {
    let path = std::env::vars_os().find(|(key, _)| key == "PATH").unwrap().1;
    if !std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Err(format!("skipped: {name} is not installed (Debian, Ubuntu: apt install {name})"));
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_whk")).parent().unwrap().to_owned();
    let path = std::env::join_paths(std::iter::once(binary).chain(std::env::split_paths(&path))).unwrap();
    let run = room.program(name, arguments).env("PATH", path).env("TERM", "dumb").env("LC_ALL", "C.UTF-8");
    let output = run.run();
    assert_eq!((output.code(), output.stderr().as_str()), (Some(0), ""), "{name}:\n{output}");
    Ok(output.stdout())
}

/// The words of a line as readline splits it: at blanks, and around its other separators.
fn readline_words(line: &str) -> Vec<String> {
    let separator = |c: char| "@=:".contains(c);
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in line.chars() {
        if c == ' ' {
            words.push(String::new());
        } else {
            if before != ' ' && separator(c) != separator(before) {
                words.push(String::new());
            }
            words.last_mut().unwrap().push(c);
        }
        before = c;
    }
    if separator(before) {
        words.push(String::new());
    }
    words
}

#[test]
fn bash_completes() {
    let room = room();
    let source = format!("set -eu; source {}/whk.bash; complete -p whk >/dev/null", scripts());
    for (line, expected) in LINES {
        let words: Vec<String> = readline_words(line).iter().map(|word| format!("'{word}'")).collect();
        let script = format!(
            "{source}
             compopt() {{ echo \"compopt $*\"; }}
             COMP_WORDS=({}); COMP_CWORD={}; COMP_LINE='{line}'; COMP_POINT={}
             _whk whk; (( ${{#COMPREPLY[@]}} == 0 )) || printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
            line.len(),
        );
        let shown = match shell(&room, "bash", &["--norc", "--noprofile", "-c", &script]) {
            Ok(shown) => shown,
            Err(reason) => return eprintln!("{reason}"),
        };
        let (options, shown): (Vec<&str>, Vec<&str>) = shown.lines().partition(|line| line.starts_with("compopt "));
        if line.contains("verify capt") {
            assert!(shown.is_empty() && options.is_empty(), "bash completes files itself: {shown:?} {options:?}");
            continue;
        }
        // Readline replaces what follows its last separator.
        let typed = line.rsplit(' ').next().unwrap();
        let kept = typed.rfind(['@', '=', ':']).map_or(0, |at| at + 1);
        let wanted: Vec<&str> = expected.iter().map(|word| &word[kept..]).collect();
        assert_eq!(shown, wanted, "{line}");
        let open = expected.iter().all(|word| word.ends_with('='));
        let no_space = ["compopt +o default", "compopt -o nospace"];
        assert_eq!(options, no_space[..=usize::from(open)], "{line}");
    }
}

#[test]
fn zsh_completes() {
    let room = room();
    let capture = format!("{}/tests/it/completion/capture.zsh", env!("CARGO_MANIFEST_DIR"));
    for (line, expected) in LINES {
        let shown = match shell(&room, "zsh", &["-f", &capture, &scripts(), line]) {
            Ok(shown) => shown,
            Err(reason) => return eprintln!("{reason}"),
        };
        let shown: BTreeSet<&str> = shown.lines().collect();
        let expected: BTreeSet<&str> = expected.iter().map(|word| word.trim_end_matches('/')).collect();
        assert_eq!(shown, expected, "{line}");
    }
}

#[test]
fn fish_completes() {
    let room = room();
    for (line, expected) in LINES {
        let script = format!("source {}/whk.fish; complete --do-complete '{line}'", scripts());
        let shown = match shell(&room, "fish", &["--no-config", "-c", &script]) {
            Ok(shown) => shown,
            Err(reason) => return eprintln!("{reason}"),
        };
        let shown: Vec<&str> = shown.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(shown, expected, "{line}");
    }
}
