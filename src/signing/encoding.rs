//! Encodings of signature bytes as text.

use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The text encoding of a signature. Decoding is strict: one signature has exactly one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Standard alphabet, padded.
    Base64,
    /// URL-safe alphabet, padded.
    Base64Url,
    /// The bytes as they are, for signatures that are text.
    Text,
}

const ENCODINGS: [(&str, Encoding); 4] = [
    ("hex", Encoding::Hex),
    ("base64", Encoding::Base64),
    ("base64url", Encoding::Base64Url),
    ("text", Encoding::Text),
];

impl Encoding {
    /// Encodes bytes.
    #[must_use]
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE.encode(bytes),
            Self::Text => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Decodes a canonical text; `None` for any other.
    #[must_use]
    pub fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hex => decode_hex(text),
            Self::Base64 => STANDARD.decode(text).ok(),
            Self::Base64Url => URL_SAFE.decode(text).ok(),
            Self::Text => Some(text.to_vec()),
        }
    }

    /// Returns the name used in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "lower-case hex",
            Self::Base64 => "base64",
            Self::Base64Url => "URL-safe base64",
            Self::Text => "text",
        }
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::parse_name(text, "encoding", &ENCODINGS)
    }
}

fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_reads_back_what_it_wrote_and_nothing_else() {
        let bytes = [0x00, 0xfb, 0xff, 0x3e];
        for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64Url] {
            assert_eq!(encoding.decode(encoding.encode(&bytes).as_bytes()).as_deref(), Some(&bytes[..]));
        }
        assert_eq!(Encoding::Hex.decode(b"00FB"), None, "upper case is another spelling");
        assert_eq!(Encoding::Base64.decode(b"APv_Pg=="), None, "another alphabet");
        assert_eq!(Encoding::Base64.decode(b"APv/Pg"), None, "padding missing");
        assert_eq!(Encoding::Base64.decode(b"APv/Ph=="), None, "unused bits set");
    }
}
