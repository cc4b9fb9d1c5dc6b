//! How fast `whk send` and `whk replay` deliver, against the smallest hyper client that signs.
//!
//!     cargo bench --bench deliver              100,000 events of 1 KB
//!     cargo bench --bench deliver -- 10000     fewer
//!
//! All deliver to the same server (hyper, one thread, reads the body and answers 200) over 64 connections, by turns, and
//! the medians of three are compared. Then a log of 1 GB is replayed, and the peak memory stated. Only the ratios count:
//! server and client share the machine. The logs are made below `target/` and removed at the end.

#![expect(clippy::print_stdout, reason = "it prints its findings")]

#[path = "shared/baseline.rs"]
mod baseline;
#[path = "shared/memory.rs"]
mod memory;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use whk::clock::Stopwatch;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CONNECTIONS: &str = "64";

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-deliver");
    fs::create_dir_all(&folder)?;
    let baseline = baseline::build();
    let server = Server::start(&baseline)?;
    let (body, log) = (folder.join("body.json"), folder.join("events.jsonl"));
    fs::write(&body, event(0))?;
    write_log(&log, count)?;
    let number = count.to_string();
    let url = format!("http://{}/", server.address);
    let data = format!("@{}", body.display());
    let send =
        ["send", &url, "-p", "standard", "-s", SECRET, "-q", "-d", &data, "-c", &number, "--concurrency", CONNECTIONS];
    let path = log.display().to_string();
    let replay = ["replay", &path, &url, "-s", SECRET, "-q", "--concurrency", CONNECTIONS, "--fresh"];
    let minimal = baseline.join("deliver");
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..4 {
        let runs = [
            run(Command::new(&minimal).args([&server.address, &number, CONNECTIONS]))?,
            run(whk(&folder).args(send))?,
            run(whk(&folder).args(replay))?,
        ];
        // The first round is not measured: it finds everything cold.
        if round > 0 {
            times.iter_mut().zip(runs).for_each(|(times, (time, _))| times.push(time));
        }
    }
    let [baseline_time, send_time, replay_time] = times.map(median);
    let events = f64::from(u32::try_from(count)?);
    let per_second = |time: Duration| events / time.as_secs_f64();
    println!("{count} events of 1 KB over {CONNECTIONS} connections");
    println!("minimal hyper client      {:>9.0} requests/s", per_second(baseline_time));
    for (name, time) in [("whk send -c", send_time), ("whk replay --pace asap", replay_time)] {
        let ratio = baseline_time.as_secs_f64() / time.as_secs_f64();
        println!("{name:<25} {:>9.0} requests/s   ratio {ratio:.2}   (at least 0.45)", per_second(time));
    }
    let big = 620_000;
    write_log(&log, big)?;
    let size = fs::metadata(&log)?.len();
    let (time, peak) = run(whk(&folder).args(replay))?;
    println!("replay of {big} records, {size} bytes, in {:.1} s: peak memory {peak} kB", time.as_secs_f64());
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The command, in a home of its own.
fn whk(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whk"));
    command.env("HOME", folder).env("WHK_DATA_DIR", folder.join("data")).env("WHK_CONFIG_DIR", folder.join("config"));
    command
}

/// Runs it to the end: how long it took, and its peak memory in kB.
fn run(command: &mut Command) -> Result<(Duration, u64), Box<dyn Error>> {
    let watch = Stopwatch::start();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory::held(child.id(), "VmHWM:"));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let time = watch.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    Ok((time, peak))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The server that all deliver to.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(baseline: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(baseline.join("serve")).arg("bare").stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("it has a stdout")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A body of 1,024 bytes.
fn event(number: usize) -> String {
    let start =
        format!(r#"{{"type":"user.created","timestamp":"2026-03-02T08:15:33Z","data":{{"id":"usr_{number}","text":""#);
    format!("{start}{}\"}}}}", "x".repeat(1024 - start.len() - 3))
}

/// Records as `listen` writes them.
fn write_log(path: &Path, count: usize) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    let key = STANDARD.decode(&SECRET["whsec_".len()..])?;
    for number in 0..count {
        let (id, body) = (format!("msg_{number:012}"), event(number));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(format!("{id}.1772439333.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let record = serde_json::json!({
            "v": 1, "kind": "request", "seq": number + 1, "at": "2026-03-02T08:15:33.000000Z",
            "remote": "127.0.0.1:53211", "method": "POST", "target": "/",
            "headers": [
                ["host", "127.0.0.1:9450"], ["content-type", "application/json"], ["webhook-id", id],
                ["webhook-timestamp", "1772439333"], ["webhook-signature", format!("v1,{signature}")],
                ["content-length", body.len().to_string()],
            ],
            "body": body, "size": body.len(),
            "verdict": {"status": "valid", "provider": "standard", "event_type": "user.created", "event_id": id,
                "cause": null, "message": "the signature is right"},
            "duplicate": false, "response": {"status": 200, "by": "listen", "duration_ms": 0.4},
        });
        serde_json::to_writer(&mut out, &record)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}
