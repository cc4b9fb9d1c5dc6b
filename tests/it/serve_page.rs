//! The own API of `whk serve`, below `/_whk`, and its page at `/`: webhooks and deliveries of every provider, the requests
//! that were sent, what can be done with them, and what can read them.

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::Connection;
use crate::harness::serve::{KEY, ServeProcess};

const ACCOUNT: &str = "4cdd7bdd-294e-4762-892f-83d40abf5a87";

/// Registers a webhook of AutoSend; returns its id.
#[track_caller]
fn autosend(serving: &ServeProcess, url: &str, events: &[&str]) -> String {
    let body = json!({ "url": url, "events": events });
    serving.succeed("POST", "/v1/webhooks", &body)["data"]["webhook"]["id"].as_str().unwrap().to_owned()
}

/// Registers a webhook of AhaSend for one event; returns its id.
#[track_caller]
fn ahasend(serving: &ServeProcess, url: &str) -> String {
    let body = json!({ "name": "A", "url": url, "scope": "global", "on_delivered": true });
    let path = format!("/v2/accounts/{ACCOUNT}/webhooks");
    serving.succeed("POST", &path, &body)["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn emit(serving: &ServeProcess, body: &Value) {
    serving.succeed("POST", "/_whk/emit", body);
}

#[track_caller]
fn read(serving: &ServeProcess, path: &str) -> Value {
    serving.succeed("GET", path, &Value::Null)
}

/// A stream of changes, opened with these header lines.
#[track_caller]
fn stream(serving: &ServeProcess, target: &str, headers: &str) -> Connection {
    let mut connection = Connection::open(serving.address());
    let request = format!("GET {target} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", serving.address());
    connection.write(request.as_bytes());
    let head = connection.answer();
    assert_eq!(head.status, 200, "{head:?}");
    assert!(head.head.contains("content-type: text/event-stream"), "{}", head.head);
    connection
}

/// Waits until nothing waits for a webhook any more; the stream wakes it.
#[track_caller]
fn wait_for_end(serving: &ServeProcess, count: usize) {
    serving.wait_for_lines(|lines| lines.iter().filter(|line| line["kind"] == "delivery").count() == count);
}

/// The message of an error with this status.
#[track_caller]
fn error((status, body): (u16, Value), expected: u16) -> String {
    assert_eq!((status, body.as_object().unwrap().len()), (expected, 1), "{body}");
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn webhooks_have_their_state_what_waits_and_the_counters_of_their_provider() {
    let room = TestEnv::new();
    let failing = TestHandler::answering([HandlerResponse::text(500, "no")]);
    let handler = TestHandler::accepting();
    let serving = room.serve(&["-p", "autosend", "-p", "ahasend", "-p", "selfmx"]);
    let first = autosend(&serving, &failing.url(), &["email.opened"]);
    let second = ahasend(&serving, &handler.url());
    let body = json!({ "url": handler.url(), "events": ["opened"], "secret": "a-secret" });
    let third = serving.succeed("POST", "/selfmx/v1/webhooks", &body)["id"].clone();
    emit(&serving, &json!({ "type": "email.opened" }));
    emit(&serving, &json!({ "type": "message.delivered" }));
    serving.wait_for_lines(|lines| lines.iter().filter(|line| line["kind"] == "attempt").count() == 2);
    let webhooks = read(&serving, "/_whk/webhooks");
    let list = webhooks["webhooks"].as_array().unwrap();
    let ids: Vec<&Value> = list.iter().map(|webhook| &webhook["id"]).collect();
    assert_eq!(ids, [&third, &json!(second), &json!(first)], "the newest first");
    assert_eq!((&webhooks["next"], webhooks["change"].is_u64()), (&Value::Null, true));
    assert_eq!(
        (&list[0]["counters"], &list[0]["account"], &list[0]["provider"]),
        (&json!({}), &Value::Null, &json!("selfmx"))
    );
    let shown = &list[1];
    let own = read(&serving, &format!("/v2/accounts/{ACCOUNT}/webhooks/{second}"));
    for name in ["success_count", "error_count", "errors_since_last_success", "last_request_at"] {
        assert_eq!(shown["counters"][name], own[name], "{name}");
    }
    assert_eq!((&shown["account"], &shown["successes"], &shown["waiting"]), (&json!(ACCOUNT), &json!(1), &json!(0)));
    let shown = &list[2];
    let own = read(&serving, &format!("/v1/webhooks/{first}"));
    for name in ["failureCount", "lastFailedAt", "lastSuccessAt", "lastDeliveredAt"] {
        assert_eq!(shown["counters"][name], own["data"][name], "{name}");
    }
    assert_eq!(shown["counters"]["failureCount"], 1);
    assert_eq!((&shown["failures"], &shown["waiting"], &shown["enabled"]), (&json!(1), &json!(1), &json!(true)));
    assert!(shown["next_attempt_at"].is_string() && shown["last_failure_at"].is_string(), "{shown}");
    assert_eq!(&read(&serving, &format!("/_whk/webhooks/{first}"))["id"], &json!(first));
    let page = read(&serving, "/_whk/webhooks?limit=2");
    assert_eq!((page["webhooks"].as_array().unwrap().len(), &page["next"]), (2, &list[1]["seq"]));
    let rest = read(&serving, &format!("/_whk/webhooks?limit=2&before={}", page["next"]));
    assert_eq!((&rest["webhooks"][0]["id"], &rest["next"]), (&json!(first), &Value::Null));
    let text = webhooks.to_string();
    assert!(!text.contains("a-secret") && !text.contains("whsec"), "no secret is shown: {text}");
}

#[test]
fn deliveries_are_listed_newest_first_and_one_is_shown_with_its_attempts() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(503, "not yet")]);
    let other = TestHandler::accepting();
    let serving = room.serve(&["-p", "autosend", "--speed", "2"]);
    let failing = autosend(&serving, &handler.url(), &["email.opened"]);
    let accepting = autosend(&serving, &other.url(), &["email.clicked"]);
    emit(&serving, &json!({ "type": "email.opened" }));
    serving.wait_for_lines(|lines| lines.iter().any(|line| line["kind"] == "attempt"));
    emit(&serving, &json!({ "type": "email.clicked" }));
    wait_for_end(&serving, 1);
    let found = read(&serving, "/_whk/deliveries");
    let list = found["deliveries"].as_array().unwrap();
    assert_eq!((list.len(), &found["next"]), (2, &Value::Null));
    let delivered = &list[0];
    assert_eq!((&delivered["webhook_id"], &delivered["state"]), (&json!(accepting), &json!("delivered")));
    assert_eq!((&delivered["status"], &delivered["next_attempt_at"]), (&json!(200), &Value::Null));
    let waiting = &list[1];
    assert_eq!((&waiting["webhook_id"], &waiting["state"]), (&json!(failing), &json!("pending")));
    assert_eq!(
        (&waiting["attempts"], &waiting["max_attempts"], &waiting["status"]),
        (&json!(1), &json!(4), &json!(503))
    );
    // The first retry comes a minute later, so half a minute at this speed.
    assert_eq!(waiting["wait_s"], 60);
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let waits = at(&waiting["next_attempt_at"]).duration_since(at(&waiting["updated_at"])).as_secs_f64();
    assert!((29.0..=31.0).contains(&waits), "{waits}: {waiting}");
    let detail = read(&serving, &format!("/_whk/deliveries/{}", waiting["seq"]));
    let received = handler.received();
    assert_eq!(detail["body"].as_str().unwrap().as_bytes(), received[0].body);
    let history = detail["history"].as_array().unwrap();
    let told: Vec<_> = history.iter().map(|one| (&one["attempt"], &one["status"], &one["response"])).collect();
    assert_eq!(told, [(&json!(1), &json!(503), &json!("not yet"))]);
    assert_eq!(history[0]["next_attempt_at"], waiting["next_attempt_at"]);
    for (attempt, received) in history.iter().zip(&received) {
        let headers: Vec<(String, String)> = serde_json::from_value(attempt["headers"].clone()).unwrap();
        let (_, signature) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-webhook-signature")).unwrap();
        assert_eq!(received.header("x-webhook-signature"), [signature]);
    }
    let seqs = |path: &str| -> Vec<Value> {
        read(&serving, path)["deliveries"].as_array().unwrap().iter().map(|one| one["seq"].clone()).collect()
    };
    assert_eq!(seqs(&format!("/_whk/deliveries?webhook={failing}")), [json!(1)]);
    assert_eq!(seqs("/_whk/deliveries?limit=1"), [json!(2)]);
    assert_eq!(seqs("/_whk/deliveries?before=2"), [json!(1)]);
    let missing = |path: &str| error(serving.call("GET", path, &Value::Null), 404);
    assert_eq!(missing("/_whk/deliveries/99"), "there is no delivery 99");
    assert_eq!(missing("/_whk/deliveries/x"), "there is no delivery x");
    assert_eq!(missing("/_whk/deliveries?webhook=none"), "there is no webhook `none`");
    let wrong = serving.call("GET", "/_whk/deliveries?before=x", &Value::Null);
    assert_eq!(error(wrong, 400), "the parameter `before` cannot be `x`");
}

