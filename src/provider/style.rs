//! How providers write JSON, byte for byte.

use std::io::{self, Write};

use serde::{Deserialize, Serialize as _};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// The serialiser whose output a provider's bodies look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Compact, nothing escaped that JSON does not require.
    Compact,
    /// Go's `encoding/json`: compact, with `<`, `>`, `&`, U+2028 and U+2029 escaped.
    Go,
}

impl Style {
    /// The bytes of a value in this style.
    #[must_use]
    pub fn write(self, value: &Value) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        let written = match self {
            Self::Compact => serde_json::to_writer(&mut bytes, value),
            Self::Go => value.serialize(&mut Serializer::with_formatter(&mut bytes, Go)),
        };
        written.expect("a value in memory can be written to memory");
        bytes
    }

    /// A JSON body with a text put at a pointer where there is a value already.
    ///
    /// # Errors
    /// The body is not JSON, or has nothing there.
    pub fn with_text(self, body: &[u8], pointer: &str, text: &str) -> Result<Vec<u8>, String> {
        let mut value: Value =
            serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        *value.pointer_mut(pointer).ok_or_else(|| format!("the body has no `{pointer}`"))? = text.into();
        Ok(self.write(&value))
    }
}

/// `serde_json`'s compact form with Go's additional escapes.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let special = rest[at..].chars().next().expect("find gave the place of a character");
            write!(writer, "\\u{:04x}", u32::from(special))?;
            rest = &rest[at + special.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_escapes_what_html_could_misread() {
        let value = Value::String("<a>&\u{2028}\u{2029} é \"\u{7f}\n\u{1}".into());
        // The output of Go's json.Marshal for the same string.
        assert_eq!(
            String::from_utf8(Style::Go.write(&value)).unwrap(),
            "\"\\u003ca\\u003e\\u0026\\u2028\\u2029 é \\\"\u{7f}\\n\\u0001\""
        );
        assert_eq!(Style::Compact.write(&serde_json::json!({"a": [1, "<"]})), b"{\"a\":[1,\"<\"]}");
    }
}
