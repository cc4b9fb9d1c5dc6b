//! A replay that is killed again and again: in the end everything was delivered, and what came twice was marked.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use whk::random::Rng;

use crate::harness::env::TestEnv;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::rounds::{is_full, rounds, seed};

/// The records whose last attempt was begun and has no end, as the state file says.
fn cut_off(state: &str) -> HashSet<u64> {
    let mut open = HashSet::new();
    for line in state.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let record = line["record"].as_u64();
        match (line["kind"].as_str().unwrap(), record) {
            ("begin", Some(record)) => open.insert(record),
            ("end", Some(record)) => open.remove(&record),
            _ => true,
        };
    }
    open
}

#[test]
fn kills_lose_nothing_and_what_came_twice_was_marked() {
    let (events, wanted_kills) = rounds((400, 5), (1000, 50));
    let seed = seed();
    let room = TestEnv::new();
    let count = events.to_string();
    let dry_run =
        ["send", "-p", "ahasend", "--type", "message.delivered", "-c", &count, "--dry-run", "--format", "json"];
    room.write("log.jsonl", room.whk(dry_run).run().assert_exit(0).bytes());
    // Every third request fails; what is answered with 200 is counted by its id.
    let accepted: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let (theirs, requests) = (Arc::clone(&accepted), Mutex::new(0_usize));
    let handler = TestHandler::deciding(move |received| {
        let mut requests = requests.lock().unwrap();
        *requests += 1;
        if requests.is_multiple_of(3) {
            return HandlerResponse::text(503, "");
        }
        *theirs.lock().unwrap().entry(received.header("webhook-id")[0].to_owned()).or_default() += 1;
        HandlerResponse::text(200, "")
    });
    let url = handler.url();
    let replay = ["replay", "log.jsonl", &url, "-p", "ahasend", "--speed", "max", "--concurrency", "4", "--json"];
    let state = room.file("log.jsonl.replay");
    let mut random = Rng::seeded(seed);
    let (mut perhaps, mut marked, mut kills) = (HashSet::new(), HashSet::new(), 0);
    loop {
        let running = room.whk(replay).start();
        let before = handler.received().len();
        if kills < wanted_kills {
            // Some are killed before their first request, some in the middle of many.
            let wanted = usize::try_from(random.below(14)).unwrap();
            let patience = Duration::from_micros(random.below(400));
            handler.wait_up_to(before + wanted, Duration::from_millis(500));
            thread::sleep(patience);
            running.signal("KILL");
            kills += 1;
        }
        let output = running.end();
        let lines = output.stdout();
        for line in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if line["perhaps_seen"] == true {
                marked.insert(line["event_id"].as_str().unwrap().to_owned());
            }
        }
        perhaps.extend(cut_off(&fs::read_to_string(&state).unwrap_or_default()));
        match output.code() {
            Some(0) => break,
            // A delivery may be out of attempts: the next run begins it again.
            None | Some(1) => {}
            Some(_) => panic!("seed {seed}, kill {kills}: {output}"),
        }
    }
    assert_eq!(kills, wanted_kills, "seed {seed}: it took no longer");
    let accepted = accepted.lock().unwrap();
    assert_eq!(accepted.len(), events, "seed {seed}: every event was delivered");
    let log = fs::read_to_string(room.file("log.jsonl")).unwrap();
    let ids: Vec<Value> =
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event_id"].clone()).collect();
    let id = |record: &u64| ids[usize::try_from(*record).unwrap() - 1].as_str().unwrap().to_owned();
    let perhaps: HashSet<String> = perhaps.iter().map(id).collect();
    let twice: HashSet<String> = accepted.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect();
    assert!(twice.is_subset(&perhaps), "seed {seed}: {:?} came twice unmarked", twice.difference(&perhaps));
    assert!(marked.is_subset(&perhaps), "seed {seed}: {:?}", marked.difference(&perhaps));
    // A few kills may all fall between two attempts.
    assert!(!is_full() || !perhaps.is_empty(), "seed {seed}: some attempt was cut off");
    assert!(!state.exists(), "nothing is left to do");
}
