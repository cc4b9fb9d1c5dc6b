//! The reports of `whk check`: for people, as JSON Lines, in files, and for GitHub Actions.

use std::fs;

use serde_json::{Value, json};

use crate::guides::setting;
use crate::harness::env::{TestCommand, TestEnv};
use crate::report::{read_json, read_junit};

/// The secret of every handler here; no report may show it.
const SECRET: &str = "sk_canaryCanary0123456789abcdef";

/// Other forms of it: in hexadecimal, in base64, and without its prefix.
const OTHER_FORMS: [&str; 5] = [
    "canaryCanary0123456789abcdef",
    "736b5f63616e61727943616e617279303132333435363738396162636465",
    "63616e61727943616e617279303132333435363738396162636465",
    "c2tfY2FuYXJ5Q2FuYXJ5MDEyMzQ1Njc4OWFiY2RlZg",
    "Y2FuYXJ5Q2FuYXJ5MDEyMzQ1Njc4OWFiY2RlZg",
];

/// A run of `whk check` that starts the test handler with this flaw.
fn check(room: &TestEnv, flaw: &str, more: &[&str]) -> TestCommand {
    let handler = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/check/handler.mjs");
    let node = setting("WHK_INTEROP_NODE");
    check_command(room, more, &[&node, handler, "PROVIDER=ahasend", &format!("FLAW={flaw}")])
}

/// A run of `whk check` that starts this handler.
fn check_command(room: &TestEnv, more: &[&str], command: &[&str]) -> TestCommand {
    let flags = ["check", "-p", "ahasend", "--seed", "7", "-s", SECRET];
    room.whk([flags.as_slice(), more, &["--"], command].concat())
}

/// A run of `whk check` that starts a few lines of JavaScript: `response(request, body, response)` responds.
fn check_script(room: &TestEnv, response: &str, more: &[&str]) -> TestCommand {
    let server = r#"
        import { createServer } from "node:http";
        createServer((request, response) => {
          const chunks = [];
          request.on("data", (chunk) => chunks.push(chunk));
          request.on("end", () => respond(request, Buffer.concat(chunks), response));
        }).listen(process.env.PORT);
        const respond = "#;
    let file = room.write("handler.mjs", format!("{server}{response}"));
    check_command(room, more, &[&setting("WHK_INTEROP_NODE"), file.to_str().unwrap()])
}

const FORMS: [&str; 8] = ["--report", "a.xml", "--report", "a.tap", "--report", "a.json", "--report", "a.html"];

