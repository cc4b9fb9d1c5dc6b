//! Files that only their owner can read, and files that are complete or absent.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::random::Rng;

/// Returns options that create a file with mode 0600, if the system has modes.
#[must_use]
pub(crate) fn private_options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// Appends to a file, which is created if it is missing.
pub(crate) fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes)
}

/// Creates a directory with mode 0700, and those above it, if they are missing.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// A file that takes its place once it is complete. Until then it is beside it, under a temporary name; dropping it
/// leaves what was there.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    path: PathBuf,
    temp_path: PathBuf,
    file: File,
}

impl AtomicFile {
    /// Creates the temporary file, with the usual mode.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Self::open(path, OpenOptions::new())
    }

    /// Creates the temporary file, with mode 0600.
    pub(crate) fn create_private(path: &Path) -> io::Result<Self> {
        Self::open(path, private_options())
    }

    fn open(path: &Path, mut options: OpenOptions) -> io::Result<Self> {
        let mut temp_path = path.as_os_str().to_owned();
        temp_path.push(format!(".{:x}.tmp", Rng::System.bits()));
        let temp_path = PathBuf::from(temp_path);
        let file = options.write(true).create_new(true).open(&temp_path)?;
        Ok(Self { path: path.to_owned(), temp_path, file })
    }

    /// Returns the path that the file takes.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file, to write to it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file to its place, and replaces what is there.
    pub(crate) fn commit(self) -> io::Result<()> {
        fs::rename(&self.temp_path, &self.path)
    }

    /// Moves the file to its place, unless there is one: that is an error of the kind `AlreadyExists`.
    pub(crate) fn commit_new(self) -> io::Result<()> {
        fs::hard_link(&self.temp_path, &self.path)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // After it was moved, there is none.
        let _ = fs::remove_file(&self.temp_path);
    }
}

/// Writes a file with mode 0600, or replaces it, so that it is never read in part.
pub(crate) fn write_atomic_private(path: &Path, text: &str) -> io::Result<()> {
    let file = AtomicFile::create_private(path)?;
    file.file().write_all(text.as_bytes())?;
    file.file().sync_all()?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_complete_or_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomic_private(&path, "old").unwrap();
        let file = AtomicFile::create(&path).unwrap();
        file.file().write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let file = AtomicFile::create_private(&path).unwrap();
        file.file().write_all(b"new").unwrap();
        let exists = file.commit_new().unwrap_err();
        assert_eq!(exists.kind(), io::ErrorKind::AlreadyExists);
        write_atomic_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn private_files_and_directories_are_for_their_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let directory = folder.path().join("a/b");
        create_private_dir(&directory).unwrap();
        assert_eq!((mode(&directory), mode(&folder.path().join("a"))), (0o700, 0o700));
        write_atomic_private(&directory.join("c"), "").unwrap();
        assert_eq!(mode(&directory.join("c")), 0o600);
    }
}
