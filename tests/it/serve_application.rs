//! An application against `whk serve`: it registers itself, fails for a while, recovers, and the logs tell that story.
//! Times are those that the server reports, not those of the machine that runs the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::serve::ServeProcess;

/// An account of AhaSend.
const ACCOUNT: &str = "/v2/accounts/4cdd7bdd-294e-4762-892f-83d40abf5a87/webhooks";

/// An application: its handler, and the webhook that it has registered itself.
struct Application {
    handler: TestHandler,
    /// The number of requests that its handler will respond to with 503.
    failures: Arc<AtomicUsize>,
    webhook: String,
}

impl Application {
    /// Registers itself for bounced messages.
    fn start(serving: &ServeProcess) -> Self {
        let failures = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&failures);
        let handler = TestHandler::deciding(move |_| {
            let fails = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            HandlerResponse::text(if fails { 503 } else { 200 }, "")
        });
        let body = json!({ "url": handler.url(), "events": ["bounced"], "secret": "of-the-application" });
        let webhook = serving.succeed("POST", "/v1/webhooks", &body)["id"].as_str().unwrap().to_owned();
        Self { handler, failures, webhook }
    }

    /// The logs of its webhook, the oldest first.
    fn logs(&self, serving: &ServeProcess) -> Vec<Value> {
        let logs = serving.succeed("GET", &format!("/v1/webhooks/{}/logs", self.webhook), &Value::Null);
        logs["data"].as_array().unwrap().iter().rev().cloned().collect()
    }
}

fn emit(serving: &ServeProcess, body: &Value) -> Vec<Value> {
    serving.succeed("POST", "/_whk/emit", body)["events"].as_array().unwrap().clone()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

/// Waits until this many deliveries have ended; returns all lines.
fn ended(serving: &ServeProcess, count: usize) -> Vec<Value> {
    serving.wait_for_lines(|lines| of_kind(lines, "delivery").len() >= count)
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn an_application_recovers_and_the_logs_tell_its_story() {
    let room = TestEnv::new();
    // 1, 5 and 30 minutes are 0.1, 0.5 and 3 seconds.
    let serving = room.serve(&["-p", "selfmx", "--speed", "600"]);
    let application = Application::start(&serving);
    emit(&serving, &json!({ "type": "bounced" }));
    ended(&serving, 1);
    application.failures.store(2, Ordering::SeqCst);
    let emitted = emit(&serving, &json!({ "type": "bounced", "set": { "data.bounce_type": "soft" } }));
    let event = &emitted[0]["event_id"];
    let lines = ended(&serving, 2);
    let attempts: Vec<&Value> =
        of_kind(&lines, "attempt").into_iter().filter(|line| line["event_id"] == *event).collect();
    let waits: Vec<f64> = attempts.iter().map(|line| line["wait_s"].as_f64().unwrap()).collect();
    assert_eq!(waits, [0.0, 60.0, 300.0]);
    // Never before the schedule's time, which counts from the end of the attempt before it.
    for pair in attempts.windows(2) {
        let real = time(&pair[1]["at"]).duration_since(time(&pair[0]["at"]));
        let scheduled = pair[1]["wait_s"].as_f64().unwrap() / 600.0;
        assert!(real.as_secs_f64() >= scheduled - 0.002, "{pair:?}");
    }
    let logs = application.logs(&serving);
    let story: Vec<Value> = logs
        .iter()
        .map(|entry| {
            json!([entry["response_code"], entry["attempt"], entry["status"], entry["next_retry_at"].is_null()])
        })
        .collect();
    let expected = json!([
        [200, 1, "delivered", true],
        [503, 1, "failed", false],
        [503, 2, "failed", false],
        [200, 3, "delivered", true]
    ]);
    assert_eq!(json!(story), expected);
    assert!(logs[1..].iter().all(|entry| entry["event_id"] == *event), "{logs:?}");
    // The handler saw the same event, byte for byte, and its signature.
    let received = application.handler.received();
    assert_eq!(received.len(), logs.len());
    for request in &received[1..] {
        let same = (&request.body, request.header("x-webhook-signature"));
        assert_eq!(same, (&received[1].body, received[1].header("x-webhook-signature")));
    }
    serving.stop().assert_exit(0);
}

#[test]
fn a_delivery_that_never_succeeds_is_failed_at_the_end_of_the_schedule() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx", "--speed", "max"]);
    let application = Application::start(&serving);
    application.failures.store(usize::MAX, Ordering::SeqCst);
    emit(&serving, &json!({ "type": "bounced" }));
    let lines = ended(&serving, 1);
    assert_eq!(of_kind(&lines, "delivery")[0]["outcome"], "failed");
    let waits: Vec<f64> = of_kind(&lines, "attempt").iter().map(|line| line["wait_s"].as_f64().unwrap()).collect();
    assert_eq!(waits, [0.0, 60.0, 300.0, 1800.0], "the provider's own waits, also without waiting");
    let logs = application.logs(&serving);
    let last = (&logs[3]["status"], &logs[3]["next_retry_at"]);
    assert_eq!((logs.len(), last), (4, (&json!("failed"), &Value::Null)));
    application.failures.store(0, Ordering::SeqCst);
    emit(&serving, &json!({ "type": "bounced" }));
    assert_eq!(of_kind(&ended(&serving, 2), "delivery")[1]["outcome"], "delivered", "the webhook is still active");
}

#[test]
fn autosend_counts_what_the_application_does() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend", "--speed", "max"]);
    let responses = [500, 500, 200, 200].map(|status| HandlerResponse::text(status, ""));
    let handler = TestHandler::answering(responses);
    let body = json!({ "url": handler.url(), "events": ["email.opened"] });
    let webhook = serving.succeed("POST", "/v1/webhooks", &body)["data"]["webhook"].clone();
    assert_eq!((&webhook["failureCount"], &webhook["lastFailedAt"]), (&json!(0), &Value::Null));
    emit(&serving, &json!({ "type": "email.opened" }));
    ended(&serving, 1);
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let read = || serving.succeed("GET", &path, &Value::Null)["data"].clone();
    let after = read();
    assert!(after["lastFailedAt"].is_string() && after["lastSuccessAt"].is_string(), "{after}");
    let logs = serving.succeed("GET", &format!("{path}/logs"), &Value::Null)["data"]["logs"].clone();
    let shown = (&logs[0]["event"], &logs[0]["attempts"], &logs[0]["success"], &logs[0]["statusCode"]);
    assert_eq!(shown, (&json!("email.opened"), &json!(3), &json!(true), &json!(200)), "{logs}");
}

