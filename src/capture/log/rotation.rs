//! Log rotation: `FILE` becomes `FILE.1`, `FILE.1` becomes `FILE.2`, and so on.

use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Limits of a file and of the number of old files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Maximum size of a file in bytes. A single record that is larger gets a file of its own.
    pub max_bytes: u64,
    /// Number of old files to keep; all if absent.
    pub max_files: Option<NonZeroU32>,
}

impl Rotation {
    /// True if a line of this length belongs in a new file. No record is ever split.
    pub(super) fn is_due(&self, size: u64, line_len: usize) -> bool {
        size > 0 && size.saturating_add(line_len as u64) > self.max_bytes
    }

    /// Renames the file out of the way.
    ///
    /// The oldest is renamed first, up to the first free number: nothing is ever overwritten, and a crash in between
    /// leaves a gap in the numbers, nothing worse.
    pub(super) fn rotate_files(&self, path: &Path) -> io::Result<()> {
        let mut free = 1;
        while numbered(path, free).try_exists()? {
            free += 1;
        }
        for number in (1..free).rev() {
            fs::rename(numbered(path, number), numbered(path, number + 1))?;
        }
        fs::rename(path, numbered(path, 1))?;
        if let Some(max_files) = self.max_files {
            let mut number = max_files.get() + 1;
            // A file that cannot be removed is kept; logging continues.
            while fs::remove_file(numbered(path, number)).is_ok() {
                number += 1;
            }
        }
        Ok(())
    }
}

/// Renames the file back, unless another one has its name by now.
pub(super) fn undo(path: &Path) {
    if let Ok(false) = path.try_exists() {
        // If even this fails, the records are safe in the numbered file.
        let _ = fs::rename(numbered(path, 1), path);
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let read = |entry: io::Result<fs::DirEntry>| {
            let path = entry.unwrap().path();
            format!("{}={}", path.file_name().unwrap().display(), fs::read_to_string(&path).unwrap())
        };
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(read).collect();
        names.sort();
        names
    }

    #[test]
    fn a_gap_that_a_crash_left_is_filled_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for (name, content) in [("log", "d"), ("log.1", "c"), ("log.2", "b"), ("log.4", "a")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Rotation { max_bytes: 1, max_files: None }.rotate_files(&log).unwrap();
        assert_eq!(names(folder.path()), ["log.1=d", "log.2=c", "log.3=b", "log.4=a"]);
        undo(&log);
        assert_eq!(names(folder.path()), ["log.2=c", "log.3=b", "log.4=a", "log=d"]);
        Rotation { max_bytes: 1, max_files: NonZeroU32::new(2) }.rotate_files(&log).unwrap();
        assert_eq!(names(folder.path()), ["log.1=d", "log.2=c"]);
    }

    #[test]
    fn a_file_that_is_empty_is_large_enough_for_any_record() {
        let rotation = Rotation { max_bytes: 100, max_files: None };
        assert!(!rotation.is_due(0, 101) && !rotation.is_due(50, 50));
        assert!(rotation.is_due(50, 51) && rotation.is_due(101, 1));
    }
}
