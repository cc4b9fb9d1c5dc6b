//! Senders that do not behave: they are refused or left alone, and everybody else is served all the while.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;

use crate::harness::env::TestEnv;
use crate::harness::http::{Connection, NOW_TEXT, STANDARD, exchange, until_it_ends, valid};

const BODY: &[u8] = br#"{"type":"user.created"}"#;

/// The status that the other side gives before it ends the connection, or 0 where it gives none.
fn status(address: &str, bytes: &[u8]) -> u16 {
    let (answer, _) = until_it_ends(address, bytes);
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

#[test]
fn requests_that_mean_two_things_are_refused() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&[]);
    let mut kept = Connection::open(listener.address());
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\n";
    for (what, rest, expected) in [
        ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        ("two lengths in one", "content-length: 1, 2\r\n\r\nab", 400),
        ("a negative length", "content-length: -1\r\n\r\n", 400),
        ("a signed length", "content-length: +1\r\n\r\na", 400),
        ("a length beyond counting", "content-length: 99999999999999999999\r\n\r\n", 400),
        ("a length beyond the limit", "content-length: 999999999999\r\n\r\n", 413),
        ("an unknown coding", "transfer-encoding: gzip\r\n\r\n", 400),
        ("chunked, but not last", "transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
        ("a chunk of no size", "transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n", 400),
        ("a chunk beyond counting", "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n0\r\n\r\n", 400),
        ("a chunk without an end", "transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400),
        ("a folded header", "x-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n", 400),
        ("a blank before the colon", "content-length : 0\r\n\r\n", 400),
        ("a NUL in a value", "x-a: \0\r\ncontent-length: 0\r\n\r\n", 400),
        ("a lone CR in a value", "x-a: 1\r2\r\ncontent-length: 0\r\n\r\n", 400),
        ("a header without a name", ": 1\r\ncontent-length: 0\r\n\r\n", 400),
    ] {
        assert_eq!(status(listener.address(), format!("{head}{rest}").as_bytes()), expected, "{what}");
        assert_eq!(kept.exchange(&valid("msg_1", BODY)).status, 200, "another sender, after {what}");
    }
    for (what, bytes) in [
        ("an unknown version", "POST / HTTP/9.9\r\nhost: localhost\r\n\r\n"),
        ("no version", "POST /\r\n\r\n"),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("another protocol", "\x16\x03\x01\x02\x00\x01\x00\x01\u{1}\x03\x03\r\n\r\n"),
        ("blanks in the target", "POST /a b HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ] {
        assert!(matches!(status(listener.address(), bytes.as_bytes()), 0 | 400), "{what}");
        assert_eq!(kept.exchange(&valid("msg_1", BODY)).status, 200, "another sender, after {what}");
    }
    let connect = b"CONNECT localhost:443 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(status(listener.address(), connect), 405);
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().contains("\n21 received, 21 valid, "), "{output}");
}

#[test]
fn of_length_and_chunks_the_chunks_count_and_the_connection_ends() {
    let room = TestEnv::new();
    let listener = room.listen(["--json", "--no-log", "--respond", "200"]);
    for headers in
        ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"]
    {
        let smuggled = "POST /smuggled HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
        let both = format!("POST / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n0\r\n\r\n{smuggled}");
        let (answers, error) = until_it_ends(listener.address(), both.as_bytes());
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers} {error:?}");
    }
    let lines = listener.stop().assert_exit(0).json();
    assert_eq!(lines.len(), 4);
    for line in &lines[1..3] {
        assert_eq!((&line["target"], &line["body"]), (&"/".into(), &"".into()));
        assert!(!line["headers"].to_string().contains("content-length"), "{line}");
    }
}

#[test]
fn headers_beyond_the_limits_are_431() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&[]);
    let with = |headers: &str| format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n{headers}\r\n");
    let mut many = String::new();
    for number in 0..98 {
        let _ = write!(many, "x-{number}: 1\r\n");
    }
    assert_eq!(exchange(listener.address(), with(&many).as_bytes()).status, 400, "100 headers are read");
    many.push_str("x-more: 1\r\n");
    assert_eq!(status(listener.address(), with(&many).as_bytes()), 431);
    let long = |length: usize| format!("x-long: {}\r\n", "x".repeat(length));
    assert_eq!(exchange(listener.address(), with(&long(60 << 10)).as_bytes()).status, 400, "60 KiB are read");
    assert_eq!(status(listener.address(), with(&long(64 << 10)).as_bytes()), 431);
    let far = format!("POST /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000));
    assert!(matches!(status(listener.address(), far.as_bytes()), 414 | 431));
    // Headers without an end: what is not read is not kept.
    let endless = format!("POST / HTTP/1.1\r\n{}", long(1000).repeat(2000));
    assert!(matches!(status(listener.address(), endless.as_bytes()), 0 | 431));
    assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    listener.stop().assert_exit(0);
}

