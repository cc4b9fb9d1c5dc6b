//! The input of `whk verify`: a file, stdin of every kind, or the default log.

use std::fs::{self, OpenOptions};

use crate::harness::env::TestEnv;
use crate::harness::http::{NOW, NOW_TEXT, STANDARD, request, signed};
use crate::harness::record::RecordBuilder;

const BODY: &[u8] = br#"{"type":"user.created"}"#;

fn capture() -> Vec<u8> {
    request(&signed(STANDARD, "msg_1", NOW, BODY), BODY)
}

#[test]
fn without_a_file_piped_stdin_is_read() {
    let room = TestEnv::new();
    let expected = "
exit 0
stdout:
✓ valid stdin standard user.created msg_1
";
    room.verify(&[]).stdin(capture()).run().assert_snapshot(expected);
    // `whk verify < file`, and the same with `-`.
    let path = room.write("request.http", capture());
    room.verify(&[]).stdin_from(fs::File::open(&path).unwrap()).run().assert_snapshot(expected);
    room.verify(&["-"]).stdin_from(fs::File::open(&path).unwrap()).run().assert_snapshot(expected);
    let output = room.verify(&[]).run().assert_exit(2);
    assert_eq!(output.stderr(), "error: stdin: the request is empty\n", "an empty pipe is an input too");
}

#[test]
fn without_a_file_and_a_pipe_the_default_log_is_read() {
    let room = TestEnv::new();
    let null = || fs::File::open("/dev/null").unwrap();
    room.whk(["verify"]).stdin_from(null()).run().assert_snapshot(
        "
exit 2
stderr:
error: there is nothing to verify
  caused by: the default log [ROOM]/data/events.jsonl does not exist
hint: whk verify captured.http
",
    );
    let listener = room.listen::<&str>([]);
    room.send(listener.url(), &["--type", "message.delivered", "--seed", "1"]).assert_exit(0);
    listener.stop().assert_exit(0);
    room.whk(["verify"]).stdin_from(null()).run().assert_snapshot(
        "
exit 0
stdout:
✓ valid events.jsonl:1 ahasend message.delivered wh_17eb9055861e0a8b
stderr:
verifying [ROOM]/data/events.jsonl
",
    );
}

#[test]
fn a_log_that_grows_is_read_to_the_length_that_it_had_at_the_start() {
    let room = TestEnv::new();
    let line = RecordBuilder::new().at(NOW_TEXT).signed(STANDARD, "msg_1", NOW, BODY).line();
    // More than what is read at once, and each verdict makes it longer.
    let count = (2 << 20) / line.len();
    let path = room.write("log.jsonl", line.repeat(count));
    let log = OpenOptions::new().append(true).open(&path).unwrap();
    let output = room.verify(&["log.jsonl"]).stdout_to(log).run().assert_exit(0);
    let summary = format!("{count} checked, {count} valid\n");
    assert!(output.stderr().ends_with(&summary), "{output}");
}

#[test]
fn in_github_actions_each_failure_is_an_annotation_and_nothing_from_outside_is_a_command() {
    let room = TestEnv::new();
    let body = br#"{"type":"::stop-commands::x"}"#;
    let wrong = request(&signed("wrong", "msg_1", NOW, body), body);
    let run = |capture: Vec<u8>, more: &[&str], set: &str| {
        let run = room.verify(&[&["-"], more].concat()).env("GITHUB_ACTIONS", set);
        run.stdin(capture).run()
    };
    run(wrong.clone(), &[], "true").assert_snapshot("
exit 1
stdout:
✗ invalid stdin standard ::stop-commands::x msg_1
  why: signature mismatch: wrong secret, or the body was modified
  fix: check that the secret given with -s matches the secret in the provider's dashboard, and verify the raw request body, not re-serialized JSON
::error title=invalid webhook::stdin ::stop-commands::x: signature mismatch: wrong secret, or the body was modified
");
    assert!(!run(wrong.clone(), &[], "false").stdout().contains("::error"));
    assert!(!run(capture(), &[], "true").assert_exit(0).stdout().contains("::error"));
    // With --json, stdout is for JSON alone.
    let output = run(wrong, &["--json"], "true").assert_exit(1);
    assert!(output.stderr().starts_with("::error title=invalid webhook::stdin "), "{output}");
    output.json();
    // Ten are enough, and what cannot be read is one of them.
    let log = "{\"v\":1}\n".repeat(30);
    let output = run(log.into_bytes(), &[], "true").assert_exit(2);
    assert_eq!(output.stdout().matches("::error title=unreadable webhook::stdin:").count(), 10, "{output}");
}
