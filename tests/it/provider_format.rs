//! What the format of providers can say, as it is sent and verified.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use whk::signing::Encoding;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};

/// The requests of a dry run, as records.
fn dry_run(room: &TestEnv, more: &[&str]) -> Vec<Value> {
    let send = ["send", "--dry-run", "--format", "json", "--seed", "7"];
    room.whk([send.as_slice(), more].concat()).run().assert_exit(0).json()
}

/// Checks that `whk verify` accepts what `whk send` makes for a provider, with the development secret.
#[track_caller]
fn verify(room: &TestEnv, records: &[Value], provider: &str) {
    let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    room.whk(["verify", "-", "-p", provider]).stdin(lines.join("\n")).run().assert_exit(0);
}

fn body(record: &Value) -> &str {
    record["body"].as_str().unwrap()
}

#[test]
fn a_sendgrid_body_ends_with_cr_lf_inside_the_signed_bytes() {
    let room = TestEnv::new();
    let mut sent = dry_run(&room, &["-p", "sendgrid", "--type", "all"]);
    assert!(!sent.is_empty());
    for record in &sent {
        assert!(body(record).starts_with("[{") && body(record).ends_with("}]\r\n"), "{record}");
    }
    verify(&room, &sent, "sendgrid");
    sent[0]["body"] = body(&sent[0]).trim_end().into();
    room.whk(["verify", "-", "-p", "sendgrid"]).stdin(sent[0].to_string()).run().assert_exit(1);
}

#[test]
fn a_sentry_body_has_escapes_for_letters_outside_ascii() {
    let room = TestEnv::new();
    let sent = dry_run(&room, &["-p", "sentry", "--type", "all", "-c", "20"]);
    assert!(sent.iter().all(|record| body(record).is_ascii()));
    assert!(sent.iter().any(|record| body(record).contains("Kim \\u00d6zt\\u00fcrk")), "{sent:?}");
    verify(&room, &sent, "sentry");
}

