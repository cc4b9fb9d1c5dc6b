//! The API of the inspector page of `whk listen --ui`: what it shows, what it resends, and whom it rejects.

use std::fs;

use serde_json::{Value, json};

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::{Answer, Connection, NOW, STANDARD, exchange, request, signed, valid};

const BODY: &[u8] = br#"{"type":"user.created","data":{"email":"a@example.com"}}"#;

/// A listener with a page and a log, with requests that are sent to it.
struct Inspected {
    room: TestEnv,
    listener: ListenProcess,
    page: String,
}

impl Inspected {
    fn start(more: &[&str]) -> Self {
        let room = TestEnv::new();
        let listener = room.listen_fixed(&[&["--ui", "0"], more].concat());
        let page = listener.page();
        Self { room, listener, page }
    }

    /// Sends a valid request.
    fn receive(&self, id: &str, body: impl AsRef<[u8]>) -> Answer {
        exchange(self.listener.address(), &valid(id, body))
    }

    /// Sends header lines to the page after a request line, and `host` unless they have one.
    fn raw(&self, first: &str, headers: &str, body: &str) -> Answer {
        let host = if headers.to_ascii_lowercase().contains("host:") {
            String::new()
        } else {
            format!("host: {}\r\n", self.page)
        };
        let length = body.len();
        let text = format!("{first} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\n\r\n{body}");
        exchange(&self.page, text.as_bytes())
    }

    fn get(&self, target: &str) -> Answer {
        self.raw(&format!("GET {target}"), "", "")
    }

