//! The files of `--report`: each form is read by a parser that is not ours.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use whk::report::{Case, Ending, Recorder, ReportFile, RunReport};

use crate::harness::env::TestEnv;

/// A JUnit file, after Python's parser and the structural check have read it.
#[track_caller]
pub(crate) fn read_junit(room: &TestEnv, path: &Path) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/junit.py");
    let read = room.program("python3", [Path::new(script), path]).run().assert_exit(0).json().remove(0);
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/junit.xsd");
    // The script checks the same rules; where libxml2 is installed, a schema checks them as well.
    if let Ok(output) = std::process::Command::new("xmllint").args(["--noout", "--schema", schema]).arg(path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    read
}

/// A JSON report.
#[track_caller]
pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

const HOSTILE: &str = "<b>&\"']]>\u{1b}[31m\u{0}\u{fffe}\u{202e} # \\ %";

/// A run with a case of each outcome, and text that would break each form.
fn run(ending: Ending) -> RunReport {
    let mut recorder = Recorder::new("verify", Timestamp::UNIX_EPOCH);
    recorder.property("target", "http://127.0.0.1:3000/?a=1&b=2");
    let took = Duration::from_micros(1_234);
    recorder.record(Case::passed("ahasend", "first").duration(took).detail("note", "one\ntwo"));
    recorder.record(Case::passed("ahasend", "second"));
    recorder.record(Case::failed("ahasend", HOSTILE, "secret-mismatch", HOSTILE).detail("fix", HOSTILE).duration(took));
    recorder.record(Case::skipped("selfmx", "third", "it has no id header # TODO"));
    recorder.record(Case::errored("selfmx", "fourth", "unreadable", "line 1: no request"));
    recorder.finish(ending, Duration::from_millis(1500))
}

fn write(room: &TestEnv, name: &str, run: &RunReport) -> std::path::PathBuf {
    let path = room.file(name);
    let file: ReportFile = path.to_str().unwrap().parse().unwrap();
    file.open(&[]).unwrap().write(run).unwrap()
}

