//! `whk log -f`: the requests that are appended, also after the log was rotated.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time between two looks at the file.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// Reads what is appended to a log.
pub(super) struct Follower {
    path: PathBuf,
    file: File,
    /// The beginning of a line of which the end is not there yet.
    pending: Vec<u8>,
}

impl Follower {
    /// Follows a file that is open, from its position on.
    pub(super) fn new(path: &Path, file: File) -> Self {
        Self { path: path.to_owned(), file, pending: Vec::new() }
    }

    /// Returns the lines that were appended since the last call, complete ones alone.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut lines = Vec::new();
        self.read_file(&mut lines)?;
        if !lines.is_empty() {
            return Ok(lines);
        }
        if self.file.metadata()?.len() < self.file.stream_position()? {
            // It was truncated, and is written again from its start.
            self.file.seek(SeekFrom::Start(0))?;
            self.pending.clear();
            self.read_file(&mut lines)?;
            return Ok(lines);
        }
        let Ok(current) = File::open(&self.path) else { return Ok(lines) };
        if is_same(&self.file, &current)? {
            return Ok(lines);
        }
        // The old one has nothing more after it was renamed; but it may have had before.
        self.read_file(&mut lines)?;
        for newer in self.rotated_since()?.into_iter().chain([current]) {
            if !self.pending.is_empty() {
                lines.append(&mut self.pending);
                lines.push(b'\n');
            }
            self.file = newer;
            self.read_file(&mut lines)?;
        }
        Ok(lines)
    }

    /// Moves the complete lines up to the end of the file to `lines`.
    fn read_file(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        self.file.read_to_end(&mut self.pending)?;
        if let Some(end) = memchr::memrchr(b'\n', &self.pending) {
            lines.extend(self.pending.drain(..=end));
        }
        Ok(())
    }

    /// Returns the files that were current between this one and the one of now, the oldest first: if `FILE.3` is this
    /// one, `FILE.2` and `FILE.1`.
    fn rotated_since(&self) -> io::Result<Vec<File>> {
        let mut newer = Vec::new();
        for number in 1.. {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            let Ok(file) = File::open(PathBuf::from(name)) else { return Ok(Vec::new()) };
            if is_same(&self.file, &file)? {
                break;
            }
            newer.push(file);
        }
        newer.reverse();
        Ok(newer)
    }
}

#[cfg(unix)]
fn is_same(left: &File, right: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (left, right) = (left.metadata()?, right.metadata()?);
    Ok((left.dev(), left.ino()) == (right.dev(), right.ino()))
}

#[cfg(not(unix))]
fn is_same(left: &File, right: &File) -> io::Result<bool> {
    let (left, right) = (left.metadata()?, right.metadata()?);
    Ok(left.created().ok() == right.created().ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn append(path: &Path, text: &str) {
        use std::io::Write as _;
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn whole_lines_are_read_through_rotations_truncation_and_deletion() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let numbered = |number: u32| folder.path().join(format!("log.{number}"));
        append(&log, "a\n");
        let mut follower = Follower::new(&log, File::open(&log).unwrap());
        let mut read = || String::from_utf8(follower.read().unwrap()).unwrap();
        assert_eq!(read(), "a\n");
        append(&log, "b\nc");
        assert_eq!(read(), "b\n");
        append(&log, "1\n");
        // Two rotations between two looks.
        fs::rename(&log, numbered(1)).unwrap();
        append(&log, "d\n");
        fs::rename(numbered(1), numbered(2)).unwrap();
        fs::rename(&log, numbered(1)).unwrap();
        append(&log, "e\nf");
        assert_eq!(read(), "c1\n");
        assert_eq!(read(), "d\ne\n");
        fs::remove_file(&log).unwrap();
        assert_eq!(read(), "");
        append(&log, "g\n");
        // The end of its line went with the file.
        assert_eq!(read(), "f\ng\n");
        fs::write(&log, "").unwrap();
        append(&log, "h");
        assert_eq!(read(), "");
        append(&log, "\n");
        assert_eq!(read(), "h\n");
    }
}
