//! `whk listen` over https: with a certificate of one's own, or with one that it makes.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::env::{ListenProcess, Output, TestEnv};
use crate::harness::files::tls_file;
use crate::harness::http::{Connection, STANDARD, exchange};

const CERTIFICATE: &str = "../data/tls/certificate.pem";

fn listen(room: &TestEnv, more: &[&str]) -> ListenProcess {
    room.listen([&["--no-log", "-p", "standard", "-s", STANDARD], more].concat())
}

/// Sends to a name of the listener with only this authority trusted.
fn send(room: &TestEnv, listener: &ListenProcess, name: &str, trusted: impl AsRef<Path>) -> Output {
    let url = listener.url().replace("127.0.0.1", name);
    assert!(url.starts_with("https://"), "{url}");
    let run = room.whk(["send", &url, "-p", "standard", "-s", STANDARD, "-d", "x", "--id", "msg_1"]);
    run.env("SSL_CERT_FILE", trusted.as_ref()).run().redact_durations()
}

const DELIVERED: &str = "
exit 0
stdout:
✓ 200  msg_1  [T] ms
";

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let room = TestEnv::new();
    let (certificate, key) = (tls_file("local.pem"), tls_file("local.key.pem"));
    let listener = listen(&room, &["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    for name in ["localhost", "127.0.0.1"] {
        send(&room, &listener, name, tls_file("ca.pem")).assert_snapshot(DELIVERED);
    }
    listener.stop().assert_exit(0);
}

#[test]
fn a_certificate_is_made_once_and_kept() {
    let room = TestEnv::new();
    let mut fingerprints = Vec::new();
    for name in ["localhost", "127.0.0.1"] {
        let listener = listen(&room, &["--tls", "self-signed"]);
        send(&room, &listener, name, room.file(CERTIFICATE)).assert_snapshot(DELIVERED);
        let stderr = listener.stop().assert_exit(0).stderr();
        assert!(stderr.lines().next().unwrap().ends_with("/data/tls/certificate.pem  (self-signed)"), "{stderr}");
        fingerprints.push(stderr.lines().nth(1).unwrap().to_owned());
    }
    assert_eq!(fingerprints[0].len(), "SHA-256 ".len() + 95, "{fingerprints:?}");
    assert_eq!(fingerprints[0], fingerprints[1]);
    let mode = |name: &str| fs::metadata(room.data(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("tls"), mode("tls/self-signed.pem")), (0o700, 0o600));
    let trusted = fs::read_to_string(room.file(CERTIFICATE)).unwrap();
    assert!(!trusted.contains("PRIVATE"), "{trusted}");
    // One that is broken, or not for this host, is replaced.
    fs::write(room.data("tls/self-signed.pem"), "nonsense").unwrap();
    let listener = listen(&room, &["--tls", "self-signed"]);
    send(&room, &listener, "localhost", room.file(CERTIFICATE)).assert_snapshot(DELIVERED);
    assert!(!listener.stop().stderr().contains(&fingerprints[0]));
}

#[test]
fn who_does_not_speak_tls_holds_nobody_up() {
    let room = TestEnv::new();
    let listener = listen(&room, &["--tls", "self-signed"]);
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(listener.address()).unwrap()).collect();
    let mut plain = Connection::open(listener.address());
    plain.write(b"POST / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    plain.until_it_ends();
    send(&room, &listener, "localhost", room.file(CERTIFICATE)).assert_snapshot(DELIVERED);
    let output = listener.stop().assert_exit(0);
    assert!(output.stderr().contains(": not TLS; use https:// for this address\n"), "{output}");
    assert!(output.stderr().ends_with("1 received, 1 valid, 1 rejected\n"), "{output}");
    drop(silent);
}

#[test]
fn https_and_forwarding_to_https_go_together() {
    let room = TestEnv::new();
    let behind = listen(&room, &["--tls", "self-signed"]);
    let run = room.whk([
        "listen",
        "0",
        "--no-log",
        "-q",
        "-p",
        "standard",
        "-s",
        STANDARD,
        "-f",
        &behind.url().replace("127.0.0.1", "localhost"),
        "--ready-file",
        "front",
    ]);
    let front = run.env("SSL_CERT_FILE", room.file(CERTIFICATE)).start_listening(&room.file("front"));
    let answer = room.send(front.url(), &["-p", "standard", "-s", STANDARD, "-d", "x", "--id", "msg_1"]);
    answer.redact_durations().assert_snapshot(DELIVERED);
    front.stop().assert_exit(0);
    // `-k` takes whatever is shown.
    let another = TestEnv::new();
    let front = listen(&another, &["-q", "-k", "-f", behind.url()]);
    let answer = room.send(front.url(), &["-p", "standard", "-s", STANDARD, "-d", "x", "--id", "msg_1"]);
    answer.redact_durations().assert_snapshot(DELIVERED);
    front.stop().assert_exit(0);
    // Without that trust it is not spoken to.
    let run = room.whk([
        "listen",
        "0",
        "--no-log",
        "-q",
        "-p",
        "standard",
        "-s",
        STANDARD,
        "--on-invalid",
        "accept",
        "-f",
        behind.url(),
        "--ready-file",
        "front",
    ]);
    let front = run.env("SSL_CERT_FILE", tls_file("other.pem")).start_listening(&room.file("front"));
    let bytes = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n";
    let answer = exchange(front.address(), bytes);
    assert_eq!(answer.status, 502);
    assert!(
        answer.body.contains(
            "its TLS certificate is self-signed or from an unknown authority; to skip certificate checks, add -k"
        ),
        "{answer:?}"
    );
    front.stop().assert_exit(0);
    behind.stop().assert_exit(0);
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error() {
    let room = TestEnv::new();
    let key = tls_file("local.key.pem");
    room.write("empty.pem", "");
    room.whk(["listen", "0", "--no-log", "--tls-cert", "empty.pem", "--tls-key", key.to_str().unwrap()])
        .run()
        .assert_snapshot(
            "
exit 2
stderr:
error: cannot use the certificate in empty.pem
  caused by: no certificate in it; expected PEM
",
        );
    room.whk(["listen", "0", "--no-log", "--tls-cert", "missing.pem", "--tls-key", "x"]).run().assert_exit(2);
    room.whk(["listen", "0", "--tls-cert", "x"]).run().assert_snapshot(
        "
exit 2
stderr:
error: `whk listen` needs --tls-key
hint: whk listen --help
",
    );
}