#[test]
fn autosend_sends_data_of_the_caller_to_one_webhook() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend"]);
    let (handler, other) = (TestHandler::accepting(), TestHandler::never_called());
    let [webhook, _] = [&handler, &other].map(|handler| {
        let body = json!({ "url": handler.url(), "events": ["email.delivered"] });
        serving.succeed("POST", "/v1/webhooks", &body)["data"]["webhook"]["id"].as_str().unwrap().to_owned()
    });
    let path = format!("/v1/webhooks/{webhook}/resend");
    let data = json!({ "messageId": "msg_abc123", "to": "recipient@example.com" });
    let queued = serving.succeed("POST", &path, &json!({ "event": "email.delivered", "data": data }));
    let job = queued["data"]["jobId"].as_str().unwrap();
    assert_eq!(queued, json!({ "success": true, "message": "Webhook queued for delivery", "data": { "jobId": job } }));
    ended(&serving, 1);
    let body: Value = serde_json::from_slice(&handler.received()[0].body).unwrap();
    assert_eq!((&body["event"], &body["data"]), (&json!("email.delivered"), &data));
    for (body, status, code, message) in [
        (json!({ "data": {} }), 400, "VALIDATION_ERROR", "`event` is missing"),
        (json!({ "event": "email.delivered" }), 400, "VALIDATION_ERROR", "`data` is missing"),
        (
            json!({ "event": "email.opened", "data": {} }),
            400,
            "WEBHOOK_NOT_SUBSCRIBED",
            "Webhook is not subscribed to this event: email.opened",
        ),
    ] {
        let error = json!({ "success": false, "error": { "message": message, "code": code } });
        assert_eq!(serving.call("POST", &path, &body), (status, error));
    }
    serving.succeed("PUT", &format!("/v1/webhooks/{webhook}"), &json!({ "isActive": false }));
    let (status, error) = serving.call("POST", &path, &json!({ "event": "email.delivered", "data": data }));
    assert_eq!((status, &error["error"]["code"]), (409, &json!("CONFLICT")), "{error}");
    let missing = "/v1/webhooks/65e2d0a1b2c3d4e5f6a7b900/resend";
    let (status, error) = serving.call("POST", missing, &json!({ "event": "email.delivered", "data": data }));
    assert_eq!((status, &error["error"]["code"]), (404, &json!("WEBHOOK_NOT_FOUND")));
}

