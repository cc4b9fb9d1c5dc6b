//! `whk serve`: access, storage, and the API of SelfMX as its documentation describes it.

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::serve::{KEY, ServeProcess};

const FIXED: [&str; 4] = ["--seed", "1", "--now", "2024-01-15T10:30:00Z"];

/// The body of the documentation's request to create a webhook.
fn documented() -> Value {
    json!({
        "url": "https://yourapp.com/webhooks/email",
        "events": ["delivered", "bounced", "complained"],
        "secret": "your-webhook-secret"
    })
}

#[track_caller]
fn create(serving: &ServeProcess, body: &Value) -> String {
    serving.succeed("POST", "/v1/webhooks", body)["id"].as_str().unwrap().to_owned()
}

/// The code and the message of an error in the form of SelfMX.
#[track_caller]
fn error((status, body): (u16, Value)) -> (u16, String, String) {
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}

#[test]
fn a_webhook_is_created_listed_changed_and_deleted_as_documented() {
    let room = TestEnv::new();
    let serving = room.serve(&[&FIXED, ["-p", "selfmx"].as_slice()].concat());
    let (status, created) = serving.call("POST", "/v1/webhooks", &documented());
    let id = created["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("wh_") && id.len() == 15, "{id}");
    let mut shown = json!({
        "id": id,
        "url": "https://yourapp.com/webhooks/email",
        "events": ["delivered", "bounced", "complained"],
        "active": true,
        "created_at": "2024-01-15T10:30:00Z"
    });
    assert_eq!((status, &created), (201, &shown), "the secret is not shown");
    assert_eq!(serving.call("GET", "/v1/webhooks", &Value::Null), (200, json!({ "data": [shown] })));
    let path = format!("/v1/webhooks/{id}");
    let events = json!(["delivered", "bounced", "complained", "opened"]);
    shown["events"] = events.clone();
    assert_eq!(serving.call("PUT", &path, &json!({ "events": events })), (200, shown.clone()));
    shown["active"] = json!(false);
    assert_eq!(serving.call("PUT", &path, &json!({ "active": false })), (200, shown));
    assert_eq!(serving.call("GET", &format!("{path}/logs"), &Value::Null), (200, json!({ "data": [] })));
    assert_eq!(serving.call("DELETE", &path, &Value::Null), (200, json!({ "id": id, "deleted": true })));
    let gone = (404, "not_found".to_owned(), format!("there is no webhook `{id}`"));
    assert_eq!(error(serving.call("DELETE", &path, &Value::Null)), gone);
    assert_eq!(error(serving.call("PUT", &path, &json!({}))), gone);
    assert_eq!(error(serving.call("GET", &format!("{path}/logs"), &Value::Null)), gone);
    assert_eq!(serving.call("GET", "/v1/webhooks", &Value::Null).1, json!({ "data": [] }));
}

#[test]
fn what_is_wrong_is_reported_in_the_form_of_the_provider() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    for (body, message) in [
        (json!({}), "`url` is missing"),
        (json!({ "url": "https://a.example/" }), "`events` is missing"),
        (json!({ "url": "https://a.example/", "events": ["opened"] }), "`secret` is missing"),
        (json!({ "url": "https://a.example/", "events": ["opened"], "secret": "" }), "`secret` is empty"),
        (
            json!({ "url": "https://a.example/", "events": [], "secret": "s" }),
            "`events` is empty, expected at least one event",
        ),
        (json!({ "url": "a.example", "events": ["opened"], "secret": "s" }), "`url` is not an http or https URL"),
        (
            json!({ "url": "https://a.example/", "events": ["open"], "secret": "s" }),
            "`events` has an unknown event `open`; known: queued, sending, delivered, opened, clicked, bounced, complained",
        ),
    ] {
        let expected = (400, "invalid_request".to_owned(), message.to_owned());
        assert_eq!(error(serving.call("POST", "/v1/webhooks", &body)), expected, "{body}");
    }
    for (body, start) in [
        ("", "the body is empty, expected a JSON object"),
        ("{", "the body is not JSON: EOF"),
        ("[]", "the body is not a JSON object"),
        ("{\"url\":1}", "the body does not fit: invalid type: integer `1`, expected a string"),
    ] {
        let answer = serving.call_with("POST", "/v1/webhooks", body);
        let (status, code, message) = error((answer.status, serde_json::from_str(&answer.body).unwrap()));
        assert_eq!((status, code.as_str()), (400, "invalid_request"), "{body}");
        assert!(message.starts_with(start), "{body}: {message}");
    }
    let large = json!({ "url": "x".repeat(2 << 20) }).to_string();
    let answer = serving.request_unread("POST", "/v1/webhooks", &large);
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(answer.body.contains(r#"{"error":{"code":"payload_too_large","message":"#), "{answer:?}");
}

#[test]
fn only_the_key_opens_the_api() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    for headers in [
        "",
        "authorization: Bearer wrong\r\n",
        "authorization: Bearer test-ke\r\n",
        "authorization: Bearer\r\n",
        "authorization: Basic test-key\r\n",
        "x-api-key: test-key\r\n",
    ] {
        for (method, path) in [("GET", "/v1/webhooks"), ("DELETE", "/v1/webhooks/wh_1"), ("GET", "/v1/webhooks/a/logs")]
        {
            let answer = serving.request(method, path, headers, "");
            assert_eq!(answer.status, 401, "{method} {path} {headers}");
            assert!(answer.head.contains("\r\nwww-authenticate: Bearer\r\n"), "{}", answer.head);
            let (_, code, message) = error((401, serde_json::from_str(&answer.body).unwrap()));
            assert!(code == "unauthorized" && !message.contains("test-ke"), "{message}");
        }
    }
    assert_eq!(serving.request("GET", "/v1/webhooks", "authorization: bearer test-key\r\n", "").status, 200);
}

#[test]
fn an_unknown_path_lists_the_known_ones() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let known = "known: POST /v1/webhooks, GET /v1/webhooks, PUT /v1/webhooks/{id}, DELETE /v1/webhooks/{id}, \
        GET /v1/webhooks/{id}/logs";
    for path in ["/v1/webhook", "/v1", "/v2/webhooks", "/nowhere"] {
        let expected = (404, "not_found".to_owned(), format!("there is no GET {path}; {known}"));
        assert_eq!(error(serving.call("GET", path, &Value::Null)), expected);
    }
    let answer = serving.call_with("PATCH", "/v1/webhooks", "{}");
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("\r\nallow: POST,GET,HEAD\r\n"), "{}", answer.head);
}