#[test]
fn the_stream_has_each_change_and_says_when_too_much_was_missed() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let serving = room.serve(&["-p", "autosend"]);
    let mut events = stream(&serving, "/_whk/stream", "");
    let id = autosend(&serving, &handler.url(), &["email.opened"]);
    let text = events.read_until("event: change\n");
    assert!(text.contains("event: webhook\ndata: {") && text.contains(&id), "{text}");
    emit(&serving, &json!({ "type": "email.opened" }));
    let text = events.read_until("\"state\":\"delivered\"");
    assert!(text.contains("event: delivery\ndata: {"), "{text}");
    events.read_until("\"lastSuccessAt\":\"");
    // From an earlier change on, all of it comes again; a change of another process is not known.
    let change = read(&serving, "/_whk/deliveries")["change"].as_u64().unwrap();
    let mut again = stream(&serving, &format!("/_whk/stream?after={}", change - 1), "");
    again.read_until("event: change\n");
    let mut foreign = stream(&serving, "/_whk/stream", "last-event-id: 7\r\n");
    let text = foreign.read_until("event: change\n");
    assert!(text.contains("event: reset\n") && !text.contains("event: delivery"), "{text}");
    serving.succeed("DELETE", &format!("/v1/webhooks/{id}"), &Value::Null);
    foreign.read_until("\"deleted\":true");
}

