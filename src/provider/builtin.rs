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

    /// Returns the files.
    pub(super) fn unpack(&self) -> BuiltinFiles {
        let mut texts = String::with_capacity(self.files.iter().map(|(_, length)| length).sum());
        DeflateDecoder::new(self.packed).read_to_string(&mut texts).expect("the build wrote it");
        BuiltinFiles { files: self.files, texts }
    }
}

/// The files of a built-in provider.
#[derive(Debug)]
pub(super) struct BuiltinFiles {
    files: &'static [(&'static str, usize)],
    texts: String,
}

impl BuiltinFiles {
    /// Returns the text of a file by its relative path.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        let mut start = 0;
        for (name, length) in self.files {
            if *name == path {
                return self.texts.get(start..start + length);
            }
            start += length;
        }
        None
    }
}
