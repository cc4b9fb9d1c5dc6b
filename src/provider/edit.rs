//! Edits of a JSON body: `--set PATH=TEXT`, `--set PATH:=JSON`, `--unset PATH`.

use serde_json::Value;

use super::JsonPath;

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
                *path.find_mut(body).ok_or(EditError::NoSuchPath)? = value.clone();
            }
            Self::Unset(path) => {
                let (parent, last) = path.parent_mut(body).ok_or(EditError::NoSuchPath)?;
                if !last.remove_from(parent) {
                    return Err(EditError::NoSuchPath);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::json_path::paths;
    use super::*;

    #[test]
    fn a_path_reaches_keys_and_items() {
        let mut body = json!({"data": {"to": [{"email": "a"}], "a.b": 1}});
        for (edit, expected) in [
            (Edit::set("data.to[0].email=x=y"), json!({"data": {"to": [{"email": "x=y"}], "a.b": 1}})),
            (Edit::set("data.a\\.b:=null"), json!({"data": {"to": [{"email": "x=y"}], "a.b": null}})),
            (Edit::set("/data/a.b=1"), json!({"data": {"to": [{"email": "x=y"}], "a.b": "1"}})),
            (Edit::set("/data/a.b:=null"), json!({"data": {"to": [{"email": "x=y"}], "a.b": null}})),
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
    fn every_path_that_is_listed_can_be_read_back() {
        let body = json!({"a.b": {"c": [1, {"d[0]": 2}]}, "e": null});
        let listed = paths(&body);
        assert_eq!(listed, ["a\\.b", "a\\.b.c", "a\\.b.c[0]", "a\\.b.c[1]", "a\\.b.c[1].d\\[0]", "e"]);
        for path in listed {
            assert_eq!(Edit::set(&format!("{path}=x")).unwrap().apply(&mut body.clone()), Ok(()), "{path}");
        }
    }
}
