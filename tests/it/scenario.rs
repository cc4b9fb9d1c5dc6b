//! Scenarios, order, repeats and pace of `whk send`.

use std::time::Duration;

use serde_json::Value;
use whk::clock::Stopwatch;

use crate::harness::env::TestEnv;

fn dry(room: &TestEnv, more: &[&str]) -> Vec<Value> {
    let common = ["send", "--dry-run", "--format", "json", "--now", "2026-03-02T08:15:33Z"];
    room.whk([common.as_slice(), more].concat()).run().assert_exit(0).json()
}

fn body(line: &Value) -> Value {
    serde_json::from_str(line["body"].as_str().unwrap()).unwrap()
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event_type"].as_str().unwrap()).collect()
}

/// A provider of one's own, so that these tests stand apart from ours.
fn shop(room: &TestEnv) {
    room.whk(["providers", "new", "shop"]).run().assert_exit(0);
}

#[test]
fn a_scenario_is_one_life_whose_times_progress_and_end_now() {
    let room = TestEnv::new();
    shop(&room);
    let lines = dry(&room, &["--scenario", "paid", "-p", "shop"]);
    assert_eq!(types(&lines), ["order.created", "order.paid"]);
    let (created, paid) = (body(&lines[0]), body(&lines[1]));
    assert_eq!(created["data"]["order_id"], paid["data"]["order_id"]);
    assert_eq!(created["data"]["email"], paid["data"]["email"]);
    assert_ne!(created["id"], paid["id"], "an event has an id of its own");
    assert_eq!(created["created_at"], "2026-03-02T08:14:03Z");
    assert_eq!(paid["created_at"], "2026-03-02T08:15:33Z");
    let rounds = dry(&room, &["--scenario", "paid", "-p", "shop", "-c", "2"]);
    assert_ne!(body(&rounds[0])["data"]["order_id"], body(&rounds[2])["data"]["order_id"], "another life");
}

#[test]
fn every_scenario_of_every_edition_can_be_sent() {
    let room = TestEnv::new();
    let mut sent = 0;
    for provider in room.whk(["providers", "--json"]).run().assert_exit(0).json() {
        for edition in provider["editions"].as_array().unwrap() {
            let name = format!("{}@{}", provider["provider"].as_str().unwrap(), edition.as_str().unwrap());
            let shown = room.whk(["providers", &name, "--json"]).run().assert_exit(0).json();
            for scenario in shown[0]["scenarios"].as_array().unwrap() {
                let lines = dry(&room, &["-p", &name, "--scenario", scenario.as_str().unwrap()]);
                assert!(lines.len() > 1, "{name} {scenario}: a scenario has several events");
                sent += 1;
            }
        }
    }
    assert!(sent > 0);
}

#[test]
fn an_unknown_scenario_names_those_that_there_are() {
    let room = TestEnv::new();
    shop(&room);
    let unknown = room.whk(["send", "-p", "shop", "--scenario", "payed", "--dry-run"]).run().assert_exit(2);
    assert!(unknown.stderr().contains("available scenarios: paid\nhint: did you mean --scenario paid?"), "{unknown}");
    let unknown = room.whk(["send", "--scenario", "nonesuch", "--dry-run"]).run().assert_exit(2);
    assert!(unknown.stderr().contains("no known provider has a scenario `nonesuch`"), "{unknown}");
}

#[test]
fn shuffling_changes_the_order_alone_and_repeats_with_the_seed() {
    let room = TestEnv::new();
    let all = ["-p", "ahasend", "--type", "all", "--seed", "5"];
    let straight = dry(&room, &all);
    let shuffled = dry(&room, &[all.as_slice(), &["--shuffle"]].concat());
    assert_ne!(types(&straight), types(&shuffled));
    assert_eq!(shuffled, dry(&room, &[all.as_slice(), &["--shuffle"]].concat()));
    let sorted = |lines: &[Value]| {
        let mut bodies: Vec<String> = lines.iter().map(|line| line["body"].to_string()).collect();
        bodies.sort();
        bodies
    };
    assert_eq!(sorted(&straight), sorted(&shuffled), "the same events, byte for byte");
}

#[test]
fn a_duplicate_is_the_same_request_again_and_listen_says_so() {
    let room = TestEnv::new();
    let lines = dry(&room, &["-p", "ahasend", "--type", "message.opened", "--duplicate", "-c", "2"]);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], lines[1]);
    assert_ne!(lines[1]["event_id"], lines[2]["event_id"]);
    let listener = room.listen(["--json"]);
    room.send(listener.url(), &["-p", "ahasend", "--type", "message.opened", "--duplicate"]).assert_exit(0);
    let seen: Vec<Value> = listener.stop().json().iter().map(|line| line["duplicate"].clone()).collect();
    assert_eq!(seen[1..3], [Value::Bool(false), Value::Bool(true)]);
}

#[test]
fn a_pace_holds_the_requests_apart() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let watch = Stopwatch::start();
    room.send(listener.url(), &["-p", "ahasend", "--type", "message.opened", "-c", "3", "--pace", "20/s"])
        .assert_exit(0);
    assert!(watch.elapsed() >= Duration::from_millis(100), "two waits of 50 ms");
    for wrong in ["fast", "0/s", "1/x", "-1/s", "/s"] {
        let refused =
            room.whk(["send", "-p", "ahasend", "--type", "all", "--dry-run", "--pace", wrong]).run().assert_exit(2);
        assert!(
            refused.stderr().contains("is not a pace") || refused.stderr().contains("unknown option `-1`"),
            "{refused}"
        );
    }
}

#[test]
fn a_scenario_in_its_own_time_happens_when_it_is_sent() {
    let room = TestEnv::new();
    shop(&room);
    let text = std::fs::read_to_string(room.file("whk-providers/shop.toml")).unwrap();
    room.write("whk-providers/shop.toml", text.replace("order.paid +90s", "order.paid +150ms"));
    let listener = room.listen(["--no-log"]);
    let watch = Stopwatch::start();
    room.send(listener.url(), &["-p", "shop", "--scenario", "paid", "--pace", "original"]).assert_exit(0);
    assert!(watch.elapsed() >= Duration::from_millis(150));
}
