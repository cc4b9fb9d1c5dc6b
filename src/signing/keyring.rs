//! Secrets made ready for one scheme.

use std::fmt;

use super::digest::Prepared;
use super::{KeyFormat, Scheme, Secret};

/// The keys of one scheme, in the order in which their secrets were given.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) keys: Vec<Key>,
    advice: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Key {
    /// Index of the secret, as given.
    pub(crate) secret: usize,
    /// Index of the scheme's item.
    pub(crate) item: usize,
    pub(crate) prepared: Prepared,
}

/// A secret that cannot be used. The message names the flaw and never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// There are no secrets.
    None,
    /// The secret, counted from 1, has no bytes: anybody could sign with it.
    Empty(usize),
    /// The secret, counted from 1, does not have the form that the scheme needs.
    Form(usize, &'static str),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no secret"),
            Self::Empty(n) => write!(f, "secret {n} is empty: with an empty key anybody can sign"),
            Self::Form(n, flaw) => write!(f, "secret {n} cannot be read: {flaw}"),
        }
    }
}

impl std::error::Error for SecretError {}

impl Keyring {
    /// Reads every secret in the form that the scheme's items name.
    pub fn new(scheme: &Scheme, secrets: &[Secret]) -> Result<Self, SecretError> {
        let mut ring = Self { keys: Vec::new(), advice: Vec::new() };
        for (index, secret) in secrets.iter().enumerate() {
            let mut flaw = "";
            let mut fits = false;
            for (item, rule) in scheme.items.iter().enumerate() {
                match key_bytes(&rule.formats, secret) {
                    Ok(bytes) if bytes.is_empty() => return Err(SecretError::Empty(index + 1)),
                    Ok(bytes) => {
                        fits = true;
                        ring.advise(index + 1, bytes.len(), bytes == secret.reveal().as_bytes());
                        ring.keys.push(Key { secret: index, item, prepared: rule.digest.prepare(&bytes) });
                    }
                    Err(reason) => flaw = reason,
                }
            }
            if !fits {
                return Err(SecretError::Form(index + 1, flaw));
            }
        }
        if ring.keys.is_empty() { Err(SecretError::None) } else { Ok(ring) }
    }

    /// Remarks on secrets that work and should be better, a line each.
    #[must_use]
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    fn advise(&mut self, number: usize, length: usize, literal: bool) {
        // 24 to 64 bytes: Standard Webhooks specification, "Symmetric". A literal text of more is a provider's own
        // form and loses nothing; one of less is weak all the same.
        if length < 24 || length > 64 && !literal {
            let whose = if number == 1 { String::from("the secret") } else { format!("secret {number}") };
            self.advice.push(format!("{whose} has {length} bytes; Standard Webhooks asks for 24 to 64"));
        }
    }
}

/// The key bytes of a secret in the first of `formats` that fits; the flaw is the last one's.
pub(crate) fn key_bytes(formats: &[KeyFormat], secret: &Secret) -> Result<Vec<u8>, &'static str> {
    let mut flaw = "no format is given";
    for (index, format) in formats.iter().enumerate() {
        match format.read(secret.reveal()) {
            Ok(bytes) => return Ok(bytes),
            // What begins like a `whsec_` secret is judged as one, unless any text would do.
            Err(reason) if index == 0 || !secret.reveal().starts_with(super::secret::STOCK_PREFIX) => flaw = reason,
            Err(_) => {}
        }
    }
    Err(flaw)
}

impl Scheme {
    /// The key bytes of a secret, read as this scheme's first fitting item reads it.
    pub fn key_bytes(&self, secret: &Secret) -> Result<Vec<u8>, SecretError> {
        let mut flaw = "";
        for item in &self.items {
            match key_bytes(&item.formats, secret) {
                Ok(bytes) if bytes.is_empty() => return Err(SecretError::Empty(1)),
                Ok(bytes) => return Ok(bytes),
                Err(reason) => flaw = reason,
            }
        }
        Err(SecretError::Form(1, flaw))
    }
}
