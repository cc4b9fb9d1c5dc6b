//! Sources of a value in a request, such as `header:webhook-id` or `json:/type`.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::str::FromStr;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::Request;

/// A source of a value in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// `header:NAME`: the value of a header.
    Header(String),
    /// `sig:KEY`: a value inside the signature header, which is a list of `key=value`.
    Signature(String),
    /// `json:/pointer`: a value in a JSON body (RFC 6901); text as it is, anything else as JSON.
    Json(String),
    /// `form:NAME`: a field of a form body.
    Form(String),
    /// `query:NAME`: a parameter of the URL.
    Query(String),
    /// `const:TEXT`: always this text.
    Const(String),
}

/// Result of looking up a source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup<'a> {
    Missing,
    Value(Cow<'a, [u8]>),
    /// The same header on more than one line.
    Repeated,
}

/// A request with its body and URL, which are parsed on first use.
pub(crate) struct ParsedRequest<'a> {
    pub(crate) request: &'a Request<'a>,
    /// The signature header and the separator of its entries, once known.
    pub(crate) signature: Option<(Cow<'a, [u8]>, &'a str)>,
    form: OnceCell<Vec<(String, String)>>,
}

impl<'a> ParsedRequest<'a> {
    pub(crate) fn new(request: &'a Request<'a>) -> Self {
        Self { request, signature: None, form: OnceCell::new() }
    }

    /// Returns the fields of a form body, decoded, in order.
    pub(crate) fn form(&self) -> &[(String, String)] {
        self.form.get_or_init(|| {
            let kind = self.request.values("content-type").next().unwrap_or_default();
            let is_form = kind.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded");
            // Without a content type, a body that is not JSON counts as a form: captures often lack the header.
            if is_form || kind.is_empty() && serde_json::from_slice::<IgnoredAny>(self.request.body).is_err() {
                form_urlencoded::parse(self.request.body).into_owned().collect()
            } else {
                Vec::new()
            }
        })
    }

    fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.request.url.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl ValueSource {
    pub(crate) fn find<'a>(&self, parts: &ParsedRequest<'a>) -> Lookup<'a> {
        let owned = |value: Option<String>| match value {
            Some(value) => Lookup::Value(Cow::Owned(value.into_bytes())),
            None => Lookup::Missing,
        };
        match self {
            Self::Header(name) => {
                let mut values = parts.request.values(name);
                match (values.next(), values.next()) {
                    (None, _) => Lookup::Missing,
                    (Some(value), None) => Lookup::Value(Cow::Borrowed(value)),
                    (Some(_), Some(_)) => Lookup::Repeated,
                }
            }
            Self::Signature(key) => {
                let Some((header, separator)) = &parts.signature else { return Lookup::Missing };
                let header = String::from_utf8_lossy(header);
                let found = header.split(separator).find_map(|entry| {
                    let (have, value) = entry.trim().split_once('=')?;
                    (have == key).then(|| value.to_owned())
                });
                owned(found)
            }
            Self::Json(pointer) => owned(match super::pointer::find(parts.request.body, pointer) {
                None | Some(Value::Null) => None,
                Some(Value::String(string)) => Some(string),
                Some(other) => Some(other.to_string()),
            }),
            Self::Form(name) => owned(parts.form().iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())),
            Self::Query(name) => owned(parts.query(name)),
            Self::Const(string) => owned(Some(string.clone())),
        }
    }

    /// Returns the first of `sources` that is present, as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn first_string(sources: &[Self], request: &Request<'_>) -> Option<String> {
        let parts = ParsedRequest::new(request);
        sources.iter().find_map(|source| source.string(&parts))
    }

    /// Returns the value as text, if there is exactly one and it is not empty.
    pub(crate) fn string(&self, parts: &ParsedRequest<'_>) -> Option<String> {
        match self.find(parts) {
            Lookup::Value(value) if !value.is_empty() => {
                let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Some(String::from_utf8(value.into_owned()).unwrap_or_else(|error| lossy(error.as_bytes())))
            }
            _ => None,
        }
    }

    /// Returns the name of the header, if the source is one.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name),
            _ => None,
        }
    }

    /// True if the request has a value there.
    #[must_use]
    pub fn is_present(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Header(name) => request.has(name),
            other => other.find(&ParsedRequest::new(request)) != Lookup::Missing,
        }
    }

    /// Returns the name of the source, without its type.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name)
            | Self::Signature(name)
            | Self::Json(name)
            | Self::Form(name)
            | Self::Query(name)
            | Self::Const(name) => name,
        }
    }
}

impl FromStr for ValueSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("sig", key)) if !key.is_empty() => Ok(Self::Signature(key.to_owned())),
            Some(("json", pointer)) if pointer.starts_with('/') => Ok(Self::Json(pointer.to_owned())),
            Some(("form", name)) if !name.is_empty() => Ok(Self::Form(name.to_owned())),
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            Some(("const", text)) => Ok(Self::Const(text.to_owned())),
            _ => Err(format!(
                "unknown source `{text}`, expected `header:NAME`, `sig:KEY`, `json:/pointer`, `form:NAME`, `query:NAME` or `const:TEXT`"
            )),
        }
    }
}

impl fmt::Display for ValueSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "`{name}`"),
            Self::Signature(key) => write!(f, "`{key}=` in the signature header"),
            Self::Json(name) | Self::Form(name) => write!(f, "`{name}` in the body"),
            Self::Query(name) => write!(f, "`{name}` in the URL"),
            Self::Const(text) => write!(f, "`{text}`"),
        }
    }
}
