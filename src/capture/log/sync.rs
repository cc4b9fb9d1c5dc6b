//! Runs one `fdatasync` for all records that were written while the previous one ran.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

// A channel that an asynchronous caller can wait on; it needs no runtime.
use tokio::sync::oneshot;

/// A request to sync everything written to a file until now.
struct SyncRequest {
    file: Arc<File>,
    done: oneshot::Sender<io::Result<()>>,
}

/// A thread that syncs: while it waits for the disk, further requests queue, and the next sync serves them all.
pub(super) struct Syncer {
    requests: Sender<SyncRequest>,
}

impl Syncer {
    /// Starts the thread; it ends with the syncer. `sync` is `fdatasync`, except in tests.
    pub(super) fn start(sync: impl FnMut(&File) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (requests, taken) = mpsc::channel();
        thread::Builder::new().name("log-sync".to_owned()).spawn(move || run(&taken, sync))?;
        Ok(Self { requests })
    }

    /// Requests a sync that starts after now.
    pub(super) fn sync(&self, file: &Arc<File>) -> oneshot::Receiver<io::Result<()>> {
        let (done, synced) = oneshot::channel();
        // If the thread is gone, `done` is dropped, and waiting for it returns an error.
        let _ = self.requests.send(SyncRequest { file: Arc::clone(file), done });
        synced
    }
}

impl fmt::Debug for Syncer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Syncer")
    }
}

fn run(requests: &Receiver<SyncRequest>, mut sync: impl FnMut(&File) -> io::Result<()>) {
    while let Ok(first) = requests.recv() {
        // The requests are for different files only if the log was rotated in between.
        let mut last: Option<(Arc<File>, io::Result<()>)> = None;
        let batch: Vec<SyncRequest> = std::iter::once(first).chain(requests.try_iter()).collect();
        for request in batch {
            if last.as_ref().is_none_or(|(file, _)| !Arc::ptr_eq(file, &request.file)) {
                last = Some((Arc::clone(&request.file), sync(&request.file)));
            }
            let result = last.as_ref().map_or(Ok(()), |(_, result)| result.as_ref().copied().map_err(clone_io_error));
            // The receiver may be gone, and then has no use for it.
            let _ = request.done.send(result);
        }
    }
}

/// Makes the same error again: an I/O error cannot be cloned.
pub(super) fn clone_io_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Syncs the directory, so that the entry of the file in it survives a crash.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Only on Unix is a directory a file that can be synced.
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Arc<File> {
        Arc::new(tempfile::tempfile().unwrap())
    }

    /// Makes a syncer that reports when a sync starts, and ends one with the result it is given.
    fn directed() -> (Syncer, Receiver<()>, Sender<io::Result<()>>) {
        let ((began, begins), (end, ends)) = (mpsc::channel(), mpsc::channel());
        let sync = move |_: &File| {
            began.send(()).unwrap();
            ends.recv().unwrap()
        };
        (Syncer::start(sync).unwrap(), begins, end)
    }

    #[test]
    fn one_sync_is_for_all_that_was_written_while_the_last_one_ran() {
        let (syncer, begins, end) = directed();
        let file = file();
        let first = syncer.sync(&file);
        begins.recv().unwrap();
        let mut others: Vec<_> = (0..99).map(|_| syncer.sync(&file)).collect();
        end.send(Ok(())).unwrap();
        first.blocking_recv().unwrap().unwrap();
        begins.recv().unwrap();
        // A write during a sync may have missed it, so it waits for the next one.
        assert!(others.iter_mut().all(|other| other.try_recv().is_err()));
        end.send(Ok(())).unwrap();
        for other in others {
            other.blocking_recv().unwrap().unwrap();
        }
        drop(syncer);
        assert!(begins.recv().is_err(), "there was a third sync");
    }

    #[test]
    fn a_failure_is_everybodys_and_the_next_sync_is_another_try() {
        let (syncer, begins, end) = directed();
        let file = file();
        let first = syncer.sync(&file);
        begins.recv().unwrap();
        let others = [syncer.sync(&file), syncer.sync(&file)];
        end.send(Ok(())).unwrap();
        begins.recv().unwrap();
        end.send(Err(io::Error::from_raw_os_error(5))).unwrap();
        first.blocking_recv().unwrap().unwrap();
        for other in others {
            assert_eq!(other.blocking_recv().unwrap().unwrap_err().raw_os_error(), Some(5));
        }
        let last = syncer.sync(&file);
        end.send(Ok(())).unwrap();
        last.blocking_recv().unwrap().unwrap();
    }

    #[test]
    fn each_file_is_synced() {
        let (syncer, begins, end) = directed();
        let (old, new) = (file(), file());
        let first = syncer.sync(&old);
        begins.recv().unwrap();
        let others = [syncer.sync(&old), syncer.sync(&new)];
        for _ in 0..3 {
            end.send(Ok(())).unwrap();
        }
        first.blocking_recv().unwrap().unwrap();
        for other in others {
            other.blocking_recv().unwrap().unwrap();
        }
        assert_eq!(begins.try_iter().count(), 2);
    }
}
