//! The reports of `whk check`: for people, as JSON Lines, in files, and for GitHub Actions.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::guides::setting;
use crate::harness::env::{Output, TestCommand, TestEnv};
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

/// Returns the lines of JSON of a run, each valid by the schema.
#[track_caller]
fn valid_lines(output: &Output) -> Vec<Value> {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check.schema.json");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let rules = compiler.compile(schema, &mut schemas).unwrap();
    let lines: Vec<Value> = output.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        if let Err(error) = schemas.validate(line, rules) {
            panic!("{error:#}\n{line}");
        }
    }
    lines
}

#[test]
fn json_lines_are_what_the_schema_says() {
    let room = TestEnv::new();
    let lines = valid_lines(&check(&room, "none", &["--json", "--quick"]).run().assert_exit(0));
    assert!(lines.iter().any(|line| line["outcome"] == "pass"), "{lines:?}");
    let only = ["--json", "--only", "valid,missing-id,tampered-body,invalid-utf8,huge-body,duplicate-once,no-leak"];
    for (flaw, cause) in [("crash-missing-header", "crashed"), ("always-200", "accepted"), ("prints-stack", "leaked")] {
        let lines = valid_lines(&check(&room, flaw, &only).run());
        assert!(lines.iter().any(|line| line["cause"] == cause), "{lines:?}");
        let skipped = lines.iter().find(|line| line["id"] == "duplicate-once").unwrap();
        assert_eq!((&skipped["outcome"], &skipped["cause"]), (&json!("skip"), &Value::Null));
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["kind"], &last["seed"], &last["provider"]),
            (&json!("summary"), &json!(7), &json!("ahasend"))
        );
    }
    let lines = valid_lines(&check(&room, "always-401", &["--json"]).run().assert_exit(1));
    assert!(lines.iter().any(|line| line["cause"] == "not-judged" && line["outcome"] == "skip"), "{lines:?}");
    // The schema allows nothing else.
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/check.schema.json");
    let rules = compiler.compile(schema, &mut schemas).unwrap();
    let mut other = lines[0].clone();
    other["other"] = json!(1);
    assert!(schemas.validate(&other, rules).is_err());
}

/// Returns the annotations in the output, by their beginnings.
fn annotations<'a>(output: &'a str, severity: &str) -> Vec<&'a str> {
    output.lines().filter(|line| line.starts_with(&format!("::{severity} title="))).collect()
}

#[test]
fn at_most_ten_annotations_of_a_kind_stand_at_the_end_the_most_dangerous_first() {
    let room = TestEnv::new();
    let run = check(&room, "always-200", &["--only", "valid,no-leak,tampered-body,missing-id,unknown-type"]);
    let output = run.env("GITHUB_ACTIONS", "true").run().assert_exit(1).stdout();
    assert_eq!(annotations(&output, "error").len(), 2, "{output}");
    assert!(annotations(&output, "error")[0].starts_with("::error title=whk%3A tampered-body::accepted with 200"));

    let run = check(&room, "always-200", &["--skip", "slow-client-does-not-block"]).env("GITHUB_ACTIONS", "true");
    let output = run.run().assert_exit(1).stdout();
    let errors = annotations(&output, "error");
    assert_eq!(errors.len(), 10, "{output}");
    assert!(errors[9].starts_with("::error title=whk check::and ") && errors[9].ends_with(" more: see the summary"));
    let lines: Vec<&str> = output.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("::")).unwrap();
    assert!(lines[first..].iter().all(|line| line.starts_with("::")), "{output}");

    // Advice is a warning, and JSON Lines and documents on stdout have nothing between them.
    for format in ["human", "json", "junit", "tap"] {
        let run = check(&room, "prints-stack", &["--only", "valid,tampered-body,no-leak", "--format", format]);
        let output = run.env("GITHUB_ACTIONS", "true").run().assert_exit(0);
        let text = if format == "human" { output.stdout() } else { output.stderr() };
        assert_eq!(annotations(&text, "warning").len(), 1, "{output}");
        assert!(!(output.stdout() + &output.stderr()).contains("::error"), "{output}");
    }
}

