//! The sources of secrets: a text, a variable of the environment, or a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::{ResolvedSecrets, SecretNote, SecretOrigin};
use crate::environment;
use crate::error::{Error, Result};
use crate::signing::Secret;

/// The source of a secret: its text, `env:NAME` or `file:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The text itself, which may name its encoding: `text:…`, `base64:…` or `hex:…`.
    Literal(Secret),
    /// A variable of the environment.
    Variable(String),
    /// A file; one newline at its end is not part of the secret.
    File(PathBuf),
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            Some(("env", "")) => Err("`env:` lacks the name of a variable".to_owned()),
            Some(("file", "")) => Err("`file:` lacks a path".to_owned()),
            Some(("env", name)) => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            _ if text.is_empty() => Err("the secret is empty, so anyone could forge a signature".to_owned()),
            _ => Ok(Self::Literal(Secret::new(text))),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The origin of secrets given with `-s`.
pub(super) const COMMAND_LINE: &str = "the command line";

/// Reads secrets; paths are relative to `directory`.
pub(super) fn read(sources: &[SecretSource], directory: &Path, origin: &str) -> Result<ResolvedSecrets> {
    let mut found = ResolvedSecrets {
        secrets: Vec::new(),
        origin: SecretOrigin::Configured(origin.to_owned()),
        notes: Vec::new(),
        sources: Vec::new(),
    };
    let mut hint = None;
    for source in sources {
        let text = match source {
            SecretSource::Literal(secret) => {
                let name = secret.expose_secret();
                if is_variable(name) {
                    let reason = format!("the secret is the text `{name}`, and a variable of this name is set");
                    hint = Some(format!("hint: did you mean -s env:{name}? ({reason})"));
                }
                name.to_owned()
            }
            SecretSource::Variable(name) => {
                let text = environment::var(name).filter(|text| !text.is_empty());
                text.ok_or_else(|| {
                    Error::new(format!("the secret's variable `{name}` is not set, or empty"))
                        .hint(format!("export {name}='…'"))
                })?
            }
            SecretSource::File(path) => read_file(&directory.join(path), &mut found.notes)?,
        };
        let name = match source {
            SecretSource::Literal(_) if origin == COMMAND_LINE => "the secret given with -s".to_owned(),
            SecretSource::Literal(_) => format!("the secret in {origin}"),
            SecretSource::Variable(name) => format!("env:{name}"),
            SecretSource::File(path) => format!("file:{}", path.display()),
        };
        let secret = Secret::parse(&text).map_err(|error| Error::new(format!("cannot read {name}")).cause(error))?;
        found.secrets.push(secret);
        found.sources.push(name);
    }
    found.notes.extend(hint.map(SecretNote::Hint));
    Ok(found)
}

/// Maximum size of a secret file.
const MAX_SECRET_BYTES: usize = 64 << 10;

fn read_file(path: &Path, notes: &mut Vec<SecretNote>) -> Result<String> {
    let cannot = || Error::new(format!("cannot read the secret from {}", path.display()));
    let bytes = fs::read(path).map_err(|error| cannot().cause(error))?;
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(cannot().cause("it is larger than 64 KiB: is it the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|_| cannot().cause("it is not UTF-8 text"))?;
    let secret = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    if secret.is_empty() {
        return Err(cannot().cause("the file is empty"));
    }
    if secret.len() < text.len() {
        let note = format!("the newline at the end of {} is not part of the secret", path.display());
        notes.push(SecretNote::Detail(note));
    }
    Ok(secret.to_owned())
}

/// Returns whether a text is the name of a variable that is set, in the usual upper case.
fn is_variable(text: &str) -> bool {
    let named = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    named && text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && environment::var_os(text).is_some()
}