    #[track_caller]
    fn json(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Waits until the page knows a number, by its stream.
    fn wait_for(&self, seq: u64) {
        let mut stream = self.stream(&format!("/api/stream?brief&after={}", seq - 1));
        stream.read_until(&format!("id: {seq}\n"));
    }

    fn stream(&self, target: &str) -> Connection {
        let mut connection = Connection::open(&self.page);
        connection.write(format!("GET {target} HTTP/1.1\r\nhost: {}\r\n\r\n", self.page).as_bytes());
        let head = connection.answer();
        assert_eq!(head.status, 200);
        assert!(head.head.contains("content-type: text/event-stream"), "{}", head.head);
        connection
    }

    fn token(&self) -> String {
        let html = self.get("/").body;
        let (_, rest) = html.split_once("name=\"whk-token\" content=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Resends a request with changes.
    fn replay(&self, seq: u64, edits: &Value) -> Answer {
        let headers = format!("x-whk-token: {}\r\ncontent-type: application/json\r\n", self.token());
        self.raw(&format!("POST /api/requests/{seq}/replay"), &headers, &edits.to_string())
    }
}

fn numbers(list: &Value) -> Vec<u64> {
    list["requests"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect()
}

#[test]
fn the_banner_and_the_ready_line_have_the_address_of_the_page() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&["--json", "--ui", "0"]);
    let page = listener.page();
    let output = listener.stop();
    assert_eq!(output.json()[0]["ui"], format!("http://{page}/"));
    assert_ne!(output.json()[0]["url"], output.json()[0]["ui"]);
    let listener = room.listen_without_log(&["--json"]);
    assert_eq!(listener.stop().json()[0].get("ui"), None);
}

#[test]
fn a_port_that_is_in_use_is_an_error_with_a_way_out() {
    let inspected = Inspected::start(&[]);
    let run = inspected.room.whk(["listen", "0", "--no-log", "--ui", &inspected.page]).run();
    let port = inspected.page.rsplit_once(':').unwrap().1;
    run.redact(port, "[PORT]").assert_snapshot(
        "
exit 2
stderr:
error: cannot listen on 127.0.0.1:[PORT]
  caused by: port [PORT] is in use
hint: for any free port: whk listen --ui 0
",
    );
}

#[test]
fn requests_are_listed_after_and_before_a_number_as_the_log_has_them() {
    for log in [true, false] {
        let room = TestEnv::new();
        let listener = if log { room.listen_fixed(&["--ui", "0"]) } else { room.listen_without_log(&["--ui", "0"]) };
        let page = listener.page();
        let inspected = Inspected { room, listener, page };
        assert_eq!(inspected.json("/api/requests"), json!({"requests": [], "next": null, "newest": 0}));
        for number in 1..=5 {
            inspected.receive(&format!("msg_{number}"), BODY);
        }
        inspected.wait_for(5);
        let all = inspected.json("/api/requests");
        assert_eq!((numbers(&all), &all["next"]), (vec![1, 2, 3, 4, 5], &Value::Null));
        let part = inspected.json("/api/requests?after=1&limit=2");
        assert_eq!((numbers(&part), &part["next"]), (vec![2, 3], &json!(3)));
        let last = inspected.json("/api/requests?after=3&limit=2");
        assert_eq!((numbers(&last), &last["next"]), (vec![4, 5], &Value::Null), "nothing follows");
        let newest = inspected.json("/api/requests?before=9999&limit=2");
        assert_eq!((numbers(&newest), &newest["next"]), (vec![5, 4], &json!(4)));
        assert_eq!(numbers(&inspected.json("/api/requests?before=2")), [1]);
        if log {
            assert_eq!(all["requests"], json!(inspected.room.log()), "each is the record in the log");
        }
        assert_eq!(inspected.json("/api/requests/3"), all["requests"][2]);
        let brief = &inspected.json("/api/requests?after=2&limit=1&brief")["requests"][0];
        assert_eq!(brief["verdict"], all["requests"][2]["verdict"]);
        assert!(brief.get("body").is_none() && brief.get("headers").is_none(), "{brief}");
        for (target, status) in [
            ("/api/requests/6", 404),
            ("/api/requests/x", 404),
            ("/api/requests?after=x", 400),
            ("/api/nothing", 404),
            ("/assets/../page.css", 404),
        ] {
            let answer = inspected.get(target);
            assert_eq!(answer.status, status, "{target}: {}", answer.body);
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert!(body["error"].is_string(), "{body}");
        }
    }
}

#[test]
fn the_words_of_the_search_box_select_from_the_list_and_the_stream() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.receive("msg_2", br#"{"type":"order.paid","data":{"id":7}}"#);
    exchange(inspected.listener.address(), &request("x-note: Needle\r\n", BODY));
    inspected.wait_for(3);
    for (words, expected) in [
        ("unsigned", &[3][..]),
        ("type:order.*", &[2]),
        ("valid", &[1, 2]),
        ("where:data.id=7", &[2]),
        ("needle", &[3]),
        ("nothing-like-it", &[]),
        ("status:4xx", &[3]),
    ] {
        let target = format!("/api/requests?q={}", words.replace('*', "%2A").replace('=', "%3D"));
        assert_eq!(numbers(&inspected.json(&target)), expected, "{words}");
    }
    let mut stream = inspected.stream("/api/stream?after=0&q=unsigned");
    assert!(!stream.read_until("id: 3\n").contains("id: 1"), "only what matches is sent");
    let answer = inspected.get("/api/requests?q=where:");
    assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"error":"`where:` needs a value"}"#));
}

#[test]
fn earlier_runs_of_a_log_are_not_mixed_in_and_a_rotated_log_is_followed() {
    let inspected = Inspected::start(&["--rotate", "1KiB"]);
    for number in 1..=6 {
        inspected.receive(&format!("msg_{number}"), BODY);
    }
    inspected.wait_for(6);
    assert_eq!(numbers(&inspected.json("/api/requests")), [1, 2, 3, 4, 5, 6]);
    assert!(inspected.room.file("log.jsonl.1").exists(), "it was rotated");
    let Inspected { room, listener, .. } = inspected;
    listener.stop();
    let listener = room.listen_fixed(&["--ui", "0"]);
    let page = listener.page();
    let inspected = Inspected { room, listener, page };
    inspected.receive("msg_7", BODY);
    inspected.wait_for(1);
    assert_eq!(numbers(&inspected.json("/api/requests")), [1]);
}

#[test]
fn a_request_appears_in_the_stream_and_a_reader_that_reconnects_misses_none() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let mut stream = inspected.stream("/api/stream");
    stream.read_until(": open\n\n");
    inspected.receive("msg_2", BODY);
    let event = stream.read_until("}\n\n");
    assert!(event.contains("id: 2\ndata: {\"v\":1,") && !event.contains("msg_1"), "{event}");
    drop(stream);
    inspected.receive("msg_3", BODY);
    let mut again = Connection::open(&inspected.page);
    let head = format!("GET /api/stream?after=0 HTTP/1.1\r\nhost: {}\r\nlast-event-id: 1\r\n\r\n", inspected.page);
    again.write(head.as_bytes());
    let events = again.read_until("id: 3\ndata: ");
    assert!(events.contains("id: 2\n") && !events.contains("id: 1\n"), "{events}");
}

