//! How long `whk` takes to start, and to verify one request, against a program that has a command line and nothing else.
//!
//! `cargo bench --bench startup` builds both, runs them by turns and compares the medians. It fails where a target is
//! missed. Only the ratios count: what a process costs moves with the machine and its neighbours.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it prints its findings, and cannot go on without its parts"
)]

#[path = "shared/baseline.rs"]
mod baseline;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, fs};

use whk::clock::Stopwatch;

const ROUNDS: usize = 500;

/// Enough to have both programs and their libraries in the page cache.
const WARM_UP: usize = 20;

const WHK: &str = env!("CARGO_BIN_EXE_whk");

/// 10 MB, as a download counts it.
const LARGEST: u64 = 10_000_000;

/// What is measured: its name, the command, and how many times the baseline it may take.
struct Subject {
    name: &'static str,
    command: Command,
    limit: f64,
    times: Vec<Duration>,
}

impl Subject {
    fn new(name: &'static str, command: Command, limit: f64) -> Self {
        Self { name, command, limit, times: Vec::new() }
    }

    fn run(&mut self) {
        let watch = Stopwatch::start();
        let status = self.command.status().unwrap();
        self.times.push(watch.elapsed());
        assert!(status.success(), "{:?}: {status}", self.command);
    }

    fn median(&mut self) -> f64 {
        self.times.drain(..WARM_UP);
        self.times.sort();
        self.times[self.times.len() / 2].as_secs_f64() * 1e3
    }
}

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("startup");
    fs::create_dir_all(&folder).unwrap();
    let secret = "file:secret";
    fs::write(folder.join("secret"), "aha-whsec-a-secret-of-no-account-for-a-benchmark\n").unwrap();
    let sample = ["send", "-p", "ahasend", "-s", secret, "--type", "message.delivered", "--dry-run"];
    let captured = command(WHK, &folder, &sample).stdout(Stdio::piped()).output().unwrap();
    fs::write(folder.join("captured.http"), captured.stdout).unwrap();

    let baseline = baseline::build().join(format!("baseline{}", env::consts::EXE_SUFFIX));
    let verify = ["verify", "captured.http", "-p", "ahasend", "-s", secret];
    let mut subjects = [
        Subject::new("a minimal clap program --version", command(&baseline, &folder, &["--version"]), f64::INFINITY),
        Subject::new("whk --version", command(WHK, &folder, &["--version"]), 1.5),
        Subject::new("whk verify of one request", command(WHK, &folder, &verify), 2.0),
    ];
    for _ in 0..WARM_UP + ROUNDS {
        subjects.iter_mut().for_each(Subject::run);
    }

    let mut all_met = true;
    let base = subjects[0].median();
    println!("{:<34} {base:.3} ms  median of {ROUNDS}", subjects[0].name);
    for subject in &mut subjects[1..] {
        let (median, limit) = (subject.median(), subject.limit);
        let ratio = median / base;
        println!("{:<34} {median:.3} ms  {ratio:.2} times  {}", subject.name, verdict(ratio <= limit, limit, "times"));
        all_met &= ratio <= limit;
    }
    let size = fs::metadata(WHK).unwrap().len();
    println!("{:<34} {size} bytes  {}", "the binary", verdict(size < LARGEST, LARGEST, "bytes"));
    if all_met && size < LARGEST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verdict(met: bool, limit: impl std::fmt::Display, unit: &str) -> String {
    format!("(target: {limit} {unit}, {})", if met { "met" } else { "MISSED" })
}

/// A command that inherits nothing, in a folder of its own.
fn command(program: impl AsRef<Path>, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).env_clear().current_dir(folder);
    command.env("HOME", folder).env("WHK_CONFIG_DIR", folder).env("WHK_DATA_DIR", folder);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}
