//! `whk listen` is killed under load again and again: what it acknowledged is in the log, and it starts again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{self, Sender};
use std::thread;

use serde_json::Value;
use whk::random::Rng;

use crate::harness::env::{DEADLINE, TestEnv};
use crate::harness::http::{NOW, NOW_TEXT, STANDARD, request, signed};
use crate::harness::rounds::{rounds, seed};

const CLIENTS: u64 = 4;

#[test]
fn whatever_was_acknowledged_before_a_kill_is_in_the_log() {
    let (rounds, seed) = (rounds(5, 50), seed());
    let mut random = Rng::seeded(seed);
    let room = TestEnv::new();
    let (mut acknowledged, mut torn) = (BTreeSet::new(), 0);
    for round in 0..rounds {
        let more = ["--log", "log.jsonl", "-p", "standard", "-s", STANDARD, "--now", NOW_TEXT];
        // A log that is synced is killed just as hard.
        let sync: &[&str] = if round % 5 == 0 { &["--sync"] } else { &[] };
        let listener = room.listen([more.as_slice(), sync].concat());
        let moment = usize::try_from(random.below(60)).unwrap();
        let (sender, answers) = mpsc::channel();
        for client in 0..CLIENTS {
            let (address, sender) = (listener.address().to_owned(), sender.clone());
            let random = Rng::seeded(random.bits());
            thread::spawn(move || send_until_the_end(&address, &format!("{round}-{client}"), random, &sender));
        }
        drop(sender);
        for _ in 0..=moment {
            acknowledged.insert(answers.recv_timeout(DEADLINE).unwrap());
        }
        let output = listener.stop_by("KILL");
        // Nobody was left to take it away.
        fs::remove_file(room.path().join("ready")).unwrap();
        assert_eq!(output.code(), None, "{output}");
        torn += usize::from(output.stderr().contains("was cut off"));
        // The clients notice, and end.
        acknowledged.extend(answers.iter());
        assert_eq!(lost(&room, &acknowledged), Vec::<&String>::new(), "seed {seed}, round {round}");
    }
    println!("{} acknowledged in {rounds} rounds, {torn} torn lines", acknowledged.len());
    room.listen(["--log", "log.jsonl"]).stop().assert_exit(0);
    let verify = room.whk(["verify", "log.jsonl", "-p", "standard", "-s", STANDARD, "--json"]).run().assert_exit(0);
    let lines = verify.json();
    let valid = lines.last().unwrap()["valid"].as_u64().unwrap();
    assert!(valid >= acknowledged.len() as u64, "{valid}");
}

/// Sends requests of many sizes, and tells the id of each one that was answered.
fn send_until_the_end(address: &str, name: &str, mut random: Rng, acknowledged: &Sender<String>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    for number in 0.. {
        let id = format!("{name}-{number}");
        // A record of many pages is what a kill can tear.
        let size = if random.below(8) == 0 { 1 << 17 } else { random.below(2000) };
        let body = format!(r#"{{"type":"user.created","text":"{}"}}"#, "x".repeat(usize::try_from(size).unwrap()));
        let request = request(&signed(STANDARD, &id, NOW, body.as_bytes()), body.as_bytes());
        let mut answer = [0; 512];
        let Ok(()) = stream.write_all(&request) else { return };
        match stream.read(&mut answer) {
            Ok(count) if answer[..count].starts_with(b"HTTP/1.1 200 ") => {}
            Ok(0) | Err(_) => return,
            Ok(count) => panic!("{}", String::from_utf8_lossy(&answer[..count])),
        }
        let Ok(()) = acknowledged.send(id) else { return };
    }
}

/// The acknowledged ids that are in no whole line of the log.
fn lost<'a>(room: &TestEnv, acknowledged: &'a BTreeSet<String>) -> Vec<&'a String> {
    let log = fs::read_to_string(room.file("log.jsonl")).unwrap();
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let id = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        record["verdict"]["event_id"].as_str().unwrap().to_owned()
    };
    let kept: BTreeSet<String> = whole.lines().map(id).collect();
    acknowledged.iter().filter(|id| !kept.contains(*id)).collect()
}