#[test]
fn a_delivery_is_resent_under_the_id_of_its_event() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(400, ""), HandlerResponse::text(200, "")]);
    let serving = room.serve(&["-p", "selfmx", "--speed", "max"]);
    let body = json!({ "url": handler.url(), "events": ["opened"], "secret": "a-secret" });
    let id = serving.succeed("POST", "/v1/webhooks", &body)["id"].as_str().unwrap().to_owned();
    emit(&serving, &json!({ "type": "opened" }));
    wait_for_end(&serving, 1);
    let history = read(&serving, "/_whk/deliveries/1")["history"].clone();
    let told: Vec<_> = history.as_array().unwrap().iter().map(|one| (&one["attempt"], &one["status"])).collect();
    assert_eq!(told, [(&json!(1), &json!(400)), (&json!(2), &json!(200))]);
    let (status, resent) = serving.call("POST", "/_whk/deliveries/1/resend", &Value::Null);
    assert_eq!((status, &resent["seq"], &resent["attempts"]), (201, &json!(2), &json!(0)));
    wait_for_end(&serving, 2);
    let received = handler.received();
    let (first, last) = (&received[0], received.last().unwrap());
    assert_eq!(first.body, last.body, "the same event");
    assert_eq!(read(&serving, "/_whk/deliveries/2")["event_id"], read(&serving, "/_whk/deliveries/1")["event_id"]);
    let path = format!("/v1/webhooks/{id}");
    serving.succeed("PUT", &path, &json!({ "active": false }));
    let message = error(serving.call("POST", "/_whk/deliveries/1/resend", &Value::Null), 409);
    assert_eq!(message, format!("the webhook {id} is disabled; enable it first"));
    serving.succeed("DELETE", &path, &Value::Null);
    let message = error(serving.call("POST", "/_whk/deliveries/1/resend", &Value::Null), 409);
    assert_eq!(message, "the webhook was deleted");
    assert_eq!(read(&serving, "/_whk/deliveries/1")["webhook_id"], Value::Null);
    let message = error(serving.call("POST", "/_whk/deliveries/9/resend", &Value::Null), 404);
    assert_eq!(message, "there is no delivery 9");
}

