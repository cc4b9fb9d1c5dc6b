//! Records that are written together: what gathers while other requests of the same moment are dealt with goes into the
//! file with one write, which costs the system little more than the write of a single record.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};

// A channel that an asynchronous caller can wait on; it needs no runtime.
use tokio::sync::oneshot;

use super::file::LogFile;

/// How many bytes gather at the most, unless a single record is larger.
const MOST: usize = 256 << 10;

/// Records that gather, and the file that they will be written to.
#[derive(Debug)]
pub(super) struct Gathering {
    file: LogFile,
    /// The records, each with the end of its line.
    lines: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    batch: Rc<Batch>,
}

/// What the entries of one write have in common.
#[derive(Debug, Default)]
struct Batch {
    outcome: OnceCell<Outcome>,
    waiting: RefCell<Vec<Waker>>,
}

/// What became of a batch.
#[derive(Debug)]
struct Outcome {
    /// How many of its records are in the file.
    kept: usize,
    /// Why the others are not.
    error: Option<io::Error>,
    /// When those that were kept are on the disk, where that is asked for.
    synced: RefCell<Vec<Option<oneshot::Receiver<io::Result<()>>>>>,
}

/// A record on its way into the log. It gets there even where nobody waits for it.
#[derive(Debug)]
#[must_use = "the record is not in the log before `kept` says so"]
pub struct Entry {
    /// Why no new file was begun, where one was due.
    pub unrotated: Option<io::Error>,
    gathering: Rc<RefCell<Gathering>>,
    batch: Rc<Batch>,
    /// Its place in the batch. The first one has all of them written.
    place: usize,
}

impl Gathering {
    pub(super) fn new(file: LogFile) -> Self {
        Self { file, lines: Vec::with_capacity(4096), ends: Vec::new(), batch: Rc::default() }
    }

    /// Puts in one more record, which `write` writes.
    pub(super) fn add(
        this: &Rc<RefCell<Self>>,
        write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<Entry> {
        let mut gathering = this.borrow_mut();
        let start = gathering.lines.len();
        let Self { file, lines, .. } = &mut *gathering;
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
        let mut unrotated = None;
        if is_full || start > 0 && gathering.lines.len() > MOST {
            let line = gathering.lines.split_off(start);
            gathering.flush();
            if is_full {
                // A log that has grown too large is better than one with a record less.
                unrotated = gathering.file.rotate().err();
            }
            gathering.lines = line;
        }
        let end = gathering.lines.len();
        gathering.ends.push(end);
        let (batch, place) = (Rc::clone(&gathering.batch), gathering.ends.len() - 1);
        Ok(Entry { unrotated, gathering: Rc::clone(this), batch, place })
    }

    /// Writes what has gathered. What could not be written leaves nothing in the file.
    fn flush(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let (written, error) = self.file.write(&self.lines);
        let kept = self.ends.partition_point(|end| *end <= written);
        let whole = kept.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.file.take_back(written - whole);
        let synced = RefCell::new((0..kept).map(|_| self.file.sync()).collect());
        let _ = batch.outcome.set(Outcome { kept, error, synced });
        for waker in batch.waiting.take() {
            waker.wake();
        }
        self.ends.clear();
        self.lines.clear();
        self.lines.shrink_to(MOST);
    }
}

impl Entry {
    /// Waits until the record is as safe as the log was asked to make it: in the kernel, or on the disk.
    ///
    /// # Errors
    /// Nothing of the record is in the log.
    pub async fn kept(self) -> io::Result<()> {
        if self.place == 0 {
            others_first().await;
            self.write_all();
        }
        let outcome = self.outcome().await;
        if self.place >= outcome.kept {
            return Err(outcome.error.as_ref().map_or_else(|| io::ErrorKind::WriteZero.into(), super::sync::same));
        }
        let synced = outcome.synced.borrow_mut().get_mut(self.place).and_then(Option::take);
        match synced {
            Some(synced) => synced.await.unwrap_or_else(|_| Err(io::Error::other("the log is no longer synced"))),
            None => Ok(()),
        }
    }

