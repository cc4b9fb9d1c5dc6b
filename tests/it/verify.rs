//! `whk verify`: every form of a capture, every cause, and that no secret is ever shown.

use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, NOW, NOW_TEXT, STANDARD, request, signed};
use crate::harness::record::RecordBuilder;

const BODY: &[u8] = br#"{"type":"user.created","data":{"id":"usr_1"}}"#;

fn capture(secret: &str, id: &str, at: i64) -> Vec<u8> {
    request(&signed(secret, id, at, BODY), BODY)
}

/// A line of a log that was received at [`NOW`].
fn record(id: &str) -> Value {
    RecordBuilder::new().at(NOW_TEXT).signed(STANDARD, id, NOW, BODY).build()
}

/// Checks one capture on stdin.
fn one(bytes: impl Into<Vec<u8>>, more: &[&str]) -> Output {
    TestEnv::new().verify(&[&["-"], more].concat()).stdin(bytes).run()
}

#[test]
fn a_raw_request_is_read_with_either_line_ending() {
    let room = TestEnv::new();
    let crlf = capture(STANDARD, "msg_1", NOW);
    let lf = String::from_utf8(crlf.clone()).unwrap().replace("\r\n", "\n");
    room.write("crlf.http", crlf);
    room.write("lf.http", &lf);
    for name in ["crlf.http", "lf.http"] {
        room.verify(&[name]).run().redact(name, "[FILE]").assert_snapshot(
            "
exit 0
stdout:
✓ valid [FILE] standard user.created msg_1
",
        );
    }
    // Without a request line, as a framework prints headers, and with an upper-case name.
    let headers = lf.split_once('\n').unwrap().1.replace("webhook-id", "Webhook-ID");
    one(headers, &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin standard user.created msg_1
",
    );
}

#[test]
fn an_editors_newline_at_the_end_is_left_aside_and_said() {
    let mut bytes = capture(STANDARD, "msg_1", NOW);
    bytes.push(b'\n');
    one(bytes, &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin standard user.created msg_1
  note: ignored 1 byte after the end of the body (content-length: 45)
",
    );
}

#[test]
fn a_record_is_read_on_one_line_or_on_several() {
    let record = record("msg_1");
    one(record.to_string(), &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin:1 standard user.created msg_1
",
    );
    for format in ["auto", "json"] {
        one(serde_json::to_vec_pretty(&record).unwrap(), &["--format", format]).assert_snapshot(
            "
exit 0
stdout:
✓ valid stdin standard user.created msg_1
",
        );
    }
}

#[test]
fn a_broken_line_of_a_log_is_named_and_the_rest_is_checked() {
    let room = TestEnv::new();
    let good = record("msg_1").to_string();
    let mut bad = record("msg_2");
    bad["body"] = json!("{}");
    let ready = r#"{"kind":"ready","url":"http://127.0.0.1:9450","pid":1,"log":null}"#;
    room.write("log.jsonl", format!("{ready}\n{good}\n\n{{\"v\":1,\"headers\":[],\"bo\n{bad}\nnot json\n{good}\n"));
    room.verify(&["log.jsonl"]).run().assert_snapshot("
exit 2
stdout:
✓ valid log.jsonl:2 standard user.created msg_1
✗ invalid log.jsonl:5 standard msg_2
  why: signature mismatch: wrong secret, or the body was modified
  fix: check that the secret given with -s matches the secret in the provider's dashboard, and verify the raw request body, not re-serialized JSON
✓ valid log.jsonl:7 standard user.created msg_1
stderr:
error: log.jsonl:4:23: the JSON is cut off here
error: log.jsonl:6:2: this is not JSON
3 checked, 2 valid, 1 invalid, 2 unreadable
");
}

#[test]
fn a_line_that_is_not_utf_8_is_named_and_the_rest_is_checked() {
    let room = TestEnv::new();
    let good = record("msg_1").to_string().into_bytes();
    room.write("log.jsonl", [&good, &b"\n{\"v\":1,\"x\":\"\xff\"}\n"[..], &good, b"\n"].concat());
    let output = room.verify(&["log.jsonl", "--json"]).run().assert_exit(2);
    assert!(output.stderr().starts_with("error: log.jsonl:2:13: this is not UTF-8, as JSON must be\n"), "{output}");
    assert_eq!(output.json().last().unwrap()["valid"], 2);
}

#[test]
fn a_body_apart_is_checked_with_the_headers_given() {
    let room = TestEnv::new();
    room.write("body.json", BODY);
    let headers = signed(STANDARD, "msg_1", NOW, BODY);
    let flags: Vec<&str> = headers.lines().flat_map(|line| ["-H", line]).collect();
    room.verify(&[&["--body", "body.json"], flags.as_slice()].concat()).run().assert_snapshot(
        "
exit 0
stdout:
✓ valid body.json standard user.created msg_1
",
    );
    let output = room.verify(&[&["--body", "-"], flags.as_slice()].concat()).stdin([BODY, b"\n"].concat()).run();
    assert_eq!((output.code(), output.stdout().starts_with("✗ invalid stdin")), (Some(1), true), "{output}");
    room.verify(&[&["--body", "missing"], flags.as_slice()].concat()).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot read missing
  caused by: no such file or directory
",
    );
    room.verify(&["-H", "webhook-id: msg_1", "-"]).run().assert_exit(2);
}

