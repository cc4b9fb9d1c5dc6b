//! `whk serve`: the API of AhaSend, with the requests that its published clients send.

use serde_json::{Map, Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::TestHandler;
use crate::harness::http::Answer;
use crate::harness::serve::{KEY, ServeProcess};

const ACCOUNT: &str = "4cdd7bdd-294e-4762-892f-83d40abf5a87";
const OTHER_ACCOUNT: &str = "0b7f4c1e-93d4-4d0a-8a41-6d2f1c55e0aa";

/// The flags of events, as the API orders them.
const FLAGS: [&str; 10] = [
    "on_reception",
    "on_delivered",
    "on_transient_error",
    "on_failed",
    "on_bounced",
    "on_suppressed",
    "on_opened",
    "on_clicked",
    "on_suppression_created",
    "on_dns_error",
];

fn webhooks() -> String {
    format!("/v2/accounts/{ACCOUNT}/webhooks")
}

fn minimal(name: &str) -> Value {
    json!({ "name": name, "url": "http://127.0.0.1:3000/hooks", "scope": "global", "on_delivered": true })
}

#[track_caller]
fn create(serving: &ServeProcess, body: &Value) -> String {
    serving.succeed("POST", &webhooks(), body)["id"].as_str().unwrap().to_owned()
}

/// The status and the message of an error, which has nothing else.
#[track_caller]
fn error((status, body): (u16, Value)) -> (u16, String) {
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    (status, body["message"].as_str().unwrap().to_owned())
}

/// The names of the webhooks on a page.
fn names(page: &Value) -> Vec<&str> {
    assert_eq!(page["object"], "list");
    page["data"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn the_requests_of_its_clients_work() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend", "--seed", "1", "--now", "2026-02-01T10:00:00Z"]);
    // The Go client sends every flag, and a limit with each list.
    let mut body = json!({ "name": "Failures", "url": "https://mystartup.com/webhook", "scope": "global" });
    for flag in FLAGS {
        body[flag] = json!(matches!(flag, "on_bounced" | "on_transient_error" | "on_failed"));
    }
    let headers = format!(
        "authorization: Bearer {KEY}\r\naccept: application/json\r\ncontent-type: application/json\r\n\
        idempotency-key: 6a6cf3ea-52b3-4a3c-8b21-5b4a0b0e3c11\r\n"
    );
    let answer = serving.request("POST", &webhooks(), &headers, &body.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(!answer.head.contains("idempotent-replayed"), "{}", answer.head);
    let created: Value = serde_json::from_str(&answer.body).unwrap();
    let (id, secret) = (created["id"].as_str().unwrap(), created["secret"].as_str().unwrap());
    assert!(id.len() == 36 && &id[14..15] == "4", "{id}");
    assert!(secret.starts_with("aha-whsec-") && secret.len() == 74, "{secret}");
    let mut shown = Map::new();
    for (name, value) in [
        ("object", json!("webhook")),
        ("id", json!(id)),
        ("created_at", json!("2026-02-01T10:00:00Z")),
        ("updated_at", json!("2026-02-01T10:00:00Z")),
        ("name", json!("Failures")),
        ("url", json!("https://mystartup.com/webhook")),
        ("enabled", json!(true)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    for flag in FLAGS {
        shown.insert(flag.to_owned(), body[flag].clone());
    }
    for (name, value) in [
        ("scope", json!("global")),
        ("domains", json!([])),
        ("success_count", json!(0)),
        ("error_count", json!(0)),
        ("errors_since_last_success", json!(0)),
        ("last_request_at", json!(null)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    let mut shown = Value::Object(shown);
    let path = format!("{}/{id}", webhooks());
    assert_eq!(serving.call("GET", &path, &Value::Null), (200, shown.clone()), "without the secret");
    let mut with_secret = shown.clone();
    with_secret["secret"] = json!(secret);
    assert_eq!(created, with_secret);
    let page = json!({ "object": "list", "data": [shown], "pagination": { "has_more": false } });
    assert_eq!(serving.call("GET", &format!("{}?limit=100", webhooks()), &Value::Null), (200, page));
    (shown["name"], shown["url"], shown["enabled"]) =
        (json!("Renamed"), json!("http://localhost:3000/x"), json!(false));
    shown["on_failed"] = json!(false);
    let changes = json!({ "name": "Renamed", "url": "http://localhost:3000/x", "enabled": false, "on_failed": false, "on_opened": null });
    assert_eq!(serving.call("PUT", &path, &changes), (200, shown));
    let deleted = (200, json!({ "message": "Webhook deleted successfully" }));
    assert_eq!(serving.call("DELETE", &path, &Value::Null), deleted);
    let gone = (404, format!("there is no webhook `{id}`"));
    assert_eq!(error(serving.call("GET", &path, &Value::Null)), gone);
    assert_eq!(error(serving.call("PUT", &path, &json!({}))), gone);
    assert_eq!(error(serving.call("DELETE", &path, &Value::Null)), gone);
}

#[test]
fn a_list_is_filtered_and_has_cursors_in_both_directions() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let ids: Vec<String> = ["a", "b", "c", "d", "e"].map(|name| create(&serving, &minimal(name))).into();
    let list = |query: &str| serving.succeed("GET", &format!("{}?{query}", webhooks()), &Value::Null);
    let cursor = |page: &Value, name: &str| page["pagination"][name].as_str().unwrap().to_owned();
    let first = list("limit=2");
    assert_eq!((names(&first), &first["pagination"]["has_more"]), (vec!["a", "b"], &json!(true)));
    assert!(first["pagination"].get("previous_cursor").is_none(), "{first}");
    let second = list(&format!("limit=2&after={}", cursor(&first, "next_cursor")));
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(list(&format!("limit=2&cursor={}", cursor(&first, "next_cursor"))), second, "as older clients name it");
    let third = list(&format!("limit=2&after={}", cursor(&second, "next_cursor")));
    assert_eq!((names(&third), &third["pagination"]["has_more"]), (vec!["e"], &json!(false)));
    assert!(third["pagination"].get("next_cursor").is_none(), "{third}");
    assert_eq!(list(&format!("limit=2&before={}", cursor(&third, "previous_cursor"))), second);
    assert_eq!(list(&format!("limit=2&before={}", cursor(&second, "previous_cursor"))), first);
    // The webhook that a cursor stands for may be gone.
    serving.succeed("DELETE", &format!("{}/{}", webhooks(), ids[1]), &Value::Null);
    assert_eq!(names(&list(&format!("limit=2&after={}", cursor(&first, "next_cursor")))), ["c", "d"]);
    let change = json!({ "enabled": false, "on_delivered": false, "on_clicked": true });
    serving.succeed("PUT", &format!("{}/{}", webhooks(), ids[2]), &change);
    for (query, expected) in [
        ("enabled=false", vec!["c"]),
        ("enabled=true", vec!["a", "d", "e"]),
        ("on_clicked=true", vec!["c"]),
        ("on_delivered=true&limit=2", vec!["a", "d"]),
        ("on_delivered=false&on_clicked=false", vec![]),
    ] {
        assert_eq!(names(&list(query)), expected, "{query}");
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "enabled=1",
        "on_clicked=yes",
        "after=x",
        "after=d2ViaG9vazox&before=d2ViaG9vazox",
    ] {
        assert_eq!(error(serving.call("GET", &format!("{}?{query}", webhooks()), &Value::Null)).0, 400, "{query}");
    }
}

#[test]
fn a_scope_needs_domains_and_global_clears_them() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let empty = "`domains` is empty, expected at least one for the scope `scoped`";
    let with = |scope: &str, domains: Value| {
        let mut body = minimal("x");
        (body["scope"], body["domains"]) = (json!(scope), domains);
        body
    };
    for domains in [json!([]), json!(null)] {
        assert_eq!(error(serving.call("POST", &webhooks(), &with("scoped", domains))), (400, empty.to_owned()));
    }
    let ignored = serving.succeed("POST", &webhooks(), &with("global", json!(["a.example"])));
    assert_eq!(ignored["domains"], json!([]));
    let created = serving.succeed("POST", &webhooks(), &with("scoped", json!(["a.example", "a.example", "b.example"])));
    assert_eq!(created["domains"], json!(["a.example", "b.example"]));
    let path = format!("{}/{}", webhooks(), created["id"].as_str().unwrap());
    let update = |body: Value| {
        let webhook = serving.succeed("PUT", &path, &body);
        (webhook["scope"].clone(), webhook["domains"].clone())
    };
    assert_eq!(update(json!({ "domains": null })), (json!("scoped"), json!(["a.example", "b.example"])));
    assert_eq!(update(json!({ "domains": [] })), (json!("scoped"), json!([])));
    assert_eq!(update(json!({ "domains": ["c.example"] })), (json!("scoped"), json!(["c.example"])));
    assert_eq!(update(json!({ "scope": "global", "domains": ["c.example"] })), (json!("global"), json!([])));
    assert_eq!(error(serving.call("PUT", &path, &json!({ "scope": "scoped" }))), (400, empty.to_owned()));
    assert_eq!(update(json!({ "scope": "scoped", "domains": ["d.example"] })), (json!("scoped"), json!(["d.example"])));
}

#[test]
fn a_key_of_idempotency_repeats_the_response() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let send = |key: &str, path: &str, body: &str| -> Answer {
        serving.request("POST", path, &format!("authorization: Bearer {KEY}\r\nidempotency-key: {key}\r\n"), body)
    };
    let replayed = |answer: &Answer| answer.head.contains("\r\nidempotent-replayed: true\r\n");
    let body = minimal("a").to_string();
    let first = send("one", &webhooks(), &body);
    assert_eq!((first.status, replayed(&first)), (201, false));
    let again = send("one", &webhooks(), &body);
    assert_eq!((again.status, replayed(&again), &again.body), (201, true, &first.body), "with the secret");
    let mismatch = "idempotency key was already used with a different request payload";
    let elsewhere = format!("/v2/accounts/{OTHER_ACCOUNT}/webhooks");
    for (path, body) in [(&webhooks(), &minimal("b").to_string()), (&elsewhere, &body)] {
        let answer = send("one", path, body);
        let message = error((answer.status, serde_json::from_str(&answer.body).unwrap()));
        assert_eq!(message, (422, mismatch.to_owned()));
        assert!(
            !answer.head.contains("idempotent-replayed") && !answer.head.contains("retry-after"),
            "{}",
            answer.head
        );
    }
    let rejected = send("two", &webhooks(), "{}");
    assert_eq!((rejected.status, replayed(&rejected)), (400, false));
    let again = send("two", &webhooks(), "{}");
    assert_eq!((again.status, replayed(&again), &again.body), (400, true, &rejected.body));
    assert_eq!(send("two", &webhooks(), &body).status, 422, "a rejected request has used the key");
    assert_eq!(send(&"k".repeat(255), &webhooks(), &body).status, 201);
    assert_eq!(send(&"k".repeat(256), &webhooks(), &body).status, 400);
    let wrong = serving.request("POST", &webhooks(), "authorization: Bearer x\r\nidempotency-key: three\r\n", &body);
    assert_eq!(wrong.status, 401);
    assert_eq!(send("three", &webhooks(), &body).status, 201, "access is checked before the key is used");
    assert_eq!(names(&serving.succeed("GET", &webhooks(), &Value::Null)).len(), 3);
}

#[test]
fn what_is_wrong_is_reported_in_the_form_of_the_provider() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    for (name, value, message) in [
        ("name", json!(null), "`name` is missing"),
        ("name", json!(" "), "`name` is not a text of 1 to 255 characters"),
        ("name", json!("x".repeat(256)), "`name` is not a text of 1 to 255 characters"),
        ("name", json!(1), "`name` is not a text"),
        ("url", json!(null), "`url` is missing"),
        ("url", json!("x"), "`url` is not an http or https URL"),
        ("scope", json!(null), "`scope` is missing"),
        ("scope", json!("all"), "`scope` is not one of global, scoped"),
        ("on_opened", json!("true"), "`on_opened` is not true or false"),
        ("enabled", json!(1), "`enabled` is not true or false"),
        ("domains", json!("a.example"), "`domains` is not a list of domains"),
        ("domains", json!([1]), "`domains` is not a list of domains"),
    ] {
        let mut body = minimal("x");
        body[name] = value;
        assert_eq!(error(serving.call("POST", &webhooks(), &body)), (400, message.to_owned()), "{body}");
    }
    for body in ["", "{", "[]"] {
        let answer = serving.call_with("POST", &webhooks(), body);
        assert_eq!(error((answer.status, serde_json::from_str(&answer.body).unwrap())).0, 400, "{body}");
    }
    let large = serving.request_unread("POST", &webhooks(), &json!({ "name": "x".repeat(2 << 20) }).to_string());
    assert_eq!(error((large.status, serde_json::from_str(&large.body).unwrap())).0, 413);
    let wrong = serving.request("GET", &webhooks(), "authorization: Bearer aha-sk-wrong\r\n", "");
    assert_eq!(error((wrong.status, serde_json::from_str(&wrong.body).unwrap())).0, 401);
    for path in ["/v2/accounts/x/webhooks", &format!("{}/x", webhooks())] {
        assert_eq!(error(serving.call("GET", path, &Value::Null)).0, 400, "{path}");
    }
    let (status, message) = error(serving.call("GET", "/v2/accounts", &Value::Null));
    let known = "known: GET /v2/accounts/{account_id}/webhooks, ";
    assert!(status == 404 && message.contains(known), "{message}");
    assert_eq!(error(serving.call("PATCH", &webhooks(), &Value::Null)).0, 405);
    let id = create(&serving, &minimal("x"));
    let secret = serving.call("PUT", &format!("{}/{id}", webhooks()), &json!({ "secret": "aha-whsec-1" }));
    assert_eq!(error(secret), (400, "`secret` cannot be updated".to_owned()));
}

#[test]
fn another_account_finds_nothing() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let id = create(&serving, &minimal("x"));
    let other = format!("/v2/accounts/{OTHER_ACCOUNT}/webhooks");
    assert!(names(&serving.succeed("GET", &other, &Value::Null)).is_empty());
    let gone = (404, format!("there is no webhook `{id}`"));
    for (method, body) in [("GET", Value::Null), ("PUT", json!({ "enabled": false })), ("DELETE", Value::Null)] {
        assert_eq!(error(serving.call(method, &format!("{other}/{id}"), &body)), gone, "{method}");
    }
    assert_eq!(serving.succeed("GET", &format!("{}/{id}", webhooks()), &Value::Null)["enabled"], true);
}

/// The calls of a program that uses AhaSend's Go client and its command line, as they write them, and the responses.
/// `{account}`, `{key}` and `{handler}` stand for those of the run, `{id}` and `{secret}` for what the server made.
const SESSION: &str = include_str!("recorded/ahasend-session.json");

#[test]
fn a_recorded_session_of_its_clients_gets_the_recorded_responses() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let serving = room.serve(&["-p", "ahasend", "--now", "2026-02-01T10:00:00Z"]);
    let mut known = [
        ("{account}", ACCOUNT.to_owned()),
        ("{key}", KEY.to_owned()),
        ("{handler}", handler.url()),
        ("{id}", String::new()),
        ("{secret}", String::new()),
    ];
    let session: Vec<Value> = serde_json::from_str(SESSION).unwrap();
    assert!(session.len() >= 15);
    for exchange in session {
        let call = exchange["call"].as_str().unwrap();
        let filled = |text: &str| known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let headers: Vec<&str> =
            exchange["headers"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let headers = filled(&headers.join("\r\n")) + "\r\n";
        let body = exchange.get("body").map(|body| filled(&body.to_string())).unwrap_or_default();
        let (method, path) = (exchange["method"].as_str().unwrap(), filled(exchange["path"].as_str().unwrap()));
        let answer = serving.request(method, &path, &headers, &body);
        assert_eq!(Value::from(answer.status), exchange["status"], "{call}: {answer:?}");
        let response: Value = serde_json::from_str(&answer.body).unwrap();
        if let Some(secret) = response["secret"].as_str() {
            known[3].1 = response["id"].as_str().unwrap().to_owned();
            known[4].1 = secret.to_owned();
        }
        let filled = |text: &str| known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let expected: Value = serde_json::from_str(&filled(&exchange["response"].to_string())).unwrap();
        assert_eq!(response, expected, "{call}");
        for line in exchange["response_headers"].as_array().into_iter().flatten() {
            let line = format!("\r\n{}\r\n", line.as_str().unwrap());
            assert!(answer.head.contains(&line), "{call}: {}", answer.head);
        }
        if path.ends_with("/trigger") && answer.status == 200 {
            serving.wait_for_lines(|lines| lines.iter().any(|line| line["kind"] == "delivery"));
        }
    }
    assert_eq!(handler.received().len(), 1);
}
