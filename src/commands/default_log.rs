//! The log that a listener keeps if none is named.

use std::path::PathBuf;

use super::CommandContext;
use crate::error::{Error, Result};

/// Returns the path of the default log.
///
/// # Errors
/// It does not exist.
pub(super) fn find_default_log(context: &CommandContext) -> Result<PathBuf> {
    let log = context.config.default_log()?;
    if log.try_exists().unwrap_or(true) {
        return Ok(log);
    }
    let cause = format!("`whk listen` writes it to {}", log.display());
    Err(Error::new("there is no log yet").cause(cause).hint("whk listen"))
}
