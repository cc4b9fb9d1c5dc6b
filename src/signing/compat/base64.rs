//! The dialects of base64 in which the libraries decode a secret.

use crate::signing::secret::WHSEC_PREFIX;

/// A library's dialect of base64.
pub(super) struct Base64Dialect {
    pub(super) skipped_chars: SkippedChars,
    pub(super) padding: Padding,
    /// True if unused bits must be zero.
    pub(super) canonical: bool,
    /// True if what follows `whsec_` is decoded twice.
    pub(super) twice: bool,
}

/// The characters that a library skips.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SkippedChars {
    Nothing,
    LineBreaks,
    WhiteSpace,
    /// Everything that is not in the alphabet.
    Foreign,
}

/// The rule for the `=` at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    Needed,
    /// None, or as many as are needed.
    Optional,
    /// Up to two are removed, and a last character that gives no byte is not looked at.
    FromTheEnd,
    /// Skipped; a length that is not a whole number of bytes is an error.
    Counted,
    /// Skipped.
    Ignored,
}

impl Base64Dialect {
    /// Returns the key, or `None` if the library throws.
    pub(super) fn key(&self, text: &str) -> Option<Vec<u8>> {
        let key = match text.strip_prefix(WHSEC_PREFIX) {
            Some(inner) if self.twice => self.bytes(&String::from_utf8(self.bytes(inner)?).ok()?)?,
            inner => self.bytes(inner.unwrap_or(text))?,
        };
        if key.is_empty() { None } else { Some(key) }
    }

    fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        if self.padding == Padding::Counted && !text.is_ascii() {
            return None;
        }
        let skipped = |byte: &u8| match self.skipped_chars {
            SkippedChars::Nothing => false,
            SkippedChars::LineBreaks => matches!(byte, b'\r' | b'\n'),
            SkippedChars::WhiteSpace => matches!(byte, b'\r' | b'\n' | b'\t' | b' '),
            SkippedChars::Foreign => *byte != b'=' && sextet(*byte).is_none(),
        };
        let units = text.encode_utf16().map(|unit| u8::try_from(unit).unwrap_or(u8::MAX));
        let mut symbols: Vec<u8> = units.filter(|byte| !skipped(byte)).collect();
        let padding = symbols.iter().rev().take_while(|byte| **byte == b'=').count();
        let whole = symbols.len();
        let has_whole_bytes = match self.padding {
            Padding::Optional if padding == 0 => whole % 4 != 1,
            Padding::Needed | Padding::Optional => whole.is_multiple_of(4) && padding <= 2,
            Padding::FromTheEnd => whole >= 4 && padding <= 2,
            Padding::Counted | Padding::Ignored => true,
        };
        match self.padding {
            Padding::Counted | Padding::Ignored => symbols.retain(|byte| *byte != b'='),
            _ => symbols.truncate(whole - padding),
        }
        match self.padding {
            Padding::Counted if symbols.len() % 4 == 1 => return None,
            Padding::FromTheEnd if symbols.len() % 4 == 1 => symbols.truncate(symbols.len() - 1),
            _ => {}
        }
        if has_whole_bytes { self.join(&symbols) } else { None }
    }

    /// Returns the bytes of symbols without padding; a single one left over gives none.
    fn join(&self, symbols: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(symbols.len());
        for group in symbols.chunks(4) {
            let mut bits = 0_u32;
            for symbol in group {
                bits = bits << 6 | u32::from(sextet(*symbol)?);
            }
            let [_, whole @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
            let (kept, rest) = whole.split_at(group.len() - 1);
            if self.canonical && rest.iter().any(|byte| *byte != 0) {
                return None;
            }
            bytes.extend(kept);
        }
        Some(bytes)
    }
}

/// Returns the six bits of a symbol of the standard alphabet.
fn sextet(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
