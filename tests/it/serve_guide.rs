//! `whk serve`: the commands of SelfMX's guide to webhooks, as it prints them, and its answers. Host and key alone are
//! others.
#![cfg(unix)]

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::serve::{KEY, ServeProcess};

const CREATE: &str = r#"curl -X POST https://api.yourdomain.com/v1/webhooks \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://yourapp.com/webhooks/email",
    "events": ["delivered", "bounced", "complained"],
    "secret": "your-webhook-secret"
  }'"#;

const CREATED: &str = r#"{
  "id": "wh_abc123",
  "url": "https://yourapp.com/webhooks/email",
  "events": ["delivered", "bounced", "complained"],
  "active": true,
  "created_at": "2024-01-15T10:30:00Z"
}"#;

const LIST: &str = r#"curl https://api.yourdomain.com/v1/webhooks \
  -H "Authorization: Bearer YOUR_API_KEY""#;

const UPDATE: &str = r#"curl -X PUT https://api.yourdomain.com/v1/webhooks/wh_abc123 \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "events": ["delivered", "bounced", "complained", "opened"]
  }'"#;

const DELETE: &str = r#"curl -X DELETE https://api.yourdomain.com/v1/webhooks/wh_abc123 \
  -H "Authorization: Bearer YOUR_API_KEY""#;

const LOGS: &str = r#"curl https://api.yourdomain.com/v1/webhooks/wh_abc123/logs \
  -H "Authorization: Bearer YOUR_API_KEY""#;

/// The event types of the guide's table.
const EVENTS: [&str; 7] = ["queued", "sending", "delivered", "bounced", "complained", "opened", "clicked"];

const DELIVERED: &str = r#"{
  "id": "evt_xyz789",
  "type": "delivered",
  "created_at": "2024-01-15T10:30:05Z",
  "data": {
    "email_id": "msg_abc123",
    "from": "sender@yourdomain.com",
    "to": "recipient@example.com",
    "subject": "Hello",
    "delivered_at": "2024-01-15T10:30:05Z"
  }
}"#;

const BOUNCED: &str = r#"{
  "id": "evt_xyz789",
  "type": "bounced",
  "created_at": "2024-01-15T10:30:05Z",
  "data": {
    "email_id": "msg_abc123",
    "from": "sender@yourdomain.com",
    "to": "invalid@example.com",
    "bounce_type": "hard",
    "bounce_code": "550",
    "bounce_message": "User unknown"
  }
}"#;

/// Runs a command of the guide against this server; returns the answer.
#[track_caller]
fn run(room: &TestEnv, serving: &ServeProcess, command: &str, id: &str) -> Value {
    let command = command.replace("https://api.yourdomain.com", serving.url()).replace("YOUR_API_KEY", KEY);
    let output = room.program("bash", ["-c", &command.replace("wh_abc123", id)]).run().assert_exit(0);
    serde_json::from_str(&output.stdout()).unwrap_or_else(|error| panic!("{error}: {command}\n{output}"))
}

/// The names of the fields of an object and of those in it, in order.
fn names(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    let with_inner = |(name, inner): (&String, &Value)| {
        let inner = names(inner).into_iter().map(|below| format!("{name}.{below}"));
        [name.clone()].into_iter().chain(inner).collect::<Vec<_>>()
    };
    fields.flat_map(with_inner).collect()
}

#[test]
fn the_commands_of_the_guide_run_as_printed() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx", "--now", "2024-01-15T10:30:00Z"]);
    let created = run(&room, &serving, CREATE, "");
    let id = created["id"].as_str().unwrap().to_owned();
    let mut webhook: Value = serde_json::from_str(&CREATED.replace("wh_abc123", &id)).unwrap();
    assert_eq!(created, webhook);
    assert_eq!(names(&created), names(&webhook), "in this order");
    assert_eq!(run(&room, &serving, LIST, ""), json!({ "data": [webhook] }));
    webhook["events"] = json!(["delivered", "bounced", "complained", "opened"]);
    assert_eq!(run(&room, &serving, UPDATE, &id), webhook);
    assert_eq!(run(&room, &serving, LOGS, &id), json!({ "data": [] }));
    assert_eq!(run(&room, &serving, DELETE, &id), json!({ "id": id, "deleted": true }));
    assert_eq!(run(&room, &serving, LIST, ""), json!({ "data": [] }));
}

#[test]
fn a_webhook_can_subscribe_to_every_event_of_the_guide() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let all = CREATE.replace(r#"["delivered", "bounced", "complained"]"#, &json!(EVENTS).to_string());
    assert_eq!(run(&room, &serving, &all, "")["events"], json!(EVENTS));
}

#[test]
fn events_have_the_fields_of_the_guide_and_its_signature() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "selfmx"]);
    let listening = room.listen([
        "-p",
        "selfmx",
        "-s",
        "your-webhook-secret",
        "--log",
        "log.jsonl",
        "--expect",
        "2",
        "--timeout",
        "60s",
    ]);
    let create = CREATE.replace("https://yourapp.com", &format!("http://{}", listening.address()));
    let id = run(&room, &serving, &create, "")["id"].as_str().unwrap().to_owned();
    serving.succeed("POST", "/_whk/emit", &json!({ "type": ["delivered", "bounced"] }));
    listening.end().assert_exit(0);
    let mut records = room.log();
    records.sort_by_key(|record| record["verdict"]["event_type"].to_string());
    for (record, documented) in records.iter().zip([BOUNCED, DELIVERED]) {
        assert_eq!(record["verdict"]["status"], "valid", "{record}");
        let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
        let documented: Value = serde_json::from_str(documented).unwrap();
        assert_eq!((names(&body), &body["type"]), (names(&documented), &documented["type"]));
    }
    serving.wait_for_lines(|lines| lines.iter().filter(|line| line["kind"] == "delivery").count() == 2);
    let logs = run(&room, &serving, LOGS, &id);
    let entries = logs["data"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{logs}");
    for entry in entries {
        let shown = (&entry["webhook_id"], &entry["attempt"], &entry["status"], &entry["response_code"]);
        assert_eq!(shown, (&json!(id), &json!(1), &json!("delivered"), &json!(200)));
    }
}
