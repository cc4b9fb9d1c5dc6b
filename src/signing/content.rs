//! The template of the signed content, such as `{id}.{timestamp}.{body}`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::source::{Lookup, ParsedRequest};
use super::{Encoding, ValueSource};

/// A template: literal text and placeholders, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedContent {
    segments: Vec<Segment>,
    template: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Placeholder(Placeholder, Vec<Transform>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placeholder {
    Body,
    Id,
    Timestamp,
    Method,
    /// The complete URL, as the provider has it.
    Url,
    /// Path and query.
    Path,
    Secret,
    /// All fields of a form body.
    Form,
    From(ValueSource),
}

/// A transform of a value before it is signed. It may give several candidates; any of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transform {
    /// Lower-case hexadecimal of the SHA-256.
    Sha256Hex,
    /// ASCII letters lower-cased.
    Lower,
    /// A URL without its port, and with the default port of its scheme.
    Ports,
    /// The fields of a form, sorted and deduplicated, names and values concatenated.
    Sorted,
    /// A URL with the percent-escapes decoded that `HubSpot` decodes.
    HubSpot,
}

const TRANSFORMS: [(&str, Transform); 5] = [
    ("sha256hex", Transform::Sha256Hex),
    ("lower", Transform::Lower),
    ("ports", Transform::Ports),
    ("sorted", Transform::Sorted),
    ("hubspot", Transform::HubSpot),
];

/// The escapes that `HubSpot` decodes before it signs a URL (its documentation, "v3 signature").
const HUBSPOT_ESCAPES: [(&str, &str); 18] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
    ("%3a", ":"),
    ("%2f", "/"),
    ("%3f", "?"),
    ("%2a", "*"),
    ("%2c", ","),
    ("%3b", ";"),
];

/// The values of the placeholders: the bytes as received, never re-serialized.
pub(crate) struct ContentInputs<'a> {
    pub(crate) request: &'a ParsedRequest<'a>,
    pub(crate) id: &'a [u8],
    pub(crate) timestamp: &'a [u8],
    pub(crate) secret: &'a [u8],
}

/// The signed bytes, as slices in order.
pub(crate) type ContentBytes<'a> = Vec<Cow<'a, [u8]>>;

/// Maximum number of segments that need no allocation; `{id}.{timestamp}.{body}` has five.
const INLINE_SEGMENTS: usize = 8;

impl SignedContent {
    /// Calls `visit` with each candidate of the signed bytes, as slices in order; the error is the source that has no
    /// value.
    pub(crate) fn for_each_candidate<'s: 'a, 'a>(
        &'s self,
        inputs: &ContentInputs<'a>,
        mut visit: impl FnMut(&[&[u8]]),
    ) -> Result<(), &'s ValueSource> {
        // Nearly always there is one candidate, of bytes that can be borrowed.
        let mut segments: [&[u8]; INLINE_SEGMENTS] = [&[]; INLINE_SEGMENTS];
        if let Some(segments) = self.borrow_segments(inputs, &mut segments) {
            visit(segments);
            return Ok(());
        }
        for filled in self.render(inputs)? {
            let segments: Vec<&[u8]> = filled.iter().map(AsRef::as_ref).collect();
            visit(&segments);
        }
        Ok(())
    }

    /// Returns the only candidate, if all of its bytes can be borrowed.
    fn borrow_segments<'a, 'p>(
        &'a self,
        inputs: &ContentInputs<'a>,
        segments: &'p mut [&'a [u8]; INLINE_SEGMENTS],
    ) -> Option<&'p [&'a [u8]]> {
        let segments = segments.get_mut(..self.segments.len())?;
        for (to, segment) in segments.iter_mut().zip(&self.segments) {
            *to = match segment {
                Segment::Literal(text) => text.as_bytes(),
                Segment::Placeholder(placeholder, transforms) if transforms.is_empty() => placeholder.borrow(inputs)?,
                Segment::Placeholder(..) => return None,
            };
        }
        Some(segments)
    }

    /// Returns every candidate of the signed bytes, nearly always one; the error is the source that has no value.
    pub(crate) fn render<'s: 'a, 'a>(
        &'s self,
        inputs: &ContentInputs<'a>,
    ) -> Result<Vec<ContentBytes<'a>>, &'s ValueSource> {
        let mut candidates: Vec<ContentBytes<'a>> = vec![Vec::with_capacity(self.segments.len())];
        for segment in &self.segments {
            let (placeholder, transforms) = match segment {
                Segment::Literal(text) => {
                    push(&mut candidates, Cow::Borrowed(text.as_bytes()));
                    continue;
                }
                Segment::Placeholder(placeholder, transforms) => (placeholder, transforms),
            };
            let values = placeholder.values(inputs, transforms)?;
            if let [value] = &values[..] {
                push(&mut candidates, value.clone());
            } else {
                candidates = candidates
                    .iter()
                    .flat_map(|candidate| {
                        values
                            .iter()
                            .map(|value| candidate.iter().chain([value]).cloned().collect())
                            .collect::<Vec<_>>()
                    })
                    .collect();
            }
        }
        Ok(candidates)
    }

    /// Returns the JSON pointers of the values that are signed by themselves.
    pub fn json_pointers(&self) -> impl Iterator<Item = String> {
        self.sources().filter_map(|source| match source {
            ValueSource::Json(pointer) => Some(pointer.clone()),
            _ => None,
        })
    }

    /// Returns the sources of the values that are signed by themselves.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &ValueSource> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Placeholder(Placeholder::From(source), _) => Some(source),
            _ => None,
        })
    }

    /// True if the body is signed, in full or as its hash.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.contains(|placeholder| matches!(placeholder, Placeholder::Body | Placeholder::Form))
    }

    /// True if the id is signed.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.contains(|placeholder| *placeholder == Placeholder::Id)
    }

    /// True if the timestamp is signed.
    #[must_use]
    pub fn has_timestamp(&self) -> bool {
        self.contains(|placeholder| *placeholder == Placeholder::Timestamp)
    }

    /// True if the URL is signed: a proxy that changes it then breaks the signature.
    #[must_use]
    pub fn has_url(&self) -> bool {
        self.contains(|placeholder| *placeholder == Placeholder::Url)
    }

    /// True if more of the request than its body is signed: its URL, or a header that is not the scheme's own.
    #[must_use]
    pub fn has_request(&self) -> bool {
        self.contains(|placeholder| match placeholder {
            Placeholder::Body | Placeholder::Id | Placeholder::Timestamp | Placeholder::Secret | Placeholder::Form => {
                false
            }
            Placeholder::From(source) => !matches!(source, ValueSource::Json(_) | ValueSource::Form(_)),
            Placeholder::Method | Placeholder::Url | Placeholder::Path => true,
        })
    }

    /// True if the secret itself is part of the signed content.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.contains(|placeholder| *placeholder == Placeholder::Secret)
    }

    fn contains(&self, matches_placeholder: impl Fn(&Placeholder) -> bool) -> bool {
        self.segments
            .iter()
            .any(|segment| matches!(segment, Segment::Placeholder(placeholder, _) if matches_placeholder(placeholder)))
    }
}