#[test]
fn a_woocommerce_body_is_written_as_php_does() {
    let room = TestEnv::new();
    let now = "2026-03-02T08:15:33.1204Z";
    let sent = dry_run(&room, &["-p", "woocommerce", "--type", "all", "-c", "20", "--now", now]);
    assert!(sent.iter().all(|record| body(record).is_ascii()));
    assert!(sent.iter().any(|record| body(record).contains("\\u00d6zt\\u00fcrk")));
    let order = sent.iter().find(|record| record["event_type"] == "order.created").unwrap();
    assert!(body(order).contains(r#""date_created":"2026-03-02T08:15:33","#), "{order}");
    assert!(body(order).contains(r#""customer_user_agent":"Mozilla\/5.0""#), "{order}");
    room.whk(["verify", "-", "-p", "woocommerce", "--now", now]).stdin(order.to_string()).run().assert_exit(0);
}

#[test]
fn a_gitea_body_is_indented_and_signed_as_gogs_and_github_would() {
    let room = TestEnv::new();
    let sent = dry_run(&room, &["-p", "gitea", "--type", "push", "-s", "It's a Secret to Everybody"]);
    let body = body(&sent[0]).as_bytes();
    assert!(body.starts_with(b"{\n  \"ref\": \"refs/heads/main\",\n  \"before\": "), "{}", sent[0]);
    let signature = header(&sent[0], "x-gitea-signature")[0];
    assert_eq!(header(&sent[0], "x-gogs-signature"), [signature]);
    assert_eq!(header(&sent[0], "x-hub-signature-256"), [format!("sha256={signature}")]);
    assert_eq!(header(&sent[0], "x-hub-signature"), [github_sha1("It's a Secret to Everybody", body)]);
    // Without `-p`, its headers show that it is not GitHub's.
    let output = room.whk(["verify", "-", "-s", "It's a Secret to Everybody"]).stdin(sent[0].to_string()).run();
    assert!(output.assert_exit(0).stdout().starts_with("✓ valid stdin:1 gitea push "));
}

#[test]
fn a_discord_time_has_six_digits_and_no_zone() {
    let room = TestEnv::new();
    let sent = dry_run(&room, &["-p", "discord", "--type", "all", "--now", "2026-03-02T08:15:33.1204Z"]);
    for record in &sent {
        let event: Value = serde_json::from_str(body(record)).unwrap();
        assert_eq!(event["event"]["timestamp"], "2026-03-02T08:15:33.120400");
    }
}

/// The values of a header of a record.
fn header<'a>(record: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = record["headers"].as_array().unwrap().iter();
    headers.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
}

fn github_sha1(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha1={}", Encoding::Hex.encode(&mac.finalize().into_bytes()))
}

#[test]
fn github_and_hubspot_send_their_older_signature_as_well() {
    let room = TestEnv::new();
    let github = dry_run(&room, &["-p", "github", "--type", "push", "-s", "It's a Secret to Everybody"]);
    let expected = github_sha1("It's a Secret to Everybody", body(&github[0]).as_bytes());
    assert_eq!(header(&github[0], "x-hub-signature"), [expected]);
    assert_eq!(header(&github[0], "x-hub-signature-256").len(), 1);
    let hubspot = dry_run(&room, &["-p", "hubspot", "--type", "contact.creation", "-s", "client-secret"]);
    let v1 = Encoding::Hex.encode(&Sha256::digest(format!("client-secret{}", body(&hubspot[0]))));
    assert_eq!(header(&hubspot[0], "x-hubspot-signature"), [v1]);
    assert_eq!(header(&hubspot[0], "x-hubspot-signature-version"), ["v1"]);
    assert_eq!(header(&hubspot[0], "x-hubspot-signature-v3").len(), 1);
    for (provider, records, secret) in
        [("github", &github, "It's a Secret to Everybody"), ("hubspot", &hubspot, "client-secret")]
    {
        let line = records[0].to_string();
        room.whk(["verify", "-", "-p", provider, "-s", secret]).stdin(line.clone()).run().assert_exit(0);
        let found = room.whk(["verify", "-", "-s", secret, "--json"]).stdin(line).run().assert_exit(0).json();
        assert_eq!(found[0]["provider"], provider, "it is found by its headers");
    }
}

#[test]
fn a_fault_leaves_no_further_signature_valid() {
    // A handler that verifies the older header alone, as GitHub's documentation had it until 2020.
    let handler = TestHandler::deciding(|received| {
        let valid = received.header("x-hub-signature") == [github_sha1("secret of github", &received.body)];
        HandlerResponse::text(if valid { 200 } else { 401 }, "")
    });
    let room = TestEnv::new();
    let common = ["-p", "github", "-s", "secret of github", "--type", "ping"];
    room.send(&handler.url(), &common).assert_exit(0);
    room.send(&handler.url(), &[common.as_slice(), &["--fault", "all"]].concat()).assert_exit(0);
}

#[test]
fn a_replay_makes_every_signature_again() {
    let room = TestEnv::new();
    let sent = dry_run(&room, &["-p", "github", "--type", "ping", "-s", "secret of github"]);
    room.write("log.jsonl", sent[0].to_string());
    let handler = TestHandler::accepting();
    let url = handler.url();
    let replay = ["log.jsonl", &url, "-p", "github", "-s", "secret of github", "--resign", "--set", "zen=Changed."];
    room.replay(&replay).assert_exit(0);
    let received = &handler.received()[0];
    assert!(String::from_utf8_lossy(&received.body).contains("Changed."));
    assert_eq!(received.header("x-hub-signature"), [github_sha1("secret of github", &received.body)]);
}

#[test]
fn shopify_headers_without_a_prefix_are_read_too() {
    let room = TestEnv::new();
    let mut sent = dry_run(&room, &["-p", "shopify", "--type", "orders/create"]);
    for pair in sent[0]["headers"].as_array_mut().unwrap() {
        pair[0] = pair[0].as_str().unwrap().trim_start_matches("x-").into();
    }
    assert_eq!(header(&sent[0], "shopify-hmac-sha256").len(), 1);
    let found = room.whk(["verify", "-", "--json"]).stdin(sent[0].to_string()).run().assert_exit(0).json();
    assert_eq!((&found[0]["provider"], &found[0]["event_type"]), (&"shopify".into(), &"orders/create".into()));
}

#[test]
fn the_limits_of_the_strictest_library_hold_for_mailgun_and_paddle() {
    let room = TestEnv::new();
    for (provider, event, limit) in [("mailgun", "delivered", 900), ("paddle", "transaction.completed", 5)] {
        let now = "2026-03-02T08:00:00Z";
        let sent = dry_run(&room, &["-p", provider, "--type", event, "--now", now]);
        for (offset, exit) in [(-limit - 1, 1), (-limit, 0), (limit, 0), (limit + 1, 1)] {
            let at = (1_772_438_400 + offset).to_string();
            let verify = ["verify", "-", "-p", provider, "--at", &at];
            room.whk(verify).stdin(sent[0].to_string()).run().assert_exit(exit);
        }
    }
}

#[test]
fn a_json_body_for_twilio_is_signed_by_its_hash_in_the_url() {
    let room = TestEnv::new();
    let data = r#"{"a":1}"#;
    let hash = Encoding::Hex.encode(&Sha256::digest(data));
    let url = "http://127.0.0.1:9/in?bodySHA256=old&x=%2F";
    let sent = dry_run(&room, &[url, "-p", "twilio", "-d", data]);
    assert_eq!(sent[0]["target"], format!("/in?x=%2F&bodySHA256={hash}"));
    assert_eq!(header(&sent[0], "content-type"), ["application/json"]);
    assert_eq!(body(&sent[0]), data);
    let listener = room.listen(["-p", "twilio", "--json", "--log", "log.jsonl"]);
    room.send(&format!("{}/in", listener.url()), &["-p", "twilio", "-d", data]).assert_exit(0);
    room.send(listener.url(), &["-p", "twilio", "-d", data, "--fault", "tampered-body"]).assert_exit(0);
    room.send(listener.url(), &["-p", "twilio", "--type", "received"]).assert_exit(0);
    let lines = listener.stop().json();
    let verdicts: Vec<&Value> = lines.iter().filter_map(|line| line["verdict"].get("status")).collect();
    assert_eq!(verdicts, ["valid", "invalid", "valid"]);
    // A change of a replay is signed by its own hash.
    let listener = room.listen(["-p", "twilio", "--json", "--no-log"]);
    let replay = ["replay", "log.jsonl", listener.url(), "-p", "twilio", "--set", "a:=2", "--schedule", "none"];
    room.whk(replay).run();
    let lines = listener.stop().json();
    let changed = lines.iter().find(|line| line["body"] == r#"{"a":2}"#).unwrap();
    assert_eq!(changed["verdict"]["status"], "valid", "{changed}");
}

#[test]
fn stripe_has_a_fake_entry_in_test_mode_and_its_own_mode_in_each_edition() {
    let room = TestEnv::new();
    for (provider, live) in [("stripe", false), ("stripe@live", true)] {
        let sent = dry_run(&room, &["-p", provider, "--type", "all"]);
        verify(&room, &sent, provider);
        for record in &sent {
            let event: Value = serde_json::from_str(body(record)).unwrap();
            assert_eq!(event["livemode"], live, "{provider}");
            let signature = header(record, "stripe-signature")[0];
            assert_eq!(signature.contains(",v0="), !live, "{signature}");
        }
        let session = dry_run(&room, &["-p", provider, "--type", "checkout.session.completed"]);
        assert_eq!(body(&session[0]).contains("cs_live_"), live);
    }
}

#[test]
fn an_alias_can_mean_an_edition() {
    let room = TestEnv::new();
    let line = |name| room.whk(["providers", name, "--json"]).run().assert_exit(0).json().remove(0);
    for (name, edition) in
        [("meta", "graph"), ("facebook", "graph"), ("whatsapp", "whatsapp"), ("whatsapp@graph", "graph")]
    {
        assert_eq!((&line(name)["provider"], &line(name)["edition"]), (&"meta".into(), &edition.into()), "{name}");
    }
    let sent = dry_run(&room, &["-p", "whatsapp", "--type", "all"]);
    assert_eq!(sent.len(), 1, "a page's events are not WhatsApp's");
    verify(&room, &sent, "whatsapp");
    verify(&room, &sent, "meta");
}
