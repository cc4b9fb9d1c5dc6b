//! Challenges: requests by which a provider checks that an endpoint belongs to its owner.

use serde::Deserialize;

use super::source::ParsedRequest;
use super::{Encoding, Key, Request, Scheme, Secret, SignatureAlgorithm, ValueSource};

/// A challenge: how it is recognised, and the response to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Challenge {
    /// The method; absent means POST.
    #[serde(default = "post")]
    pub method: String,
    /// The value that distinguishes a challenge from an event.
    #[serde(rename = "when", deserialize_with = "super::scheme::text")]
    pub trigger: ValueSource,
    /// The text that the value must equal; absent means that its presence is enough.
    pub equals: Option<String>,
    /// A value that only an event has; a request with it is not a challenge.
    #[serde(default, rename = "without", deserialize_with = "source")]
    pub unless: Option<ValueSource>,
    /// True if the request must be signed.
    #[serde(default = "yes")]
    pub signed: bool,
    /// Status of the response.
    #[serde(default = "ok")]
    pub status: u16,
    /// Media type of the response.
    #[serde(default = "plain")]
    pub content_type: String,
    /// Body of the response: text with `{SOURCE}` for a value of the request, and `{hmac:/pointer}` for the lower-case
    /// hex HMAC-SHA256 of a value with the secret. Values are escaped if the media type is JSON.
    #[serde(rename = "reply")]
    pub body_template: String,
}

fn post() -> String {
    "POST".to_owned()
}

fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

fn plain() -> String {
    "text/plain; charset=utf-8".to_owned()
}

fn source<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<ValueSource>, D::Error> {
    super::scheme::text(deserializer).map(Some)
}

/// The response to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeResponse {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Challenge {
    /// True if the request is this challenge.
    #[must_use]
    pub fn matches(&self, request: &Request<'_>) -> bool {
        let request_values = ParsedRequest::new(request);
        let value = self.trigger.string(&request_values);
        request.method.eq_ignore_ascii_case(&self.method)
            && self.unless.as_ref().is_none_or(|place| place.string(&request_values).is_none())
            && value.is_some_and(|value| self.equals.as_ref().is_none_or(|equals| *equals == value))
    }

    /// Returns the response, computed with the first secret if one is needed; `None` if a value is missing.
    #[must_use]
    pub fn respond(&self, scheme: &Scheme, secrets: &[Secret], request: &Request<'_>) -> Option<ChallengeResponse> {
        let request_values = ParsedRequest::new(request);
        let json = self.content_type.contains("json");
        let mut body = String::new();
        let mut rest = self.body_template.as_str();
        // A brace that opens no placeholder is literal: bodies are often JSON.
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|length| open + length);
            let inside = close.map(|close| &rest[open + 1..close]);
            let value = match inside.and_then(place) {
                None => {
                    body.push_str(&rest[..=open]);
                    rest = &rest[open + 1..];
                    continue;
                }
                Some(ReplyPlaceholder::Value(source)) => source.string(&request_values)?,
                Some(ReplyPlaceholder::Hmac(source)) => {
                    let key: Key = scheme.key(secrets.first()?).ok()?;
                    let mac = SignatureAlgorithm::HmacSha256
                        .prepare_key(&key)?
                        .sign(&[source.string(&request_values)?.as_bytes()])?;
                    Encoding::Hex.encode(&mac)
                }
            };
            body.push_str(&rest[..open]);
            if json {
                let quoted = serde_json::Value::from(value).to_string();
                body.push_str(&quoted[1..quoted.len() - 1]);
            } else {
                body.push_str(&value);
            }
            rest = &rest[close.unwrap_or(open) + 1..];
        }
        body.push_str(rest);
        Some(ChallengeResponse { status: self.status, content_type: self.content_type.clone(), body })
    }
}

enum ReplyPlaceholder {
    Value(ValueSource),
    Hmac(ValueSource),
}

fn place(text: &str) -> Option<ReplyPlaceholder> {
    match text.strip_prefix("hmac:") {
        Some(pointer) => format!("json:{pointer}").parse().ok().map(ReplyPlaceholder::Hmac),
        None => text.parse().ok().map(ReplyPlaceholder::Value),
    }
}
