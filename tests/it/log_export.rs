//! `whk log export`: what is written reads back with the same bytes and the same verdict, and curl sends it again.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use whk::capture::{
    CaptureEntry, CaptureFormat, CapturedRequest, ExportFormat, ExportedRecord, Headers, Reader, RecordedVerdict,
};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW, STANDARD};
use crate::harness::record::{RecordBuilder, log_of};

const FORMATS: [&str; 5] = ["jsonl", "http", "curl", "har", "json"];

/// Bodies that are hard to quote, to separate or to encode.
fn bodies() -> Vec<Vec<u8>> {
    [
        &b"{\"type\":\"user.created\",\"it's\":\"gr\xc3\xb6\xc3\x9fe $HOME `id` %s \\n\"}"[..],
        b"{\"type\":\"user.created\"}\n\n###\nPOST /x HTTP/1.1\n\n",
        b"\xff\x00\x1b[31m\r\n'\\%",
        b"@file",
        b"-n",
        b"",
        b"a\n### b\n# body-bytes: 1\n",
        "line\u{202e} \u{9b}31m\ttab".as_bytes(),
    ]
    .map(<[u8]>::to_vec)
    .into()
}

/// A log with a signed request for each body, and one that was changed on its way.
fn log() -> String {
    let records = bodies().into_iter().zip(1_u64..).map(|(body, seq)| {
        RecordBuilder::new()
            .seq(seq)
            .at(&format!("2026-03-02T08:15:{seq:02}.120457Z"))
            .field("method", "POST")
            .target("/hooks?x=1&y='%20'")
            .header("Host", "example.com:3000")
            .header("x-repeated", "1")
            .signed(STANDARD, &format!("msg_{seq:04}"), NOW, body)
            .header("x-repeated", "it's \\ \"$x\"")
            .header("x-empty", "")
    });
    let changed = RecordBuilder::new().seq(99).target("/").signed(STANDARD, "msg_0099", NOW, "{}").body("{ }");
    log_of(records.chain([changed]))
}

fn export(room: &TestEnv, more: &[&str]) -> Output {
    room.whk([["log", "export", "--log", "log.jsonl", "-p", "standard", "-s", STANDARD].as_slice(), more].concat())
        .run()
}

fn verdicts(room: &TestEnv, file: &str) -> Vec<Value> {
    let output = room.whk(["verify", file, "-p", "standard", "-s", STANDARD, "--json"]).run().assert_exit(1);
    let verdict = |line: &Value| json!([line["status"], line["event_id"], line["event_type"], line["cause"]]);
    output.json().iter().filter(|line| line["kind"] == "verdict").map(verdict).collect()
}

#[test]
fn verify_gives_an_export_of_every_format_the_verdicts_of_the_log() {
    let room = TestEnv::new();
    // Without a time, a request is verified now.
    room.write("log.jsonl", log().lines().take(bodies().len()).collect::<Vec<_>>().join("\n"));
    let expected = |file: &str| {
        let output = room.whk(["verify", file, "-p", "standard", "-s", STANDARD, "--json"]).run().assert_exit(0);
        output.json().len()
    };
    let count = expected("log.jsonl");
    for format in FORMATS {
        let file = format!("export.{format}");
        room.write(&file, export(&room, &["--format", format]).assert_exit(0).bytes());
        assert_eq!(expected(&file), count, "{format}");
    }
    room.write("log.jsonl", log());
    let expected = verdicts(&room, "log.jsonl");
    for format in FORMATS {
        let file = format!("export.{format}");
        room.write(&file, export(&room, &["--format", format]).assert_exit(0).bytes());
        assert_eq!(verdicts(&room, &file), expected, "{format}");
    }
}

#[test]
fn replay_sends_the_bytes_of_the_log_from_an_export_of_every_format() {
    let room = TestEnv::new();
    room.write("log.jsonl", log());
    for format in FORMATS {
        let file = format!("export.{format}");
        room.write(&file, export(&room, &["--last", "9", "--format", format]).assert_exit(0).bytes());
        let listener = room.listen(["-p", "standard", "-s", STANDARD, "--on-invalid", "accept", "--json", "--no-log"]);
        let replay = ["replay", &file, listener.url(), "--verbatim", "--schedule", "none", "--speed", "max"];
        room.whk(replay).run().assert_exit(0);
        let lines = listener.stop().assert_exit(0).json();
        let mut expected: Vec<Vec<u8>> = bodies();
        expected.push(b"{ }".to_vec());
        let mut arrived: Vec<Vec<u8>> = lines.iter().filter(|line| line["kind"] == "request").map(body_of).collect();
        arrived.sort();
        expected.sort();
        assert_eq!(arrived, expected, "{format}");
    }
}

