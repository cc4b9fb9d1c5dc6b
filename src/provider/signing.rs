//! Signs as a provider does: the signature or its time may be part of the body.

use jiff::Timestamp;
use serde_json::Value;

use super::{Provider, json_path};
use crate::error::{Error, Result};
use crate::signing::{Keyring, SignError, SignInput, ValueSource, sent_parameters, sign};

/// The parts of a request that signing adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body, if the signature is part of it.
    pub body: Option<Vec<u8>>,
    /// The parameters that the scheme adds to the URL, which are signed with it.
    pub parameters: Vec<(String, String)>,
}

impl Provider {
    /// Signs a request. Its URL is without the parameters that the scheme adds.
    ///
    /// # Errors
    /// The scheme cannot sign this, or not with these secrets.
    pub fn sign(&self, keyring: &Keyring, input: &SignInput<'_>) -> Result<Signature> {
        let parameters = sent_parameters(&self.scheme, input).map_err(|error| sign_error(&error))?;
        let url = (!parameters.is_empty()).then(|| with_parameters(input.url, &parameters));
        let input = SignInput { url: url.as_deref().unwrap_or(input.url), ..*input };
        let signed = sign(&self.scheme, keyring, &input).map_err(|error| sign_error(&error))?;
        let body = match signed.in_body {
            None => None,
            Some((pointer, signature)) => {
                let body = self.body_format.set_pointer(input.body, &pointer, signature.into());
                Some(body.map_err(|error| Error::new("cannot sign").cause(error))?)
            }
        };
        Ok(Signature { headers: signed.headers, body, parameters })
    }

    /// Returns the body with this time in place of its own; `None` unless the scheme takes the time of an attempt from
    /// the body, and the body has one.
    #[must_use]
    pub fn with_timestamp(&self, body: &[u8], at: Timestamp) -> Option<Vec<u8>> {
        let rule = self.scheme.timestamp.as_ref()?;
        let ValueSource::Json(pointer) = rule.from.first()? else { return None };
        let text = rule.unit.write(at.as_millisecond());
        let had: Value = serde_json::from_slice(body).ok()?;
        let number = text.parse::<i64>().ok().filter(|_| had.pointer(pointer).is_some_and(Value::is_number));
        self.body_format.set_pointer(body, pointer, number.map_or_else(|| text.into(), Value::from)).ok()
    }

    /// Returns the body with this number of retries in place of its own; `None` unless the provider counts them in the
    /// body, and the body has another number there.
    #[must_use]
    pub fn with_retry_count(&self, body: &[u8], retries: u32) -> Option<Vec<u8>> {
        let pointers = &self.delivery.retry_count;
        if pointers.is_empty() {
            return None;
        }
        let mut value: Value = serde_json::from_slice(body).ok()?;
        let mut changed = false;
        for pointer in pointers {
            let numbers = json_path::matches(&mut value, pointer).into_iter().filter(|number| number.is_number());
            for number in numbers.filter(|number| **number != retries) {
                *number = retries.into();
                changed = true;
            }
        }
        changed.then(|| self.body_format.write(&value))
    }
}

/// Returns a URL, or a path with its query, with these parameters at its end; others of their names are removed.
#[must_use]
pub fn with_parameters(url: &str, parameters: &[(String, String)]) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let is_replaced = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        parameters.iter().any(|(replaced, _)| replaced == name)
    };
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !is_replaced(pair)).map(str::to_owned);
    let added = parameters
        .iter()
        .map(|(name, value)| form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish());
    let query: Vec<String> = kept.chain(added).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn sign_error(error: &SignError) -> Error {
    let cannot = Error::new("cannot sign").cause(error);
    match error {
        SignError::MultipleKeys => cannot.hint("give one secret: -s VALUE"),
        SignError::PublicKeyOnly => cannot.hint("give the private half: the one that `whk secret new --pair` prints"),
        _ => cannot,
    }
}
