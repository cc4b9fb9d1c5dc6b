//! The last requests of a log, found from its end, so that a long log is not read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::super::CommandContext;
use super::options;
use crate::capture::{CaptureFormat, Reader, cannot_read};
use crate::cli::LogArgs;
use crate::error::Result;

/// The bytes that are read first; then twice as many each time, up to the largest.
const FIRST_BLOCK: u64 = 1 << 18;
const LARGEST_BLOCK: u64 = 1 << 23;

/// The longest line, as everywhere.
const MAX_LINE: usize = 64 << 20;

/// Returns the offset of the line from which on at least `last` requests are selected; `None` if the whole file must be
/// read: it has fewer, it is no log, or a line of it cannot be read.
///
/// # Errors
/// The file cannot be read, or a secret.
pub(super) fn start_of_last(
    context: &CommandContext,
    args: &LogArgs,
    file: &mut File,
    length: u64,
    last: u64,
) -> Result<Option<u64>> {
    let mut selector = options::selector(context, args)?;
    let reads_requests = args.selection.filter().reads_requests();
    let mut selected = |lines: &[u8]| -> Result<Option<u64>> {
        let entries = Reader::new(lines, CaptureFormat::JsonLines);
        let entries = if reads_requests { entries.with_outcomes() } else { entries.summaries() };
        let mut count = 0;
        for entry in entries {
            let Ok(entry) = entry else { return Ok(None) };
            // The number of a record without one is its line, which is not known here.
            if entry.outcome.seq.is_none() {
                return Ok(None);
            }
            count += u64::from(selector.select(entry, 0)?.is_some());
        }
        Ok(Some(count))
    };
    let (mut end, mut block, mut found) = (length, FIRST_BLOCK, 0);
    // The beginning of the block that was read last, which is the end of a line.
    let mut rest = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(block);
        let mut bytes = read_block(file, start, end).map_err(|error| cannot_read(Path::new("the log"), &error))?;
        bytes.append(&mut rest);
        let line_end = if start == 0 { Some(0) } else { memchr::memchr(b'\n', &bytes).map(|at| at + 1) };
        if let Some(first) = line_end {
            let Some(count) = selected(&bytes[first..])? else { return Ok(None) };
            found += count;
            if found >= last {
                return Ok(Some(start + first as u64));
            }
            bytes.truncate(first);
        }
        if bytes.len() > MAX_LINE {
            return Ok(None);
        }
        (rest, end, block) = (bytes, start, (block * 2).min(LARGEST_BLOCK));
    }
    Ok(None)
}

fn read_block(file: &mut File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(end - start).read_to_end(&mut bytes)?;
    Ok(bytes)
}
