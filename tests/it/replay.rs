//! `whk replay`: selection, signatures, output for people and scripts, and resuming.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::{AHASEND, NOW, NOW_TEXT, STANDARD, signed};
use crate::harness::record::{RecordBuilder, log_of};

/// A record as `listen` writes it.
fn record(seq: u64, kind: &str, status: u16, verdict: &str, secret: &str) -> RecordBuilder {
    let body = format!(r#"{{"type":"{kind}","timestamp":"2026-03-02T08:15:33Z","data":{{"n":{seq},"a":"b"}}}}"#);
    let id = format!("msg_{seq}");
    let record = RecordBuilder::new().seq(seq).at(&format!("2026-03-02T08:{:02}:00Z", seq % 60));
    let record = record.target(&format!("/in/{kind}?n={seq}&n=2"));
    let record = record.header("host", "example.com").header("X-Kept", "1");
    let record = record.signed(secret, &id, NOW - 3600, body).header("connection", "close");
    record.verdict(verdict, Some("standard"), kind, &id).response(Some(status))
}

/// Five records: three types, answered 200, 500, 503, 404, 200.
fn five() -> String {
    let kinds = ["user.created", "user.updated", "user.created", "order.created", "user.deleted"];
    let statuses = [200, 500, 503, 404, 200];
    let records = kinds.iter().zip(statuses).zip(1..);
    log_of(records.map(|((kind, status), seq)| record(seq, kind, status, "valid", STANDARD)))
}

/// Runs `whk replay log.jsonl URL` with the secret and a clock that stands still.
fn replay(room: &TestEnv, url: &str, more: &[&str]) -> Output {
    let always = ["log.jsonl", url, "-s", STANDARD, "--now", NOW_TEXT, "--seed", "1"];
    room.replay(&[always.as_slice(), more].concat())
}

/// The `n` of the bodies that came.
fn numbers(handler: &TestHandler) -> Vec<u64> {
    let number = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["data"]["n"].as_u64().unwrap();
    handler.received().iter().map(|received| number(&received.body)).collect()
}

/// The address of a handler without its path.
fn origin(handler: &TestHandler) -> String {
    handler.url().replace("/hooks", "")
}

#[test]
fn a_log_is_resent_and_re_signed_to_its_own_paths() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.write("log.jsonl", log_of([record(7, "user.created", 200, "valid", STANDARD)]));
    replay(&room, &origin(&handler), &[]).redact_durations().assert_snapshot(
        "
exit 0
stdout:
✓ 200  user.created  msg_7  [T] ms
              delivered  failed  skipped  retries
user.created          1       0        0        0
",
    );
    let received = handler.only();
    let expected = signed(STANDARD, "msg_7", NOW, &received.body);
    for line in expected.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(received.header(name), [value], "{}", received.head);
    }
    assert!(received.head.starts_with("POST /in/user.created?n=7&n=2 HTTP/1.1\r\n"), "{}", received.head);
    assert_eq!(received.header("x-kept"), ["1"]);
    assert_eq!(received.header("host"), [origin(&handler).replace("http://", "")]);
    assert_eq!(received.header("connection").len() + received.header("transfer-encoding").len(), 0);
    assert!(!room.file("log.jsonl.replay").exists(), "nothing is left to do");
}

#[test]
fn a_url_with_a_path_replaces_targets_and_their_bytes_are_kept_otherwise() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let odd = record(1, "user.created", 200, "valid", STANDARD).target("/a/../b//c%2f?x=1&x=2&&");
    room.write("log.jsonl", log_of([odd]));
    replay(&room, &handler.url(), &[]).assert_exit(0);
    replay(&room, &origin(&handler), &[]).assert_exit(0);
    let heads: Vec<String> =
        handler.received().iter().map(|received| received.head.lines().next().unwrap().to_owned()).collect();
    assert_eq!(heads, ["POST /hooks HTTP/1.1", "POST /a/../b//c%2f?x=1&x=2&& HTTP/1.1"]);
}

