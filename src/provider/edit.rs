//! Edits of a JSON body: `--set PATH=TEXT`, `--set PATH:=JSON`, `--unset PATH`.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// A path such as `data.to[0].email`. A dot inside a key is written `\.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(Vec<PathSegment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathSegment {
    Key(String),
    Index(usize),
}

/// One edit.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Replaces the value at the path.
    Set(JsonPath, Value),
    /// Removes the value at the path.
    Unset(JsonPath),
}

/// The reason why an edit was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The body has nothing at that path.
    NoSuchPath,
}

impl Edit {
    /// Parses `PATH=TEXT` or `PATH:=JSON`.
    pub fn set(text: &str) -> Result<Self, String> {
        let at = text.find('=').ok_or_else(|| format!("`{text}` lacks a `=`, expected PATH=TEXT or PATH:=JSON"))?;
        let (path, value) = (&text[..at], &text[at + 1..]);
        match path.strip_suffix(':') {
            Some(path) => {
                let value = serde_json::from_str(value).map_err(|error| {
                    format!("what follows `:=` is not JSON: {error}; for plain text use `{path}={value}`")
                })?;
                Ok(Self::Set(path.parse()?, value))
            }
            None => Ok(Self::Set(path.parse()?, Value::String(value.to_owned()))),
        }
    }

    /// Parses a path to remove.
    pub fn unset(text: &str) -> Result<Self, String> {
        text.parse().map(Self::Unset)
    }

    /// Returns the path that is changed.
    #[must_use]
    pub fn path(&self) -> &JsonPath {
        match self {
            Self::Set(path, _) | Self::Unset(path) => path,
        }
    }

    /// Applies the edit. The path must exist, so that a typo does not pass as an edit.
    pub fn apply(&self, body: &mut Value) -> Result<(), EditError> {
        match self {
            Self::Set(path, value) => {
                *find(body, &path.0).ok_or(EditError::NoSuchPath)? = value.clone();
            }
            Self::Unset(path) => {
                let (last, parents) = path.0.split_last().ok_or(EditError::NoSuchPath)?;
                match (find(body, parents).ok_or(EditError::NoSuchPath)?, last) {
                    (Value::Object(fields), PathSegment::Key(key)) => {
                        fields.shift_remove(key).ok_or(EditError::NoSuchPath)?;
                    }
                    (Value::Array(items), PathSegment::Index(index)) if *index < items.len() => {
                        items.remove(*index);
                    }
                    _ => return Err(EditError::NoSuchPath),
                }
            }
        }
        Ok(())
    }
}

fn find<'a>(body: &'a mut Value, segments: &[PathSegment]) -> Option<&'a mut Value> {
    segments.iter().try_fold(body, |value, segment| match segment {
        PathSegment::Key(key) => value.as_object_mut()?.get_mut(key),
        PathSegment::Index(index) => value.as_array_mut()?.get_mut(*index),
    })
}

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
                    write!(f, "{}{key}", if index == 0 { "" } else { "." })?;
                }
                PathSegment::Index(number) => write!(f, "[{number}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_reaches_keys_and_items() {
        let mut body = json!({"data": {"to": [{"email": "a"}], "a.b": 1}});
        for (edit, expected) in [
            (Edit::set("data.to[0].email=x=y"), json!({"data": {"to": [{"email": "x=y"}], "a.b": 1}})),
            (Edit::set("data.a\\.b:=null"), json!({"data": {"to": [{"email": "x=y"}], "a.b": null}})),
            (Edit::unset("data.to[0]"), json!({"data": {"to": [], "a.b": null}})),
            (Edit::unset("data.to"), json!({"data": {"a.b": null}})),
        ] {
            assert_eq!(edit.unwrap().apply(&mut body), Ok(()));
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn a_path_that_does_not_exist_changes_nothing() {
        let mut body = json!({"data": {"to": "a"}});
        for edit in [Edit::set("data.too=x"), Edit::set("data.to.x=1"), Edit::unset("data[0]"), Edit::unset("nope")] {
            assert_eq!(edit.unwrap().apply(&mut body), Err(EditError::NoSuchPath));
        }
        assert_eq!(body, json!({"data": {"to": "a"}}));
    }

    #[test]
    fn a_malformed_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "[", "a\\"] {
            assert!(text.parse::<JsonPath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_path_that_is_listed_can_be_read_back() {
        let body = json!({"a.b": {"c": [1, {"d[0]": 2}]}, "e": null});
        let listed = paths(&body);
        assert_eq!(listed, ["a\\.b", "a\\.b.c", "a\\.b.c[0]", "a\\.b.c[1]", "a\\.b.c[1].d\\[0]", "e"]);
        for path in listed {
            assert_eq!(Edit::set(&format!("{path}=x")).unwrap().apply(&mut body.clone()), Ok(()), "{path}");
        }
    }
}