#[test]
fn a_test_event_goes_to_one_webhook_alone() {
    let room = TestEnv::new();
    let (handler, other) = (TestHandler::accepting(), TestHandler::never_called());
    let serving = room.serve(&["-p", "ahasend"]);
    let id = ahasend(&serving, &handler.url());
    ahasend(&serving, &other.url());
    let path = format!("/_whk/webhooks/{id}/test");
    let (status, sent) = serving.call("POST", &path, &Value::Null);
    assert_eq!((status, &sent["webhook_id"], &sent["event_type"]), (201, &json!(id), &json!("message.delivered")));
    let (status, _) = serving.call("POST", &path, &json!({ "type": "message.delivered" }));
    assert_eq!(status, 201);
    wait_for_end(&serving, 2);
    assert_eq!(handler.received().len(), 2);
    let message = error(serving.call("POST", &path, &json!({ "type": "message.opened" })), 400);
    assert_eq!(message, "the webhook does not subscribe to `message.opened`; available events: message.delivered");
    let message = error(serving.call("POST", &path, &json!({ "kind": "x" })), 400);
    assert!(message.starts_with("the body does not fit: unknown field `kind`"), "{message}");
    let message = error(serving.call("POST", "/_whk/webhooks/none/test", &Value::Null), 404);
    assert_eq!(message, "there is no webhook `none`");
}

#[test]
fn a_webhook_that_its_provider_disabled_has_the_notice_and_is_enabled_again() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let serving = room.serve(&["-p", "ahasend", "--speed", "max"]);
    let id = ahasend(&serving, &handler.url());
    let path = format!("/_whk/webhooks/{id}");
    let by_hand = format!("/v2/accounts/{ACCOUNT}/webhooks/{id}");
    serving.succeed("PUT", &by_hand, &json!({ "enabled": false }));
    let shown = read(&serving, &path);
    assert_eq!((&shown["enabled"], &shown["disabled_notice"]), (&json!(false), &Value::Null), "disabled by hand");
    assert_eq!(serving.succeed("POST", &format!("{path}/enable"), &Value::Null)["enabled"], true);
    emit(&serving, &json!({ "type": "message.delivered", "count": 200 }));
    serving.wait_for_lines(|lines| lines.iter().any(|line| line["kind"] == "disabled"));
    let shown = read(&serving, &path);
    assert_eq!((&shown["enabled"], &shown["waiting"]), (&json!(false), &json!(0)));
    let notice = shown["disabled_notice"].as_str().unwrap();
    assert!(
        notice.contains("would now send an email") && notice.contains("after 100 consecutive failures"),
        "{notice}"
    );
    let message = error(serving.call("POST", &format!("{path}/test"), &Value::Null), 409);
    assert_eq!(message, format!("the webhook {id} is disabled; enable it first"));
    let enabled = serving.succeed("POST", &format!("{path}/enable"), &Value::Null);
    assert_eq!((&enabled["enabled"], &enabled["disabled_notice"]), (&json!(true), &Value::Null));
    assert_eq!(enabled["counters"]["errors_since_last_success"], 0);
}

#[test]
fn only_this_machine_reads_without_the_key_and_only_the_key_changes_anything() {
    let room = TestEnv::new();
    let handler = TestHandler::never_called();
    let serving = room.serve(&["-p", "selfmx", "--allow-host", "tunnel.example"]);
    let body = json!({ "url": handler.url(), "events": ["opened"], "secret": "a-secret" });
    let id = serving.succeed("POST", "/v1/webhooks", &body)["id"].as_str().unwrap().to_owned();
    serving.succeed("PUT", &format!("/v1/webhooks/{id}"), &json!({ "active": false }));
    let one = format!("/_whk/webhooks/{id}");
    let (enable, test) = (format!("{one}/enable"), format!("{one}/test"));
    let reads = ["/_whk/webhooks", &one, "/_whk/deliveries", "/_whk/stream"];
    let changes = [enable.as_str(), &test, "/_whk/deliveries/1/resend"];
    let status = |method: &str, path: &str, headers: &str| serving.request(method, path, headers, "").status;
    for path in &reads[..3] {
        assert_eq!(status("GET", path, ""), 200, "{path}");
    }
    for path in changes {
        assert_eq!(status("POST", path, ""), 401, "{path}");
    }
    for (headers, expected) in [
        ("authorization: Bearer wrong\r\n", 401),
        ("host: tunnel.example\r\n", 401),
        ("host: evil.example\r\n", 403),
        ("origin: https://evil.example\r\n", 403),
        ("origin: null\r\n", 403),
        ("sec-fetch-site: cross-site\r\nsec-fetch-mode: cors\r\n", 403),
        ("origin: http://127.0.0.1:1\r\nsec-fetch-site: same-site\r\n", 403),
    ] {
        for path in reads {
            assert_eq!(status("GET", path, headers), expected, "{path} {headers}");
        }
        for path in changes.iter().chain(&["/_whk/emit"]) {
            assert_eq!(status("POST", path, headers), expected, "{path} {headers}");
        }
    }
    let key = format!("authorization: Bearer {KEY}\r\n");
    assert_eq!(status("GET", "/_whk/webhooks", &format!("{key}host: tunnel.example\r\n")), 200);
    assert_eq!(read(&serving, &one)["enabled"], false, "nothing was changed");
    assert_eq!(status("POST", &enable, &key), 200);
}

