//! The file of a log: whole lines at its end, a new file when it has grown large.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::sync::{Syncer, sync_folder};
use super::{Rotation, lock};

/// A file that is appended to.
#[derive(Debug)]
pub(super) struct LogFile {
    file: Arc<File>,
    path: PathBuf,
    /// Whether the file ends in half a record that could not be taken away.
    broken: bool,
    rotation: Option<Rotation>,
    syncer: Option<Syncer>,
    /// Whether the folder does not hold the file's name for certain yet.
    unnamed: bool,
}

impl LogFile {
    pub(super) fn new(file: File, path: PathBuf, rotation: Option<Rotation>, syncer: Option<Syncer>) -> Self {
        Self { file: Arc::new(file), path, broken: false, rotation, syncer, unnamed: true }
    }

    /// Writes lines; gives how many bytes of them were written, and why not all.
    pub(super) fn write(&mut self, lines: &[u8]) -> (usize, Option<io::Error>) {
        if let Err(error) = self.prepare() {
            return (0, Some(error));
        }
        let mut done = 0;
        while done < lines.len() {
            match (&*self.file).write(&lines[done..]) {
                Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (done, Some(error)),
            }
        }
        (done, None)
    }

    fn prepare(&mut self) -> io::Result<()> {
        self.begin_anew_where_gone()?;
        if self.syncer.is_some() && self.unnamed {
            sync_folder(&self.path)?;
            self.unnamed = false;
        }
        if self.broken {
            (&*self.file).write_all(b"\n")?;
            self.broken = false;
        }
        Ok(())
    }

    /// Takes the last bytes away again, which were written before there was no more room.
    pub(super) fn take_back(&mut self, bytes: usize) {
        if bytes > 0 {
            let length = self.file.metadata().map(|metadata| metadata.len());
            let cut = length.and_then(|length| self.file.set_len(length.saturating_sub(bytes as u64)));
            self.broken |= cut.is_err();
        }
    }

    /// Asks for what was written to be on the disk, where that is wanted.
    pub(super) fn sync(&self) -> Option<oneshot::Receiver<io::Result<()>>> {
        self.syncer.as_ref().map(|syncer| syncer.sync(&self.file))
    }

    /// Whether a line of this length belongs into a new file, after so many bytes that are still to be written.
    pub(super) fn is_full(&mut self, gathered: usize, line: usize) -> io::Result<bool> {
        let Some(rotation) = self.rotation else { return Ok(false) };
        self.begin_anew_where_gone()?;
        Ok(rotation.is_due(self.file.metadata()?.len() + gathered as u64, line))
    }

    /// Begins a new file where somebody removed this one: what is written to it would be lost.
    fn begin_anew_where_gone(&mut self) -> io::Result<()> {
        if lock::is_gone(&self.file) { self.begin_anew() } else { Ok(()) }
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let file = lock::open(&self.path)?.ok_or(io::ErrorKind::ResourceBusy)?;
        self.file = Arc::new(file);
        self.unnamed = true;
        self.broken = false;
        Ok(())
    }

    /// Begins a new file.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let Some(rotation) = &self.rotation else { return Ok(()) };
        rotation.make_room(&self.path)?;
        self.begin_anew().inspect_err(|_| super::rotation::take_back(&self.path))
    }
}