#[test]
fn each_api_is_at_the_paths_of_its_provider_and_below_its_name() {
    let room = TestEnv::new();
    let first = |serving: &ServeProcess| {
        create(serving, &documented());
        let count = |path: &str| serving.succeed("GET", path, &Value::Null)["data"].as_array().unwrap().len();
        (count("/v1/webhooks"), count("/selfmx/v1/webhooks"), count("/aisend/v1/webhooks"))
    };
    assert_eq!(first(&room.serve(&[])), (1, 1, 0), "without a choice, the first of the list");
    assert_eq!(first(&room.serve(&["-p", "aisend", "-p", "selfmx"])), (1, 0, 1), "the first that was chosen");
}

#[test]
fn a_page_of_another_origin_can_neither_read_nor_change_anything() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let key = format!("authorization: Bearer {KEY}\r\n");
    let own = format!("{key}origin: {}\r\n", serving.url());
    assert_eq!(serving.request("GET", "/v1/webhooks", &own, "").status, 200);
    for headers in [
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
        "origin: http://127.0.0.1:1\r\n",
        "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\n",
        "host: evil.example\r\n",
        "host: 127.0.0.1.evil.example:80\r\n",
    ] {
        for (method, path) in
            [("GET", "/v1/webhooks"), ("POST", "/v1/webhooks"), ("OPTIONS", "/v1/webhooks"), ("GET", "/")]
        {
            let preflight = "access-control-request-method: POST\r\n";
            let answer = serving.request(method, path, &format!("{key}{headers}{preflight}"), "");
            assert_eq!(answer.status, 403, "{method} {path} {headers}");
            assert!(!answer.head.contains("access-control-allow"), "{}", answer.head);
        }
    }
    assert_eq!(serving.succeed("GET", "/v1/webhooks", &Value::Null), json!({ "data": [] }));
    let read = serving.request("GET", "/v1/webhooks", &key, "");
    for line in
        ["cross-origin-resource-policy: same-origin", "cache-control: no-store", "x-content-type-options: nosniff"]
    {
        assert!(read.head.contains(&format!("\r\n{line}\r\n")), "{}", read.head);
    }
}

