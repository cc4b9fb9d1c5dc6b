//! The log: JSON Lines, one record a request, written before the request is answered.

mod lock;
mod repair;
mod rotation;
mod sync;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Record;
use crate::error::{Error, Result};
pub use rotation::Rotation;
pub use sync::Written;
use sync::{Syncer, sync_folder};

/// How a log is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// Whether a record counts as written only once it is on the disk, not in the kernel alone.
    pub sync: bool,
    /// When to begin a new file.
    pub rotation: Option<Rotation>,
}

/// A log that is open for appending, by nobody else at the same time.
#[derive(Debug)]
pub struct Log {
    file: Arc<File>,
    path: PathBuf,
    line: Vec<u8>,
    /// Whether the file ends in half a record that could not be taken away.
    broken: bool,
    rotation: Option<Rotation>,
    syncer: Option<Syncer>,
    /// Whether the folder does not hold the file's name for certain yet.
    unnamed: bool,
    remarks: Vec<String>,
}

impl Log {
    /// Opens or creates the file, readable by its owner only (mode 0600), and holds it against other listeners.
    ///
    /// A last line that a crash cut off is moved to a file beside it; a file that is no log is refused.
    pub fn open(path: &Path, keeping: Keeping) -> Result<Self> {
        let shown = path.display();
        let cannot = |cause: &dyn std::fmt::Display| Error::new(format!("cannot write the log {shown}")).cause(cause);
        if path.is_dir() {
            return Err(cannot(&"it is a folder"));
        }
        let Some(file) = lock::open(path).map_err(|error| cannot(&error))? else {
            return Err(cannot(&"another `whk listen` writes to it"));
        };
        let metadata = file.metadata().map_err(|error| cannot(&error))?;
        let mut log = Self::new(file, path.to_owned());
        if !metadata.is_file() {
            // A device can be written to, and nothing else.
            return Ok(log);
        }
        log.remarks.extend(repair::repair(&log.file, path).map_err(|flaw| cannot(&flaw))?);
        if lock::is_shared(&metadata) {
            log.remarks.push(format!("other users can read {shown}: chmod 600 {shown}"));
        }
        if keeping.sync {
            log.syncer = Some(Syncer::start(File::sync_data).map_err(|error| cannot(&error))?);
        }
        if keeping.rotation.is_some() {
            // Files are renamed where they really are, not where a link to them stands.
            log.path = path.canonicalize().map_err(|error| cannot(&error))?;
            log.rotation = keeping.rotation;
        }
        Ok(log)
    }

    fn new(file: File, path: PathBuf) -> Self {
        let (file, line) = (Arc::new(file), Vec::with_capacity(4096));
        Self { file, path, line, broken: false, rotation: None, syncer: None, unnamed: true, remarks: Vec::new() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was found when it was opened, a sentence each.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Appends a record with a single write: when this returns, the record is in the kernel.
    ///
    /// Where it fails, nothing of the record is left in the file, and the next one may succeed.
    pub fn append(&mut self, record: &Record) -> io::Result<Written> {
        self.line.clear();
        if self.broken {
            self.line.push(b'\n');
        }
        record.write(&mut self.line)?;
        self.line.push(b'\n');
        // A log that has grown too large is better than one with a record less.
        let unrotated = self.rotate_where_due().err();
        if self.syncer.is_some() && self.unnamed {
            sync_folder(&self.path)?;
            self.unnamed = false;
        }
        self.write()?;
        self.broken = false;
        let synced = self.syncer.as_ref().map(|syncer| syncer.sync(&self.file));
        Ok(Written::new(synced, unrotated))
    }

    fn write(&mut self) -> io::Result<()> {
        let mut done = 0;
        while done < self.line.len() {
            match (&*self.file).write(&self.line[done..]) {
                Ok(0) => {
                    self.take_back(done);
                    return Err(io::ErrorKind::WriteZero.into());
                }
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.take_back(done);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Takes the first bytes of a record away again, which were written before there was no more room.
    fn take_back(&mut self, done: usize) {
        if done > 0 {
            let length = self.file.metadata().map(|metadata| metadata.len());
            let cut = length.and_then(|length| self.file.set_len(length.saturating_sub(done as u64)));
            self.broken |= cut.is_err();
        }
    }

    fn rotate_where_due(&mut self) -> io::Result<()> {
        let Some(rotation) = &self.rotation else { return Ok(()) };
        if !rotation.is_due(self.file.metadata()?.len(), self.line.len()) {
            return Ok(());
        }
        rotation.make_room(&self.path)?;
        match lock::open(&self.path).and_then(|file| file.ok_or_else(|| io::ErrorKind::ResourceBusy.into())) {
            Ok(file) => {
                self.file = Arc::new(file);
                self.unnamed = true;
                self.broken = false;
                Ok(())
            }
            Err(error) => {
                rotation::take_back(&self.path);
                Err(error)
            }
        }
    }
}
