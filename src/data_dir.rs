//! The user's data directory, for its owner only.

use std::path::PathBuf;

use crate::environment;
use crate::error::{Error, Result};
use crate::fs::create_private_dir;

/// Returns the path of the data directory, which need not exist.
///
/// # Errors
/// The system has none.
pub(crate) fn path() -> Result<PathBuf> {
    environment::data_dir()
        .ok_or_else(|| Error::new("there is no data folder").hint("export WHK_DATA_DIR=/path/to/a/folder"))
}

/// Returns the data directory; creates it with mode 0700 if it is missing.
///
/// # Errors
/// The system has none, or it cannot be created.
pub(crate) fn create() -> Result<PathBuf> {
    private(path()?)
}

/// Returns a directory in the data directory; creates both with mode 0700 if they are missing.
///
/// # Errors
/// The system has no data directory, or one of the two cannot be created.
pub(crate) fn private_subdir(name: &str) -> Result<PathBuf> {
    private(create()?.join(name))
}

fn private(directory: PathBuf) -> Result<PathBuf> {
    create_private_dir(&directory)
        .map_err(|error| Error::new(format!("cannot make the folder {}", directory.display())).cause(error))?;
    Ok(directory)
}
