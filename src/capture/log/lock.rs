//! Opens a log for one listener exclusively.

use std::fs::{File, Metadata, TryLockError};
use std::io;
use std::path::Path;

use crate::fs::private_options;

/// Maximum number of attempts to open a file that is renamed meanwhile; more than one rename is not rotation.
const MAX_OPEN_ATTEMPTS: usize = 8;

/// Opens or creates the file and locks it until it is closed; `None` if another process holds the lock.
///
/// The lock is advisory and does not hinder readers. It is on the file itself, so that it is the same by every path
/// that leads to the file. A device, or a file system without locks, is opened without one.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let mut options = private_options();
    options.read(true).append(true).create(true);
    for _ in 0..MAX_OPEN_ATTEMPTS {
        let file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Ok(Some(file));
        }
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(_)) => return Ok(Some(file)),
            // Another listener may have renamed and unlocked the file between open and lock.
            Ok(()) if is_same_file(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
        }
    }
    Err(io::Error::other("it keeps being renamed"))
}

/// True if the path still leads to this file.
#[cfg(unix)]
fn is_same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let ours = file.metadata()?;
    match path.metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_same_file(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// True if no path leads to the file any longer.
#[cfg(unix)]
pub(super) fn is_unlinked(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

#[cfg(not(unix))]
pub(super) fn is_unlinked(_: &File) -> bool {
    // A file that is open cannot be removed.
    false
}

/// True if other users can read the file.
#[cfg(unix)]
pub(super) fn is_readable_by_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
pub(super) fn is_readable_by_others(_: &Metadata) -> bool {
    false
}