/// Appends the same value to every candidate.
fn push<'a>(candidates: &mut [ContentBytes<'a>], value: Cow<'a, [u8]>) {
    let Some((last, others)) = candidates.split_last_mut() else { return };
    for candidate in others {
        candidate.push(value.clone());
    }
    last.push(value);
}

impl Placeholder {
    /// Returns the value, if it can be borrowed.
    fn borrow<'a>(&self, inputs: &ContentInputs<'a>) -> Option<&'a [u8]> {
        let request = inputs.request.request;
        match self {
            Self::Body | Self::Form => Some(request.body),
            Self::Id => Some(inputs.id),
            Self::Timestamp => Some(inputs.timestamp),
            Self::Secret => Some(inputs.secret),
            Self::Method => Some(request.method.as_bytes()),
            Self::Path => Some(path(request.url).as_bytes()),
            Self::Url | Self::From(_) => None,
        }
    }

    fn values<'s, 'a>(
        &'s self,
        inputs: &ContentInputs<'a>,
        transforms: &[Transform],
    ) -> Result<Vec<Cow<'a, [u8]>>, &'s ValueSource> {
        let mut values = match self {
            Self::Url => urls(inputs.request),
            Self::From(source) => match source.find(inputs.request) {
                Lookup::Value(value) => vec![value],
                Lookup::Missing | Lookup::Repeated => return Err(source),
            },
            borrowed => borrowed.borrow(inputs).map(Cow::Borrowed).into_iter().collect(),
        };
        for transform in transforms {
            values = values.into_iter().flat_map(|value| transform.apply(value, inputs.request)).collect();
        }
        Ok(values)
    }
}

impl Transform {
    fn apply<'a>(self, value: Cow<'a, [u8]>, parts: &ParsedRequest<'a>) -> Vec<Cow<'a, [u8]>> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let made = |text: String| Cow::Owned(text.into_bytes());
        match self {
            Self::Sha256Hex => vec![made(Encoding::Hex.encode(&Sha256::digest(&value)))],
            Self::Lower => vec![Cow::Owned(value.to_ascii_lowercase())],
            Self::Ports => {
                let url = text(&value);
                let (without, with) = ports(&url);
                let mut candidates = vec![value];
                for other in [without, with] {
                    if candidates.iter().all(|candidate| **candidate != *other.as_bytes()) {
                        candidates.push(made(other));
                    }
                }
                candidates
            }
            Self::Sorted => {
                let mut fields = parts.form().to_vec();
                fields.sort();
                fields.dedup();
                vec![made(fields.into_iter().map(|(name, value)| name + &value).collect())]
            }
            Self::HubSpot => {
                let decoded =
                    HUBSPOT_ESCAPES.iter().fold(text(&value), |url, (escape, decoded)| url.replace(escape, decoded));
                // HubSpot's own SDK signs the URL as it is.
                if *value == *decoded.as_bytes() { vec![value] } else { vec![made(decoded), value] }
            }
        }
    }
}