fn body_of(record: &Value) -> Vec<u8> {
    use base64::Engine as _;
    match record["body"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64::engine::general_purpose::STANDARD.decode(record["body_b64"].as_str().unwrap()).unwrap(),
    }
}

#[test]
fn the_exported_curl_command_sends_the_same_bytes() {
    let room = TestEnv::new();
    let listener = room.listen(["-p", "standard", "-s", STANDARD, "--on-invalid", "accept", "--json", "--no-log"]);
    let host = listener.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let long = "x'\u{e4}".repeat(40_000);
    let mut records: Vec<RecordBuilder> = Vec::new();
    for (index, body) in bodies().into_iter().chain([long.into_bytes()]).enumerate() {
        let target = ["/a?b=[1-3]&c={d,e}", "/a/../b", "/", "/%7Ex?y=1", "//x"][index % 5];
        records.push(
            RecordBuilder::new()
                .seq(index as u64 + 1)
                .at("2026-03-02T08:15:33Z")
                .field("method", if index % 2 == 0 { "POST" } else { "PUT" })
                .target(target)
                .header("Host", &host)
                .header("x-quoted", "it's \\ \"$x\" \u{202e}")
                .header("x-repeated", "1")
                .header("x-repeated", "2")
                .header("x-empty", "")
                .header("content-length", "77")
                .body(body),
        );
    }
    room.write("log.jsonl", log_of(records.clone()));
    let script = export(&room, &["--format", "curl"]).assert_exit(0);
    room.write("script.sh", script.bytes());
    room.program("bash", ["script.sh"]).run().assert_exit(0);
    let lines = listener.stop().assert_exit(0).json();
    let arrived: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "request").collect();
    assert_eq!(arrived.len(), records.len());
    for (arrived, sent) in arrived.iter().zip(records) {
        let sent = sent.build();
        assert_eq!(body_of(arrived), body_of(&sent));
        assert_eq!((&arrived["method"], &arrived["target"]), (&sent["method"], &sent["target"]));
        let named = |record: &Value| -> Vec<Value> {
            let headers = record["headers"].as_array().unwrap().iter();
            let ours = |header: &&Value| header[0].as_str().unwrap().to_ascii_lowercase().starts_with("x-");
            headers.filter(ours).cloned().collect()
        };
        assert_eq!(named(arrived), named(&sent));
        let has_type = arrived["headers"].as_array().unwrap().iter().any(|header| header[0] == "content-type");
        assert!(!has_type, "curl adds no content-type: {arrived}");
    }
}

/// A log of two requests.
fn two_records() -> TestEnv {
    let room = TestEnv::new();
    let record = |seq: u64| {
        RecordBuilder::new()
            .seq(seq)
            .at("2026-03-02T08:15:33.5Z")
            .field("method", "POST")
            .target("/hooks")
            .header("host", "localhost:3000")
            .header("content-type", "application/json")
            .body("{\"it's\":1}")
            .verdict("valid", Some("standard"), "user.created", "msg_1")
            .response(Some(200))
    };
    room.write("log.jsonl", log_of([record(1), record(2)]));
    room
}