#[test]
fn an_unknown_path_or_method_of_it_lists_what_there_is() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let message = error(serving.call("GET", "/_whk/hooks", &Value::Null), 404);
    let known = "known: POST /_whk/emit, GET /_whk/webhooks, GET /_whk/webhooks/{id}, POST /_whk/webhooks/{id}/enable, \
        POST /_whk/webhooks/{id}/test, GET /_whk/deliveries, GET /_whk/deliveries/{seq}, \
        POST /_whk/deliveries/{seq}/resend, GET /_whk/stream, GET /_whk/openapi.json";
    assert_eq!(message, format!("there is no GET /_whk/hooks; {known}"));
    assert_eq!(error(serving.call("GET", "/_whk/emit", &Value::Null), 405), "/_whk/emit has no GET");
}

/// The token that the page carries.
#[track_caller]
fn token(serving: &ServeProcess) -> String {
    let html = serving.request("GET", "/", "", "").body;
    let (_, rest) = html.split_once("name=\"whk-token\" content=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn the_page_is_at_the_root_and_its_token_does_what_the_key_does() {
    let room = TestEnv::new();
    let handler = TestHandler::accepting();
    let serving = room.serve(&["-p", "ahasend", "--speed", "60", "--allow-host", "tunnel.example"]);
    let id = ahasend(&serving, &handler.url());
    let page = serving.request("GET", "/", "", "");
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("content-type: text/html")
            && page.head.contains("content-security-policy: default-src 'self'")
    );
    assert!(!page.head.contains("unsafe") && page.body.contains("content=\"serve\""), "{page:?}");
    assert!(page.body.contains(&format!("name=\"whk-target\" content=\"{}\"", serving.url())), "{page:?}");
    assert!(page.body.contains("name=\"whk-speed\" content=\"60\""), "{page:?}");
    assert_eq!(serving.request("GET", "/assets/provider.mjs", "", "").status, 200);
    let test = format!("/_whk/webhooks/{id}/test");
    let with =
        |token: &str, more: &str| serving.request("POST", &test, &format!("x-whk-token: {token}\r\n{more}"), "").status;
    let token = token(&serving);
    assert_eq!(with(&token, &format!("origin: {}\r\nsec-fetch-site: same-origin\r\n", serving.url())), 201);
    assert_eq!((with("", ""), with("wrong", ""), with(&token[1..], "")), (401, 401, 401));
    assert_eq!(with(&token, "origin: https://evil.example\r\n"), 403);
    assert_eq!(with(&token, "host: tunnel.example\r\n"), 401, "a tunnel needs the key");
    for path in ["/", "/api/requests", "/api/stream", "/api/requests/1"] {
        let status = |headers: &str| serving.request("GET", path, headers, "").status;
        assert_eq!(status("host: tunnel.example\r\n"), 403, "the page is for this machine: {path}");
        assert_eq!(status("host: evil.example\r\n"), 403, "{path}");
        assert_eq!(status("origin: https://evil.example\r\n"), 403, "{path}");
    }
    wait_for_end(&serving, 1);
    assert_eq!(handler.received().len(), 1);
}