#[test]
fn junit_is_what_ci_systems_read() {
    let room = TestEnv::new();
    let read = read_junit(&room, &write(&room, "a.xml", &run(Ending::Complete)));
    assert_eq!(read["name"], "whk verify");
    assert_eq!(read["suites"], json!(["ahasend", "selfmx"]));
    assert_eq!(read["properties"]["target"], "http://127.0.0.1:3000/?a=1&b=2");
    let cases = read["cases"].as_array().unwrap();
    let outcomes: Vec<&str> = cases.iter().map(|case| case["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["passed", "passed", "failure", "skipped", "error"]);
    assert_eq!(cases[0]["classname"], "whk.verify.ahasend");
    assert_eq!(cases[0]["out"], "note: one\n    two");
    let harmless = "<b>&\"']]>\\u{1b}[31m\\u{0}\\u{fffe}\\u{202e} # \\ %";
    assert_eq!((&cases[2]["name"], &cases[2]["message"]), (&json!(harmless), &json!(harmless)));
    assert_eq!(cases[2]["type"], "secret-mismatch");
    assert_eq!(cases[2]["text"], format!("{harmless}\nfix: {harmless}"));
    assert_eq!(cases[3]["message"], "it has no id header # TODO");
}

#[test]
fn a_run_that_ended_early_does_not_look_complete() {
    let room = TestEnv::new();
    let interrupted = run(Ending::Interrupted);
    let read = read_junit(&room, &write(&room, "a.xml", &interrupted));
    let last = read["cases"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["classname"], &last["outcome"]), (&json!("whk.verify.run"), &json!("error")));
    assert_eq!(last["message"], "the run was interrupted before everything was tested");
    let tap = fs::read_to_string(write(&room, "a.tap", &interrupted)).unwrap();
    assert!(tap.ends_with("\nBail out! the run was interrupted before everything was tested\n"), "{tap}");
    let document = read_json(&write(&room, "a.json", &interrupted));
    assert_eq!((&document["ended"], &document["error"]), (&json!("interrupted"), &Value::Null));
    let failed = run(Ending::Error("cannot reach http://127.0.0.1:1/".to_owned()));
    let document = read_json(&write(&room, "a.json", &failed));
    assert_eq!(document["error"], "cannot reach http://127.0.0.1:1/");
    let page = fs::read_to_string(write(&room, "a.html", &failed)).unwrap();
    assert!(page.contains("<p class=\"note\">Ended early: cannot reach http://127.0.0.1:1/</p>"), "{page}");
    // A run in which nothing was tested is a file that can be read as well.
    let empty = Recorder::new("send", Timestamp::UNIX_EPOCH).finish(Ending::Complete, Duration::ZERO);
    assert_eq!(read_junit(&room, &write(&room, "a.xml", &empty))["suites"], json!(["run"]));
}

#[test]
fn tap_has_a_plan_directives_and_details_as_yaml() {
    let room = TestEnv::new();
    let tap = fs::read_to_string(write(&room, "a.tap", &run(Ending::Complete))).unwrap();
    let hostile = r#"<b>&"']]>\\u{1b}[31m\\u{0}"#;
    let version = env!("CARGO_PKG_VERSION");
    let shown = tap.replace(HOSTILE.rsplit_once('\u{0}').unwrap().1, "…");
    assert!(
        shown.starts_with(&format!(
            "TAP version 14\n1..5\n# whk verify {version}, started 1970-01-01T00:00:00.000Z\n\
         # target: http://127.0.0.1:3000/?a=1&b=2\n\
         ok 1 - ahasend: first\n  ---\n  duration_ms: 1.234\n  note: \"one\\ntwo\"\n  ...\n\
         ok 2 - ahasend: second\n\
         not ok 3 - ahasend: {hostile}"
        )),
        "{tap}"
    );
    assert!(tap.contains("\n  severity: \"fail\"\n  cause: \"secret-mismatch\"\n"), "{tap}");
    assert!(tap.contains("\\u{202e} \\# \\\\ %\n"), "{tap}");
    assert!(tap.contains("\nok 4 - selfmx: third # SKIP it has no id header \\# TODO\n"), "{tap}");
    assert!(tap.ends_with("\n# 2 passed, 1 failed, 1 errored, 1 skipped\n"), "{tap}");
    assert!(tap.chars().all(|c| c == '\n' || !c.is_control()), "{tap}");
}

#[test]
fn json_is_one_document_with_a_version() {
    let room = TestEnv::new();
    let document = read_json(&write(&room, "a.json", &run(Ending::Complete)));
    assert_eq!(
        (&document["v"], &document["kind"], &document["command"]),
        (&json!(1), &json!("report"), &json!("verify"))
    );
    assert_eq!(document["started"], "1970-01-01T00:00:00.000000Z");
    assert_eq!((&document["duration_ms"], &document["ended"]), (&json!(1500.0), &json!("complete")));
    assert_eq!(document["summary"], json!({"passed": 2, "failed": 1, "errored": 1, "skipped": 1}));
    assert_eq!(document["not_listed"], json!({"passed": 0, "failed": 0, "errored": 0, "skipped": 0}));
    assert_eq!(
        document["cases"][0],
        json!({"group": "ahasend", "name": "first", "outcome": "passed", "cause": null, "message": null,
            "duration_ms": 1.234, "details": {"note": "one\ntwo"}})
    );
    assert_eq!(
        (&document["cases"][4]["cause"], &document["cases"][4]["outcome"]),
        (&json!("unreadable"), &json!("errored"))
    );
}

#[test]
fn html_escapes_everything_and_loads_nothing() {
    let room = TestEnv::new();
    let page = fs::read_to_string(write(&room, "a.html", &run(Ending::Complete))).unwrap();
    assert!(page.contains("&lt;b&gt;&amp;&quot;']]&gt;\\u{1b}[31m"), "{page}");
    assert!(!page.contains("<b>") && !page.contains("<script"), "{page}");
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""), "{page}");
    let (head, body) = page.split_once("<body>").unwrap();
    assert!(head.contains("prefers-color-scheme: dark") && head.contains("max-width: 600px"), "{head}");
    for loading in ["src=", "href=", "url(", "@import"] {
        assert!(!page.contains(loading), "{loading}");
    }
    // What did not pass stands first in its group, and open.
    assert!(body.find("failed</span>").unwrap() < body.find("passed</span>").unwrap(), "{body}");
    assert!(body.contains("<details open>"), "{body}");
}

#[test]
fn what_is_not_listed_is_counted_in_every_form() {
    let room = TestEnv::new();
    let mut recorder = Recorder::new("verify", Timestamp::UNIX_EPOCH);
    for number in 0..10_003 {
        recorder.record(Case::passed("ahasend", &number.to_string()));
    }
    let full = recorder.finish(Ending::Complete, Duration::ZERO);
    let sentence = "not listed: 3 passed (a report lists the first 10000 failures and the first 10000 other cases)";
    let read = read_junit(&room, &write(&room, "a.xml", &full));
    assert_eq!(read["cases"].as_array().unwrap().len(), 10_000);
    assert_eq!((&read["properties"]["not-listed-passed"], &read["out"]), (&json!("3"), &json!(sentence)));
    let tap = fs::read_to_string(write(&room, "a.tap", &full)).unwrap();
    assert!(tap.contains("\n1..10000\n") && tap.contains(&format!("\n# 10003 passed\n# {sentence}\n")), "{tap}");
    let document = read_json(&write(&room, "a.json", &full));
    assert_eq!((&document["summary"]["passed"], &document["not_listed"]["passed"]), (&json!(10_003), &json!(3)));
    assert!(fs::read_to_string(write(&room, "a.html", &full)).unwrap().contains(sentence));
}
