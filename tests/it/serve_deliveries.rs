//! The deliveries of `whk serve`: subscriptions, retries, counters, disabling, and what a crash leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, Received, TestHandler, unused_address};
use crate::harness::rounds::{rounds, seed};
use crate::harness::serve::ServeProcess;

/// Registers a webhook of SelfMX; returns its id.
#[track_caller]
fn register(serving: &ServeProcess, url: &str, events: &[&str]) -> String {
    let body = json!({ "url": url, "events": events, "secret": "a-secret-of-the-test" });
    serving.succeed("POST", "/v1/webhooks", &body)["id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn emit(serving: &ServeProcess, body: &Value) -> Vec<Value> {
    serving.succeed("POST", "/_whk/emit", body)["events"].as_array().unwrap().clone()
}

#[track_caller]
fn logs(serving: &ServeProcess, id: &str) -> Vec<Value> {
    serving.succeed("GET", &format!("/v1/webhooks/{id}/logs"), &Value::Null)["data"].as_array().unwrap().clone()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn an_event_goes_to_every_subscribed_webhook_and_to_no_other() {
    let (room, handler, other) = (TestEnv::new(), TestHandler::accepting(), TestHandler::never_called());
    let serving = room.serve(&["-p", "selfmx", "-p", "aisend"]);
    let first = register(&serving, &handler.url(), &["delivered", "bounced"]);
    let second = register(&serving, &handler.url(), &["delivered"]);
    register(&serving, &other.url(), &["opened"]);
    let inactive = register(&serving, &other.url(), &["delivered"]);
    serving.succeed("PUT", &format!("/v1/webhooks/{inactive}"), &json!({ "active": false }));
    let emitted = emit(&serving, &json!({ "type": "delivered", "set": { "data.subject": "Hello" } }));
    assert_eq!(emitted[0]["webhooks"], json!([first, second]));
    assert_eq!((&emitted[1]["provider"], &emitted[1]["webhooks"]), (&json!("aisend"), &json!([])));
    let lines = serving.wait_for_lines(|lines| of_kind(lines, "delivery").len() == 2);
    let mut to: Vec<&Value> = of_kind(&lines, "delivery").iter().map(|line| &line["webhook_id"]).collect();
    to.sort_by_key(ToString::to_string);
    let mut expected = [json!(first), json!(second)];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(to, expected.iter().collect::<Vec<_>>());
    for received in handler.received() {
        let body: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!((&body["id"], &body["data"]["subject"]), (&emitted[0]["event_id"], &json!("Hello")));
        assert!(received.header("x-webhook-signature")[0].starts_with("sha256="));
    }
}

#[test]
fn a_wish_for_events_that_cannot_be_met_sends_nothing() {
    let (room, handler) = (TestEnv::new(), TestHandler::never_called());
    let serving = room.serve(&["-p", "selfmx"]);
    register(&serving, &handler.url(), &["delivered"]);
    for (body, message) in [
        (json!({}), "one of `type` and `scenario` is needed"),
        (json!({ "type": "delivered", "scenario": "delivered" }), "one of `type` and `scenario` is needed"),
        (json!({ "type": "nothing" }), "selfmx@2026-01 has no event `nothing`; available events: queued"),
        (json!({ "type": "delivered", "provider": "stripe" }), "`stripe` is not served; available: selfmx"),
        (json!({ "type": "delivered", "set": { "data.x": 1 } }), "no chosen event has the field `data.x`"),
        (json!({ "type": "delivered", "count": 0 }), "`count` is not a number from 1 to 10000"),
        (json!({ "typ": "delivered" }), "the body does not fit: unknown field `typ`"),
    ] {
        let (status, answer) = serving.call("POST", "/_whk/emit", &body);
        let text = answer["error"]["message"].as_str().unwrap();
        assert!(status == 400 && text.starts_with(message), "{body}: {status} {text}");
    }
    let wrong = serving.request("POST", "/_whk/emit", "authorization: Bearer wrong\r\n", r#"{"type":"delivered"}"#);
    assert_eq!(wrong.status, 401, "a key that is given must be right");
    let foreign = serving.request("POST", "/_whk/emit", "origin: https://evil.example\r\n", r#"{"type":"delivered"}"#);
    assert_eq!(foreign.status, 403);
    assert_eq!(serving.request("POST", "/_whk/emit", "", r#"{"type":"bounced"}"#).status, 200, "no key is needed here");
}

/// The story of an application that registers itself, fails for a while, and recovers.
#[test]
fn an_application_that_fails_for_a_while_gets_its_event_in_the_end_and_the_logs_tell_so() {
    let room = TestEnv::new();
    let failing = || HandlerResponse::text(503, "not yet");
    let handler = TestHandler::answering([failing(), failing(), HandlerResponse::text(200, "OK")]);
    let serving = room.serve(&["-p", "selfmx", "--speed", "600"]);
    let id = register(&serving, &handler.url(), &["delivered"]);
    emit(&serving, &json!({ "type": "delivered" }));
    let lines = serving.wait_for_lines(|lines| !of_kind(lines, "delivery").is_empty());
    let attempts: Vec<(u64, u64, f64)> = of_kind(&lines, "attempt")
        .iter()
        .map(|line| {
            (line["attempt"].as_u64().unwrap(), line["status"].as_u64().unwrap(), line["wait_s"].as_f64().unwrap())
        })
        .collect();
    assert_eq!(attempts, [(1, 503, 0.0), (2, 503, 60.0), (3, 200, 300.0)]);
    assert_eq!(of_kind(&lines, "delivery")[0]["outcome"], "delivered");
    let received = handler.received();
    // 1 and 5 minutes at 600 times the speed: never early.
    assert!(received[1].at >= received[0].at + Duration::from_millis(99), "{received:?}");
    assert!(received[2].at >= received[1].at + Duration::from_millis(499), "{received:?}");
    assert!(received.iter().all(|request| request.body == received[0].body), "a retry is the same event");
    let log: Vec<(u64, Value, Value, bool)> = logs(&serving, &id)
        .iter()
        .map(|entry| {
            let attempt = entry["attempt"].as_u64().unwrap();
            (attempt, entry["status"].clone(), entry["response_code"].clone(), entry["next_retry_at"].is_null())
        })
        .collect();
    let expected = [(3, "delivered", 200, true), (2, "failed", 503, false), (1, "failed", 503, false)];
    assert_eq!(log, expected.map(|(attempt, status, code, last)| (attempt, json!(status), json!(code), last)));
}

#[test]
fn a_delivery_fails_after_the_last_retry_and_the_webhook_stays_active() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx", "--speed", "max"]);
    let nowhere = format!("http://{}/", unused_address());
    let id = register(&serving, &nowhere, &["delivered"]);
    emit(&serving, &json!({ "type": "delivered" }));
    let lines = serving.wait_for_lines(|lines| !of_kind(lines, "delivery").is_empty());
    assert_eq!(of_kind(&lines, "delivery")[0]["outcome"], "failed");
    assert_eq!(of_kind(&lines, "attempt").len(), 4, "one attempt and three retries");
    let last = &logs(&serving, &id)[0];
    assert_eq!(
        (&last["status"], &last["attempt"], &last["next_retry_at"]),
        (&json!("failed"), &json!(4), &Value::Null)
    );
    assert!(last["response_code"].is_null() && last["error"].is_string(), "{last}");
    let webhooks = serving.succeed("GET", "/v1/webhooks", &Value::Null);
    assert_eq!(webhooks["data"][0]["active"], true);
}

#[test]
fn what_waits_for_a_webhook_that_is_deactivated_or_deleted_is_not_sent() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let serving = room.serve(&["-p", "selfmx", "--speed", "60"]);
    let ids = [register(&serving, &handler.url(), &["opened"]), register(&serving, &handler.url(), &["clicked"])];
    emit(&serving, &json!({ "type": ["opened", "clicked"] }));
    serving.wait_for_lines(|lines| of_kind(lines, "attempt").len() == 2);
    serving.succeed("PUT", &format!("/v1/webhooks/{}", ids[0]), &json!({ "active": false }));
    serving.succeed("DELETE", &format!("/v1/webhooks/{}", ids[1]), &Value::Null);
    // A retry would come after a second; this one is registered now, and its own retry comes later still.
    register(&serving, &handler.url(), &["queued"]);
    emit(&serving, &json!({ "type": "queued" }));
    let lines = serving.wait_for_lines(|lines| of_kind(lines, "attempt").len() == 4);
    let types: Vec<&Value> = of_kind(&lines, "attempt")[2..].iter().map(|line| &line["event_type"]).collect();
    assert_eq!(types, ["queued", "queued"]);
}

#[test]
fn emit_sends_events_into_a_server() {
    let (room, handler) = (TestEnv::new(), TestHandler::accepting());
    let serving = room.serve(&["-p", "selfmx"]);
    register(&serving, &handler.url(), &["bounced"]);
    let emit = |more: &[&str]| {
        let run = room.whk([["emit", "--to", serving.address()].as_slice(), more].concat()).run();
        run.redact(serving.address(), "[ADDRESS]").redact_between("evt_", "  ", "[ID]")
    };
    emit(&["--scenario", "hard-bounce"]).assert_snapshot(
        "
exit 0
stdout:
- queued  evt_[ID]  selfmx, to 0 webhooks
- sending  evt_[ID]  selfmx, to 0 webhooks
✓ bounced  evt_[ID]  selfmx, to 1 webhook
",
    );
    emit(&["--type", "opened"]).assert_snapshot(
        "
exit 0
stdout:
- opened  evt_[ID]  selfmx, to 0 webhooks
stderr:
no webhook subscribes to any of these events
",
    );
    emit(&["--type", "bounce"]).assert_snapshot("
exit 2
stderr:
error: the events were not emitted
  caused by: selfmx@2026-01 has no event `bounce`; available events: queued, sending, delivered, opened, clicked, bounced, complained
");
    emit(&[]).assert_snapshot(
        "
exit 2
stderr:
error: `whk emit` needs --type or --scenario
hint: whk emit --help
",
    );
    let lines = emit(&["--type", "bounced", "--set", "data.bounce_type=soft", "-c", "2", "--json"]).json();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["kind"], &lines[0]["event_type"]), (&json!("emitted"), &json!("bounced")));
    handler.wait_for(3);
    let address = unused_address().to_string();
    room.whk(["emit", "--type", "opened", "--to", &address]).run().redact(&address, "[ADDRESS]").assert_snapshot(
        "
exit 3
stderr:
error: cannot reach http://[ADDRESS]/
  caused by: connection refused
hint: start it in another terminal: whk serve [ADDRESS]
",
    );
}

/// The number of requests for each event.
fn arrivals(received: &[Received]) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for request in received {
        *arrived.entry(event_id(request)).or_default() += 1;
    }
    arrived
}

fn event_id(request: &Received) -> String {
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    body["id"].as_str().unwrap().to_owned()
}

/// Kills the server at random times while it delivers: each event arrives until it is accepted, and one that was
/// reported as delivered does not arrive again.
#[test]
fn a_killed_server_loses_no_delivery_and_repeats_none_that_was_delivered() {
    let room = TestEnv::new();
    let mut random = whk::random::Rng::seeded(seed());
    // The first request for an event fails, so that retries wait at every moment.
    let seen = Mutex::new(BTreeSet::new());
    let handler = TestHandler::deciding(move |request| {
        let is_first = seen.lock().unwrap().insert(event_id(request));
        HandlerResponse::text(if is_first { 500 } else { 200 }, "")
    });
    let data = ["-p", "selfmx", "--data", "whk.db", "--speed", "600"];
    let serving = room.serve(&data);
    register(&serving, &handler.url(), &["delivered"]);
    serving.kill();
    let (mut emitted, mut delivered) = (Vec::new(), BTreeMap::new());
    for _ in 0..rounds(6, 50) {
        let serving = room.serve(&data);
        let events = emit(&serving, &json!({ "type": "delivered", "count": 20 }));
        emitted.extend(events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()));
        let wanted = usize::try_from(random.below(40)).unwrap();
        let lines = serving.wait_for_lines(|lines| of_kind(lines, "attempt").len() >= wanted);
        serving.kill();
        let arrived = arrivals(&handler.received());
        for line in of_kind(&lines, "delivery") {
            assert_eq!(line["outcome"], "delivered", "{line}");
            let event = line["event_id"].as_str().unwrap().to_owned();
            let count = arrived[&event];
            assert!(delivered.insert(event, count).is_none(), "{line}: it was delivered before");
        }
    }
    let serving = room.serve(&data);
    let pending = |arrived: &BTreeMap<String, usize>| {
        emitted.iter().any(|event| arrived.get(event).is_none_or(|count| *count < 2))
    };
    loop {
        let received = handler.received();
        if !pending(&arrivals(&received)) {
            break;
        }
        handler.wait_for(received.len() + 1);
    }
    serving.stop().assert_exit(0);
    let arrived = arrivals(&handler.received());
    for (event, count) in delivered {
        assert_eq!(arrived[&event], count, "{event} arrived again after it was delivered");
    }
}

#[test]
fn ahasend_disables_a_webhook_after_100_failures_in_a_row_and_it_can_be_enabled_again() {
    let room = TestEnv::new();
    let handler = TestHandler::answering([HandlerResponse::text(500, "")]);
    let serving = room.serve(&["-p", "ahasend", "--speed", "max"]);
    let path = "/v2/accounts/3f1c6a52-7b8d-4e21-9c40-aa1b2c3d4e5f/webhooks";
    let body = json!({ "name": "a", "url": handler.url(), "scope": "global", "on_delivered": true });
    let id = serving.succeed("POST", path, &body)["id"].as_str().unwrap().to_owned();
    let path = format!("{path}/{id}");
    emit(&serving, &json!({ "type": "message.delivered", "count": 200 }));
    let lines = serving.wait_for_lines(|lines| !of_kind(lines, "disabled").is_empty());
    let disabled = of_kind(&lines, "disabled")[0];
    assert_eq!((&disabled["after"], &disabled["webhook_id"]), (&json!(100), &json!(id)));
    let webhook = serving.succeed("GET", &path, &Value::Null);
    assert_eq!(webhook["enabled"], false);
    // Attempts that were under way at that moment still count.
    let failures = webhook["errors_since_last_success"].as_u64().unwrap();
    assert!((100..=116).contains(&failures), "{webhook}");
    let emitted = emit(&serving, &json!({ "type": "message.delivered" }));
    assert_eq!(emitted[0]["webhooks"], json!([]), "nothing goes to a disabled webhook");
    let webhook = serving.succeed("PUT", &path, &json!({ "enabled": true }));
    assert_eq!((&webhook["enabled"], &webhook["errors_since_last_success"]), (&json!(true), &json!(0)));
    assert_eq!(emit(&serving, &json!({ "type": "message.delivered" }))[0]["webhooks"], json!([id]));
    let output = serving.stop().assert_exit(0);
    let notice = "AhaSend would now send an email to all members of the account";
    assert!(output.stderr().contains(notice), "{output}");
}

#[test]
fn autosend_gives_each_delivery_an_id_of_its_own_that_its_retries_keep() {
    let room = TestEnv::new();
    let answers = [500, 500, 200].map(|status| HandlerResponse::text(status, ""));
    let handler = TestHandler::answering(answers);
    let serving = room.serve(&["-p", "autosend", "--speed", "max"]);
    for _ in 0..2 {
        let body = json!({ "url": handler.url(), "events": ["email.opened"] });
        serving.succeed("POST", "/v1/webhooks", &body);
    }
    emit(&serving, &json!({ "type": "email.opened" }));
    serving.wait_for_lines(|lines| of_kind(lines, "delivery").len() == 2);
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    for request in handler.received() {
        *ids.entry(request.header("x-webhook-delivery-id")[0].to_owned()).or_default() += 1;
    }
    assert_eq!((ids.len(), ids.values().sum::<usize>()), (2, 4), "{ids:?}");
}

#[test]
fn emit_reports_as_many_events_as_it_can_send() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let emitted = room.whk(["emit", "--type", "opened", "-c", "2000", "--json", "--to", serving.address()]).run();
    assert_eq!(emitted.assert_exit(0).json().len(), 2000);
}
