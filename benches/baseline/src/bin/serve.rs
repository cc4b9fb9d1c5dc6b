//! The least that can receive webhooks: hyper on one thread. With `bare` it reads the body and answers; with `verify` it
//! checks the signature too; with `record FILE` it also writes a JSON line with one write before it answers.
//! Prints its address.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a record holds at the least.
#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    at: f64,
    remote: &'a str,
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
    status: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Bare,
    Verify,
    Record,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, serve());
}

async fn serve() {
    let mut arguments = std::env::args().skip(1);
    let mode = match arguments.next().as_deref() {
        Some("bare") => Mode::Bare,
        Some("verify") => Mode::Verify,
        Some("record") => Mode::Record,
        _ => panic!("bare, verify or record FILE"),
    };
    let log = arguments.next().map(|path| File::create(path).unwrap());
    let log = Rc::new(RefCell::new((log, Vec::with_capacity(4096))));
    let key = STANDARD.decode(KEY).unwrap();
    let mac = Rc::new(Hmac::<Sha256>::new_from_slice(&key).unwrap());
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", socket.local_addr().unwrap());
    loop {
        let (stream, remote) = socket.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mac, log, remote) = (Rc::clone(&mac), Rc::clone(&log), remote.to_string());
        let service = service_fn(move |request: Request<Incoming>| {
            let (mac, log, remote) = (Rc::clone(&mac), Rc::clone(&log), remote.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = Limited::new(body, 1 << 20).collect().await.unwrap().to_bytes();
                let valid = mode == Mode::Bare || verified(&mac, &head.headers, &body);
                if mode == Mode::Record {
                    let (file, line) = &mut *log.borrow_mut();
                    line.clear();
                    let record = Record {
                        v: 1,
                        at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64(),
                        remote: &remote,
                        method: head.method.as_str(),
                        target: head.uri.path(),
                        headers: head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect(),
                        body: std::str::from_utf8(&body).unwrap(),
                        status: if valid { "valid" } else { "invalid" },
                    };
                    serde_json::to_writer(&mut *line, &record).unwrap();
                    line.push(b'\n');
                    file.as_mut().unwrap().write_all(line).unwrap();
                }
                let mut response = Response::new(Full::new(Bytes::from_static(b"OK")));
                if !valid {
                    *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
                }
                Ok::<_, Infallible>(response)
            }
        });
        tokio::task::spawn_local(async move {
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn verified(mac: &Hmac<Sha256>, headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(at), Some(signature)) =
        (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"))
    else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    if at.parse::<u64>().is_ok_and(|at| now.abs_diff(at) > 300) {
        return false;
    }
    let mut mac = mac.clone();
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    signature.split(' ').any(|one| one.as_bytes().ct_eq(expected.as_bytes()).into())
}
