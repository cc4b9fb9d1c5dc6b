//! Shows requests on a separate thread, so that a slow terminal never slows the receiver.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::printer::LivePrinter;
use super::request_line::RequestView;
use crate::error::{Error, Result};
use crate::http::server::RejectedRequest;
use crate::output::Output;

/// The number of requests that a terminal can be behind before some are skipped.
const MAX_QUEUED: usize = 1024;

/// The number of bytes that a reader of JSON can be behind before the receiver waits for it.
const MAX_QUEUED_BYTES: usize = 64 << 20;

/// The approximate size of a record without its body.
pub(super) const RECORD_OVERHEAD: usize = 1 << 10;

/// Time limit for a terminal to show what is left at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of requests that are shown before waiting senders are told that there is room.
const BATCH_SIZE: usize = 64;

/// Pause after showing something, in which more is gathered: waking up for each request would cost more than showing it.
const COALESCE_INTERVAL: Duration = Duration::from_millis(1);

/// Something to show.
pub(super) enum Message {
    /// A request, for people.
    Request(Box<RequestView>),
    /// A record, for scripts: JSON, as it is printed.
    JsonLine(Vec<u8>),
    /// A request that was rejected before it could be verified.
    Rejected(RejectedRequest),
    /// Something that went wrong here.
    Error(Error),
    /// Something else that is worth a line.
    Status(String),
    /// Advice on what to type next.
    Hint(String),
    /// The end: nothing follows.
    Close,
}

impl Message {
    fn size(&self) -> usize {
        match self {
            Self::Request(view) => RECORD_OVERHEAD + view.record.capture.body.len(),
            Self::JsonLine(line) => line.len(),
            _ => RECORD_OVERHEAD,
        }
    }
}

/// The sender to the thread. Lines for people are skipped and counted if it is far behind; JSON lines never are.
#[derive(Clone)]
pub(super) struct LiveQueue {
    shared: Arc<SharedQueue>,
    output: Output,
    /// The result of the thread, once it was started. Without anything to show there is none, and reads and writes of a
    /// single-threaded process are cheaper.
    worker_result: Rc<OnceCell<Receiver<Result>>>,
}

/// The messages that wait to be shown.
#[derive(Default)]
struct SharedQueue {
    state: Mutex<QueueState>,
    not_empty: Condvar,
    not_full: Condvar,
}

#[derive(Default)]
struct QueueState {
    messages: VecDeque<Message>,
    bytes: usize,
    /// The number that were skipped since that was last reported.
    skipped: u64,
}

impl LiveQueue {
    pub(super) fn new(output: Output) -> Self {
        Self { shared: Arc::default(), output, worker_result: Rc::default() }
    }

    /// Adds a message. With JSON it waits for room.
    pub(super) fn send(&self, message: Message) {
        self.worker_result.get_or_init(|| self.start());
        let mut state = self.shared.lock();
        if self.output.json {
            let full = |state: &mut QueueState| state.bytes > MAX_QUEUED_BYTES;
            state = self.shared.not_full.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        }
        state.bytes += message.size();
        state.messages.push_back(message);
        if state.messages.len() == 1 {
            drop(state);
            self.shared.not_empty.notify_one();
        }
    }

    /// True if the terminal is too far behind for one more request, which is then counted.
    pub(super) fn should_drop(&self) -> bool {
        let mut state = self.shared.lock();
        let skips = !self.output.json && state.messages.len() >= MAX_QUEUED;
        state.skipped += u64::from(skips);
        skips
    }

    /// Waits until everything is shown. The wait is short if nothing reads it; for JSON it is not limited.
    pub(super) fn close(&self) -> Result {
        let Some(result) = self.worker_result.get() else { return Ok(()) };
        // Open connections may still hold a sender.
        self.send(Message::Close);
        let lossless = self.output.json;
        let result = if lossless { result.recv().ok() } else { result.recv_timeout(CLOSE_TIMEOUT).ok() };
        result.unwrap_or(Ok(()))
    }

    fn start(&self) -> Receiver<Result> {
        let (sender, result) = mpsc::channel();
        let (output, shared) = (self.output, Arc::clone(&self.shared));
        thread::spawn(move || {
            let _ = sender.send(run_worker(LivePrinter::new(output), &shared));
        });
        result
    }
}

impl SharedQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // The numbers stay correct if a thread panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to show; moves some of it to `batch`, and returns the number of skipped requests.
    fn drain(&self, batch: &mut Vec<Message>) -> u64 {
        let empty = |state: &mut QueueState| state.messages.is_empty();
        let mut state = self.not_empty.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
        let count = state.messages.len().min(BATCH_SIZE);
        batch.extend(state.messages.drain(..count));
        std::mem::take(&mut state.skipped)
    }

    /// Makes room for others once this many bytes were shown; returns true if nothing waits.
    fn mark_shown(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
        self.not_full.notify_all();
        state.messages.is_empty()
    }
}

/// Shows messages until the last one.
fn run_worker(mut printer: LivePrinter, queue: &SharedQueue) -> Result {
    // After a write fails the queue is still emptied, or the receiver would wait forever.
    let mut result = Ok(());
    let mut batch = Vec::with_capacity(BATCH_SIZE);
    loop {
        let skipped = queue.drain(&mut batch);
        let (mut bytes, mut closed) = (0, false);
        for message in batch.drain(..) {
            bytes += message.size();
            closed |= matches!(message, Message::Close);
            if result.is_ok() {
                result = printer.print(&message);
            }
        }
        result = result.and_then(|()| printer.flush());
        if skipped > 0 {
            printer.print_skipped(skipped);
        }
        let nothing_waits = queue.mark_shown(bytes);
        if closed {
            return result;
        }
        if nothing_waits {
            thread::sleep(COALESCE_INTERVAL);
        }
    }
}
