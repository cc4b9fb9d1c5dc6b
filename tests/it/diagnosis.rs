//! Why a request does not verify: each case is a good request damaged in one named way, or in two, or beyond repair.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD, URL_SAFE};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use whk::signing::Encoding;

use crate::harness::env::TestEnv;
use crate::harness::http::{Connection, NOW, NOW_TEXT, request};
use crate::harness::record::RecordBuilder;

/// The signing of a provider's requests, independent of the provider's file.
struct Scheme {
    provider: &'static str,
    secret: &'static str,
    /// The key that the provider means by this secret.
    key: &'static [u8],
    /// True for Standard Webhooks; else a hex signature of the body in `x-webhook-signature`.
    standard: bool,
    prefix: &'static str,
}

const SCHEMES: [Scheme; 5] = [
    Scheme {
        provider: "ahasend",
        secret: "aha-whsec-EXAMPLEexample0123456789EXAMPLE",
        key: b"aha-whsec-EXAMPLEexample0123456789EXAMPLE",
        standard: true,
        prefix: "v1,",
    },
    Scheme {
        provider: "standard",
        secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        key: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
        standard: true,
        prefix: "v1,",
    },
    Scheme {
        provider: "autosend",
        secret: "whsec_0123456789abcdef0123456789abcdef",
        key: b"whsec_0123456789abcdef0123456789abcdef",
        standard: false,
        prefix: "",
    },
    Scheme {
        provider: "aisend",
        secret: "whsec_00112233445566778899aabbccddeeff",
        key: b"whsec_00112233445566778899aabbccddeeff",
        standard: false,
        prefix: "",
    },
    Scheme {
        provider: "selfmx",
        secret: "0123456789abcdef0123456789abcdef01234567",
        key: b"0123456789abcdef0123456789abcdef01234567",
        standard: false,
        prefix: "sha256=",
    },
];

/// A request on its way: what was signed, and what arrived.
struct Case {
    name: String,
    key: Vec<u8>,
    signed_body: String,
    body: Vec<u8>,
    /// The signed content, where it is another than the scheme's.
    content: Option<&'static str>,
    signed_at: String,
    sent_at: String,
    spell: fn(&[u8]) -> String,
    expected: Vec<(&'static str, &'static str)>,
    also_stale: bool,
}

const ORIGINAL: &str = r#"{"type":"message.opened","event":"email.opened","n":1.5,"data":{"from":"\u003ca@example.com\u003e","name":"Größe","ok":true},"list":[1,2],"url":"https://example.com/a"}"#;

fn hex(bytes: &[u8]) -> String {
    Encoding::Hex.encode(bytes)
}

fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

impl Scheme {
    fn good(&self, name: &str) -> Case {
        Case {
            name: format!("{} {name}", self.provider),
            key: self.key.to_vec(),
            signed_body: ORIGINAL.to_owned(),
            body: ORIGINAL.as_bytes().to_vec(),
            content: None,
            signed_at: NOW.to_string(),
            sent_at: NOW.to_string(),
            spell: if self.standard { base64 } else { hex },
            expected: Vec::new(),
            also_stale: false,
        }
    }

    /// The request as a JSON record.
    fn record(&self, case: &Case) -> Value {
        let template = case.content.unwrap_or(if self.standard { "{id}.{timestamp}.{body}" } else { "{body}" });
        let content = template
            .replace("{id}", "msg_1")
            .replace("{timestamp}", &case.signed_at)
            .replace("{body}", &case.signed_body);
        let mut mac = Hmac::<Sha256>::new_from_slice(&case.key).unwrap();
        mac.update(content.as_bytes());
        let signature = format!("{}{}", self.prefix, (case.spell)(&mac.finalize().into_bytes()));
        let record = RecordBuilder::new().at(NOW_TEXT).body(&case.body);
        if !self.standard {
            return record.header("x-webhook-signature", &signature).build();
        }
        let record = record.header("webhook-id", "msg_1").header("webhook-timestamp", &case.sent_at);
        record.header("webhook-signature", &signature).build()
    }