#[test]
fn the_handler_can_give_no_command_to_the_ci_system() {
    let room = TestEnv::new();
    let words = format!("{}\\n::error::mine\\n::stop-commands::x ##[group]y", "a ".repeat(30));
    let script = format!("(q, b, s) => {{ console.log('{words}'); s.writeHead(500).end('{words}') }}");
    for format in ["human", "junit", "tap"] {
        let run = check_script(&room, &script, &["--only", "valid", "--format", format]).env("GITHUB_ACTIONS", "true");
        let output = run.run().assert_exit(1);
        for line in output.stdout().lines().chain(output.stderr().lines()) {
            let ours = line.starts_with("::error title=whk%3A ");
            assert!(ours || !line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
        }
    }
}

#[test]
fn the_step_summary_is_appended_and_nothing_breaks_out_of_it() {
    let room = TestEnv::new();
    let hostile = "'````\\n</details><script>|`@me'";
    let script = format!("(q, b, s) => s.writeHead(500, {{ 'x-text': '```|<b>' }}).end({hostile})");
    let file = room.write("summary.md", "# before\n");
    let run = check_script(&room, &script, &["--only", "valid,missing-id"]);
    run.env("GITHUB_STEP_SUMMARY", &file).run().assert_exit(1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# before\n### ❌ whk check: AhaSend → http&#58;//127.0.0.1&#58;"), "{text}");
    assert!(text.contains("\n| ❌ FAIL | `valid` | "), "{text}");
    assert!(text.contains("\n1 check not judged (missing-id)&#58; "), "{text}");
    let block = text.split_once("Response\n\n").unwrap().1;
    let fence = block.split_once("text\n").unwrap().0;
    assert_eq!(fence, "`````", "{block}");
    assert!(block.split_once("\n`````\n").unwrap().0.contains("\n````\n</details><script>|`@me"), "{block}");
    assert!(text.contains("\ncurl -sS -X POST ") && text.ends_with("</details>\n\n"), "{text}");
    // A passing run has a headline and nothing else.
    let file = room.file("passed.md");
    let run = check(&room, "none", &["--only", "valid"]).env("GITHUB_STEP_SUMMARY", &file);
    run.run().assert_exit(0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("### ✅ whk check: ") && text.lines().count() == 4, "{text}");
}

#[test]
fn the_step_summary_stops_before_github_drops_it() {
    let room = TestEnv::new();
    // Each failure has a body of which each byte takes six characters.
    let script = "(q, b, s) => s.writeHead(200).end(Buffer.alloc(8000, 1))";
    let file = room.write("summary.md", "x".repeat(500_000));
    let skip = ["--skip", "slow-client-does-not-block,huge-body"];
    let run = check_script(&room, script, &skip).env("GITHUB_STEP_SUMMARY", &file);
    run.run().assert_exit(1);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.len() <= 900_000, "{}", text.len());
    assert!(text.ends_with(" checks are left out: GitHub shows at most 1 MiB.\n"), "{}", &text[text.len() - 300..]);
    // A full one is left as it is, and the run does not fail because of it.
    let full = room.write("full.md", "x".repeat(900_000));
    let run = check(&room, "none", &["--only", "valid"]).env("GITHUB_STEP_SUMMARY", &full);
    let output = run.run().assert_exit(0);
    assert!(output.stderr().contains("the step summary is full"), "{output}");
    assert_eq!(fs::metadata(&full).unwrap().len(), 900_000);
    let run = check(&room, "none", &["--only", "valid"]).env("GITHUB_STEP_SUMMARY", room.file("no/file"));
    assert!(run.run().assert_exit(0).stderr().contains("cannot append to the step summary"));
}

#[test]
fn the_report_for_people_fits_the_terminal() {
    let room = TestEnv::new();
    for (width, flaw) in [(80, "always-200"), (80, "prints-stack"), (60, "crash-missing-header"), (80, "always-401")] {
        let only = "valid,missing-id,tampered-body,literal-signatures,no-leak,duplicate-once,survives-kill";
        let columns = width.to_string();
        let output = check(&room, flaw, &["--only", only]).env("COLUMNS", columns).run();
        for line in output.stdout().lines() {
            let words = line.trim_start();
            let free = ["rule ", "curl "].iter().any(|label| words.starts_with(label)) || line.contains("/handler.mjs");
            assert!(free || line.chars().count() <= width, "{width}: {line}\n{output}");
        }
    }
    let quiet = check(&room, "always-200", &["--only", "valid,missing-id,survives-kill", "-q"]).run().assert_exit(1);
    assert!(quiet.stdout().starts_with("\nrejects   0 of 1\n  FAIL  missing-id  "), "{quiet}");
    assert!(!quiet.stdout().contains("skip ") && !quiet.stdout().contains("weaknesses"), "{quiet}");
    assert_eq!(check(&room, "none", &["--only", "valid", "-q"]).run().assert_exit(0).stdout(), "");
    let one = check(&room, "none", &["--only", "valid", "-v"]).run().assert_exit(0);
    assert!(one.stdout().contains("1 check, seed 7, level required\n"), "{one}");
    assert!(one.stdout().contains("\n  pass  valid  "), "{one}");
}

/// A handler that was started beside `whk`.
struct Beside {
    process: Child,
    url: String,
}

impl Beside {
    fn start(flaw: &str) -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/check/handler.mjs");
        let mut process = Command::new(setting("WHK_INTEROP_NODE"))
            .args([file, "PROVIDER=ahasend", "PORT=0", "STOP_WITH_STDIN=1", &format!("FLAW={flaw}")])
            .env("WHK_SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { process, url: format!("http://127.0.0.1:{port}/hooks") }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // `wait` closes the handler's stdin first.
        let _ = self.process.wait();
    }
}

#[test]
fn the_curl_command_of_a_failure_repeats_it() {
    let room = TestEnv::new();
    // A text body, a body with bytes that are no text, control characters, and a header that is missing.
    for (flaw, id) in [
        ("unknown-type-crash", "unknown-type"),
        ("invalid-utf8-crash", "invalid-utf8"),
        ("nul-crash", "nul-in-text"),
        ("crash-missing-header", "missing-id"),
    ] {
        let handler = Beside::start(flaw);
        let flags = ["check", &handler.url, "-p", "ahasend", "--seed", "7", "-s", SECRET, "--json", "--only", id];
        let lines = room.whk(flags).run().json();
        let failed = lines.iter().find(|line| line["id"] == id).unwrap();
        assert_eq!(failed["response"]["status"], 500, "{failed}");
        let curl = failed["curl"].as_str().unwrap();
        assert!(!curl.contains(char::is_control), "{curl}");
        let command = format!("{curl} -o /dev/null -w '%{{http_code}}'");
        let again = room.program("sh", ["-c", &command]).run().assert_exit(0);
        // Any other body has another signature, and gets 400.
        assert_eq!(again.stdout(), "500", "{id}: {curl}");
    }
}

#[test]
fn a_browser_shows_the_page_of_a_run() {
    let room = TestEnv::new();
    let only = ["--only", "valid,missing-id,tampered-body,no-leak,survives-kill", "--report", "a.html"];
    check(&room, "crash-missing-header", &only).run().assert_exit(1);
    let script = format!("{}/page.mjs", setting("WHK_INTEROP_NODE_DIR"));
    let folder = room.file("").display().to_string();
    let arguments = [script, room.file("a.html").display().to_string(), folder];
    let shown = room.program(setting("WHK_INTEROP_NODE"), arguments).run().assert_exit(0).json().remove(0);
    assert_eq!((&shown["problems"], &shown["others"]), (&json!([]), &json!([])), "nothing is loaded");
    assert_eq!(shown["content"]["title"], "whk check ahasend: 3 passed, 1 failed, 1 skipped");
    for view in shown["views"].as_array().unwrap() {
        assert_eq!(view["outside"], json!([]), "{view}");
        assert!(view["least"]["contrast"].as_f64().unwrap() >= 4.5, "{view}");
    }
    let page = fs::read_to_string(room.file("a.html")).unwrap();
    assert!(page.contains("default-src 'none'") && !page.contains("<script"), "{page}");
    let body = page.split_once("<h2>failed</h2>").unwrap().1;
    for part in
        ["<dt>why</dt>", "<dt>fix</dt>", "<dt>rule</dt>", "<dt>request</dt>", "<dt>response</dt>", "<dt>curl</dt>"]
    {
        assert!(body.find(part).unwrap() < body.find("<h2>accepts</h2>").unwrap(), "{part}: {page}");
    }
}
