//! A long log, checked with all cores: cut into chunks at line ends, printed in the order of its lines.
//!
//! Buffers go round, and there are as many chunks in flight as buffers, so that memory does not grow with the log.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::input::cannot_read;
use super::verdict_printer::{BufferedOutput, VerdictPrinter};
use super::{Context, SharedResults, Shown, print, verifier};
use crate::capture::{CaptureFormat, Reader};
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::Verbosity;
use crate::report::{Case, VerifyStats};

/// The size of a chunk in bytes: some hundred requests.
pub(super) const CHUNK: usize = 1 << 19;

/// The longest line, as everywhere.
const MAX_LINE: usize = 64 << 20;

/// Returns whether what begins so is a log, and not something that must be read as a whole.
pub(super) fn is_log(head: &[u8], flags: &VerifyArgs) -> bool {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole = || serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok() && first.len() < head.len();
    flags.entry.is_none()
        && matches!(flags.format, CaptureFormat::Auto | CaptureFormat::JsonLines)
        && head.starts_with(b"{")
        && whole()
}

/// A part of the log: whole lines.
struct Chunk {
    number: u64,
    /// The number of lines before it.
    lines_before: u64,
    bytes: Vec<u8>,
}

/// The result of a chunk; its buffer goes back.
struct VerifiedChunk {
    number: u64,
    bytes: Vec<u8>,
    printed: Result<BufferedOutput>,
    stats: VerifyStats,
    cases: Vec<Case>,
}

/// Checks a log of which `head` was read already.
pub(super) fn verify(
    context: &Context,
    flags: &VerifyArgs,
    head: Vec<u8>,
    input: impl Read + Send,
    size: Option<u64>,
    source: &str,
    results: &SharedResults,
) -> Result<VerifyStats> {
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let buffers = workers * 2 + 1;
    let (work, waiting) = mpsc::sync_channel::<Chunk>(buffers);
    let (finish, finished) = mpsc::sync_channel::<VerifiedChunk>(buffers);
    let (give, spare) = mpsc::sync_channel::<Vec<u8>>(buffers);
    for _ in 0..buffers {
        let _ = give.send(Vec::with_capacity(CHUNK + CHUNK / 4));
    }
    let waiting = Mutex::new(waiting);
    let shared_context = context.shared();
    thread::scope(|scope| {
        let reader = scope.spawn(move || split_chunks(head, input, &spare, &work));
        for _ in 0..workers {
            let (finish, waiting, shared_context) = (finish.clone(), &waiting, &shared_context);
            scope.spawn(move || check(&shared_context.context(), flags, waiting, &finish, source));
        }
        drop(finish);
        let stats = collect(context, &finished, &give, size, results);
        // The workers end once these channels are closed.
        drop((finished, give));
        let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader ended unexpectedly")));
        let stats = stats?;
        read.map_err(|error| cannot_read(Path::new(source), &error))?;
        Ok(stats)
    })
}

/// Cuts the input into chunks at line ends.
fn split_chunks(
    head: Vec<u8>,
    mut input: impl Read,
    spare: &Receiver<Vec<u8>>,
    work: &SyncSender<Chunk>,
) -> io::Result<()> {
    let mut rest = head;
    let (mut number, mut lines_before) = (0, 0);
    let mut ended = false;
    while let Ok(mut bytes) = spare.recv() {
        bytes.clear();
        bytes.append(&mut rest);
        let mut end = last_line_end(&bytes, 0);
        while !ended && (bytes.len() < CHUNK || end.is_none()) {
            if bytes.len() > MAX_LINE {
                return Err(io::Error::other("a line is larger than 64 MiB"));
            }
            let before = bytes.len();
            ended = input.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)? == 0;
            end = last_line_end(&bytes, before).or(end);
        }
        if !ended && let Some(end) = end {
            rest.extend_from_slice(&bytes[end..]);
            bytes.truncate(end);
        }
        if bytes.is_empty() {
            break;
        }
        #[expect(clippy::naive_bytecount, reason = "the compiler makes a vector loop of it")]
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if work.send(Chunk { number, lines_before, bytes }).is_err() {
            break;
        }
        number += 1;
        lines_before += lines;
    }
    Ok(())
}

/// Returns the end of the last line of `bytes`, searched from `from` on.
fn last_line_end(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].iter().rposition(|byte| *byte == b'\n').map(|at| from + at + 1)
}

/// Checks chunks until there are no more, with a verifier of its own.
fn check(
    context: &Context,
    flags: &VerifyArgs,
    waiting: &Mutex<Receiver<Chunk>>,
    finish: &SyncSender<VerifiedChunk>,
    source: &str,
) {
    // It was made before, and so it can be made again.
    let Ok(verifier) = verifier(context, flags) else { return };
    let mut printer = VerdictPrinter::new(context, flags, verifier);
    loop {
        // The lock is held while waiting alone.
        let Ok(Ok(chunk)) = waiting.lock().map(|waiting| waiting.recv()) else { return };
        let output = one_chunk(&mut printer, &chunk, source);
        let (stats, cases) = (std::mem::take(&mut printer.stats), std::mem::take(&mut printer.cases));
        if finish
            .send(VerifiedChunk { number: chunk.number, bytes: chunk.bytes, printed: output, stats, cases })
            .is_err()
        {
            return;
        }
    }
}

fn one_chunk(printer: &mut VerdictPrinter<'_>, chunk: &Chunk, source: &str) -> Result<BufferedOutput> {
    let reader = Reader::new(&chunk.bytes[..], CaptureFormat::JsonLines).after_lines(chunk.lines_before);
    for captured in reader {
        match captured {
            Ok(captured) => printer.verify_one(&captured, &captured.source(source))?,
            Err(error) => printer.unreadable(&error, source),
        }
    }
    Ok(std::mem::take(&mut printer.printed))
}

/// Prints what is done, in order.
fn collect(
    context: &Context,
    finished: &Receiver<VerifiedChunk>,
    give: &SyncSender<Vec<u8>>,
    size: Option<u64>,
    results: &SharedResults,
) -> Result<VerifyStats> {
    let bar = progress(context, size);
    let mut stats = VerifyStats::default();
    let mut early: BTreeMap<u64, VerifiedChunk> = BTreeMap::new();
    let (mut next, mut shown) = (0, Shown::default());
    for done in finished {
        early.insert(done.number, done);
        while let Some(done) = early.remove(&next) {
            results.record(done.cases);
            let printed = done.printed?;
            bar.suspend(|| print(context.output, &printed, &mut shown))?;
            bar.inc(done.bytes.len() as u64);
            stats.merge(done.stats);
            next += 1;
            let _ = give.send(done.bytes);
        }
    }
    bar.finish_and_clear();
    if early.is_empty() { Ok(stats) } else { Err(Error::new("a part of the log was not checked")) }
}

/// Returns a progress bar on stderr, if that is a terminal and wanted.
fn progress(context: &Context, size: Option<u64>) -> ProgressBar {
    let Some(size) = size.filter(|_| context.output.verbosity > Verbosity::Quiet && !context.output.json) else {
        return ProgressBar::hidden();
    };
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
