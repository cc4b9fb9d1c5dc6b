//! Logs that are long enough to be checked with all cores.

use std::sync::LazyLock;

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW, NOW_TEXT, STANDARD};
use crate::harness::record::RecordBuilder;

/// A log of this many records of about 1 KB: several chunks.
const RECORDS: usize = 3000;

fn record(number: usize) -> String {
    let body = format!(r#"{{"type":"user.created","n":{number},"text":"{}"}}"#, "x".repeat(700));
    RecordBuilder::new().at(NOW_TEXT).signed(STANDARD, &format!("msg_{number}"), NOW, body).line()
}

/// The log, with one record tampered with, a line that is none, and a torn last line.
static LOG: LazyLock<String> = LazyLock::new(|| {
    let mut log = String::new();
    for number in 1..=RECORDS {
        let line = match number {
            1500 => record(number).replace("\\\"n\\\":1500", "\\\"n\\\":1501"),
            2000 => "{\"headers\":1}\n".to_owned(),
            _ => record(number),
        };
        log.push_str(&line);
    }
    log.push_str("{\"v\":1,\"kind\":\"request\",\"hea");
    log
});

fn verify(room: &TestEnv, log: &str, more: &[&str]) -> Output {
    let arguments = [["verify", "-", "-p", "standard", "-s", STANDARD].as_slice(), more].concat();
    room.whk(arguments).stdin(log).run()
}

#[test]
fn lines_stay_in_order_and_keep_their_numbers() {
    let room = TestEnv::new();
    let output = verify(&room, &LOG, &["--json"]).assert_exit(2);
    let lines = output.json();
    let verdicts: Vec<_> = lines.iter().filter(|line| line["kind"] == "verdict").collect();
    let sources: Vec<&str> = verdicts.iter().map(|line| line["source"].as_str().unwrap()).collect();
    let expected: Vec<String> =
        (1..=RECORDS).filter(|number| *number != 2000).map(|number| format!("stdin:{number}")).collect();
    assert_eq!(sources, expected);
    let invalid: Vec<&str> =
        verdicts.iter().filter(|line| line["status"] != "valid").map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(invalid, ["stdin:1500"]);
    let summary = lines.last().unwrap();
    assert_eq!((summary["checked"].as_u64(), summary["unreadable"].as_u64()), (Some(2999), Some(2)));
    let errors: Vec<String> =
        output.stderr().lines().filter(|line| line.starts_with("error:")).map(str::to_owned).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("error: stdin:2000:"), "{}", errors[0]);
    assert!(errors[1].starts_with("error: stdin:3001:"), "{}", errors[1]);
}

#[test]
fn a_long_log_says_the_same_as_its_parts() {
    let room = TestEnv::new();
    let whole = verify(&room, &LOG, &[]).stdout();
    let mut parts = String::new();
    let lines: Vec<&str> = LOG.lines().collect();
    for (index, part) in lines.chunks(300).enumerate() {
        // With the lines before it as empty ones, a part is numbered as in the whole.
        let text = "\n".repeat(index * 300) + &part.join("\n") + "\n";
        parts.push_str(&verify(&room, &text, &["--format", "jsonl"]).stdout());
    }
    for (whole, part) in whole.lines().zip(parts.lines()) {
        assert_eq!(whole, part);
    }
    assert_eq!(whole.len(), parts.len());
}

#[test]
fn a_table_tells_what_came_of_how_many() {
    let room = TestEnv::new();
    let stderr = verify(&room, &LOG, &[]).stderr();
    let table: Vec<&str> = stderr.lines().filter(|line| !line.contains("error:") && !line.contains("hint:")).collect();
    assert_eq!(
        table,
        [
            "count  provider  result           type",
            "    1  standard  secret-mismatch  user.created",
            " 2998  standard  valid            user.created",
            "2999 checked, 2998 valid, 1 invalid, 2 unreadable",
        ]
    );
    let few = verify(&room, &format!("{}\n{}\n", record(1), record(2)), &[]).stderr();
    assert_eq!(few, "2 checked, 2 valid\n");
}