#[test]
fn a_replay_is_the_request_again_and_a_changed_one_is_signed_again() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let answer = inspected.replay(1, &json!({}));
    let outcome: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &outcome["status"], &outcome["body"]), (200, &json!(200), &json!("OK")), "{outcome}");
    assert!(outcome["duration_ms"].as_f64().unwrap() > 0.0, "{outcome}");
    assert!(outcome["headers"].as_array().unwrap().iter().any(|header| header[0] == "content-type"), "{outcome}");
    let changed = r#"{"type":"user.deleted","data":{}}"#;
    let edits = json!({"body": changed, "headers": [["x-added", "1"], ["x-added", "2"], ["content-type", null]]});
    assert_eq!(inspected.replay(1, &edits).status, 200);
    assert_eq!(inspected.replay(1, &json!({"body": changed, "resign": false})).status, 200);
    assert_eq!(inspected.replay(1, &json!({"body_b64": "/w==", "resign": true})).status, 200);
    inspected.wait_for(5);
    let log = inspected.room.log();
    assert_eq!(log[1]["verdict"]["status"], "valid");
    assert_eq!((&log[1]["duplicate"], &log[1]["body"]), (&json!(true), &log[0]["body"]));
    assert_eq!((&log[2]["verdict"]["status"], &log[2]["body"]), (&json!("valid"), &json!(changed)), "{}", log[2]);
    let added = log[2]["headers"].as_array().unwrap().iter().filter(|header| header[0] == "x-added");
    assert_eq!(added.map(|header| header[1].as_str().unwrap()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(log[3]["verdict"]["status"], "invalid", "the old signature does not fit the new body");
    assert_eq!((&log[4]["verdict"]["status"], &log[4]["body_b64"]), (&json!("valid"), &json!("/w==")));
}

#[test]
fn a_replay_of_an_invalid_request_stays_invalid_unless_it_is_changed() {
    let inspected = Inspected::start(&[]);
    let forged = request(&signed("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "msg_1", NOW, BODY), BODY);
    assert_eq!(exchange(inspected.listener.address(), &forged).status, 400);
    inspected.wait_for(1);
    let status = |answer: Answer| serde_json::from_str::<Value>(&answer.body).unwrap()["status"].clone();
    assert_eq!(status(inspected.replay(1, &json!({}))), 400);
    assert_eq!(status(inspected.replay(1, &json!({"body": "{}"}))), 200, "whoever changes it means it");
    assert_eq!(status(inspected.replay(1, &json!({"resign": true}))), 200);
}

#[test]
fn a_replay_can_go_to_another_address_and_its_failure_has_a_reason() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let handler = TestHandler::deciding(|_| HandlerResponse::text(503, "busy"));
    let outcome: Value = serde_json::from_str(&inspected.replay(1, &json!({"url": handler.url()})).body).unwrap();
    assert_eq!((&outcome["status"], &outcome["body"]), (&json!(503), &json!("busy")));
    let received = handler.received();
    assert!(received[0].body == BODY && received[0].head.starts_with("POST /hooks "), "{}", received[0].head);
    for (edits, status, error) in [
        (json!({"url": "127.0.0.1:1"}), 502, "no response from http://127.0.0.1:1/hooks: "),
        (json!({"url": "ftp://x"}), 400, "`url`: "),
        (json!({"body": "", "body_b64": ""}), 400, "either `body` or `body_b64`, not both"),
        (json!({"boddy": ""}), 400, "the body: unknown field `boddy`"),
        (json!({"headers": [["a b", "c"]]}), 422, "`a b` cannot be sent as a header"),
    ] {
        let answer = inspected.replay(1, &edits);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.status, status, "{edits}: {body}");
        assert!(body["error"].as_str().unwrap().starts_with(error), "{edits}: {body}");
    }
}

#[test]
fn a_signature_is_explained_with_its_remedy_and_attempts_with_the_schedule() {
    let inspected = Inspected::start(&[]);
    let spaced = br#"{"type": "user.created", "data": {"email": "a@example.com"}}"#;
    let compact = request(&signed(STANDARD, "msg_1", NOW, spaced), BODY);
    assert_eq!(exchange(inspected.listener.address(), &compact).status, 400);
    inspected.receive("msg_1", BODY);
    inspected.receive("msg_2", BODY);
    inspected.wait_for(3);
    let explained = inspected.json("/api/requests/1/signature");
    assert_eq!(explained["cause"], "body-changed-reserialized", "{explained}");
    assert!(explained["fix"].as_str().unwrap().contains("express.raw"), "{explained}");
    assert_eq!(explained["can_sign"], true);
    assert_eq!(inspected.json("/api/requests/2/signature")["status"], "valid");
    let attempts = inspected.json("/api/requests/1/attempts");
    let found: Vec<u64> =
        attempts["attempts"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(found, [1, 2], "both requests of the same event");
    assert_eq!(attempts["schedule"]["provider"], "standard");
    assert!(!attempts["schedule"]["attempts_s"].as_array().unwrap().is_empty());
    let all = [explained, attempts].map(|value| value.to_string()).concat();
    assert!(!all.contains(STANDARD) && !all.contains("MfKQ9r8G"), "no secret is shown");
}

#[test]
fn a_request_is_exported_as_a_command_and_as_an_archive_that_verifies() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let curl = inspected.get("/api/requests/1/curl");
    assert!(curl.head.contains("content-type: text/plain; charset=utf-8\r\n"), "{}", curl.head);
    assert!(
        curl.body.contains("curl ") && curl.body.contains("webhook-id: msg_1") && curl.body.ends_with('\n'),
        "{}",
        curl.body
    );
    assert!(!curl.body.contains(STANDARD), "no secret is shown");
    let har = inspected.get("/api/requests/1/har");
    assert!(har.head.contains("content-disposition: attachment; filename=\"request-1.har\"\r\n"), "{}", har.head);
    fs::write(inspected.room.file("request-1.har"), &har.body).unwrap();
    let verified = inspected.room.verify(&["request-1.har"]).run().assert_exit(0);
    assert!(verified.stdout().contains("msg_1"), "{verified}");
    for target in ["/api/requests/2/curl", "/api/requests/x/har"] {
        assert_eq!(inspected.get(target).status, 404, "{target}");
    }
}

#[test]
fn nothing_can_be_read_by_another_page_or_under_another_name() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let own = format!("http://{}", inspected.page);
    for target in [
        "/",
        "/assets/page.css",
        "/api/requests",
        "/api/requests/1",
        "/api/requests/1/attempts",
        "/api/requests/1/curl",
        "/api/requests/1/har",
        "/api/stream",
    ] {
        for (headers, status) in [
            ("host: evil.example\r\n".to_owned(), 403),
            (format!("host: localhost.evil.example:{}\r\n", inspected.page.rsplit_once(':').unwrap().1), 403),
            ("host: user@localhost\r\n".to_owned(), 400),
            ("host: localhost\r\nhost: localhost\r\n".to_owned(), 400),
            ("origin: http://evil.example\r\n".to_owned(), 403),
            ("origin: null\r\n".to_owned(), 403),
            (format!("origin: {own}\r\norigin: {own}\r\n"), 403),
            (format!("origin: {}\r\n", own.replace("http:", "https:")), 403),
            ("origin: http://127.0.0.1:1\r\n".to_owned(), 403),
            ("sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\nsec-fetch-dest: script\r\n".to_owned(), 403),
            ("sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n".to_owned(), 403),
        ] {
            let answer = inspected.raw(&format!("GET {target}"), &headers, "");
            assert_eq!(answer.status, status, "{target} {headers}");
            assert!(!answer.body.contains("msg_1") && !answer.body.contains("token\" "), "{}", answer.body);
            assert!(!answer.head.contains("access-control"), "{}", answer.head);
        }
    }
    let absolute = inspected.raw("GET http://evil.example/api/requests", "", "");
    assert_eq!(absolute.status, 403, "an absolute target names its host as well");
    let old = b"GET /api/requests HTTP/1.0\r\n\r\n";
    assert_eq!(exchange(&inspected.page, old).status, 400, "no host at all");
    for headers in [
        format!("origin: {own}\r\n"),
        format!("host: localhost:{}\r\n", inspected.page.rsplit_once(':').unwrap().1),
        "sec-fetch-site: same-origin\r\n".to_owned(),
        "sec-fetch-site: none\r\n".to_owned(),
    ] {
        assert_eq!(inspected.raw("GET /api/requests", &headers, "").status, 200, "{headers}");
    }
    let link = "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
    assert_eq!(inspected.raw("GET /", link, "").status, 200, "a link opens the page, and sees nothing of it");
    assert_eq!(inspected.raw("GET /api/requests", link, "").status, 403);
}

