//! The view: shows what arrives, on a thread of its own.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::printer::Printer;
use crate::capture::Record;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::receive::Refusal;

/// How many requests a terminal may be behind before it skips some.
const BEHIND: usize = 1024;

/// How many bytes a reader of JSON may be behind before the receiver waits for it.
const BYTES_BEHIND: usize = 64 << 20;

/// What a record takes beside its body, about.
const RECORD: usize = 1 << 10;

/// How long a terminal may take to show what is left when everything is over.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the view shows.
pub(super) enum Sight {
    Request(Box<Record>, (Option<String>, Option<String>)),
    Refused(Refusal),
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
            _ => RECORD,
        }
    }

    /// Whether it may be left out where there is too much.
    fn may_be_skipped(&self) -> bool {
        matches!(self, Self::Request(..) | Self::Refused(_))
    }
}

/// Shows on a thread of its own, so that a slow terminal never slows the receiver.
pub(super) struct View {
    sights: Sights,
    ended: Receiver<Result>,
}

/// The way to the view. People's lines are skipped when it is far behind, and counted; JSON lines never are.
#[derive(Clone)]
pub(super) struct Sights {
    sender: Sender<Sight>,
    queue: Arc<Queue>,
    lossless: bool,
}

/// What waits to be shown.
#[derive(Default)]
struct Queue {
    queued: Mutex<Queued>,
    less: Condvar,
}

#[derive(Default)]
struct Queued {
    count: usize,
    bytes: usize,
    /// How many were skipped since that was last said.
    skipped: u64,
}

impl View {
    pub(super) fn open(output: Output) -> Self {
        let (sender, sights) = mpsc::channel();
        let (over, ended) = mpsc::channel();
        let queue = Arc::<Queue>::default();
        let theirs = Arc::clone(&queue);
        thread::spawn(move || {
            let _ = over.send(show_all(Printer::new(output), &sights, &theirs));
        });
        Self { sights: Sights { sender, queue, lossless: output.json }, ended }
    }

    pub(super) fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is shown; where nobody reads it, not for long. JSON is waited for.
    pub(super) fn close(self) -> Result {
        // Connections that are not over yet may still have a way to the view.
        let _ = self.sights.sender.send(Sight::End);
        let ended = if self.sights.lossless { self.ended.recv().ok() } else { self.ended.recv_timeout(PATIENCE).ok() };
        ended.unwrap_or(Ok(()))
    }
}

impl Sights {
    pub(super) fn show(&self, sight: Sight) {
        let mut queued = self.queue.lock();
        if self.lossless {
            let full = |queued: &mut Queued| queued.bytes > BYTES_BEHIND;
            queued = self.queue.less.wait_while(queued, full).unwrap_or_else(PoisonError::into_inner);
        } else if queued.count >= BEHIND && sight.may_be_skipped() {
            queued.skipped += 1;
            return;
        }
        queued.count += 1;
        queued.bytes += sight.size();
        drop(queued);
        let _ = self.sender.send(sight);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        // Numbers stay right whatever happens to a thread.
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one away that was shown, and gives how many were skipped.
    fn leave(&self, size: usize) -> u64 {
        let mut queued = self.lock();
        queued.count = queued.count.saturating_sub(1);
        queued.bytes = queued.bytes.saturating_sub(size);
        self.less.notify_all();
        std::mem::take(&mut queued.skipped)
    }
}

fn show_all(mut printer: Printer, sights: &Receiver<Sight>, queue: &Queue) -> Result {
    // After a write fails the queue is still emptied, or the receiver would wait for ever.
    let mut result = Ok(());
    for sight in sights {
        if result.is_ok() {
            result = match &sight {
                Sight::Request(record, people) => printer.request(record, people),
                other => {
                    printer.remark(other);
                    Ok(())
                }
            };
        }
        let skipped = queue.leave(sight.size());
        if skipped > 0 {
            printer.skipped(skipped);
        }
        if matches!(sight, Sight::End) {
            break;
        }
    }
    result
}
