//! Faults on request: requests that a handler must refuse, each wrong in one named way.

use bytes::Bytes;
use clap::ValueEnum as _;
use serde_json::Value;

use crate::cli::Fault;
use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::signing::ValueSource;

/// How far past the tolerance an expired or a future timestamp lies: 5 minutes, more than clocks differ.
const BEYOND: i64 = 300;

impl Fault {
    /// The name on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether the provider's scheme can express it at all.
    pub(super) fn check(self, provider: &Provider) -> Result {
        let scheme = &provider.scheme;
        let because = match self {
            Self::MissingId if header(scheme.id.as_ref().map(|rule| &rule.from)).is_none() => {
                "its scheme has no header for an id"
            }
            Self::MissingTimestamp if header(scheme.timestamp.as_ref().map(|rule| &rule.from)).is_none() => {
                "its scheme has no header for a timestamp"
            }
            Self::Expired if scheme.timestamp.as_ref().and_then(|rule| rule.max_age).is_none() => {
                "its scheme does not limit the age of a request"
            }
            Self::Future if scheme.timestamp.as_ref().and_then(|rule| rule.max_future).is_none() => {
                "its scheme does not refuse timestamps ahead of the clock"
            }
            Self::TamperedBody | Self::ReserializedBody | Self::TruncatedBody
                if !scheme.content.has_body() && scheme.requirements.is_empty() =>
            {
                "its signature does not cover the body"
            }
            _ => return Ok(()),
        };
        Err(Error::new(format!("{} cannot send the fault `{}`", provider.title, self.name())).cause(because))
    }

    /// How far the signed time is moved, in seconds.
    pub(super) fn shift(self, provider: &Provider) -> i64 {
        let rule = provider.scheme.timestamp.as_ref();
        let beyond = |limit: Option<u64>| i64::try_from(limit.unwrap_or(0)).unwrap_or(0) + BEYOND;
        match self {
            Self::Expired => -beyond(rule.and_then(|rule| rule.max_age)),
            Self::Future => beyond(rule.and_then(|rule| rule.max_future)),
            _ => 0,
        }
    }

    /// Makes it wrong, after it was signed.
    pub(super) fn apply(self, provider: &Provider, headers: &mut Vec<(String, String)>, body: &mut Bytes) -> Result {
        let scheme = &provider.scheme;
        if let (Self::MissingSignature | Self::MalformedSignature, ValueSource::Json(pointer)) =
            (self, &scheme.signature.from[0])
        {
            return self.in_body(provider, pointer, body);
        }
        let mut drop = |name: Option<&str>| {
            headers.retain(|(have, _)| !name.is_some_and(|name| have.eq_ignore_ascii_case(name)));
        };
        match self {
            Self::MissingSignature => drop(header(Some(&scheme.signature.from))),
            Self::MissingId => drop(header(scheme.id.as_ref().map(|rule| &rule.from))),
            Self::MissingTimestamp => drop(header(scheme.timestamp.as_ref().map(|rule| &rule.from))),
            Self::MalformedSignature => {
                for (name, value) in headers {
                    if header(Some(&scheme.signature.from)).is_some_and(|header| name.eq_ignore_ascii_case(header)) {
                        "not-a-signature".clone_into(value);
                    }
                }
            }
            Self::TamperedBody => *body = tampered(body),
            Self::TruncatedBody => *body = body.slice(..body.len() / 2),
            Self::ReserializedBody => *body = reserialized(body)?,
            Self::WrongSecret | Self::Expired | Self::Future => {}
        }
        Ok(())
    }
}

impl Fault {
    /// The same for a signature that stands in the JSON body.
    fn in_body(self, provider: &Provider, pointer: &str, body: &mut Bytes) -> Result {
        let mut value: Value =
            serde_json::from_slice(body).map_err(|error| Error::new("the body is not JSON").cause(error))?;
        let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
            match self {
                Self::MissingSignature => fields.shift_remove(key),
                _ => fields.insert(key.to_owned(), "not-a-signature".into()),
            };
        }
        *body = provider.body_format.write(&value).into();
        Ok(())
    }
}

fn header(sources: Option<&Vec<ValueSource>>) -> Option<&str> {
    sources?.first()?.header()
}

/// Changes the last letter or digit, so that JSON stays JSON; a body without one gets a space.
fn tampered(body: &[u8]) -> Bytes {
    let mut body = body.to_vec();
    match body.iter().rposition(u8::is_ascii_alphanumeric) {
        Some(at) => {
            body[at] = match body[at] {
                b'0'..=b'8' => body[at] + 1,
                b'9' => b'8',
                b'z' => b'y',
                b'Z' => b'Y',
                letter => letter + 1,
            };
        }
        None => body.push(b' '),
    }
    body.into()
}

/// Sorted keys are what a map makes of an object, and survive a second parse; white space alone would not.
fn reserialized(body: &[u8]) -> Result<Bytes> {
    let mut value: Value = serde_json::from_slice(body)
        .map_err(|error| Error::new("only a JSON body can be written anew").cause(error))?;
    value.sort_all_objects();
    let mut written = serde_json::to_vec(&value).unwrap_or_default();
    if written == body {
        written = serde_json::to_vec_pretty(&value).unwrap_or_default();
    }
    if written == body {
        Err(Error::new("this body stays the same when it is written anew"))
    } else {
        Ok(written.into())
    }
}