#[test]
fn requests_are_selected_by_type_status_time_and_id() {
    let room = TestEnv::new();
    room.write("log.jsonl", five());
    for (flags, expected) in [
        (vec!["--type", "user.*"], vec![1, 2, 3, 5]),
        (vec!["--type", "user.updated", "--type", "order.*"], vec![2, 4]),
        (vec!["--status", "5xx"], vec![2, 3]),
        (vec!["--status", "404,503"], vec![3, 4]),
        (vec!["--since", "2026-03-02T08:03:00Z"], vec![3, 4, 5]),
        (vec!["--until", "2026-03-02T08:03:00Z"], vec![1, 2]),
        (vec!["--since=-12m", "--until=-11m"], vec![4]),
        (vec!["--last", "2"], vec![4, 5]),
        (vec!["--last", "1", "--type", "user.created"], vec![3]),
        (vec!["--id", "msg_4", "--id", "msg_1"], vec![1, 4]),
    ] {
        let handler = TestHandler::accepting();
        replay(&room, &handler.url(), &[&["--fresh"], flags.as_slice()].concat()).assert_exit(0);
        assert_eq!(numbers(&handler), expected, "{flags:?}");
    }
    let handler = TestHandler::never_called();
    replay(&room, &handler.url(), &["--type", "nothing.*"]).assert_snapshot(
        "
exit 2
stderr:
error: none of the 5 requests in log.jsonl matches the selection
hint: list what the log holds: whk replay LOG URL --dry-run -v
",
    );
    replay(&room, &handler.url(), &["--status", "700"]).assert_exit(2);
}

