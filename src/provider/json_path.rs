//! Paths into a JSON text: `data.to[0].email`, or a JSON Pointer (RFC 6901) such as `/data/to/0/email`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A path such as `data.to[0].email`. A dot inside a key is written `\.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<PathSegment>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathSegment {
    Key(String),
    Index(usize),
    /// A step of a pointer: a key of an object, or an index into a list.
    Step(String),
}

impl PathSegment {
    fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) | Self::Step(key) => Some(key),
            Self::Index(_) => None,
        }
    }

    fn index(&self) -> Option<usize> {
        match self {
            Self::Index(index) => Some(*index),
            // RFC 6901, section 4: no leading zeros.
            Self::Step(step) => step.parse().ok().filter(|index: &usize| index.to_string() == *step),
            Self::Key(_) => None,
        }
    }

    /// Removes the value that it names in `parent`; false if there is none.
    pub(super) fn remove_from(&self, parent: &mut Value) -> bool {
        match parent {
            Value::Object(fields) => self.key().is_some_and(|key| fields.shift_remove(key).is_some()),
            Value::Array(items) => {
                let index = self.index().filter(|index| *index < items.len());
                index.map(|index| items.remove(index)).is_some()
            }
            _ => false,
        }
    }
}

impl JsonPath {
    /// The path of a whole text.
    #[must_use]
    pub fn root() -> Self {
        Self(Vec::new())
    }

    /// Returns the path of a key in the object at this path.
    #[must_use]
    pub fn child(&self, key: &str) -> Self {
        self.with(PathSegment::Key(key.to_owned()))
    }

    /// Returns the path of an item in the list at this path.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.with(PathSegment::Index(index))
    }

    fn with(&self, segment: PathSegment) -> Self {
        Self(self.0.iter().cloned().chain([segment]).collect())
    }

    /// Returns the value at the path.
    pub(super) fn find_mut<'a>(&self, body: &'a mut Value) -> Option<&'a mut Value> {
        find_mut(body, &self.0)
    }

    /// Returns the value that holds the last segment, and that segment.
    pub(super) fn parent_mut<'a>(&self, body: &'a mut Value) -> Option<(&'a mut Value, &PathSegment)> {
        let (last, parents) = self.0.split_last()?;
        Some((find_mut(body, parents)?, last))
    }

    /// Returns the JSON of the value at the path, as it is written in `text`. Of repeated keys the last counts. `None` if
    /// there is no such value, or the text is not JSON.
    #[must_use]
    pub fn find_raw<'a>(&self, text: &'a [u8]) -> Option<&'a str> {
        let whole: &RawValue = serde_json::from_slice(text).ok()?;
        self.0.iter().try_fold(whole, |parent, segment| children(parent, segment).pop()).map(RawValue::get)
    }

    /// Returns the places of the values at the path in `text`, in order: several if a key is repeated.
    #[must_use]
    pub fn find_ranges(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Ok(whole) = serde_json::from_slice::<&RawValue>(text) else { return Vec::new() };
        let found = self.0.iter().fold(vec![whole], |parents, segment| {
            parents.into_iter().flat_map(|parent| children(parent, segment)).collect()
        });
        let start = text.as_ptr().addr();
        let range = |value: &RawValue| {
            let from = value.get().as_ptr().addr() - start;
            from..from + value.get().len()
        };
        found.into_iter().map(range).collect()
    }
}

fn find_mut<'a>(body: &'a mut Value, segments: &[PathSegment]) -> Option<&'a mut Value> {
    segments.iter().try_fold(body, |value, segment| match value {
        Value::Object(fields) => fields.get_mut(segment.key()?),
        Value::Array(items) => items.get_mut(segment.index()?),
        _ => None,
    })
}

/// Returns the values at a pointer, in which `*` stands for every item of a list.
pub(super) fn matches<'a>(value: &'a mut Value, pointer: &str) -> Vec<&'a mut Value> {
    let Some(steps) = pointer.strip_prefix('/') else { return vec![value] };
    let (step, rest) = steps.split_at(steps.find('/').unwrap_or(steps.len()));
    if step == "*" {
        return value.as_array_mut().into_iter().flatten().flat_map(|item| matches(item, rest)).collect();
    }
    value.pointer_mut(&format!("/{step}")).map_or_else(Vec::new, |value| matches(value, rest))
}

/// Returns the values that a segment names inside of another: several if a key is repeated.
fn children<'a>(parent: &'a RawValue, segment: &PathSegment) -> Vec<&'a RawValue> {
    struct ChildVisitor<'s>(&'s PathSegment);
    impl<'de> Visitor<'de> for ChildVisitor<'_> {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or a list")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
            let (wanted, mut found) = (self.0.key(), Vec::new());
            while let Some(Key(key)) = fields.next_key()? {
                if wanted == Some(&*key) {
                    found.push(fields.next_value()?);
                } else {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let (wanted, mut index, mut found) = (self.0.index(), 0, Vec::new());
            loop {
                if wanted == Some(index) {
                    match items.next_element()? {
                        Some(item) => found.push(item),
                        None => return Ok(found),
                    }
                } else if items.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(found);
                }
                index += 1;
            }
        }
    }
    if !parent.get().starts_with(['{', '[']) {
        return Vec::new();
    }
    let mut text = serde_json::Deserializer::from_str(parent.get());
    text.deserialize_any(ChildVisitor(segment)).unwrap_or_default()
}

