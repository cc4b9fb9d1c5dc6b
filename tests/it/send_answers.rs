//! `whk send`: what it makes of a handler's answer, or of none.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler, unused_address};
use crate::harness::http::EVENT;

#[test]
fn a_refusal_is_shown_with_the_handlers_own_words_made_harmless() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(400, "bad \u{1b}[31mred\u{7}\nline 2\n")]));
    room.send_event(&handler.url(), &[]).redact_durations().assert_snapshot(
        r"
exit 1
stdout:
✗ 400  user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
    bad \u{1b}[31mred\u{7}
    line 2
",
    );
    let handler = TestHandler::answering([HandlerResponse::text(422, r#"{"error":"\u001b[2J","why":"\u202e"}"#)]);
    room.send_event(&handler.url(), &[]).redact_durations().assert_snapshot(
        r#"
exit 1
stdout:
✗ 422  user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
    {
      "error": "\u001b[2J",
      "why": "\u202e"
    }
"#,
    );
    let handler = TestHandler::answering([HandlerResponse::Status(500, "", vec![0xff, 0x1b, 0])]);
    room.send_event(&handler.url(), &[]).redact_durations().assert_snapshot(
        "
exit 1
stdout:
✗ 500  user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
    3 bytes that are not text: ff 1b 00
",
    );
}

#[test]
fn the_words_of_a_handler_that_accepts_are_shown_with_v() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(204, ""), HandlerResponse::text(201, "made")]));
    room.send_event(&handler.url(), &["-v", "--type", "user.deleted"])
        .redact_durations()
        .redact_between(" msg_", " ", "[ID]")
        .assert_snapshot(
            "
exit 0
stdout:
✓ 204  user.created  msg_[ID]  [T] ms
✓ 201  user.deleted  msg_[ID]  [T] ms
    made
stderr:
the secret of standard comes from the command line
2 sent, 2 delivered, 0 failed
",
        );
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = TestHandler::never_called();
    let location: &'static str = format!("location: {}\r\n", elsewhere.url()).leak();
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::Status(302, location, b"over there".to_vec())]));
    room.send_event(&handler.url(), &[]).redact_durations().assert_snapshot(
        "
exit 1
stdout:
✗ 302  user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  [T] ms
    over there
",
    );
    assert_eq!(handler.received().len(), 1);
}

#[test]
fn one_refusal_among_many_is_enough_to_fail() {
    let script = [HandlerResponse::text(200, ""), HandlerResponse::text(503, ""), HandlerResponse::text(200, "")];
    let (room, handler) = (TestEnv::new(), TestHandler::answering(script));
    let lines = room.send_event(&handler.url(), &["-c", "3", "--json"]).assert_exit(1).json();
    let outcomes: Vec<&Value> = lines.iter().filter_map(|line| line.get("outcome")).collect();
    assert_eq!(outcomes, ["delivered", "failed", "delivered"]);
    assert_eq!((&lines[6]["sent"], &lines[6]["failed"]), (&json!(3), &json!(1)));
    assert_eq!(handler.received().len(), 3);
}

#[test]
fn a_handler_that_is_not_there_exits_3_and_says_what_to_start() {
    let (room, address) = (TestEnv::new(), unused_address().to_string());
    let port = address.rsplit(':').next().unwrap();
    room.send_event(&address, &[]).redact(port, "[PORT]").assert_snapshot(
        "
exit 3
stderr:
error: cannot reach http://127.0.0.1:[PORT]/
  caused by: connection refused
hint: is your handler running? To stand in for it: whk listen [PORT]
",
    );
    // The rest is not tried, and `--json` ends with the summary all the same.
    let output = room.send_event(port, &["-c", "5", "--json"]).assert_exit(3);
    let lines = output.json();
    assert_eq!((lines.len(), &lines[0]["status"]), (3, &Value::Null));
    assert_eq!((&lines[2]["kind"], &lines[2]["sent"]), (&json!("summary"), &json!(1)));
    assert!(lines[0]["error"].as_str().unwrap().contains("connection refused"), "{output}");
}

#[test]
fn an_unknown_host_exits_3() {
    let room = TestEnv::new();
    let output = room.send_event("http://whk.invalid/hooks", &["-q"]);
    output.redact_between("`whk.invalid`: ", "\n", "[WHY]").assert_snapshot(
        "
exit 3
stderr:
error: cannot reach http://whk.invalid/hooks
  caused by: cannot look up the host `whk.invalid`: [WHY]
hint: check the address
",
    );
}

#[test]
fn a_handler_that_hangs_up_without_an_answer_is_a_failure() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::Hangup]));
    room.send_event(&handler.url(), &[]).assert_snapshot(
        "
exit 1
stdout:
✗      user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  the connection was closed before the response
",
    );
    assert_eq!(handler.received().len(), 1, "it is not tried again unasked");
}

#[test]
fn a_handler_that_does_not_answer_in_time_is_a_failure() {
    let room = TestEnv::new();
    // The system takes the connection, and nobody ever reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    room.send_event(&address, &["--timeout", "50ms"]).assert_snapshot(
        "
exit 1
stdout:
✗      user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  no response within 50ms
",
    );
    room.send_event(&address, &["--timeout", "0.05"]).assert_snapshot(
        "
exit 1
stdout:
✗      user.created  msg_zXypXgXhWmbuoCGLzxQiqkDEVP9  no response within 50ms
",
    );
}

#[test]
fn an_interrupt_exits_130_and_still_says_the_summary() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(200, ""), HandlerResponse::Silence]));
    let url = handler.url();
    let running = room.whk([["send", &url, "-c", "9", "--json", "--timeout", "0"].as_slice(), &EVENT].concat()).start();
    handler.wait_for(2);
    running.signal("INT");
    let output = running.end().assert_exit(130);
    let lines = output.json();
    let summary = lines.last().unwrap();
    assert_eq!((&summary["kind"], &summary["delivered"]), (&json!("summary"), &json!(1)), "{output}");
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let (room, handler, proxy) = (TestEnv::new(), TestHandler::accepting(), TestHandler::never_called());
    let run = room.whk([["send", &handler.url()].as_slice(), &EVENT].concat());
    run.env("http_proxy", proxy.url()).env("ALL_PROXY", proxy.url()).run().assert_exit(0);
}