#[test]
fn the_time_is_the_records_own_else_now_unless_it_is_said() {
    let room = TestEnv::new();
    room.write("old.http", capture(STANDARD, "msg_1", NOW - 3600));
    room.write("log.jsonl", record("msg_1").to_string());
    for (more, code) in [
        (&["old.http"][..], 1),
        (&["old.http", "--at", "2026-03-02T07:15:33Z"], 0),
        (&["old.http", "--at", "-1h"], 0),
        (&["old.http", "--at", "1772435733"], 0),
        (&["old.http", "--tolerance", "1h"], 0),
        (&["old.http", "--tolerance", "3599s"], 1),
        (&["old.http", "--tolerance", "none"], 0),
        (&["log.jsonl", "--now", "2030-01-01T00:00:00Z"], 0),
        (&["log.jsonl", "--at", "2030-01-01T00:00:00Z"], 1),
    ] {
        let run = room.whk([&["verify", "-p", "standard", "-s", STANDARD], more].concat());
        let run = if more.contains(&"--now") { run } else { room.verify(more) };
        let output = run.run();
        assert_eq!(output.code(), Some(code), "{more:?}\n{output}");
    }
}

#[test]
fn each_cause_has_its_reason_and_its_remedy() {
    let whole = String::from_utf8(capture(STANDARD, "msg_1", NOW)).unwrap();
    let without = |name: &str| {
        whole.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect::<String>().into_bytes()
    };
    one(without("webhook-signature"), &[]).assert_snapshot(
        "
exit 1
stdout:
? unsigned stdin standard user.created msg_1
  why: `webhook-signature` is missing, so the request is not signed
  fix: check that the capture is complete and that no proxy strips `webhook-signature`
",
    );
    one(without("webhook-timestamp"), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin standard user.created msg_1
  why: `webhook-timestamp` is missing
  fix: check that the capture is complete and that no proxy strips `webhook-timestamp`
",
    );
    one(whole.replace("v1,", "v1,!"), &[]).redact_between("entry 1 is not ", "\n", "[WHAT]").assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin standard user.created msg_1
  why: `webhook-signature` entry 1 is not [WHAT]
  fix: compare it with: whk send -p standard --type all --dry-run
",
    );
    one(capture(STANDARD, "msg_1", NOW - 301), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin standard user.created msg_1
  why: the signature is right, but the timestamp is 301 s old (allowed: 300 s)
  fix: to check an old capture, use --at TIME or --tolerance none. To resend it, sign it again (whk replay does)
",
    );
    one(capture(STANDARD, "msg_1", NOW + 301), &[]).assert_snapshot(
        "
exit 1
stdout:
✗ invalid stdin standard user.created msg_1
  why: the signature is right, but the timestamp is 301 s ahead of the clock (allowed: 300 s)
  fix: check both clocks (NTP). To ignore the time: --tolerance none
",
    );
    one(capture("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "msg_1", NOW), &[]).assert_snapshot("
exit 1
stdout:
✗ invalid stdin standard user.created msg_1
  why: signature mismatch: wrong secret, or the body was modified
  fix: check that the secret given with -s matches the secret in the provider's dashboard, and verify the raw request body, not re-serialized JSON
");
}

#[test]
fn json_has_exactly_the_promised_fields() {
    one(capture(STANDARD, "msg_1", NOW - 1), &["--json"]).assert_snapshot(r#"
exit 0
stdout:
{"kind":"verdict","source":"stdin","status":"valid","provider":"standard","event_type":"user.created","event_id":"msg_1","cause":null,"message":"the signature is right","fix":null,"evidence":{"age_s":1,"refused_by":[{"library":"elixir","outcome":"throws","why":"it decodes what follows `whsec_` twice; pass the secret without this prefix"}],"secret":1}}
{"kind":"summary","checked":1,"valid":1,"invalid":0,"unsigned":0,"unchecked":0,"unreadable":0}
"#);
    let lines = one(request("webhook-id: a\r\n", b"{}"), &["--json"]).assert_exit(1).json();
    let keys = |line: &Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&lines[0]), "kind source status provider event_type event_id cause message fix evidence");
    assert_eq!(
        (&lines[0]["cause"], &lines[0]["evidence"]["header"]),
        (&json!("missing-header"), &json!("webhook-signature"))
    );
    assert_eq!(
        (&lines[0]["status"], &lines[0]["event_type"], &lines[1]["unsigned"]),
        (&json!("unsigned"), &Value::Null, &json!(1))
    );
}