#[test]
fn every_capture_format_and_stdin_can_be_resent() {
    let room = TestEnv::new();
    let dry = |format: &str, file: &str| {
        let send =
            ["send", "-p", "standard", "-s", STANDARD, "--type", "user.created", "--dry-run", "--format", format];
        let output = room.whk([send.as_slice(), &["http://example.com/in?x=1"]].concat()).run().assert_exit(0);
        room.write(file, output.bytes());
    };
    dry("http", "one.http");
    dry("curl", "one.sh");
    dry("json", "one.json");
    let body: String = fs::read_to_string(room.file("one.http")).unwrap().split_once("\r\n\r\n").unwrap().1.to_owned();
    let har = json!({"log": {"entries": [{"request": {"method": "POST", "url": "http://example.com/in?x=1",
        "headers": [{"name": "content-type", "value": "application/json"}], "postData": {"text": body}}}]}});
    room.write("one.har", har.to_string());
    for file in ["one.http", "one.sh", "one.json", "one.har"] {
        let handler = TestHandler::accepting();
        let output = room.whk(["replay", file, &origin(&handler), "-s", STANDARD, "--json"]).run().assert_exit(0);
        let received = handler.only();
        assert!(received.head.starts_with("POST /in?x=1 HTTP/1.1\r\n"), "{file}: {}", received.head);
        let signed = received.header("webhook-signature").len();
        assert_eq!(signed, usize::from(file != "one.har"), "what was not signed stays so: {output}");
    }
    let handler = TestHandler::accepting();
    let log = room.write("log.jsonl", five());
    room.whk(["replay", "-", &handler.url(), "-s", STANDARD]).stdin(fs::read(log).unwrap()).run().assert_exit(0);
    assert_eq!(numbers(&handler), [1, 2, 3, 4, 5]);
    room.whk(["replay", "-", &handler.url(), "--state", "x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot resume from stdin
  caused by: its content may differ next time
hint: write it to a file first
",
    );
}

#[test]
fn an_invalid_request_stays_invalid_without_resign() {
    let room = TestEnv::new();
    let forged = record(1, "user.created", 400, "invalid", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let before = forged.clone().build()["headers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pair| pair[0] == "webhook-signature")
        .unwrap()[1]
        .as_str()
        .unwrap()
        .to_owned();
    room.write("log.jsonl", log_of([forged]));
    let handler = TestHandler::accepting();
    replay(&room, &handler.url(), &[]).assert_exit(0);
    assert_eq!(handler.only().header("webhook-signature"), [&before]);
    let handler = TestHandler::accepting();
    replay(&room, &handler.url(), &["--resign"]).assert_exit(0);
    let received = handler.only();
    let expected = signed(STANDARD, "msg_1", NOW, &received.body);
    assert!(expected.contains(received.header("webhook-signature")[0]));
}

#[test]
fn a_verbatim_replay_of_old_signatures_is_warned_about() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let line = record(1, "user.created", 200, "valid", STANDARD);
    let headers = line.clone().build()["headers"].clone();
    room.write("log.jsonl", log_of([line]));
    replay(&room, &handler.url(), &["--verbatim", "--json"]).redact_between("\"at\":", ",", "[T]").redact_between("_ms\":", ",", "[T]").redact_between("per_second\":", "}", "[N]").redact(&handler.url(), "[URL]").assert_snapshot(r#"
exit 0
stdout:
{"kind":"attempt","seq":1,"event_type":"user.created","event_id":"msg_1","attempt":1,"url":"[URL]","at":[T],"status":200,"error":null,"duration_ms":[T],"wait_s":0.0}
{"kind":"delivery","seq":1,"event_type":"user.created","event_id":"msg_1","outcome":"delivered","attempts":1}
{"kind":"summary","sent":1,"delivered":1,"failed":0,"attempts":1,"held_back":0,"p50_ms":[T],"p95_ms":[T],"p99_ms":[T],"max_ms":[T],"per_second":[N]}
stderr:
note: replaying Standard Webhooks's original signatures, now 1 h old;
handlers that check the timestamp will reject them
hint: re-sign with --resign -s env:NAME
"#);
    let received = handler.only();
    for pair in headers.as_array().unwrap() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        if name.starts_with("webhook-") {
            assert_eq!(received.header(name), [value]);
        }
    }
}

#[test]
fn without_a_secret_requests_keep_their_signatures_with_a_note() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.write("log.jsonl", log_of([record(1, "user.created", 200, "valid", STANDARD)]));
    let run = |more: &[&str]| room.whk([["replay", "log.jsonl", &handler.url()].as_slice(), more].concat()).run();
    run(&["--now", "2026-03-02T07:16:00Z", "-q"]).assert_exit(0);
    let output = run(&["--now", "2026-03-02T07:16:00Z"]).assert_exit(0);
    assert!(output.stderr().starts_with("note: no secret of Standard Webhooks is known"), "{output}");
    let output = run(&["--resign"]).assert_exit(1);
    assert!(output.stderr().contains("error: log.jsonl:1: no secret of Standard Webhooks is known"), "{output}");
    assert_eq!(handler.received().len(), 2);
}

#[test]
fn bodies_and_headers_can_be_changed_and_are_re_signed() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.write("log.jsonl", log_of([record(1, "user.created", 200, "valid", STANDARD)]));
    let changes =
        ["--set", "data.a=c", "--set", "data.n:=[1]", "--unset", "timestamp", "-H", "X-Kept: 2", "-H", "X-New: 3"];
    replay(&room, &handler.url(), &changes).assert_exit(0);
    let received = handler.only();
    assert_eq!(received.body, br#"{"type":"user.created","data":{"n":[1],"a":"c"}}"#);
    assert!(signed(STANDARD, "msg_1", NOW, &received.body).contains(received.header("webhook-signature")[0]));
    assert_eq!((received.header("x-kept"), received.header("x-new")), (vec!["2"], vec!["3"]));
    let handler = TestHandler::never_called();
    replay(&room, &handler.url(), &["--set", "data.typo=c"]).assert_snapshot(
        "
exit 1
stdout:
stderr:
error: log.jsonl:1: there is no `data.typo` in the body
"
        .replace("stdout:\n", "")
        .as_str(),
    );
    replay(&room, &handler.url(), &["--set", "data.a=c", "--verbatim"]).assert_exit(2);
}

#[test]
fn a_record_without_a_response_keeps_its_number_and_its_verdict() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let silent = record(7, "user.created", 200, "valid", STANDARD).response(None);
    room.write("log.jsonl", log_of([silent]));
    let attempt = replay(&room, &handler.url(), &["--json"]).assert_exit(0).json().remove(0);
    assert_eq!((&attempt["seq"], &attempt["event_type"]), (&json!(7), &json!("user.created")));
    replay(&room, &handler.url(), &["--type", "user.created", "--fresh"]).assert_exit(0);
}