#[test]
fn a_file_keeps_everything_also_after_a_crash() {
    let room = TestEnv::new();
    let data = ["-p", "selfmx", "--data", "whk.db"];
    let serving = room.serve(&data);
    let id = create(&serving, &documented());
    let kept = serving.succeed("GET", "/v1/webhooks", &Value::Null);
    serving.kill();
    #[cfg(unix)]
    for name in ["whk.db", "whk.db-wal"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(room.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let serving = room.serve(&data);
    assert_eq!(serving.succeed("GET", "/v1/webhooks", &Value::Null), kept);
    serving.succeed("DELETE", &format!("/v1/webhooks/{id}"), &Value::Null);
    serving.stop().assert_exit(0);
    let serving = room.serve(&data);
    assert_eq!(serving.succeed("GET", "/v1/webhooks", &Value::Null), json!({ "data": [] }));
}

#[test]
fn a_file_that_is_in_use_or_is_no_store_is_an_error() {
    let room = TestEnv::new();
    let serving = room.serve(&["--data", "whk.db"]);
    room.whk(["serve", "0", "--data", "whk.db"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot use whk.db
  caused by: another process uses it
hint: choose another file: whk serve --data FILE
",
    );
    drop(serving);
    room.write("notes.txt", "this is a text and no database, and it is longer than the header of one".repeat(9));
    room.whk(["serve", "0", "--data", "notes.txt"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot use notes.txt
  caused by: it is not a database
hint: choose another file: whk serve --data FILE
",
    );
    room.whk(["serve", "0", "--data", "missing/whk.db"]).run().assert_snapshot(
        "
exit 2
stderr:
error: cannot open missing/whk.db
  caused by: no such file or directory
",
    );
}

#[test]
fn a_key_is_printed_once_and_kept_with_the_data() {
    let room = TestEnv::new();
    let start = |more: &[&str]| {
        let running = room.whk([["serve", "0"].as_slice(), more].concat()).start();
        running.wait_for_stderr("Ctrl-C");
        running.signal("TERM");
        running.end().assert_exit(0)
    };
    start(&["-p", "selfmx", "--data", "whk.db", "--seed", "1"])
        .redact_between("serving on http://127.0.0.1:", "\n", "[PORT]")
        .redact_between("inspect at http://127.0.0.1:", "/\n", "[PORT]")
        .assert_snapshot(
            "
exit 0
stderr:
serving on http://127.0.0.1:[PORT]
API key whk_kpyx30pey4h2sxw37466io74md9dqmi6
inspect at http://127.0.0.1:[PORT]/
keeping everything in whk.db
Press Ctrl-C to stop
",
        );
    let again = start(&["-p", "selfmx", "--data", "whk.db"]);
    assert!(again.stderr().contains("\nAPI key whk_"), "{again}");
    assert_eq!(again.stderr().lines().nth(1), start(&["--data", "whk.db"]).stderr().lines().nth(1));
    let given = start(&["--api-key", "my-own"]);
    assert!(!given.stderr().contains("my-own"), "{given}");
}

#[test]
fn a_provider_without_an_api_and_an_impossible_key_are_errors() {
    let room = TestEnv::new();
    room.whk(["serve", "0", "-p", "stripe"]).run().assert_snapshot(
        "
exit 2
stderr:
error: whk serve has no API of `stripe`
available: selfmx, aisend, autosend, ahasend
hint: to send its events: whk send -p stripe --type all
",
    );
    room.whk(["serve", "0", "-p", "selfmx", "-p", "selfmx"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `selfmx` was chosen more than once
hint: choose one edition: -p selfmx@2026-01
",
    );
    room.whk(["serve", "0", "--api-key", "a b"]).run().assert_snapshot(
        "
exit 2
stderr:
error: the API key is not possible
  caused by: it is empty, or has characters that no header can carry
hint: whk serve --api-key test
",
    );
}
