//! Mutations: ways to break a request after it was built, each of which a correct handler must reject.

use bytes::Bytes;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::provider::{BodyFormat, Provider};
use crate::signing::ValueSource;

/// The distance of an expired or a future timestamp beyond the tolerance, in seconds: more than clocks differ.
const PAST_TOLERANCE: i64 = 300;

/// A way to break a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// One character of the body changed after signing.
    TamperedBody,
    /// Signed with another secret.
    WrongSecret,
    /// No signature header.
    MissingSignature,
    /// No id header.
    MissingId,
    /// No timestamp header.
    MissingTimestamp,
    /// A signature header that cannot be parsed.
    MalformedSignature,
    /// Correctly signed, but too old.
    Expired,
    /// Correctly signed, but too far in the future.
    Future,
    /// The same JSON, with its keys reordered after signing.
    ReserializedBody,
    /// The body ends half-way.
    TruncatedBody,
}

impl Mutation {
    /// All mutations, in the order in which they are listed and sent.
    pub const ALL: [Self; 10] = [
        Self::TamperedBody,
        Self::WrongSecret,
        Self::MissingSignature,
        Self::MissingId,
        Self::MissingTimestamp,
        Self::MalformedSignature,
        Self::Expired,
        Self::Future,
        Self::ReserializedBody,
        Self::TruncatedBody,
    ];

