//! The arguments of `whk log`, resolved into its input and the options of its parts.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::CommandContext;
use super::super::default_log::find_default_log;
use super::follow::Follower;
use super::tail::start_of_last;
use crate::capture::{CaptureFormat, CaptureInput, cannot_read, open_file};
use crate::cli::{LogArgs, LogSelectionArgs};
use crate::error::{Error, Result};
use crate::inspect::{RecordFilter, RecordSelector};
use jiff::Timestamp;

/// An opened input and its format.
pub(super) struct LogInput {
    pub(super) input: CaptureInput,
    pub(super) format: CaptureFormat,
    /// The same file, whose position is shared, and its path; none for stdin, a pipe or a device.
    file: Option<(File, PathBuf)>,
    /// True if it begins with the last requests of the log.
    pub(super) is_tail: bool,
}

impl LogInput {
    /// Opens the named file, `-` for stdin; without a name, the default log.
    ///
    /// # Errors
    /// There is no such file, it is a folder, or it cannot be read.
    pub(super) fn open(context: &CommandContext, args: &LogArgs) -> Result<Self> {
        let (path, name) = match named(args) {
            Some(path) if path.as_os_str() == "-" => {
                let input = CaptureInput::stdin();
                return Ok(Self { input, format: CaptureFormat::Auto, file: None, is_tail: false });
            }
            Some(path) => (path.to_owned(), path.display().to_string()),
            None => {
                let path = find_default_log(context)?;
                // The path is long and the same on every line.
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                (path, name)
            }
        };
        let file = open_file(&path).map_err(|error| error.hint("the log of `whk listen`: whk log"))?;
        let format = CaptureFormat::Auto.of_file(&path);
        let shared = file.try_clone().map_err(|error| cannot_read(&path, &error))?;
        let input = CaptureInput::of_file(file, name);
        let file = input.size.is_some().then_some((shared, path));
        Ok(Self { input, format, file, is_tail: false })
    }

    /// Begins with the last requests, as many as are needed, if only these are selected and this is a log.
    ///
    /// # Errors
    /// The file cannot be read, or a secret.
    pub(super) fn tail(mut self, context: &CommandContext, args: &LogArgs) -> Result<Self> {
        let may_be_log = matches!(self.format, CaptureFormat::Auto | CaptureFormat::JsonLines);
        let Some((file, path)) = self.file.as_mut().filter(|_| may_be_log) else { return Ok(self) };
        let (Some(last), Some(length)) = (last(args), self.input.size) else { return Ok(self) };
        let start = start_of_last(context, args, file, length, last)?.unwrap_or_default();
        let cannot = |error| cannot_read(path, &error);
        file.seek(SeekFrom::Start(start)).map_err(cannot)?;
        if start > 0 {
            let part = file.try_clone().map_err(cannot)?;
            self.input = CaptureInput::part(part, length - start, self.input.name);
            self.format = CaptureFormat::JsonLines;
            self.is_tail = true;
        }
        Ok(self)
    }

    /// Limits the input to its complete lines, and returns what follows them.
    ///
    /// # Errors
    /// The input is no log, or it cannot be read.
    pub(super) fn follow(mut self) -> Result<(Self, Follower)> {
        let cannot = |hint: &str| {
            Error::new(format!("cannot follow {}", self.input.name)).cause("it is no log in a file").hint(hint)
        };
        let Some((file, path)) = &mut self.file else { return Err(cannot("whk listen --json")) };
        let mut head = Vec::new();
        let read = file.take(HEAD).read_to_end(&mut head);
        read.map_err(|error| cannot_read(path, &error))?;
        if !CaptureFormat::may_be_log(&head) {
            return Err(cannot("whk log -f --log events.jsonl"));
        }
        let length = self.input.size.unwrap_or_default();
        let complete = complete_length(file, length).map_err(|error| cannot_read(path, &error))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| cannot_read(path, &error))?;
        let clone = || file.try_clone().map_err(|error| cannot_read(path, &error));
        self.input = CaptureInput::part(clone()?, complete, self.input.name);
        self.format = CaptureFormat::JsonLines;
        let follower = Follower::new(path, clone()?);
        Ok((self, follower))
    }

    /// Returns the name for people.
    pub(super) fn name(&self) -> String {
        self.input.name.clone()
    }
}

/// The bytes by which a log is recognised.
const HEAD: u64 = 4096;

/// Returns the length of the complete lines in the first `length` bytes: a listener may be writing another one.
fn complete_length(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(1 << 16);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut bytes)?;
        if let Some(at) = memchr::memrchr(b'\n', &bytes) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The number of requests with which `-f` begins.
const FOLLOWED: u64 = 10;

/// Returns the number of the last requests that are selected; all if it is absent.
pub(super) fn last(args: &LogArgs) -> Option<u64> {
    args.selection.last.or(args.follow.then_some(FOLLOWED))
}

/// Returns the file of the command line.
pub(super) fn named(args: &LogArgs) -> Option<&Path> {
    args.log.as_deref().or(args.file.as_deref())
}

/// Returns the beginning of a command that reads the same input: `whk log`, with the file if one was named.
pub(super) fn command(args: &LogArgs, subcommand: &str) -> String {
    let words = if subcommand.is_empty() { "whk log".to_owned() } else { format!("whk log {subcommand}") };
    match named(args) {
        None => words,
        Some(path) => format!("{words} --log {}", shown(path)),
    }
}

fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Returns the selector of requests.
///
/// # Errors
/// A time is not possible, or a secret cannot be read.
pub(super) fn selector(context: &CommandContext, args: &LogArgs) -> Result<RecordSelector> {
    let identity = args.identity.identity();
    let tolerance = context.config.verify_tolerance(None);
    let wanted = identity.provider.clone();
    let verifier = context.verifier(&identity, wanted, context.config.provider(), tolerance)?;
    let now = context.now();
    Ok(RecordSelector::new(filter(&args.selection, now)?, verifier, now.as_second()))
}

/// Returns the filter.
///
/// # Errors
/// A relative time is outside the range of times.
pub(super) fn filter(args: &LogSelectionArgs, now: Timestamp) -> Result<RecordFilter> {
    let time = |time: Option<crate::cli::TimeArg>, flag: &str| {
        let time = time.map(|time| time.from(now)).transpose();
        time.map_err(|error| Error::new(format!("{flag} is not a possible time")).cause(error))
    };
    let (since, until) = (time(args.since, "--since")?, time(args.until, "--until")?);
    Ok(RecordFilter { since, until, ..args.filter() })
}
