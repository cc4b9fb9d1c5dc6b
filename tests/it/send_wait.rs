//! `whk send`: a handler that is still starting, and one that verifies with another secret.

use serde_json::json;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler, unused_address};
use crate::harness::http::EVENT;

#[test]
fn wait_gives_a_handler_time_to_start() {
    let (room, address) = (TestEnv::new(), unused_address());
    let running = room.whk([["send", &address.to_string(), "--wait", "1m"].as_slice(), &EVENT].concat()).start();
    // It says so when it has tried once.
    running.wait_for_stderr("waiting for");
    let handler = TestHandler::at(address, [HandlerResponse::text(200, "")]);
    let output = running.end().assert_exit(0);
    assert_eq!(output.stderr(), format!("waiting for http://{address}/: connection refused\n"));
    assert_eq!(handler.received().len(), 1, "waiting sends nothing");
}

#[test]
fn wait_ends_with_3_if_the_handler_never_starts() {
    let (room, address) = (TestEnv::new(), unused_address());
    let port = address.port().to_string();
    room.send_event(&port, &["--wait", "30ms"]).redact(&port, "[PORT]").assert_snapshot(
        "
exit 3
stderr:
waiting for http://127.0.0.1:[PORT]/: connection refused
error: http://127.0.0.1:[PORT]/ accepted no connection within 30ms
  caused by: connection refused
hint: is your handler running? To stand in for it: whk listen [PORT]
",
    );
    let output = room.send_event(&port, &["--wait", "0", "--json"]).assert_exit(3);
    assert_eq!(output.stdout(), "");
}

#[test]
fn a_signal_ends_the_wait() {
    for signal in ["INT", "TERM"] {
        let (room, address) = (TestEnv::new(), unused_address().to_string());
        let running = room.whk([["send", &address, "--wait", "1m"].as_slice(), &EVENT].concat()).start();
        running.wait_for_stderr("waiting for");
        running.signal(signal);
        running.end().assert_exit(130);
    }
}

#[test]
fn sigterm_ends_a_run_like_ctrl_c_with_the_summary() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(200, ""), HandlerResponse::Silence]));
    let url = handler.url();
    let running = room.whk([["send", &url, "-c", "9", "--json", "--timeout", "0"].as_slice(), &EVENT].concat()).start();
    handler.wait_for(2);
    running.signal("TERM");
    let lines = running.end().assert_exit(130).json();
    let summary = lines.last().unwrap();
    assert_eq!((&summary["kind"], &summary["delivered"]), (&json!("summary"), &json!(1)), "{summary}");
}

#[test]
fn the_first_rejection_with_a_development_secret_says_how_to_share_the_secret() {
    for status in [400, 401, 403] {
        let (room, handler) =
            (TestEnv::new(), TestHandler::answering([HandlerResponse::text(status, "Invalid signature")]));
        let output = room.send(&handler.url(), &["-p", "ahasend", "-t", "message.delivered", "-c", "2"]).assert_exit(1);
        assert_eq!(
            output.stderr(),
            "\
hint: signed with whk's development secret. Give it to your handler:
        export WEBHOOK_SECRET=$(whk secret -p ahasend)
      or use your handler's own: whk send -s env:WEBHOOK_SECRET …
2 sent, 0 delivered, 2 failed
"
        );
    }
}

#[test]
fn no_such_hint_for_a_configured_secret_or_another_status() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(401, "")]));
    assert_eq!(room.send_event(&handler.url(), &[]).assert_exit(1).stderr(), "");
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    assert_eq!(room.send(&handler.url(), &["-p", "ahasend", "-t", "message.delivered"]).assert_exit(1).stderr(), "");
    let handler = TestHandler::answering([HandlerResponse::text(400, "")]);
    assert_eq!(
        room.send(&handler.url(), &["-p", "ahasend", "-t", "message.delivered", "-q"]).assert_exit(1).stderr(),
        ""
    );
}
