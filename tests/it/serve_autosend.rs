//! `whk serve`: the API of AutoSend as its documentation describes it.

use serde_json::{Value, json};

use crate::harness::env::TestEnv;
use crate::harness::serve::{KEY, ServeProcess};

const FIXED: [&str; 6] = ["--seed", "1", "--now", "2026-06-12T10:15:00Z", "-p", "autosend"];

/// The body of the documentation's request to create a webhook.
fn documented() -> Value {
    json!({
        "url": "https://example.com/webhooks/autosend",
        "events": ["email.delivered", "email.bounced"],
        "metadata": { "team": "growth" }
    })
}

#[track_caller]
fn create(serving: &ServeProcess, body: &Value) -> Value {
    serving.succeed("POST", "/v1/webhooks", body)["data"]["webhook"].clone()
}

/// The status, the code and the message of an error.
#[track_caller]
fn error((status, body): (u16, Value)) -> (u16, String, String) {
    assert_eq!((body.as_object().unwrap().len(), &body["success"]), (2, &json!(false)), "{body}");
    assert_eq!(body["error"].as_object().unwrap().len(), 2, "{body}");
    let text = |name: &str| body["error"][name].as_str().unwrap().to_owned();
    (status, text("code"), text("message"))
}

fn is_id(id: &Value) -> bool {
    let id = id.as_str().unwrap();
    id.len() == 24 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
}

#[test]
fn a_webhook_is_created_read_changed_and_deleted_as_documented() {
    let room = TestEnv::new();
    let serving = room.serve(&FIXED);
    let (status, created) = serving.call("POST", "/v1/webhooks", &documented());
    assert_eq!((status, &created["message"]), (201, &json!("Webhook created successfully")));
    let webhook = &created["data"]["webhook"];
    let (id, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    assert!(is_id(&webhook["id"]) && is_id(&webhook["projectId"]) && is_id(&webhook["organizationId"]), "{webhook}");
    assert!(secret.starts_with("whsec_") && secret.len() == 38, "{secret}");
    let mut shown = json!({
        "id": id,
        "organizationId": webhook["organizationId"],
        "projectId": webhook["projectId"],
        "url": "https://example.com/webhooks/autosend",
        "secret": secret,
        "events": ["email.delivered", "email.bounced"],
        "isActive": true,
        "status": "active",
        "failureCount": 0,
        "lastFailedAt": null,
        "lastSuccessAt": null,
        "lastDeliveredAt": null,
        "metadata": { "team": "growth" },
        "createdAt": "2026-06-12T10:15:00.000Z",
        "updatedAt": "2026-06-12T10:15:00.000Z"
    });
    assert_eq!(webhook, &shown);
    shown["secret"] = json!("***hidden***");
    let path = format!("/v1/webhooks/{id}");
    assert_eq!(serving.call("GET", &path, &Value::Null), (200, json!({ "success": true, "data": shown })));
    let listed = json!({ "webhooks": [shown], "total": 1, "page": 1, "limit": 50, "totalPages": 1 });
    let expected = (200, json!({ "success": true, "data": listed }));
    assert_eq!(serving.call("GET", "/v1/webhooks", &Value::Null), expected);
    let revealed = serving.call("GET", &format!("{path}/reveal"), &Value::Null);
    assert_eq!(revealed, (200, json!({ "success": true, "data": { "secret": secret } })));
    let events = json!(["email.delivered", "email.opened", "email.clicked"]);
    (shown["events"], shown["isActive"], shown["status"]) = (events.clone(), json!(false), json!("inactive"));
    let updated = json!({ "success": true, "message": "Webhook updated successfully", "data": shown });
    assert_eq!(serving.call("PUT", &path, &json!({ "events": events, "isActive": false })), (200, updated));
    let logs = json!({ "logs": [], "total": 0, "page": 1, "limit": 50, "totalPages": 0 });
    let logs = json!({ "success": true, "data": logs });
    assert_eq!(serving.call("GET", &format!("{path}/logs"), &Value::Null), (200, logs));
    let deleted = json!({ "success": true, "message": "Webhook deleted successfully" });
    assert_eq!(serving.call("DELETE", &path, &Value::Null), (200, deleted));
    let gone = (404, "WEBHOOK_NOT_FOUND".to_owned(), "Webhook not found".to_owned());
    for (method, suffix) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/reveal")] {
        let body = if method == "PUT" { json!({}) } else { Value::Null };
        assert_eq!(error(serving.call(method, &format!("{path}{suffix}"), &body)), gone, "{method} {suffix}");
    }
}

#[test]
fn available_events_are_those_of_the_edition() {
    let room = TestEnv::new();
    let events = |provider: &str| {
        let serving = room.serve(&["-p", provider]);
        let body = serving.succeed("GET", "/v1/webhooks/events/available", &Value::Null);
        assert_eq!(body["success"], true);
        body["data"]["events"].clone()
    };
    assert!(events("autosend").as_array().unwrap().contains(&json!("email.delivered")));
    assert!(events("autosend@2026-01").as_array().unwrap().contains(&json!("email.received")));
}

