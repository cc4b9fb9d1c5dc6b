//! The files of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the folder of the package.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Reads a text by its path from the root.
pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns a certificate for tests, or its key.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    root().join("tests/it/tls").join(name)
}

/// Returns all files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Returns the Rust files below `src`, in order: the path from the root, with `/`, and the text.
pub(crate) fn sources() -> Vec<(String, String)> {
    let mut paths = files_below(&root().join("src"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let mut sources: Vec<_> = paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect();
    sources.sort();
    sources
}
