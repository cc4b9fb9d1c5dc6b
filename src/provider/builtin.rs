//! The providers that are compiled into the binary.

use std::borrow::Cow;
use std::io::Read as _;

use flate2::read::DeflateDecoder;

use super::manifest_index::ManifestIndex;

/// The directory of a built-in provider.
#[derive(Debug)]
pub(super) struct BuiltinProvider {
    pub(super) name: &'static str,
    pub(super) index: ManifestIndex,
    /// The data of `provider.toml` as JSON, or empty if only the TOML will do.
    pub(super) manifest_json: &'static str,
    /// The relative paths of its files, each with its number of bytes.
    files: &'static [(&'static str, usize)],
    /// The texts of the files, one after the other, compressed: they are a fifth of their size, and few runs need them.
    packed: &'static [u8],
}

/// All built-in providers, by name.
pub(super) static BUILTIN: &[BuiltinProvider] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

impl BuiltinProvider {
    /// Returns true if it has a file of this relative path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(name, _)| *name == path)
    }

    /// Returns the text of a file by its relative path.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let at = self.files.iter().position(|(name, _)| *name == path)?;
        let start: usize = self.files[..at].iter().map(|(_, length)| length).sum();
        let mut texts = String::new();
        DeflateDecoder::new(self.packed).read_to_string(&mut texts).expect("the build wrote it");
        texts.get(start..start + self.files[at].1).map(str::to_owned)
    }
}