#[test]
fn headers_that_never_end_are_408_and_an_idle_connection_just_ends() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&[]);
    let mut slow = Connection::open(listener.address());
    slow.write(b"POST / HTTP/1.1\r\nhost: local");
    let mut idle = Connection::open(listener.address());
    assert_eq!(idle.exchange(&valid("msg_1", BODY)).status, 200);
    assert_eq!(
        slow.until_it_ends().0,
        "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(idle.until_it_ends(), (String::new(), None));
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().contains(": 408 the headers were not complete in time\n"), "{output}");
    assert!(output.stderr().ends_with("1 received, 1 valid, 1 rejected\n"), "{output}");
}

#[test]
fn where_file_descriptors_run_out_the_idle_ones_give_way() {
    let room = TestEnv::new();
    let ready = room.path().join("ready");
    let whk = env!("CARGO_BIN_EXE_whk");
    let few =
        ["-c", "ulimit -n 48; exec \"$0\" \"$@\"", whk, "listen", "0", "--no-log", "-p", "standard", "-s", STANDARD];
    let more = ["--now", NOW_TEXT, "--ready-file", ready.to_str().unwrap()];
    let listener = room.program("sh", [&few[..], &more[..]].concat()).start_listening(&ready);
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(listener.address()).unwrap());
    }
    for _ in 0..5 {
        assert_eq!(exchange(listener.address(), &valid("msg_1", BODY)).status, 200);
    }
    listener.stop().assert_exit(0);
}

#[test]
fn senders_that_vanish_leave_nothing_behind() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&["-q"]);
    let whole = valid("msg_1", BODY);
    for number in 0..300 {
        let mut connection = Connection::open(listener.address());
        // In the middle of the headers, of the body, and of the answer.
        connection.write(&whole[..[20, whole.len() - 5, whole.len()][number % 3]]);
    }
    for _ in 0..10 {
        assert_eq!(exchange(listener.address(), &whole).status, 200);
    }
    listener.stop().assert_exit(0);
}

#[test]
fn requests_in_one_breath_are_answered_in_order() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&["-q", "--respond", "500,501,502,503,200"]);
    let mut connection = Connection::open(listener.address());
    connection.write(&valid("msg_1", BODY).repeat(6));
    let statuses: Vec<u16> = (0..6).map(|_| connection.answer().status).collect();
    assert_eq!(statuses, [500, 501, 502, 503, 200, 200]);
    listener.stop().assert_exit(0);
}

#[test]
fn curl_is_answered_whichever_way_it_asks() {
    let room = TestEnv::new();
    let listener = room.listen_without_log(&["--on-invalid", "accept", "--max-body", "2MiB"]);
    let large = room.write("large", "x".repeat(1 << 20));
    let large = format!("@{}", large.display());
    for (flags, expected) in [
        (&["--http1.0", "-d", "x"][..], "200 OK"),
        (&["-H", "Transfer-Encoding: chunked", "-d", "x"], "200 OK"),
        (&["-H", "Expect: 100-continue", "--expect100-timeout", "50", "--data-binary", &large], "200 OK"),
        (&["--data-binary", &large], "200 OK"),
        (&["-X", "DELETE"], "200 OK"),
        (&["-I"], "200 "),
    ] {
        let fixed = ["-s", "--max-time", "30", "-w", "%{http_code} ", "-o", "answer", listener.url()];
        let output = room.program("curl", [&fixed[..], flags].concat()).run().assert_exit(0);
        let answer = fs::read_to_string(room.file("answer")).unwrap();
        let body = if flags == ["-I"] { "" } else { answer.as_str() };
        assert_eq!(output.stdout() + body, expected, "{flags:?}");
    }
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().ends_with("5 received, 5 unsigned\n"), "{output}");
}
