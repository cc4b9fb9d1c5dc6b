//! Group commit: the records of requests that are handled in the same moment go into the file with one write, which
//! costs the system little more than the write of a single record.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

// A channel that an asynchronous caller can wait on; it needs no runtime.
use tokio::sync::oneshot;

use super::file::LogFile;

/// Maximum size of a batch, unless a single record is larger.
const MAX_BATCH_BYTES: usize = 256 << 10;

/// Collects records, and writes them to the file.
#[derive(Debug)]
pub(super) struct BatchWriter {
    file: LogFile,
    /// The records, each with its newline.
    lines: Vec<u8>,
    /// End of each record in `lines`.
    ends: Vec<usize>,
    batch: Rc<Batch>,
}

/// State that the records of one write share.
#[derive(Debug, Default)]
struct Batch {
    outcome: OnceCell<BatchOutcome>,
    waiting: RefCell<Vec<Waker>>,
}

/// Outcome of a batch.
#[derive(Debug)]
struct BatchOutcome {
    /// Number of its records that are in the file.
    written: usize,
    /// The error that kept the others out.
    error: Option<io::Error>,
    /// Completion of the sync of each written record, if syncing is on.
    synced: RefCell<Vec<Option<oneshot::Receiver<io::Result<()>>>>>,
}

/// A record on its way into the log. It is written even if nothing waits for it.
#[derive(Debug)]
#[must_use = "the record is not in the log before `persisted` says so"]
pub struct PendingRecord {
    /// The error of a rotation that was due and failed.
    pub rotation_error: Option<io::Error>,
    writer: Rc<RefCell<BatchWriter>>,
    batch: Rc<Batch>,
    /// Index in the batch. The first record has all of them written.
    index: usize,
}

impl BatchWriter {
    pub(super) fn new(file: LogFile) -> Self {
        Self { file, lines: Vec::with_capacity(4096), ends: Vec::new(), batch: Rc::default() }
    }

    /// Adds a record, which `write` serializes.
    pub(super) fn append(
        this: &Rc<RefCell<Self>>,
        write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<PendingRecord> {
        let mut writer = this.borrow_mut();
        let start = writer.lines.len();
        let Self { file, lines, .. } = &mut *writer;
        let made = write(lines).and_then(|()| {
            lines.push(b'\n');
            file.is_full(start, lines.len() - start)
        });
        let is_full = match made {
            Ok(is_full) => is_full,
            Err(error) => {
                lines.truncate(start);
                return Err(error);
            }
        };
        let mut rotation_error = None;
        if is_full || start > 0 && writer.lines.len() > MAX_BATCH_BYTES {
            let line = writer.lines.split_off(start);
            writer.flush();
            if is_full {
                // A log that is too large is better than one that lacks a record.
                rotation_error = writer.file.rotate().err();
            }
            writer.lines = line;
        }
        let end = writer.lines.len();
        writer.ends.push(end);
        let (batch, index) = (Rc::clone(&writer.batch), writer.ends.len() - 1);
        Ok(PendingRecord { rotation_error, writer: Rc::clone(this), batch, index })
    }

    /// Writes the batch. A record that could not be written completely leaves nothing in the file.
    fn flush(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let (written, error) = self.file.write(&self.lines);
        let kept = self.ends.partition_point(|end| *end <= written);
        let whole = kept.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.file.truncate_tail(written - whole);
        let synced = RefCell::new((0..kept).map(|_| self.file.sync()).collect());
        let _ = batch.outcome.set(BatchOutcome { written: kept, error, synced });
        for waker in batch.waiting.take() {
            waker.wake();
        }
        self.ends.clear();
        self.lines.clear();
        self.lines.shrink_to(MAX_BATCH_BYTES);
    }
}

impl PendingRecord {
    /// Waits until the record is as durable as the log is configured to make it: in the kernel, or on disk.
    ///
    /// # Errors
    /// The write or the sync failed. After a failed write, nothing of the record is in the log.
    pub async fn persisted(self) -> io::Result<()> {
        if self.index == 0 {
            yield_once().await;
            self.flush_batch();
        }
        let outcome = self.outcome().await;
        if self.index >= outcome.written {
            return Err(outcome
                .error
                .as_ref()
                .map_or_else(|| io::ErrorKind::WriteZero.into(), super::sync::clone_io_error));
        }
        let synced = outcome.synced.borrow_mut().get_mut(self.index).and_then(Option::take);
        match synced {
            Some(synced) => synced.await.unwrap_or_else(|_| Err(io::Error::other("the log is no longer synced"))),
            None => Ok(()),
        }
    }