#[test]
fn what_is_wrong_is_reported_in_the_form_of_the_provider() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend"]);
    for (body, message) in [
        (json!({ "events": ["email.opened"] }), "A valid webhook URL is required"),
        (json!({ "url": "example.com", "events": ["email.opened"] }), "`url` is not an http or https URL"),
        (
            json!({ "url": "http://example.com/", "events": ["email.opened"] }),
            "`url` is not https; http is possible for this machine and local networks only",
        ),
        (json!({ "url": "https://a.example/" }), "`events` is missing"),
        (json!({ "url": "https://a.example/", "events": [] }), "`events` is empty, expected at least one event"),
    ] {
        let expected = (400, "VALIDATION_ERROR".to_owned(), message.to_owned());
        assert_eq!(error(serving.call("POST", "/v1/webhooks", &body)), expected, "{body}");
    }
    for body in ["", "{", "[]", r#"{"url":1}"#, r#"{"url":"https://a.example/","events":["no"]}"#] {
        let answer = serving.call_with("POST", "/v1/webhooks", body);
        let (status, code, _) = error((answer.status, serde_json::from_str(&answer.body).unwrap()));
        assert_eq!((status, code.as_str()), (400, "VALIDATION_ERROR"), "{body}");
    }
    for query in ["page=0", "page=x", "limit=0", "limit=101", "isActive=1"] {
        let (status, code, _) = error(serving.call("GET", &format!("/v1/webhooks?{query}"), &Value::Null));
        assert_eq!((status, code.as_str()), (400, "VALIDATION_ERROR"), "{query}");
    }
    let large = serving.request_unread("POST", "/v1/webhooks", &json!({ "url": "x".repeat(2 << 20) }).to_string());
    let (status, code, _) = error((large.status, serde_json::from_str(&large.body).unwrap()));
    assert_eq!((status, code.as_str()), (413, "PAYLOAD_TOO_LARGE"));
    let wrong = serving.request("GET", "/v1/webhooks", "authorization: Bearer AS_wrong\r\n", "");
    let (status, code, _) = error((wrong.status, serde_json::from_str(&wrong.body).unwrap()));
    assert_eq!((status, code.as_str()), (401, "UNAUTHORIZED"));
    let (status, code, message) = error(serving.call("GET", "/v1/webhook", &Value::Null));
    assert_eq!((status, code.as_str()), (404, "NOT_FOUND"));
    assert!(message.contains("known: GET /v1/webhooks, ") && message.contains("/v1/webhooks/{id}/reveal"), "{message}");
    let (status, code, _) = error(serving.call("PATCH", "/v1/webhooks", &Value::Null));
    assert_eq!((status, code.as_str()), (405, "METHOD_NOT_ALLOWED"));
}

#[test]
fn neither_url_nor_secret_can_be_changed() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend"]);
    let webhook = create(&serving, &documented());
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    for (body, name) in [
        (json!({ "secret": "whsec_1" }), "Secret"),
        (json!({ "url": "https://other.example/", "isActive": false }), "URL"),
    ] {
        let message = format!("{name} cannot be updated. Create a new webhook instead.");
        assert_eq!(error(serving.call("PUT", &path, &body)), (400, "VALIDATION_ERROR".to_owned(), message));
    }
    assert_eq!(serving.succeed("GET", &path, &Value::Null)["data"]["isActive"], true, "nothing was changed");
    let same = json!({ "url": webhook["url"], "metadata": { "team": "sales" } });
    let updated = serving.succeed("PUT", &path, &same);
    assert_eq!(updated["data"]["metadata"], json!({ "team": "sales" }));
}

#[test]
fn a_project_has_at_most_100_webhooks() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend"]);
    for _ in 0..100 {
        create(&serving, &documented());
    }
    let full = (403, "WEBHOOK_LIMIT_EXCEEDED".to_owned(), "a project has at most 100 webhooks".to_owned());
    assert_eq!(error(serving.call("POST", "/v1/webhooks", &documented())), full);
    let page = |query: &str| serving.succeed("GET", &format!("/v1/webhooks?{query}"), &Value::Null)["data"].clone();
    let ids = |page: &Value| -> Vec<String> {
        page["webhooks"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (first, third, past) = (page("limit=40"), page("page=3&limit=40"), page("page=4&limit=40"));
    assert_eq!((ids(&first).len(), ids(&third).len(), ids(&past).len()), (40, 20, 0));
    assert_eq!((&third["total"], &third["totalPages"], &third["page"]), (&json!(100), &json!(3), &json!(3)));
    assert_eq!(ids(&page("page=2&limit=1")), ids(&first)[1..2], "pages do not overlap");
    serving.succeed("PUT", &format!("/v1/webhooks/{}", ids(&first)[0]), &json!({ "isActive": false }));
    assert_eq!(page("isActive=false")["total"], 1);
    assert_eq!(page("isActive=true")["total"], 99);
    serving.succeed("DELETE", &format!("/v1/webhooks/{}", ids(&first)[0]), &Value::Null);
    create(&serving, &documented());
}

#[test]
fn another_project_finds_nothing() {
    let room = TestEnv::new();
    let serving = room.serve(&["-p", "autosend"]);
    let id = create(&serving, &documented())["id"].as_str().unwrap().to_owned();
    let call = |method: &str, path: &str, project: &str, body: &str| {
        let headers = format!("authorization: Bearer {KEY}\r\nx-project-id: {project}\r\n");
        let answer = serving.request(method, path, &headers, body);
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap())
    };
    let other = "60d5ec49f1b2c72d9c8b1111";
    assert_eq!(call("GET", "/v1/webhooks", other, "").1["data"]["total"], 0);
    for (method, suffix) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/reveal")] {
        let (status, code, _) = error(call(method, &format!("/v1/webhooks/{id}{suffix}"), other, "{}"));
        assert_eq!((status, code.as_str()), (404, "WEBHOOK_NOT_FOUND"), "{method} {suffix}");
    }
    assert_eq!(error(call("GET", "/v1/webhooks", "x", "")).0, 400);
    let own = call("POST", "/v1/webhooks", other, &documented().to_string());
    assert_eq!((own.0, &own.1["data"]["webhook"]["projectId"]), (201, &json!(other)));
}
