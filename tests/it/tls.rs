//! `whk send` over https: which certificates it takes.
//!
//! `tls/` holds an authority whose key was thrown away, and two certificates of it that are valid for 100 years:
//! `local.pem` for `localhost` and `127.0.0.1`, `other.pem` for `elsewhere.example`. Made with `openssl req -x509`
//! and `openssl x509 -req -CA`.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::environment::{DEADLINE, Output, Room};
use crate::wire::STANDARD;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls")
}

/// An https handler that answers 200; it notes how many requests it could read.
struct Handler {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Handler {
    fn with(certificate: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_file(folder().join(format!("{certificate}.pem"))).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder().join(format!("{certificate}.key.pem"))).unwrap();
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
fn send(handler: &Handler, host: &str, trusted: Option<&str>, more: &[&str]) -> Output {
    let room = Room::new();
    let url = format!("https://{host}:{}/", handler.port);
    let common = ["send", &url, "-p", "standard", "-s", STANDARD, "-d", "the end", "--id", "msg_1"];
    let run = room.whk([common.as_slice(), more].concat());
    let trust = trusted.map_or_else(|| folder().join("other.pem"), |name| folder().join(name));
    let port = handler.port.to_string();
    run.env("SSL_CERT_FILE", trust).go().mask_durations().replace(&port, "[PORT]")
}

#[test]
fn an_unknown_authority_is_refused_and_the_hint_is_k() {
    let handler = Handler::with("local");
    send(&handler, "localhost", None, &[]).is("
exit 3
stdout:
✗ failed    - msg_1 invalid peer certificate: UnknownIssuer
stderr:
error: cannot reach https://localhost:[PORT]/
  caused by: invalid peer certificate: UnknownIssuer
hint: to skip certificate checks, add -k
");
    assert_eq!(handler.requests(), 0, "nothing is sent before the certificate is checked");
}

#[test]
fn k_takes_any_certificate() {
    for certificate in ["local", "other"] {
        let handler = Handler::with(certificate);
        send(&handler, "127.0.0.1", None, &["-k"]).is("
exit 0
stdout:
✓ delivered - msg_1 200 [T] ms
");
    }
}

#[test]
fn the_systems_trust_is_used() {
    let handler = Handler::with("local");
    for host in ["localhost", "127.0.0.1"] {
        send(&handler, host, Some("ca.pem"), &[]).is("
exit 0
stdout:
✓ delivered - msg_1 200 [T] ms
");
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let handler = Handler::with("other");
    let output = send(&handler, "localhost", Some("ca.pem"), &[]).ended(3);
    assert!(output.stderr().contains("certificate not valid for name \"localhost\""), "{output}");
    assert!(output.stderr().ends_with("hint: to skip certificate checks, add -k\n"), "{output}");
    assert_eq!(handler.requests(), 0);
}

#[test]
fn plain_http_at_the_other_end_is_unreachable() {
    let room = Room::new();
    let listener = room.listen(["--no-log"]);
    let url = listener.url().replace("http:", "https:");
    let output = room.send(&url, &["-p", "standard", "-s", STANDARD, "-d", "x"]).ended(3);
    assert!(output.stderr().starts_with(&format!("error: cannot reach {url}/\n")), "{output}");
    let output = listener.stop();
    assert!(output.stderr().ends_with("0 received, 1 rejected\n"), "{output}");
}