    fn singles(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for (damage, arrived, cause, works_as) in [
            // What arrives was written by another serialiser; what was signed was Go's form of it.
            ("javascript", node("JSON.stringify(JSON.parse(text))"), "body-changed-reserialized", "go-escaped"),
            (
                "pretty by javascript",
                node("JSON.stringify(JSON.parse(text), null, 2)"),
                "body-changed-reserialized",
                "go-escaped",
            ),
            ("python", python("json.dumps(json.loads(text))"), "body-changed-reserialized", "go-escaped"),
            (
                "python, indented",
                python("json.dumps(json.loads(text), indent=4)"),
                "body-changed-reserialized",
                "go-escaped",
            ),
            (
                "python, compact",
                python("json.dumps(json.loads(text), separators=(',', ':'))"),
                "body-changed-reserialized",
                "go-escaped",
            ),
            (
                "php",
                ORIGINAL.replace('/', "\\/").replace("ö", "\\u00f6").replace("ß", "\\u00df"),
                "body-changed-reserialized",
                "go-escaped",
            ),
            ("newline", format!("{ORIGINAL}\n"), "body-changed-whitespace", "newline-removed"),
            ("CRLF at the end", format!("{ORIGINAL}\r\n"), "body-changed-whitespace", "crlf-removed"),
            ("BOM", format!("\u{feff}{ORIGINAL}"), "body-changed-whitespace", "bom-removed"),
        ] {
            cases.push(Case { body: arrived.into(), expected: vec![(cause, works_as)], ..self.good(damage) });
        }
        // What was signed was another serialiser's form; what arrives is compact.
        for (damage, signed, works_as) in [
            ("signed as python", python("json.dumps(json.loads(text))"), "python-default"),
            ("signed as pretty", node("JSON.stringify(JSON.parse(text), null, 2)"), "pretty-2"),
            ("signed as pretty 4", node("JSON.stringify(JSON.parse(text), null, 4)"), "pretty-4"),
            (
                "signed with sorted keys",
                python("json.dumps(json.loads(text), sort_keys=True, separators=(',', ':'), ensure_ascii=False)"),
                "sorted-keys",
            ),
            (
                "signed as python, compact",
                python("json.dumps(json.loads(text), separators=(',', ':'))"),
                "python-compact",
            ),
        ] {
            let body = node("JSON.stringify(JSON.parse(text))").into_bytes();
            let expected = vec![("body-changed-reserialized", works_as)];
            cases.push(Case { signed_body: signed, body, expected, ..self.good(damage) });
        }
        let lines = "{\n  \"a\": 1\n}";
        cases.push(Case {
            signed_body: lines.into(),
            body: lines.replace('\n', "\r\n").into(),
            expected: vec![("body-changed-whitespace", "crlf-to-lf")],
            ..self.good("LF became CRLF")
        });
        cases.push(Case {
            signed_body: lines.replace('\n', "\r\n"),
            body: lines.into(),
            expected: vec![("body-changed-whitespace", "lf-to-crlf")],
            ..self.good("CRLF became LF")
        });
        cases.push(Case {
            signed_body: format!("{ORIGINAL}\n"),
            expected: vec![("body-changed-whitespace", "newline-added")],
            ..self.good("newline lost")
        });
        cases.push(Case {
            signed_body: "[object Object]".into(),
            expected: vec![("body-changed-reserialized", "object-object")],
            ..self.good("an object where a text was meant")
        });
        cases.push(Case {
            signed_body: String::new(),
            expected: vec![("body-changed-reserialized", "empty")],
            ..self.good("signed before the body was there")
        });
        cases.extend(self.signatures());
        cases
    }

