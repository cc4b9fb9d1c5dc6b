//! The providers that are compiled into the binary.

use std::borrow::Cow;

use super::manifest_index::ManifestIndex;

/// The directory of a built-in provider: its name and its files with their relative paths.
#[derive(Debug)]
pub(super) struct BuiltinProvider {
    pub(super) name: &'static str,
    pub(super) index: ManifestIndex,
    /// The data of `provider.toml` as JSON, or empty if only the TOML will do.
    pub(super) manifest_json: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All built-in providers, by name.
pub(super) static BUILTIN: &[BuiltinProvider] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));
