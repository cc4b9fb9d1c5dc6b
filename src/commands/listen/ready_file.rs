//! The ready file, which tells a script the address.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The ready file; dropping this removes it.
pub(super) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Removes the file of a listener that was killed, so that it is not mistaken for this one's.
    pub(super) fn remove_stale(path: &Path) {
        let _ = fs::remove_file(path);
    }

    pub(super) fn write(path: &Path, url: &str) -> Result<Self> {
        let cannot = |error| Error::new(format!("cannot write the ready file {}", path.display())).cause(error);
        // Renamed into place, so that a reader never sees half of it.
        let mut temp_path = path.as_os_str().to_owned();
        temp_path.push(format!(".{}", std::process::id()));
        fs::write(&temp_path, format!("{url}\n")).map_err(cannot)?;
        if let Err(error) = fs::rename(&temp_path, path) {
            let _ = fs::remove_file(&temp_path);
            return Err(cannot(error));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
