//! The programs that `whk` is compared with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds them, and returns their folder.
pub(crate) fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("baseline");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline/Cargo.toml");
    let build = ["build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir"];
    let status = Command::new(env!("CARGO")).args(build).arg(&target).status().expect("cargo can be started");
    assert!(status.success(), "the programs to compare with were not built: {status}");
    target.join("release")
}
