//! `--report` of `send` and `replay`: a case for each delivery, with its attempts, whatever becomes of the run.

use std::fs;

use serde_json::Value;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::record::{RecordBuilder, log_of};
use crate::report::{read_json, read_junit};

/// `classname | name | outcome | type` of each case.
fn rows(read: &Value) -> Vec<String> {
    let row = |case: &Value| {
        ["classname", "name", "outcome", "type"].map(|name| case[name].as_str().unwrap_or("-").to_owned()).join(" | ")
    };
    read["cases"].as_array().unwrap().iter().map(row).collect()
}

/// Writes a log of two records with ids of their own.
fn log(room: &TestEnv) {
    let record = |number: u64, event_type: &str| {
        let id = format!("id{number}");
        let record = RecordBuilder::new().seq(number).header("webhook-id", &id);
        record.verdict("invalid", Some("ahasend"), event_type, &id)
    };
    room.write("log.jsonl", log_of([record(1, "message.delivered"), record(2, "message.bounced")]));
}

/// The whole script of a CI job: what must be accepted, and what must be rejected.
fn ci_script(room: &TestEnv, url: &str) -> (i32, i32) {
    let run = |more: &[&str]| {
        let common = ["-p", "ahasend", "--type", "all", "--wait", "10s", "--report"];
        room.send(url, &[common.as_slice(), more].concat()).code().unwrap()
    };
    (run(&["a.xml"]), run(&["b.xml", "--fault", "all"]))
}

#[test]
fn two_commands_are_a_ci_script_that_a_correct_handler_passes() {
    let room = TestEnv::new();
    let listening = room.listen(["-p", "ahasend"]);
    assert_eq!(ci_script(&room, listening.url()), (0, 0));
    listening.stop();
    let (good, bad) = (read_junit(&room, &room.file("a.xml")), read_junit(&room, &room.file("b.xml")));
    assert!(rows(&good).iter().all(|row| row.ends_with(" | passed | -")), "{:?}", rows(&good));
    let rows = rows(&bad);
    assert!(rows.contains(&"whk.send.tampered-body | message.delivered | passed | -".to_owned()), "{rows:?}");
    assert!(rows.iter().all(|row| row.ends_with(" | passed | -") || row.ends_with(" | skipped | skipped")), "{rows:?}");
    assert!(bad["suites"].as_array().unwrap().len() > 5, "a suite for each fault: {}", bad["suites"]);
}

#[test]
fn two_commands_are_a_ci_script_that_a_handler_without_checks_fails() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    assert_eq!(ci_script(&room, &handler.url()), (0, 1));
    let read = read_junit(&room, &room.file("b.xml"));
    let rows = rows(&read);
    assert!(rows.contains(&"whk.send.tampered-body | message.delivered | failure | accepted".to_owned()), "{rows:?}");
    let cases = read["cases"].as_array().unwrap();
    let failure = cases.iter().find(|case| case["outcome"] == "failure").unwrap();
    assert_eq!(failure["message"], "accepted: anyone could have sent this event (the handler responded 200)");
    assert!(!rows.iter().any(|row| row.contains(" | passed | ")), "{rows:?}");
    // One that breaks instead of rejecting is told apart.
    let crashing = TestHandler::deciding(|_| HandlerResponse::text(500, "stack trace"));
    room.send(
        &crashing.url(),
        &["-p", "ahasend", "--type", "message.opened", "--fault", "expired", "--report", "c.xml"],
    )
    .assert_exit(1);
    let read = read_junit(&room, &room.file("c.xml"));
    assert_eq!(self::rows(&read), ["whk.send.expired | message.opened | failure | crashed"]);
    assert!(read["cases"][0]["text"].as_str().unwrap().ends_with("\nresponse: stack trace"), "{read}");
}

#[test]
fn a_fault_that_does_not_apply_is_a_skipped_case_with_its_reason() {
    let (room, handler) = (TestEnv::new(), TestHandler::deciding(|_| HandlerResponse::text(401, "")));
    let send = ["-p", "autosend", "--type", "all", "--fault", "all", "--report", "a.json"];
    room.send(&handler.url(), &send).assert_exit(0);
    let document = read_json(&room.file("a.json"));
    let cases = document["cases"].as_array().unwrap();
    let skipped: Vec<&Value> = cases.iter().filter(|case| case["outcome"] == "skipped").collect();
    assert!(skipped.iter().any(|case| case["group"] == "missing-id"), "{document}");
    assert!(skipped.iter().all(|case| !case["message"].as_str().unwrap().is_empty()), "{document}");
    assert_eq!(document["summary"]["skipped"], skipped.len());
}

