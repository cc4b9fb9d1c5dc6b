//! The view: shows what arrives, on a thread of its own.

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
use crate::output::{Output, Volume};
use crate::receive::{Exchange, RejectedRequest};

/// How many requests a terminal may be behind before it skips some.
const BEHIND: usize = 1024;

/// How many bytes a reader of JSON may be behind before the receiver waits for it.
const BYTES_BEHIND: usize = 64 << 20;

/// What a record takes beside its body, about.
const RECORD: usize = 1 << 10;

/// How long a terminal may take to show what is left when everything is over.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many are shown at once before the others hear that there is room again.
const AT_ONCE: usize = 64;

/// How long what comes next is gathered after something was shown: waking up for each of a crowd would cost more than
/// showing it.
const GATHER: Duration = Duration::from_millis(1);

/// Sender and recipient of a request.
pub(super) type People = (Option<String>, Option<String>);

/// What the view shows.
pub(super) enum Sight {
    /// For people.
    Request(Box<Record>, People),
    /// For scripts: JSON, as it is printed.
    Line(Vec<u8>),
    Refused(RejectedRequest),
    /// Something that went wrong here.
    Trouble(Error),
    /// Something else that is worth a line.
    Note(String),
    /// Nothing more comes.
    End,
}

impl Sight {
    fn size(&self) -> usize {
        match self {
            Self::Request(record, _) => RECORD + record.capture.body.len(),
            Self::Line(line) => line.len(),
            _ => RECORD,
        }
    }
}

/// Shows on a thread of its own, so that a slow terminal never slows the receiver.
pub(super) struct View {
    sights: Sights,
}

/// The way to the view. People's lines are skipped when it is far behind, and counted; JSON lines never are.
#[derive(Clone)]
pub(super) struct Sights {
    queue: Arc<Queue>,
    output: Output,
    /// How the thread ends, once it was started: where nothing is to be shown there is none, and the system takes a
    /// simpler way with every read and write.
    ended: Rc<OnceCell<Receiver<Result>>>,
}

/// What waits to be shown.
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
    /// How many were skipped since that was last said.
    skipped: u64,
}

impl View {
    pub(super) fn open(output: Output) -> Self {
        Self { sights: Sights { queue: Arc::default(), output, ended: Rc::default() } }
    }

    pub(super) fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is shown; where nobody reads it, not for long. JSON is waited for.
    pub(super) fn close(self) -> Result {
        let Some(ended) = self.sights.ended.get() else { return Ok(()) };
        // Connections that are not over yet may still have a way to the view.
        self.sights.show(Sight::End);
        let lossless = self.sights.output.json;
        let ended = if lossless { ended.recv().ok() } else { ended.recv_timeout(PATIENCE).ok() };
        ended.unwrap_or(Ok(()))
    }
}

impl Sights {
    /// Shows a request that was dealt with. What nobody will see is not even made.
    pub(super) fn request(&self, case: Box<Exchange>) {
        let record = &case.record;
        let json = self.output.json;
        if json {
            // A line is cheaper to hand over than all the parts of a record.
            self.show(line_of(record).map_or_else(Sight::Trouble, Sight::Line));
        }
        let seen = self.output.volume > Volume::Quiet && !json || needs_attention(record);
        if seen && !self.skips() {
            let people = case.provider.as_ref();
            let people = people.map(|provider| record.capture.as_request(|request| provider.people(request)));
            self.show(Sight::Request(Box::new(case.record), people.unwrap_or_default()));
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

    /// Shows a request that was refused.
    pub(super) fn refused(&self, refusal: RejectedRequest) {
        if !self.skips() {
            self.show(Sight::Refused(refusal));
        }
    }

    /// Whether the terminal is too far behind for one more request, which is then counted.
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
        // Numbers stay right whatever happens to a thread.
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to show, and takes some of it with the number of those that were skipped.
    fn take(&self, some: &mut Vec<Sight>) -> u64 {
        let nothing = |queued: &mut Queued| queued.sights.is_empty();
        let mut queued = self.more.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
        let count = queued.sights.len().min(AT_ONCE);
        some.extend(queued.sights.drain(..count));
        std::mem::take(&mut queued.skipped)
    }

    /// Makes room for others, once this many bytes were shown; says whether nothing waits.
    fn shown(&self, bytes: usize) -> bool {
        let mut queued = self.lock();
        queued.bytes = queued.bytes.saturating_sub(bytes);
        self.less.notify_all();
        queued.sights.is_empty()
    }
}

fn show_all(mut printer: Printer, queue: &Queue) -> Result {
    // After a write fails the queue is still emptied, or the receiver would wait for ever.
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
                    Sight::Request(record, people) => printer.request(record, people),
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