    /// Damage to the secret, the signature, what is signed, and the timestamp.
    fn signatures(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let newline = [self.secret.as_bytes(), b"\n"].concat();
        cases.push(Case {
            key: newline,
            expected: vec![("wrong-secret-encoding", "text-with-newline")],
            ..self.good("newline in the secret")
        });
        cases.push(Case {
            key: Vec::new(),
            expected: vec![("wrong-secret-encoding", "empty")],
            ..self.good("empty key")
        });
        if self.standard {
            for (damage, spell, works_as) in [
                ("hex", hex as fn(&[u8]) -> String, "hex"),
                ("unpadded", |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes), "unpadded base64"),
                ("upper-case hex", |bytes: &[u8]| hex(bytes).to_uppercase(), "upper-case hex"),
            ] {
                cases.push(Case { spell, expected: vec![("wrong-signature-encoding", works_as)], ..self.good(damage) });
            }
            for content in ["{body}", "{timestamp}.{body}"] {
                cases.push(Case {
                    content: Some(content),
                    expected: vec![("signed-content", content)],
                    ..self.good(content)
                });
            }
            let (ms, seconds) = (format!("{NOW}000"), NOW.to_string());
            let expected = vec![("timestamp-unit", "milliseconds")];
            cases.push(Case { signed_at: ms.clone(), sent_at: ms.clone(), expected, ..self.good("milliseconds") });
            let expected = vec![("timestamp-unit", "milliseconds in the header alone")];
            cases.push(Case { signed_at: seconds, sent_at: ms, expected, ..self.good("milliseconds sent") });
        } else {
            for (damage, spell, works_as) in [
                ("base64", base64 as fn(&[u8]) -> String, "base64"),
                ("upper-case hex", |bytes: &[u8]| hex(bytes).to_uppercase(), "upper-case hex"),
                ("URL-safe base64", |bytes: &[u8]| URL_SAFE.encode(bytes), "URL-safe base64"),
            ] {
                cases.push(Case { spell, expected: vec![("wrong-signature-encoding", works_as)], ..self.good(damage) });
            }
        }
        cases
    }

    fn doubles(&self) -> Vec<Case> {
        let compact = node("JSON.stringify(JSON.parse(text))").into_bytes();
        let newline = [self.secret.as_bytes(), b"\n"].concat();
        let mut cases = vec![Case {
            key: newline.clone(),
            body: compact.clone(),
            expected: vec![("wrong-secret-encoding", "text-with-newline"), ("body-changed-reserialized", "go-escaped")],
            ..self.good("newline in the secret and re-serialized")
        }];
        if self.standard {
            let old = (NOW - 4000).to_string();
            cases.push(Case {
                signed_at: old.clone(),
                sent_at: old,
                body: compact.clone(),
                expected: vec![("body-changed-reserialized", "go-escaped"), ("timestamp-too-old", "")],
                also_stale: true,
                ..self.good("stale and re-serialized")
            });
            cases.push(Case {
                content: Some("{body}"),
                body: compact.clone(),
                expected: vec![("signed-content", "{body}"), ("body-changed-reserialized", "go-escaped")],
                ..self.good("body alone and re-serialized")
            });
            cases.push(Case {
                spell: hex,
                key: newline,
                expected: vec![("wrong-secret-encoding", "text-with-newline"), ("wrong-signature-encoding", "hex")],
                ..self.good("newline in the secret and hex")
            });
        } else {
            cases.push(Case {
                spell: base64,
                body: compact,
                expected: vec![("wrong-signature-encoding", "base64"), ("body-changed-reserialized", "go-escaped")],
                ..self.good("base64 and re-serialized")
            });
            cases.push(Case {
                spell: base64,
                key: newline,
                expected: vec![("wrong-secret-encoding", "text-with-newline"), ("wrong-signature-encoding", "base64")],
                ..self.good("newline in the secret and base64")
            });
        }
        cases
    }

    /// Damage that no probe may explain.
    fn hopeless(&self) -> Vec<Case> {
        let plain = |name: &str, change: &dyn Fn(&mut Case)| {
            let mut case = self.good(name);
            case.expected = vec![("secret-mismatch", "")];
            change(&mut case);
            case
        };
        let mut cases: Vec<Case> =
            (0..12_u8).map(|n| plain(&format!("another secret {n}"), &|case| case.key = vec![n + 100; 32])).collect();
        cases.push(plain("cut", &|case| case.body.truncate(50)));
        cases.push(plain("a letter changed", &|case| case.body[30] ^= 1));
        cases.push(plain("another body", &|case| case.body = b"{\"type\":\"x\"}".to_vec()));
        cases.push(plain("a value changed", &|case| case.signed_body = ORIGINAL.replace("1.5", "2.5")));
        cases
    }
}

