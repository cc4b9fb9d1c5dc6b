//! A long log, processed with all cores: cut into chunks at line ends, its results in the order of its lines.
//!
//! Buffers go round, and there are as many chunks in flight as buffers, so that memory does not grow with the log.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use super::format::CaptureFormat;
use super::input::cannot_read;
use super::reader::Reader;
use crate::error::{Error, Result};

/// The size of a chunk in bytes: some hundred requests.
pub const CHUNK_SIZE: usize = 1 << 19;

/// The longest line, as everywhere.
const MAX_LINE: usize = 64 << 20;

/// Returns whether an input that begins with `head` is a log, and not something that must be read as a whole.
#[must_use]
pub fn is_log(head: &[u8]) -> bool {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let whole = || serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok() && first.len() < head.len();
    head.starts_with(b"{") && whole()
}

/// A part of a log: whole lines.
#[derive(Debug)]
pub struct Chunk {
    number: u64,
    /// The number of lines before it.
    lines_before: u64,
    bytes: Vec<u8>,
}

impl Chunk {
    /// Reads the records of this part.
    #[must_use]
    pub fn entries(&self) -> Reader<&[u8]> {
        Reader::new(&self.bytes[..], CaptureFormat::JsonLines).after_lines(self.lines_before)
    }
}

/// The result of a chunk; its buffer goes back.
struct ProcessedChunk<T> {
    number: u64,
    bytes: Vec<u8>,
    result: T,
}

/// Processes a log of which `head` was read already. Each thread makes a worker of its own; `collect` is given the result
/// of each chunk and its size, in the order of the log.
///
/// # Errors
/// The log cannot be read, a worker cannot be made, or the error of `collect`.
pub fn process_chunks<T: Send, W: FnMut(&Chunk) -> T>(
    head: Vec<u8>,
    input: impl Read + Send,
    source: &Path,
    worker: impl Fn() -> Result<W> + Sync,
    mut collect: impl FnMut(T, u64) -> Result,
) -> Result {
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let buffers = workers * 2 + 1;
    let (work, waiting) = mpsc::sync_channel::<Chunk>(buffers);
    let (finish, finished) = mpsc::sync_channel::<ProcessedChunk<T>>(buffers);
    let (give, spare) = mpsc::sync_channel::<Vec<u8>>(buffers);
    for _ in 0..buffers {
        let _ = give.send(Vec::with_capacity(CHUNK_SIZE + CHUNK_SIZE / 4));
    }
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let reader = scope.spawn(move || split_chunks(head, input, &spare, &work));
        for _ in 0..workers {
            let (finish, waiting, worker) = (finish.clone(), &waiting, &worker);
            scope.spawn(move || {
                // One was made before this, and so it can be made again.
                if let Ok(worker) = worker() {
                    run_worker(worker, waiting, &finish);
                }
            });
        }
        drop(finish);
        let collected = in_order(&finished, &give, &mut collect);
        // The workers end once these channels are closed.
        drop((finished, give));
        let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader ended unexpectedly")));
        collected?;
        read.map_err(|error| cannot_read(source, &error))
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
        while !ended && (bytes.len() < CHUNK_SIZE || end.is_none()) {
            if bytes.len() > MAX_LINE {
                return Err(io::Error::other("a line is larger than 64 MiB"));
            }
            let before = bytes.len();
            ended = input.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut bytes)? == 0;
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

/// Processes chunks until there are no more.
fn run_worker<T>(
    mut process: impl FnMut(&Chunk) -> T,
    waiting: &Mutex<Receiver<Chunk>>,
    finish: &SyncSender<ProcessedChunk<T>>,
) {
    loop {
        // The lock is held only while waiting.
        let Ok(Ok(chunk)) = waiting.lock().map(|waiting| waiting.recv()) else { return };
        let result = process(&chunk);
        if finish.send(ProcessedChunk { number: chunk.number, bytes: chunk.bytes, result }).is_err() {
            return;
        }
    }
}

/// Hands on the results in the order of the log.
fn in_order<T>(
    finished: &Receiver<ProcessedChunk<T>>,
    give: &SyncSender<Vec<u8>>,
    collect: &mut impl FnMut(T, u64) -> Result,
) -> Result {
    let mut early: BTreeMap<u64, ProcessedChunk<T>> = BTreeMap::new();
    let mut next = 0;
    for done in finished {
        early.insert(done.number, done);
        while let Some(done) = early.remove(&next) {
            collect(done.result, done.bytes.len() as u64)?;
            next += 1;
            let _ = give.send(done.bytes);
        }
    }
    if early.is_empty() { Ok(()) } else { Err(Error::new("a part of the log was not checked")) }
}