#[test]
fn unreadable_lines_are_reported_and_skipped() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let good = record(1, "user.created", 200, "valid", STANDARD);
    let (newer, good) = (good.clone().field("v", 9).line(), good.line());
    room.write("log.jsonl", format!("hello\n{newer}{{\"kind\":\"ready\"}}\n{good}{{\"v\":1,\"kind\":\"requ"));
    let output = replay(&room, &handler.url(), &[]).assert_exit(0);
    let stderr = output.stderr();
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error:")).collect();
    assert_eq!(errors.len(), 3, "{output}");
    assert!(errors[0].starts_with("error: log.jsonl:1:1: "), "{output}");
    assert_eq!(errors[1], "error: log.jsonl:2:1: its version is 9, and 1 is the only one known");
    assert!(errors[2].starts_with("error: log.jsonl:5:"), "{output}");
    assert!(stderr.ends_with("3 lines could not be read\n"), "{output}");
    replay(&room, &handler.url(), &["--strict"]).assert_exit(2);
    assert_eq!(numbers(&handler), [1, 1], "the good one was sent each time");
    room.write("log.jsonl", "");
    replay(&room, &handler.url(), &[]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request in log.jsonl
",
    );
    room.whk(["replay", "missing.jsonl"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot read missing.jsonl
  caused by: there is no such file
",
    );
}

#[test]
fn the_next_run_resends_only_failures() {
    let room = TestEnv::new();
    room.write("log.jsonl", five());
    let picky = TestHandler::deciding(|received| {
        let odd = ["\"n\":2,", "\"n\":4,"].iter().any(|part| String::from_utf8_lossy(&received.body).contains(part));
        HandlerResponse::text(if odd { 500 } else { 200 }, "")
    });
    let output = replay(&room, &picky.url(), &["--schedule", "1s,2s", "--speed", "max"]).assert_exit(1);
    assert_eq!(picky.received().len(), 9);
    assert!(output.stdout().ends_with("at the provider's real pace: 3 s\n"), "{output}");
    assert_eq!(
        output.stderr(),
        "run the same command to resend what failed, or add --fresh to start over\nprogress is in log.jsonl.replay\n"
    );
    assert!(fs::metadata(room.file("log.jsonl.replay")).unwrap().len() > 0);
    let output = replay(&room, &picky.url(), &["--schedule", "none"]).assert_exit(1);
    assert!(output.stderr().starts_with("skipped 3 events already delivered by an earlier run"), "{output}");
    assert_eq!(numbers(&picky)[9..], [2, 4]);
    // Another address is another replay.
    let mended = TestHandler::never_called();
    let output = replay(&room, &mended.url(), &[]).assert_exit(2);
    assert!(output.stderr().contains(&format!("caused by: it belongs to a replay to {}", picky.url())), "{output}");
    replay(&room, &picky.url(), &["--fresh", "--schedule", "none"]).assert_exit(1);
    assert_eq!(numbers(&picky)[11..], [1, 2, 3, 4, 5]);
}

