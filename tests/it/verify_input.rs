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

#[test]
fn a_file_that_is_no_capture_or_ends_in_its_first_line_cannot_be_read() {
    let room = TestEnv::new();
    let no_text = "this is no text, so it is no captured request";
    for (name, bytes, reason) in [
        ("cut.http", &b"POST /hoo"[..], "the capture ends inside of its first line"),
        ("cut-later.http", b"POST /hooks HTTP/1.1", "the capture ends inside of its first line"),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", no_text),
        ("archive.zip", b"PK\x03\x04\x14\0\0\0", no_text),
        ("archive.gz", b"\x1f\x8b\x08\0\0\0", no_text),
        ("database.db", b"SQLite format 3\0\x10\0", no_text),
        ("note.txt", b"hello\n", "expected a request line or `Name: value`"),
    ] {
        room.write(name, bytes);
        let output = room.verify(&[name]).run().assert_exit(2);
        assert_eq!(output.stderr(), format!("error: {name}:1:1: {reason}\n"));
    }
}
