//! How fast `whk listen` receives, against the smallest servers that do the same, and what memory it takes.
//!
//!     cargo bench --bench receive             200,000 requests a run, and 1,000,000 for the memory
//!     cargo bench --bench receive -- 20000    fewer, and five times as many for the memory
//!
//! Each server takes requests of 1 KB over 64 connections, signed anew each time, three times and by turns; the
//! medians are printed: requests a second, their ratio to the minimal server that verifies and records, the processor
//! time of the server for one request (where the system tells), and the time within which 99 of 100 were answered.
//! adnanh's `webhook`, where it is installed, checks the body's HMAC, runs nothing and records nothing. Only the ratios
//! of one run count. The logs are made below `target/` and removed.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints its findings, and cannot go on without its parts"
)]

#[path = "shared/baseline.rs"]
mod baseline;
#[path = "shared/memory.rs"]
mod memory;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CONNECTIONS: &str = "64";
const BYTES: &str = "1024";
const ROUNDS: usize = 3;

/// A tick of the processor time in /proc: 10 ms on every Linux of today.
const TICK: f64 = 0.01;

/// What is measured.
struct Subject {
    name: &'static str,
    /// What share of the requests it takes: the slow ones need not take as long as all others together.
    share: usize,
    path: Option<&'static str>,
    start: fn(&Place) -> Option<Server>,
    runs: Vec<Run>,
}

#[derive(Clone, Copy)]
struct Run {
    rate: f64,
    /// In microseconds a request.
    processor: f64,
    /// In milliseconds.
    within: f64,
}

/// Where the programs are, and where they may write.
struct Place {
    baseline: PathBuf,
    folder: PathBuf,
}

/// A server that runs; it ends when this goes away.
struct Server {
    process: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() {
    let count: usize = env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("receive");
    fs::create_dir_all(&folder).unwrap();
    let place = Place { baseline: baseline::build(), folder };
    let subject = |name, start| Subject { name, share: 1, path: None, start, runs: Vec::new() };
    let mut subjects = [
        subject("minimal: verifies, records", |place| Some(minimal(place, "record"))),
        subject("minimal: verifies", |place| Some(minimal(place, "verify"))),
        subject("minimal: reads the body", |place| Some(minimal(place, "bare"))),
        subject("whk listen -q", |place| Some(whk(place, &["-q"]))),
        subject("whk listen -q -p standard", |place| Some(whk(place, &["-q", "-p", "standard"]))),
        subject("whk listen --json", |place| Some(whk(place, &["--json"]))),
        subject("whk listen", |place| Some(whk(place, &[]))),
        Subject { share: 4, ..subject("whk listen -q --sync", |place| Some(whk(place, &["-q", "--sync"]))) },
        Subject { share: 4, path: Some("/hooks/bench"), ..subject("webhook, records nothing", webhook) },
        subject("whk listen -q --ui, open", |place| Some(with_page(place))),
    ];
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            if let Some(server) = (subject.start)(&place) {
                subject.runs.push(load(&place, &server, count / subject.share, subject.path));
            }
            clear(&place);
        }
    }
    println!("{count} requests of {BYTES} bytes over {CONNECTIONS} connections, medians of {ROUNDS}");
    println!("{:<28} {:>10} {:>7} {:>10} {:>10}", "", "requests/s", "ratio", "CPU µs", "99 % in ms");
    let base = subjects[0].median(|run| run.rate);
    for subject in &subjects {
        if subject.runs.is_empty() {
            println!("{:<28} it is not installed", subject.name);
            continue;
        }
        let (rate, processor) = (subject.median(|run| run.rate), subject.median(|run| run.processor));
        let within = subject.median(|run| run.within);
        println!("{:<28} {rate:>10.0} {:>7.2} {processor:>10.1} {within:>10.2}", subject.name, rate / base);
    }
    let own = subjects[3].median(|run| run.rate);
    println!("whk listen -q is {:.2} times the minimal server (target: at least 0.80)", own / base);
    if !subjects[8].runs.is_empty() {
        println!("and {:.1} times webhook (target: at least 2.5)", own / subjects[8].median(|run| run.rate));
    }
    let open = subjects[9].median(|run| run.rate);
    println!("with the page open it keeps {:.2} of that (target: at least 0.90)", open / own);
    holds(&place, count * 5);
    fs::remove_dir_all(&place.folder).unwrap();
}

