//! Captures as programs and people really make them: parsed JSON, Lambda events, CGI names, a stale `content-length`,
//! and the wrong `-p`.

use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{AHASEND, NOW, NOW_TEXT, pairs, request, signed};

/// As `AhaSend` writes it: compact, with `&` escaped.
const BODY: &str = r#"{"type":"message.opened","data":{"subject":"Größe \u0026 Preis"}}"#;
/// The same as JavaScript and Python write it.
const JAVASCRIPT: &str = r#"{"type":"message.opened","data":{"subject":"Größe & Preis"}}"#;

fn verify(room: &TestEnv, input: impl Into<Vec<u8>>, more: &[&str]) -> Output {
    let common = ["verify", "-", "-s", AHASEND, "--now", NOW_TEXT];
    room.whk([&common, more].concat()).env("COLUMNS", "80").stdin(input).run()
}

/// The headers of a signed request as Express has them.
fn headers(body: &str) -> Value {
    let lines = signed(AHASEND, "wh_1", NOW, body.as_bytes());
    pairs(&lines).map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// A capture whose `body` is this JSON text.
fn express(body: &str) -> String {
    format!("{{\"headers\":{},\"body\":{body}}}", headers(BODY))
}

/// The same as `JSON.stringify(…, null, 2)` prints it.
fn indented(text: &str) -> String {
    use std::io::Write as _;
    let script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8')), null, 2))";
    let mut node =
        Command::new("node").args(["-e", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(node.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_parsed_body_that_a_serializer_reproduces_is_invalid_with_that_serializer() {
    let room = TestEnv::new();
    for text in [express(JAVASCRIPT), indented(&express(JAVASCRIPT))] {
        let line = verify(&room, text.clone(), &["--json"]).assert_exit(1).json().remove(0);
        assert_eq!(
            (&line["status"], &line["cause"], &line["evidence"]["works_as"]),
            (&json!("invalid"), &json!("body-changed-reserialized"), &json!("go-escaped")),
            "{line}"
        );
        let output = verify(&room, text, &[]).assert_exit(1);
        let why = "  why: the body in this capture is parsed JSON, so the signed bytes are lost;\n    written as JSON with `<`, `>` and `&` escaped, the signature matches\n  fix: log the raw body, not the parsed one, and verify that. Express:\n";
        assert!(output.stdout().contains(why), "{output}");
    }
}

#[test]
fn a_parsed_body_is_never_valid_even_if_its_text_is_what_was_signed() {
    let room = TestEnv::new();
    for (at, more) in [(NOW_TEXT, &[][..]), ("2026-03-02T09:15:33Z", &["--tolerance", "10m"])] {
        let line =
            verify(&room, express(BODY), &[&["--json", "--at", at], more].concat()).assert_exit(1).json().remove(0);
        assert_eq!(
            (&line["status"], &line["cause"], &line["evidence"]["works_as"]),
            (&json!("invalid"), &json!("body-changed-reserialized"), &json!("go-escaped")),
            "{line}"
        );
        let message = line["message"].as_str().unwrap();
        assert_eq!(message.contains("also, the timestamp is 60 min old"), at != NOW_TEXT, "{message}");
    }
}

#[test]
fn a_parsed_body_that_nothing_reproduces_is_a_mismatch_that_says_why() {
    let room = TestEnv::new();
    verify(&room, express(r#"{"type":"message.opened","data":{"subject":"another"}}"#), &[]).assert_snapshot(
        r#"
exit 1
stdout:
✗ invalid stdin:1 ahasend message.opened wh_1
  why: signature mismatch: wrong secret, or the body was modified (tried
    ahasend, openai and standard); the body in this capture is parsed JSON, so
    the signed bytes are lost
  fix: log the raw body, not the parsed one, and verify that. Express:
    express.raw({type: "*/*"}), then verify req.body; Next.js: await
    request.text(); Rails: request.raw_post; Spring: @RequestBody byte[] body
"#,
    );
}

#[test]
fn raw_bodies_beside_the_parsed_one_are_used() {
    let room = TestEnv::new();
    let buffer = json!({"type": "Buffer", "data": BODY.as_bytes()});
    for text in [
        json!({"headers": headers(BODY), "body": {"type": "x"}, "rawBody": BODY}).to_string(),
        json!({"headers": headers(BODY), "body": buffer}).to_string(),
        json!({"time": 1, "req": {"headers": headers(BODY), "body": BODY}}).to_string(),
        json!({"headers": headers(BODY), "body": BODY}).to_string(),
    ] {
        verify(&room, text, &[]).assert_exit(0);
    }
}

#[test]
fn events_of_api_gateway_and_lambda_are_read() {
    let room = TestEnv::new();
    let mut several = serde_json::Map::new();
    for (name, value) in headers(BODY).as_object().unwrap() {
        several.insert(name.clone(), json!([value]));
    }
    // Behind API Gateway the names of headers have capitals.
    let titled = signed(AHASEND, "wh_1", NOW, BODY.as_bytes()).replace("webhook-", "Webhook-");
    let titled: serde_json::Map<String, Value> = titled
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let context = json!({"requestTimeEpoch": NOW * 1000});
    for event in [
        json!({"resource": "/hooks", "path": "/hooks", "httpMethod": "POST", "headers": titled, "multiValueHeaders": several,
            "queryStringParameters": null, "requestContext": context, "body": BODY, "isBase64Encoded": false}),
        json!({"resource": "/hooks", "path": "/hooks", "httpMethod": "POST", "headers": null, "multiValueHeaders": several,
            "requestContext": {"elb": {}}, "body": BASE64.encode(BODY), "isBase64Encoded": true}),
        json!({"version": "2.0", "routeKey": "POST /hooks", "rawPath": "/hooks", "rawQueryString": "", "headers": headers(BODY),
            "requestContext": {"http": {"method": "POST"}, "timeEpoch": NOW * 1000}, "body": BASE64.encode(BODY),
            "isBase64Encoded": true}),
    ] {
        for text in [event.to_string(), indented(&event.to_string())] {
            verify(&room, text, &["-p", "ahasend"]).assert_exit(0);
        }
    }
    // Checked at the time when it was received.
    let event =
        json!({"rawPath": "/", "headers": headers(BODY), "requestContext": {"timeEpoch": NOW * 1000}, "body": BODY});
    room.whk(["verify", "-", "-s", AHASEND, "-p", "ahasend"]).stdin(event.to_string()).run().assert_exit(0);
}

#[test]
fn cgi_names_are_read_as_headers_in_every_form_and_said() {
    let room = TestEnv::new();
    let plain = signed(AHASEND, "wh_1", NOW, BODY.as_bytes());
    let cgi: Vec<(String, String)> = plain
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (format!("HTTP_{}", name.to_uppercase().replace('-', "_")), value.to_owned()))
        .chain([("CONTENT_TYPE".to_owned(), "application/json".to_owned())])
        .collect();
    let object: serde_json::Map<String, Value> = cgi.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let lines: Vec<String> = cgi.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let curl: Vec<String> = cgi.iter().map(|(name, value)| format!(" -H '{name}: {value}'")).collect();
    let list: Vec<Value> = cgi.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let har = json!({"log": {"entries": [{"request": {"method": "POST", "url": "/", "headers": list,
        "postData": {"text": BODY}}}]}});
    for text in [
        json!({"headers": object, "body": BODY}).to_string(),
        json!({"headers": cgi, "body": BODY}).to_string(),
        String::from_utf8(request(&lines.concat(), BODY.as_bytes())).unwrap(),
        format!("curl http://x/{} --data-raw '{BODY}'", curl.concat()),
        har.to_string(),
    ] {
        let output = verify(&room, text, &["-p", "ahasend"]).assert_exit(0);
        let note = "note: CGI names are read as headers: HTTP_WEBHOOK_ID is `webhook-id`\n";
        assert!(output.stdout().contains(note), "{output}");
    }
    room.write("body", BODY);
    let given: Vec<String> =
        cgi.iter().flat_map(|(name, value)| ["-H".to_owned(), format!("{name}: {value}")]).collect();
    let given: Vec<&str> = ["--body", "body"].into_iter().chain(given.iter().map(String::as_str)).collect();
    let output = room.whk([&["verify", "-p", "ahasend", "-s", AHASEND, "--now", NOW_TEXT], &given[..]].concat()).run();
    assert!(output.assert_exit(0).stdout().contains("HTTP_WEBHOOK_ID"));
}

#[test]
fn a_stale_content_length_does_not_hide_the_cause() {
    let room = TestEnv::new();
    let head = |length: usize| {
        let headers = signed(AHASEND, "wh_1", NOW, BODY.as_bytes());
        format!("POST /hooks HTTP/1.1\r\n{headers}content-length: {length}\r\n\r\n")
    };
    // The body was indented before it was pasted; the length is that of the request as it was sent.
    verify(&room, format!("{}{}\n", head(BODY.len()), indented(JAVASCRIPT)), &[]).assert_snapshot(
        r#"
exit 1
stdout:
✗ invalid stdin ahasend message.opened wh_1
  why: the body was re-serialized after signing: this body is indented, the
    signed one was not (first difference at byte 1)
    signed:   {"type":"message.opened","data":{"sub…
    received: {⏎  "type": "message.opened",⏎  "data…
  fix: verify the raw body before your framework parses it. Express:
    express.raw({type: "*/*"}), then verify req.body; Flask: request.get_data();
    Django: request.body; FastAPI: await request.body(); Go: io.ReadAll(r.Body);
    Rails: request.raw_post; Laravel: $request->getContent(); Spring:
    @RequestBody byte[] body
  note: `content-length` is 67, but the body has 81 bytes; all were used
"#,
    );
    // The headers are of another request: the body is complete all the same, with or without an editor's newline.
    for end in ["", "\n", "\r\n"] {
        verify(&room, format!("{}{BODY}{end}", head(20)), &[])
            .redact(&BODY.len().to_string(), "[LENGTH]")
            .assert_snapshot(
                "
exit 0
stdout:
✓ valid stdin ahasend message.opened wh_1
  note: `content-length` is 20, but the body has [LENGTH] bytes; all were used
",
            );
    }
    // A right length is believed.
    verify(&room, format!("{}{BODY}\n", head(BODY.len())), &[]).assert_snapshot(
        "
exit 0
stdout:
✓ valid stdin ahasend message.opened wh_1
  note: ignored 1 byte after the end of the body (content-length: 67)
",
    );
}

#[test]
fn a_wrong_provider_is_named_with_the_right_one() {
    let room = TestEnv::new();
    // The secret fits the other provider: the signature proves it.
    verify(&room, request(&signed(AHASEND, "wh_1", NOW, BODY.as_bytes()), BODY.as_bytes()), &["-p", "selfmx"])
        .assert_snapshot(
            "
exit 1
stdout:
✗ invalid stdin selfmx message.opened
  why: this looks like ahasend: the signature verifies under its scheme; you
    said -p selfmx
  fix: check it as ahasend: -p ahasend
stderr:
note: SelfMX does not sign a timestamp, so a captured request can be replayed
  forever
",
        );
    // With another secret, the headers and the event say what it looks like.
    let bytes = request(&signed("another secret", "wh_1", NOW, BODY.as_bytes()), BODY.as_bytes());
    verify(&room, bytes, &["-p", "selfmx"]).assert_snapshot(
        "
exit 1
stdout:
? unsigned stdin selfmx message.opened
  why: `x-webhook-signature` is missing, so the request is not signed; this
    looks like ahasend, but you said -p selfmx
  fix: check it as ahasend: -p ahasend
stderr:
note: SelfMX does not sign a timestamp, so a captured request can be replayed
  forever
",
    );
    let line = verify(&room, request(&signed("x", "wh_1", NOW, b"{}"), b"{}"), &["-p", "selfmx", "--json"])
        .assert_exit(1)
        .json();
    assert_eq!((&line[0]["cause"], &line[0]["status"]), (&json!("missing-header"), &json!("unsigned")));
    let fix = line[0]["fix"].as_str().unwrap();
    assert_eq!(fix, "leave out -p to try every provider, or name the right one");
    // A request that nobody signed is only unsigned.
    let line = verify(&room, request("", b"{}"), &["-p", "selfmx", "--json"]).assert_exit(1).json();
    assert_eq!(line[0]["message"], "`x-webhook-signature` is missing, so the request is not signed");
}

#[test]
fn listen_names_the_right_provider_too_and_makes_no_secret_for_it() {
    let room = TestEnv::new();
    let listener = room.listen(["-p", "ahasend", "--json", "--no-log"]);
    room.send(listener.url(), &["-p", "selfmx", "--type", "delivered", "-s", "0123456789abcdef"]).assert_exit(1);
    let verdict = listener.stop().json()[1]["verdict"].clone();
    assert_eq!(
        verdict["message"],
        "`webhook-signature`, `webhook-id` and `webhook-timestamp` are missing, so the request is not signed; this looks like aisend or selfmx, but you said -p ahasend"
    );
    assert!(!room.data("secrets/selfmx").exists());
}

#[test]
fn no_words_of_a_parser_are_shown() {
    let room = TestEnv::new();
    for text in [
        "{\"headers\": {\"a\": {}}, \"body\": \"\"}",
        "{\"headers\": [[1]], \"body\": \"\"}",
        "{\"headers\": {}, \"body\": \"x\", \"at\": 7}",
        "{\"headers\": {}, \"body\": 7}",
        "{\"headers\": {}, \"body\": \"\"",
        "{\"headers\": {},, \"body\": \"\"}",
        "{\"headers\": {}, \"body\": \"a\nb\"}",
        "{'headers': {}}",
        "{\"log\": {\"entries\": [{\"request\": {\"method\": 1}}]}}",
        "{\"log\": {\"entries\": {}}}",
        "{\"log\": {\"entries\": [1,]}}",
        "{\"v\":1,\"headers\":7,\"body\":\"\"}",
        "[]",
    ] {
        for format in ["auto", "json", "jsonl", "har"] {
            let output = verify(&room, text, &["--format", format]);
            let shown = output.to_string();
            for word in [
                "invalid type",
                "expected value",
                "expected ident",
                "EOF",
                "struct",
                "map",
                "sequence",
                "missing field",
            ] {
                assert!(!shown.contains(word), "{text} as {format}\n{output}");
            }
        }
    }
}