#[test]
fn a_partial_run_keeps_the_progress_of_an_interrupted_full_run() {
    let room = TestEnv::new();
    room.write("log.jsonl", five());
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let handler = TestHandler::deciding(move |received| {
        let first = String::from_utf8_lossy(&received.body).contains("\"n\":1,");
        HandlerResponse::text(if first || is_mended.load(Ordering::Relaxed) { 200 } else { 500 }, "")
    });
    let url = handler.url();
    let running = room.whk(["replay", "log.jsonl", &url, "-s", STANDARD, "--schedule", "1h"]).start();
    handler.wait_for(5);
    running.signal("INT");
    running.end().assert_exit(130);
    mended.store(true, Ordering::Relaxed);
    let output = replay(&room, &url, &["--last", "2", "--speed", "max"]).assert_exit(0);
    let note = "an earlier run was interrupted and can still continue; progress is in log.jsonl.replay\n";
    assert_eq!(output.stderr(), note);
    replay(&room, &url, &["--speed", "max"]).assert_exit(0);
    assert_eq!(numbers(&handler)[5..], [4, 5, 2, 3], "each once");
    assert!(!room.file("log.jsonl.replay").exists());
    replay(&room, &url, &["--type", "nothing.like.this"]).assert_exit(2);
    assert!(!room.file("log.jsonl.replay").exists(), "a run that sends nothing leaves nothing");
}

#[test]
fn two_replays_cannot_share_a_state_file() {
    let room = TestEnv::new();
    room.write("log.jsonl", five());
    let silent = TestHandler::answering([HandlerResponse::Silence]);
    let first = room.whk(["replay", "log.jsonl", &silent.url(), "-s", STANDARD, "--timeout", "0"]).start();
    silent.wait_for(1);
    let output = replay(&room, &silent.url(), &[]);
    output.assert_snapshot(
        "
exit 2
stderr:
error: another replay is using the state file log.jsonl.replay
hint: wait until it ends, or use another file: --state FILE
",
    );
    let other = TestHandler::accepting();
    replay(&room, &other.url(), &["--state", "other.state"]).assert_exit(0);
    drop(first);
}

#[test]
fn an_interrupt_waits_for_requests_in_flight_and_says_how_to_resume() {
    let room = TestEnv::new();
    room.write("log.jsonl", five());
    let handler = TestHandler::answering([
        HandlerResponse::text(500, ""),
        HandlerResponse::text(200, ""),
        HandlerResponse::Silence,
    ]);
    let url = handler.url();
    let arguments = ["replay", "log.jsonl", &url, "-s", STANDARD, "--timeout", "700ms", "--schedule", "1h"];
    let running = room.whk(arguments).start();
    handler.wait_for(3);
    running.signal("INT");
    let output = running.end();
    assert_eq!(output.code(), Some(130), "{output}");
    assert!(output.stdout().contains("no response within 700ms"), "the attempt under way was waited for: {output}");
    assert_eq!(
        output.stderr(),
        "finishing requests in flight; press Ctrl-C again to quit now\n\
         2 events wait for another attempt; the log was not read to its end\n\
         run the same command to continue; progress is in log.jsonl.replay\n"
    );
    // A second one ends it at once, and the attempt that was under way is repeated and marked.
    let running = room.whk(["replay", "log.jsonl", &url, "-s", STANDARD, "--timeout", "0", "--speed", "max"]).start();
    handler.wait_for(4);
    running.signal("INT");
    running.signal("INT");
    running.signal("TERM");
    assert_eq!(running.end().code(), Some(130));
}

#[test]
fn a_recorded_pace_is_kept_and_scaled() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    room.write("log.jsonl", five());
    // A minute between each two, 120 times as fast: half a second.
    replay(&room, &handler.url(), &["--pace", "original", "--speed", "120", "--last", "3"]).assert_exit(0);
    let times: Vec<f64> = handler.received().iter().map(|received| received.at.as_secs_f64()).collect();
    // Counted from before the run, so that a first request that was late does not matter.
    assert!((1.0..10.0).contains(&times[2]), "{times:?}");
    let handler = TestHandler::accepting();
    replay(&room, &handler.url(), &["--pace", "5/s", "--speed", "100"]).assert_exit(0);
    let times: Vec<f64> = handler.received().iter().map(|received| received.at.as_secs_f64()).collect();
    assert!((0.8..10.0).contains(&times[4]), "a rate is of the real time: {times:?}");
}

