//! An input of captured requests: a file or stdin, read up to the length that it has at the start.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use crate::error::{Error, Result};

/// An opened input.
pub struct CaptureInput {
    /// The bytes, as long as the input was when it was opened.
    pub reader: Box<dyn Read + Send>,
    /// The number of bytes in it, if it is a regular file.
    pub size: Option<u64>,
    /// The name for people and scripts.
    pub name: String,
}

impl CaptureInput {
    /// Opens a file, which goes by this name.
    ///
    /// # Errors
    /// There is no such file, it is a folder, or it cannot be read.
    pub fn file(path: &Path, name: String) -> Result<Self> {
        Ok(Self::limited(open_file(path)?, name))
    }

    /// Limits an open file to its present length.
    #[must_use]
    pub fn of_file(file: File, name: String) -> Self {
        Self::limited(file, name)
    }

    /// Limits an open file to this many bytes after its position.
    #[must_use]
    pub fn part(file: File, length: u64, name: String) -> Self {
        Self { reader: Box::new(file.take(length)), size: Some(length), name }
    }

    /// Limits a regular file to its present length: a log may grow while it is read.
    fn limited(mut file: File, name: String) -> Self {
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
        let size = length.map(|length| length - file.stream_position().unwrap_or(0).min(length));
        Self { reader: Box::new(file.take(size.unwrap_or(u64::MAX))), size, name }
    }

    /// Opens stdin.
    #[must_use]
    pub fn stdin() -> Self {
        let name = "stdin".to_owned();
        match stdin_file() {
            Some(file) => Self::limited(file, name),
            None => Self { reader: Box::new(io::stdin()), size: None, name },
        }
    }
}

/// Opens a file to read it.
///
/// # Errors
/// There is no such file, it is a folder, or it cannot be read.
pub fn open_file(path: &Path) -> Result<File> {
    let opened = File::open(path).map_err(|error| cannot_read(path, &error))?;
    if opened.metadata().is_ok_and(|data| data.is_dir()) {
        return Err(cannot_read(path, &"it is a folder"));
    }
    Ok(opened)
}

/// Returns the error for an input that cannot be read.
#[must_use]
pub fn cannot_read(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(format!("cannot read {}", path.display())).cause(error)
}

#[cfg(unix)]
fn stdin_file() -> Option<File> {
    use std::os::fd::AsFd as _;
    io::stdin().as_fd().try_clone_to_owned().ok().map(File::from)
}

#[cfg(not(unix))]
fn stdin_file() -> Option<File> {
    None
}

/// Returns whether stdin is a pipe, a socket or a regular file, and not a terminal or `/dev/null`.
#[cfg(unix)]
#[must_use]
pub fn stdin_is_piped() -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let data = stdin_file().and_then(|file| file.metadata().ok());
    data.is_some_and(|data| {
        let kind = data.file_type();
        kind.is_fifo() || kind.is_socket() || kind.is_file()
    })
}

#[cfg(not(unix))]
#[must_use]
pub fn stdin_is_piped() -> bool {
    use std::io::IsTerminal as _;
    !io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_read_to_the_length_that_it_had_when_it_was_opened() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"skipped, then read").unwrap();
        file.seek(io::SeekFrom::Start(9)).unwrap();
        let mut input = CaptureInput::limited(file.try_clone().unwrap(), "x".to_owned());
        assert_eq!(input.size, Some(9));
        file.seek(io::SeekFrom::End(0)).unwrap();
        file.write_all(b" and what came later").unwrap();
        file.seek(io::SeekFrom::Start(9)).unwrap();
        let mut text = String::new();
        input.reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "then read");
    }
}
