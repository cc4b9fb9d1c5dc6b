//! The only place that reads the environment and asks for the user's directories.
#![expect(clippy::disallowed_methods, reason = "this is the place that the ban points to")]

use std::ffi::OsString;
use std::path::PathBuf;

/// Returns the arguments of the command line, the program's name first.
#[must_use]
pub fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// Returns a variable that is set and not empty.
#[must_use]
pub fn var_os(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns a variable that is set and valid UTF-8, empty ones included.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the names of the variables that are set.
pub fn names() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

/// Returns the user's configuration directory: `WHK_CONFIG_DIR`, `XDG_CONFIG_HOME/whk`, else the system's.
#[must_use]
pub fn config_dir() -> Option<PathBuf> {
    dir("WHK_CONFIG_DIR", "XDG_CONFIG_HOME", dirs::config_dir)
}

/// Returns the user's data directory: `WHK_DATA_DIR`, `XDG_DATA_HOME/whk`, else the system's.
#[must_use]
pub fn data_dir() -> Option<PathBuf> {
    dir("WHK_DATA_DIR", "XDG_DATA_HOME", dirs::data_dir)
}

/// Returns the current directory and its ancestors, nearest first.
#[must_use]
pub fn ancestor_dirs() -> Vec<PathBuf> {
    let current = std::env::current_dir().unwrap_or_default();
    current.ancestors().map(PathBuf::from).collect()
}

fn dir(name: &str, xdg: &str, system: fn() -> Option<PathBuf>) -> Option<PathBuf> {
    var_os(name).map(PathBuf::from).or_else(|| {
        var_os(xdg).map(PathBuf::from).filter(|path| path.is_absolute()).or_else(system).map(|path| path.join("whk"))
    })
}
