//! Secrets as their owners write them, and the key bytes that they stand for.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The prefix that marks a base64 secret in Standard Webhooks (specification, "Symmetric").
pub(crate) const STOCK_PREFIX: &str = "whsec_";

/// A signing secret as text. It never shows itself: `Debug` prints `(redacted)`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is, an empty one included; a [`crate::signing::Keyring`] refuses that.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for signing and for `whk secret` only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// How the text of a secret becomes key bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFormat {
    /// The UTF-8 bytes of the whole text.
    Text,
    /// Canonical base64: standard alphabet, padded, unused bits zero.
    Base64,
    /// Exactly `whsec_`, then canonical base64.
    Whsec,
}

impl KeyFormat {
    /// The key bytes, or what keeps this text from being of this format.
    ///
    /// Nothing is guessed: a text that is almost base64 is refused, because libraries that take it
    /// derive different keys from it.
    pub fn read(self, text: &str) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Text => Ok(text.as_bytes().to_vec()),
            Self::Base64 => canonical_base64(text),
            Self::Whsec => canonical_base64(text.strip_prefix(STOCK_PREFIX).ok_or("it does not begin with `whsec_`")?),
        }
    }
}

impl FromStr for KeyFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "base64" => Ok(Self::Base64),
            "whsec" => Ok(Self::Whsec),
            _ => Err(format!("unknown secret format `{text}`, expected one of `text`, `base64`, `whsec`")),
        }
    }
}

/// The form that stock Standard Webhooks libraries take for any key: `whsec_` and base64 of its bytes.
#[must_use]
pub fn stock_form(key: &[u8]) -> String {
    format!("{STOCK_PREFIX}{}", STANDARD.encode(key))
}

fn canonical_base64(text: &str) -> Result<Vec<u8>, &'static str> {
    STANDARD.decode(text).map_err(|_| flaw(text))
}

/// What is wrong with a text that is not canonical base64, in words that never repeat it.
fn flaw(text: &str) -> &'static str {
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
    }

    #[test]
    fn only_the_exact_prefix_with_canonical_base64_is_read_as_base64() {
        let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_eq!(KeyFormat::Whsec.read(good).map(|key| key.len()), Ok(24));
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
}
