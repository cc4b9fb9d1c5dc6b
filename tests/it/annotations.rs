//! In GitHub Actions, `listen`, `send`, `verify` and `replay` annotate failures in the same way: the first ones, ten at most.

use crate::harness::env::{Output, TestEnv};
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::record::{RecordBuilder, log_of};

const EVENT: [&str; 4] = ["-p", "standard", "-d", r#"{"type":"user.created"}"#];

/// Twelve requests that nobody signed correctly.
fn log(room: &TestEnv) {
    let record = |number: u64| {
        let id = format!("id{number}");
        let record = RecordBuilder::new().seq(number).header("webhook-id", &id).header("webhook-timestamp", "1");
        record.header("webhook-signature", "v1,AAAA").verdict("invalid", Some("standard"), "a", &id)
    };
    room.write("log.jsonl", log_of((1..=12).map(record)));
}

fn annotations(output: &Output) -> usize {
    let all = output.stdout() + &output.stderr();
    let count = all.lines().filter(|line| line.starts_with("::error title=")).count();
    assert!(!all.lines().any(|line| line.starts_with("::") && !line.starts_with("::error title=")), "{output}");
    count
}

#[test]
fn a_run_has_at_most_ten_annotations_whatever_the_command() {
    let room = TestEnv::new();
    log(&room);
    let handler = TestHandler::deciding(|_| HandlerResponse::text(500, "::warning::mine"));
    let url = handler.url();
    let verify = ["verify", "log.jsonl", "-p", "standard", "-s", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="];
    let send = [["send", &url].as_slice(), &EVENT, &["-c", "12"]].concat();
    let replay = ["replay", "log.jsonl", &url, "--schedule", "none", "--fresh"];
    for command in [verify.as_slice(), &send, &replay] {
        for json in [false, true] {
            let arguments = [command, if json { &["--json"] } else { &[] }].concat();
            let output = room.whk(&arguments).env("GITHUB_ACTIONS", "true").run().assert_exit(1);
            assert_eq!(annotations(&output), 10, "{output}");
            // With --json they are on stderr, beside the JSON Lines.
            assert_eq!(output.stdout().contains("::error title="), !json, "{output}");
        }
        assert_eq!(annotations(&room.whk(command).run().assert_exit(1)), 0);
    }
}

#[test]
fn listen_leaves_the_last_annotation_for_the_result() {
    let room = TestEnv::new();
    let ready = room.path().join("ready");
    let listen =
        ["listen", "--port", "0", "-p", "standard", "--on-invalid", "accept", "--expect", "20", "--ready-file"];
    let run = room.whk(listen.iter().map(std::path::Path::new).chain([ready.as_path()]));
    let listening = run.env("GITHUB_ACTIONS", "true").start_listening(&ready);
    let forged = [EVENT.as_slice(), &["-c", "12", "--fault", "tampered-body"]].concat();
    room.send(listening.url(), &forged);
    let output = listening.stop();
    assert_eq!(annotations(&output), 10, "{output}");
    let last = output.stdout().lines().rfind(|line| line.starts_with("::")).map(str::to_owned);
    assert!(last.is_some_and(|line| line.starts_with("::error title=whk listen::")), "{output}");
}
