//! How fast `whk serve` delivers and answers, with a file as its storage, and how much memory it takes.
//!
//!     cargo bench --bench serve              1,000 webhooks, 100,000 deliveries
//!     cargo bench --bench serve -- 10000     fewer deliveries
//!
//! 500 webhooks of AhaSend, 400 of SelfMX and 100 of AutoSend point to one handler on this machine, which reads each
//! request and responds with 200. Events are emitted until there are as many deliveries as wanted; the time from the first
//! event to the last request at the handler counts. Then each call of the APIs is made 50 times, and the slowest counts. The
//! file is below `target/` and removed at the end.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints its findings, and cannot go on without its parts"
)]

#[path = "shared/memory.rs"]
mod memory;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use serde_json::{Value, json};
use whk::clock::Stopwatch;

const KEY: &str = "bench";
const ACCOUNT: &str = "/v2/accounts/4cdd7bdd-294e-4762-892f-83d40abf5a87/webhooks";
const WEBHOOKS: usize = 1000;
const CALLS: usize = 50;

fn main() {
    let wanted: usize = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-serve");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let (handler, received) = handler();
    let server = Server::start(&folder);
    let mut api = Api::new(server.address);
    let mut ids = create(&mut api, &format!("http://{handler}/"));
    let before = deliver(&mut api, &received, wanted.div_ceil(10));
    let held_after_few = memory::held(server.process.id(), "VmRSS:");
    let rate = deliver(&mut api, &received, wanted);
    ids.deliveries = newest_deliveries(&mut api);
    let held_after_many = memory::held(server.process.id(), "VmRSS:");
    let size = fs::metadata(folder.join("whk.db")).unwrap().len() / 1_000_000;
    println!("{WEBHOOKS} webhooks, {} deliveries in a file of {size} MB", received.load(Ordering::Relaxed));
    println!("deliveries a second     {rate:>10.0}   (at least 5000; the first tenth, unmeasured: {before:.0})");
    let grown = held_after_many.saturating_sub(held_after_few);
    println!("memory                  {held_after_many:>7} kB, {grown} kB more than after a tenth (at most 10000)");
    println!("{:<48} {:>8} {:>8}", "call, in ms (each under 20)", "median", "slowest");
    let mut slowest: f64 = 0.0;
    for call in calls(&ids) {
        let mut times: Vec<f64> = (0..CALLS).map(|turn| call.time(&mut api, turn)).collect();
        times.sort_by(f64::total_cmp);
        slowest = slowest.max(times[CALLS - 1]);
        let name = format!("{} {}", call.method, call.path.replace(ACCOUNT, "/v2/accounts/ID/webhooks"));
        println!("{name:<48} {:>8.2} {:>8.2}", times[CALLS / 2], times[CALLS - 1]);
    }
    println!("slowest call            {slowest:>10.2} ms");
    drop(server);
    fs::remove_dir_all(&folder).unwrap();
}

/// The ids of the webhooks of each provider.
struct Ids {
    ahasend: Vec<String>,
    selfmx: Vec<String>,
    autosend: Vec<String>,
    deliveries: Vec<String>,
}

fn create(api: &mut Api, url: &str) -> Ids {
    let id = |webhook: &Value| webhook["id"].as_str().unwrap().to_owned();
    let ahasend = json!({ "name": "bench", "url": url, "scope": "global", "on_delivered": true });
    let selfmx = json!({ "url": url, "events": ["delivered"], "secret": "a secret of the benchmark" });
    let autosend = json!({ "name": "bench", "url": url, "events": ["email.delivered"] });
    Ids {
        ahasend: (0..500).map(|_| id(&api.succeed("POST", ACCOUNT, Some(&ahasend)))).collect(),
        selfmx: (0..400).map(|_| id(&api.succeed("POST", "/selfmx/v1/webhooks", Some(&selfmx)))).collect(),
        autosend: (0..100)
            .map(|_| id(&api.succeed("POST", "/autosend/v1/webhooks", Some(&autosend))["data"]["webhook"]))
            .collect(),
        deliveries: Vec::new(),
    }
}

fn newest_deliveries(api: &mut Api) -> Vec<String> {
    let list = api.succeed("GET", "/_whk/deliveries?limit=50", None);
    list["deliveries"].as_array().unwrap().iter().map(|delivery| delivery["seq"].to_string()).collect()
}

/// Emits events until there are `wanted` deliveries more; returns the deliveries a second.
fn deliver(api: &mut Api, received: &AtomicUsize, wanted: usize) -> f64 {
    let (start, watch) = (received.load(Ordering::Relaxed), Stopwatch::start());
    for _ in 0..wanted.div_ceil(WEBHOOKS) {
        for (provider, event_type) in
            [("ahasend", "message.delivered"), ("selfmx", "delivered"), ("autosend", "email.delivered")]
        {
            api.succeed("POST", "/_whk/emit", Some(&json!({ "provider": provider, "type": event_type })));
        }
    }
    let end = start + wanted.div_ceil(WEBHOOKS) * WEBHOOKS;
    while received.load(Ordering::Relaxed) < end {
        assert!(watch.elapsed() < Duration::from_secs(600), "{} of {end}", received.load(Ordering::Relaxed));
        thread::sleep(Duration::from_millis(5));
    }
    f64::from(u32::try_from(end - start).unwrap()) / watch.elapsed().as_secs_f64()
}

