//! The development secret: made once per provider, kept in the user's data folder, mode 0600.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::environment;
use crate::error::{Error, Result};
use crate::fs::private_options;
use crate::provider::Provider;
use crate::random::Rng;
use crate::signing::Secret;

/// Returns the path of the data folder, which need not exist.
pub(super) fn folder() -> Result<PathBuf> {
    environment::data_dir()
        .ok_or_else(|| Error::new("there is no data folder").hint("export WHK_DATA_DIR=/path/to/a/folder"))
}

/// Returns the data folder; creates it with mode 0700 if it is missing.
pub(super) fn data_folder() -> Result<PathBuf> {
    let folder = folder()?;
    make_private(&folder)?;
    Ok(folder)
}

/// A folder in it, for its owner only.
pub(super) fn private_folder(name: &str) -> Result<PathBuf> {
    let folder = data_folder()?.join(name);
    make_private(&folder)?;
    Ok(folder)
}

/// Writes a file for its owner only, or puts a new one in its place; nobody can read half of it.
pub(super) fn replace(path: &Path, text: &str) -> Result {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", Rng::System.bits()));
    let draft = PathBuf::from(draft);
    let written = write(&draft, text).and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        Error::new(format!("cannot write {}", path.display())).cause(error)
    })
}

/// The provider's development secret. Of several processes that make it at once, all get the same one.
pub(super) fn secret(provider: &Provider) -> Result<Secret> {
    let folder = private_folder("secrets")?;
    let path = folder.join(&provider.name);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let made = provider.new_secret()?;
    let cannot =
        |error: io::Error| Error::new(format!("cannot keep a development secret in {}", path.display())).cause(error);
    // Written whole under another name and linked: nobody can read half of it, and the first one wins.
    let draft = folder.join(format!(".{}.{}", provider.name, Rng::System.bits()));
    let linked = write(&draft, &format!("{}\n", made.expose_secret())).and_then(|()| fs::hard_link(&draft, &path));
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot(error)),
        _ => read(&path)?.ok_or_else(|| Error::new(format!("the development secret in {} is gone", path.display()))),
    }
}

/// The provider's development secret, where one was made before.
pub(super) fn existing(provider: &Provider) -> Result<Option<Secret>> {
    match environment::data_dir() {
        Some(folder) => read(&folder.join("secrets").join(&provider.name)),
        None => Ok(None),
    }
}

fn read(path: &Path) -> Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => {
            Err(Error::new(format!("the development secret in {} is empty", path.display()))
                .hint(format!("rm '{}'", path.display())))
        }
        Ok(text) => Ok(Some(Secret::new(text.trim_end_matches('\n')))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(format!("cannot read the development secret in {}", path.display())).cause(error)),
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private_options().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn make_private(folder: &Path) -> Result {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(folder)
        .map_err(|error| Error::new(format!("cannot make the folder {}", folder.display())).cause(error))
}