#[test]
fn what_cannot_be_read_exits_2() {
    let room = TestEnv::new();
    room.write("empty", "");
    room.write("text", "hello\n");
    for (arguments, expected) in [
        (&["missing"][..], "error: cannot read missing\n  caused by: no such file or directory\n"),
        (&["."], "error: cannot read .\n  caused by: it is a folder\n"),
        (&["empty"], "error: empty: the request is empty\n"),
        (&["empty", "--format", "jsonl"], "error: no request found in the input\n"),
        (&["text"], "error: text:1:1: expected a request line or `Name: value`\n"),
        (&["text", "--format", "json"], "error: text:1:1: this is not JSON\n"),
        (&["text", "--format", "jsonl"], "error: text:1:1: this is not JSON\n"),
        (&["-"], "error: stdin: the request is empty\n"),
    ] {
        room.verify(arguments).run().assert_snapshot(&format!("exit 2\nstderr:\n{expected}"));
    }
    let output = room.verify(&["text", "--format", "xml"]).run().assert_exit(2);
    assert!(output.stderr().contains("unknown format `xml`, expected one of `auto`, `http`, `curl`"), "{output}");
    room.verify(&[]).run().assert_exit(2);
}

#[test]
fn any_of_several_secrets_will_do_and_it_is_said_which() {
    let (room, bytes) = (TestEnv::new(), capture(STANDARD, "msg_1", NOW));
    let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    let run = ["verify", "-", "-p", "standard", "-s", other, "-s", STANDARD, "--json", "--now", NOW_TEXT];
    assert_eq!(room.whk(run).stdin(bytes.clone()).run().assert_exit(0).json()[0]["evidence"]["secret"], 2);
    let run = ["verify", "-", "-p", "standard", "-s", other, "-s", other, "--now", NOW_TEXT];
    let output = room.whk(run).stdin(bytes).run().assert_exit(1);
    assert!(output.stdout().contains("none of the 2 secrets fits"), "{output}");
}

#[test]
fn another_provider_is_not_this_one() {
    let (room, bytes) = (TestEnv::new(), capture(AHASEND, "msg_1", NOW));
    let output = room.verify(&["-"]).stdin(bytes.clone()).run().assert_exit(1);
    assert!(output.stdout().starts_with("✗ invalid stdin standard"), "{output}");
    let run = ["verify", "-", "-p", "ahasend", "-s", AHASEND, "--now", NOW_TEXT];
    room.whk(run).stdin(bytes.clone()).run().assert_exit(0);
    let run = ["verify", "-", "-p", "ahasnd", "-s", AHASEND, "--now", NOW_TEXT];
    let output = room.whk(run).stdin(bytes).run().assert_exit(2);
    assert!(output.stderr().contains("hint: did you mean `-p ahasend`?\n"), "{output}");
}

#[test]
fn without_any_secret_nothing_can_be_said() {
    let (room, bytes) = (TestEnv::new(), capture(STANDARD, "msg_1", NOW));
    room.whk(["verify", "-"])
        .stdin(bytes.clone())
        .run()
        .redact_between("  provider: ", "\n", "[PROVIDER]")
        .assert_snapshot(
            "
exit 2
stdout:
? unchecked stdin standard user.created msg_1
  why: not checked as standard: no secret is configured
  fix: pass the provider's secret: -s env:NAME or -s file:PATH
",
        );
    room.whk(["verify", "-", "-p", "standard"]).stdin(bytes.clone()).run().assert_snapshot(
        "
exit 2
stderr:
error: no secret of `standard` can be used
  caused by: no secret is configured
hint: pass it with -s env:NAME or -s file:PATH
",
    );
    // A secret that was given and cannot be read is not passed over.
    for provider in [&["-p", "standard"][..], &[]] {
        room.whk([&["verify", "-", "-s", "env:NOPE"], provider].concat()).stdin(bytes.clone()).run().assert_snapshot(
            "
exit 2
stderr:
error: the secret's variable `NOPE` is not set, or empty
hint: export NOPE='…'
",
        );
    }
    assert!(!room.data("").exists(), "verify makes no development secret");
}

#[test]
fn no_secret_is_ever_shown() {
    let room = TestEnv::new();
    let texts = ["HUSHHUSHHUSH", "not base64 HUSHHUSHHUSH!", "whsec_HUSHHUSHHUSH", "whsec_HUSHHUSHHUS", STANDARD];
    for secret in texts {
        room.write("secret", format!("{secret}\n"));
        room.write("whk.toml", format!("[secrets]\nstandard = [\"file:secret\"]\nahasend = '{secret}'\n"));
        room.write("capture", capture(STANDARD, "msg_1", NOW));
        for given in [&["-s", secret][..], &["-s", "file:secret"], &["-s", "env:SECRET"], &[]] {
            for command in [
                &["verify", "capture"][..],
                &["verify", "capture", "-p", "standard", "--json"],
                &["verify", "capture", "-p", "ahasend"],
                &["send", "--dry-run", "--type", "user.created"],
                &["send", "--dry-run", "--type", "message.opened", "--format", "curl"],
                &["send", "--dry-run", "--type", "message.opened", "--json"],
                &["send", "1", "--type", "message.opened"],
                &["listen", "0", "--log", ".", "-p", "standard"],
            ] {
                let output = room.whk([command, given, &["-v"]].concat()).env("SECRET", secret).run();
                let shown = output.to_string();
                let hidden = secret.trim_start_matches("whsec_");
                assert!(!shown.contains(hidden), "{command:?} {given:?} shows the secret\n{output}");
            }
        }
    }
}
