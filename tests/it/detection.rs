//! Whose request it is, where nobody says.

use std::fmt::Write as _;

use serde_json::Value;

use crate::environment::Room;

/// One sample of each provider, as a JSON record.
fn samples(room: &Room, name: &str) -> Vec<Value> {
    room.whk(["send", "-p", name, "--type", "all", "--dry-run", "--format", "json"]).go().ended(0).json()
}

fn verdict(room: &Room, record: &Value) -> Value {
    room.whk(["verify", "-", "--json"]).stdin(record.to_string()).go().json().remove(0)
}

#[test]
fn every_sample_of_every_provider_is_found_to_be_its_own() {
    let room = Room::new();
    let listed = room.whk(["providers", "--json"]).go().ended(0).json();
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
    let verdicts = room.whk(["verify", "-", "--json"]).stdin(records).go().ended(0).json();
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
    let room = Room::new();
    for name in ["aisend", "autosend", "selfmx"] {
        let found = verdict(&room, &samples(&room, name)[0]);
        assert_eq!((found["status"].as_str(), found["provider"].as_str()), (Some("valid"), Some(name)), "{found}");
        let detected = found["evidence"]["detected"].as_str().unwrap();
        assert!(detected.contains("x-webhook-signature") && detected.contains(&format!("{name}'s")), "{detected}");
    }
}

#[test]
fn where_none_verifies_the_form_of_the_signature_tells() {
    let room = Room::new();
    // `queued` is an event of two providers, of which one writes `sha256=` before its signatures.
    for name in ["aisend", "selfmx"] {
        let mut record = samples(&room, name).remove(0);
        assert_eq!(record["event_type"], "queued");
        record["body"] = record["body"].as_str().unwrap().replace("@example.com", "@example.org").into();
        let found = verdict(&room, &record);
        assert_eq!((found["provider"].as_str(), found["cause"].as_str()), (Some(name), Some("secret-mismatch")));
    }
}

#[test]
fn where_none_verifies_the_ambiguity_is_shown() {
    let room = Room::new();
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
    let room = Room::new();
    let record = samples(&room, "autosend").remove(0);
    samples(&room, "aisend");
    let found =
        room.whk(["verify", "-", "--json", "-p", "aisend"]).stdin(record.to_string()).go().ended(1).json().remove(0);
    assert_eq!((found["provider"].as_str(), found["evidence"]["detected"].as_str()), (Some("aisend"), None));
}
