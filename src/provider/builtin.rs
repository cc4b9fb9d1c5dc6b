//! The providers that are compiled into the binary.

/// A provider's folder: its name and its files with their paths inside it.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) name: &'static str,
    /// The data of `provider.toml` as JSON, or nothing where only the TOML will do.
    pub(super) quick: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All of them, by name.
pub(super) static FOLDERS: &[Folder] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));