#[test]
fn a_handler_that_is_never_there_exits_3() {
    let room = TestEnv::new();
    room.write("log.jsonl", log_of([record(1, "user.created", 200, "valid", STANDARD)]));
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = replay(&room, &nobody, &["--schedule", "1s", "--speed", "max", "--json"]).assert_exit(3);
    let lines = output.json();
    assert_eq!(lines.iter().filter(|line| line["kind"] == "attempt").count(), 2, "it is retried all the same");
    assert!(output.stderr().contains("hint: is your handler running?"), "{output}");
}

#[test]
fn the_dry_run_prints_the_schedule_of_each_provider_and_sends_nothing() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    let other = record(2, "message.delivered", 200, "valid", AHASEND);
    let other = other.verdict("valid", Some("selfmx"), "message.delivered", "msg_2");
    room.write("log.jsonl", log_of([record(1, "user.created", 200, "valid", STANDARD), other]));
    replay(&room, &handler.url(), &["--dry-run"]).assert_snapshot("
exit 0
stdout:
Standard Webhooks, 1 event:  now, 5 s, 5 min 5 s, 35 min 5 s, 2 h 35 min 5 s, 7 h 35 min 5 s, 17 h 35 min 5 s, 1 d 7 h 35 min, 2 d 3 h 35 min, 3 d 3 h 35 min (±20 %)
SelfMX, 1 event:             now, 1 min, 6 min, 36 min
stderr:
2 events; if every attempt failed, the last would be sent after 3 d 8 h 44 min
");
    replay(&room, &handler.url(), &["--dry-run", "--speed", "60", "-v"]).assert_snapshot("
exit 0
stdout:
Standard Webhooks, 1 event:  now, 5 s, 5 min 5 s, 35 min 5 s, 2 h 35 min 5 s, 7 h 35 min 5 s, 17 h 35 min 5 s, 1 d 7 h 35 min, 2 d 3 h 35 min, 3 d 3 h 35 min (±20 %)
  at 60×:                    now, 83 ms, 5.1 s, 35 s, 2 min 35 s, 7 min 35 s, 17 min 35 s, 31 min 35 s, 51 min 35 s, 1 h 15 min 35 s
SelfMX, 1 event:             now, 1 min, 6 min, 36 min
  at 60×:                    now, 1 s, 6 s, 36 s
stderr:
1 user.created msg_1
2 message.delivered msg_2
2 events; if every attempt failed, the last would be sent after 3 d 8 h 44 min
(at 60×: after 1 h 20 min 45 s)
");
    replay(&room, &handler.url(), &["--dry-run", "--schedule", "5s,5m", "--speed", "max"]).assert_snapshot(
        "
exit 0
stdout:
Standard Webhooks, 1 event:  now, 5 s, 5 min 5 s
  at max:                    all at once, without waiting
SelfMX, 1 event:             now, 5 s, 5 min 5 s
  at max:                    all at once, without waiting
stderr:
2 events; if every attempt failed, the last would be sent after 5 min 5 s
",
    );
    replay(&room, &handler.url(), &["--dry-run", "--schedule", "none"]).assert_snapshot(
        "
exit 0
stdout:
Standard Webhooks, 1 event:  now
SelfMX, 1 event:             now
stderr:
2 events, without retries
",
    );
    let narrow = room
        .whk(["replay", "log.jsonl", &handler.url(), "-s", STANDARD, "--dry-run", "--seed", "1"])
        .env("COLUMNS", "60")
        .run();
    narrow.assert_snapshot(
        "
exit 0
stdout:
Standard Webhooks, 1 event:  now, 5 s, 5 min 5 s,
                             35 min 5 s, 2 h 35 min 5 s,
                             7 h 35 min 5 s,
                             17 h 35 min 5 s,
                             1 d 7 h 35 min, 2 d 3 h 35 min,
                             3 d 3 h 35 min (±20 %)
SelfMX, 1 event:             now, 1 min, 6 min, 36 min
stderr:
2 events; if every attempt failed, the last would be sent after 3 d 8 h 44 min
",
    );
    let output = replay(&room, &handler.url(), &["--dry-run", "--json"]).assert_exit(0);
    let lines = output.json();
    let waits = |line: &Value| {
        let attempts = line["attempts"].as_array().unwrap();
        attempts.iter().map(|attempt| attempt["wait_s"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(waits(&lines[0]).len(), 10, "Standard Webhooks has nine retries");
    assert_eq!(waits(&lines[1]), [0.0, 60.0, 300.0, 1800.0]);
    assert!(!room.file("log.jsonl.replay").exists());
}

#[test]
fn the_next_attempt_is_shown_in_provider_time_with_its_divisor() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(500, ""), HandlerResponse::text(200, "")]));
    room.write("log.jsonl", log_of([record(1, "user.created", 200, "valid", STANDARD)]));
    for (speed, expected) in [("300", "next in 15 s (÷300)\n"), ("max", "next in 15 s (no waiting)\n")] {
        let handler = TestHandler::answering([HandlerResponse::text(500, ""), HandlerResponse::text(200, "")]);
        let output = replay(&room, &handler.url(), &["--schedule", "15s", "--speed", speed]).assert_exit(0);
        assert!(output.stdout().contains(expected), "{output}");
        assert!(output.stdout().ends_with("at the provider's real pace: 15 s\n"), "{output}");
    }
    let output = replay(&room, &handler.url(), &["--schedule", "10ms"]).assert_exit(0);
    assert!(output.stdout().contains("next in 0 s\n"), "{output}");
}

