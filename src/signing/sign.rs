//! Signing: the headers that a scheme sends with a body.

use std::fmt;

use super::content::Filling;
use super::{Keyring, Scheme, Source};

/// What is signed in one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The event's id; not used by schemes that have none.
    pub id: &'a str,
    /// The time of the attempt in unix milliseconds.
    pub at: i64,
    /// The body, byte for byte.
    pub body: &'a [u8],
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
    /// The scheme takes a value from the body, which signing cannot write.
    Place(String),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { id, without } => write!(f, "the id `{id}` must not contain `{without}`"),
            Self::Place(place) => write!(f, "the scheme reads {place}, which cannot be set when signing"),
        }
    }
}

impl std::error::Error for SignError {}

/// The scheme's headers in the order id, timestamp, signature; one signature for each key.
pub fn sign(scheme: &Scheme, ring: &Keyring, what: &Signing<'_>) -> Result<Vec<(String, String)>, SignError> {
    let mut headers = Vec::with_capacity(3);
    if let Some(rule) = &scheme.id {
        if let Some(without) = rule.without.as_deref().filter(|without| what.id.contains(without)) {
            return Err(SignError::Id { id: what.id.to_owned(), without: without.to_owned() });
        }
        headers.push((header_of(&rule.from)?, what.id.to_owned()));
    }
    let timestamp = scheme.timestamp.as_ref().map(|rule| rule.unit.write(what.at));
    if let (Some(rule), Some(timestamp)) = (&scheme.timestamp, &timestamp) {
        headers.push((header_of(&rule.from)?, timestamp.clone()));
    }
    let pieces = scheme.content.fill(&Filling {
        id: what.id.as_bytes(),
        timestamp: timestamp.as_deref().unwrap_or_default().as_bytes(),
        body: what.body,
    });
    let entries: Vec<String> = ring
        .keys
        .iter()
        .map(|key| {
            let item = &scheme.items[key.item];
            item.pattern.wrap(&item.encoding.encode(&key.prepared.sign(&pieces)))
        })
        .collect();
    let separator = scheme.signature.list.as_deref().unwrap_or(" ");
    headers.push((scheme.signature.header[0].clone(), entries.join(separator)));
    Ok(headers)
}

fn header_of(sources: &[Source]) -> Result<String, SignError> {
    match &sources[0] {
        Source::Header(name) => Ok(name.clone()),
        other @ Source::Json(_) => Err(SignError::Place(other.to_string())),
    }
}
