//! `whk listen` in CI: what is expected, how long it may take, a command that causes it.

use std::net::TcpStream;
use std::process::Command;
use std::thread;

use serde_json::json;
use whk::clock::Stopwatch;

use crate::harness::env::{DEADLINE, ListenProcess, Output, TestEnv};
use crate::harness::http::{NOW, NOW_TEXT, STANDARD, exchange, request, signed, valid};

const WHK: &str = env!("CARGO_BIN_EXE_whk");

fn listen_quietly(room: &TestEnv, more: &[&str]) -> ListenProcess {
    room.listen_without_log(&[&["-q"], more].concat())
}

fn event(kind: &str, id: &str) -> Vec<u8> {
    valid(id, format!(r#"{{"type":"{kind}"}}"#))
}

/// Listens while `command` runs, with flags before it.
fn with_command(room: &TestEnv, flags: &[&str], command: &[&str]) -> Output {
    let common = ["listen", "0", "--no-log", "-q"];
    room.whk([&common, flags, &["--"], command].concat()).run()
}

#[test]
fn it_ends_as_soon_as_all_came_and_each_id_counts_once() {
    let room = TestEnv::new();
    let listener = listen_quietly(&room, &["--expect", "2", "--expect-type", "user.*", "--timeout", "60s", "--json"]);
    for (kind, id) in [("user.created", "1"), ("user.created", "1"), ("order.paid", "2")] {
        assert_eq!(exchange(listener.address(), &event(kind, id)).status, 200);
    }
    let output = listener.end().assert_exit(0);
    assert_eq!(output.stderr(), "");
    let summary = output.json().pop().unwrap();
    assert_eq!((&summary["duplicates"], &summary["expectation"]), (&json!(1), &json!("met")));
}

#[test]
fn what_did_not_come_in_time_is_said_in_one_line() {
    let room = TestEnv::new();
    let flags = ["--expect", "3", "--expect-type", "user.created=2", "--timeout", "3s", "--json"];
    let listener = listen_quietly(&room, &flags);
    exchange(listener.address(), &event("user.created", "1"));
    exchange(listener.address(), &event("order.paid", "2"));
    let output = listener.end().assert_exit(4);
    assert_eq!(
        output.stderr(),
        "error: expected 3 requests, received 2 within 3s: order.paid, user.created; missing user.created (1 of 2)\n"
    );
    assert_eq!(output.json().pop().unwrap()["expectation"], "unmet");
}

#[test]
fn a_request_that_is_refused_breaks_it_at_once() {
    let room = TestEnv::new();
    let listener = listen_quietly(&room, &["--expect", "2"]);
    exchange(listener.address(), b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    exchange(listener.address(), &request(&signed(STANDARD, "1", NOW, b"{}"), b"[]"));
    let output = listener.end().assert_exit(1);
    assert_eq!(
        output.stderr(),
        "error: request 1 was rejected as invalid: signature mismatch: wrong secret, or the body was modified\n"
    );
}

#[test]
fn what_a_script_answers_with_an_error_counts_when_it_is_taken() {
    let room = TestEnv::new();
    let listener = listen_quietly(&room, &["--expect", "1", "--respond", "500x2,200"]);
    for status in [500, 500, 200] {
        assert_eq!(exchange(listener.address(), &event("user.created", "1")).status, status);
    }
    listener.end().assert_exit(0);
}

#[test]
fn nothing_may_come_until_the_time_is_over() {
    let room = TestEnv::new();
    for flags in [&["--expect", "0"][..], &["--expect-type", "user.created=0"], &[]] {
        // Without a file that says when it is ready: it may be over before anybody looks.
        room.whk([&["listen", "0", "--no-log", "-q", "--timeout", "50ms"], flags].concat())
            .run()
            .assert_snapshot("exit 0\n");
    }
    let listener = listen_quietly(&room, &["--expect-type", "user.created=0"]);
    exchange(listener.address(), &event("order.paid", "1"));
    exchange(listener.address(), &event("user.created", "2"));
    let output = listener.end().assert_exit(1);
    assert_eq!(output.stderr(), "error: expected 0 of user.created, received 1\n");
}

#[test]
fn an_interruption_before_the_answer_is_known_exits_130() {
    for signal in ["INT", "TERM"] {
        let room = TestEnv::new();
        listen_quietly(&room, &["--expect", "1"]).stop_by(signal).assert_snapshot(
            "
exit 130
stderr:
error: expected 1 request, received 0 before it was interrupted
",
        );
    }
}

#[test]
fn what_can_never_be_met_is_a_usage_error() {
    let room = TestEnv::new();
    room.whk(["listen", "0", "--expect", "1", "--expect-type", "a=1", "--expect-type", "b"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --expect 1 can never be met: --expect-type adds up to 2
",
    );
}

#[test]
fn a_command_is_told_the_address_and_the_secret_that_verifies() {
    for flags in [&["-p", "ahasend"][..], &["-p", "ahasend", "-s", "aha-whsec-other"], &[], &["-p", "autosend"]] {
        let room = TestEnv::new();
        let kind = if flags.contains(&"autosend") { "email.sent" } else { "message.delivered" };
        let command = [WHK, "send", "--type", kind, "-c", "2"];
        let output = with_command(&room, &[flags, &["--expect", "2", "--json"]].concat(), &command).assert_exit(0);
        let lines = output.json();
        let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["ready", "request", "request", "summary"], "{output}");
        assert!(output.stderr().contains("2 sent, 2 delivered"), "its stdout and stderr: {output}");
    }
}

#[test]
fn the_exit_code_is_the_commands_where_the_expectation_held() {
    let room = TestEnv::new();
    let sends = |more: &str| format!("{WHK} send -q --type message.delivered >sent 2>&1; {more}");
    for (flags, script, code, error) in [
        (&[][..], "exit 7".to_owned(), 7, ""),
        (&[], "kill -9 $$".to_owned(), 137, ""),
        (&["--expect", "1"], sends("exit 7"), 7, ""),
        (&["--expect", "1"], sends("true"), 0, ""),
        (&["--expect", "1"], "exit 7".to_owned(), 1, "expected 1 request, received 0 until the command exited"),
        (&["--expect", "1"], "true".to_owned(), 1, "expected 1 request, received 0 until the command exited"),
        (&["--expect", "0"], sends("true"), 1, "expected 0 requests, received 1"),
        (&["--expect", "1"], sends(&sends("true")), 1, "expected 1 request, received 2"),
    ] {
        let output = with_command(&room, flags, &["sh", "-c", &script]).assert_exit(code);
        let expected = if error.is_empty() { String::new() } else { format!("error: {error}\n") };
        assert_eq!(output.stderr(), expected, "{script}");
    }
}

#[test]
fn what_a_command_leaves_to_others_may_come_after_its_end() {
    let room = TestEnv::new();
    // It ends at once, and what it started in the background sends afterwards.
    let script = |wait: &str| format!("({wait}{WHK} send -q --type message.delivered) >sent 2>&1 </dev/null &");
    let flags = ["--expect", "1", "--timeout", "60s"];
    with_command(&room, &flags, &["sh", "-c", &script("sleep 0.2; ")]).assert_exit(0);
    with_command(&room, &flags[..2], &["sh", "-c", &script("")]).assert_exit(0);
}

#[test]
fn a_command_that_cannot_be_started_is_named() {
    let room = TestEnv::new();
    room.whk(["listen", "0", "--no-log", "-q", "--ready-file", "ready", "--", "./no such program", "x"])
        .run()
        .assert_snapshot(
            "
exit 2
stderr:
error: cannot run `./no such program`
  caused by: no such file or directory
",
        );
    assert!(!room.file("ready").exists());
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let room = TestEnv::new();
    for (flags, error) in [
        (&[][..], "the command did not exit within 300ms"),
        (&["--expect", "1"], "expected 1 request, received 0 within 300ms"),
    ] {
        let command = ["sh", "-c", "trap 'echo over >>ended; exit' TERM; while :; do sleep 0.01; done"];
        let output = with_command(&room, &[&["--timeout", "300ms"], flags].concat(), &command).assert_exit(4);
        assert_eq!(output.stderr(), format!("error: {error}\n"));
    }
    assert_eq!(std::fs::read_to_string(room.file("ended")).unwrap(), "over\nover\n");
}

#[test]
fn ctrl_c_reaches_the_command_and_its_end_is_waited_for() {
    let room = TestEnv::new();
    let ready = room.path().join("ready");
    // The command says so once it has caught the signals, by a request that cannot be missed.
    let script = format!(
        "trap 'sleep 0.1; echo int >ended; exit 5' INT; trap 'echo term >ended; exit 6' TERM;
         {WHK} send -q --type message.delivered >sent 2>&1; touch caught; while :; do sleep 0.01; done"
    );
    for (signal, group, code) in [("INT", true, 5), ("TERM", false, 6)] {
        let flags = ["listen", "0", "--no-log", "-q", "--ready-file", ready.to_str().unwrap(), "--"];
        let arguments = [&[WHK], flags.as_slice(), &["sh", "-c", &script]].concat();
        let listener = room.program("setsid", arguments).start_listening(&ready);
        let watch = Stopwatch::start();
        while !room.file("caught").exists() {
            assert!(watch.elapsed() < DEADLINE);
            thread::yield_now();
        }
        std::fs::remove_file(room.file("caught")).unwrap();
        let id = if group { format!("-{}", listener.id()) } else { listener.id().to_string() };
        assert!(Command::new("kill").args(["-s", signal, "--", &id]).status().unwrap().success());
        let address = listener.address().to_owned();
        listener.end().assert_exit(code);
        assert_eq!(std::fs::read_to_string(room.file("ended")).unwrap().trim(), signal.to_lowercase());
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn github_is_told_of_what_failed_and_takes_no_commands_from_outside() {
    let room = TestEnv::new();
    let ready = room.path().join("ready");
    let listen = |more: &[&str]| {
        let flags = ["listen", "0", "--no-log", "-q", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT];
        let whole = [&flags, ["--ready-file", ready.to_str().unwrap(), "--expect", "1"].as_slice(), more].concat();
        room.whk(whole).env("GITHUB_ACTIONS", "true").start_listening(&ready)
    };
    let bad = request(&signed(STANDARD, "1", NOW, b"other"), b"::add-mask::x\n##[error]y");
    let listener = listen(&[]);
    exchange(listener.address(), &bad);
    let reason = "signature mismatch: wrong secret, or the body was modified";
    listener.end().assert_snapshot(&format!(
        "
exit 1
stdout:
08:15:33.000 400 ✗ invalid  standard POST /hooks         1
    {reason}
    : :add-mask::x
    # #[error]y
::error title=invalid webhook::a request: {reason}
::error title=whk listen::request 1 was rejected as invalid: {reason}
stderr:
error: request 1 was rejected as invalid: {reason}
"
    ));
    let listener = listen(&["--json"]);
    exchange(listener.address(), &bad);
    let output = listener.end().assert_exit(1);
    assert_eq!(output.json().len(), 3);
    assert_eq!(output.stderr().matches("::error title=").count(), 2);
}

#[test]
fn only_the_events_that_are_asked_for_are_shown() {
    let room = TestEnv::new();
    let flags = ["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--log", "log.jsonl"];
    let listener = room.listen(
        [&flags, ["-t", "user.*,team.*", "-e", "a.b", "--events", "c.d", "--type", "*.paid"].as_slice()].concat(),
    );
    for (kind, id) in [("user.created", "1"), ("order.sent", "2"), ("order.paid", "3"), ("order.sent", "2")] {
        exchange(listener.address(), &event(kind, id));
    }
    let output = listener.stop().assert_exit(0);
    let stdout = output.stdout();
    let heads: Vec<&str> =
        stdout.lines().filter_map(|line| line.split_once(" 200 ✓ valid    standard ")).map(|head| head.1).collect();
    assert_eq!(heads, ["user.created        1 /hooks", "order.paid          3 /hooks"]);
    assert!(output.stderr().ends_with("4 received, 4 valid, 1 duplicate, 2 not shown\n"), "{output}");
    assert_eq!(std::fs::read_to_string(room.file("log.jsonl")).unwrap().lines().count(), 4);
}

#[test]
fn a_handshake_is_no_event() {
    let room = TestEnv::new();
    let listener = listen_quietly(&room, &["--expect", "1"]);
    let target = "/?hub.mode=subscribe&hub.verify_token=x&hub.challenge=1158201444";
    let greeting = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    exchange(listener.address(), greeting.as_bytes());
    exchange(listener.address(), &event("user.created", "1"));
    listener.end().assert_exit(0);
}

#[test]
fn an_expected_type_that_no_provider_has_is_warned_of_at_once() {
    let room = TestEnv::new();
    let expecting = |flags: &[&str]| {
        let common = ["listen", "0", "--no-log", "-q", "--timeout", "10ms"];
        room.whk([&common, flags].concat()).run()
    };
    expecting(&["--expect-type", "nope.x", "--expect-type", "message.*"]).assert_snapshot(
        "
exit 4
stderr:
warning: no known provider has an event `nope.x`
hint: for all events: whk events
error: expected more, received 0 within 10ms; missing nope.x (0 of 1), message.* (0 of 1)
",
    );
    expecting(&["-p", "ahasend", "--expect-type", "message.delivred", "--expect-type", "email.sent"]).assert_snapshot(
        "
exit 4
stderr:
warning: ahasend has no event `message.delivred`
hint: did you mean `message.delivered`?
warning: ahasend has no event `email.sent`
hint: for all events: whk events -p ahasend
error: expected more, received 0 within 10ms; missing message.delivred (0 of 1), email.sent (0 of 1)
",
    );
    // With Standard Webhooks alone, every sender has types of its own.
    expecting(&["-p", "standard", "--expect-type", "nope.x"]).assert_snapshot(
        "
exit 4
stderr:
error: expected more, received 0 within 10ms; missing nope.x (0 of 1)
",
    );
}
