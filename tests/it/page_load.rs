//! The inspector page under load and with hostile requests: no record is lost, and nothing stops it.

use std::thread;

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::http::{Connection, NOW, STANDARD, exchange, request, signed, valid};

const BODY: &[u8] = br#"{"type":"user.created","data":{"email":"a@example.com"}}"#;
const CONNECTIONS: usize = 4;
const PER_CONNECTION: usize = 1_000;
const TOTAL: usize = CONNECTIONS * PER_CONNECTION;

/// Sends a request to the page, as the page itself does.
fn ask(page: &str, first: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let length = body.len();
    let mut bytes =
        format!("{first} HTTP/1.1\r\nhost: {page}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    let answer = exchange(page, &bytes);
    (answer.status, answer.body)
}

fn get(page: &str, target: &str) -> Value {
    let (status, body) = ask(page, &format!("GET {target}"), "", b"");
    assert_eq!(status, 200, "{target}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn subscribe(page: &str) -> Connection {
    let mut stream = Connection::open(page);
    stream.write(format!("GET /api/stream?after=0 HTTP/1.1\r\nhost: {page}\r\n\r\n").as_bytes());
    stream.read_until(": open\n\n");
    stream
}

/// The numbers of the events in a stream, until all have come.
fn numbers_of(mut stream: Connection) -> Vec<usize> {
    let (mut text, mut numbers) = (String::new(), Vec::new());
    while numbers.len() < TOTAL {
        let part = stream.read_part();
        assert!(!part.is_empty(), "the stream ended after {numbers:?}");
        text.push_str(&part);
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        let rest = text.split_off(complete);
        numbers
            .extend(text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse::<usize>().unwrap()));
        text = rest;
    }
    numbers
}

/// Sends all requests over several connections, each as one stream of bytes.
fn load(address: &str) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut sender = Connection::open(address);
                // What is sent ahead of the responses fits into the buffers of the connection.
                for batch in 0..PER_CONNECTION / 50 {
                    let ids = batch * 50..(batch + 1) * 50;
                    let requests = ids.map(|id| valid(&format!("msg_{connection}_{id}"), BODY));
                    sender.write(&requests.collect::<Vec<_>>().concat());
                    for _ in 0..50 {
                        assert_eq!(sender.answer().status, 200);
                    }
                }
            });
        }
    });
}

