//! The providers that are compiled into the binary.

/// A provider's folder: its name and its files with their paths inside it.
#[derive(Debug)]
pub(super) struct BuiltinProvider {
    pub(super) name: &'static str,
    /// The data of `provider.toml` as JSON, or nothing where only the TOML will do.
    pub(super) manifest_json: &'static str,
    pub(super) files: &'static [(&'static str, &'static str)],
}

/// All of them, by name.
pub(super) static BUILTIN: &[BuiltinProvider] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));
