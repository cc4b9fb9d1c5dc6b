//! Secrets made ready for one scheme.

use std::fmt;

use super::algorithm::PreparedKey;
use super::{Key, KeyFormat, Scheme, Secret, SignatureAlgorithm};

/// The keys of one scheme, in the order in which their secrets were given.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) keys: Vec<Ready>,
    secrets: Vec<Secret>,
    advice: Vec<String>,
    /// Whether the scheme is Standard Webhooks: an id is signed, and versions stand before signatures.
    standard: bool,
}

/// A key that is ready for one of the scheme's items.
#[derive(Clone)]
pub(crate) struct Ready {
    /// Index of the secret, as given.
    pub(crate) secret: usize,
    /// Index of the scheme's item.
    pub(crate) item: usize,
    pub(crate) prepared: PreparedKey,
}

/// A secret that cannot be used. The message names the flaw and never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// There are no secrets.
    None,
    /// The secret, counted from 1, has no bytes: anybody could sign with it.
    Empty(usize),
    /// The scheme's digest has no key and its content no secret: anybody can sign.
    Keyless,
    /// The secret, counted from 1, does not have the form that the scheme needs.
    Form(usize, &'static str),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no secret"),
            Self::Empty(n) => write!(f, "secret {n} is empty: with an empty key anybody can sign"),
            Self::Keyless => {
                f.write_str("the scheme signs without the secret: a plain digest needs `{secret}` in the content")
            }
            Self::Form(n, flaw) => write!(f, "secret {n} cannot be read: {flaw}"),
        }
    }
}

impl std::error::Error for SecretError {}

impl Keyring {
    /// Reads every secret in the form that the scheme's items name.
    pub fn new(scheme: &Scheme, secrets: &[Secret]) -> Result<Self, SecretError> {
        let plain = scheme.formats.iter().any(|item| item.algorithm == SignatureAlgorithm::Sha256);
        if plain && !scheme.content.has_secret() {
            return Err(SecretError::Keyless);
        }
        let standard = scheme.content.has_id() && scheme.signature.version_delimiter.is_some();
        let mut ring = Self { keys: Vec::new(), secrets: secrets.to_vec(), advice: Vec::new(), standard };
        for (index, secret) in secrets.iter().enumerate() {
            let mut flaw = None;
            let before = ring.keys.len();
            for (item, rule) in scheme.formats.iter().enumerate() {
                match key(&rule.key_formats, secret) {
                    Ok(key) => {
                        ring.admit(index, secret, &key)?;
                        let prepared = rule.algorithm.prepare_key(&key).expect("the scheme's forms fit its digests");
                        ring.keys.push(Ready { secret: index, item, prepared });
                    }
                    Err(reason) => flaw = flaw.or(Some(reason)),
                }
            }
            if ring.keys.len() == before {
                return Err(SecretError::Form(index + 1, flaw.unwrap_or_default()));
            }
        }
        if ring.keys.is_empty() { Err(SecretError::None) } else { Ok(ring) }
    }

    /// Remarks on secrets that work and should be better, a line each.
    #[must_use]
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    /// The secrets, in the order given.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    fn admit(&mut self, index: usize, secret: &Secret, key: &Key) -> Result<(), SecretError> {
        let Key::Shared(bytes) = key else { return Ok(()) };
        let (number, length) = (index + 1, bytes.len());
        if bytes.is_empty() {
            return Err(SecretError::Empty(number));
        }
        // 24 to 64 bytes: Standard Webhooks specification, "Symmetric". A literal text of more is a provider's own
        // form and loses nothing. Where another scheme has a shorter form, only what can be guessed is said: less than
        // 16 bytes.
        let literal = bytes == secret.reveal().as_bytes();
        let whose = if number == 1 { String::from("the secret") } else { format!("secret {number}") };
        let advice = match self.standard {
            true if length < 24 || length > 64 && !literal => {
                format!("{whose} has {length} bytes; Standard Webhooks asks for 24 to 64")
            }
            false if length < 16 => format!("{whose} has {length} bytes; fewer than 16 can be guessed"),
            _ => return Ok(()),
        };
        if !self.advice.contains(&advice) {
            self.advice.push(advice);
        }
        Ok(())
    }
}

/// The key of a secret in the first of `formats` that fits; the flaw is of the form that the secret looks most like.
fn key(formats: &[KeyFormat], secret: &Secret) -> Result<Key, &'static str> {
    let mut flaw = None;
    for format in formats {
        match format.read(secret.reveal()) {
            Ok(key) => return Ok(key),
            // What begins like a `whsec_` secret is judged as one; any other by the last form, which has no prefix.
            Err(reason) if flaw.is_none() || !secret.reveal().starts_with(super::secret::STOCK_PREFIX) => {
                flaw = Some(reason);
            }
            Err(_) => {}
        }
    }
    Err(flaw.unwrap_or_default())
}

impl Scheme {
    /// The key of a secret, read as this scheme's first fitting item reads it.
    pub fn key(&self, secret: &Secret) -> Result<Key, SecretError> {
        let mut flaw = None;
        for item in &self.formats {
            match key(&item.key_formats, secret) {
                Ok(Key::Shared(bytes)) if bytes.is_empty() => return Err(SecretError::Empty(1)),
                Ok(key) => return Ok(key),
                Err(reason) => flaw = flaw.or(Some(reason)),
            }
        }
        Err(SecretError::Form(1, flaw.unwrap_or_default()))
    }

    /// Whether the two sign the same content with the same kinds of signature in the same place.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let item = |mine: &super::SignatureFormat| {
            other.formats.iter().any(|theirs| theirs.pattern == mine.pattern && theirs.algorithm == mine.algorithm)
        };
        self.content.to_string() == other.content.to_string()
            && self.formats.iter().any(item)
            && self.signature.from.iter().any(|place| other.signature.from.contains(place))
    }

    /// The text of the public half of a secret, where it has one.
    #[must_use]
    pub fn public_text(&self, secret: &Secret) -> Option<String> {
        self.formats.iter().flat_map(|item| &item.key_formats).find_map(|format| {
            let key = format.read(secret.reveal()).ok()?;
            format.public_text(&key)
        })
    }
}
