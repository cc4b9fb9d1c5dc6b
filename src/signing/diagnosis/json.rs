//! Parses JSON so that it can be written like another serializer: with the original numbers and order of keys.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value with the details that a usual parser discards.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum JsonNode {
    /// `null`, `true` or `false`.
    Literal(String),
    /// A number, in its original form.
    Number(String),
    String(String),
    Array(Vec<JsonNode>),
    /// Repeated keys are included.
    Object(Vec<(String, JsonNode)>),
}

impl JsonNode {
    /// Parses a body; `None` if it is not JSON.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        Self::from_raw(raw, 0)
    }

    fn from_raw(raw: &RawValue, depth: usize) -> Option<Self> {
        // The limit of serde_json itself.
        if depth > 127 {
            return None;
        }
        let text = raw.get();
        match text.as_bytes().first()? {
            b'"' => serde_json::from_str(text).ok().map(Self::String),
            b'[' => {
                let RawItems(items) = serde_json::from_str(text).ok()?;
                items.into_iter().map(|item| Self::from_raw(item, depth + 1)).collect::<Option<_>>().map(Self::Array)
            }
            b'{' => {
                let RawFields(entries) = serde_json::from_str(text).ok()?;
                let fields = entries.into_iter().map(|(key, value)| Some((key, Self::from_raw(value, depth + 1)?)));
                fields.collect::<Option<_>>().map(Self::Object)
            }
            b'n' | b't' | b'f' => Some(Self::Literal(text.to_owned())),
            _ => Some(Self::Number(text.to_owned())),
        }
    }
}

struct RawItems<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for RawItems<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawItemsVisitor;
        impl<'de> Visitor<'de> for RawItemsVisitor {
            type Value = RawItems<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawItems<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(RawItems(items))
            }
        }
        deserializer.deserialize_seq(RawItemsVisitor)
    }
}

struct RawFields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawFieldsVisitor;
        impl<'de> Visitor<'de> for RawFieldsVisitor {
            type Value = RawFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFields<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                if entries.len() > 1 << 20 {
                    return Err(A::Error::custom("too many keys"));
                }
                Ok(RawFields(entries))
            }
        }
        deserializer.deserialize_map(RawFieldsVisitor)
    }
}

/// The maximum size of the output: 4 MiB. Indented, a body of deeply nested values grows five hundredfold.
const MAX_OUTPUT_BYTES: usize = 4 << 20;

/// The style of a serializer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SerializerProfile {
    /// True if a space follows a comma, and a colon.
    pub(super) spaced: bool,
    /// Spaces a level, each value on a line of its own.
    pub(super) indent: Option<usize>,
    pub(super) sorted: bool,
    pub(super) escapes: Escapes,
    pub(super) numbers: Numbers,
    /// True if a repeated key is kept once, with its last value.
    pub(super) map: bool,
}

/// The characters that are escaped, beyond those that must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    None,
    /// Everything beyond ASCII.
    Unicode,
    /// `/`, and everything beyond ASCII.
    SlashAndUnicode,
    /// `/` alone.
    Slash,
    /// `<`, `>`, `&`, U+2028 and U+2029.
    Html,
    /// `<`, `>`, `&`, `=`, `'`.
    Gson,
}

/// The form of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    AsTheyStood,
    /// As ECMAScript does; keys that are integers come first.
    Ecmascript,
    /// As Python's `repr` does.
    Python,
}

impl SerializerProfile {
    /// Returns the bytes; `None` if they are more than [`MAX_OUTPUT_BYTES`].
    pub(super) fn write(self, node: &JsonNode) -> Option<Vec<u8>> {
        let mut out = String::new();
        self.node(node, 0, &mut out);
        (out.len() <= MAX_OUTPUT_BYTES).then(|| out.into_bytes())
    }

