//! Sets aside the torn end that a crash left in a log.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use crate::fs::private_options;

/// The first bytes of every record.
const RECORD_PREFIX: &[u8] = br#"{"v":1,"kind":"request","#;

/// Number of bytes held in memory at a time.
const CHUNK: u64 = 64 << 10;

/// The reason why nothing can be appended to a file.
#[derive(Debug)]
pub(super) enum RecoveryError {
    /// The file holds something other than records.
    NotALog,
    /// The file cannot be read or truncated.
    Io(io::Error),
    /// The torn line cannot be moved to this path.
    MoveTorn(PathBuf, io::Error),
}

impl fmt::Display for RecoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALog => f.write_str("it is not a log"),
            Self::Io(error) => error.fmt(f),
            Self::MoveTorn(path, error) => {
                write!(f, "its last line is incomplete, and cannot be moved to {}: {error}", path.display())
            }
        }
    }
}

impl From<io::Error> for RecoveryError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Moves a torn last line, and lines of NULs such as a power cut leaves, to `FILE.torn`; returns a sentence if it did.
///
/// A complete record that only lacks its newline gets one. Every other line stays as it is.
pub(super) fn recover(file: &File, path: &Path) -> Result<Option<String>, RecoveryError> {
    let file_len = file.metadata()?.len();
    let mut valid_len = file_len;
    while valid_len > 0 {
        let line = FileLine::before(file, valid_len)?;
        if line.has_newline && !line.has_nul {
            break;
        }
        if !line.has_newline && line.is_record(file)? {
            (&*file).write_all(b"\n")?;
            return Ok(None);
        }
        valid_len = line.start;
    }
    if !is_log(file, valid_len, file_len)? {
        return Err(RecoveryError::NotALog);
    }
    if valid_len == file_len {
        return Ok(None);
    }
    let torn_path = torn_path_of(path);
    move_tail(file, valid_len, &torn_path).map_err(|error| RecoveryError::MoveTorn(torn_path.clone(), error))?;
    file.set_len(valid_len)?;
    let bytes = file_len - valid_len;
    let path = path.display();
    Ok(Some(format!("the last line of {path} was incomplete; moved its {bytes} bytes to {}", torn_path.display())))
}

/// A line of the file, which may be far larger than memory.
struct FileLine {
    start: u64,
    end: u64,
    /// True if it ends in a newline.
    has_newline: bool,
    /// True if it holds a NUL, which JSON never does.
    has_nul: bool,
}

impl FileLine {
    /// Finds the line that ends at `end`, its newline included.
    fn before(file: &File, end: u64) -> io::Result<Self> {
        let mut line = Self { start: 0, end, has_newline: false, has_nul: false };
        let mut offset = end;
        while offset > 0 {
            let size = CHUNK.min(offset);
            let mut chunk = read_at(file, offset - size, size)?;
            if offset == end && chunk.last() == Some(&b'\n') {
                line.has_newline = true;
                chunk.pop();
            }
            let newline = chunk.iter().rposition(|byte| *byte == b'\n');
            line.has_nul |= chunk[newline.map_or(0, |offset| offset + 1)..].contains(&0);
            if let Some(newline) = newline {
                line.start = offset - size + newline as u64 + 1;
                break;
            }
            offset -= size;
        }
        Ok(line)
    }

    /// True for a complete record, with or without its newline.
    fn is_record(&self, mut file: &File) -> io::Result<bool> {
        if self.has_nul || !starts_as_record(file, self.start, self.end)? {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.start))?;
        let text = BufReader::new(file.take(self.end - self.start));
        Ok(serde_json::from_reader::<_, IgnoredAny>(text).is_ok())
    }
}

/// True if the complete lines up to `valid_len`, or the torn one after it, belong to a log. JSON Lines of other tools
/// may be appended to; a text file may not.
fn is_log(file: &File, valid_len: u64, file_len: u64) -> io::Result<bool> {
    if valid_len > 0 {
        let last = read_at(file, FileLine::before(file, valid_len)?.start, 1)?;
        let first = read_at(file, 0, 1)?;
        return Ok(matches!(first[..], [b'{' | 0]) && matches!(last[..], [b'{' | b'\n' | b'\r']));
    }
    starts_as_record(file, 0, file_len)
}