#[test]
fn nothing_can_be_changed_without_the_token_of_the_page() {
    let inspected = Inspected::start(&[]);
    inspected.receive("msg_1", BODY);
    inspected.wait_for(1);
    let token = inspected.token();
    assert_eq!(token.len(), 32);
    let own = format!("http://{}", inspected.page);
    let json = "content-type: application/json\r\n";
    for headers in [
        json.to_owned(),
        format!("{json}x-whk-token: \r\n"),
        format!("{json}x-whk-token: {}\r\n", token.to_uppercase() + "0"),
        format!("{json}x-whk-token: {token}\r\norigin: http://evil.example\r\n"),
        format!("{json}x-whk-token: {token}\r\nhost: evil.example\r\n"),
        format!("{json}x-whk-token: {token}\r\nsec-fetch-site: cross-site\r\n"),
    ] {
        assert_eq!(inspected.raw("POST /api/requests/1/replay", &headers, "{}").status, 403, "{headers}");
    }
    let text = format!("x-whk-token: {token}\r\ncontent-type: text/plain\r\n");
    assert_eq!(inspected.raw("POST /api/requests/1/replay", &text, "{}").status, 400);
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let answer = inspected.raw(&format!("{method} /api/requests"), &format!("x-whk-token: {token}\r\n"), "");
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(inspected.raw(&format!("{method} /api/requests"), "", "").status, 403, "{method}");
    }
    assert_eq!(fs::read_to_string(inspected.room.file("log.jsonl")).unwrap().lines().count(), 1, "nothing was sent");
    let good = format!("{json}x-whk-token: {token}\r\norigin: {own}\r\n");
    assert_eq!(inspected.raw("POST /api/requests/1/replay", &good, "{}").status, 200);
}