    async fn outcome(&self) -> &BatchOutcome {
        poll_fn(|context| {
            let outcome = self.batch.outcome.get();
            if outcome.is_none() {
                self.batch.waiting.borrow_mut().push(context.waker().clone());
            }
            outcome.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn flush_batch(&self) {
        if self.batch.outcome.get().is_none() {
            self.writer.borrow_mut().flush();
        }
    }
}

impl Drop for PendingRecord {
    fn drop(&mut self) {
        // The task that waited for the first record is gone, and the other tasks depend on it.
        if self.index == 0 {
            self.flush_batch();
        }
    }
}

/// Lets every other task that is ready run once.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    /// Makes a writer on a temporary file, and returns the file as well.
    fn log() -> (Rc<RefCell<BatchWriter>>, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = LogFile::new(file.reopen().unwrap(), file.path().to_owned(), None, None);
        (Rc::new(RefCell::new(BatchWriter::new(log))), file)
    }

    fn append(log: &Rc<RefCell<BatchWriter>>, line: &str) -> PendingRecord {
        let write = |lines: &mut Vec<u8>| {
            lines.extend_from_slice(line.as_bytes());
            Ok(())
        };
        BatchWriter::append(log, write).unwrap()
    }

    fn text(file: &tempfile::NamedTempFile) -> String {
        std::fs::read_to_string(file).unwrap()
    }

    fn run<T>(task: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(task)
    }

    #[test]
    fn those_of_the_same_moment_are_written_together_and_in_order() {
        let (log, file) = log();
        let (first, second) = (append(&log, "1"), append(&log, "2"));
        assert_eq!(text(&file), "", "nothing is written before somebody waits");
        assert!(second.persisted().now_or_never().is_none());
        let (third, results) = (append(&log, "3"), run(first.persisted()));
        results.unwrap();
        assert_eq!(text(&file), "1\n2\n3\n");
        assert!(third.persisted().now_or_never().unwrap().is_ok(), "it is written already");
        run(append(&log, "4").persisted()).unwrap();
        assert_eq!(text(&file), "1\n2\n3\n4\n");
    }

    #[test]
    fn the_first_one_lets_others_come_before_it_writes() {
        let (log, file) = log();
        let later = async {
            assert_eq!(text(&file), "");
            append(&log, "2").persisted().await
        };
        let (first, second) = run(async { tokio::join!(append(&log, "1").persisted(), later) });
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(text(&file), "1\n2\n");
    }

    #[test]
    fn who_leaves_takes_nobody_along() {
        let (log, file) = log();
        let (first, second, third) = (append(&log, "1"), append(&log, "2"), append(&log, "3"));
        drop(second);
        drop(first);
        assert_eq!(text(&file), "1\n2\n3\n");
        run(third.persisted()).unwrap();
        let mut waiting = Box::pin(append(&log, "4").persisted());
        assert!(waiting.as_mut().now_or_never().is_none());
        let other = append(&log, "5");
        drop(waiting);
        run(other.persisted()).unwrap();
        assert_eq!(text(&file), "1\n2\n3\n4\n5\n");
    }

    #[test]
    fn not_too_much_gathers() {
        let (log, file) = log();
        let line = "x".repeat(MAX_BATCH_BYTES / 4);
        let entries: Vec<PendingRecord> = (0..10).map(|_| append(&log, &line)).collect();
        assert_eq!(text(&file).lines().count(), 9);
        assert!(log.borrow().lines.capacity() <= MAX_BATCH_BYTES * 2);
        assert!(run(join_all(entries.into_iter().map(PendingRecord::persisted))).iter().all(Result::is_ok));
        assert_eq!(text(&file).lines().count(), 10);
        run(append(&log, &"y".repeat(MAX_BATCH_BYTES * 3)).persisted()).unwrap();
        assert!(log.borrow().lines.capacity() <= MAX_BATCH_BYTES, "the memory of a large one is given back");
    }

    #[test]
    fn a_record_that_cannot_be_made_leaves_nothing_behind() {
        let (log, file) = log();
        let first = append(&log, "1");
        let fails = |lines: &mut Vec<u8>| {
            lines.extend_from_slice(b"half");
            Err(io::Error::other("no"))
        };
        assert!(BatchWriter::append(&log, fails).is_err());
        run(first.persisted()).unwrap();
        assert_eq!(text(&file), "1\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_hears_that_it_could_not_be_written() {
        let full = LogFile::new(
            std::fs::File::options().write(true).open("/dev/full").unwrap(),
            "/dev/full".into(),
            None,
            None,
        );
        let log = Rc::new(RefCell::new(BatchWriter::new(full)));
        let entries = [append(&log, "1"), append(&log, "2")].map(PendingRecord::persisted);
        for result in run(join_all(entries)) {
            assert_eq!(result.unwrap_err().raw_os_error(), Some(28));
        }
    }
}
