//! A handler that keeps every request as the bytes that came, and responds as a test says.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use whk::clock::Stopwatch;

use crate::harness::env::DEADLINE;

/// The response to one request.
#[derive(Clone, Debug)]
pub(crate) enum HandlerResponse {
    /// A complete response: status, further header lines, body.
    Status(u16, &'static str, Vec<u8>),
    /// The connection is closed without a response.
    Hangup,
    /// There is no response, and the connection stays open until the other side gives up.
    Silence,
    /// A status without a body, and the connection is closed without notice.
    Last(u16),
    /// These bytes, and the connection is closed.
    Raw(&'static [u8]),
}

impl HandlerResponse {
    /// A status with a body of text.
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self::Status(status, "", body.as_bytes().to_vec())
    }
}

/// One request, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The request line and the headers, with the empty line.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The time at which it came, since the start of the handler.
    pub(crate) at: Duration,
}

impl Received {
    /// The values of a header, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.filter(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// An address at which nothing listens any more.
pub(crate) fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A handler on a free port. The test fails if requests are expected and none came.
pub(crate) struct TestHandler {
    address: SocketAddr,
    shared: Arc<Shared>,
    expected: bool,
}

/// Decides on the response.
type Decide = Box<dyn Fn(&Received) -> HandlerResponse + Send + Sync>;

struct Shared {
    decide: Decide,
    watch: Stopwatch,
    received: Mutex<Vec<Received>>,
    arrived: Condvar,
    over: AtomicBool,
}

impl TestHandler {
    /// Responds with these, one after the other; the last one repeats.
    pub(crate) fn answering(script: impl IntoIterator<Item = HandlerResponse>) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), script)
    }

    /// The same on an address that was free a moment ago.
    pub(crate) fn at(address: SocketAddr, script: impl IntoIterator<Item = HandlerResponse>) -> Self {
        let script: Mutex<VecDeque<HandlerResponse>> = Mutex::new(script.into_iter().collect());
        Self::deciding_at(address, move |_| {
            let mut script = script.lock().unwrap();
            if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
        })
    }

    /// Responds as this function decides.
    pub(crate) fn deciding(decide: impl Fn(&Received) -> HandlerResponse + Send + Sync + 'static) -> Self {
        Self::deciding_at(([127, 0, 0, 1], 0).into(), decide)
    }

    fn deciding_at(address: SocketAddr, decide: impl Fn(&Received) -> HandlerResponse + Send + Sync + 'static) -> Self {
        let socket = TcpListener::bind(address).unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared {
            decide: Box::new(decide),
            watch: Stopwatch::start(),
            received: Mutex::default(),
            arrived: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in socket.incoming() {
                if theirs.over.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, shared) = (stream.unwrap(), Arc::clone(&theirs));
                thread::spawn(move || converse(stream, &shared));
            }
        });
        Self { address, shared, expected: true }
    }

    /// Responds to every request with 200.
    pub(crate) fn accepting() -> Self {
        Self::answering([HandlerResponse::text(200, "OK")])
    }

    /// Fails the test if it is called at all.
    pub(crate) fn never_called() -> Self {
        let mut handler = Self::accepting();
        handler.expected = false;
        handler
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Everything that came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits until this many requests came.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        let received = self.shared.received.lock().unwrap();
        let few = |received: &mut Vec<Received>| received.len() < count;
        let waited = self.shared.arrived.wait_timeout_while(received, DEADLINE, few).unwrap().1;
        assert!(!waited.timed_out(), "{count} requests did not come in time");
    }

    /// Waits until this many requests came, but no longer than this.
    pub(crate) fn wait_up_to(&self, count: usize, patience: Duration) {
        let received = self.shared.received.lock().unwrap();
        let few = |received: &mut Vec<Received>| received.len() < count;
        drop(self.shared.arrived.wait_timeout_while(received, patience, few).unwrap());
    }

    /// The only request that came.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.into_iter().next().unwrap()
    }
}

impl Drop for TestHandler {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, which then ends.
        let _ = TcpStream::connect(self.address);
        if !thread::panicking() {
            let called = !self.received().is_empty();
            assert_eq!(called, self.expected, "whether the handler was called (left), and was to be (right)");
        }
    }
}

fn converse(mut stream: TcpStream, shared: &Shared) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut bytes = Vec::new();
    while let Some(mut received) = request(&mut stream, &mut bytes) {
        received.at = shared.watch.elapsed();
        let reply = (shared.decide)(&received);
        shared.received.lock().unwrap().push(received);
        shared.arrived.notify_all();
        match reply {
            HandlerResponse::Hangup => return,
            HandlerResponse::Silence => {
                let _ = stream.read(&mut [0]);
                return;
            }
            HandlerResponse::Last(status) => {
                let _ = stream.write_all(format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n").as_bytes());
                return;
            }
            HandlerResponse::Raw(bytes) => {
                let _ = stream.write_all(bytes);
                return;
            }
            HandlerResponse::Status(status, headers, body) => {
                let length = body.len();
                let mut answer =
                    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
                answer.extend_from_slice(&body);
                // The other side can have given up.
                let _ = stream.write_all(&answer);
            }
        }
    }
}

/// Reads one request from a connection; `bytes` holds what was read beyond it. `None` when the connection ends.
fn request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, bytes)?;
    };
    let rest = bytes.split_off(end);
    // Not every header is text.
    let head = String::from_utf8_lossy(&std::mem::replace(bytes, rest)).into_owned();
    let mut received = Received { head, body: Vec::new(), at: Duration::ZERO };
    if received.header("transfer-encoding") == ["chunked"] {
        received.body = chunked(stream, bytes)?;
        return Some(received);
    }
    let length: usize = received.header("content-length").first().map_or(0, |length| length.parse().unwrap());
    while bytes.len() < length {
        more(stream, bytes)?;
    }
    let rest = bytes.split_off(length);
    received.body = std::mem::replace(bytes, rest);
    Some(received)
}

/// Takes a body in chunks off a connection.
fn chunked(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        while !bytes.windows(2).any(|window| window == b"\r\n") {
            more(stream, bytes)?;
        }
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        bytes.drain(..end + 2);
        while bytes.len() < length + 2 {
            more(stream, bytes)?;
        }
        body.extend(bytes.drain(..length));
        bytes.drain(..2);
        if length == 0 {
            return Some(body);
        }
    }
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = vec![0; 1 << 16];
    match stream.read(&mut buffer) {
        Ok(0) | Err(_) => None,
        Ok(read) => {
            bytes.extend_from_slice(&buffer[..read]);
            Some(())
        }
    }
}
