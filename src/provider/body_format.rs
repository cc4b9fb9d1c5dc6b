//! Formats in which providers write bodies, byte for byte.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::value::RawValue;

use crate::signing::{array_index, ecmascript_number};

/// The serializer that produces a provider's bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyFormat {
    /// Compact, nothing escaped that JSON does not require.
    Compact,
    /// Go's `encoding/json`: compact, with `<`, `>`, `&`, U+2028 and U+2029 escaped.
    Go,
    /// Go's `encoding/json` with an indentation of two spaces.
    GoIndented,
    /// `JSON.stringify`: compact, numbers as ECMAScript prints them, integer keys first and in order. Parsing such a
    /// body and serializing it again gives the same bytes.
    Javascript,
    /// Python's `json.dumps` with compact separators: all but printable ASCII as `\uXXXX`.
    Ascii,
    /// PHP's `json_encode`: compact, `/` as `\/`, all but ASCII as `\uXXXX`.
    Php,
    /// Compact, with each item of an outer array on a line of its own: CR LF between the items and at the end.
    Lines,
    /// Not JSON: the fields of the template's object as `application/x-www-form-urlencoded`.
    Form,
}

impl BodyFormat {
    /// Serializes a value in this format.
    #[must_use]
    pub fn write(self, value: &Value) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        let written = match self {
            Self::Compact => serde_json::to_writer(&mut bytes, value),
            Self::Go => value.serialize(&mut Serializer::with_formatter(&mut bytes, GoFormatter)),
            Self::GoIndented => {
                let formatter = GoIndentedFormatter(PrettyFormatter::new());
                value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
            }
            Self::Javascript => serde_json::to_writer(&mut bytes, &EcmascriptValue(value)),
            Self::Ascii => value.serialize(&mut Serializer::with_formatter(&mut bytes, AsciiFormatter)),
            Self::Php => value.serialize(&mut Serializer::with_formatter(&mut bytes, PhpFormatter)),
            Self::Lines => write_lines(&mut bytes, value),
            Self::Form => return form(value).into_bytes(),
        };
        written.expect("a value in memory can be written to memory");
        bytes
    }

    /// True if parsing this body and serializing it again, as the provider's own serializer does, gives the same bytes;
    /// `None` if the body is not JSON, or the format does not promise it.
    #[must_use]
    pub fn is_stable_when_reserialized(self, body: &[u8]) -> Option<bool> {
        if self != Self::Javascript {
            return None;
        }
        let value: Value = serde_json::from_slice(body).ok()?;
        Some(self.write(&value) == body)
    }

    /// Replaces the value at a pointer in a JSON body.
    ///
    /// # Errors
    /// The body is not JSON, or has no value there.
    pub fn set_pointer(self, body: &[u8], pointer: &str, new: Value) -> Result<Vec<u8>, String> {
        let mut value: Value =
            serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
        *value.pointer_mut(pointer).ok_or_else(|| format!("the body has no `{pointer}`"))? = new;
        Ok(self.write(&value))
    }
}

/// `serde_json`'s compact form with Go's additional escapes.
struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(writer, fragment, |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'))
    }
}

/// `serde_json`'s indented form with Go's additional escapes.
struct GoIndentedFormatter(PrettyFormatter<'static>);

impl Formatter for GoIndentedFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        GoFormatter.write_string_fragment(writer, fragment)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// `serde_json`'s compact form with escapes for all but printable ASCII.
struct AsciiFormatter;

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(writer, fragment, |c| !(' '..='~').contains(&c))
    }
}

/// `serde_json`'s compact form with PHP's additional escapes.
struct PhpFormatter;

impl Formatter for PhpFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for (index, part) in fragment.split('/').enumerate() {
            if index > 0 {
                writer.write_all(b"\\/")?;
            }
            write_escaped(writer, part, |c| !c.is_ascii())?;
        }
        Ok(())
    }
}

/// Writes text with `\uXXXX` for the characters that are `special`.
fn write_escaped<W: ?Sized + Write>(writer: &mut W, text: &str, special: fn(char) -> bool) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        writer.write_all(&rest.as_bytes()[..at])?;
        let found = rest[at..].chars().next().expect("find gave the place of a character");
        for unit in found.encode_utf16(&mut [0; 2]) {
            write!(writer, "\\u{unit:04x}")?;
        }
        rest = &rest[at + found.len_utf8()..];
    }
    writer.write_all(rest.as_bytes())
}

fn write_lines(bytes: &mut Vec<u8>, value: &Value) -> serde_json::Result<()> {
    let Value::Array(items) = value else {
        serde_json::to_writer(&mut *bytes, value)?;
        bytes.extend_from_slice(b"\r\n");
        return Ok(());
    };
    bytes.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            bytes.extend_from_slice(b",\r\n");
        }
        serde_json::to_writer(&mut *bytes, item)?;
    }
    bytes.extend_from_slice(b"]\r\n");
    Ok(())
}

/// A value as ECMAScript's `JSON.stringify(JSON.parse(…))` leaves it.
struct EcmascriptValue<'a>(&'a Value);