    fn node(self, node: &JsonNode, depth: usize, out: &mut String) {
        if out.len() > MAX_OUTPUT_BYTES {
            return;
        }
        match node {
            JsonNode::Literal(word) => out.push_str(word),
            JsonNode::Number(number) => out.push_str(&self.number(number)),
            JsonNode::String(text) => self.text(text, out),
            JsonNode::Array(items) => {
                self.group(('[', ']'), items.len(), depth, out, |index, out| self.node(&items[index], depth + 1, out));
            }
            JsonNode::Object(fields) => {
                let fields = self.arranged(fields);
                self.group(('{', '}'), fields.len(), depth, out, |index, out| {
                    let (key, value) = fields[index];
                    self.text(key, out);
                    out.push(':');
                    if self.spaced || self.indent.is_some() {
                        out.push(' ');
                    }
                    self.node(value, depth + 1, out);
                });
            }
        }
    }

    fn group(
        self,
        (open, close): (char, char),
        count: usize,
        depth: usize,
        out: &mut String,
        mut each: impl FnMut(usize, &mut String),
    ) {
        out.push(open);
        for index in 0..count {
            if index > 0 {
                out.push(',');
                if self.spaced && self.indent.is_none() {
                    out.push(' ');
                }
            }
            self.line(depth + 1, out);
            each(index, out);
        }
        if count > 0 {
            self.line(depth, out);
        }
        out.push(close);
    }

    fn line(self, depth: usize, out: &mut String) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    /// Returns the fields in the order of this serializer.
    fn arranged(self, fields: &[(String, JsonNode)]) -> Vec<(&String, &JsonNode)> {
        let mut arranged: Vec<(&String, &JsonNode)> = Vec::with_capacity(fields.len());
        let mut places: HashMap<&String, usize> = HashMap::new();
        for (key, value) in fields {
            // The position of each key is remembered, because a body may have very many of them.
            let place = if self.map { *places.entry(key).or_insert(arranged.len()) } else { arranged.len() };
            match arranged.get_mut(place) {
                Some(entry) => entry.1 = value,
                None => arranged.push((key, value)),
            }
        }
        if self.sorted {
            arranged.sort_by_key(|(key, _)| *key);
        } else if self.numbers == Numbers::Ecmascript {
            // A stable sort: keys that are not indexes keep their order, after those that are.
            arranged.sort_by_key(|(key, _)| index(key).map_or((1, 0), |index| (0, index)));
        }
        arranged
    }

    fn number(self, number: &str) -> String {
        let float = number.contains(['.', 'e', 'E']);
        match self.numbers {
            Numbers::AsTheyStood => number.to_owned(),
            Numbers::Python if !float => if number == "-0" { "0" } else { number }.to_owned(),
            Numbers::Python => number.parse().map_or_else(|_| number.to_owned(), python_float),
            Numbers::Ecmascript => match number.parse::<f64>() {
                // `JSON.stringify` writes numbers that are too large as `null`.
                Ok(number) if number.is_infinite() => "null".to_owned(),
                Ok(number) => ecmascript_number(number),
                Err(_) => number.to_owned(),
            },
        }
    }

    fn text(self, text: &str, out: &mut String) {
        use fmt::Write as _;
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '/' if matches!(self.escapes, Escapes::Slash | Escapes::SlashAndUnicode) => out.push_str("\\/"),
                _ if c < ' ' || self.escapes.covers(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                _ => out.push(c),
            }
        }
        out.push('"');
    }
}

impl Escapes {
    fn covers(self, c: char) -> bool {
        match self {
            Self::None | Self::Slash => false,
            Self::Unicode => !c.is_ascii() || c == '\u{7f}',
            Self::SlashAndUnicode => !c.is_ascii(),
            Self::Html => matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'),
            Self::Gson => matches!(c, '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}'),
        }
    }
}

/// Returns a key as an array index: canonical decimal below 2^32 - 1.
pub(crate) fn index(key: &str) -> Option<u32> {
    let index: u32 = key.parse().ok()?;
    (index != u32::MAX && index.to_string() == key).then_some(index)
}

/// ECMA-262, `Number::toString`.
pub(crate) fn ecmascript_number(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let (sign, digits, point) = decimal(number);
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let at = usize::try_from(point).unwrap_or(0);
    let body = if count <= point && point <= 21 {
        format!("{digits}{}", zeros(point - count))
    } else if 0 < point && point <= 21 {
        format!("{}.{}", &digits[..at], &digits[at..])
    } else if -6 < point && point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{first}{dot}{rest}e{:+}", point - 1)
    };
    format!("{sign}{body}")
}

