//! Files that only their owner can read.

use std::fs::OpenOptions;

/// Returns options that create a file with mode 0600, if the system has modes.
#[must_use]
pub(crate) fn private_options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "there is no mode to set"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}