/// True if a record starts there, as far as there are bytes before the NULs.
fn starts_as_record(file: &File, start: u64, end: u64) -> io::Result<bool> {
    let text = read_at(file, start, (end - start).min(RECORD_PREFIX.len() as u64))?;
    Ok(RECORD_PREFIX.starts_with(text.split(|byte| *byte == 0).next().unwrap_or_default()))
}

fn read_at(mut file: &File, start: u64, size: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn torn_path_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".torn");
    name.into()
}

/// Appends the end of the file to another file, and syncs that before anything is truncated.
fn move_tail(mut file: &File, start: u64, torn_path: &Path) -> io::Result<()> {
    let mut kept = private_options().append(true).create(true).open(torn_path)?;
    file.seek(SeekFrom::Start(start))?;
    io::copy(&mut file, &mut kept)?;
    kept.write_all(b"\n")?;
    kept.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use std::fs::OpenOptions;

    use super::*;

    const RECORD: &str = r#"{"v":1,"kind":"request","seq":1,"headers":[],"body":""}"#;

    /// Result of a recovery: the sentence, or the error.
    type Note = Result<Option<String>, String>;

    /// Recovers `content`; returns the file, the torn part, and the result.
    fn recovered(content: &[u8]) -> (Vec<u8>, Option<Vec<u8>>, Note) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, content).unwrap();
        let file = OpenOptions::new().read(true).append(true).open(&path).unwrap();
        let note = recover(&file, &path).map_err(|error| error.to_string());
        let note = note.map(|note| note.map(|note| note.replace(&folder.path().display().to_string(), "")));
        (fs::read(&path).unwrap(), fs::read(folder.path().join("log.torn")).ok(), note)
    }

    #[test]
    fn a_record_that_was_cut_off_anywhere_is_set_aside() {
        let line = format!("{RECORD}\n");
        for before in ["", &line, &line.repeat(2)] {
            for cut in 1..RECORD.len() {
                let (file, torn, note) = recovered(format!("{before}{}", &RECORD[..cut]).as_bytes());
                assert_eq!(file, before.as_bytes(), "{cut}");
                assert_eq!(torn.unwrap(), format!("{}\n", &RECORD[..cut]).as_bytes());
                let expected = format!("the last line of /log was incomplete; moved its {cut} bytes to /log.torn");
                assert_eq!(note.unwrap().unwrap(), expected);
            }
        }
    }

    #[test]
    fn what_is_whole_stays_and_is_ended_where_only_the_newline_is_missing() {
        for content in ["", RECORD, &format!("{RECORD}\n"), &format!("{RECORD}\nnot json\n{{}}\n")] {
            let (file, torn, note) = recovered(content.as_bytes());
            let newline = if content == RECORD { "\n" } else { "" };
            assert_eq!(String::from_utf8(file).unwrap(), format!("{content}{newline}"));
            assert_eq!((torn, note), (None, Ok(None)));
        }
    }

    #[test]
    fn nuls_of_a_power_cut_are_set_aside_whether_a_newline_follows_them_or_not() {
        let line = format!("{RECORD}\n");
        for tail in ["\0\0\0", "\0\0\n", "\0\n\0\0}\n{\"v\":", "{\"v\":1,\"ki\0\0\0\n"] {
            for before in ["", &line] {
                let (file, torn, note) = recovered(format!("{before}{tail}").as_bytes());
                assert_eq!((file, torn), (before.into(), Some(format!("{tail}\n").into())), "{tail:?} {note:?}");
            }
        }
    }

    #[test]
    fn a_line_larger_than_a_chunk_is_found_whole() {
        let large = |size: usize| format!(r#"{{"v":1,"kind":"request","body":"{}""#, "x".repeat(size));
        let chunk = usize::try_from(CHUNK).unwrap();
        for size in [chunk - 40, chunk - 33, chunk, 3 * chunk + 7] {
            let line = format!("{}}}\n", large(size));
            let (file, torn, _) = recovered(format!("{line}{}", large(size)).as_bytes());
            assert!(file == line.as_bytes() && torn.unwrap().len() == large(size).len() + 1, "{size}");
        }
    }

    #[test]
    fn somebodys_notes_are_left_alone() {
        for content in
            ["buy milk", "buy milk\n", "{}\nbuy milk\n", "{\n  \"a\": 1\n}\n", "{\"a\":1}", "\n{}\n", "{\"v\":1}"]
        {
            let (file, torn, note) = recovered(content.as_bytes());
            assert_eq!(file, content.as_bytes());
            assert_eq!((torn, note), (None, Err("it is not a log".to_owned())), "{content}");
        }
    }
}
