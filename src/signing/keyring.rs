//! Keyrings: the keys of one scheme, prepared from secrets.

use std::fmt;

use super::algorithm::PreparedKey;
use super::{Key, KeyFormat, Scheme, Secret, SignatureAlgorithm};

/// The keys of one scheme, in the order in which their secrets were given.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) keys: Vec<KeyringEntry>,
    secrets: Vec<Secret>,
    warnings: Vec<String>,
    /// The keys of the scheme's further signatures.
    additional: Vec<Self>,
    /// True if the scheme is Standard Webhooks: an id is signed, and versions stand before signatures.
    standard: bool,
}

/// A prepared key for one of the scheme's signature formats.
#[derive(Clone)]
pub(crate) struct KeyringEntry {
    /// Index of the secret, as given.
    pub(crate) secret: usize,
    /// Index of the scheme's signature format.
    pub(crate) item: usize,
    /// The format in which the secret was read.
    pub(crate) format: KeyFormat,
    pub(crate) prepared: PreparedKey,
}

/// A secret that cannot be used. The message names the reason and never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// There are no secrets.
    None,
    /// The secret has no bytes: anybody could sign with it. Its number counts from 1; 0 is the only one.
    Empty(usize),
    /// The scheme's algorithm has no key and its content no secret: anybody can sign.
    Keyless,
    /// The secret, counted in the same way, does not have the form that the scheme needs.
    Form(usize, &'static str),
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no secret"),
            Self::Empty(0) => f.write_str("the secret is empty, so anyone could forge a signature"),
            Self::Empty(n) => write!(f, "secret {n} is empty, so anyone could forge a signature"),
            Self::Keyless => {
                f.write_str("the scheme signs without the secret: a plain digest needs `{secret}` in the content")
            }
            Self::Form(0, reason) => write!(f, "the secret cannot be read: {reason}"),
            Self::Form(n, reason) => write!(f, "secret {n} cannot be read: {reason}"),
        }
    }
}

impl std::error::Error for SecretError {}

impl Keyring {
    /// Reads every secret in the forms that the scheme's signature formats name.
    pub fn new(scheme: &Scheme, secrets: &[Secret]) -> Result<Self, SecretError> {
        let plain = scheme.formats.iter().any(|item| item.algorithm == SignatureAlgorithm::Sha256);
        if plain && !scheme.content.has_secret() {
            return Err(SecretError::Keyless);
        }
        let standard = scheme.content.has_id() && scheme.signature.version_delimiter.is_some();
        let mut keyring = Self {
            keys: Vec::new(),
            secrets: secrets.to_vec(),
            warnings: Vec::new(),
            additional: scheme.additional.iter().map(|other| Self::new(other, secrets)).collect::<Result<_, _>>()?,
            standard,
        };
        for (index, secret) in secrets.iter().enumerate() {
            let mut first_error = None;
            let before = keyring.keys.len();
            for (item, rule) in scheme.formats.iter().enumerate().filter(|(_, rule)| scheme.suits(rule, secret)) {
                match keys(&rule.key_formats, secret) {
                    Ok(keys) => {
                        for (format, key) in keys {
                            keyring.check_strength(index, secret, &key)?;
                            let prepared =
                                rule.algorithm.prepare_key(&key).expect("the scheme's forms fit its digests");
                            keyring.keys.push(KeyringEntry { secret: index, item, format, prepared });
                        }
                    }
                    Err(reason) => first_error = first_error.or(Some(reason)),
                }
            }
            if keyring.keys.len() == before {
                let number = if secrets.len() == 1 { 0 } else { index + 1 };
                return Err(SecretError::Form(number, first_error.unwrap_or_default()));
            }
        }
        if keyring.keys.is_empty() { Err(SecretError::None) } else { Ok(keyring) }
    }

    /// Makes a keyring without keys.
    pub(super) fn empty() -> Self {
        Self { keys: Vec::new(), secrets: Vec::new(), warnings: Vec::new(), additional: Vec::new(), standard: false }
    }

    /// Makes a keyring of one shared key, of any bytes, an empty key included: for requests that must be rejected.
    /// `None` if the scheme signs with key pairs.
    #[must_use]
    pub fn from_shared_key(scheme: &Scheme, key: &[u8]) -> Option<Self> {
        let shared = Key::Shared(key.to_vec());
        let (item, rule) =
            scheme.formats.iter().enumerate().find(|(_, rule)| rule.algorithm.supports_format(KeyFormat::Text))?;
        let entry =
            KeyringEntry { secret: 0, item, format: KeyFormat::Text, prepared: rule.algorithm.prepare_key(&shared)? };
        let secret = Secret::new(String::from_utf8_lossy(key));
        let additional = scheme.additional.iter().filter_map(|other| Self::from_shared_key(other, key)).collect();
        Some(Self { keys: vec![entry], secrets: vec![secret], warnings: Vec::new(), additional, standard: false })
    }

    /// The keys of the scheme's further signatures, in their order.
    #[must_use]
    pub fn additional(&self) -> &[Self] {
        &self.additional
    }

