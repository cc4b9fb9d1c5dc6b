//! The README's first command: `examples/round-trip.sh` ends well with this binary, and badly with a wrong one.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const WHK: &str = env!("CARGO_BIN_EXE_whk");

/// Runs the script with the program `whk`, with nothing from the environment but the PATH.
fn round_trip(whk: &Path) -> Output {
    let room = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/round-trip.sh"))
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("HOME", room.path())
        .env("TMPDIR", room.path())
        .env("WHK", whk)
        .current_dir(room.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let left: Vec<_> = fs::read_dir(room.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "the script left {left:?}");
    output
}

/// A program that is this binary but for one thing.
fn stand_in(folder: &Path, script: &str) -> std::path::PathBuf {
    let path = folder.join("whk");
    fs::write(&path, format!("#!/bin/sh\n{}\n", script.replace("WHK", WHK))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[test]
fn the_round_trip_ends_well_and_shows_every_step() {
    let output = round_trip(Path::new(WHK));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert_eq!(stderr, "");
    assert!(!stdout.contains('\u{1b}'), "a pipe gets no colours: {stdout}");
    // The lines that a reader looks for, in their order.
    let mut rest = &*stdout;
    for expected in [
        "$ whk listen --port 0",
        "listening on http://127.0.0.1:",
        "$ whk send :",
        "✓ 200  message.delivered  wh_",
        "2 sent, 2 delivered, 0 failed",
        "200 ✓ valid    ahasend  message.delivered",
        "\"type\": \"message.delivered\"",
        "200 ✓ valid    autosend email.opened",
        "\"event\": \"email.opened\"",
        "200 ✓ valid    standard user.created",
        "--fault tampered-body",
        "✓ rejected  400  message.opened  tampered-body",
        "400 ✗ invalid  ahasend  message.opened",
        "$ whk verify events.jsonl",
        "✓ valid events.jsonl:1 ahasend message.delivered wh_",
        "✗ invalid events.jsonl:5 ahasend message.opened wh_",
        "why: ",
        "5 checked, 4 valid, 1 invalid",
        "5 received, 4 valid, 1 invalid",
        "Everything worked",
    ] {
        let at =
            rest.find(expected).unwrap_or_else(|| panic!("`{expected}` is not in what is left:\n{rest}\n{stdout}"));
        rest = &rest[at + expected.len()..];
    }
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
}

#[test]
fn the_round_trip_fails_with_a_program_that_does_not_do_its_part() {
    let folder = tempfile::tempdir().unwrap();
    for (script, reason) in [
        ("exit 0", "whk listen stopped before it was ready"),
        // A sender that tampers with nothing.
        (
            "case \"$*\" in *--fault*) set -- send \"$2\" --type message.opened ;; esac\nexec WHK \"$@\"",
            "valid requests",
        ),
        // A receiver that takes everything.
        ("[ \"$1\" != listen ] || set -- \"$@\" --on-invalid accept\nexec WHK \"$@\"", "exit code 1"),
        // A check that finds everything right.
        ("[ \"$1\" != verify ] || exit 0\nexec WHK \"$@\"", "exit code 0"),
        // A receiver without a log.
        (
            "[ \"$1\" != listen ] || set -- listen --port 0 --ready-file address --no-log\nexec WHK \"$@\"",
            "kept no log",
        ),
    ] {
        let output = round_trip(&stand_in(folder.path(), script));
        let all = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{script}\n{all}");
        assert!(all.contains("FAILED: ") && all.contains(reason), "{script}\n{all}");
    }
}
