//! The log: JSON Lines, one record per request, written before the request gets its response.

mod file;
mod group_commit;
mod lock;
mod recovery;
mod rotation;
mod sync;

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Record;
use crate::error::{Error, ErrorKind, Result};
use file::LogFile;
use group_commit::BatchWriter;
pub use group_commit::PendingRecord;
pub use rotation::Rotation;
use sync::Syncer;

/// Options of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// True if a record counts as written only once it is on disk, rather than in the kernel.
    pub sync: bool,
    /// Rotation, if any.
    pub rotation: Option<Rotation>,
}

/// A log that is open for appending, exclusively.
#[derive(Debug)]
pub struct RecordLog {
    path: PathBuf,
    warnings: Vec<String>,
    writer: Rc<RefCell<BatchWriter>>,
}

impl RecordLog {
    /// Opens or creates the file, readable by its owner only (mode 0600), and locks it against other listeners.
    ///
    /// A last line that a crash cut off is moved to a file beside it; a file that is not a log is rejected.
    ///
    /// # Errors
    /// Another listener has locked it, or it cannot be written.
    pub fn open(path: &Path, options: LogOptions) -> Result<Self> {
        Self::open_if_free(path, options)?.ok_or_else(|| {
            Error::new(format!("cannot write the log {}", path.display()))
                .kind(ErrorKind::Conflict)
                .cause("another `whk listen` is already using this log")
        })
    }

    /// Opens it as [`RecordLog::open`] does; returns `None` if another listener has locked it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn open_if_free(path: &Path, options: LogOptions) -> Result<Option<Self>> {
        let shown = path.display();
        let cannot = |cause: &dyn std::fmt::Display| {
            Error::new(format!("cannot write the log {shown}")).kind(ErrorKind::Io).cause(cause)
        };
        if path.is_dir() {
            return Err(cannot(&"it is a folder"));
        }
        let Some(file) = lock::open(path).map_err(|error| cannot(&error))? else {
            return Ok(None);
        };
        let metadata = file.metadata().map_err(|error| cannot(&error))?;
        if !metadata.is_file() {
            // A device can be written to, but not locked, recovered or rotated.
            return Ok(Some(Self::new(LogFile::new(file, path.to_owned(), None, None), path.to_owned(), Vec::new())));
        }
        let mut warnings: Vec<String> =
            recovery::recover(&file, path).map_err(|error| cannot(&error))?.into_iter().collect();
        if lock::is_readable_by_others(&metadata) {
            warnings.push(format!("other users can read {shown}: chmod 600 {shown}"));
        }
        let sync = || Syncer::start(File::sync_data).map_err(|error| cannot(&error));
        let syncer = options.sync.then(sync).transpose()?;
        // Rotation renames the file itself, not a symbolic link to it.
        let path = match options.rotation {
            Some(_) => path.canonicalize().map_err(|error| cannot(&error))?,
            None => path.to_owned(),
        };
        Ok(Some(Self::new(LogFile::new(file, path.clone(), options.rotation, syncer), path, warnings)))
    }

    fn new(file: LogFile, path: PathBuf, warnings: Vec<String>) -> Self {
        Self { path, warnings, writer: Rc::new(RefCell::new(BatchWriter::new(file))) }
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the warnings of opening it, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Appends a record, in one write with the others of the same moment. It is in the log once
    /// [`PendingRecord::persisted`] returns.
    ///
    /// If that fails, nothing of the record is left in the file, and the next one may succeed.
    pub fn append(&self, record: &Record) -> io::Result<PendingRecord> {
        BatchWriter::append(&self.writer, |line| Ok(record.write(line)?))
    }
}