#[test]
fn secrets_are_in_no_output() {
    let (room, handler) = (TestEnv::new(), TestHandler::answering([HandlerResponse::text(500, "no")]));
    room.write("log.jsonl", five());
    for more in [["--json", "-v"].as_slice(), &["-v"], &["--dry-run", "-v"]] {
        let output = replay(&room, &handler.url(), &[&["--schedule", "none", "--fresh"], more].concat());
        assert!(!output.to_string().contains("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "{output}");
    }
    let state = fs::read_to_string(room.file("log.jsonl.replay")).unwrap();
    assert!(!state.contains("MfKQ9r8G"), "{state}");
}

#[test]
fn an_open_stream_does_not_delay_retries() {
    let (room, handler) =
        (TestEnv::new(), TestHandler::answering([HandlerResponse::text(500, ""), HandlerResponse::text(200, "")]));
    room.program("mkfifo", ["stream"]).run().assert_exit(0);
    let script = format!("exec '{}' replay - {} -s {STANDARD} --schedule 100ms <stream", whk(), handler.url());
    let running = room.program("sh", ["-c", &script]).start();
    let mut stream = fs::OpenOptions::new().write(true).open(room.file("stream")).unwrap();
    stream.write_all(log_of([record(1, "user.created", 200, "valid", STANDARD)]).as_bytes()).unwrap();
    // The retry comes while the stream is still open, and so does what is written later.
    handler.wait_for(2);
    stream.write_all(log_of([record(2, "user.created", 200, "valid", STANDARD)]).as_bytes()).unwrap();
    handler.wait_for(3);
    drop(stream);
    running.end().assert_exit(0);
    assert_eq!(numbers(&handler), [1, 1, 2]);
}

fn whk() -> &'static str {
    env!("CARGO_BIN_EXE_whk")
}