#[test]
fn each_format_reads_as_its_readers_expect() {
    let room = two_records();
    export(&room, &["--format", "http"]).assert_snapshot(
        "
exit 0
stdout:
# request 1: valid, standard user.created
# received: 2026-03-02T08:15:33.5Z
# body-bytes: 10
POST /hooks HTTP/1.1\r
host: localhost:3000\r
content-type: application/json\r
\r
{\"it's\":1}
###
# request 2: valid, standard user.created
# received: 2026-03-02T08:15:33.5Z
# body-bytes: 10
POST /hooks HTTP/1.1\r
host: localhost:3000\r
content-type: application/json\r
\r
{\"it's\":1}
",
    );
    export(&room, &["--format", "curl"]).assert_snapshot(r#"
exit 0
stdout:
# request 1: valid, standard user.created
# received: 2026-03-02T08:15:33.5Z
# target: /hooks
curl -sS -X POST 'http://localhost:3000/hooks' -H 'host: localhost:3000' -H 'content-type: application/json' --data-raw '{"it'\''s":1}'
# request 2: valid, standard user.created
# received: 2026-03-02T08:15:33.5Z
# target: /hooks
curl -sS -X POST 'http://localhost:3000/hooks' -H 'host: localhost:3000' -H 'content-type: application/json' --data-raw '{"it'\''s":1}'
"#);
    export(&room, &["1", "--format", "har"]).assert_snapshot(r#"
exit 0
stdout:
{"log":{"version":"1.2","creator":{"name":"whk","version":"0.1.0"},"entries":[
{"startedDateTime":"2026-03-02T08:15:33.5Z","time":0.1,"request":{"method":"POST","url":"http://localhost:3000/hooks","_target":"/hooks","httpVersion":"HTTP/1.1","cookies":[],"headers":[{"name":"host","value":"localhost:3000"},{"name":"content-type","value":"application/json"}],"queryString":[],"postData":{"mimeType":"application/json","text":"{\"it's\":1}"},"headersSize":-1,"bodySize":10},"response":{"status":200,"statusText":"","httpVersion":"HTTP/1.1","cookies":[],"headers":[],"content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1},"cache":{},"timings":{"send":0.0,"wait":0.1,"receive":0.0},"comment":"request 1: valid, standard user.created"}
]}}
"#);
    export(&room, &["--format", "json"]).assert_snapshot(r#"
exit 0
stdout:
[
{"v":1,"kind":"request","headers":[["host","localhost:3000"],["content-type","application/json"]],"target":"/hooks","seq":1,"at":"2026-03-02T08:15:33.5Z","method":"POST","body":"{\"it's\":1}","verdict":{"status":"valid","provider":"standard","event_type":"user.created","event_id":"msg_1","cause":null,"message":""},"response":{"status":200,"by":"listen","duration_ms":0.1}},
{"v":1,"kind":"request","headers":[["host","localhost:3000"],["content-type","application/json"]],"target":"/hooks","seq":2,"at":"2026-03-02T08:15:33.5Z","method":"POST","body":"{\"it's\":1}","verdict":{"status":"valid","provider":"standard","event_type":"user.created","event_id":"msg_1","cause":null,"message":""},"response":{"status":200,"by":"listen","duration_ms":0.1}}
]
"#);
    export(&room, &["2"]).assert_snapshot(r#"
exit 0
stdout:
{"v":1,"kind":"request","headers":[["host","localhost:3000"],["content-type","application/json"]],"target":"/hooks","seq":2,"at":"2026-03-02T08:15:33.5Z","method":"POST","body":"{\"it's\":1}","verdict":{"status":"valid","provider":"standard","event_type":"user.created","event_id":"msg_1","cause":null,"message":""},"response":{"status":200,"by":"listen","duration_ms":0.1}}
"#);
}

#[test]
fn nothing_to_export_and_wrong_usage_are_said() {
    let room = two_records();
    export(&room, &["--type", "other"]).assert_snapshot(
        "
exit 0
stderr:
none of the 2 requests in log.jsonl matches the selection
",
    );
    export(&room, &["--type", "other", "--format", "har"]).assert_snapshot(
        r#"
exit 0
stdout:
{"log":{"version":"1.2","creator":{"name":"whk","version":"0.1.0"},"entries":[
]}}
stderr:
none of the 2 requests in log.jsonl matches the selection
"#,
    );
    export(&room, &["--type", "other", "--format", "json", "--json"]).assert_snapshot(
        "
exit 2
stderr:
error: --json is a record a line, so it cannot be another format
hint: leave out --json, or use --format jsonl
",
    );
    export(&room, &["7", "--format", "curl"]).assert_snapshot(
        "
exit 2
stderr:
error: there is no request `7` in log.jsonl
hint: whk log show 2 --log log.jsonl
",
    );
    export(&room, &["--format", "xml"]).assert_snapshot(
        "
exit 2
stderr:
error: --format: unknown format `xml`, expected one of `jsonl`, `http`, `curl`, `har`, `json`
",
    );
}

#[test]
fn a_request_that_a_format_cannot_hold_is_named_and_the_others_are_written() {
    let room = TestEnv::new();
    let record = |seq: u64| RecordBuilder::new().seq(seq).at("2026-03-02T08:15:33Z").target("/");
    room.write("log.jsonl", log_of([record(1).header("x", "a\nb"), record(2)]));
    export(&room, &["--format", "http"]).assert_snapshot(
        "
exit 2
stdout:
# request 2: unsigned, standard
# received: 2026-03-02T08:15:33Z
# body-bytes: 2
POST / HTTP/1.1\r
\r
{}
stderr:
error: cannot write request 1 as http
  caused by: its header `x` is not possible in HTTP
hint: use --format jsonl
",
    );
    let archive: Value = serde_json::from_slice(export(&room, &["--format", "har"]).assert_exit(0).bytes()).unwrap();
    assert_eq!(archive["log"]["entries"][0]["request"]["headers"], json!([{"name": "x", "value": "a\nb"}]));
}

#[test]
fn redacted_requests_are_signed_again_so_that_they_verify() {
    let room = TestEnv::new();
    let body = r#"{"type":"user.created", "data":{"email":"ann@example.com","to":[1.50]}}"#;
    let record = |seq: u64| {
        RecordBuilder::new()
            .seq(seq)
            .at("2026-03-02T08:15:33Z")
            .target("/")
            .header("Cookie", "session=1")
            .signed(STANDARD, &format!("msg_{seq}"), NOW, body)
            .header("X-Team", "blue")
    };
    let verdict = |status: &str, name: &str| {
        json!({"status": status, "provider": "standard", "event_type": "user.created", "event_id": "msg_1", "cause": null,
            "message": format!("for {name}@example.com")})
    };
    let response = json!({"status": 422, "by": "forward", "duration_ms": 1.0, "body": "no ann@example.com here"});
    let valid = record(1).field("verdict", verdict("valid", "ann")).field("response", response);
    let forged = record(2).body(body.replace("ann", "eve")).field("verdict", verdict("invalid", "eve"));
    room.write("log.jsonl", log_of([valid, forged]));
    for format in FORMATS {
        let redact = ["--redact", "data.email", "--redact-headers", "--format", format];
        let output = export(&room, &redact).assert_exit(0);
        assert_eq!(output.stderr(), "note: re-signed 1 request\n");
        assert!(!output.stdout().contains("@example.com") && !output.stdout().contains("session="), "{output}");
        assert!(output.stdout().contains("1.50") && output.stdout().contains("blue"), "{output}");
        let file = format!("redacted.{format}");
        room.write(&file, output.bytes());
        let verified = room.whk(["verify", &file, "-p", "standard", "-s", STANDARD, "--json"]).run().assert_exit(1);
        let statuses: Vec<Value> = verified.json().iter().map(|line| line["status"].clone()).collect();
        assert_eq!(
            statuses,
            ["valid", "invalid"].map(Value::from).into_iter().chain([Value::Null]).collect::<Vec<_>>()
        );
    }
    // Without the secret, the copy says that it does not verify.
    let unknown = ["log", "export", "1", "--log", "log.jsonl", "--redact", "data.to[0],/data/email"];
    let output = room.whk(unknown).run().assert_exit(0);
    assert_eq!(output.stderr(), "note: 1 request no longer verifies, because no secret is known that signs again\n");
    let copy = &output.json()[0];
    assert_ne!(copy["verdict"]["status"], "valid");
    assert_eq!(copy["body"], r#"{"type":"user.created", "data":{"email":"[redacted]","to":["[redacted]"]}}"#);
    // Headers that are not signed need no new signature.
    let output = export(&room, &["1", "--redact-headers", "x-team,X-Nothing"]).assert_exit(0);
    assert_eq!(output.stderr(), "");
    assert!(
        output.stdout().contains(r#"["X-Team","[redacted]"]"#) && output.stdout().contains("session=1"),
        "{output}"
    );
}

#[test]
fn what_cannot_be_redacted_is_not_exported() {
    let room = TestEnv::new();
    let record = |seq: u64, body: &str| RecordBuilder::new().seq(seq).at("2026-03-02T08:15:33Z").target("/").body(body);
    room.write("log.jsonl", log_of([record(1, "a=ann"), record(2, "{\"a\":\"ann\"}")]));
    let lines = export(&room, &["--redact", "a"]).assert_exit(2);
    assert_eq!(lines.json().len(), 1);
    export(&room, &["1", "--redact", "a"]).assert_snapshot(
        "
exit 2
stderr:
error: request 1: cannot redact the body: it is not JSON
",
    );
    export(&room, &["2", "--redact", "a.b"]).redact_between("\"verdict\":", "}", "…").assert_snapshot(r#"
exit 2
stdout:
{"v":1,"kind":"request","seq":2,"at":"2026-03-02T08:15:33.000000Z","remote":"","method":"POST","target":"/","headers":[],"body":"{\"a\":\"ann\"}","size":11,"verdict":…},"duplicate":false,"response":null}
stderr:
error: `a.b` is in none of the exported bodies, so nothing was redacted there
"#);
    export(&room, &["--redact-headers", "2"]).assert_snapshot(
        "
exit 2
stderr:
error: --redact-headers: `2` is not the name of a header; write the request before this flag
",
    );
}

/// A request as a listener can receive it, with odd parts.
fn requests() -> impl Strategy<Value = CapturedRequest> {
    let value = prop_oneof![
        4 => vec(prop_oneof![0x20_u8..=0x7e, 0x80_u8..=0xff, Just(b'\t')], 0..20),
        1 => "[0-9]{1,3}".prop_map(String::into_bytes),
    ]
    .prop_map(|value| value.trim_ascii().to_vec());
    let name = prop_oneof![
        4 => "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,12}",
        1 => select(vec!["host", "Host", "content-length", "transfer-encoding", "content-type", "expect", "cookie"])
            .prop_map(str::to_owned),
    ];
    let line = select(vec![
        "###\n",
        "\n###\nPOST / HTTP/1.1\n\n",
        "# body-bytes: 3\n",
        "'",
        "\\",
        "%",
        "\r\n",
        "\n",
        "{}",
        "\0",
        "-",
    ]);
    let body = vec(prop_oneof![line.prop_map(|line| line.as_bytes().to_vec()), vec(any::<u8>(), 0..9)], 0..6);
    let target = prop_oneof![
        3 => "/[!-~]{0,12}",
        1 => select(vec!["*", "/", "http://x.example/y?z", "/a b", "/\u{e4}", "//", "/#x", "a:1", "/'"]).prop_map(str::to_owned),
    ];
    let method = select(vec!["POST", "POST", "PUT", "GET", "HEAD", "M-SEARCH", "post"]);
    let time = prop::option::of(0_i64..4_000_000_000_000_000);
    (method, target, vec((name, value), 0..6), body, time).prop_map(|(method, target, headers, body, time)| {
        CapturedRequest {
            received_at: time.map(|time| jiff::Timestamp::from_microsecond(time).unwrap()),
            remote_addr: String::new(),
            method: method.into(),
            target,
            headers: headers.into_iter().filter(|(name, _)| !name.starts_with("HTTP_")).collect(),
            body: body.concat().into(),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4000 }))]

    #[test]
    fn an_export_reads_back_byte_for_byte(requests in vec(requests(), 1..4)) {
        let verdict = RecordedVerdict { status: "unsigned".into(), ..RecordedVerdict::default() };
        let records = || requests.iter().zip(1..).map(|(capture, seq)| {
            ExportedRecord { seq, capture, verdict: &verdict, duplicate: false, response: None }
        });
        for (name, format) in ExportFormat::NAMES {
            let text = format.write_all(records()).unwrap();
            let shown = String::from_utf8_lossy(&text);
            for read_as in [CaptureFormat::Auto, name.parse().unwrap()] {
                let read: Vec<CaptureEntry> = Reader::new(&text[..], read_as)
                    .map(|entry| entry.unwrap_or_else(|error| panic!("{name}: {error}\n{shown}")))
                    .collect();
                prop_assert_eq!(read.len(), requests.len(), "{}:\n{}", name, shown);
                for (read, sent) in read.iter().zip(&requests) {
                    let mut expected = sent.clone();
                    let mut found = read.capture.clone();
                    if format == ExportFormat::Curl {
                        // curl writes the length itself.
                        (expected.headers, found.headers) = (without_length(&sent.headers), without_length(&found.headers));
                    }
                    prop_assert_eq!(&found, &expected, "{}:\n{}", name, shown);
                }
            }
        }
    }
}

fn without_length(headers: &Headers) -> Headers {
    headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")).collect()
}
