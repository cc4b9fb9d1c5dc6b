//! The default log: the file that `listen` writes and other commands read if none is named.

use std::path::PathBuf;

use super::Context;
use crate::data_dir;
use crate::error::Result;

/// The name of the default log in the data folder.
const NAME: &str = "events";

impl Context {
    /// Returns the path of the default log: the one in the config, else `events.jsonl` in the data folder. It need not
    /// exist.
    ///
    /// # Errors
    /// The system has no data folder.
    pub(super) fn default_log(&self) -> Result<PathBuf> {
        match self.config.log(None) {
            Some(path) => Ok(path),
            None => Ok(data_dir::path()?.join(format!("{NAME}.jsonl"))),
        }
    }
}

/// Returns the log of a listener that finds the default log in use: `events-PORT.jsonl` in the data folder.
///
/// # Errors
/// The system has no data folder.
pub(super) fn of_port(port: u16) -> Result<PathBuf> {
    Ok(data_dir::path()?.join(format!("{NAME}-{port}.jsonl")))
}