    async fn outcome(&self) -> &Outcome {
        poll_fn(|context| {
            let outcome = self.batch.outcome.get();
            if outcome.is_none() {
                self.batch.waiting.borrow_mut().push(context.waker().clone());
            }
            outcome.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    fn write_all(&self) {
        if self.batch.outcome.get().is_none() {
            self.gathering.borrow_mut().flush();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // Who waited for the first one has left, and the others wait for it.
        if self.place == 0 {
            self.write_all();
        }
    }
}

/// Lets all go on that can go on now, once.
async fn others_first() {
    let mut asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
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

    /// A log in a temporary file, and the file.
    fn log() -> (Rc<RefCell<Gathering>>, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = LogFile::new(file.reopen().unwrap(), file.path().to_owned(), None, None);
        (Rc::new(RefCell::new(Gathering::new(log))), file)
    }

    fn add(log: &Rc<RefCell<Gathering>>, line: &str) -> Entry {
        let write = |lines: &mut Vec<u8>| {
            lines.extend_from_slice(line.as_bytes());
            Ok(())
        };
        Gathering::add(log, write).unwrap()
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
        let (first, second) = (add(&log, "1"), add(&log, "2"));
        assert_eq!(text(&file), "", "nothing is written before somebody waits");
        assert!(second.kept().now_or_never().is_none());
        let (third, results) = (add(&log, "3"), run(first.kept()));
        results.unwrap();
        assert_eq!(text(&file), "1\n2\n3\n");
        assert!(third.kept().now_or_never().unwrap().is_ok(), "it is written already");
        run(add(&log, "4").kept()).unwrap();
        assert_eq!(text(&file), "1\n2\n3\n4\n");
    }

    #[test]
    fn the_first_one_lets_others_come_before_it_writes() {
        let (log, file) = log();
        let later = async {
            assert_eq!(text(&file), "");
            add(&log, "2").kept().await
        };
        let (first, second) = run(async { tokio::join!(add(&log, "1").kept(), later) });
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(text(&file), "1\n2\n");
    }

    #[test]
    fn who_leaves_takes_nobody_along() {
        let (log, file) = log();
        let (first, second, third) = (add(&log, "1"), add(&log, "2"), add(&log, "3"));
        drop(second);
        drop(first);
        assert_eq!(text(&file), "1\n2\n3\n");
        run(third.kept()).unwrap();
        let mut waiting = Box::pin(add(&log, "4").kept());
        assert!(waiting.as_mut().now_or_never().is_none());
        let other = add(&log, "5");
        drop(waiting);
        run(other.kept()).unwrap();
        assert_eq!(text(&file), "1\n2\n3\n4\n5\n");
    }

    #[test]
    fn not_too_much_gathers() {
        let (log, file) = log();
        let line = "x".repeat(MOST / 4);
        let entries: Vec<Entry> = (0..10).map(|_| add(&log, &line)).collect();
        assert_eq!(text(&file).lines().count(), 9);
        assert!(log.borrow().lines.capacity() <= MOST * 2);
        assert!(run(join_all(entries.into_iter().map(Entry::kept))).iter().all(Result::is_ok));
        assert_eq!(text(&file).lines().count(), 10);
        run(add(&log, &"y".repeat(MOST * 3)).kept()).unwrap();
        assert!(log.borrow().lines.capacity() <= MOST, "the memory of a large one is given back");
    }

    #[test]
    fn a_record_that_cannot_be_made_leaves_nothing_behind() {
        let (log, file) = log();
        let first = add(&log, "1");
        let fails = |lines: &mut Vec<u8>| {
            lines.extend_from_slice(b"half");
            Err(io::Error::other("no"))
        };
        assert!(Gathering::add(&log, fails).is_err());
        run(first.kept()).unwrap();
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
        let log = Rc::new(RefCell::new(Gathering::new(full)));
        let entries = [add(&log, "1"), add(&log, "2")].map(Entry::kept);
        for result in run(join_all(entries)) {
            assert_eq!(result.unwrap_err().raw_os_error(), Some(28));
        }
    }
}
