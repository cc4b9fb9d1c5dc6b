//! Faults on request: requests that a handler must reject, each broken in one named way.

use bytes::Bytes;
use clap::ValueEnum as _;
use serde_json::Value;

use crate::cli::{Fault, FaultArg};
use crate::error::{Error, Result};
use crate::provider::{BodyFormat, Provider};
use crate::signing::ValueSource;

/// The distance of an expired or a future timestamp beyond the tolerance: 5 minutes, more than clocks differ.
const BEYOND: i64 = 300;

/// The faults of a run.
#[derive(Debug, Default)]
pub(super) struct ChosenFaults {
    pub(super) faults: Vec<Fault>,
    /// Those that are left out, with the reason.
    pub(super) skipped: Vec<(Fault, String)>,
}

/// Chooses the faults that are sent. Of several, those that do not apply are skipped.
///
/// # Errors
/// None of them applies to the provider, or to `body`, if that is the user's own.
pub(super) fn choose(asked: &[FaultArg], provider: &Provider, body: Option<&[u8]>) -> Result<ChosenFaults> {
    let mut chosen = ChosenFaults::default();
    let named = |fault: Fault| asked.contains(&FaultArg::One(fault));
    let candidates = asked.iter().flat_map(|asked| match asked {
        FaultArg::All => Fault::value_variants().to_vec(),
        FaultArg::One(fault) => vec![*fault],
    });
    for fault in candidates {
        if chosen.faults.contains(&fault) || chosen.skipped.iter().any(|(skipped, _)| *skipped == fault) {
            continue;
        }
        let reason = fault.inapplicable(provider, body);
        let reason = reason.or_else(|| if named(fault) { None } else { fault.optional(provider) });
        match reason {
            Some(reason) => chosen.skipped.push((fault, reason)),
            None => chosen.faults.push(fault),
        }
    }
    match chosen.skipped.as_slice() {
        [(fault, reason)] if chosen.faults.is_empty() => {
            Err(Error::new(format!("`{}` does not apply to {}: {reason}", fault.name(), provider.title)))
        }
        [_, ..] if chosen.faults.is_empty() => {
            let error = Error::new(format!("none of these faults applies to {}", provider.title));
            let why = |(fault, reason): &(Fault, String)| format!("`{}`: {reason}", fault.name());
            Err(chosen.skipped.iter().fold(error, |error, skipped| error.cause(why(skipped))))
        }
        _ => Ok(chosen),
    }
}

impl Fault {
    /// The reason why the provider's scheme, or this body, cannot express it.
    fn inapplicable(self, provider: &Provider, body: Option<&[u8]>) -> Option<String> {
        let scheme = &provider.scheme;
        let reason = match self {
            Self::MissingId if header(scheme.id.as_ref().map(|rule| &rule.from)).is_none() => "it has no id header",
            Self::MissingTimestamp if header(scheme.timestamp.as_ref().map(|rule| &rule.from)).is_none() => {
                "it has no timestamp header"
            }
            Self::Expired if scheme.timestamp.as_ref().and_then(|rule| rule.max_age).is_none() => {
                "it does not limit the age of a request"
            }
            Self::Future if scheme.timestamp.as_ref().and_then(|rule| rule.max_future).is_none() => {
                "it does not reject future timestamps"
            }
            Self::TamperedBody | Self::ReserializedBody | Self::TruncatedBody
                if !scheme.content.has_body() && scheme.requirements.is_empty() =>
            {
                "its signature does not cover the body"
            }
            Self::ReserializedBody if body.is_none() && provider.body_format == BodyFormat::Form => {
                "its bodies are not JSON"
            }
            _ => return self.inexpressible(provider, body?).map(str::to_owned),
        };
        Some(reason.to_owned())
    }

    /// The reason why a body of the user's own cannot be broken this way.
    fn inexpressible(self, provider: &Provider, body: &[u8]) -> Option<&'static str> {
        let in_body = matches!(provider.scheme.signature.from[0], ValueSource::Json(_));
        let is_json = || serde_json::from_slice::<Value>(body).is_ok();
        match self {
            Self::TruncatedBody if body.is_empty() => Some("the body is empty"),
            Self::ReserializedBody if !is_json() => Some("the body is not JSON"),
            Self::ReserializedBody if reserialized(body).is_err() => Some("the body has only one way to be written"),
            Self::MissingSignature | Self::MalformedSignature if in_body && !is_json() => Some("the body is not JSON"),
            _ => None,
        }
    }

    /// The reason why a correct handler may accept it: it is about a header that the scheme treats as optional.
    fn optional(self, provider: &Provider) -> Option<String> {
        let optional = provider.scheme.timestamp.as_ref().is_some_and(|rule| rule.optional);
        let about_it = matches!(self, Self::MissingTimestamp | Self::Expired | Self::Future);
        (optional && about_it).then(|| format!("{} treats its timestamp header as optional", provider.title))
    }

    /// The distance by which the signed time is moved, in seconds.
    pub(super) fn shift(self, provider: &Provider) -> i64 {
        let rule = provider.scheme.timestamp.as_ref();
        let beyond = |limit: Option<u64>| i64::try_from(limit.unwrap_or(0)).unwrap_or(0) + BEYOND;
        match self {
            Self::Expired => -beyond(rule.and_then(|rule| rule.max_age)),
            Self::Future => beyond(rule.and_then(|rule| rule.max_future)),
            _ => 0,
        }
    }

    /// Breaks a request after it was signed.
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

    /// The same for a signature in the JSON body.
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

/// Writes the same JSON with sorted keys, as some serializers do, or else indented.
fn reserialized(body: &[u8]) -> Result<Bytes> {
    let mut value: Value = serde_json::from_slice(body)
        .map_err(|error| Error::new("only a JSON body can be re-serialized").cause(error))?;
    value.sort_all_objects();
    let mut written = serde_json::to_vec(&value).unwrap_or_default();
    if written == body {
        written = serde_json::to_vec_pretty(&value).unwrap_or_default();
    }
    if written == body {
        Err(Error::new("this body stays the same when it is re-serialized"))
    } else {
        Ok(written.into())
    }
}
