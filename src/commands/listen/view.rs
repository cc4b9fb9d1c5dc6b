//! The view: prints what arrives, on a thread of its own.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;

use crate::capture::Record;
use crate::error::{Error, Result};
use crate::output::{Output, Volume, clean, request_lines};
use crate::receive::Refusal;

/// How many requests the view may be behind before it skips some.
const BEHIND: usize = 1024;

/// What the view shows.
pub(super) enum Sight {
    Request(Box<Record>, (Option<String>, Option<String>)),
    Refused(Refusal),
}

/// Prints on a thread of its own, so that a slow terminal never slows the receiver.
pub(super) struct View {
    sights: Sights,
    printer: thread::JoinHandle<Result>,
}

/// The way to the view. People's lines are skipped when it is far behind, and counted; JSON lines never are.
#[derive(Clone)]
pub(super) struct Sights {
    sender: SyncSender<Sight>,
    skipped: std::sync::Arc<std::sync::atomic::AtomicU64>,
    lossless: bool,
}

impl View {
    pub(super) fn open(output: Output) -> Self {
        let (sender, receiver) = mpsc::sync_channel(BEHIND);
        let skipped = std::sync::Arc::default();
        let sights = Sights { sender, skipped: std::sync::Arc::clone(&skipped), lossless: output.json };
        let printer = thread::spawn(move || print(output, &receiver, &skipped));
        Self { sights, printer }
    }

    pub(super) fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is printed.
    pub(super) fn close(self) -> Result {
        drop(self.sights);
        self.printer.join().unwrap_or_else(|_| Err(Error::new("the view ended unexpectedly")))
    }
}

impl Sights {
    pub(super) fn show(&self, sight: Sight) {
        if self.lossless {
            let _ = self.sender.send(sight);
        } else if let Err(TrySendError::Full(_)) = self.sender.try_send(sight) {
            self.skipped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

fn print(output: Output, sights: &Receiver<Sight>, skipped: &std::sync::atomic::AtomicU64) -> Result {
    // After a write fails the channel is still emptied, or the receiver would wait for ever.
    let mut result = Ok(());
    for sight in sights {
        if result.is_ok() {
            result = print_one(output, &sight);
        }
        let missed = skipped.swap(0, std::sync::atomic::Ordering::Relaxed);
        if missed > 0 {
            output.status(&format!("{missed} requests were not shown: the terminal is too slow; the log has them"));
        }
    }
    result
}

fn print_one(output: Output, sight: &Sight) -> Result {
    match sight {
        Sight::Request(record, _) if output.json => output.object(record),
        Sight::Request(record, (from, to)) => {
            let whole = output.volume == Volume::Verbose;
            let people = (from.as_deref(), to.as_deref());
            output.answer(&request_lines(record, people, output.paint, output.width(), whole).join("\n"))
        }
        Sight::Refused(refusal) => {
            let status = refusal.status.map_or_else(String::new, |status| format!("{status} "));
            let line = format!("refused {}: {status}{}", clean(&refusal.remote), clean(&refusal.reason));
            output.status(&output.status_paint.yellow(&line));
            Ok(())
        }
    }
}