impl Subject {
    fn median(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    }
}

/// What memory it holds after a few requests, and after many.
fn holds(place: &Place, count: usize) {
    let server = whk(place, &["-q"]);
    let few = count.min(10_000);
    let held = |name| memory::held(server.process.id(), name);
    deliver(place, &server, few, None);
    let before = held("VmRSS:");
    deliver(place, &server, count - few, None);
    let (after, most) = (held("VmRSS:"), held("VmHWM:"));
    println!("memory after {few} requests: {before} kB; after {count}: {after} kB, at most {most} kB");
    println!("it grew by {} kB (target: at most 10000)", after.saturating_sub(before));
    drop(server);
    clear(place);
}

fn load(place: &Place, server: &Server, count: usize, path: Option<&str>) -> Run {
    // So that everything that is made once is there.
    deliver(place, server, count / 50 + 64, path);
    let before = processor(server);
    let (seconds, within) = deliver(place, server, count, path);
    let count = f64::from(u32::try_from(count).unwrap());
    Run { rate: count / seconds, processor: (processor(server) - before) / count * 1e6, within }
}

/// Sends requests; gives the seconds that it took, and the milliseconds within which 99 of 100 were answered.
fn deliver(place: &Place, server: &Server, count: usize, path: Option<&str>) -> (f64, f64) {
    let mut command = Command::new(place.baseline.join("deliver"));
    command.args([&server.address, &count.to_string(), CONNECTIONS, BYTES]).args(path);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<f64> = text.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
    (figures[0], figures[2])
}

fn minimal(place: &Place, mode: &str) -> Server {
    let mut command = Command::new(place.baseline.join("serve"));
    command.arg(mode).arg(place.folder.join("baseline.jsonl"));
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
    Server { process, address: address.trim().to_owned() }
}

fn whk(place: &Place, flags: &[&str]) -> Server {
    let (ready, log) = (place.folder.join("ready"), place.folder.join("whk.jsonl"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_whk"));
    command
        .args(["listen", "0", "--secret", &format!("whsec_{KEY}"), "--log"])
        .arg(log)
        .arg("--ready-file")
        .arg(&ready);
    command.args(flags).env_clear().env("HOME", &place.folder);
    command.env("WHK_CONFIG_DIR", &place.folder).env("WHK_DATA_DIR", &place.folder);
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let url = wait_for(|| fs::read_to_string(&ready).ok());
    Server { process, address: url.trim().trim_start_matches("http://").to_owned() }
}

/// A server whose page is open, as in a browser: each request goes to it as an event.
fn with_page(place: &Place) -> Server {
    let page = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = whk(place, &["-q", "--ui", &page.to_string()]);
    let mut stream = wait_for(|| TcpStream::connect(page).ok());
    stream.write_all(format!("GET /api/stream?after=0&brief=1 HTTP/1.1\r\nhost: {page}\r\n\r\n").as_bytes()).unwrap();
    // It ends with the server.
    thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    server
}

/// A server whose rule checks the HMAC of the body, and then does not fit, so that nothing is run.
fn webhook(place: &Place) -> Option<Server> {
    let hooks = serde_json::json!([{
        "id": "bench", "execute-command": "true",
        "trigger-rule": {"and": [
            {"match": {"type": "payload-hmac-sha256", "secret": KEY,
                "parameter": {"source": "header", "name": "X-Signature"}}},
            {"match": {"type": "value", "value": "never", "parameter": {"source": "header", "name": "X-Signature"}}},
        ]},
    }]);
    let file = place.folder.join("hooks.json");
    fs::write(&file, hooks.to_string()).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new("webhook");
    command.arg("-hooks").arg(file).args(["-ip", "127.0.0.1", "-port", &address.port().to_string()]);
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    wait_for(|| TcpStream::connect(address).ok());
    Some(Server { process, address: address.to_string() })
}

fn wait_for<T>(there: impl Fn() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(found) = there() {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("a server did not start within 10 s")
}

/// Removes what the last server wrote.
fn clear(place: &Place) {
    for name in ["baseline.jsonl", "whk.jsonl", "ready"] {
        let _ = fs::remove_file(place.folder.join(name));
    }
}

/// The processor time that a process has taken, in seconds; 0 where the system does not tell.
fn processor(server: &Server) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", server.process.id())).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    // utime and stime, proc_pid_stat(5).
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * TICK
}