#[test]
fn every_response_forbids_what_the_page_does_not_need() {
    let inspected = Inspected::start(&[]);
    for (first, headers) in [
        ("GET /", ""),
        ("GET /assets/page.mjs", ""),
        ("GET /api/requests", ""),
        ("GET /x", ""),
        ("GET /", "host: evil\r\n"),
    ] {
        let head = inspected.raw(first, headers, "").head;
        for header in [
            "content-security-policy: default-src 'self';",
            "x-content-type-options: nosniff\r\n",
            "cache-control: no-store\r\n",
            "referrer-policy: no-referrer\r\n",
            "x-frame-options: DENY\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
        ] {
            assert!(head.contains(header), "{first}: no {header} in {head}");
        }
        assert!(!head.contains("unsafe") && head.contains("frame-ancestors 'none'"), "{head}");
    }
    let html = inspected.get("/").body;
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("onclick"), "nothing is inline");
    assert_eq!(html.matches("<script").count(), html.matches("<script type=\"module\" src=\"/assets/").count());
}

#[test]
fn the_listener_does_not_serve_the_page() {
    let inspected = Inspected::start(&[]);
    let own = exchange(inspected.listener.address(), b"GET /api/requests HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(!own.body.contains("requests\":["), "{}", own.body);
}

#[test]
fn the_listener_ends_while_a_reader_of_the_stream_is_connected() {
    let inspected = Inspected::start(&[]);
    let mut stream = inspected.stream("/api/stream");
    stream.read_until(": open\n\n");
    let output = inspected.listener.stop();
    assert_eq!(output.code(), Some(0), "{output}");
}