    /// Returns the name on the command line and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TamperedBody => "tampered-body",
            Self::WrongSecret => "wrong-secret",
            Self::MissingSignature => "missing-signature",
            Self::MissingId => "missing-id",
            Self::MissingTimestamp => "missing-timestamp",
            Self::MalformedSignature => "malformed-signature",
            Self::Expired => "expired",
            Self::Future => "future",
            Self::ReserializedBody => "reserialized-body",
            Self::TruncatedBody => "truncated-body",
        }
    }

    /// Returns a description in a few words, as in help.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::TamperedBody => "One character of the body changed after signing",
            Self::WrongSecret => "Signed with another secret",
            Self::MissingSignature => "No signature header",
            Self::MissingId => "No id header",
            Self::MissingTimestamp => "No timestamp header",
            Self::MalformedSignature => "A signature header that cannot be parsed",
            Self::Expired => "Correctly signed, but too old",
            Self::Future => "Correctly signed, but too far in the future",
            Self::ReserializedBody => "Same JSON, keys reordered after signing: other bytes than were signed",
            Self::TruncatedBody => "The body ends half-way",
        }
    }

    /// Checks that the provider's scheme can express it, and that `body` can be broken this way, if the body is not one
    /// of the provider's samples.
    ///
    /// # Errors
    /// It cannot; the error is the reason, as the end of a sentence.
    pub fn ensure_supported(self, provider: &Provider, body: Option<&[u8]>) -> std::result::Result<(), &'static str> {
        let scheme = &provider.scheme;
        Err(match self {
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
            _ => return body.map_or(Ok(()), |body| self.ensure_body_supported(provider, body)),
        })
    }

    /// Checks that a custom body can be broken this way.
    fn ensure_body_supported(self, provider: &Provider, body: &[u8]) -> std::result::Result<(), &'static str> {
        let in_body = matches!(provider.scheme.signature.from[0], ValueSource::Json(_));
        let is_json = || serde_json::from_slice::<Value>(body).is_ok();
        match self {
            Self::TruncatedBody if body.is_empty() => Err("the body is empty"),
            Self::ReserializedBody if !is_json() => Err("the body is not JSON"),
            Self::ReserializedBody if reserialized(body).is_err() => Err("the body has only one way to be written"),
            Self::MissingSignature | Self::MalformedSignature if in_body && !is_json() => Err("the body is not JSON"),
            _ => Ok(()),
        }
    }

    /// Checks that a correct handler must reject it: it is not about a header that the scheme treats as optional.
    ///
    /// # Errors
    /// A correct handler can accept it; the error is the reason.
    pub fn ensure_rejected(self, provider: &Provider) -> std::result::Result<(), String> {
        let optional = provider.scheme.timestamp.as_ref().is_some_and(|rule| rule.optional);
        if optional && matches!(self, Self::MissingTimestamp | Self::Expired | Self::Future) {
            return Err(format!("{} treats its timestamp header as optional", provider.title));
        }
        Ok(())
    }

    /// Returns the distance by which the signed time is moved, in seconds.
    #[must_use]
    pub fn timestamp_offset(self, provider: &Provider) -> i64 {
        let rule = provider.scheme.timestamp.as_ref();
        let beyond = |limit: Option<u64>| i64::try_from(limit.unwrap_or(0)).unwrap_or(0) + PAST_TOLERANCE;
        match self {
            Self::Expired => -beyond(rule.and_then(|rule| rule.max_age)),
            Self::Future => beyond(rule.and_then(|rule| rule.max_future)),
            _ => 0,
        }
    }

    /// Breaks a request after it was signed. The mutations of the secret and of the time change nothing here: they
    /// are made when the request is signed.
    ///
    /// # Errors
    /// The body is not JSON, or has only one way to be written.
    pub fn apply(self, provider: &Provider, headers: &mut Vec<(String, String)>, body: &mut Bytes) -> Result {
        let scheme = &provider.scheme;
        if let (Self::MissingSignature | Self::MalformedSignature, ValueSource::Json(pointer)) =
            (self, &scheme.signature.from[0])
        {
            return self.apply_in_body(provider, pointer, body);
        }
        let mut drop = |name: Option<&str>| {
            headers.retain(|(have, _)| !name.is_some_and(|name| have.eq_ignore_ascii_case(name)));
        };
        // A handler may verify a further signature instead, which these mutations would leave valid.
        if matches!(self, Self::MissingSignature | Self::MalformedSignature | Self::Expired | Self::Future)
            || matches!(self, Self::MissingId | Self::MissingTimestamp)
        {
            scheme.additional_headers().for_each(|name| drop(Some(name)));
        }
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

    /// Removes or replaces a signature that is a field of the JSON body.
    fn apply_in_body(self, provider: &Provider, pointer: &str, body: &mut Bytes) -> Result {
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

/// Returns the body with its last letter or digit changed, so that JSON stays JSON; a body without one gets a space.
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

/// Returns the same JSON with sorted keys, as some serializers do, or else indented.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Catalog, ProviderRef};

    fn provider(name: &str) -> Provider {
        Catalog::new(Vec::new()).load(&ProviderRef::default_edition(name)).unwrap()
    }

    #[test]
    fn a_mutation_that_the_scheme_cannot_express_says_why() {
        let (standard, github) = (provider("standard"), provider("github"));
        for mutation in Mutation::ALL {
            assert_eq!(mutation.ensure_supported(&standard, None), Ok(()), "{mutation:?}");
        }
        assert_eq!(Mutation::MissingTimestamp.ensure_supported(&github, None), Err("it has no timestamp header"));
        assert_eq!(Mutation::Expired.ensure_supported(&github, None), Err("it does not limit the age of a request"));
        assert_eq!(Mutation::TruncatedBody.ensure_supported(&standard, Some(b"")), Err("the body is empty"));
        assert_eq!(Mutation::ReserializedBody.ensure_supported(&standard, Some(b"a=1")), Err("the body is not JSON"));
    }

    #[test]
    fn a_time_is_moved_past_the_tolerance() {
        let standard = provider("standard");
        let rule = standard.scheme.timestamp.as_ref().unwrap();
        let limit = |limit: Option<u64>| i64::try_from(limit.unwrap()).unwrap();
        assert!(Mutation::Expired.timestamp_offset(&standard) < -limit(rule.max_age));
        assert!(Mutation::Future.timestamp_offset(&standard) > limit(rule.max_future));
        assert_eq!(Mutation::TamperedBody.timestamp_offset(&standard), 0);
    }

    #[test]
    fn a_tampered_body_has_one_other_letter_or_a_space() {
        assert_eq!(tampered(br#"{"a":"z"}"#), br#"{"a":"y"}"#.as_ref());
        assert_eq!(tampered(br#"{"a":19}"#), br#"{"a":18}"#.as_ref());
        assert_eq!(tampered(b"{}"), b"{} ".as_ref());
    }

    #[test]
    fn a_reserialized_body_is_the_same_json_in_other_bytes() {
        assert_eq!(reserialized(br#"{"b":1,"a":2}"#).unwrap(), br#"{"a":2,"b":1}"#.as_ref());
        assert_eq!(reserialized(br#"{"a":2}"#).unwrap(), b"{\n  \"a\": 2\n}".as_ref());
        assert!(reserialized(b"1").is_err());
    }
}
