//! The view: prints what arrives, on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use crate::capture::Record;
use crate::error::Result;
use crate::output::{Output, Volume, clean, request_lines};
use crate::receive::Refusal;

/// How many requests the view may be behind before it skips some.
const BEHIND: usize = 1024;

/// How long a terminal may take to show what is left when everything is over.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many requests are annotated: GitHub shows ten errors of a step.
const ANNOTATED: usize = 9;

/// What the view shows.
pub(super) enum Sight {
    Request(Box<Record>, (Option<String>, Option<String>)),
    Refused(Refusal),
    /// Nothing more comes.
    End,
}

/// Prints on a thread of its own, so that a slow terminal never slows the receiver.
pub(super) struct View {
    sights: Sights,
    ended: Receiver<Result>,
}

/// The way to the view. People's lines are skipped when it is far behind, and counted; JSON lines never are.
#[derive(Clone)]
pub(super) struct Sights {
    sender: SyncSender<Sight>,
    skipped: Arc<AtomicU64>,
    lossless: bool,
}

impl View {
    pub(super) fn open(output: Output) -> Self {
        let (sender, receiver) = mpsc::sync_channel(BEHIND);
        let (over, ended) = mpsc::channel();
        let skipped = Arc::default();
        let sights = Sights { sender, skipped: Arc::clone(&skipped), lossless: output.json };
        let printer = Printer { output, annotated: 0 };
        thread::spawn(move || {
            let _ = over.send(printer.print(&receiver, &skipped));
        });
        Self { sights, ended }
    }

    pub(super) fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is printed; where nobody reads it, not for long. JSON is waited for.
    pub(super) fn close(self) -> Result {
        let Self { sights, ended } = self;
        let lossless = sights.lossless;
        // Connections that are not over yet may still have a way to the view.
        let last = thread::spawn(move || sights.sender.send(Sight::End));
        let result = if lossless { ended.recv().ok() } else { ended.recv_timeout(PATIENCE).ok() };
        drop(last);
        result.unwrap_or(Ok(()))
    }
}

impl Sights {
    pub(super) fn show(&self, sight: Sight) {
        if self.lossless {
            let _ = self.sender.send(sight);
        } else if let Err(TrySendError::Full(_)) = self.sender.try_send(sight) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What prints.
struct Printer {
    output: Output,
    /// How many requests were annotated.
    annotated: usize,
}

impl Printer {
    fn print(mut self, sights: &Receiver<Sight>, skipped: &AtomicU64) -> Result {
        // After a write fails the channel is still emptied, or the receiver would wait for ever.
        let mut result = Ok(());
        for sight in sights {
            let over = matches!(sight, Sight::End);
            if result.is_ok() {
                result = self.print_one(&sight);
            }
            let missed = skipped.swap(0, Ordering::Relaxed);
            if missed > 0 {
                let count = if missed == 1 { "1 request was".to_owned() } else { format!("{missed} requests were") };
                self.output.status(&format!("{count} not shown: the terminal is too slow"));
            }
            if over {
                break;
            }
        }
        result
    }

    fn print_one(&mut self, sight: &Sight) -> Result {
        let output = self.output;
        match sight {
            Sight::Request(record, people) => {
                if output.json {
                    output.object(record)?;
                } else if output.volume > Volume::Quiet || needs_attention(record) {
                    let whole = output.volume == Volume::Verbose;
                    let people = (people.0.as_deref(), people.1.as_deref());
                    output.answer_of_others(&request_lines(record, people, output.paint, output.width(), whole))?;
                }
                self.annotate(record)
            }
            Sight::Refused(refusal) => {
                let status = refusal.status.map_or_else(String::new, |status| format!("{status} "));
                let line = format!("refused {}: {status}{}", clean(&refusal.remote), clean(&refusal.reason));
                output.status(&output.status_paint.yellow(&line));
                Ok(())
            }
            Sight::End => Ok(()),
        }
    }

    fn annotate(&mut self, record: &Record) -> Result {
        let verdict = &record.verdict;
        if verdict.status == "valid" || self.annotated == ANNOTATED {
            return Ok(());
        }
        self.annotated += 1;
        let kind = verdict.event_type.as_deref().unwrap_or("a request");
        self.output.annotate(&format!("{} webhook", verdict.status), &format!("{kind}: {}", verdict.message))
    }
}

/// Whether it is not valid, or was not taken.
fn needs_attention(record: &Record) -> bool {
    record.verdict.status != "valid" || !record.response.status.is_some_and(|status| (200..300).contains(&status))
}
