//! The requests in a log that is being written: an index of its lines in memory, their text in the file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::event_index::{Entry, EventIndex, MAX_RECORDS};
use super::store::{Position, RecordStore, StoredRecord};
use crate::error::{Error, Result};

/// Pause after reading what was appended, in which more is gathered. The receiver then wakes the page 20 times a second
/// at most, however many requests it handles.
const COALESCE_INTERVAL: Duration = Duration::from_millis(50);

/// The most bytes that are read at once.
const READ_SIZE: u64 = 1 << 20;

/// The most files of a rotated log that stay open. The requests in older ones are no longer shown.
const MAX_FILES: usize = 16;

/// Reads the requests of a log that a listener appends to.
pub struct LogStore {
    state: Mutex<State>,
    appended: Notify,
    newest: watch::Sender<u64>,
}

/// The range of a line in its file.
#[derive(Clone, Copy, Debug)]
struct LineRange {
    file: u32,
    length: u32,
    offset: u64,
}

struct State {
    path: PathBuf,
    index: EventIndex<LineRange>,
    /// The files, the current one last; each has a number of its own.
    files: VecDeque<(u32, Arc<Mutex<File>>)>,
    /// The end of the last complete line that was read.
    end: u64,
    /// The beginning of a line that was not complete yet.
    partial: Vec<u8>,
}

impl LogStore {
    /// Opens the log at this path, and shows what is appended from now on. `None` if it is a device or a pipe, which
    /// cannot be read again.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let cannot = |error: io::Error| Error::new(format!("cannot read the log {}", path.display())).cause(error);
        let metadata = std::fs::metadata(path).map_err(cannot)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let file = File::open(path).map_err(cannot)?;
        let state = State {
            path: path.to_owned(),
            index: EventIndex::new(),
            files: VecDeque::from([(0, Arc::new(Mutex::new(file)))]),
            end: metadata.len(),
            partial: Vec::new(),
        };
        Ok(Some(Self { state: Mutex::new(state), appended: Notify::new(), newest: watch::Sender::new(0) }))
    }

    /// Tells the store that something was appended. Never waits.
    pub fn notify(&self) {
        self.appended.notify_one();
    }

    /// Reads what is appended, forever.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            self.appended.notified().await;
            while self.state().read_appended() {
                tokio::task::yield_now().await;
            }
            let newest = self.state().index.newest();
            self.newest.send_if_modified(|before| std::mem::replace(before, newest) != newest);
            tokio::time::sleep(COALESCE_INTERVAL).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads lines of the log. The lock is not held meanwhile.
    fn load(&self, entries: Vec<Entry<LineRange>>, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        let (mut bytes, mut records) = (0, Vec::with_capacity(entries.len()));
        for Entry { seq, place, .. } in entries {
            bytes += place.length as usize;
            if bytes > max_bytes && !records.is_empty() {
                break;
            }
            let Some(file) = self.state().file(place.file) else { continue };
            let cannot = |error: io::Error| Error::new("cannot read the log").cause(error);
            let json = read_at(&file, place.offset, u64::from(place.length)).map_err(cannot)?;
            records.push(StoredRecord { seq, json: json.into() });
        }
        Ok(records)
    }
}

