//! The development secret: created once per provider, kept in the user's data directory, mode 0600.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::data_dir;
use crate::environment;
use crate::error::{Error, Result};
use crate::fs::AtomicFile;
use crate::provider::Provider;
use crate::signing::Secret;

/// The directory of the development secrets.
const SECRETS: &str = "secrets";

/// Returns the provider's development secret; creates it if it is missing. If several processes create it at the same
/// time, all get the same one.
///
/// # Errors
/// It cannot be read or created.
pub fn get_or_create(provider: &Provider) -> Result<Secret> {
    let path = data_dir::private_subdir(SECRETS)?.join(&provider.name);
    if let Some(secret) = read(&path)? {
        return Ok(secret);
    }
    let secret = provider.new_secret()?;
    match create(&path, &secret) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::new(format!("cannot keep a development secret in {}", path.display())).cause(error))
        }
        _ => read(&path)?.ok_or_else(|| Error::new(format!("the development secret in {} is gone", path.display()))),
    }
}

/// Returns the provider's development secret, if it was created before.
///
/// # Errors
/// It cannot be read.
pub fn get(provider: &Provider) -> Result<Option<Secret>> {
    match environment::data_dir() {
        Some(directory) => read(&directory.join(SECRETS).join(&provider.name)),
        None => Ok(None),
    }
}

fn create(path: &Path, secret: &Secret) -> io::Result<()> {
    let file = AtomicFile::create_private(path)?;
    writeln!(file.file(), "{}", secret.expose_secret())?;
    file.file().sync_all()?;
    file.commit_new()
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