/// Returns the case of this name in a JUnit file.
fn junit_case(room: &TestEnv, name: &str) -> Value {
    let read = read_junit(room, &room.file("a.xml"));
    read["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap().clone()
}

#[test]
fn advice_is_a_warning_in_every_form_and_a_failure_with_level_recommended() {
    let room = TestEnv::new();
    let only = ["--only", "valid,tampered-body,no-leak"];
    check(&room, "prints-stack", &[only.as_slice(), &FORMS].concat()).run().assert_exit(0);
    let read = read_junit(&room, &room.file("a.xml"));
    assert_eq!((&read["name"], &read["suites"]), (&json!("whk check ahasend"), &json!(["accepts", "rejects"])));
    for (name, value) in [("seed", "7"), ("level", "required"), ("provider", "ahasend@2024-05")] {
        assert_eq!(read["properties"][name], value, "{read}");
    }
    assert!(read["properties"]["target"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{read}");
    let case = junit_case(&room, "no-leak");
    assert_eq!((&case["classname"], &case["outcome"]), (&json!("whk.ahasend.rejects"), &json!("skipped")));
    assert_eq!(case["type"], "recommended");
    assert_eq!(case["message"], "failed: a response contains a JavaScript stack trace");
    assert!(case["text"].as_str().unwrap().contains("\ncurl: curl -sS -X POST "), "{case}");
    let tap = fs::read_to_string(room.file("a.tap")).unwrap();
    assert!(tap.contains("\nnot ok 3 - rejects: no-leak # TODO recommended\n  ---\n  message: "), "{tap}");
    assert!(tap.contains("\n  severity: \"todo\"\n  cause: \"leaked\"\n"), "{tap}");
    assert!(!tap.contains("Bail out!") && tap.ends_with("\n# 2 passed, 1 advised\n"), "{tap}");
    let document = read_json(&room.file("a.json"));
    let case = &document["cases"][2];
    assert_eq!((&case["outcome"], &case["details"]["level"]), (&json!("failed"), &json!("recommended")));
    assert_eq!(document["summary"], json!({"passed": 2, "failed": 0, "advised": 1, "errored": 0, "skipped": 0}));
    let page = fs::read_to_string(room.file("a.html")).unwrap();
    assert!(page.contains("<span class=\"sign\" aria-hidden=\"true\">△</span> warning</span>"), "{page}");

    let strict = [only.as_slice(), &FORMS, &["--level", "recommended"]].concat();
    check(&room, "prints-stack", &strict).run().assert_exit(1);
    let case = junit_case(&room, "no-leak");
    assert_eq!((&case["outcome"], &case["type"]), (&json!("failure"), &json!("leaked")));
    assert_eq!(case["message"], "a response contains a JavaScript stack trace");
    let tap = fs::read_to_string(room.file("a.tap")).unwrap();
    assert!(tap.contains("\nnot ok 3 - rejects: no-leak\n") && !tap.contains("TODO"), "{tap}");
    assert_eq!(read_json(&room.file("a.json"))["summary"]["failed"], 1);
}

#[test]
fn checks_that_could_not_be_judged_are_errors_and_one_line() {
    let room = TestEnv::new();
    let run = check_script(&room, "(request, body, response) => response.writeHead(401).end('no')", &FORMS);
    let output = run.run().assert_exit(1);
    let lines: Vec<String> = output.stdout().lines().map(str::to_owned).collect();
    let line = lines.iter().find(|line| line.contains(" checks not judged: ")).unwrap();
    assert!(line.ends_with("the handler does not accept a valid event"), "{output}");
    assert!(!output.stdout().contains("missing-signature") && lines.len() < 40, "{output}");
    assert!(output.stdout().contains("most\n        likely the handler has another secret\n"), "{output}");
    let case = junit_case(&room, "missing-signature");
    assert_eq!((&case["outcome"], &case["type"]), (&json!("error"), &json!("not-judged")));
    let tap = fs::read_to_string(room.file("a.tap")).unwrap();
    assert!(!tap.contains("Bail out!") && tap.contains("\n  cause: \"not-judged\"\n"), "{tap}");
}

#[test]
fn text_of_the_handler_cannot_break_a_file() {
    let room = TestEnv::new();
    let hostile =
        "(request, body, response) => response.writeHead(500).end('\\u0000\\u001b[31m]]></failure><b>\\uffff')";
    check_script(&room, hostile, &[&["--only", "valid"], FORMS.as_slice()].concat()).run().assert_exit(1);
    let text = junit_case(&room, "valid")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("\nresponse: 500 \\u{0}\\u{1b}[31m]]></failure><b>\\u{ffff}\n"), "{text}");
    let page = fs::read_to_string(room.file("a.html")).unwrap();
    assert!(!page.contains("<b>") && page.contains("&lt;b&gt;"), "{page}");
}

#[test]
fn the_secret_is_in_no_report_even_if_the_handler_prints_it() {
    let room = TestEnv::new();
    let hex = format!("Buffer.from('{SECRET}').toString('hex')");
    let base64 = format!("Buffer.from('{SECRET}').toString('base64')");
    let echo = format!(
        "(request, body, response) => {{
          const bare = process.env.WHK_SECRET.slice(3);
          const forms = [process.env.WHK_SECRET, {hex}, {base64}, bare, Buffer.from(bare).toString('hex'), btoa(bare)];
          console.log(...forms);
          console.error(...forms);
          response.writeHead(500, {{ 'x-forms': forms.join(' ') }}).end(forms.join(' '));
        }}"
    );
    for more in [&[][..], &["--json"], &["-v"], &["--format", "junit"], &["--format", "tap"]] {
        let summary = room.file("summary.md");
        let run = check_script(&room, &echo, &[&["--only", "valid,no-leak"], FORMS.as_slice(), more].concat());
        let run = run.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
        let output = run.run().assert_exit(1);
        let mut texts = vec![output.stdout(), output.stderr()];
        texts.extend(["a.xml", "a.tap", "a.json", "a.html"].map(|name| fs::read_to_string(room.file(name)).unwrap()));
        texts.extend(fs::read_to_string(summary));
        assert!(texts[2].contains("(redacted)"), "{}", texts[2]);
        for text in texts {
            for form in [SECRET].iter().chain(&OTHER_FORMS) {
                assert!(!text.contains(form), "{form}: {text}");
            }
        }
    }
}
