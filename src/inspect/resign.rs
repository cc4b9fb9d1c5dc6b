//! Signs a captured request again, as its provider would have.

use jiff::Timestamp;

use crate::capture::{CapturedRequest, Headers};
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::signing::{Keyring, SignInput, ValueSource};

/// Replaces the signature of a request. `id` is that of its event, if the request does not have it; `at` is the time of
/// the signature.
///
/// # Errors
/// The provider signs in the URL, or the request lacks a value that is signed.
pub fn resign(
    capture: &mut CapturedRequest,
    provider: &Provider,
    keyring: &Keyring,
    id: Option<&str>,
    at: Timestamp,
) -> Result {
    let scheme = &provider.scheme;
    let own_id = scheme
        .id
        .as_ref()
        .and_then(|rule| capture.with_request(|request| ValueSource::first_string(&rule.from, request)));
    let id = own_id.or(id.map(str::to_owned)).unwrap_or_default();
    let places = scheme.id.iter().flat_map(|rule| &rule.from);
    let places = places.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
    let names: Vec<&str> = places.filter_map(ValueSource::header).chain(scheme.additional_headers()).collect();
    let is_own = |name: &str| names.iter().any(|own| name.eq_ignore_ascii_case(own));
    let url = url(capture);
    let beside: Vec<(String, String)> = capture
        .headers
        .iter()
        .filter(|(name, _)| !is_own(name))
        .filter_map(|(name, value)| Some((name.to_owned(), std::str::from_utf8(value).ok()?.to_owned())))
        .collect();
    let input = SignInput {
        id: &id,
        at: at.as_millisecond(),
        method: &capture.method,
        body: &capture.body,
        url: &url,
        headers: &beside,
    };
    let signature = provider.sign(keyring, &input)?;
    if !signature.parameters.is_empty() {
        return Err(Error::new(format!("{} signs in the URL", provider.title)));
    }
    // Each header stays in its place.
    let mut signed: Vec<Option<(String, String)>> = signature.headers.into_iter().map(Some).collect();
    let mut headers = Headers::with_capacity(signed.len() + beside.len());
    for (name, value) in capture.headers.iter() {
        let new = signed.iter_mut().find(|new| new.as_ref().is_some_and(|(new, _)| new.eq_ignore_ascii_case(name)));
        match new.and_then(Option::take) {
            Some((_, value)) => headers.push(name, value.as_bytes()),
            None if is_own(name) => {}
            None => headers.push(name, value),
        }
    }
    for (name, value) in signed.into_iter().flatten() {
        headers.push(&name, value.as_bytes());
    }
    capture.headers = headers;
    if let Some(body) = signature.body {
        capture.body = body.into();
    }
    Ok(())
}

/// Returns the URL that a sender signed, most likely.
fn url(capture: &CapturedRequest) -> String {
    if capture.target.contains("://") {
        return capture.target.clone();
    }
    let host = capture.headers.text("host").unwrap_or_default();
    format!("https://{host}{}", capture.target)
}
