//! Whose request it is, where nobody says.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::env::TestEnv;

/// One sample of each provider, as a JSON record.
fn samples(room: &TestEnv, name: &str) -> Vec<Value> {
    room.whk(["send", "-p", name, "--type", "all", "--dry-run", "--format", "json"]).run().assert_exit(0).json()
}

fn verdict(room: &TestEnv, record: &Value) -> Value {
    room.whk(["verify", "-", "--json"]).stdin(record.to_string()).run().json().remove(0)
}

#[test]
fn every_sample_of_every_provider_is_found_to_be_its_own() {
    let room = TestEnv::new();
    let listed = room.whk(["providers", "--json"]).run().assert_exit(0).json();
    assert!(listed.len() > 15, "{} providers", listed.len());
    let mut records = String::new();
    let mut expected = Vec::new();
    for provider in &listed {
        let name = provider["provider"].as_str().unwrap();
        for record in samples(&room, name) {
            let _ = writeln!(records, "{record}");
            expected.push(name.to_owned());
        }
    }
    let verdicts = room.whk(["verify", "-", "--json"]).stdin(records).run().assert_exit(0).json();
    let found: Vec<&str> = verdicts
        .iter()
        .filter(|line| line["kind"] == "verdict")
        .map(|line| line["provider"].as_str().unwrap())
        .collect();
    assert_eq!(found, expected);
    for line in verdicts.iter().filter(|line| line["kind"] == "verdict") {
        assert!(line["evidence"]["detected"].is_string(), "{line}");
    }
}

#[test]
fn where_two_share_a_header_the_one_that_verifies_wins() {
    let room = TestEnv::new();
    for name in ["aisend", "autosend", "selfmx"] {
        let found = verdict(&room, &samples(&room, name)[0]);
        assert_eq!((found["status"].as_str(), found["provider"].as_str()), (Some("valid"), Some(name)), "{found}");
        let detected = found["evidence"]["detected"].as_str().unwrap();
        assert!(detected.contains("x-webhook-signature") && detected.contains(&format!("{name}'s")), "{detected}");
    }
}

#[test]
fn where_none_verifies_the_form_of_the_signature_tells() {
    let room = TestEnv::new();
    // `queued` is an event of two providers, of which one writes `sha256=` before its signatures.
    for name in ["aisend", "selfmx"] {
        let mut record = samples(&room, name).remove(0);
        assert_eq!(record["event_type"], "queued");
        record["body"] = record["body"].as_str().unwrap().replace("@example.com", "@example.org").into();
        let found = verdict(&room, &record);
        assert_eq!((found["provider"].as_str(), found["cause"].as_str()), (Some(name), Some("secret-mismatch")));
    }
}

/// A provider that signs as selfmx does, in the same header as aisend, and has one event of its own.
const ZOO: &str = r#"
title = "Zoo"
summary = "A provider for the test of detection."
default-edition = "1"

[secret]
make = "{{alnum 40}}"

[scheme]
content = "{body}"
signature = { from = ["header:x-webhook-signature"] }

[[scheme.item]]
match = "sha256={sig}"
digest = "hmac-sha256"
encoding = "hex"
secret = "text"

[headers]
content-type = "application/json"

[body]
style = "compact"

[parts]
type = ["json:/type"]
id = ["json:/id"]
make-id = "zoo_{{lower 12}}"

[delivery]
timeout = "5s"
success = "200-299"
retries = []

[answers]
ok = { status = 200, body = "OK" }
invalid = { status = 401, body = "Invalid signature" }

[values]

[edition."1"]
summary = "The only one."

[[event]]
type = "animal.seen"
description = "An animal was seen."
body = '{"id":"{{id}}","type":"animal.seen"}'
"#;

#[test]
fn the_event_decides_before_the_default_provider() {
    let room = TestEnv::new();
    room.write("whk-providers/zoo.toml", ZOO);
    let aisend = samples(&room, "aisend").remove(0);
    let selfmx = samples(&room, "selfmx").remove(0);
    // A provider without a secret is not checked.
    let _secrets = [samples(&room, "zoo"), samples(&room, "autosend")];
    for (sample, event_type, default, expected) in [
        // An event of one provider alone, although the default provider writes its signatures like this one.
        (&selfmx, "email.opened", "zoo", "autosend"),
        (&aisend, "animal.seen", "aisend", "zoo"),
        (&aisend, "animal.seen", "selfmx", "zoo"),
        (&aisend, "email.opened", "aisend", "autosend"),
        // An event of two: the default provider, otherwise the form of the signature.
        (&aisend, "queued", "selfmx", "selfmx"),
        (&selfmx, "queued", "aisend", "aisend"),
        (&aisend, "queued", "zoo", "aisend"),
        (&selfmx, "queued", "autosend", "selfmx"),
        // An event of none: the default provider, even if the signature has another form.
        (&aisend, "nothing.known", "selfmx", "selfmx"),
        (&selfmx, "nothing.known", "aisend", "aisend"),
    ] {
        room.write("whk.toml", format!("provider = \"{default}\"\n"));
        let mut record = sample.clone();
        record["body"] = format!("{{\"type\":\"{event_type}\"}}").into();
        let found = verdict(&room, &record);
        assert_eq!(found["status"], "invalid", "{found}");
        assert_eq!(found["provider"], expected, "`{event_type}`, by default {default}: {found}");
    }
}

#[test]
fn where_none_verifies_the_ambiguity_is_shown() {
    let room = TestEnv::new();
    let record = samples(&room, "autosend").remove(0);
    // An event that neither has, and a body that neither signed.
    let body = "{\"type\":\"nothing.known\"}";
    let mut record = record;
    record["body"] = body.into();
    samples(&room, "aisend");
    let found = verdict(&room, &record);
    assert_eq!(found["status"], "invalid");
    let detected = found["evidence"]["detected"].as_str().unwrap();
    assert!(detected.contains("aisend") && detected.contains("autosend"), "{detected}");
    assert!(detected.contains("choose one with -p NAME"), "{detected}");
    assert!(found["message"].as_str().unwrap().contains("tried "), "{found}");
}

#[test]
fn a_provider_that_is_named_is_the_only_one_tried() {
    let room = TestEnv::new();
    let record = samples(&room, "autosend").remove(0);
    samples(&room, "aisend");
    let found = room
        .whk(["verify", "-", "--json", "-p", "aisend"])
        .stdin(record.to_string())
        .run()
        .assert_exit(1)
        .json()
        .remove(0);
    assert_eq!((found["provider"].as_str(), found["evidence"]["detected"].as_str()), (Some("aisend"), None));
}

#[test]
fn a_request_in_another_edition_is_valid_unless_an_edition_is_named() {
    let room = TestEnv::new();
    for edition in ["v1", "v2", "v3"] {
        let name = format!("hubspot@{edition}");
        let sample = &samples(&room, &name)[0];
        let verify = |flags: &[&str]| {
            room.whk([&["verify", "-", "--json"], flags].concat()).stdin(sample.to_string()).run().json().remove(0)
        };
        for flags in [&[][..], &["-p", "hubspot"], &["-p", &name]] {
            assert_eq!(verify(flags)["status"], "valid", "{edition} {flags:?}");
        }
        let v3 = verify(&["-p", "hubspot@v3"]);
        assert_eq!(v3["status"], if edition == "v3" { "valid" } else { "unsigned" }, "{edition}");
        // One that fails is explained in the edition that it is signed in.
        let forged = verify(&["-p", "hubspot", "-s", "another-secret"]);
        assert_eq!((&forged["status"], &forged["cause"]), (&"invalid".into(), &"secret-mismatch".into()), "{edition}");
    }
}
