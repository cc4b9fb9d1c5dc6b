//! The input of `whk verify`: a file, stdin, or the default log, read up to the length that it has at the start.

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

use super::super::Context;
use crate::error::{Error, Result};

/// An opened input.
pub(super) struct Input {
    pub(super) reader: Box<dyn Read + Send>,
    /// The number of bytes in it, if it is a regular file.
    pub(super) size: Option<u64>,
    /// The name for people and scripts.
    pub(super) name: String,
}

impl Input {
    /// Opens the named file, `-` for stdin. Without a name: stdin if something is piped into it, else the default log.
    ///
    /// # Errors
    /// There is no such file, it is a folder, or it cannot be read.
    pub(super) fn open(context: &Context, file: Option<&Path>) -> Result<Self> {
        match file {
            Some(file) if file.as_os_str() == "-" => Ok(Self::stdin()),
            Some(file) => Self::file(file, file.display().to_string()),
            None if stdin_is_piped() => Ok(Self::stdin()),
            None => {
                let path = context.config.default_log()?;
                if !path.exists() {
                    return Err(Error::new("there is nothing to verify")
                        .cause(format!("the default log {} does not exist", path.display()))
                        .hint("whk verify captured.http"));
                }
                context.output.status(&format!("verifying {}", path.display()));
                // The path is long and the same on every line.
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                Self::file(&path, name.unwrap_or_default())
            }
        }
    }

    fn file(path: &Path, name: String) -> Result<Self> {
        let opened = File::open(path).map_err(|error| cannot_read(path, &error))?;
        if opened.metadata().is_ok_and(|data| data.is_dir()) {
            return Err(cannot_read(path, &"it is a folder"));
        }
        Ok(Self::of(opened, name))
    }

    /// Limits a regular file to its present length: a log may grow while it is read.
    fn of(mut file: File, name: String) -> Self {
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|data| data.len());
        let size = length.map(|length| length - file.stream_position().unwrap_or(0).min(length));
        Self { reader: Box::new(file.take(size.unwrap_or(u64::MAX))), size, name }
    }

    fn stdin() -> Self {
        let name = "stdin".to_owned();
        match stdin_file() {
            Some(file) => Self::of(file, name),
            None => Self { reader: Box::new(io::stdin()), size: None, name },
        }
    }
}

pub(super) fn cannot_read(path: &Path, error: &dyn std::fmt::Display) -> Error {
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
fn stdin_is_piped() -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    let data = stdin_file().and_then(|file| file.metadata().ok());
    data.is_some_and(|data| {
        let kind = data.file_type();
        kind.is_fifo() || kind.is_socket() || kind.is_file()
    })
}

#[cfg(not(unix))]
fn stdin_is_piped() -> bool {
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
        let mut input = Input::of(file.try_clone().unwrap(), "x".to_owned());
        assert_eq!(input.size, Some(9));
        file.seek(io::SeekFrom::End(0)).unwrap();
        file.write_all(b" and what came later").unwrap();
        file.seek(io::SeekFrom::Start(9)).unwrap();
        let mut text = String::new();
        input.reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "then read");
    }
}