impl Serialize for EcmascriptValue<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) => {
                let text = ecmascript_number(number.as_f64().unwrap_or_default());
                let raw = RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
                raw.serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(EcmascriptValue)),
            Value::Object(fields) => {
                // Keys that are array indices come first, in the order of their numbers (ECMA-262, OrdinaryOwnPropertyKeys).
                let mut indices: Vec<(u32, &String)> =
                    fields.keys().filter_map(|key| Some((array_index(key)?, key))).collect();
                indices.sort_unstable();
                let others = fields.keys().filter(|key| array_index(key).is_none());
                let keys = indices.iter().map(|(_, key)| *key).chain(others);
                serializer.collect_map(keys.map(|key| (key, EcmascriptValue(&fields[key]))))
            }
            other => other.serialize(serializer),
        }
    }
}

/// Writes the fields of an object as a form; nested values as JSON.
fn form(value: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => form.append_pair(key, text),
            other => form.append_pair(key, &other.to_string()),
        };
    }
    form.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_ecmascript_does() {
        // What `JSON.stringify(JSON.parse(text))` prints in Node 20.
        for (text, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.50", "1.5"),
            ("12345678901234567890", "12345678901234567000"),
            ("9007199254740993", "9007199254740992"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("-1.5e-10", "-1.5e-10"),
            ("5e-324", "5e-324"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(String::from_utf8(BodyFormat::Javascript.write(&value)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn keys_that_are_integers_come_first() {
        let value: Value = serde_json::from_str(r#"{"b":1,"10":2,"a":{"2":0,"01":1},"9":3,"4294967295":4}"#).unwrap();
        assert_eq!(
            String::from_utf8(BodyFormat::Javascript.write(&value)).unwrap(),
            r#"{"9":3,"10":2,"b":1,"a":{"2":0,"01":1},"4294967295":4}"#
        );
    }

    #[test]
    fn a_body_that_a_rewrite_would_change_is_told_from_one_that_it_would_not() {
        for (body, expected) in [
            (r#"{"a":"\u2028é\b","n":1}"#, Some(false)),
            ("{\"a\":\"é\u{2028}\\b\\f\\u0001\",\"n\":null}", Some(true)),
            (r#"{"a": 1}"#, Some(false)),
            (r#"{"a":1.0}"#, Some(false)),
            (r#"{"a":"\/"}"#, Some(false)),
            ("{\"a\":1}\n", Some(false)),
            ("hello", None),
        ] {
            assert_eq!(BodyFormat::Javascript.is_stable_when_reserialized(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(BodyFormat::Go.is_stable_when_reserialized(b"{ }"), None);
    }

    #[test]
    fn a_form_is_written_as_browsers_do() {
        assert_eq!(BodyFormat::Form.write(&serde_json::json!({"To": "+1 555", "N": 2})), b"To=%2B1+555&N=2");
    }

    #[test]
    fn ascii_escapes_all_but_printable_ascii() {
        let value = serde_json::json!({"né": "<a>&'/ \"\\\u{7f}\n\u{1}😀"});
        // The output of Python's json.dumps(value, separators=(",", ":")).
        assert_eq!(
            String::from_utf8(BodyFormat::Ascii.write(&value)).unwrap(),
            r#"{"n\u00e9":"<a>&'/ \"\\\u007f\n\u0001\ud83d\ude00"}"#
        );
    }

    #[test]
    fn php_escapes_slashes_and_all_but_ascii() {
        let value = serde_json::json!({"n/é": "<a>&'/ \"\\\u{7f}\n\u{1}😀"});
        // The output of PHP's json_encode($value).
        assert_eq!(
            String::from_utf8(BodyFormat::Php.write(&value)).unwrap(),
            "{\"n\\/\\u00e9\":\"<a>&'\\/ \\\"\\\\\u{7f}\\n\\u0001\\ud83d\\ude00\"}"
        );
    }

    #[test]
    fn go_indents_with_two_spaces() {
        let value = serde_json::json!({"a": [1, {"b": "<é>"}], "c": {}, "d": []});
        // The output of Go's json.MarshalIndent(value, "", "  ").
        assert_eq!(
            String::from_utf8(BodyFormat::GoIndented.write(&value)).unwrap(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\\u003cé\\u003e\"\n    }\n  ],\n  \"c\": {},\n  \"d\": []\n}"
        );
    }

    #[test]
    fn lines_end_with_cr_lf_and_hold_an_item_each() {
        let written = |value| String::from_utf8(BodyFormat::Lines.write(&value)).unwrap();
        assert_eq!(written(serde_json::json!([{"a": 1}, {"b": [2, 3]}])), "[{\"a\":1},\r\n{\"b\":[2,3]}]\r\n");
        assert_eq!(written(serde_json::json!([])), "[]\r\n");
        assert_eq!(written(serde_json::json!({"a": [1]})), "{\"a\":[1]}\r\n");
    }

    #[test]
    fn go_escapes_what_html_could_misread() {
        let value = Value::String("<a>&\u{2028}\u{2029} é \"\u{7f}\n\u{1}".into());
        // The output of Go's json.Marshal for the same string.
        assert_eq!(
            String::from_utf8(BodyFormat::Go.write(&value)).unwrap(),
            "\"\\u003ca\\u003e\\u0026\\u2028\\u2029 é \\\"\u{7f}\\n\\u0001\""
        );
        assert_eq!(BodyFormat::Compact.write(&serde_json::json!({"a": [1, "<"]})), b"{\"a\":[1,\"<\"]}");
    }
}
