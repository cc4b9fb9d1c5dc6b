//! The ready file, which tells a script the address.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::AtomicFile;

/// The ready file; dropping this removes it.
pub(super) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes the file of a listener that was killed, so that it is not mistaken for this one's.
    pub(super) fn remove_stale(path: &Path) {
        let _ = fs::remove_file(path);
    }

    pub(super) fn write(path: &Path, url: &str) -> Result<Self> {
        let cannot = |error| Error::new(format!("cannot write the ready file {}", path.display())).cause(error);
        let written = AtomicFile::create(path).and_then(|file| {
            writeln!(file.file(), "{url}")?;
            file.commit()
        });
        written.map_err(cannot)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
