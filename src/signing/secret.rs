//! Secrets as text, and the keys that they stand for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

use super::Encoding;

/// The prefix that marks a base64 secret in Standard Webhooks (specification, "Symmetric").
pub(crate) const WHSEC_PREFIX: &str = "whsec_";

/// The bytes before an Ed25519 public key of 32 bytes in an X.509 `SubjectPublicKeyInfo` (RFC 8410).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The bytes before an uncompressed P-256 point of 65 bytes in one (RFC 5480).
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A signing secret as text. It is never printed: `Debug` prints `(redacted)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    /// The bytes of the key, if its encoding is explicit.
    key: Option<Vec<u8>>,
}

impl Secret {
    /// Keeps the text as it is, an empty one included; a [`crate::signing::Keyring`] rejects that. The scheme decides
    /// how it becomes a key.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), key: None }
    }

    /// Reads a text that may say its encoding: `text:…`, `base64:…` or `hex:…`. Nothing is inferred then.
    ///
    /// # Errors
    /// The text after the prefix is empty, or not in this encoding. The message never repeats it.
    pub fn parse(value: &str) -> Result<Self, &'static str> {
        let (text, key) = match value.split_once(':') {
            Some(("text", text)) => (text, text.as_bytes().to_vec()),
            Some(("base64", text)) => (text, canonical_base64(text)?),
            // Upper and lower case mean the same bytes.
            Some(("hex", text)) => {
                (text, hexadecimal(&text.to_ascii_lowercase()).map_err(|_| "it is not hexadecimal")?)
            }
            _ => return Ok(Self::new(value)),
        };
        if key.is_empty() {
            return Err("it is empty, so anyone could forge a signature");
        }
        Ok(Self { text: text.to_owned(), key: Some(key) })
    }

    /// The text itself, without the name of its encoding; for signing and for `whk secret` only.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.text
    }

    /// The bytes of the key, if the encoding is explicit.
    pub(crate) fn explicit(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// The bytes that stand for `{secret}` in signed content.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.key.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// The key in this format; from the bytes alone if the encoding is explicit.
    pub(crate) fn key(&self, format: KeyFormat) -> Result<Key, &'static str> {
        match &self.key {
            Some(bytes) => format.key_of(bytes),
            None => format.read(&self.text),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// The key that a secret stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A key that both sides share.
    Shared(Vec<u8>),
    /// An Ed25519 key; without the seed it can verify but not sign.
    Ed25519 {
        /// The private half.
        seed: Option<[u8; 32]>,
        /// The public half.
        public: [u8; 32],
    },
    /// An ECDSA key on the curve P-256; without the private half it can verify but not sign.
    P256 {
        /// The private half, as PKCS #8.
        private: Option<Vec<u8>>,
        /// The public half, as an uncompressed point of 65 bytes.
        public: Vec<u8>,
    },
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// The way in which the text of a secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// The UTF-8 bytes of the whole text.
    Text,
    /// Canonical base64: standard alphabet, padded, unused bits zero.
    Base64,
    /// Lower-case hexadecimal.
    Hex,
    /// Exactly `whsec_`, then canonical base64.
    Whsec,
    /// Exactly `whsk_`, then base64 of an Ed25519 seed (32 bytes), or of seed and public key (64 bytes).
    Whsk,
    /// Exactly `whpk_`, then base64 of an Ed25519 public key: 32 bytes, or 44 as X.509 `SubjectPublicKeyInfo`.
    Whpk,
    /// Hexadecimal of an Ed25519 public key (64 digits), or of seed and public key (128 digits).
    Ed25519Hex,
    /// Base64 of a P-256 public key as X.509 `SubjectPublicKeyInfo`.
    Spki,
    /// Base64 of a P-256 key pair as PKCS #8.
    Pkcs8,
}

const FORMATS: [(&str, KeyFormat); 9] = [
    ("text", KeyFormat::Text),
    ("base64", KeyFormat::Base64),
    ("hex", KeyFormat::Hex),
    ("whsec", KeyFormat::Whsec),
    ("whsk", KeyFormat::Whsk),
    ("whpk", KeyFormat::Whpk),
    ("ed25519-hex", KeyFormat::Ed25519Hex),
    ("spki", KeyFormat::Spki),
    ("pkcs8", KeyFormat::Pkcs8),
];

impl KeyFormat {
    /// Reads the key, or says why the text is not of this format.
    ///
    /// Nothing is guessed: a text that is almost base64 is rejected, because libraries that accept it
    /// derive different keys from it.
    pub fn read(self, text: &str) -> Result<Key, &'static str> {
        match self {
            Self::Text => Ok(Key::Shared(text.as_bytes().to_vec())),
            Self::Base64 => canonical_base64(text).map(Key::Shared),
            Self::Hex => hexadecimal(text).map(Key::Shared),
            Self::Whsec => canonical_base64(text.strip_prefix(WHSEC_PREFIX).ok_or("it does not begin with `whsec_`")?)
                .map(Key::Shared),
            Self::Whsk => {
                let bytes = canonical_base64(text.strip_prefix("whsk_").ok_or("it does not begin with `whsk_`")?)?;
                ed25519_private(&bytes).ok_or("it is not an Ed25519 seed, nor a seed with its own public key")
            }
            Self::Whpk => {
                let bytes = canonical_base64(text.strip_prefix("whpk_").ok_or("it does not begin with `whpk_`")?)?;
                ed25519_public(bytes.strip_prefix(&ED25519_SPKI[..]).unwrap_or(&bytes))
                    .ok_or("it is not an Ed25519 public key of 32 bytes, nor one of 44 as X.509")
            }
            Self::Ed25519Hex => {
                let bytes = hexadecimal(text)?;
                let key = if bytes.len() == 64 { ed25519_private(&bytes) } else { ed25519_public(&bytes) };
                key.ok_or("it is neither a public key (64 hex digits) nor a seed with its own public key (128)")
            }
            Self::Spki => {
                let bytes = canonical_base64(text)?;
                match bytes.strip_prefix(&P256_SPKI[..]) {
                    Some(point) if point.len() == 65 => Ok(Key::P256 { private: None, public: point.to_vec() }),
                    _ => Err("it is not a P-256 public key as X.509"),
                }
            }
            Self::Pkcs8 => {
                let bytes = canonical_base64(text)?;
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &bytes, &SystemRandom::new())
                    .map_err(|_| "it is not a P-256 key pair as PKCS #8")?;
                Ok(Key::P256 { public: pair.public_key().as_ref().to_vec(), private: Some(bytes) })
            }
        }
    }

    /// Returns whether both sides share a key of this format.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Text | Self::Base64 | Self::Hex | Self::Whsec)
    }

    /// The key made of these bytes, which were decoded already.
    fn key_of(self, bytes: &[u8]) -> Result<Key, &'static str> {
        let key = match self {
            Self::Text | Self::Base64 | Self::Hex | Self::Whsec => Some(Key::Shared(bytes.to_vec())),
            Self::Whsk => ed25519_private(bytes),
            Self::Whpk => ed25519_public(bytes.strip_prefix(&ED25519_SPKI[..]).unwrap_or(bytes)),
            Self::Ed25519Hex if bytes.len() == 64 => ed25519_private(bytes),
            Self::Ed25519Hex => ed25519_public(bytes),
            Self::Spki | Self::Pkcs8 => return self.read(&STANDARD.encode(bytes)),
        };
        key.ok_or("its bytes are no key of this scheme")
    }

    /// Returns the text of the public half that a receiver is given, if the key has one.
    #[must_use]
    pub fn public_text(self, key: &Key) -> Option<String> {
        match (self, key) {
            (Self::Whsk | Self::Whpk, Key::Ed25519 { public, .. }) => Some(format!("whpk_{}", STANDARD.encode(public))),
            (_, Key::Ed25519 { public, .. }) => Some(Encoding::Hex.encode(public)),
            (_, Key::P256 { public, .. }) => Some(STANDARD.encode([&P256_SPKI[..], public].concat())),
            (_, Key::Shared(_)) => None,
        }
    }
}

impl FromStr for KeyFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::parse_name(text, "secret format", &FORMATS)
    }
}

/// Returns a key in the form that Standard Webhooks libraries accept: `whsec_` and base64 of its bytes.
#[must_use]
pub fn to_standard_webhooks(key: &[u8]) -> String {
    format!("{WHSEC_PREFIX}{}", STANDARD.encode(key))
}

/// A new Ed25519 key as seed and public key, from 32 random bytes.
#[must_use]
pub fn ed25519_pair(seed: [u8; 32]) -> [u8; 64] {
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a seed");
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&seed);
    bytes[32..].copy_from_slice(pair.public_key().as_ref());
    bytes
}

/// A new P-256 key pair as PKCS #8, from the system's random source.
#[must_use]
pub fn p256_pair() -> Vec<u8> {
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
    pair.expect("the system has a random source").as_ref().to_vec()
}

fn ed25519_private(bytes: &[u8]) -> Option<Key> {
    let seed: [u8; 32] = bytes.get(..32)?.try_into().ok()?;
    let pair = match bytes.len() {
        32 => Ed25519KeyPair::from_seed_unchecked(&seed).ok()?,
        64 => Ed25519KeyPair::from_seed_and_public_key(&seed, &bytes[32..]).ok()?,
        _ => return None,
    };
    Some(Key::Ed25519 { seed: Some(seed), public: pair.public_key().as_ref().try_into().ok()? })
}

fn ed25519_public(bytes: &[u8]) -> Option<Key> {
    Some(Key::Ed25519 { seed: None, public: bytes.try_into().ok()? })
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, &'static str> {
    Encoding::Hex.decode(text.as_bytes()).ok_or("it is not lower-case hexadecimal")
}

fn canonical_base64(text: &str) -> Result<Vec<u8>, &'static str> {
    STANDARD.decode(text).map_err(|_| format_error(text))
}

/// Names quotes or white space around a text.
pub(super) fn wrapping(text: &str) -> Option<&'static str> {
    let trimmed = text.trim();
    if trimmed.starts_with(['"', '\'']) || trimmed.ends_with(['"', '\'']) {
        Some("it has quotes around it: remove them")
    } else {
        (trimmed.len() < text.len()).then_some("it has white space around it: remove it")
    }
}

/// Explains why a text is not canonical base64, without repeating it.
fn format_error(text: &str) -> &'static str {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        "it contains white space"
    } else if text.bytes().any(|byte| matches!(byte, b'-' | b'_')) {
        "it contains `-` or `_`, which are not in the standard base64 alphabet"
    } else if text.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))) {
        "it contains a character that is not base64"
    } else if !text.len().is_multiple_of(4) {
        "its base64 has the wrong length or lacks its `=` padding"
    } else {
        "its base64 is not canonical"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_itself() {
        assert_eq!(format!("{:?}", Secret::new("hush")), "(redacted)");
        assert_eq!(format!("{:?}", KeyFormat::Text.read("hush")), "Ok((redacted))");
    }

    #[test]
    fn an_explicit_encoding_settles_the_key() {
        for (value, text, key) in [
            ("text:whsec_YWJj", "whsec_YWJj", &b"whsec_YWJj"[..]),
            ("text: \"a\"", " \"a\"", b" \"a\""),
            ("text:base64:YWJj", "base64:YWJj", b"base64:YWJj"),
            ("base64:YWJj", "YWJj", b"abc"),
            ("hex:61626A", "61626A", b"abj"),
        ] {
            let secret = Secret::parse(value).unwrap();
            assert_eq!((secret.expose_secret(), secret.explicit()), (text, Some(key)), "{value}");
            assert_eq!(secret.key(KeyFormat::Whsec), Ok(Key::Shared(key.to_vec())));
            assert_eq!(secret.bytes(), key);
        }
        assert_eq!(Secret::parse("a:b"), Ok(Secret::new("a:b")));
        for (bad, expected) in [
            ("hex:xyz", "it is not hexadecimal"),
            ("hex:", "it is empty"),
            ("text:", "it is empty"),
            ("base64:YW Jj", "it contains white space"),
        ] {
            assert!(Secret::parse(bad).unwrap_err().starts_with(expected), "{bad}");
        }
    }

    #[test]
    fn only_the_exact_prefix_with_canonical_base64_is_read_as_base64() {
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(matches!(KeyFormat::Whsec.read(good), Ok(Key::Shared(key)) if key.len() == 24));
        for bad in [
            " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
            "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
            "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(KeyFormat::Whsec.read(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn the_flaw_is_named_and_the_text_is_not_repeated() {
        let reason = KeyFormat::Base64.read("C2FVsBQIhrscChlQIMV-b5sSYspob7oD").unwrap_err();
        assert!(reason.contains("standard base64 alphabet"), "{reason}");
        assert!(!reason.contains("C2FV"), "{reason}");
    }

    #[test]
    fn a_new_pair_is_read_back_with_its_public_half() {
        let pair = STANDARD.encode(ed25519_pair([7; 32]));
        let key = KeyFormat::Whsk.read(&format!("whsk_{pair}")).unwrap();
        let public = KeyFormat::Whsk.public_text(&key).unwrap();
        assert!(matches!(KeyFormat::Whpk.read(&public), Ok(Key::Ed25519 { seed: None, .. })));
        let key = KeyFormat::Pkcs8.read(&STANDARD.encode(p256_pair())).unwrap();
        let public = KeyFormat::Pkcs8.public_text(&key).unwrap();
        assert!(matches!(KeyFormat::Spki.read(&public), Ok(Key::P256 { private: None, .. })));
    }
}
