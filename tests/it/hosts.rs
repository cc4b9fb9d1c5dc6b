//! For which hosts `whk listen` takes requests.

use crate::harness::env::{ListenProcess, TestEnv};
use crate::harness::http::{Answer, exchange};

fn ask(listener: &ListenProcess, host: &str) -> Answer {
    let request = format!("POST / HTTP/1.1\r\n{host}content-length: 0\r\n\r\n");
    exchange(listener.address(), request.as_bytes())
}

#[test]
fn another_host_is_refused_with_the_flag_that_takes_it() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log", "--on-invalid", "accept"]);
    for host in ["localhost", "LocalHost:1", "app.localhost", "127.0.0.1", "[::1]:9450"] {
        assert_eq!(ask(&listener, &format!("host: {host}\r\n")).status, 200, "{host}");
    }
    let answer = ask(&listener, "host: evil.example:9450\r\n");
    let refusal = "host `evil.example` not allowed; to accept it: --allow-host evil.example";
    assert_eq!((answer.status, answer.body), (403, format!("{refusal}\n")));
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    // A whole URL as the target counts before the header.
    let whole = b"POST http://evil.example/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(exchange(listener.address(), whole).status, 403);
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().contains(&format!(": 403 {refusal}\n")), "{output}");
    assert!(output.stderr().ends_with("5 received, 5 unsigned, 2 rejected\n"), "{output}");
}

#[test]
fn hosts_are_allowed_by_flag_by_config_and_by_the_public_url() {
    let room = TestEnv::new();
    let flags =
        ["--allow-host", "hooks.example", "--allow-host", "*.ngrok.app", "--public-url", "https://me.example:8443/x"];
    let listener = room.listen([&["--no-log", "--on-invalid", "accept"], &flags[..]].concat());
    for (host, status) in [("hooks.example", 200), ("a.ngrok.app", 200), ("me.example", 200), ("evil.example", 403)] {
        assert_eq!(ask(&listener, &format!("host: {host}\r\n")).status, status, "{host}");
    }
    listener.stop().assert_exit(0);
    room.write("whk.toml", "[listen]\nallow-host = ['*']\n");
    let listener = room.listen(["--no-log", "--on-invalid", "accept"]);
    assert_eq!(ask(&listener, "host: evil.example\r\n").status, 200);
    listener.stop().assert_exit(0);
}

#[test]
fn http_1_1_needs_one_host_and_1_0_none() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log", "--on-invalid", "accept"]);
    assert_eq!(ask(&listener, "").body, "no `host` header\n");
    assert_eq!(ask(&listener, "host: localhost\r\nhost: localhost\r\n").body, "more than one `host` header\n");
    for host in ["user@localhost", "localhost:80x", "localhost:65536", "localhost, localhost"] {
        let answer = ask(&listener, &format!("host: {host}\r\n"));
        assert_eq!((answer.status, &*answer.body), (400, "the `host` header is not HOST or HOST:PORT\n"), "{host}");
    }
    let old = b"POST / HTTP/1.0\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(exchange(listener.address(), old).status, 200);
    listener.stop().assert_exit(0);
}