impl RecordStore for LogStore {
    fn read(&self, position: Position, limit: usize, max_bytes: usize) -> Result<Vec<StoredRecord>> {
        let found = match position {
            Position::After(seq) => self.state().index.after(seq, limit),
            Position::Before(seq) => self.state().index.before(seq, limit),
        };
        self.load(found, max_bytes)
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>> {
        let found = self.state().index.find(seq);
        Ok(self.load(found.into_iter().collect(), usize::MAX)?.pop())
    }

    fn attempts(&self, seq: u64, limit: usize) -> Result<Vec<StoredRecord>> {
        let found = self.state().index.same_event(seq, limit);
        self.load(found, usize::MAX)
    }

    fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

impl State {
    fn file(&self, number: u32) -> Option<Arc<Mutex<File>>> {
        self.files.iter().find(|(other, _)| *other == number).map(|(_, file)| Arc::clone(file))
    }

    /// Reads the next part of what was appended; returns whether there may be more. A file that cannot be read now is
    /// read at the next notification.
    fn read_appended(&mut self) -> bool {
        let Some((number, file)) = self.files.back().cloned() else { return false };
        let start = self.end + self.partial.len() as u64;
        match read_at_most(&file, start, READ_SIZE) {
            Ok(part) if !part.is_empty() => {
                self.add(number, &part);
                true
            }
            // Another file has its name by now. The writer is done with this one: what it wrote last has been read.
            Ok(_) if self.is_replaced(&file) => match read_at_most(&file, start, READ_SIZE) {
                Ok(rest) if rest.is_empty() => self.open_next(number, &file),
                Ok(rest) => {
                    self.add(number, &rest);
                    true
                }
                Err(_) => false,
            },
            _ => false,
        }
    }

    /// Adds the complete lines of a part of the file.
    fn add(&mut self, file: u32, part: &[u8]) {
        let mut rest = part;
        while let Some(length) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(length);
            let mut partial = std::mem::take(&mut self.partial);
            let line = if partial.is_empty() {
                line
            } else {
                partial.extend_from_slice(line);
                &partial
            };
            let offset = self.end;
            self.end += line.len() as u64 + 1;
            if let Ok(length) = u32::try_from(line.len()) {
                self.index.push(line, LineRange { file, length, offset });
            }
            while self.index.len() > MAX_RECORDS {
                self.index.pop();
            }
            rest = &after[1..];
        }
        self.partial.extend_from_slice(rest);
    }

    fn is_replaced(&self, file: &Mutex<File>) -> bool {
        !is_same(&lock(file), &self.path)
    }

    /// Opens the file that follows a rotated one: the older ones of those that were created since come first.
    fn open_next(&mut self, number: u32, file: &Mutex<File>) -> bool {
        let numbered = |older: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{older}"));
            PathBuf::from(name)
        };
        let mut next = self.path.clone();
        // The current file may have been rotated more than once.
        for older in 1.. {
            let path = numbered(older);
            if !path.exists() {
                next.clone_from(&self.path);
                break;
            }
            if is_same(&lock(file), &path) {
                break;
            }
            next = path;
        }
        let Ok(opened) = File::open(&next) else { return false };
        self.files.push_back((number.wrapping_add(1), Arc::new(Mutex::new(opened))));
        if self.files.len() > MAX_FILES {
            self.files.pop_front();
        }
        (self.end, self.partial) = (0, Vec::new());
        true
    }
}

fn lock(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether an open file is the one at a path.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(file), Ok(path)) => identity(file) == identity(path),
        // Nothing to change to.
        _ => true,
    }
}

/// Returns whether an open file is the one at a path: one that is shorter was created since.
#[cfg(not(unix))]
fn is_same(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(file), Ok(path)) => path.len() >= file.len(),
        _ => true,
    }
}

fn read_at(file: &Mutex<File>, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let bytes = read_at_most(file, offset, length)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn read_at_most(file: &Mutex<File>, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut file = lock(file);
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    (&mut *file).take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn line(seq: u64) -> String {
        format!("{{\"v\":1,\"kind\":\"request\",\"seq\":{seq},\"body\":\"{seq}\"}}\n")
    }

    fn append(path: &Path, text: &str) {
        File::options().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn catch_up(store: &LogStore) {
        while store.state().read_appended() {}
    }

    fn numbers(store: &LogStore) -> Vec<u64> {
        let records = store.read(Position::After(0), 100, usize::MAX).unwrap();
        for record in &records {
            assert_eq!(record.json, line(record.seq).trim_end());
        }
        records.iter().map(|record| record.seq).collect()
    }

    #[test]
    fn what_is_appended_is_read_line_by_line_and_what_was_there_before_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, &line(99));
        let store = LogStore::open(&path).unwrap().unwrap();
        let (first, second) = (line(1), line(2));
        let (half, rest) = second.split_at(9);
        append(&path, &first);
        append(&path, half);
        catch_up(&store);
        assert_eq!(numbers(&store), [1], "half a line is none");
        append(&path, rest);
        append(&path, &line(3));
        catch_up(&store);
        assert_eq!(numbers(&store), [1, 2, 3]);
        assert_eq!(store.record(2).unwrap().unwrap().json, second.trim_end());
        assert!(store.record(99).unwrap().is_none());
    }

    #[test]
    fn a_log_that_is_rotated_once_or_more_is_followed_through_all_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let name = |number: u32| folder.path().join(format!("log.{number}"));
        append(&path, "");
        let store = LogStore::open(&path).unwrap().unwrap();
        append(&path, &line(1));
        catch_up(&store);
        append(&path, &line(2));
        std::fs::rename(&path, name(1)).unwrap();
        append(&path, &line(3));
        std::fs::rename(name(1), name(2)).unwrap();
        std::fs::rename(&path, name(1)).unwrap();
        append(&path, &line(4));
        catch_up(&store);
        assert_eq!(numbers(&store), [1, 2, 3, 4]);
        std::fs::remove_file(&path).unwrap();
        append(&path, &line(5));
        catch_up(&store);
        assert_eq!(numbers(&store), [1, 2, 3, 4, 5], "one that was deleted and created again is followed too");
    }

    #[test]
    fn a_device_cannot_be_read_again() {
        assert!(cfg!(windows) || LogStore::open(Path::new("/dev/null")).unwrap().is_none());
    }
}