/// Python's `repr` of a float: the shortest digits, an exponent of two digits below 1e-4 and from 1e16.
fn python_float(number: f64) -> String {
    if number == 0.0 {
        return if number.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let (sign, digits, point) = decimal(number);
    if !(-3..=16).contains(&point) {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent = point - 1;
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{dot}{rest}e{mark}{:02}", exponent.abs());
    }
    let text = ecmascript_number(number);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// Sign, shortest digits, and the position of the decimal point, counted in digits from the left.
fn decimal(number: f64) -> (&'static str, String, i32) {
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
    (sign, digits, exponent.parse::<i32>().unwrap_or_default() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: SerializerProfile = SerializerProfile {
        spaced: false,
        indent: None,
        sorted: false,
        escapes: Escapes::None,
        numbers: Numbers::AsTheyStood,
        map: false,
    };

    fn written(profile: SerializerProfile, text: &str) -> String {
        String::from_utf8(profile.write(&JsonNode::read(text.as_bytes()).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn nothing_is_lost_that_the_serialiser_would_keep() {
        let text = r#"{"b":1.10,"a":[1E400,{}, [ ]],"b":-0,"c":"\u003c\/é"}"#;
        assert_eq!(written(PLAIN, text), r#"{"b":1.10,"a":[1E400,{},[]],"b":-0,"c":"</é"}"#);
        let map = SerializerProfile { map: true, sorted: true, ..PLAIN };
        assert_eq!(written(map, text), r#"{"a":[1E400,{},[]],"b":-0,"c":"</é"}"#);
    }

    #[test]
    fn python_prints_floats_as_its_repr_does() {
        // What `json.dumps(json.loads(text))` prints in Python 3.11.
        let python = SerializerProfile { numbers: Numbers::Python, ..PLAIN };
        for (text, expected) in [
            ("1.10", "1.1"),
            ("1e3", "1000.0"),
            ("1e16", "1e+16"),
            ("1e15", "1000000000000000.0"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("12345678901234567890", "12345678901234567890"),
            ("1.5e300", "1.5e+300"),
            ("-1e400", "-Infinity"),
        ] {
            assert_eq!(written(python, text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_large_for_javascript_is_null() {
        assert_eq!(
            written(SerializerProfile { numbers: Numbers::Ecmascript, ..PLAIN }, "[1e400,-1e400]"),
            "[null,null]"
        );
    }

    #[test]
    fn many_keys_and_deep_lists_cost_no_more_than_their_size() {
        // With a search for each key, and 500 blanks before each number, this took minutes and gigabytes.
        let keys: Vec<String> = (0..60_000).map(|key| format!("\"{key:06}\":0")).collect();
        let text = format!("{{{},\"000000\":1}}", keys.join(","));
        assert!(written(SerializerProfile { map: true, ..PLAIN }, &text).starts_with("{\"000000\":1,"));
        let deep = format!("{}{}0{}", "[".repeat(120), "0,".repeat(400_000), "]".repeat(120));
        assert_eq!(
            SerializerProfile { indent: Some(4), ..PLAIN }.write(&JsonNode::read(deep.as_bytes()).unwrap()),
            None
        );
    }

    #[test]
    fn escapes_are_those_of_the_serialiser() {
        let text = "\"</é😀='\u{7f}\"";
        for (escapes, expected) in [
            (Escapes::Unicode, "\"</\\u00e9\\ud83d\\ude00='\\u007f\""),
            (Escapes::SlashAndUnicode, "\"<\\/\\u00e9\\ud83d\\ude00='\u{7f}\""),
            (Escapes::Slash, "\"<\\/é😀='\u{7f}\""),
            (Escapes::Html, "\"\\u003c/é😀='\u{7f}\""),
            (Escapes::Gson, "\"\\u003c/é😀\\u003d\\u0027\u{7f}\""),
        ] {
            assert_eq!(written(SerializerProfile { escapes, ..PLAIN }, text), expected, "{escapes:?}");
        }
    }

    #[test]
    fn what_is_not_json_or_too_deep_is_left_alone() {
        assert_eq!(JsonNode::read(b"{"), None);
        assert_eq!(JsonNode::read(b"\xff"), None);
        assert_eq!(JsonNode::read("[".repeat(100_000).as_bytes()), None);
    }
}
