//! `whk send --expect`: a status of one's own counts as success; annotations for GitHub.

use serde_json::json;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::{EVENT, STANDARD};

#[test]
fn the_expected_status_decides() {
    for (status, expected, code) in [
        (401, "401", 0),
        (401, "4xx", 0),
        (401, "400-499", 0),
        (202, "2xx", 0),
        (503, "401,5xx", 0),
        (200, "401", 1),
        (200, "204", 1),
        (302, "2xx", 1),
    ] {
        let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(status, "")]));
        let lines = room
            .send_event(&handler.url(), &["--expect", expected, "--json"])
            .redact_durations()
            .assert_exit(code)
            .json();
        let outcome = if code == 0 { "delivered" } else { "failed" };
        assert_eq!(lines[1]["outcome"], outcome, "{status} {expected}");
    }
    let room = TestEnv::new();
    let output = room.send_event("3000", &["--expect", "ok"]).redact_durations().assert_exit(2);
    assert!(output.stderr().contains("`ok` is not a status"), "{output}");
}

#[test]
fn the_sum_counts_what_was_expected() {
    let script = [HandlerResponse::text(401, "no"), HandlerResponse::text(200, "yes")];
    let (room, handler) = (TestEnv::new(), TestHandler::answering(script));
    room.send_event(&handler.url(), &["--expect", "401", "-c", "2"])
        .redact_durations()
        .redact_between("  msg_", " ", "[ID]")
        .assert_snapshot(
            "
exit 1
stdout:
✓ 401  user.created  msg_[ID]  [T] ms
✗ 200  user.created  msg_[ID]  [T] ms
    yes
stderr:
2 sent, 1 as expected, 1 unexpected
",
        );
}

#[test]
fn q_shows_failures_alone() {
    let script = [HandlerResponse::text(200, ""), HandlerResponse::text(500, "why"), HandlerResponse::text(200, "")];
    let (room, handler) = (TestEnv::new(), TestHandler::answering(script));
    room.send_event(&handler.url(), &["-q", "-c", "3"])
        .redact_durations()
        .redact_between("  msg_", " ", "[ID]")
        .assert_snapshot(
            "
exit 1
stdout:
✗ 500  user.created  msg_[ID]  [T] ms
    why
",
        );
}

#[test]
fn github_gets_an_annotation_for_each_of_the_first_ten_failures() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(500, "::error::mine\nmore")]));
    let run = |more: &[&str]| {
        let url = handler.url();
        let arguments = [["send", &url].as_slice(), &EVENT, more].concat();
        room.whk(arguments).env("GITHUB_ACTIONS", "true").run().assert_exit(1)
    };
    let output = run(&["-c", "12"]);
    let annotations: Vec<String> =
        output.stdout().lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect();
    assert_eq!(annotations, vec!["::error title=whk send%3A user.created::failed (500): ::error::mine"; 10]);
    assert!(output.stdout().contains("\n    : :error::mine\n"), "the handler gives no commands: {output}");
    let output = run(&["--json"]);
    assert_eq!(output.json().len(), 3);
    assert!(output.stderr().starts_with("::error title=whk send"), "{output}");
    // Without GitHub there is none.
    assert!(!room.send_event(&handler.url(), &[]).redact_durations().stdout().contains("::error title"));
    let handler = TestHandler::accepting();
    let url = handler.url();
    let arguments = [["send", &url].as_slice(), &EVENT, &["--fault", "expired"]].concat();
    let output = room.whk(arguments).env("GITHUB_ACTIONS", "true").run().assert_exit(1);
    let expected =
        "::error title=whk send%3A user.created::expired: accepted: anyone could have sent this event (200): OK\n";
    assert!(output.stdout().contains(expected), "{output}");
}

#[test]
fn a_run_without_an_event_lists_what_can_be_sent() {
    let room = TestEnv::new();
    room.whk(["send"]).run().assert_snapshot(
        "
exit 2
stderr:
error: nothing to send: choose --type TYPE, --scenario NAME or --data @FILE
hint: whk events lists what can be sent
",
    );
    room.whk(["send", "-p", "selfmx"]).run().assert_snapshot(
        "
exit 2
stderr:
error: nothing to send: choose --type TYPE, --scenario NAME or --data @FILE
available types: all, queued, sending, delivered, opened, clicked, bounced,
  complained
hint: whk events -p selfmx describes them, and the scenarios
",
    );
    assert_eq!(json!(room.whk(["send", "-c", "0"]).run().code()), json!(2));
}

#[test]
fn a_path_alone_is_on_the_default_address_the_variables_or_the_configs() {
    let room = TestEnv::new();
    let dry = ["send", "/hooks?x=1", "-d", "x", "-p", "standard", "-s", STANDARD, "--dry-run", "--format", "json"];
    let url =
        |run: crate::harness::env::TestCommand| run.run().assert_exit(0).json()[0]["url"].as_str().unwrap().to_owned();
    assert_eq!(url(room.whk(dry)), "http://127.0.0.1:9450/hooks?x=1");
    assert_eq!(url(room.whk(dry).env("WHK_URL", "localhost:3000/else")), "http://localhost:3000/hooks?x=1");
    room.write("whk.toml", "[send]\nurl = 'https://example.com/a'\n");
    assert_eq!(url(room.whk(dry)), "https://example.com/hooks?x=1");
    let bare = ["send", "-d", "x", "-p", "standard", "-s", STANDARD, "--dry-run", "--format", "json"];
    assert_eq!(url(room.whk(bare)), "https://example.com/a");
    let handler = TestHandler::accepting();
    room.whk(["send", "/elsewhere", "-d", "x", "-p", "standard", "-s", STANDARD])
        .env("WHK_URL", handler.url())
        .run()
        .assert_exit(0);
    assert!(handler.only().head.starts_with("POST /elsewhere HTTP/1.1\r\n"));
}
