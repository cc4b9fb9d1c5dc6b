//! `whk send` over https: which certificates it takes.
//!
//! `tls/` holds an authority whose key was thrown away, and two certificates of it that are valid for 100 years:
//! `local.pem` for `localhost` and `127.0.0.1`, `other.pem` for `elsewhere.example`. Made with `openssl req -x509`
//! and `openssl x509 -req -CA`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::env::{DEADLINE, Output, TestEnv};
use crate::harness::files::tls_file;
use crate::harness::handler::{HandlerResponse, TestHandler};
use crate::harness::http::STANDARD;

/// An https handler that answers 200; it notes how many requests it could read.
struct TlsHandler {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TlsHandler {
    fn with(certificate: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_file(tls_file(&format!("{certificate}.pem"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(tls_file(&format!("{certificate}.key.pem"))).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let theirs = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in socket.incoming() {
                if let Some(head) = answer(stream.unwrap(), Arc::clone(&config)) {
                    theirs.lock().unwrap().push(head);
                }
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// Answers one request; `None` where the other side does not like the certificate.
fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> Option<String> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"the end") {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends to the handler with only this authority trusted, or with an empty trust.
fn send(handler: &TlsHandler, host: &str, trusted: Option<&str>, more: &[&str]) -> Output {
    let room = TestEnv::new();
    let url = format!("https://{host}:{}/", handler.port);
    let common = ["send", &url, "-p", "standard", "-s", STANDARD, "-d", "the end", "--id", "msg_1"];
    let run = room.whk([common.as_slice(), more].concat());
    let trust = trusted.map_or_else(|| tls_file("other.pem"), tls_file);
    let port = handler.port.to_string();
    run.env("SSL_CERT_FILE", trust).run().redact_durations().redact(&port, "[PORT]")
}

#[test]
fn an_unknown_authority_is_refused_and_the_hint_is_k() {
    let handler = TlsHandler::with("local");
    send(&handler, "localhost", None, &[]).assert_snapshot(
        "
exit 3
stderr:
error: cannot trust localhost:[PORT]
  caused by: its TLS certificate is self-signed or from an unknown authority
hint: to skip certificate checks, add -k
",
    );
    assert_eq!(handler.requests(), 0, "nothing is sent before the certificate is checked");
}

#[test]
fn k_takes_any_certificate() {
    for certificate in ["local", "other"] {
        let handler = TlsHandler::with(certificate);
        send(&handler, "127.0.0.1", None, &["-k"]).assert_snapshot(
            "
exit 0
stdout:
✓ 200  msg_1  [T] ms
",
        );
    }
}

#[test]
fn the_systems_trust_is_used() {
    let handler = TlsHandler::with("local");
    for host in ["localhost", "127.0.0.1"] {
        send(&handler, host, Some("ca.pem"), &[]).assert_snapshot(
            "
exit 0
stdout:
✓ 200  msg_1  [T] ms
",
        );
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let handler = TlsHandler::with("other");
    let output = send(&handler, "localhost", Some("ca.pem"), &[]).assert_exit(3);
    assert!(output.stderr().contains("its TLS certificate is not valid for the host `localhost`"), "{output}");
    assert!(output.stderr().ends_with("hint: to skip certificate checks, add -k\n"), "{output}");
    assert_eq!(handler.requests(), 0);
}

#[test]
fn plain_http_at_the_other_end_is_unreachable() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log"]);
    let url = listener.url().replace("http:", "https:");
    let output = room.send(&url, &["-p", "standard", "-s", STANDARD, "-d", "x"]).assert_exit(3);
    assert!(output.stderr().starts_with("error: 127.0.0.1:"), "{output}");
    let output = listener.stop();
    assert!(output.stderr().ends_with("0 received, 1 rejected\n"), "{output}");
}

#[test]
fn https_to_a_plain_port_says_so_and_gives_the_address_that_works() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log", "-p", "standard", "-s", STANDARD]);
    let https = listener.url().replace("http:", "https:");
    let event = ["-p", "standard", "-s", STANDARD, "-t", "user.created", "--seed", "1"];
    room.send(&https, &event).redact(listener.address(), "[ADDRESS]").assert_snapshot(
        "
exit 3
stderr:
error: [ADDRESS] does not speak https
hint: use http://[ADDRESS]/
",
    );
    let hinted = listener.url().to_owned() + "/";
    room.send(&hinted, &event).assert_exit(0);
}

#[test]
fn http_to_a_port_that_speaks_tls_says_so_and_gives_the_address_that_works() {
    let room = TestEnv::new();
    let listener = room.listen(["--no-log", "-p", "standard", "-s", STANDARD, "--tls", "self-signed"]);
    let http = listener.url().replace("https:", "http:");
    let event = ["-p", "standard", "-s", STANDARD, "-t", "user.created", "--seed", "1"];
    room.send(&http, &event).redact(listener.address(), "[ADDRESS]").assert_snapshot(
        "
exit 3
stderr:
error: [ADDRESS] speaks https, not http
hint: use https://[ADDRESS]/
",
    );
    // The address of the hint leads to the next hint, and that one works.
    room.send(listener.url(), &event).redact(listener.address(), "[ADDRESS]").assert_snapshot(
        "
exit 3
stderr:
error: cannot trust [ADDRESS]
  caused by: its TLS certificate is self-signed or from an unknown authority
hint: to skip certificate checks, add -k
",
    );
    room.send(listener.url(), &[event.as_slice(), &["-k"]].concat()).assert_exit(0);
}

#[test]
fn a_tls_server_that_hangs_up_on_plain_http_is_told_from_a_broken_handler() {
    let handler = TlsHandler::with("local");
    let room = TestEnv::new();
    let url = format!("http://127.0.0.1:{}/", handler.port);
    for faults in [&[][..], &["--fault", "missing-signature"]] {
        let output =
            room.send(&url, &[&["-p", "standard", "-s", STANDARD, "-d", "{}"], faults].concat()).assert_exit(3);
        assert!(output.stderr().contains("speaks https, not http\nhint: use https://127.0.0.1:"), "{output}");
    }
}

#[test]
fn the_notice_of_a_server_that_takes_tls_only_is_no_rejection() {
    for notice in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<center>The plain HTTP request was sent to HTTPS port</center>",
        "You're speaking plain HTTP to an SSL-enabled server port.",
    ] {
        let room = TestEnv::new();
        let handler = TestHandler::answering([HandlerResponse::text(400, notice)]);
        let event = ["-p", "standard", "-s", STANDARD, "-d", "{}", "--fault", "missing-signature"];
        let output = room.send(&handler.url(), &event).assert_exit(3);
        assert!(output.stderr().contains("speaks https, not http"), "{output}");
    }
}

#[test]
fn replay_and_forwarding_explain_tls_as_well() {
    let room = TestEnv::new();
    let plain = room.listen(["--log", "log.jsonl", "-p", "standard", "-s", STANDARD]);
    let event = ["-p", "standard", "-s", STANDARD, "-t", "user.created", "--seed", "1"];
    room.send(plain.url(), &event).assert_exit(0);
    let https = plain.url().replace("http:", "https:");
    let replayed = room.whk(["replay", "log.jsonl", &https, "--schedule", "none", "-s", STANDARD]).run().assert_exit(3);
    let expected = format!("error: {0} does not speak https\nhint: use http://{0}/\n", plain.address());
    assert!(replayed.stderr().ends_with(&expected), "{replayed}");

    let other = TestEnv::new();
    let forwarding = other.listen(["--no-log", "-p", "standard", "-s", STANDARD, "-f", &https]);
    other.send(forwarding.url(), &event).assert_exit(1);
    let said = forwarding.stop().stderr();
    let expected = format!("{0} does not speak https; use http://{0}/", plain.address());
    assert!(said.contains(&expected), "{said}");

    let other = TestEnv::new();
    let tls = TlsHandler::with("local");
    let forwarding =
        other.listen(["--no-log", "-p", "standard", "-s", STANDARD, "-f", &format!("http://127.0.0.1:{}/", tls.port)]);
    let output = other.send(forwarding.url(), &event).assert_exit(1);
    assert!(output.stdout().contains("127.0.0.1:"), "{output}");
    let said = forwarding.stop().stderr();
    assert!(said.contains(&format!("speaks https, not http; use https://127.0.0.1:{}/", tls.port)), "{said}");
}

#[test]
fn https_sends_the_exact_target_and_nothing_of_its_own() {
    let handler = TlsHandler::with("local");
    let room = TestEnv::new();
    room.write(
        "raw.http",
        "POST /a/../b//c%2f?x=1&x=2 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\ncontent-length: 7\r\n\r\nthe end",
    );
    let url = format!("https://127.0.0.1:{}", handler.port);
    room.whk(["replay", "raw.http", &url, "--verbatim", "-k", "--schedule", "none"]).run().assert_exit(0);
    let request = handler.requests.lock().unwrap()[0].clone();
    assert_eq!(
        request.replace(&handler.port.to_string(), "[PORT]").to_lowercase(),
        "post /a/../b//c%2f?x=1&x=2 http/1.1\r\nhost: 127.0.0.1:[port]\r\nx-one: 1\r\ncontent-length: 7\r\n\r\nthe end"
    );
}
