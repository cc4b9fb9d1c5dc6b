//! Signing: the headers that a scheme sends with a body.

use std::borrow::Cow;
use std::fmt;

use super::content::Filling;
use super::source::{Found, Parts};
use super::{Header, Keyring, Request, Scheme, Source};

/// What is signed in one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The event's id; not used by schemes that have none.
    pub id: &'a str,
    /// The time of the attempt in unix milliseconds.
    pub at: i64,
    /// The method, for schemes that sign it.
    pub method: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// The URL that is sent to, for schemes that sign it.
    pub url: &'a str,
    /// The headers that go with it, for schemes that sign one of them.
    pub headers: &'a [(String, String)],
}

/// What signing gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The headers, in the order id, timestamp, signature.
    pub headers: Vec<(String, String)>,
    /// A signature that stands in the JSON body: the pointer to its place, and its text.
    pub in_body: Option<(String, String)>,
}

/// Why something cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignError {
    /// The id would make the signed content ambiguous.
    Id {
        /// The id.
        id: String,
        /// The text that it may not contain.
        without: String,
    },
    /// A value that is signed is not in the request.
    Missing(String),
    /// The scheme carries one signature and there are more keys.
    One,
    /// The key is a public one.
    PublicKey,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id, without } => write!(f, "the id `{id}` must not contain `{without}`"),
            Self::Missing(place) => write!(f, "the scheme signs {place}, which the request does not have"),
            Self::One => f.write_str("the scheme carries one signature, and there are several secrets"),
            Self::PublicKey => f.write_str("the secret is a public key: it can check and not sign"),
        }
    }
}

impl std::error::Error for SignError {}

/// Signs with every key of the ring.
pub fn sign(scheme: &Scheme, ring: &Keyring, what: &Signing<'_>) -> Result<Signed, SignError> {
    let headers: Vec<Header<'_>> =
        what.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request { method: what.method, url: what.url, headers: &headers, body: what.body };
    let parts = Parts::new(&request);
    let mut signed = Signed::default();
    if let Some(rule) = &scheme.id {
        if let Some(without) = rule.without.as_deref().filter(|without| what.id.contains(without)) {
            return Err(SignError::Id { id: what.id.to_owned(), without: without.to_owned() });
        }
        signed.headers.extend(rule.from[0].header().map(|name| (name.to_owned(), what.id.to_owned())));
    }
    let timestamp = timestamp(scheme, what, &parts, &mut signed.headers)?;
    // A scheme may also sign its own headers, by their names.
    let own = signed.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() });
    let headers: Vec<Header<'_>> = headers.iter().copied().chain(own).collect();
    let request = Request { headers: &headers, ..request };
    let entries = entries(scheme, ring, what, &Parts::new(&request), &timestamp)?;
    match &scheme.signature.from[0] {
        Source::Json(pointer) => signed.in_body = Some((pointer.clone(), entries)),
        place => signed.headers.push((place.name().to_owned(), entries)),
    }
    Ok(signed)
}

/// The timestamp's text: of this attempt, or the one that the body carries.
fn timestamp<'a>(
    scheme: &Scheme,
    what: &Signing<'_>,
    parts: &Parts<'a>,
    headers: &mut Vec<(String, String)>,
) -> Result<Cow<'a, [u8]>, SignError> {
    let Some(rule) = &scheme.timestamp else { return Ok(Cow::Borrowed(b"")) };
    let text = rule.unit.write(what.at);
    match &rule.from[0] {
        Source::Header(name) => headers.push((name.clone(), text.clone())),
        Source::Signature(_) => {}
        place => match place.find(parts) {
            Found::One(value) => return Ok(value),
            Found::Nothing | Found::Repeated if scheme.content.has_timestamp() => {
                return Err(SignError::Missing(place.to_string()));
            }
            Found::Nothing | Found::Repeated => {}
        },
    }
    Ok(Cow::Owned(text.into_bytes()))
}

fn entries(
    scheme: &Scheme,
    ring: &Keyring,
    what: &Signing<'_>,
    parts: &Parts<'_>,
    timestamp: &[u8],
) -> Result<String, SignError> {
    let mut entries = Vec::new();
    if let Some(first) = &scheme.signature.first {
        entries.push(first.replace("{timestamp}", &String::from_utf8_lossy(timestamp)));
    }
    let mut used = Vec::new();
    for key in &ring.keys {
        // A secret that fits several items signs as the first of them.
        if used.contains(&key.secret) {
            continue;
        }
        used.push(key.secret);
        let item = &scheme.items[key.item];
        let secret = ring.secrets()[key.secret].reveal().as_bytes();
        let filled = scheme
            .content
            .fill(&Filling { parts, id: what.id.as_bytes(), timestamp, secret })
            .map_err(|place| SignError::Missing(place.to_string()))?;
        let pieces: Vec<&[u8]> = filled[0].iter().map(AsRef::as_ref).collect();
        let signature = key.prepared.sign(&pieces).ok_or(SignError::PublicKey)?;
        entries.push(item.pattern.wrap(&item.encoding.encode(&signature)));
    }
    match &scheme.signature.list {
        Some(separator) => Ok(entries.join(separator)),
        None if entries.len() > 1 => Err(SignError::One),
        None => Ok(entries.concat()),
    }
}
