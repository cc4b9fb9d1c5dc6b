//! Body styles: the same JSON in other bytes, such that parsing and re-serializing it does not give them back.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Map, Value};

/// A way to write the same JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyStyle {
    /// As the provider writes it.
    #[default]
    Provider,
    /// A space after `:` and `,`.
    Spaced,
    /// Characters as escapes: `\u00e9` for é, `\/` for a slash.
    Escaped,
    /// Numbers with one more digit: `1.0` for 1.
    Float,
    /// Keys in reverse order.
    Reordered,
}

impl BodyStyle {
    /// All styles, in the order in which they are listed.
    pub const ALL: [Self; 5] = [Self::Provider, Self::Spaced, Self::Escaped, Self::Float, Self::Reordered];

    /// Returns the name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Spaced => "spaced",
            Self::Escaped => "escaped",
            Self::Float => "float",
            Self::Reordered => "reordered",
        }
    }

    /// Returns a description in a few words, as in help.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Provider => "As the provider writes it",
            Self::Spaced => "A space after `:` and `,`",
            Self::Escaped => "Characters as escapes: `\\u00e9` for é, `\\/` for a slash",
            Self::Float => "Numbers with one more digit: `1.0` for 1",
            Self::Reordered => "Keys in reverse order",
        }
    }

    /// Returns the same JSON in this style; nothing if the style changes nothing in it, or if it is not JSON.
    #[must_use]
    pub fn rewrite(self, body: &[u8]) -> Option<Vec<u8>> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let written = match self {
            Self::Provider => return None,
            Self::Spaced => write(&value, Spaced),
            // Every letter, if nothing else could be escaped.
            Self::Escaped => write(&value, Escaped { letters: false })
                .filter(|written| written != body && written.contains(&b'\\'))
                .or_else(|| write(&value, Escaped { letters: true })),
            Self::Float if !has_number(&value) => None,
            Self::Float => write(&value, Float),
            Self::Reordered => write(&reordered(value), CompactFormatter),
        };
        written.filter(|written| written != body)
    }
}

fn write(value: &Value, formatter: impl Formatter) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    Some(bytes)
}

fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_number),
        Value::Object(fields) => fields.values().any(has_number),
        _ => false,
    }
}

/// Reverses the keys of every object. If that happens to be the order of their names, to which some serializers sort
/// them, the first one moves to the end.
fn reordered(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(reordered).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.into_iter().rev().map(|(key, value)| (key, reordered(value))).collect();
            if fields.is_sorted_by(|one, other| one.0 < other.0) && fields.len() > 2 {
                fields.rotate_left(1);
            }
            fields.into_iter().collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// A space after `:` and `,`, as Python's `json.dumps` writes it.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Escapes that JSON allows and does not need, as PHP and .NET write them.
struct Escaped {
    letters: bool,
}

impl Formatter for Escaped {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for letter in fragment.chars() {
            match letter {
                '/' => writer.write_all(b"\\/")?,
                '<' | '>' | '&' | '\'' | '+' | '@' => write!(writer, "\\u{:04x}", u32::from(letter))?,
                _ if letter.is_ascii() && !(self.letters && letter.is_ascii_alphabetic()) => {
                    writer.write_all(&[u8::try_from(letter).unwrap_or(b'?')])?;
                }
                _ => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Numbers with one more digit: `1.0` for 1, `1.50` for 1.5.
struct Float;

impl Formatter for Float {
    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        write!(writer, "{value}.0")
    }

    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        write!(writer, "{value}.0")
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let text = serde_json::to_string(&value).unwrap_or_default();
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, ""));
        let point = if digits.contains('.') { "0" } else { ".0" };
        let e = if exponent.is_empty() { "" } else { "e" };
        write!(writer, "{digits}{point}{e}{exponent}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"b":"é/<😀","a":{"n":1,"m":-2.5,"x":[1e30,true]},"z":null}"#;

    #[test]
    fn each_style_is_the_same_json_in_other_bytes() {
        for (style, expected) in [
            (BodyStyle::Spaced, r#"{"b": "é/<😀", "a": {"n": 1, "m": -2.5, "x": [1e+30, true]}, "z": null}"#),
            (
                BodyStyle::Escaped,
                r#"{"b":"\u00e9\/\u003c\ud83d\ude00","a":{"n":1,"m":-2.5,"x":[1e+30,true]},"z":null}"#,
            ),
            (BodyStyle::Float, r#"{"b":"é/<😀","a":{"n":1.0,"m":-2.50,"x":[1.0e+30,true]},"z":null}"#),
            (BodyStyle::Reordered, r#"{"z":null,"a":{"x":[1e+30,true],"m":-2.5,"n":1},"b":"é/<😀"}"#),
        ] {
            let written = style.rewrite(BODY.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&written), expected, "{style:?}");
            let same = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
            if style != BodyStyle::Float {
                assert_eq!(same(&written), same(BODY.as_bytes()));
            }
        }
    }

    #[test]
    fn a_style_that_would_change_nothing_gives_nothing() {
        assert_eq!(BodyStyle::Float.rewrite(br#"{"a":"1"}"#), None);
        assert_eq!(BodyStyle::Spaced.rewrite(b"{}"), None);
        assert_eq!(BodyStyle::Reordered.rewrite(br#"{"a":1}"#), None);
        assert_eq!(BodyStyle::Spaced.rewrite(b"a=1&b=2"), None);
        assert_eq!(BodyStyle::Provider.rewrite(br#"{"a":1}"#), None);
    }

    #[test]
    fn a_body_with_nothing_to_escape_has_its_letters_escaped() {
        let written = BodyStyle::Escaped.rewrite(br#"{"a":"b1"}"#).unwrap();
        assert_eq!(written, br#"{"\u0061":"\u00621"}"#);
    }

    #[test]
    fn keys_in_reverse_are_not_in_the_order_of_their_names() {
        let written = BodyStyle::Reordered.rewrite(br#"{"c":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(written, br#"{"b":2,"c":1,"a":3}"#);
    }
}
