//! The file of `whk serve`: what cannot be used, a full disk, and the bound of the logs.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::guides::setting;
use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, Received, TestHandler};
use crate::harness::http::exchange;
use crate::harness::serve::KEY;

/// Runs SQL on a file of `SQLite`, with Python.
fn sql(room: &TestEnv, file: &str, statements: &str) {
    let script =
        format!("import sqlite3; sqlite3.connect({file:?}, isolation_level=None).executescript({statements:?})");
    room.program(setting("WHK_INTEROP_PYTHON"), ["-c", &script]).run().assert_exit(0);
}

#[test]
fn a_file_of_a_newer_version_or_of_another_program_is_left_alone() {
    let room = TestEnv::new();
    room.serve(&["--data", "whk.db"]).stop().assert_exit(0);
    sql(&room, "whk.db", "PRAGMA user_version = 99");
    let newer = fs::read(room.file("whk.db")).unwrap();
    room.whk(["serve", "0", "--data", "whk.db"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot use whk.db
  caused by: it was written by a newer version of whk
hint: choose another file: whk serve --data FILE
",
    );
    assert!(fs::read(room.file("whk.db")).unwrap() == newer, "the file has changed");
    sql(&room, "other.db", "CREATE TABLE songs (title TEXT)");
    room.whk(["serve", "0", "--data", "other.db"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot use other.db
  caused by: it is a database of another program
hint: choose another file: whk serve --data FILE
",
    );
    fs::create_dir(room.file("folder")).unwrap();
    room.whk(["serve", "0", "--data", "folder"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot open folder
  caused by: is a directory
",
    );
}

#[test]
fn a_file_of_the_first_version_is_read_and_brought_up_to_date() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx", "--data", "whk.db"]);
    let body = json!({ "url": "http://127.0.0.1:1/", "events": ["opened"], "secret": "s" });
    serving.succeed("POST", "/v1/webhooks", &body);
    let kept = serving.succeed("GET", "/v1/webhooks", &Value::Null);
    serving.stop().assert_exit(0);
    // The second version added an index alone.
    sql(&room, "whk.db", "DROP INDEX delivery_of_message; PRAGMA user_version = 1");
    for _ in 0..2 {
        let serving = room.serve(&["-p", "selfmx", "--data", "whk.db"]);
        assert_eq!(serving.succeed("GET", "/v1/webhooks", &Value::Null), kept);
        serving.stop().assert_exit(0);
    }
}

/// The id of a request's event.
fn event_id(request: &Received) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

/// Emits events until that fails, as on a full disk; returns the ids of those that were confirmed.
fn emit_until_full(address: &str) -> BTreeSet<String> {
    let mut confirmed = BTreeSet::new();
    let body = r#"{"type":"opened","count":20}"#;
    let length = body.len();
    let request = format!(
        "POST /_whk/emit HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    loop {
        let answer = exchange(address, request.as_bytes());
        if answer.status != 200 {
            assert_eq!(answer.status, 500, "{answer:?}");
            let error: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(error["error"]["code"], "internal_error");
            return confirmed;
        }
        let events: Value = serde_json::from_str(&answer.body).unwrap();
        let ids = events["events"].as_array().unwrap().iter();
        confirmed.extend(ids.map(|event| event["event_id"].as_str().unwrap().to_owned()));
    }
}

/// A limit of the size of files stands for a full disk.
#[test]
fn a_full_disk_ends_the_server_with_its_reason_and_nothing_that_was_confirmed_is_lost() {
    let room = TestEnv::new();
    let accepts = Arc::new(AtomicBool::new(false));
    let decides = Arc::clone(&accepts);
    let handler = TestHandler::deciding(move |_| {
        if decides.load(Ordering::SeqCst) { HandlerResponse::text(200, "") } else { HandlerResponse::Silence }
    });
    let serving = room.serve(&["-p", "selfmx", "--data", "whk.db"]);
    let body = json!({ "url": handler.url(), "events": ["opened"], "secret": "s" });
    serving.succeed("POST", "/v1/webhooks", &body);
    serving.stop().assert_exit(0);
    let whk = env!("CARGO_BIN_EXE_whk");
    let limited =
        format!("trap '' XFSZ; ulimit -f 600; exec {whk} serve 0 -p selfmx --api-key {KEY} --data whk.db --json");
    let running = room.program("bash", ["-c", &limited]).start();
    let ready = running.wait_for_stdout(|text| text.contains('\n'));
    let ready: Value = serde_json::from_str(ready.lines().next().unwrap()).unwrap();
    let confirmed = emit_until_full(ready["url"].as_str().unwrap().strip_prefix("http://").unwrap());
    assert!(confirmed.len() >= 20, "{confirmed:?}");
    let output = running.end().assert_exit(2);
    let stderr = output.stderr();
    assert!(stderr.contains("error: cannot write to the file of --data\n  caused by: "), "{stderr}");
    assert!(stderr.contains("\nhint: make room, then start it again"), "{stderr}");
    accepts.store(true, Ordering::SeqCst);
    let before = handler.received().len();
    let serving = room.serve(&["-p", "selfmx", "--data", "whk.db"]);
    let delivered = |lines: &[Value]| {
        let ends = lines.iter().filter(|line| line["kind"] == "delivery" && line["outcome"] == "delivered");
        let ids: BTreeSet<String> = ends.map(|line| line["event_id"].as_str().unwrap().to_owned()).collect();
        ids.is_superset(&confirmed)
    };
    serving.wait_for_lines(delivered);
    let arrived: BTreeSet<String> = handler.received()[before..].iter().map(event_id).collect();
    assert!(arrived.is_superset(&confirmed));
}
