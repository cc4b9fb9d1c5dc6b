//! How fast `whk verify` checks a log, against the smallest loop that does the same with one thread.
//!
//!     cargo bench --bench verify              1,000,000 records of about 1 KB
//!     cargo bench --bench verify -- 100000    fewer
//!
//! Prints seconds, the ratio, and the peak memory of `whk`; then what a diagnosis costs where every record is damaged.
//! The log is made below `target/` and removed at the end.

#![expect(clippy::print_stdout, reason = "it prints its findings")]

#[path = "shared/memory.rs"]
mod memory;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;
use whk::clock::Stopwatch;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const AT: &str = "2026-03-02T08:15:33.000000Z";
const SECONDS: &str = "1772439333";

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let log = folder.join("bench-verify.jsonl");
    write_log(&log, count, false)?;
    let size = fs::metadata(&log)?.len();
    println!("{count} records, {size} bytes");
    // Once unmeasured, so that both find the log in memory.
    minimal(&log)?;
    let (mut baselines, mut ours, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..3 {
        let watch = Stopwatch::start();
        assert_eq!(minimal(&log)?, count, "the minimal loop finds every record valid");
        baselines.push(watch.elapsed());
        let watch = Stopwatch::start();
        peak = peak.max(whk(&log, true)?);
        ours.push(watch.elapsed());
    }
    let (baseline, own) = (median(&mut baselines), median(&mut ours));
    println!("minimal loop, one thread  {:>7.3} s", baseline.as_secs_f64());
    println!("whk verify                {:>7.3} s", own.as_secs_f64());
    println!("ratio                     {:>7.3}   (at most 1.5)", own.as_secs_f64() / baseline.as_secs_f64());
    println!("peak memory               {peak:>7} kB (under 64 MB)");
    fs::remove_file(&log)?;

    let damaged = count / 20;
    write_log(&log, damaged, true)?;
    let watch = Stopwatch::start();
    let peak = whk(&log, false)?;
    let each = watch.elapsed().as_secs_f64() * 1e3 / f64::from(u32::try_from(damaged)?);
    println!("{damaged} damaged records");
    println!("a diagnosis               {each:>7.3} ms a record (under 1)");
    println!("peak memory               {peak:>7} kB (under 64 MB)");
    fs::remove_file(&log)?;
    Ok(())
}

/// Records as `listen` writes them. A damaged one was signed over another body than it carries, which nothing explains.
fn write_log(path: &Path, count: usize, damaged: bool) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(path)?);
    let key = STANDARD.decode(&SECRET["whsec_".len()..])?;
    let filler = "x".repeat(900);
    for number in 0..count {
        let id = format!("msg_{number:012}");
        let body =
            format!(r#"{{"type":"user.created","timestamp":"{AT}","data":{{"id":"usr_{number}","text":"{filler}"}}}}"#);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(format!("{id}.{SECONDS}.{body}").as_bytes());
        if damaged {
            mac.update(b"damage");
        }
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let record = serde_json::json!({
            "v": 1, "kind": "request", "seq": number + 1, "at": AT, "remote": "127.0.0.1:53211", "method": "POST",
            "target": "/hooks",
            "headers": [
                ["content-type", "application/json"], ["webhook-id", id], ["webhook-timestamp", SECONDS],
                ["webhook-signature", format!("v1,{signature}")], ["content-length", body.len().to_string()],
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

/// What must be read of a record to check its signature, and nothing else.
#[derive(Deserialize)]
struct Lean<'a> {
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a str)>,
    body: std::borrow::Cow<'a, str>,
}

/// Reads each line, and checks its signature: the baseline.
fn minimal(path: &Path) -> Result<usize, Box<dyn Error>> {
    let key = STANDARD.decode(&SECRET["whsec_".len()..])?;
    let keyed = Hmac::<Sha256>::new_from_slice(&key)?;
    let mut input = BufReader::with_capacity(1 << 20, File::open(path)?);
    let (mut line, mut valid) = (Vec::new(), 0);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(valid);
        }
        let record: Lean<'_> = serde_json::from_slice(&line)?;
        let header = |name: &str| record.headers.iter().find(|(have, _)| *have == name).map_or("", |(_, value)| value);
        let mut mac = keyed.clone();
        mac.update(header("webhook-id").as_bytes());
        mac.update(b".");
        mac.update(header("webhook-timestamp").as_bytes());
        mac.update(b".");
        mac.update(record.body.as_bytes());
        let signature = STANDARD.decode(header("webhook-signature").trim_start_matches("v1,"))?;
        valid += usize::from(mac.verify_slice(&signature).is_ok());
    }
}

/// Runs `whk verify`, and returns its peak memory in kB.
fn whk(log: &Path, valid: bool) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whk"));
    command.arg("verify").arg(log).args(["-p", "standard", "-s", SECRET, "-q"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory::held(child.id(), "VmHWM:"));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.success(), valid, "whk verify ended with {status}");
    Ok(peak)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
