//! The arguments of `whk log`, resolved into its input and the options of its parts.

use std::path::Path;

use super::super::CommandContext;
use super::super::default_log::find_default_log;
use crate::capture::{CaptureFormat, CaptureInput};
use crate::cli::{LogArgs, LogSelectionArgs};
use crate::error::{Error, Result};
use crate::inspect::{RecordFilter, RecordSelector};
use jiff::Timestamp;

/// An opened input and its format.
pub(super) struct LogInput {
    pub(super) input: CaptureInput,
    pub(super) format: CaptureFormat,
}

impl LogInput {
    /// Opens the named file, `-` for stdin; without a name, the default log.
    ///
    /// # Errors
    /// There is no such file, it is a folder, or it cannot be read.
    pub(super) fn open(context: &CommandContext, args: &LogArgs) -> Result<Self> {
        let path = match named(args) {
            Some(path) if path.as_os_str() == "-" => {
                return Ok(Self { input: CaptureInput::stdin(), format: CaptureFormat::Auto });
            }
            Some(path) => {
                let input = CaptureInput::file(path, path.display().to_string())?;
                return Ok(Self { input, format: CaptureFormat::Auto.of_file(path) });
            }
            None => find_default_log(context)?,
        };
        // The path is long and the same on every line.
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { input: CaptureInput::file(&path, name)?, format: CaptureFormat::Auto.of_file(&path) })
    }

    /// Returns the name for people.
    pub(super) fn name(&self) -> String {
        self.input.name.clone()
    }
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