    /// Warnings about secrets that work but are weak, a line each.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The secrets, in the order given.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Returns whether the scheme reads this secret in two ways; the signature decides between them.
    #[must_use]
    pub fn is_ambiguous(&self, secret: usize) -> bool {
        let mut formats = self.keys.iter().filter(|key| key.secret == secret).map(|key| (key.item, key.format));
        let first = formats.next();
        formats.any(|(item, format)| first.is_some_and(|(first, other)| item == first && format != other))
    }

    fn check_strength(&mut self, index: usize, secret: &Secret, key: &Key) -> Result<(), SecretError> {
        let Key::Shared(bytes) = key else { return Ok(()) };
        let (number, length) = (index + 1, bytes.len());
        if bytes.is_empty() {
            return Err(SecretError::Empty(if self.secrets.len() == 1 { 0 } else { number }));
        }
        // 24 to 64 bytes: Standard Webhooks specification, "Symmetric". A literal text of more is a provider's own
        // form and loses nothing. For other schemes, only what can be guessed
        // is reported: less than 16 bytes.
        let literal = bytes == secret.expose_secret().as_bytes();
        let name = if number == 1 { String::from("the secret") } else { format!("secret {number}") };
        let warning = match self.standard {
            true if length < 24 || length > 64 && !literal => {
                format!("{name} has {length} bytes; Standard Webhooks asks for 24 to 64")
            }
            false if length < 16 => format!("{name} has {length} bytes; fewer than 16 can be guessed"),
            _ => return Ok(()),
        };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        Ok(())
    }
}

/// The keys of a secret: one, in the first of `formats` that fits. A text that begins with `whsec_` is read both as
/// base64 and as literal text if the scheme has both: its owner may mean either.
fn keys(formats: &[KeyFormat], secret: &Secret) -> Result<Vec<(KeyFormat, Key)>, &'static str> {
    let first = key(formats, secret)?;
    let literal = first.0 == KeyFormat::Whsec && secret.explicit().is_none() && formats.contains(&KeyFormat::Text);
    let second = literal.then(|| secret.key(KeyFormat::Text).map(|key| (KeyFormat::Text, key))).transpose()?;
    Ok([first].into_iter().chain(second).collect())
}

/// The key of a secret in the first of `formats` that fits; the reason is of the form that the secret looks most like.
fn key(formats: &[KeyFormat], secret: &Secret) -> Result<(KeyFormat, Key), &'static str> {
    let mut first_error = None;
    for format in formats {
        match secret.key(*format) {
            Ok(key) => return Ok((*format, key)),
            // A text that begins with `whsec_` is judged as such a secret; any other by the last form, without a prefix.
            Err(reason)
                if first_error.is_none() || !secret.expose_secret().starts_with(super::secret::WHSEC_PREFIX) =>
            {
                first_error = Some(reason);
            }
            Err(_) => {}
        }
    }
    let wrapping = secret.explicit().is_none().then(|| super::secret::wrapping(secret.expose_secret())).flatten();
    Err(wrapping.or(first_error).unwrap_or_default())
}

impl Scheme {
    /// Returns whether a secret can be a key of this signature format: explicit bytes stand for a shared key if the scheme has one.
    fn suits(&self, item: &super::SignatureFormat, secret: &Secret) -> bool {
        let shared = |item: &super::SignatureFormat| item.key_formats.iter().any(|format| format.is_shared());
        secret.explicit().is_none() || shared(item) || !self.formats.iter().any(shared)
    }

    /// Returns whether a secret is read both as base64 behind `whsec_` and as literal text.
    #[must_use]
    pub fn reads_both_ways(&self, secret: &Secret) -> bool {
        self.formats.iter().any(|item| keys(&item.key_formats, secret).is_ok_and(|keys| keys.len() > 1))
    }

    /// The key of a secret, in this scheme's first signature format that reads it.
    pub fn key(&self, secret: &Secret) -> Result<Key, SecretError> {
        let mut first_error = None;
        for item in self.formats.iter().filter(|item| self.suits(item, secret)) {
            match key(&item.key_formats, secret) {
                Ok((_, Key::Shared(bytes))) if bytes.is_empty() => return Err(SecretError::Empty(0)),
                Ok((_, key)) => return Ok(key),
                Err(reason) => first_error = first_error.or(Some(reason)),
            }
        }
        Err(SecretError::Form(0, first_error.unwrap_or_default()))
    }

    /// Returns whether both schemes sign the same content with the same formats of signature in the same header.
    #[must_use]
    pub fn equivalent_to(&self, other: &Self) -> bool {
        let item = |mine: &super::SignatureFormat| {
            other.formats.iter().any(|theirs| theirs.pattern == mine.pattern && theirs.algorithm == mine.algorithm)
        };
        self.content.to_string() == other.content.to_string()
            && self.formats.iter().any(item)
            && self.signature.from.iter().any(|source| other.signature.from.contains(source))
    }

    /// Returns the text of the public half of a secret, if it has one.
    #[must_use]
    pub fn public_text(&self, secret: &Secret) -> Option<String> {
        self.formats.iter().flat_map(|item| &item.key_formats).find_map(|format| {
            let key = secret.key(*format).ok()?;
            format.public_text(&key)
        })
    }
}
