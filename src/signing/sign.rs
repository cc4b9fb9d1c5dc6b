//! Signing: makes the headers that a scheme sends with a body.

use std::borrow::Cow;
use std::fmt;

use super::content::ContentInputs;
use super::scheme::SentWith;
use super::source::{Lookup, ParsedRequest};
use super::{Header, Keyring, Request, Scheme, ValueSource};

/// The input of one signature.
#[derive(Clone, Copy, Debug)]
pub struct SignInput<'a> {
    /// The event's id; ignored by schemes without one.
    pub id: &'a str,
    /// Time of the attempt in unix milliseconds.
    pub at: i64,
    /// The method, for schemes that sign it.
    pub method: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// The URL of the request, for schemes that sign it.
    pub url: &'a str,
    /// The other headers of the request, for schemes that sign one of them.
    pub headers: &'a [(String, String)],
}

/// The output of signing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignOutput {
    /// The headers, in the order id, timestamp, signature.
    pub headers: Vec<(String, String)>,
    /// A signature that belongs in the JSON body: its pointer and its text.
    pub in_body: Option<(String, String)>,
}

/// The reason why something cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignError {
    /// The id would make the signed content ambiguous.
    ForbiddenId {
        /// The id.
        id: String,
        /// The text that it must not contain.
        forbidden: String,
    },
    /// A value that is signed is missing from the request.
    MissingValue(String),
    /// The scheme carries one signature, and there are several keys.
    MultipleKeys,
    /// The key is a public key.
    PublicKeyOnly,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForbiddenId { id, forbidden } => write!(f, "the id `{id}` must not contain `{forbidden}`"),
            Self::MissingValue(place) => write!(f, "the scheme signs {place}, which the request does not have"),
            Self::MultipleKeys => f.write_str("the scheme carries one signature, and there are several secrets"),
            Self::PublicKeyOnly => f.write_str("the secret is a public key: it can verify but not sign"),
        }
    }
}

impl std::error::Error for SignError {}

/// Signs with every key of the keyring.
pub fn sign(scheme: &Scheme, keyring: &Keyring, input: &SignInput<'_>) -> Result<SignOutput, SignError> {
    sign_timestamp(scheme, keyring, input, None)
}

/// Signs with every key of the keyring, with this text in place of the time; a time in the body stays as it is.
pub fn sign_timestamp(
    scheme: &Scheme,
    keyring: &Keyring,
    input: &SignInput<'_>,
    text: Option<&str>,
) -> Result<SignOutput, SignError> {
    let headers: Vec<Header<'_>> =
        input.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
    let request = Request { method: input.method, url: input.url, headers: &headers, body: input.body };
    let request_values = ParsedRequest::new(&request);
    let mut signed = SignOutput::default();
    if let Some(rule) = &scheme.id {
        if let Some(forbidden) = rule.forbidden.as_deref().filter(|forbidden| input.id.contains(forbidden)) {
            return Err(SignError::ForbiddenId { id: input.id.to_owned(), forbidden: forbidden.to_owned() });
        }
        signed.headers.extend(rule.from[0].header().map(|name| (name.to_owned(), input.id.to_owned())));
    }
    let timestamp = timestamp(scheme, input, text, &request_values, &mut signed.headers)?;
    // A scheme may also sign its own headers, by name.
    let scheme_headers = signed.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() });
    let headers: Vec<Header<'_>> = headers.iter().copied().chain(scheme_headers).collect();
    let request = Request { headers: &headers, ..request };
    let entries = entries(scheme, keyring, input, &ParsedRequest::new(&request), &timestamp)?;
    match &scheme.signature.from[0] {
        ValueSource::Json(pointer) => signed.in_body = Some((pointer.clone(), entries)),
        place => signed.headers.push((place.name().to_owned(), entries)),
    }
    for (other, keyring) in scheme.additional.iter().zip(keyring.additional()) {
        for header in sign_timestamp(other, keyring, input, text)?.headers {
            if signed.headers.iter().all(|(name, _)| !name.eq_ignore_ascii_case(&header.0)) {
                signed.headers.push(header);
            }
        }
    }
    Ok(signed)
}

