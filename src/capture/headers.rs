//! The headers of a captured request.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::signing::Header;

/// Headers in the order received, repeats included; values are bytes.
///
/// All of them share two buffers, because a receiver makes them for each request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    names: String,
    values: Vec<u8>,
    /// The ends of each name and each value.
    ends: Vec<(usize, usize)>,
}

/// The typical number of headers.
const TYPICAL_COUNT: usize = 8;

impl Headers {
    /// Creates an empty list with room for this many headers of typical length.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        let names = String::with_capacity(count * 16);
        Self { names, values: Vec::with_capacity(count * 32), ends: Vec::with_capacity(count) }
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns whether a name matches. A search for CGI prefixes comes first, which nearly always excludes all names.
    pub(super) fn has_name_with(&self, matches: impl Fn(&str) -> bool) -> bool {
        let capitals = self.names.contains("HTTP_") || self.names.contains("CONTENT_");
        capitals && self.iter().any(|(name, _)| matches(name))
    }

    /// Appends a header.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.names.push_str(name);
        self.values.extend_from_slice(value);
        self.ends.push((self.names.len(), self.values.len()));
    }

    /// The names with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut start = (0, 0);
        self.ends.iter().map(move |end| {
            let (name, value) = std::mem::replace(&mut start, *end);
            (&self.names[name..end.0], &self.values[value..end.1])
        })
    }

    /// Consumes the headers; the values keep sharing one buffer.
    pub fn into_pairs(self) -> impl Iterator<Item = (String, Bytes)> {
        let Self { names, values, ends } = self;
        let (values, mut start) = (Bytes::from(values), (0, 0));
        ends.into_iter().map(move |end| {
            let (name, value) = std::mem::replace(&mut start, end);
            (names[name..end.0].to_owned(), values.slice(value..end.1))
        })
    }

    /// The headers for the signing core.
    #[must_use]
    pub fn borrowed(&self) -> Vec<Header<'_>> {
        let mut borrowed = Vec::with_capacity(self.ends.len());
        borrowed.extend(self.iter().map(|(name, value)| Header { name, value }));
        borrowed
    }

    /// The first value of the header `name`, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| String::from_utf8_lossy(value))
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut headers = Self::with_capacity(pairs.size_hint().0);
        for (name, value) in pairs {
            headers.push(name.as_ref(), value.as_ref());
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, value)| (name, value.escape_ascii().to_string()))).finish()
    }
}

/// Reads pairs, as in our own records, or an object, as other tools write it; its values are strings or lists of strings.
impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;
        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers as a list of [name, value] or as an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::with_capacity(TYPICAL_COUNT);
                while let Some(Pair(name, value)) = pairs.next_element()? {
                    headers.push(&name, &value);
                }
                Ok(headers)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some((name, values)) = object.next_entry::<String, Values>()? {
                    let values = match values {
                        Values::One(value) => vec![value],
                        Values::Several(values) => values,
                    };
                    for value in &values {
                        headers.push(&name, value.as_bytes());
                    }
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_any(HeadersVisitor)
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Values {
    One(String),
    Several(Vec<String>),
}

struct Pair<'a>(Cow<'a, str>, Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Pair<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairVisitor;
        impl<'de> Visitor<'de> for PairVisitor {
            type Value = Pair<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header as [name, value]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Pair<'de>, A::Error> {
                let Text(name) = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let Text(value) = pair.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                let exact = pair.next_element::<Text<'de>>()?;
                let value = match (exact, value) {
                    (Some(Text(exact)), _) => STANDARD.decode(&*exact).map_err(de::Error::custom)?.into(),
                    (None, Cow::Borrowed(value)) => Cow::Borrowed(value.as_bytes()),
                    (None, Cow::Owned(value)) => Cow::Owned(value.into_bytes()),
                };
                Ok(Pair(name, value))
            }
        }
        deserializer.deserialize_seq(PairVisitor)
    }
}

/// A text that is borrowed where it stands without escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_keep_order_repeats_and_bytes() {
        let pairs: [(&str, &[u8]); 4] = [("b", b"1"), ("", b""), ("B", b"\xff"), ("b", b"")];
        let headers: Headers = pairs.into_iter().collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), pairs);
        assert_eq!(headers.borrowed().len(), 4);
        assert_eq!(headers.text("B").unwrap(), "1");
        assert_eq!(headers.text("a"), None);
        let owned = |(name, value): (&str, &'static [u8])| (name.to_owned(), Bytes::from_static(value));
        assert!(headers.clone().into_pairs().eq(pairs.into_iter().map(owned)));
        assert_eq!(format!("{headers:?}"), r#"[("b", "1"), ("", ""), ("B", "\\xff"), ("b", "")]"#);
    }

    #[test]
    fn two_are_the_same_only_where_each_pair_is() {
        let headers = |pairs: [(&str, &str); 2]| pairs.into_iter().collect::<Headers>();
        assert_eq!(headers([("a", "bc"), ("d", "")]), headers([("a", "bc"), ("d", "")]));
        assert_ne!(headers([("a", "bc"), ("d", "")]), headers([("ad", "bc"), ("", "")]));
        assert_ne!(headers([("a", "bc"), ("d", "")]), headers([("a", "b"), ("d", "c")]));
    }

    #[test]
    fn pairs_and_objects_are_read() {
        let read = |text: &str| serde_json::from_str::<Headers>(text).map_err(|error| error.to_string());
        let pairs: [(&str, &[u8]); 3] = [("a", b"1"), ("b\"", b"\xff"), ("c", b"2\n")];
        let expected: Headers = pairs.into_iter().collect();
        assert_eq!(read(r#"[["a","1"],["b\"","?","/w=="],["c","2\n"]]"#).unwrap(), expected);
        let expected: Headers = [("a", "1"), ("b", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(read(r#"{"a":"1","b":["2","3"],"c":[]}"#).unwrap(), expected);
        for (text, expected) in [
            (r#"[["a"]]"#, "a header as [name, value]"),
            (r#"[["a","b","/w==","d"]]"#, "trailing characters"),
            (r#"[["a","b","_"]]"#, "Invalid symbol"),
            (r#"{"a":1}"#, "expected a text or a list of texts"),
            ("1", "headers as a list of [name, value] or as an object"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
