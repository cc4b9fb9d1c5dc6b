//! The input of `whk verify`: a file, stdin, or the default log.

use std::path::Path;

use super::super::CommandContext;
use crate::capture::{CaptureInput, stdin_is_piped};
use crate::error::{Error, Result};

/// Opens the named file, `-` for stdin. Without a name: stdin if something is piped into it, else the default log.
///
/// # Errors
/// There is no such file, it is a folder, or it cannot be read.
pub(super) fn open(context: &CommandContext, file: Option<&Path>) -> Result<CaptureInput> {
    match file {
        Some(file) if file.as_os_str() == "-" => Ok(CaptureInput::stdin()),
        Some(file) => CaptureInput::file(file, file.display().to_string()),
        None if stdin_is_piped() => Ok(CaptureInput::stdin()),
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
            CaptureInput::file(&path, name.unwrap_or_default())
        }
    }
}