/// A call of an API; `{id}` in its path is one of the ids.
struct Call<'a> {
    method: &'static str,
    path: String,
    ids: &'a [String],
    body: Option<Value>,
}

/// Returns the calls of every API. Those that delete come last.
fn calls(ids: &Ids) -> Vec<Call<'_>> {
    let (selfmx, autosend) = ("/selfmx/v1/webhooks", "/autosend/v1/webhooks");
    let call = |method, path: String, ids, body| Call { method, path, ids, body };
    let url = "http://127.0.0.1:1/hooks";
    vec![
        call("GET", ACCOUNT.to_owned(), &ids.ahasend, None),
        call("GET", format!("{ACCOUNT}/{{id}}"), &ids.ahasend, None),
        call("PUT", format!("{ACCOUNT}/{{id}}"), &ids.ahasend, Some(json!({ "name": "changed" }))),
        call(
            "POST",
            ACCOUNT.to_owned(),
            &ids.ahasend,
            Some(json!({ "name": "one more", "url": url, "scope": "global", "on_opened": true })),
        ),
        call("GET", selfmx.to_owned(), &ids.selfmx, None),
        call("GET", format!("{selfmx}/{{id}}/logs"), &ids.selfmx, None),
        call("PUT", format!("{selfmx}/{{id}}"), &ids.selfmx, Some(json!({ "active": true }))),
        call(
            "POST",
            selfmx.to_owned(),
            &ids.selfmx,
            Some(json!({ "url": url, "events": ["opened"], "secret": "a secret of the benchmark" })),
        ),
        call("GET", autosend.to_owned(), &ids.autosend, None),
        call("GET", format!("{autosend}/{{id}}"), &ids.autosend, None),
        call("GET", format!("{autosend}/{{id}}/logs"), &ids.autosend, None),
        call("GET", format!("{autosend}/{{id}}/reveal"), &ids.autosend, None),
        call("GET", format!("{autosend}/events/available"), &ids.autosend, None),
        call("PUT", format!("{autosend}/{{id}}"), &ids.autosend, Some(json!({ "name": "changed" }))),
        call("GET", "/_whk/webhooks?limit=1000".to_owned(), &ids.deliveries, None),
        call("GET", "/_whk/deliveries?limit=1000".to_owned(), &ids.deliveries, None),
        call("GET", "/_whk/deliveries/{id}".to_owned(), &ids.deliveries, None),
        call("GET", "/api/requests?limit=500".to_owned(), &ids.deliveries, None),
        call("DELETE", format!("{ACCOUNT}/{{id}}"), &ids.ahasend, None),
        call("DELETE", format!("{selfmx}/{{id}}"), &ids.selfmx, None),
        call("DELETE", format!("{autosend}/{{id}}"), &ids.autosend, None),
    ]
}

impl Call<'_> {
    /// Makes the call; returns its milliseconds.
    fn time(&self, api: &mut Api, turn: usize) -> f64 {
        let path = self.path.replace("{id}", &self.ids[turn % self.ids.len()]);
        let watch = Stopwatch::start();
        api.succeed(self.method, &path, self.body.as_ref());
        watch.elapsed().as_secs_f64() * 1000.0
    }
}

/// A connection to the API, which stays open.
struct Api {
    connection: BufReader<TcpStream>,
}

impl Api {
    fn new(address: SocketAddr) -> Self {
        let connection = TcpStream::connect(address).unwrap();
        connection.set_nodelay(true).unwrap();
        Self { connection: BufReader::new(connection) }
    }

    /// Makes a call that must succeed.
    fn succeed(&mut self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map_or_else(String::new, Value::to_string);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n\
            Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (start, answer) = read_message(&mut self.connection).unwrap();
        assert!(start.contains(" 2"), "{method} {path}: {start} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or_default()
    }
}

/// Reads a request or a response: its first line and its body. `None` at the end of the connection.
fn read_message(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if first.is_empty() {
            line.clone_into(&mut first);
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).ok()?;
    Some((first, body))
}

/// Starts a handler that responds with 200; returns its address and the number of requests that it has received.
fn handler() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&received);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (connection, count) = (connection.unwrap(), Arc::clone(&count));
            connection.set_nodelay(true).unwrap();
            thread::spawn(move || {
                let mut connection = BufReader::new(connection);
                while read_message(&mut connection).is_some() {
                    count.fetch_add(1, Ordering::Relaxed);
                    if connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, received)
}

/// `whk serve` with a file; it ends when this goes away.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let ready = folder.join("ready");
        let mut command = Command::new(env!("CARGO_BIN_EXE_whk"));
        command.args(["serve", "0", "-p", "ahasend", "-p", "selfmx", "-p", "autosend", "--api-key", KEY, "-q"]);
        command.arg("--data").arg(folder.join("whk.db")).arg("--ready-file").arg(&ready);
        command.env_clear().env("HOME", folder).env("WHK_CONFIG_DIR", folder).env("WHK_DATA_DIR", folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { process: command.spawn().unwrap(), address: SocketAddr::from(([0; 4], 0)) };
        let watch = Stopwatch::start();
        while server.address.port() == 0 {
            assert!(watch.elapsed() < Duration::from_secs(10), "whk serve did not start within 10 s");
            thread::sleep(Duration::from_millis(10));
            if let Ok(url) = fs::read_to_string(&ready) {
                server.address = url.trim().trim_start_matches("http://").parse().unwrap_or(server.address);
            }
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