/// Returns the text of the timestamp: of this attempt, or the one in the body.
fn timestamp<'a>(
    scheme: &Scheme,
    input: &SignInput<'_>,
    text: Option<&str>,
    request_values: &ParsedRequest<'a>,
    headers: &mut Vec<(String, String)>,
) -> Result<Cow<'a, [u8]>, SignError> {
    let Some(rule) = &scheme.timestamp else { return Ok(Cow::Borrowed(b"")) };
    let text = text.map_or_else(|| rule.unit.write(input.at), str::to_owned);
    match &rule.from[0] {
        ValueSource::Header(name) => headers.push((name.clone(), text.clone())),
        ValueSource::Signature(_) => {}
        place => match place.find(request_values) {
            Lookup::Value(value) => return Ok(value),
            Lookup::Missing | Lookup::Repeated if scheme.content.has_timestamp() => {
                return Err(SignError::MissingValue(place.to_string()));
            }
            Lookup::Missing | Lookup::Repeated => {}
        },
    }
    Ok(Cow::Owned(text.into_bytes()))
}

/// Returns the parameters that the scheme adds to the URL before it is signed: their names and values.
///
/// # Errors
/// A value is made of a part that the request does not have.
pub fn sent_parameters(scheme: &Scheme, input: &SignInput<'_>) -> Result<Vec<(String, String)>, SignError> {
    let is_json = || {
        let media_type = input.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        media_type.is_some_and(|(_, value)| value.to_ascii_lowercase().contains("json"))
    };
    let mut parameters = Vec::new();
    for rule in &scheme.requirements {
        let ValueSource::Query(name) = &rule.value else { continue };
        match rule.sent_with {
            Some(SentWith::Any) => {}
            Some(SentWith::Json) if is_json() => {}
            Some(SentWith::Json) | None => continue,
        }
        let headers: Vec<Header<'_>> =
            input.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: input.method, url: input.url, headers: &headers, body: input.body };
        let request = ParsedRequest::new(&request);
        let inputs = ContentInputs { request: &request, id: input.id.as_bytes(), timestamp: b"", secret: b"" };
        let rendered = rule.equals.render(&inputs).map_err(|place| SignError::MissingValue(place.to_string()))?;
        parameters.push((name.clone(), String::from_utf8_lossy(&rendered[0].concat()).into_owned()));
    }
    Ok(parameters)
}

fn entries(
    scheme: &Scheme,
    keyring: &Keyring,
    input: &SignInput<'_>,
    request_values: &ParsedRequest<'_>,
    timestamp: &[u8],
) -> Result<String, SignError> {
    let mut entries = Vec::new();
    if let Some(first) = &scheme.signature.leading_entry {
        entries.push(first.replace("{timestamp}", &String::from_utf8_lossy(timestamp)));
    }
    let mut used = Vec::new();
    for key in &keyring.keys {
        // A secret that matches several formats signs in the first.
        if used.contains(&key.secret) {
            continue;
        }
        used.push(key.secret);
        let item = &scheme.formats[key.item];
        let secret = keyring.secrets()[key.secret].bytes();
        let rendered = scheme
            .content
            .render(&ContentInputs { request: request_values, id: input.id.as_bytes(), timestamp, secret })
            .map_err(|place| SignError::MissingValue(place.to_string()))?;
        let pieces: Vec<&[u8]> = rendered[0].iter().map(AsRef::as_ref).collect();
        let signature = key.prepared.sign(&pieces).ok_or(SignError::PublicKeyOnly)?;
        entries.push(item.pattern.format(&item.encoding.encode(&signature)));
    }
    if let Some(last) = &scheme.signature.trailing_entry {
        let inputs = ContentInputs { request: request_values, id: input.id.as_bytes(), timestamp, secret: b"" };
        let rendered = last.render(&inputs).map_err(|place| SignError::MissingValue(place.to_string()))?;
        entries.push(String::from_utf8_lossy(&rendered[0].concat()).into_owned());
    }
    match &scheme.signature.separator {
        Some(separator) => Ok(entries.join(separator)),
        None if entries.len() > 1 => Err(SignError::MultipleKeys),
        None => Ok(entries.concat()),
    }
}
