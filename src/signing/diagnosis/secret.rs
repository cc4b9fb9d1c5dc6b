//! The key bytes that programs make of the text of a secret.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::signing::Encoding;

/// A decoding of a secret.
pub(super) struct SecretDecoding {
    /// The name for scripts.
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Returns every decoding of a secret, the likeliest first, without repeats and without `known`.
pub(super) fn secret_decodings(secret: &str, known: &[u8]) -> Vec<SecretDecoding> {
    let mut found: Vec<SecretDecoding> = Vec::new();
    let mut add = |name, bytes: Option<Vec<u8>>| {
        if let Some(bytes) = bytes.filter(|bytes| bytes != known)
            && found.iter().all(|decoding| decoding.bytes != bytes)
        {
            found.push(SecretDecoding { name, bytes });
        }
    };
    let trimmed = secret.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let stripped = without_prefix(trimmed);
    let text = |text: &str| Some(text.as_bytes().to_vec());
    add("text", text(secret));
    if trimmed != secret {
        // Quotes from an `.env` file are the most common mistake: without them, the secret is decoded as the scheme does.
        let quoted = secret.trim().starts_with(['"', '\'']) || secret.trim().ends_with(['"', '\'']);
        add(if quoted { "text-unquoted" } else { "text-trimmed" }, text(trimmed));
        add(if quoted { "base64-unquoted" } else { "base64-trimmed" }, base64(stripped));
    }
    add("text-without-prefix", text(stripped));
    add("base64-without-prefix", base64(stripped));
    add("base64", base64(trimmed));
    add("base64-lenient", base64_lenient(trimmed));
    add("base64-lenient-without-prefix", base64_lenient(stripped));
    add("base64url", base64_url(stripped));
    add("hex", Encoding::Hex.decode(stripped.to_ascii_lowercase().as_bytes()).filter(|bytes| !bytes.is_empty()));
    add("base64-twice", base64(stripped).and_then(|bytes| base64(std::str::from_utf8(&bytes).ok()?)));
    add("base64-of-text", Some(Encoding::Base64.encode(secret.as_bytes()).into_bytes()));
    add("text-with-newline", text(&format!("{secret}\n")));
    add("empty", Some(Vec::new()));
    found
}

/// Removes `v1,`, then any number of `whsec_` in any case, or the prefix of a provider up to its last `-` or `_`.
fn without_prefix(secret: &str) -> &str {
    let mut rest = secret.strip_prefix("v1,").unwrap_or(secret);
    while let Some(shorter) = rest.get(..6).filter(|start| start.eq_ignore_ascii_case("whsec_")).map(|_| &rest[6..]) {
        rest = shorter;
    }
    if rest.len() == secret.len() {
        for prefix in ["aha-whsec-", "aha-rsec-", "whsk_", "whpk_"] {
            if let Some(shorter) = rest.strip_prefix(prefix) {
                return shorter;
            }
        }
    }
    rest
}

fn engine(alphabet: &alphabet::Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    engine(&alphabet::STANDARD).decode(text).ok()
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    engine(&alphabet::URL_SAFE).decode(text).ok()
}

/// Decodes as Python, Ruby and PHP do: characters outside the alphabet are ignored.
fn base64_lenient(text: &str) -> Option<Vec<u8>> {
    let kept: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/')).collect();
    base64(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_decodings_of_common_programs() {
        let names = |secret: &str| -> Vec<&str> {
            secret_decodings(secret, b"").iter().map(|decoding| decoding.name).collect()
        };
        assert!(names("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").starts_with(&["text", "text-without-prefix"]));
        let of = |secret: &str, name: &str| {
            secret_decodings(secret, b"")
                .into_iter()
                .find(|decoding| decoding.name == name)
                .map(|decoding| decoding.bytes)
        };
        assert_eq!(of("v1,whsec_YWJj", "base64-without-prefix").unwrap(), b"abc");
        assert_eq!(of("\"whsec_YWJj\"\n", "base64-unquoted").unwrap(), b"abc");
        assert_eq!(of("'xyz'", "text-unquoted").unwrap(), b"xyz");
        assert_eq!(of(" xyz\n", "text-trimmed").unwrap(), b"xyz");
        assert_eq!(of("whsec_616263", "hex").unwrap(), b"abc");
        assert_eq!(of("aha-whsec-xyz", "text-without-prefix").unwrap(), b"xyz");
        assert!(of("é", "hex").is_none() && !secret_decodings("é\u{1f600}", b"").is_empty());
    }
}
