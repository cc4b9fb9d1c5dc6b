//! The file of a log: complete lines are appended, and it is rotated when it has grown too large.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::sync::{Syncer, sync_directory};
use super::{Rotation, lock};

/// A file open for appending.
#[derive(Debug)]
pub(super) struct LogFile {
    file: Arc<File>,
    path: PathBuf,
    /// True if the file ends in part of a record that could not be removed.
    has_partial_line: bool,
    rotation: Option<Rotation>,
    syncer: Option<Syncer>,
    /// True until the directory entry of the file has been synced.
    directory_unsynced: bool,
}

impl LogFile {
    pub(super) fn new(file: File, path: PathBuf, rotation: Option<Rotation>, syncer: Option<Syncer>) -> Self {
        Self { file: Arc::new(file), path, has_partial_line: false, rotation, syncer, directory_unsynced: true }
    }

    /// Writes lines; returns the number of bytes written, and the error if that is not all.
    pub(super) fn write(&mut self, lines: &[u8]) -> (usize, Option<io::Error>) {
        if let Err(error) = self.prepare() {
            return (0, Some(error));
        }
        let mut written = 0;
        while written < lines.len() {
            match (&*self.file).write(&lines[written..]) {
                Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    fn prepare(&mut self) -> io::Result<()> {
        self.reopen_if_deleted()?;
        if self.syncer.is_some() && self.directory_unsynced {
            sync_directory(&self.path)?;
            self.directory_unsynced = false;
        }
        if self.has_partial_line {
            (&*self.file).write_all(b"\n")?;
            self.has_partial_line = false;
        }
        Ok(())
    }

    /// Removes the last bytes, the part of a record that was written before an error.
    pub(super) fn truncate_tail(&mut self, bytes: usize) {
        if bytes > 0 {
            let length = self.file.metadata().map(|metadata| metadata.len());
            let cut = length.and_then(|length| self.file.set_len(length.saturating_sub(bytes as u64)));
            self.has_partial_line |= cut.is_err();
        }
    }

    /// Requests that what was written is synced to disk, if syncing is on.
    pub(super) fn sync(&self) -> Option<oneshot::Receiver<io::Result<()>>> {
        self.syncer.as_ref().map(|syncer| syncer.sync(&self.file))
    }

    /// True if a line of this length belongs in a new file, after `pending` bytes that are not written yet.
    pub(super) fn is_full(&mut self, pending: usize, line_len: usize) -> io::Result<bool> {
        let Some(rotation) = self.rotation else { return Ok(false) };
        self.reopen_if_deleted()?;
        Ok(rotation.is_due(self.file.metadata()?.len() + pending as u64, line_len))
    }

    /// Creates the file again if it was deleted: what is written to a deleted file is lost.
    fn reopen_if_deleted(&mut self) -> io::Result<()> {
        if lock::is_unlinked(&self.file) { self.reopen() } else { Ok(()) }
    }

    fn reopen(&mut self) -> io::Result<()> {
        let file = lock::open(&self.path)?.ok_or(io::ErrorKind::ResourceBusy)?;
        self.file = Arc::new(file);
        self.directory_unsynced = true;
        self.has_partial_line = false;
        Ok(())
    }

    /// Moves the file out of the way and creates a new one.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let Some(rotation) = &self.rotation else { return Ok(()) };
        rotation.rotate_files(&self.path)?;
        self.reopen().inspect_err(|_| super::rotation::undo(&self.path))
    }
}