#[test]
fn a_delivery_that_fails_has_its_attempts_and_the_response() {
    let room = TestEnv::new();
    let handler = TestHandler::deciding(|_| HandlerResponse::text(500, "no \u{1b}[31mdatabase"));
    let more = ["-p", "ahasend", "--type", "message.delivered", "--count", "2"];
    let retried = ["--retry", "--speed", "max", "--report", "a.xml", "--report", "a.json"];
    room.send(&handler.url(), &[more.as_slice(), &retried].concat()).assert_exit(1);
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!(
        rows(&read),
        [
            "whk.send.ahasend | message.delivered | failure | unexpected-status",
            "whk.send.ahasend | message.delivered (2) | failure | unexpected-status",
        ]
    );
    assert_eq!(read["cases"][0]["message"], "not delivered: the handler responded 500");
    let document = read_json(&room.file("a.json"));
    let details = &document["cases"][0]["details"];
    assert_eq!(details["response"], "no \\u{1b}[31mdatabase");
    let attempts: Vec<&str> = details["attempts"].as_str().unwrap().lines().collect();
    assert_eq!(attempts.len(), 7, "{attempts:?}");
    assert!(attempts[0].starts_with("1: 500 in ") && attempts[6].contains(" after the first"), "{attempts:?}");
}

#[test]
fn a_handler_that_is_not_there_leaves_a_report() {
    let room = TestEnv::new();
    let more = ["--type", "message.delivered", "--report", "a.xml", "--report", "a.tap"];
    room.send("127.0.0.1:1", &[["-p", "ahasend"].as_slice(), &more].concat()).assert_exit(3);
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!(
        rows(&read),
        [
            "whk.send.ahasend | message.delivered | failure | unreachable",
            "whk.send.run | the run ended early | error | error"
        ]
    );
    let tap = fs::read_to_string(room.file("a.tap")).unwrap();
    assert!(tap.contains("\nBail out! cannot reach http://127.0.0.1:1/"), "{tap}");
    // The same for a handler that is waited for in vain.
    room.send("127.0.0.1:1", &["-p", "ahasend", "--type", "all", "--wait", "10ms", "--report", "b.json"])
        .assert_exit(3);
    assert_eq!(read_json(&room.file("b.json"))["ended"], "error");
}

#[test]
fn an_interrupted_run_leaves_a_report_of_what_was_done() {
    let room = TestEnv::new();
    for signal in ["INT", "TERM"] {
        let handler = TestHandler::deciding(|_| HandlerResponse::text(500, ""));
        let more = ["--type", "message.delivered", "--retry", "--report", "a.json"];
        let running = room.whk([["send", &handler.url(), "-p", "ahasend"].as_slice(), &more].concat()).start();
        handler.wait_for(1);
        running.signal(signal);
        running.end().assert_exit(130);
        assert_eq!(read_json(&room.file("a.json"))["ended"], "interrupted");
        fs::remove_file(room.file("a.json")).unwrap();
    }
}

#[test]
fn nothing_is_sent_if_a_report_cannot_be_written() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    log(&room);
    let send = ["send", &handler.url(), "-p", "ahasend", "--type", "all"];
    let replay = ["replay", "log.jsonl", &handler.url()];
    for command in [send.as_slice(), replay.as_slice()] {
        for name in ["missing/a.xml", "missing/a.html"] {
            let output = room.whk([command, &["--report", name]].concat()).run().assert_exit(2);
            let stderr = output.stderr();
            assert!(stderr.contains(&format!("error: cannot write the report {name}\n")), "{output}");
        }
        room.whk([command, &["--report", "a.xml", "--dry-run"]].concat()).run().assert_exit(2);
    }
    let twice = [replay.as_slice(), &["--report", "a.html", "--report", "b.html"]].concat();
    let output = room.whk(twice).run().assert_exit(2);
    assert!(output.stderr().contains("caused by: replay draws one .html page a run"), "{output}");
    assert!(!room.file("a.html").exists() && !room.file("b.html").exists());
}

#[test]
fn replay_writes_every_form_of_the_same_run() {
    let room = TestEnv::new();
    log(&room);
    // The first is delivered at its third attempt, the second never.
    let handler = TestHandler::deciding({
        let count = std::sync::atomic::AtomicU32::new(0);
        move |received| {
            let first = received.header("webhook-id") == ["id1"];
            let earlier = count.fetch_add(u32::from(first), std::sync::atomic::Ordering::SeqCst);
            HandlerResponse::text(if first && earlier >= 2 { 200 } else { 503 }, "")
        }
    });
    let files = ["a.xml", "a.tap", "a.json", "a.html"];
    let more: Vec<&str> = files.iter().flat_map(|name| ["--report", name]).collect();
    let run = ["replay", "log.jsonl", &handler.url(), "--speed", "max", "--seed", "1"];
    let output = room.whk([run.as_slice(), &more].concat()).run().assert_exit(1);
    for name in files {
        assert!(output.stderr().contains(&format!("report written to {name}\n")), "{output}");
    }
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!(
        rows(&read),
        [
            "whk.replay.ahasend | record 1: message.delivered | passed | -",
            "whk.replay.ahasend | record 2: message.bounced | failure | unexpected-status",
        ]
    );
    let document = read_json(&room.file("a.json"));
    let attempts = |case: usize| document["cases"][case]["details"]["attempts"].as_str().unwrap().lines().count();
    assert_eq!((attempts(0), attempts(1)), (3, 7));
    assert_eq!(document["properties"]["log"], "log.jsonl");
    assert!(fs::read_to_string(room.file("a.html")).unwrap().contains("<h1>Replay of log.jsonl</h1>"));
}