/// A key, borrowed if it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Returns every path of a body, in order.
pub(super) fn paths(body: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &mut Vec<PathSegment>, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    at.push(PathSegment::Key(key.clone()));
                    found.push(JsonPath(at.clone()).to_string());
                    walk(value, at, found);
                    at.pop();
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    at.push(PathSegment::Index(index));
                    found.push(JsonPath(at.clone()).to_string());
                    walk(value, at, found);
                    at.pop();
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(body, &mut Vec::new(), &mut found);
    found
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a path, expected one such as `data.recipient` or `data.to[0].email`");
        if let Some(pointer) = text.strip_prefix('/') {
            let step = |step: &str| PathSegment::Step(step.replace("~1", "/").replace("~0", "~"));
            return Ok(Self(pointer.split('/').map(step).collect()));
        }
        let mut segments = Vec::new();
        let mut key = String::new();
        let mut after_index = false;
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => key.push(characters.next().ok_or_else(wrong)?),
                '.' | '[' => {
                    if !key.is_empty() {
                        segments.push(PathSegment::Key(std::mem::take(&mut key)));
                    } else if !(after_index || c == '[' && segments.is_empty()) {
                        return Err(wrong());
                    }
                    after_index = false;
                    if c == '[' {
                        let digits: String = characters.by_ref().take_while(|c| *c != ']').collect();
                        segments.push(PathSegment::Index(digits.parse().map_err(|_| wrong())?));
                        after_index = true;
                    }
                }
                _ if after_index => return Err(wrong()),
                _ => key.push(c),
            }
        }
        if !key.is_empty() {
            segments.push(PathSegment::Key(key));
        } else if !after_index {
            return Err(wrong());
        }
        Ok(Self(segments))
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                PathSegment::Key(key) => {
                    let key = key.replace('\\', "\\\\").replace('.', "\\.").replace('[', "\\[");
                    let before = match index {
                        // It would be a pointer.
                        0 if key.starts_with('/') => "\\",
                        0 => "",
                        _ => ".",
                    };
                    write!(f, "{before}{key}")?;
                }
                PathSegment::Step(step) => write!(f, "/{}", step.replace('~', "~0").replace('/', "~1"))?,
                PathSegment::Index(number) => write!(f, "[{number}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_path_is_rejected() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "[", "a\\"] {
            assert!(text.parse::<JsonPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_found_as_it_is_written() {
        let text =
            r#" {"a":{"b":[1.0,{"c/d":"\u00e9"},null]},"t":1,"t" : 12345678901234567890123,"e~f":true,"0":[7]} "#;
        for (path, expected) in [
            ("a.b[0]", Some("1.0")),
            ("/a/b/0", Some("1.0")),
            ("a.b[1].c/d", Some("\"\\u00e9\"")),
            ("/a/b/1/c~1d", Some("\"\\u00e9\"")),
            ("a.b[2]", Some("null")),
            ("a.b[3]", None),
            ("/a/b/00", None),
            ("t", Some("12345678901234567890123")),
            ("/e~0f", Some("true")),
            ("/0/0", Some("7")),
            ("[0]", None),
            ("t.x", None),
            ("a.0", None),
        ] {
            assert_eq!(path.parse::<JsonPath>().unwrap().find_raw(text.as_bytes()), expected, "{path}");
        }
        for text in ["", "{", r#"{"t":1}x"#, "\u{feff}{\"t\":1}"] {
            assert_eq!("t".parse::<JsonPath>().unwrap().find_raw(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!("/0/0".parse::<JsonPath>().unwrap().find_raw("[".repeat(100_000).as_bytes()), None);
    }

    #[test]
    fn a_star_in_a_pointer_is_every_item() {
        let mut body = serde_json::json!([{"n": 1}, {"m": 2}, {"n": [3, 4]}, 5]);
        for (pointer, expected) in [
            ("/*/n", &["1", "[3,4]"][..]),
            ("/2/n/*", &["3", "4"]),
            ("/0/n", &["1"]),
            ("/*/*", &["3", "4"][..0]),
            ("/n", &[]),
            ("/9", &[]),
        ] {
            let found: Vec<String> = matches(&mut body, pointer).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{pointer}");
        }
    }

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for text in ["a.b[0]", "\\/a", "/a/0", "/a~1b/~0", "a\\.b", "/"] {
            let path: JsonPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
            assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}