/// Registers a webhook of AhaSend with these fields besides the name and the URL; returns its id.
fn register(serving: &ServeProcess, url: &str, fields: &Value) -> String {
    let mut body = json!({ "name": "a", "url": url, "scope": "global" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serving.succeed("POST", ACCOUNT, &body)["id"].as_str().unwrap().to_owned()
}

#[test]
fn ahasend_triggers_events_for_one_webhook() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let (handler, other) = (TestHandler::accepting(), TestHandler::never_called());
    let id = register(&serving, &handler.url(), &json!({ "on_delivered": true, "on_opened": true }));
    register(&serving, &other.url(), &json!({ "on_delivered": true }));
    let path = format!("{ACCOUNT}/{id}/trigger");
    let events = json!(["message.delivered", "message.opened", "message.clicked"]);
    let message = "Webhook events triggered: message.delivered, message.opened";
    assert_eq!(serving.call("POST", &path, &json!({ "events": events })), (200, json!({ "message": message })));
    ended(&serving, 2);
    let mut types: Vec<String> = handler
        .received()
        .iter()
        .map(|request| serde_json::from_slice::<Value>(&request.body).unwrap()["type"].to_string())
        .collect();
    types.sort();
    assert_eq!(types, [r#""message.delivered""#, r#""message.opened""#]);
    let webhook = serving.succeed("GET", &format!("{ACCOUNT}/{id}"), &Value::Null);
    let counters = (&webhook["success_count"], &webhook["error_count"], &webhook["errors_since_last_success"]);
    assert_eq!(counters, (&json!(2), &json!(0), &json!(0)));
    assert!(webhook["last_request_at"].is_string(), "{webhook}");
    for (body, status, start) in [
        (json!({}), 400, "`events` is missing"),
        (json!({ "events": [] }), 400, "`events` is empty"),
        (json!({ "events": ["message.open"] }), 400, "`events` has an unknown event `message.open`"),
        (json!({ "events": ["message.clicked"] }), 400, "the webhook subscribes to none of these events"),
    ] {
        let (found, error) = serving.call("POST", &path, &body);
        assert!(found == status && error["message"].as_str().unwrap().starts_with(start), "{body}: {error}");
    }
    serving.succeed("PUT", &format!("{ACCOUNT}/{id}"), &json!({ "enabled": false }));
    let (status, error) = serving.call("POST", &path, &json!({ "events": ["message.opened"] }));
    assert_eq!((status, error), (409, json!({ "message": format!("the webhook {id} is disabled; enable it first") })));
    let missing = format!("{ACCOUNT}/00000000-0000-4000-8000-000000000000/trigger");
    assert_eq!(serving.call("POST", &missing, &json!({ "events": ["message.opened"] })).0, 404);
}

#[test]
fn ahasend_sends_events_to_webhooks_with_their_domain_in_scope() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "ahasend"]);
    let handler = TestHandler::accepting();
    let scoped = |domain: &str| {
        let fields = json!({ "on_delivered": true, "scope": "scoped", "domains": [domain] });
        register(&serving, &handler.url(), &fields)
    };
    let (own, _other) = (scoped("shop.example.com"), scoped("other.example.com"));
    let global = register(&serving, &handler.url(), &json!({ "on_delivered": true }));
    let set = json!({ "data.from": "billing@shop.example.com" });
    let emitted = emit(&serving, &json!({ "type": "message.delivered", "set": set }));
    assert_eq!(emitted[0]["webhooks"], json!([own, global]));
    ended(&serving, 2);
    assert_eq!(handler.received().len(), 2);
}

#[test]
fn autoplay_plays_scenarios_by_itself() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx", "--autoplay", "50/s", "--speed", "max"]);
    let handler = TestHandler::accepting();
    let types = ["queued", "sending", "delivered", "bounced", "complained", "opened", "clicked"];
    let body = json!({ "url": handler.url(), "events": types, "secret": "s" });
    serving.succeed("POST", "/v1/webhooks", &body);
    // Each scenario begins with these two.
    let both = |lines: &[Value]| {
        let has = |event_type: &str| of_kind(lines, "delivery").iter().any(|line| line["event_type"] == event_type);
        has("queued") && has("sending") && of_kind(lines, "delivery").len() >= 12
    };
    serving.wait_for_lines(both);
    serving.stop().assert_exit(0);
}
