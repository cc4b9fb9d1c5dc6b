//! The least that can deliver webhooks: hyper's client on one thread, a connection a task, each request signed anew.
//!
//!     deliver HOST:PORT COUNT CONNECTIONS [BYTES [PATH]]
//!
//! Prints the seconds that it took, and the milliseconds within which half of the answers came, and 99 of 100. Where a
//! path is given, the body alone is signed as well, in hexadecimal, for servers that know nothing else.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use sha2::Sha256;

const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = Rc::new(arguments[0].clone());
    let count: u64 = arguments[1].parse().unwrap();
    let connections: u64 = arguments[2].parse().unwrap();
    let bytes: usize = arguments.get(3).map_or(1024, |bytes| bytes.parse().unwrap());
    let start = r#"{"type":"user.created","timestamp":"2026-03-02T08:15:33Z","data":{"text":""#;
    let body = Bytes::from(format!("{start}{}\"}}}}", "x".repeat(bytes - start.len() - 3)));
    let path = Rc::new(arguments.get(4).map_or("/", String::as_str).to_owned());
    let of_body = arguments.get(4).map(|_| {
        let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
        mac.update(&body);
        mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
    });
    let times = Rc::new(RefCell::new(Vec::with_capacity(count as usize)));
    let key = STANDARD.decode(KEY).unwrap();
    let mac = Rc::new(Hmac::<Sha256>::new_from_slice(&key).unwrap());
    let next = Rc::new(Cell::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let watch = Instant::now();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| {
                let (address, body, mac, next) =
                    (Rc::clone(&address), body.clone(), Rc::clone(&mac), Rc::clone(&next));
                let (path, of_body, times) = (Rc::clone(&path), of_body.clone(), Rc::clone(&times));
                tokio::task::spawn_local(async move {
                    let stream = tokio::net::TcpStream::connect(address.as_str()).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (mut sender, connection) =
                        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
                    tokio::task::spawn_local(connection);
                    while next.get() < count {
                        next.set(next.get() + 1);
                        let id = format!("msg_{:024}", next.get());
                        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
                        let mut mac = (*mac).clone();
                        for part in [id.as_bytes(), b".", at.as_bytes(), b".", &body[..]] {
                            mac.update(part);
                        }
                        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
                        let mut request = Request::post(path.as_str())
                            .header("host", address.as_str())
                            .header("content-type", "application/json")
                            .header("webhook-id", id)
                            .header("webhook-timestamp", at)
                            .header("webhook-signature", signature);
                        if let Some(signature) = &of_body {
                            request = request.header("x-signature", signature);
                        }
                        let request = request.body(Full::new(body.clone())).unwrap();
                        let sent = Instant::now();
                        let response = sender.send_request(request).await.unwrap();
                        assert_eq!(response.status(), 200);
                        response.into_body().collect().await.unwrap();
                        times.borrow_mut().push(sent.elapsed());
                        sender.ready().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let seconds = watch.elapsed().as_secs_f64();
    let mut times = times.take();
    times.sort_unstable();
    let within = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{seconds} {:.3} {:.3}", within(50), within(99));
}
