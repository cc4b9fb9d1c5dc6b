//! `whk verify` reads every form in which a request is kept, and says where one is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use whk::capture::{CaptureFormat, Headers, Reader};

use crate::harness::env::{Output, TestEnv};
use crate::harness::http::{NOW_TEXT, STANDARD};

const BODY: &str = "{\"type\":\"user.created\",\"it's\":\"größe 😀 \\n\\u0021 $HOME `id` !\"}";

fn verify(room: &TestEnv, more: &[&str], input: impl Into<Vec<u8>>) -> Output {
    let common = ["verify", "-p", "standard", "-s", STANDARD, "--at", NOW_TEXT];
    room.whk([common.as_slice(), more].concat()).stdin(input).run()
}

fn dry(room: &TestEnv, more: &[&str]) -> Output {
    room.send_dry_run(more).assert_exit(0)
}

/// A signed request as our own record of it: what all other forms are made from.
fn signed(room: &TestEnv) -> Value {
    dry(room, &["-d", BODY, "--format", "json"]).json().remove(0)
}

fn headers(record: &Value) -> Vec<(&str, &str)> {
    let pairs = record["headers"].as_array().unwrap().iter();
    pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

fn har_headers(record: &Value) -> Value {
    headers(record).iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn archive(entries: &[Value]) -> Value {
    json!({"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "pages": [], "entries": entries}})
}

fn entry(record: &Value, post_data: &Value) -> Value {
    json!({"startedDateTime": "2026-03-02T09:15:33.000+01:00", "time": 1.5, "request": {
        "method": "POST", "url": record["url"], "httpVersion": "HTTP/1.1", "headers": har_headers(record),
        "queryString": [], "cookies": [], "headersSize": -1, "bodySize": BODY.len(), "postData": post_data,
    }, "response": {"status": 200, "headers": [], "content": {"size": 0}}, "cache": {}, "timings": {}})
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// As browsers quote what a plain quote cannot hold.
fn ansi_c(text: &str) -> String {
    let mut word = "$'".to_owned();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'\'') => word += "\\'",
            Ok(b'\\') => word += "\\\\",
            Ok(b'\n') => word += "\\n",
            Ok(byte) if byte != b'!' && (b' '..=b'~').contains(&byte) => word.push(char::from(byte)),
            _ => word.extend(["\\u".to_owned(), format!("{unit:04x}")]),
        }
    }
    word + "'"
}

fn double_quoted(text: &str) -> String {
    let mut word = "\"".to_owned();
    for c in text.chars() {
        if "\"\\$`".contains(c) {
            word.push('\\');
        }
        word.push(c);
    }
    word + "\""
}

#[test]
fn the_same_request_verifies_in_every_form() {
    let room = TestEnv::new();
    let record = signed(&room);
    let pairs = headers(&record);
    let url = record["url"].as_str().unwrap();
    let curl = |quote: fn(&str) -> String, between: &str, data: &str| {
        let given: Vec<String> = pairs.iter().map(|(n, v)| format!("-H {}", quote(&format!("{n}: {v}")))).collect();
        format!(
            "curl {}{between}{}{between}{data} {}{between}--compressed\n",
            quote(url),
            given.join(between),
            quote(BODY)
        )
    };
    let object: Value =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into();
    let clerk = json!({"type": "event", "svix_id": "msg_1", "event_type": "user.created", "headers": object, "body_b64": BASE64.encode(BODY)});
    let clerk = format!("{{\"type\":\"ready\",\"relay_url\":\"https://x\"}}\n{clerk}\n{{\"type\":\"reconnecting\"}}\n");
    let chrome = archive(&[entry(&record, &json!({"mimeType": "application/json", "text": BODY}))]);
    let mut firefox = entry(&record, &json!({"mimeType": "application/json", "params": [], "text": BODY}));
    firefox["_securityState"] = json!("insecure");
    let mitmproxy = archive(&[entry(&record, &json!({"mimeType": "application/json", "text": BODY, "params": []}))]);
    let base64 = archive(&[entry(&record, &json!({"text": BASE64.encode(BODY), "encoding": "base64"}))]);
    room.write("body.json", BODY);
    for (name, format, text) in [
        ("a record", "json", record.to_string()),
        ("a record over lines", "json", format!("{record:#}")),
        ("a log", "jsonl", format!("{{\"kind\":\"ready\"}}\n{record}\n{record}\n")),
        ("curl as a shell script", "curl", curl(quoted, " \\\n  ", "--data-raw")),
        ("curl as a browser copies it", "curl", curl(ansi_c, " \\\r\n  ", "--data-raw")),
        ("curl in double quotes", "curl", curl(double_quoted, " ", "-d")),
        ("curl with a prompt", "curl", format!("$ {}", curl(quoted, " ", "--data-binary"))),
        ("curl with a file", "curl", curl(quoted, " ", "--data-binary").replace(&quoted(BODY), "@body.json")),
        ("curl as JSON", "curl", curl(quoted, " ", "--json")),
        ("Chrome's archive", "har", format!("{chrome:#}")),
        ("Firefox's archive", "har", archive(&[firefox]).to_string()),
        ("mitmproxy's archive", "har", format!("{mitmproxy:#}")),
        ("an archive with base64", "har", base64.to_string()),
        ("Clerk's stream", "jsonl", clerk),
    ] {
        for format in [format, "auto"] {
            for mark in ["", "\u{feff}"] {
                let output = verify(&room, &["-", "--format", format], format!("{mark}{text}"));
                assert_eq!(output.code(), Some(0), "{name} as {format}\n{output}\n{text}");
            }
        }
    }
    let http = dry(&room, &["-d", BODY, "--format", "http"]);
    verify(&room, &["-"], http.bytes()).assert_exit(0);
}

#[test]
fn what_the_dry_run_prints_for_a_shell_is_read() {
    let room = TestEnv::new();
    let lines = dry(&room, &["--type", "all", "--format", "curl", ":3000/hooks?x=1", "-H", "x-empty:"]);
    let output = verify(&room, &["-"], lines.bytes()).assert_exit(0);
    assert_eq!(output.stdout().matches("✓ valid stdin:").count(), lines.stdout().lines().count(), "{output}");
    for body in ["", "it's \"q\" \\ $HOME `id` %s", "two\nlines\n\n", "\r\n", "@file", "-", "größe 😀 \u{2028}"] {
        room.write("body", body);
        let line = dry(&room, &["-d", "@body", "--format", "curl"]);
        let output = verify(&room, &["-"], line.bytes());
        assert_eq!(output.code(), Some(0), "{body:?}\n{output}");
    }
    // A body that no argument holds is piped: by printf, which is read, or by another program, which is not.
    room.write("body", b"a\0b");
    let line = dry(&room, &["-d", "@body", "--format", "curl"]);
    verify(&room, &["-"], line.bytes()).assert_exit(0);
    verify(&room, &["-"], line.stdout().replace(" | curl", " | cat | curl")).assert_snapshot(
        "
exit 2
stderr:
error: stdin:1:25: this curl reads its body from the command before the `|`
hint: whk send --dry-run --format json, or --data-binary @FILE
",
    );
}

#[test]
fn each_entry_of_an_archive_is_checked_or_the_one_that_is_asked_for() {
    let room = TestEnv::new();
    let record = signed(&room);
    let good = entry(&record, &json!({"text": BODY}));
    let page = json!({"startedDateTime": NOW_TEXT, "request": {"method": "GET", "url": "https://x/", "headers": []}});
    room.write("x.har", archive(&[good.clone(), page, json!({"request": 1}), good]).to_string());
    let output = verify(&room, &["x.har"], "").assert_exit(2);
    let (stdout, stderr) = (output.stdout(), output.stderr());
    assert!(stdout.contains("✓ valid x.har#1 ") && stdout.contains("✓ valid x.har#4 "), "{output}");
    assert!(stdout.contains("? unsigned x.har#2"), "{output}");
    assert!(
        stderr.contains("error: x.har:1:") && stderr.contains(": entry 3: expected an object, found the number `1`"),
        "{output}"
    );
    let output = verify(&room, &["x.har", "--entry", "4", "--json"], "").assert_exit(0).json();
    assert_eq!((&output[0]["source"], &output[1]["checked"]), (&json!("x.har#4"), &json!(1)));
    verify(&room, &["x.har", "--entry", "5"], "").assert_snapshot(
        "
exit 2
stderr:
error: x.har: there is no entry 5, it has 4
",
    );
}

#[test]
fn what_is_malformed_is_named_with_line_and_column_and_the_rest_is_checked() {
    let room = TestEnv::new();
    let record = signed(&room);
    let good = dry(&room, &["-d", BODY, "--format", "curl"]).stdout();
    for (text, error, valid) in [
        (
            format!("{record}\n{{\"headers\":1}}\n{record}\n"),
            "in:2:12: `headers` is neither an object nor a list of [name, value] pairs",
            2,
        ),
        (
            format!("{record}\n {{\"v\":1}}\n{record}\n"),
            "in:2:2: no `headers` in this JSON\nhint: whk verify --body FILE",
            2,
        ),
        (format!("{record}\nnot json\n{record}"), "in:2:2: this is not JSON", 2),
        (
            format!("{{\"timestamp\":\"x\",\"type\":\"email.sent\",\"resource_id\":\"a\",\"payload\":{{}}}}\n{record}"),
            "in:1:1: Resend's CLI wrote this; it keeps a parsed payload",
            1,
        ),
        ("{\n \"headers\": [],\n \"at\": 1\n}\n".to_owned(), "in:1:1: no `body` in this JSON", 0),
        (format!("{good}curl x y\n{good}"), "in:2:8: `y` is a second address", 2),
        (format!("{good}curl \"$X\" \\\n -d a\n{good}"), "in:2:7: the shell would put something else here", 2),
        (format!("{good}curl 'x\n"), "in:2:6: this quote is never closed", 1),
        ("curl ^\"http://x^\" ^\r\n  -H ^\"a: b^\"\r\n".to_owned(), "in:1:6: this is quoted for cmd.exe", 0),
        ("curl x -d @-".to_owned(), "in:1:11: the body comes from stdin", 0),
        ("curl x -d @nothing".to_owned(), "in:1:11: cannot read nothing: ", 0),
        ("{\"log\": {\"entries\": [\n}}".to_owned(), "in:2:1: this is not JSON", 0),
        ("{\"log\": {}}".to_owned(), "in:1:10: `entries` is missing", 0),
        ("POST / HTTP/1.1\na\n".to_owned(), "in:2:1: expected a request line or `Name: value`", 0),
        ("POST / HTTP/1.1\na: b\ncontent-length: x\n\n".to_owned(), "in:3:1: `content-length` is not a number", 0),
    ] {
        room.write("in", &text);
        let output = verify(&room, &["in"], "").assert_exit(2);
        assert!(output.stderr().contains(&format!("error: {error}")), "{text}\n{output}");
        assert_eq!(output.stdout().matches("✓ valid").count(), valid, "{text}\n{output}");
    }
    let output = verify(&room, &["in", "--entry", "1"], "").assert_exit(2);
    assert!(output.stderr().contains("error: in: it is neither an HTTP Archive nor an array"), "{output}");
}

fn all_formats() -> [CaptureFormat; 6] {
    [
        CaptureFormat::Auto,
        CaptureFormat::Http,
        CaptureFormat::Curl,
        CaptureFormat::Har,
        CaptureFormat::Json,
        CaptureFormat::JsonLines,
    ]
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic_or_read_for_ever(
        noise in any::<String>(),
        words in vec(prop_oneof![
            Just("curl ".to_owned()), Just("\\\n".to_owned()), Just("\\u00".to_owned()), Just("$'".to_owned()),
            Just("-H".to_owned()), Just(" --data-raw ".to_owned()), Just("\"log\":{\"entries\":[".to_owned()),
            Just("{\"request\":{".to_owned()), "[-'\"$^`|;&#\\\\ \n{}\\[\\]:,a-fu0-9=]{0,6}",
        ], 0..12),
    ) {
        for text in [noise.clone(), words.concat(), format!("curl {}", words.concat()), format!("{{\"log\":{}", words.concat())] {
            for format in all_formats() {
                let found = Reader::new(text.as_bytes(), format).take(text.len() + 2).count();
                prop_assert!(found <= text.len() + 1, "{format:?} found {found} requests in {text:?}");
            }
        }
    }

    #[test]
    fn a_request_written_for_a_shell_reads_back_byte_for_byte(
        headers in vec(("x-[a-z]{1,8}", "([!-~é😀]([ -~é]{0,10}[!-~])?)?"), 0..5),
        body in "[^\0]{0,80}",
        quote in 0..3_usize,
        continued in any::<bool>(),
    ) {
        let quote = [quoted, ansi_c, double_quoted][quote];
        let between = if continued { " \\\n " } else { " " };
        let mut given = String::new();
        for (name, value) in &headers {
            let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            given.extend(["-H", &quote(&header), between]);
        }
        let line = format!("curl -sSX PUT{between}{}{between}{given}-H 'content-type: a/b' --data-raw {}", quote("http://x/?a&b"), quote(&body));
        let found: Vec<_> = Reader::new(line.as_bytes(), CaptureFormat::Auto).collect();
        prop_assert_eq!(found.len(), 1, "{}", line);
        let capture = &found[0].as_ref().unwrap().capture;
        prop_assert_eq!((&*capture.method, capture.target.as_str()), ("PUT", "http://x/?a&b"));
        prop_assert_eq!(&capture.body[..], body.as_bytes());
        let mut expected: Headers = headers.into_iter().collect();
        expected.push("content-type", b"a/b");
        prop_assert_eq!(&capture.headers, &expected);
    }
}
