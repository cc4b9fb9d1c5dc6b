//! Shows requests on a separate thread.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::printer::{Printer, needs_attention};
use crate::capture::Record;
use crate::error::{Error, Result};
use crate::output::{HandlerView, Output, RequestView, Volume};
use crate::receive::{Exchange, RejectedRequest};

/// The number of requests that a terminal can be behind before some are skipped.
const BEHIND: usize = 1024;

/// The number of bytes that a reader of JSON can be behind before the receiver waits for it.
const BYTES_BEHIND: usize = 64 << 20;

/// The approximate size of a record without its body.
const RECORD: usize = 1 << 10;

/// Time limit for a terminal to show what is left at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The number of requests that are shown before waiting senders are told that there is room.
const AT_ONCE: usize = 64;

/// Pause after showing something, in which more is gathered: waking up for each request would cost more than showing it.
const GATHER: Duration = Duration::from_millis(1);

/// Something to show.
pub(super) enum Sight {
    /// For people.
    Request(Box<RequestView>),
    /// For scripts: JSON, as it is printed.
    Line(Vec<u8>),
    Refused(RejectedRequest),
    /// Something that went wrong here.
    Trouble(Error),
    /// Something else that is worth a line.
    Note(String),
    /// Advice on what to type next.
    Hint(String),
    /// The end: nothing follows.
    End,
}

impl Sight {
    fn size(&self) -> usize {
        match self {
            Self::Request(view) => RECORD + view.record.capture.body.len(),
            Self::Line(line) => line.len(),
            _ => RECORD,
        }
    }
}

/// Shows on a separate thread, so that a slow terminal never slows the receiver.
pub(super) struct View {
    sights: Sights,
}

/// The sender to the view. Lines for people are skipped and counted if it is far behind; JSON lines never are.
#[derive(Clone)]
pub(super) struct Sights {
    queue: Arc<Queue>,
    output: Output,
    /// The result of the thread, once it was started. Without anything to show there is none, and reads and writes of a
    /// single-threaded process are cheaper.
    ended: Rc<OnceCell<Receiver<Result>>>,
}

/// The requests that wait to be shown.
#[derive(Default)]
struct Queue {
    queued: Mutex<Queued>,
    more: Condvar,
    less: Condvar,
}

#[derive(Default)]
struct Queued {
    sights: VecDeque<Sight>,
    bytes: usize,
    /// The number that were skipped since that was last reported.
    skipped: u64,
}

impl View {
    pub(super) fn open(output: Output) -> Self {
        Self { sights: Sights { queue: Arc::default(), output, ended: Rc::default() } }
    }

    pub(super) fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is shown. The wait is short if nothing reads it; for JSON it is not limited.
    pub(super) fn close(self) -> Result {
        let Some(ended) = self.sights.ended.get() else { return Ok(()) };
        // Open connections may still hold a sender.
        self.sights.show(Sight::End);
        let lossless = self.sights.output.json;
        let ended = if lossless { ended.recv().ok() } else { ended.recv_timeout(PATIENCE).ok() };
        ended.unwrap_or(Ok(()))
    }
}

impl Sights {
    /// Shows a request. Lines that are not shown are not made.
    pub(super) fn request(&self, case: Box<Exchange>, handler: Option<HandlerView>) {
        let record = &case.record;
        let json = self.output.json;
        if json {
            // A line is cheaper to send than all the parts of a record.
            self.show(line_of(record).map_or_else(Sight::Trouble, Sight::Line));
        }
        let seen = self.output.volume > Volume::Quiet && !json || needs_attention(record);
        if seen && !self.skips() {
            let provider = case.provider.as_ref().filter(|_| !json);
            let recipient =
                provider.and_then(|provider| record.capture.with_request(|request| provider.participants(request).to));
            self.show(Sight::Request(Box::new(RequestView { record: Box::new(case.record), recipient, handler })));
        }
    }

    pub(super) fn show(&self, sight: Sight) {
        self.ended.get_or_init(|| self.start());
        let mut queued = self.queue.lock();
        if self.output.json {
            let full = |queued: &mut Queued| queued.bytes > BYTES_BEHIND;
            queued = self.queue.less.wait_while(queued, full).unwrap_or_else(PoisonError::into_inner);
        }
        queued.bytes += sight.size();
        queued.sights.push_back(sight);
        if queued.sights.len() == 1 {
            drop(queued);
            self.queue.more.notify_one();
        }
    }

    fn start(&self) -> Receiver<Result> {
        let (over, ended) = mpsc::channel();
        let (output, queue) = (self.output, Arc::clone(&self.queue));
        thread::spawn(move || {
            let _ = over.send(show_all(Printer::new(output), &queue));
        });
        ended
    }

    /// Shows a request that was rejected before it could be verified.
    pub(super) fn refused(&self, refusal: RejectedRequest) {
        if !self.skips() {
            self.show(Sight::Refused(refusal));
        }
    }

    /// True if the terminal is too far behind for one more request, which is then counted.
    fn skips(&self) -> bool {
        let mut queued = self.queue.lock();
        let skips = !self.output.json && queued.sights.len() >= BEHIND;
        queued.skipped += u64::from(skips);
        skips
    }
}

fn line_of(record: &Record) -> Result<Vec<u8>> {
    let mut line = Vec::with_capacity(RECORD + record.capture.body.len());
    record.write(&mut line).map_err(|error| Error::new("cannot write JSON").cause(error))?;
    line.push(b'\n');
    Ok(line)
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        // The numbers stay correct if a thread panics.
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to show; takes some of it, and returns the number of skipped requests.
    fn take(&self, some: &mut Vec<Sight>) -> u64 {
        let nothing = |queued: &mut Queued| queued.sights.is_empty();
        let mut queued = self.more.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        let count = queued.sights.len().min(AT_ONCE);
        some.extend(queued.sights.drain(..count));
        std::mem::take(&mut queued.skipped)
    }

    /// Makes room for others once this many bytes were shown; returns true if nothing waits.
    fn shown(&self, bytes: usize) -> bool {
        let mut queued = self.lock();
        queued.bytes = queued.bytes.saturating_sub(bytes);
        self.less.notify_all();
        queued.sights.is_empty()
    }
}

fn show_all(mut printer: Printer, queue: &Queue) -> Result {
    // After a write fails the queue is still emptied, or the receiver would wait forever.
    let mut result = Ok(());
    let mut sights = Vec::with_capacity(AT_ONCE);
    loop {
        let skipped = queue.take(&mut sights);
        let (mut bytes, mut over) = (0, false);
        for sight in sights.drain(..) {
            bytes += sight.size();
            over |= matches!(sight, Sight::End);
            if result.is_ok() {
                result = match &sight {
                    Sight::Request(view) => printer.request(view),
                    Sight::Line(line) => {
                        printer.line(line);
                        Ok(())
                    }
                    other => printer.remark(other),
                };
            }
        }
        result = result.and_then(|()| printer.flush());
        if skipped > 0 {
            printer.skipped(skipped);
        }
        let nothing_waits = queue.shown(bytes);
        if over {
            return result;
        }
        if nothing_waits {
            thread::sleep(GATHER);
        }
    }
}