#[test]
fn the_requests_that_were_sent_are_listed_explained_and_replayed_with_the_secret_of_their_webhook() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(503, "not yet"), HandlerResponse::text(200, "fine")]);
    let other = TestHandler::accepting();
    let serving = room.serve(&["-p", "selfmx", "--speed", "max"]);
    let register = |url: String, secret: &str| {
        let body = json!({ "url": url, "events": ["opened"], "secret": secret });
        serving.succeed("POST", "/v1/webhooks", &body)["id"].as_str().unwrap().to_owned()
    };
    let first = register(format!("{}?a=1", handler.url()), "the-first-secret");
    register(other.url(), "another-secret");
    let mut live = stream(&serving, "/api/stream?brief", "");
    emit(&serving, &json!({ "type": "opened" }));
    live.read_until("id: 3\n");
    let list = read(&serving, "/api/requests");
    let requests = list["requests"].as_array().unwrap();
    assert_eq!((requests.len(), &list["next"], &list["newest"]), (3, &Value::Null, &json!(3)));
    let ours: Vec<&Value> = requests.iter().filter(|request| request["target"] == "/hooks?a=1").collect();
    let statuses: Vec<&Value> = ours.iter().map(|request| &request["response"]["status"]).collect();
    assert_eq!(statuses, [&json!(503), &json!(200)]);
    assert_eq!((&ours[0]["response"]["body"], &ours[0]["response"]["by"]), (&json!("not yet"), &json!("handler")));
    assert_eq!((&ours[0]["method"], &ours[0]["verdict"]["status"]), (&json!("POST"), &json!("valid")));
    assert_eq!(ours[0]["headers"][0][0], "host");
    assert_eq!(ours[0]["body"].as_str().unwrap().as_bytes(), handler.received()[0].body);
    let path = format!("/api/requests/{}", ours[0]["seq"]);
    assert_eq!(&read(&serving, &path), ours[0]);
    let found = read(&serving, "/api/requests?q=status:503");
    assert_eq!(found["requests"].as_array().unwrap().len(), 1);
    let attempts = read(&serving, &format!("{path}/attempts"));
    let numbers: Vec<&Value> = attempts["attempts"].as_array().unwrap().iter().map(|one| &one["seq"]).collect();
    assert_eq!(numbers, [&ours[0]["seq"], &ours[1]["seq"]], "those of its own webhook");
    assert_eq!(attempts["schedule"]["attempts_s"], json!([60.0, 360.0, 2160.0]));
    let signature = read(&serving, &format!("{path}/signature"));
    assert_eq!((&signature["status"], &signature["provider"]), (&json!("valid"), &json!("selfmx")));
    let token = token(&serving);
    let replay = |edits: Value| {
        let headers = format!("x-whk-token: {token}\r\ncontent-type: application/json\r\n");
        let answer = serving.request("POST", &format!("{path}/replay"), &headers, &edits.to_string());
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap())
    };
    let (status, answer) = replay(json!({ "body": "{\"type\":\"opened\",\"data\":{}}" }));
    assert_eq!(
        (status, &answer["status"], &answer["resigned"], &answer["body"]),
        (200, &json!(200), &json!(true), &json!("fine"))
    );
    let received = handler.received();
    let replayed = received.last().unwrap();
    assert_eq!(String::from_utf8_lossy(&replayed.body), "{\"type\":\"opened\",\"data\":{}}");
    let verify = |secret: &str| {
        let request = [replayed.head.as_bytes(), &replayed.body].concat();
        room.write("request.http", request);
        room.whk(["verify", "-p", "selfmx", "-s", secret, "request.http"]).run()
    };
    verify("the-first-secret").assert_exit(0);
    verify("another-secret").assert_exit(1);
    serving.succeed("DELETE", &format!("/v1/webhooks/{first}"), &Value::Null);
    let gone = json!({ "error": "the webhook of this request was deleted" });
    assert_eq!(replay(json!({})), (409, gone));
    assert_eq!(read(&serving, &path)["target"], "/", "where it went is not known any more");
}

#[test]
fn an_open_page_does_not_delay_the_end() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let mut streams = [stream(&serving, "/_whk/stream", ""), stream(&serving, "/api/stream", "")];
    serving.stop().assert_exit(0);
    for open in &mut streams {
        // The last part of a body that has ended, rather than a connection that was cut.
        let (text, error) = open.until_it_ends();
        assert!(text.ends_with("0\r\n\r\n") && error.is_none(), "{text} {error:?}");
    }
}