#[test]
fn no_record_is_lost_while_pages_are_open() {
    for log in [true, false] {
        let room = TestEnv::new();
        let listener = if log { room.listen_fixed(&["--ui", "0"]) } else { room.listen_without_log(&["--ui", "0"]) };
        let page = listener.page();
        let stream = subscribe(&page);
        // A page that does not read, such as one in a browser that was suspended.
        let suspended = subscribe(&page);
        let reader = thread::spawn(|| numbers_of(stream));
        let searcher = thread::spawn({
            let page = page.clone();
            move || {
                while get(&page, "/api/requests?before=99999&limit=500&q=user.created&brief=1")["newest"] != TOTAL {}
            }
        });
        load(listener.address());
        searcher.join().unwrap();
        assert_eq!(reader.join().unwrap(), (1..=TOTAL).collect::<Vec<_>>(), "each is in the stream, once and in order");
        let (mut listed, mut after) = (0, 0);
        while let Some(next) = get(&page, &format!("/api/requests?after={after}&limit=500"))["next"].as_u64() {
            (listed, after) = (listed + 500, next);
        }
        assert_eq!(listed + 500, TOTAL);
        drop(suspended);
        let output = listener.stop();
        assert_eq!(output.code(), Some(0), "{output}");
        if log {
            let log = room.log();
            let numbers: Vec<u64> = log.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
            assert_eq!(numbers, (1..=TOTAL as u64).collect::<Vec<_>>());
            assert!(log.iter().all(|record| record["verdict"]["status"] == "valid"));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_has_a_lower_priority_than_the_receiver() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--ui", "0"]);
    get(&listener.page(), "/api/requests");
    let threads = std::fs::read_dir(format!("/proc/{}/task", listener.id())).unwrap();
    // The name of a thread, and its `nice` value, proc_pid_stat(5).
    let nice_values: Vec<(String, i32)> = threads
        .map(|thread| {
            let stat = std::fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
            let (name, fields) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
            (name.to_owned(), fields.split_whitespace().nth(16).unwrap().parse().unwrap())
        })
        .collect();
    let of = |wanted: &str| nice_values.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!(of("page"), (of("whk") + 10).min(19), "{nice_values:?}");
}

#[test]
fn no_request_stops_the_page() {
    let room = TestEnv::new();
    let listener = room.listen_fixed(&["--ui", "0"]);
    let page = listener.page();
    let evil = "<script>\u{202e}";
    let extreme = |at: &str| signed(STANDARD, "msg_x", NOW, BODY).replace(&NOW.to_string(), at);
    let webhooks = [
        valid("msg_1", BODY),
        valid("msg_2", b"\xff\x00"),
        valid("msg_3", b""),
        valid(evil, format!(r#"{{"type":"{evil}"}}"#)),
        request("", b"{"),
        request("webhook-id: \r\nwebhook-timestamp: \r\nwebhook-signature: \r\n", b"{}"),
        request("webhook-id: x\r\nwebhook-id: y\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,=\r\n", b"{}"),
        request(&extreme("9223372036854775807"), BODY),
        request(&extreme("-9223372036854775808"), BODY),
        request(&extreme("99999999999999999999"), BODY),
        request(&format!("x-long: {}\r\n", "a".repeat(20_000)), "[".repeat(5_000).as_bytes()),
        request("content-type: application/json; charset=\u{1}utf-16\r\n", b"\xfe\xff\x00{"),
    ];
    for webhook in &webhooks {
        exchange(listener.address(), webhook);
    }
    let received = room.log().len();
    assert!(received >= 10, "most of them are recorded: {received}");
    while get(&page, "/api/requests")["newest"] != received {}
    let (_, html) = ask(&page, "GET /", "", b"");
    let token = html.split("name=\"whk-token\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let headers = format!("x-whk-token: {token}\r\ncontent-type: application/json\r\n");
    let replay = |seq: usize, edits: &[u8]| ask(&page, &format!("POST /api/requests/{seq}/replay"), &headers, edits);
    for seq in 1..=received {
        for part in ["", "/signature", "/attempts", "/har"] {
            get(&page, &format!("/api/requests/{seq}{part}"));
        }
        let (status, body) = ask(&page, &format!("GET /api/requests/{seq}/curl"), "", b"");
        assert!([200, 422].contains(&status), "{seq}: {status} {body}");
        for edits in [
            json!({}),
            json!({"resign": true}),
            json!({"body_b64": "/w=="}),
            json!({"headers": [["webhook-timestamp", "9223372036854775807"], ["webhook-id", null]]}),
            json!({"headers": [["\u{0}", "x"]]}),
            json!({"headers": [["x-a", "b\r\nc"]]}),
            json!({"url": "http://[::1"}),
            json!({"url": "http://user:pass@127.0.0.1:1/#x"}),
        ] {
            let (status, body) = replay(seq, edits.to_string().as_bytes());
            assert!([200, 400, 422, 502].contains(&status), "{seq} {edits}: {status} {body}");
        }
    }
    for target in [
        "/api/requests?after=18446744073709551615",
        "/api/requests?before=0&limit=18446744073709551615",
        "/api/requests?after=99999999999999999999",
        "/api/requests?q=%FF%00%E2%80&limit=-1",
        "/api/requests?q=where:%5B%5B%5B=1",
        "/api/requests?&&&=%&a=b=c",
        "/api/requests/18446744073709551616/signature",
        "/api/requests/99999/curl",
        "/api/requests/x/har",
        "/api/requests/%FF",
        "/api/requests/..%2f..%2fetc",
        "/assets/%00",
        "/api/requests/1/",
        "//",
        "*",
    ] {
        let (status, body) = ask(&page, &format!("GET {target}"), "", b"");
        assert!([200, 400, 404].contains(&status), "{target}: {status} {body}");
    }
    for edits in [&b"\xff"[..], b"[]", b"null", br#"{"headers":[["a"]]}"#, "[".repeat(10_000).as_bytes(), b"{\"body\":"]
    {
        assert_eq!(replay(1, edits).0, 400, "{}", String::from_utf8_lossy(edits));
    }
    let mut stream = Connection::open(&page);
    let last = "last-event-id: 99999999999999999999999\r\n";
    stream
        .write(format!("GET /api/stream?after=18446744073709551615 HTTP/1.1\r\nhost: {page}\r\n{last}\r\n").as_bytes());
    stream.read_until(": open\n\n");
    assert_eq!(get(&page, "/api/requests/1/signature")["status"], "valid", "it still works");
    let output = listener.stop();
    assert_eq!(output.code(), Some(0), "{output}");
    assert!(!output.stderr().contains("panicked"), "{output}");
}