/// What Node makes of the original.
fn node(expression: &str) -> String {
    run(
        "node",
        &["-e", &format!("const text = require('fs').readFileSync(0, 'utf8'); process.stdout.write({expression})")],
    )
}

/// What Python makes of it.
fn python(expression: &str) -> String {
    run(
        "python3",
        &[
            "-c",
            &format!(
                "import json, sys; text = sys.stdin.buffer.read().decode(); sys.stdout.buffer.write({expression}.encode())"
            ),
        ],
    )
}

fn run(program: &str, arguments: &[&str]) -> String {
    use std::io::Write as _;
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(ORIGINAL.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Verifies all cases of a scheme in one run, and compares what is claimed with what was done.
#[track_caller]
fn judge(scheme: &Scheme, cases: &[Case]) {
    let room = TestEnv::new();
    let mut log = String::new();
    for case in cases {
        let _ = writeln!(log, "{}", scheme.record(case));
    }
    let arguments = ["verify", "-", "--json", "-p", scheme.provider, "-s", scheme.secret];
    let lines = room.whk(arguments).stdin(log).run().assert_exit(1).json();
    let verdicts: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "verdict").collect();
    assert_eq!(verdicts.len(), cases.len());
    for (case, verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict["status"], "invalid", "{}: {verdict}", case.name);
        assert_eq!(verdict["cause"], case.expected[0].0, "{}: {verdict}", case.name);
        if case.expected[0].0 == "secret-mismatch" {
            assert!(verdict["evidence"]["works_as"].is_null(), "{}: {verdict}", case.name);
            continue;
        }
        let faults: Vec<(&str, &str)> = verdict["evidence"]["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| (fault["cause"].as_str().unwrap(), fault["works_as"].as_str().unwrap_or_default()))
            .collect();
        assert_eq!(faults, case.expected, "{}: {verdict}", case.name);
        assert_eq!(verdict["evidence"]["works_as"], case.expected[0].1, "{}", case.name);
        assert!(verdict["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{}: {verdict}", case.name);
        let stale = verdict["message"].as_str().unwrap().contains("also, the timestamp is 66 min old");
        assert_eq!(stale, case.also_stale, "{}: {verdict}", case.name);
    }
}

#[test]
fn one_damage_is_named_with_its_evidence() {
    let mut cases = 0;
    for scheme in &SCHEMES {
        let singles = scheme.singles();
        judge(scheme, &singles);
        cases += singles.len();
    }
    assert!(cases >= 60, "{cases}");
}

#[test]
fn two_damages_are_both_named() {
    let mut cases = 0;
    for scheme in &SCHEMES {
        let doubles = scheme.doubles();
        judge(scheme, &doubles);
        cases += doubles.len();
    }
    assert!(cases >= 15, "{cases}");
}

/// Verifies one record as AhaSend's, and returns its evidence and message.
fn evidence(headers: &[(&str, &str)]) -> (Value, String) {
    let record = RecordBuilder::new().at(NOW_TEXT).body(ORIGINAL);
    let record = headers.iter().fold(record, |record, (name, value)| record.header(name, value));
    let arguments = ["verify", "-", "--json", "-p", "ahasend", "-s", SCHEMES[0].secret];
    let verdict = TestEnv::new().whk(arguments).stdin(record.line()).run().assert_exit(1).json().remove(0);
    (verdict["evidence"].clone(), verdict["message"].as_str().unwrap().to_owned())
}

#[test]
fn every_header_that_is_missing_or_malformed_is_named_and_the_time_as_well() {
    let signature = format!("v1,{}", BASE64.encode([7; 32]));
    let (id, signed) = (("webhook-id", "msg_1"), ("webhook-signature", signature.as_str()));
    let old = (NOW - 4000).to_string();
    for (headers, at_fault, causes, message) in [
        (
            vec![id],
            vec!["webhook-signature", "webhook-timestamp"],
            vec!["missing-header"],
            "`webhook-signature` and `webhook-timestamp` are missing, so the request is not signed",
        ),
        (
            vec![id, ("webhook-timestamp", &old)],
            vec!["webhook-signature"],
            vec!["missing-header", "timestamp-too-old"],
            "`webhook-signature` is missing, so the request is not signed; also, the timestamp is 66 min old (allowed: 300 s)",
        ),
        (
            vec![signed],
            vec!["webhook-id", "webhook-timestamp"],
            vec!["missing-header"],
            "`webhook-id` and `webhook-timestamp` are missing",
        ),
        (
            vec![signed, ("webhook-id", ""), ("webhook-timestamp", &old)],
            vec!["webhook-id"],
            vec!["missing-header", "timestamp-too-old"],
            "`webhook-id` is empty; also, the timestamp is 66 min old (allowed: 300 s)",
        ),
        (
            vec![signed, ("webhook-timestamp", "now")],
            vec!["webhook-id", "webhook-timestamp"],
            vec!["missing-header", "malformed-header"],
            "`webhook-id` is missing; also, `webhook-timestamp` is not unix seconds: `now`",
        ),
        (
            vec![("webhook-signature", "v1,x"), ("webhook-id", "a.b"), ("webhook-timestamp", &old)],
            vec!["webhook-signature", "webhook-id"],
            vec!["malformed-header", "malformed-header", "timestamp-too-old"],
            "`webhook-signature` entry 1 is not the base64 of 32 bytes (44 characters): `v1,x`; also, `webhook-id` contains `.`, which makes the signed content ambiguous; also, the timestamp is 66 min old (allowed: 300 s)",
        ),
        (
            vec![signed, id, ("webhook-timestamp", &old)],
            vec![],
            vec!["secret-mismatch", "timestamp-too-old"],
            "signature mismatch: wrong secret, or the body was modified; also, the timestamp is 66 min old (allowed: 300 s)",
        ),
    ] {
        let (evidence, found) = evidence(&headers);
        assert_eq!(found, message, "{evidence}");
        let list = |field: &str, of: fn(&Value) -> &Value| -> Vec<String> {
            let items = evidence[field].as_array().into_iter().flatten();
            items.map(|item| of(item).as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(list("headers", |header| header), at_fault, "{evidence}");
        assert_eq!(list("faults", |fault| &fault["cause"]), causes, "{evidence}");
        assert_eq!(evidence["header"].as_str(), at_fault.first().copied(), "{evidence}");
    }
}

#[test]
fn a_time_in_the_wrong_unit_is_checked_in_its_own() {
    let old = NOW - 4000;
    for (scheme, sent_at, age) in [
        (&SCHEMES[0], format!("{NOW}000"), None),
        (&SCHEMES[0], format!("{old}000"), Some(4000)),
        (&SCHEMES[2], NOW.to_string(), None),
        (&SCHEMES[2], old.to_string(), Some(4000)),
    ] {
        let mut record = scheme.record(&Case {
            signed_at: sent_at.clone(),
            sent_at: sent_at.clone(),
            ..scheme.good("another unit")
        });
        if !scheme.standard {
            record["headers"].as_array_mut().unwrap().push(serde_json::json!(["x-webhook-timestamp", sent_at]));
        }
        let arguments = ["verify", "-", "--json", "-p", scheme.provider, "-s", scheme.secret];
        let verdict = TestEnv::new().whk(arguments).stdin(record.to_string()).run().assert_exit(1).json().remove(0);
        let faults = verdict["evidence"]["faults"].as_array().unwrap();
        let causes: Vec<&str> = faults.iter().map(|fault| fault["cause"].as_str().unwrap()).collect();
        let late = age.map(|_| "timestamp-too-old");
        assert_eq!(causes, ["timestamp-unit"].into_iter().chain(late).collect::<Vec<_>>(), "{verdict}");
        assert_eq!(verdict["evidence"]["age_s"], age.unwrap_or(0), "{verdict}");
        assert!(verdict["fix"].as_str().unwrap().starts_with("send and sign the timestamp in "), "{verdict}");
    }
}

#[test]
fn nothing_is_claimed_of_what_is_hopeless() {
    let mut cases = 0;
    for scheme in &SCHEMES {
        let hopeless = scheme.hopeless();
        judge(scheme, &hopeless);
        cases += hopeless.len();
    }
    assert!(cases >= 75, "{cases}");
}

#[test]
fn nothing_is_claimed_of_what_is_valid() {
    for scheme in &SCHEMES {
        let room = TestEnv::new();
        let record = scheme.record(&scheme.good("valid")).to_string();
        let arguments = ["verify", "-", "--json", "-p", scheme.provider, "-s", scheme.secret];
        let verdict = room.whk(arguments).stdin(record).run().assert_exit(0).json().remove(0);
        assert!(verdict["cause"].is_null() && verdict["evidence"]["works_as"].is_null(), "{verdict}");
    }
}

#[test]
fn another_providers_scheme_is_recognised() {
    let room = TestEnv::new();
    let autosend = &SCHEMES[2];
    let record = autosend.record(&autosend.good("valid")).to_string();
    let arguments = ["verify", "-", "--json", "-p", "selfmx", "-s", autosend.secret];
    let verdict = room.whk(arguments).stdin(record).run().assert_exit(1).json().remove(0);
    // The signature lacks SelfMX's prefix: that alone explains it, and is the simpler of the two.
    assert_eq!(verdict["cause"], "wrong-signature-encoding", "{verdict}");
    let slack = room
        .whk(["send", "-p", "slack", "--type", "all", "--dry-run", "--format", "json"])
        .run()
        .assert_exit(0)
        .json()
        .remove(0);
    let secret = room.whk(["secret", "show", "-p", "slack"]).run().assert_exit(0).stdout().trim_end().to_owned();
    let moved = slack
        .to_string()
        .replace("x-slack-signature", "x-zm-signature")
        .replace("x-slack-request-timestamp", "x-zm-request-timestamp");
    room.whk(["verify", "-", "-p", "zoom", "-s", &secret]).stdin(moved).run().assert_exit(0);
}

#[test]
fn what_is_said_to_people_names_the_damage_and_the_line_that_mends_it() {
    let room = TestEnv::new();
    let scheme = &SCHEMES[0];
    let mut case = scheme.good("javascript");
    case.body = node("JSON.stringify(JSON.parse(text))").into();
    let record = scheme.record(&case).to_string();
    room.whk(["verify", "-", "-p", "ahasend", "-s", scheme.secret]).stdin(record).run().assert_snapshot(r#"
exit 1
stdout:
✗ invalid stdin:1 ahasend message.opened msg_1
  why: the body was re-serialized after signing: the sender escaped `<` as `\u003c`, this body has `<` (first difference at byte 72)
    signed:   …"n":1.5,"data":{"from":"\u003ca@example.com\u003e","name":"G…
    received: …"n":1.5,"data":{"from":"<a@example.com>","name":"Größe","ok"…
  fix: verify the raw body before your framework parses it. Express: express.raw({type: "*/*"}), then verify req.body; Next.js: await request.text(); Rails: request.raw_post; Spring: @RequestBody byte[] body
"#);
}

#[test]
fn a_weak_scheme_is_said_once_and_not_when_quiet() {
    let room = TestEnv::new();
    let said = |provider: &str, more: &[&str]| {
        let log =
            room.whk(["send", "-p", provider, "--type", "all", "--dry-run", "--format", "json"]).run().assert_exit(0);
        let arguments = [["verify", "-", "-p", provider].as_slice(), more].concat();
        room.whk(arguments).stdin(log.bytes()).run().assert_exit(0).stderr()
    };
    let notes =
        |stderr: String| stderr.lines().filter(|line| line.starts_with("note:")).map(str::to_owned).collect::<Vec<_>>();
    let no_time = "does not sign a timestamp, so a captured request can be replayed forever";
    let no_id = "does not sign the id in its header, so a repeated event can be passed off as a new one";
    assert_eq!(notes(said("autosend", &[])), [format!("note: AutoSend {no_time}"), format!("note: AutoSend {no_id}")]);
    assert_eq!(notes(said("mailgun", &[])), ["note: Mailgun does not sign the body, so it can be changed unnoticed"]);
    for strong in ["ahasend", "standard", "stripe", "linear"] {
        assert!(!said(strong, &[]).contains("does not sign a timestamp"), "{strong}");
    }
    assert_eq!(said("autosend", &["-q"]), "");
}

#[test]
fn a_receiver_explains_and_a_flood_of_bad_requests_is_only_refused() {
    let room = TestEnv::new();
    let scheme = &SCHEMES[0];
    let now = "2026-03-02T08:15:33Z";
    let listener = room.listen(["-p", "ahasend", "-s", scheme.secret, "--now", now, "--no-log", "--json"]);
    let mut case = scheme.good("javascript");
    case.body = node("JSON.stringify(JSON.parse(text))").into();
    let mut headers = String::new();
    for pair in scheme.record(&case)["headers"].as_array().unwrap() {
        let _ = write!(headers, "{}: {}\r\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    }
    let mut connection = Connection::open(listener.address());
    for _ in 0..50 {
        let answer = connection.exchange(&request(&headers, &case.body));
        // What is wrong is for the receiver's eyes alone.
        assert_eq!((answer.status, answer.body.as_str()), (400, "Invalid signature"));
    }
    let lines = listener.stop().json();
    let causes: Vec<&str> = lines[1..51].iter().map(|line| line["verdict"]["cause"].as_str().unwrap()).collect();
    assert_eq!(causes[..20], ["body-changed-reserialized"; 20]);
    assert_eq!(causes[20..], ["secret-mismatch"; 30]);
}

#[test]
fn the_first_difference_is_shown_as_two_aligned_lines_and_named_in_plain_words() {
    let room = TestEnv::new();
    let scheme = &SCHEMES[0];
    for (signed, received, words) in [
        (
            r#"{"a":"Größe \u0026 Preis"}"#,
            r#"{"a":"Größe & Preis"}"#,
            r"the sender escaped `&` as `\u0026`, this body has `&`",
        ),
        (r#"{"a": 1, "b": 2}"#, r#"{"a":1,"b":2}"#, "the sender wrote a space after `:`, this body has none"),
        (r#"{"a":1}"#, r#"{"a": 1}"#, "this body has a space after `:`, the signed one had none"),
        ("{\n  \"a\": 1\n}", r#"{"a":1}"#, "the sender indented the JSON, this body is not indented"),
        (r#"{"a":"\/"}"#, r#"{"a":"/"}"#, r"the sender escaped `/` as `\/`, this body has `/`"),
        (r#"{"a":1}"#, r#"{"a":1.0}"#, "the sender wrote the number `1`, this body has `1.0`"),
        (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, "the sender wrote JSON with sorted keys"),
    ] {
        let case = Case { signed_body: signed.to_owned(), body: received.into(), ..scheme.good("re-serialized") };
        let record = scheme.record(&case).to_string();
        let output = room.whk(["verify", "-", "-p", "ahasend", "-s", scheme.secret]).stdin(record).run().assert_exit(1);
        let shown = output.stdout();
        assert!(shown.contains(&format!("after signing: {words} (first difference at byte ")), "{output}");
        let line =
            |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{output}"));
        let (one, other) = (line("    signed:   "), line("    received: "));
        let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        assert_eq!(one.replace('⏎', "\n"), signed);
        assert_eq!((other, same > 0), (received, true));
        assert!(!shown.contains("Go writes"), "{output}");
    }
}
