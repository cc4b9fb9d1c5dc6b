//! Where a value of a request is found, such as `header:webhook-id` or `json:/type`.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::Request;

/// A place in a request that holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `header:NAME`: the value of a header.
    Header(String),
    /// `json:/pointer`: a value in a JSON body (RFC 6901); text as it is, anything else as JSON.
    Json(String),
}

/// What a source found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    Nothing,
    One(Cow<'a, [u8]>),
    /// The same header on more than one line.
    Repeated,
}

impl Source {
    pub(crate) fn find<'a>(&self, request: &Request<'a>, json: &JsonBody<'a>) -> Found<'a> {
        match self {
            Self::Header(name) => {
                let mut values = request.values(name);
                match (values.next(), values.next()) {
                    (None, _) => Found::Nothing,
                    (Some(value), None) => Found::One(Cow::Borrowed(value)),
                    (Some(_), Some(_)) => Found::Repeated,
                }
            }
            Self::Json(pointer) => match json.pointer(pointer) {
                None | Some(Value::Null) => Found::Nothing,
                Some(Value::String(text)) => Found::One(Cow::Owned(text.clone().into_bytes())),
                Some(other) => Found::One(Cow::Owned(other.to_string().into_bytes())),
            },
        }
    }

    /// The first of `sources` that is present, as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn first_text(sources: &[Self], request: &Request<'_>) -> Option<String> {
        let json = JsonBody::new(request.body);
        sources.iter().find_map(|source| match source.find(request, &json) {
            Found::One(value) if !value.is_empty() => Some(String::from_utf8_lossy(&value).into_owned()),
            _ => None,
        })
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("json", pointer)) if pointer.starts_with('/') => Ok(Self::Json(pointer.to_owned())),
            _ => Err(format!("unknown source `{text}`, expected `header:NAME` or `json:/pointer`")),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "`{name}`"),
            Self::Json(pointer) => write!(f, "`{pointer}` in the body"),
        }
    }
}

/// The body as JSON, parsed when it is first asked for.
pub(crate) struct JsonBody<'a> {
    body: &'a [u8],
    /// `Null` where the body is not JSON: neither has anything inside.
    parsed: OnceCell<Value>,
}

impl<'a> JsonBody<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { body, parsed: OnceCell::new() }
    }

    fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.parsed.get_or_init(|| serde_json::from_slice(self.body).unwrap_or_default()).pointer(pointer)
    }
}
