//! `whk verify --report`: a case for each request, whatever becomes of the run.

use std::fs;

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::http::{NOW, NOW_TEXT, STANDARD};
use crate::harness::record::RecordBuilder;
use crate::report::{read_json, read_junit};

const BODY: &[u8] = br#"{"type":"user.created","data":{"id":"usr_1"}}"#;

/// A line of a log that was received at [`NOW`].
fn record(id: &str, body: &str) -> String {
    RecordBuilder::new().at(NOW_TEXT).signed(STANDARD, id, NOW, BODY).body(body).build().to_string()
}

fn good(id: &str) -> String {
    record(id, std::str::from_utf8(BODY).unwrap())
}

#[test]
fn each_request_is_a_case_with_its_cause_its_fix_and_its_evidence() {
    let room = TestEnv::new();
    let spaced = r#"{"type": "user.created", "data": {"id": "usr_1"}}"#;
    let lines = [good("msg_1"), record("msg_2", spaced), "not json".to_owned(), record("msg_3", "{}")];
    room.write("log.jsonl", lines.join("\n"));
    let files = ["a.xml", "a.tap", "a.json", "a.html"];
    let more: Vec<&str> = files.iter().flat_map(|name| ["--report", name]).collect();
    let output = room.verify(&[&["log.jsonl"], more.as_slice()].concat()).run().assert_exit(2);
    for name in files {
        assert!(output.stderr().contains(&format!("report written to {name}\n")), "{output}");
    }
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!((&read["name"], &read["suites"]), (&json!("whk verify"), &json!(["standard", "unknown provider"])));
    let cases = read["cases"].as_array().unwrap();
    let row = |case: &Value| {
        ["classname", "name", "outcome", "type"].map(|name| case[name].as_str().unwrap_or("-").to_owned()).join(" | ")
    };
    let rows: Vec<String> = cases.iter().map(row).collect();
    assert_eq!(
        rows,
        [
            "whk.verify.standard | log.jsonl:1 user.created | passed | -",
            "whk.verify.standard | log.jsonl:2 user.created | failure | body-changed-reserialized",
            "whk.verify.standard | log.jsonl:4 | failure | secret-mismatch",
            "whk.verify.unknown provider | log.jsonl:3:2 | error | unreadable",
        ]
    );
    let text = cases[1]["text"].as_str().unwrap();
    assert!(text.contains("\nfix: ") && text.contains("\nworks as: json-compact"), "{text}");
    let document = read_json(&room.file("a.json"));
    assert_eq!((&document["command"], &document["ended"]), (&json!("verify"), &json!("complete")));
    assert_eq!(document["summary"], json!({"passed": 1, "failed": 2, "errored": 1, "skipped": 0}));
    assert_eq!(document["cases"][0]["details"]["event id"], "msg_1");
    assert!(fs::read_to_string(room.file("a.tap")).unwrap().contains("\nok 1 - standard: log.jsonl:1 user.created\n"));
    assert!(fs::read_to_string(room.file("a.html")).unwrap().contains("log.jsonl:4"));
}

#[test]
fn neither_the_secret_nor_the_right_signature_is_in_a_report() {
    let room = TestEnv::new();
    room.write("log.jsonl", record("msg_2", "{}"));
    let shown = room.verify(&["log.jsonl", "--json", "--report", "a.json"]).run().assert_exit(1);
    let expected = shown.json()[0]["evidence"]["expected"].as_str().unwrap().to_owned();
    let report = fs::read_to_string(room.file("a.json")).unwrap();
    let signature = expected.rsplit(',').next().unwrap();
    assert!(!report.contains(signature) && !report.contains(STANDARD.trim_start_matches("whsec_")), "{report}");
}

#[test]
fn a_long_log_is_counted_whole_and_listed_up_to_a_limit_in_its_order() {
    let room = TestEnv::new();
    let good = good("msg_1");
    let bad = record("msg_2", "{}");
    let lines: Vec<&str> =
        (0..10_100).map(|line| if line % 101 == 100 { bad.as_str() } else { good.as_str() }).collect();
    room.write("log.jsonl", lines.join("\n"));
    room.verify(&["log.jsonl", "-q", "--report", "a.json"]).run().assert_exit(1);
    let document = read_json(&room.file("a.json"));
    assert_eq!(document["summary"], json!({"passed": 10_000, "failed": 100, "errored": 0, "skipped": 0}));
    let names = document["cases"].as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap().to_owned());
    let numbers: Vec<u32> = names.map(|name| name.split([':', ' ']).nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(numbers.len(), 10_100);
    assert!(numbers.is_sorted(), "in the order of the log");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_before_anything_is_read() {
    let room = TestEnv::new();
    room.write("log.jsonl", good("msg_1"));
    room.verify(&["log.jsonl", "--report", "missing/a.xml"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the report missing/a.xml
  caused by: no such file or directory
",
    );
    room.verify(&["log.jsonl", "--report", "a.txt"]).run().assert_snapshot(
        "
exit 2
stderr:
error: --report: `a.txt` does not end in .xml (JUnit), .tap, .json or .html
",
    );
    room.verify(&["log.jsonl", "--report", "a.xml", "--report", "./a.xml"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the report ./a.xml
  caused by: the same file is used for something else in this run
",
    );
    room.write("record.json", good("msg_1"));
    room.verify(&["record.json", "--report", "record.json"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot write the report record.json
  caused by: the same file is used for something else in this run
",
    );
    assert_eq!(fs::read_to_string(room.file("record.json")).unwrap(), good("msg_1"));
    assert!(!room.file("a.xml").exists());
}

#[test]
fn an_error_that_ends_the_run_is_in_the_report() {
    let room = TestEnv::new();
    room.write("log.jsonl", r#"{"kind":"ready","url":"http://127.0.0.1:9450","pid":1,"log":null}"#);
    room.verify(&["log.jsonl", "--report", "a.xml"]).run().assert_snapshot(
        "
exit 2
stderr:
report written to a.xml
error: no request found in the input
",
    );
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!(read["cases"][0]["outcome"], "error");
    assert_eq!(read["cases"][0]["message"], "no request found in the input");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_report_that_says_so() {
    let room = TestEnv::new();
    room.program("mkfifo", ["pipe"]).run().assert_exit(0);
    let running = room.verify(&["pipe", "--report", "a.json", "--report", "a.tap"]).start();
    // This waits until the other side has opened it.
    let pipe = fs::OpenOptions::new().write(true).open(room.file("pipe")).unwrap();
    running.signal("INT");
    running.end().assert_snapshot(
        "
exit 130
stderr:
report written to a.json
report written to a.tap
",
    );
    drop(pipe);
    assert_eq!(read_json(&room.file("a.json"))["ended"], "interrupted");
    assert!(fs::read_to_string(room.file("a.tap")).unwrap().contains("\nBail out! "));
}

#[cfg(unix)]
#[test]
fn a_report_has_the_mode_of_any_file_of_the_user() {
    use std::os::unix::fs::PermissionsExt as _;
    let room = TestEnv::new();
    room.write("log.jsonl", good("msg_1"));
    let plain = fs::metadata(room.file("log.jsonl")).unwrap().permissions().mode();
    room.verify(&["log.jsonl", "--report", "a.xml"]).run().assert_exit(0);
    assert_eq!(fs::metadata(room.file("a.xml")).unwrap().permissions().mode(), plain);
}