/// Returns the URL if it is known; if only the target is, the URL with the request's host in both schemes.
fn urls<'a>(parts: &ParsedRequest<'a>) -> Vec<Cow<'a, [u8]>> {
    let request = parts.request;
    if request.url.contains("://") {
        return vec![Cow::Borrowed(request.url.as_bytes())];
    }
    let host = request.values("host").next().map_or(Cow::Borrowed(""), String::from_utf8_lossy);
    ["https", "http"]
        .iter()
        .map(|scheme| Cow::Owned(format!("{scheme}://{host}{}", request.url).into_bytes()))
        .collect()
}

fn path(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    }
}

/// Returns a URL without its port, and with one.
fn ports(url: &str) -> (String, String) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), url.to_owned()) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
    (format!("{scheme}://{host}{tail}"), format!("{scheme}://{host}:{port}{tail}"))
}

impl fmt::Display for SignedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.template)
    }
}

impl FromStr for SignedContent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                segments.push(Segment::Literal(rest[..open].to_owned()));
            }
            let close = rest[open..].find('}').ok_or_else(|| format!("a `{{` in `{text}` has no `}}`"))? + open;
            segments.push(segment(&rest[open + 1..close])?);
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            segments.push(Segment::Literal(rest.to_owned()));
        }
        Ok(Self { segments, template: text.to_owned() })
    }
}

fn segment(text: &str) -> Result<Segment, String> {
    let mut words = text.split('|');
    let name = words.next().unwrap_or_default();
    let placeholder = match name {
        "body" => Placeholder::Body,
        "id" => Placeholder::Id,
        "timestamp" => Placeholder::Timestamp,
        "method" => Placeholder::Method,
        "url" => Placeholder::Url,
        "path" => Placeholder::Path,
        "secret" => Placeholder::Secret,
        "form" => Placeholder::Form,
        _ => Placeholder::From(name.parse().map_err(|_| {
            format!(
                "unknown place `{{{name}}}`, expected one of `{{body}}`, `{{id}}`, `{{timestamp}}`, `{{method}}`, `{{url}}`, `{{path}}`, `{{secret}}`, `{{form}}`, or a source such as `{{header:NAME}}`"
            )
        })?),
    };
    let transforms =
        words.map(|transform| super::parse_name(transform, "filter", &TRANSFORMS)).collect::<Result<Vec<_>, _>>()?;
    Ok(Segment::Placeholder(placeholder, transforms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::{Header, Request};

    fn filled(template: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
        let headers: Vec<Header<'_>> =
            headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: "POST", url, headers: &headers, body: body.as_bytes() };
        let parts = ParsedRequest::new(&request);
        let content: SignedContent = template.parse().unwrap();
        let inputs = ContentInputs { request: &parts, id: b"a", timestamp: b"1", secret: b"s" };
        let candidates = content.render(&inputs).unwrap();
        candidates.iter().map(|segments| String::from_utf8(segments.concat()).unwrap()).collect()
    }

    #[test]
    fn a_template_fills_its_places_in_order() {
        assert_eq!(filled("v0:{id}.{timestamp}.{body}!{secret}", "/", &[], "b"), ["v0:a.1.b!s"]);
        assert_eq!(filled("{method}{path}{header:x-a|lower}", "http://h/p?q", &[("X-A", "B")], ""), ["POST/p?qb"]);
        assert_eq!(filled("{json:/a/b}{query:q}", "/?q=x%20y", &[], r#"{"a":{"b":1}}"#), ["1x y"]);
    }

    #[test]
    fn a_url_gives_every_form_that_a_proxy_may_have_left() {
        assert_eq!(filled("{url}", "/p", &[("host", "h:1")], ""), ["https://h:1/p", "http://h:1/p"]);
        assert_eq!(filled("{url|ports}", "https://h/p", &[], ""), ["https://h/p", "https://h:443/p"]);
        assert_eq!(filled("{url|ports}", "http://h:99/p", &[], ""), ["http://h:99/p", "http://h/p"]);
        assert_eq!(filled("{url|hubspot}", "http://h/?a=%3A%20", &[], ""), ["http://h/?a=:%20", "http://h/?a=%3A%20"]);
    }

    #[test]
    fn a_form_is_sorted_and_its_repeats_are_dropped() {
        assert_eq!(filled("{form|sorted}", "/", &[], "b=2&a=x+y&b=2&b=1"), ["ax yb1b2"]);
        assert_eq!(filled("{form|sorted}", "/", &[("content-type", "application/json")], "b=2"), [""]);
    }

    #[test]
    fn a_template_that_cannot_work_says_what_is_wrong() {
        for (text, expected) in
            [("{id", "no `}`"), ("{nope}{body}", "{nope}"), ("{body|upper}", "unknown filter `upper`")]
        {
            let error = text.parse::<SignedContent>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
