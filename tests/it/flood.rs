//! Floods of connections that stay idle: others are served all the while, and afterwards the memory is returned.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use whk::clock::Stopwatch;

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::http::{exchange, valid};

const BODY: &[u8] = br#"{"type":"user.created"}"#;

/// The most memory that may remain after a flood of connections, in KiB.
const REMAINS: u64 = 10 << 10;

/// Time limit for the return of the memory; it takes a second.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn thousands_that_are_idle_keep_nobody_waiting_and_their_memory_is_returned() {
    let mut part_of_a_body = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n".to_vec();
    part_of_a_body.resize(40_000, b'x');
    for (what, sent) in [
        ("nothing", Vec::new()),
        ("part of the headers", b"POST / HTTP/1.1\r\nhost: local".to_vec()),
        ("part of a body", part_of_a_body),
        ("a request", valid("msg_1", BODY)),
    ] {
        let room = TestEnv::new();
        let listener = room.listen_without_log(&["-q"]);
        // The first ones warm it up.
        for _ in 0..100 {
            assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
        }
        let before = memory(&listener);
        for round in 1..=2 {
            let idle = idle_connections(&listener, &sent);
            let among_them = memory(&listener);
            drop(idle);
            assert!(
                among_them < before + (512 << 10),
                "{what}, {round}: {before} KiB before, {among_them} KiB among them"
            );
            let watch = Stopwatch::start();
            while memory(&listener) > before + REMAINS {
                assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
                let after = memory(&listener);
                assert!(watch.elapsed() < LIMIT, "{what}, {round}: {before} KiB before, {after} KiB after");
            }
        }
        listener.stop().assert_exit(0);
    }
}

/// Opens as many connections as this process may have, up to 3000, and sends the same bytes on each.
fn idle_connections(listener: &ListenProcess, sent: &[u8]) -> Vec<TcpStream> {
    let mut idle = Vec::new();
    for number in 0..3000 {
        let Ok(mut stream) = TcpStream::connect(listener.address()) else { break };
        // It may be closed already, in favour of newer ones.
        let _ = stream.write_all(sent);
        idle.push(stream);
        if number % 250 == 0 {
            assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
        }
    }
    assert!(idle.len() > 500, "{}", idle.len());
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    idle
}

/// The resident memory of a process in KiB.
fn memory(listener: &ListenProcess) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", listener.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
