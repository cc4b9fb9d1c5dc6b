//! Handshakes: requests by which a provider makes sure that an endpoint is its owner's.

use serde::Deserialize;

use super::source::Parts;
use super::{Digest, Encoding, Key, Request, Scheme, Secret, Source};

/// One handshake: how it is recognised and what is answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Challenge {
    /// The method; absent means POST.
    #[serde(default = "post")]
    pub method: String,
    /// The value that tells a handshake from an event.
    #[serde(deserialize_with = "super::scheme::text")]
    pub when: Source,
    /// What it is; absent means that its presence is enough.
    pub equals: Option<String>,
    /// A value that only an event has; with it the request is none.
    #[serde(default, deserialize_with = "source")]
    pub without: Option<Source>,
    /// Whether the request must be signed.
    #[serde(default = "yes")]
    pub signed: bool,
    /// The status of the answer.
    #[serde(default = "ok")]
    pub status: u16,
    /// The media type of the answer.
    #[serde(default = "plain")]
    pub content_type: String,
    /// The answer: text with `{SOURCE}` for a value of the request, and `{hmac:/pointer}` for the lower-case hex
    /// HMAC-SHA256 of one with the secret. Values are escaped where the media type is JSON.
    pub reply: String,
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

fn source<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Source>, D::Error> {
    super::scheme::text(deserializer).map(Some)
}

/// A handshake's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solved {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Challenge {
    /// Whether the request is this handshake.
    #[must_use]
    pub fn fits(&self, request: &Request<'_>) -> bool {
        let parts = Parts::new(request);
        let value = self.when.text(&parts);
        request.method.eq_ignore_ascii_case(&self.method)
            && self.without.as_ref().is_none_or(|place| place.text(&parts).is_none())
            && value.is_some_and(|value| self.equals.as_ref().is_none_or(|equals| *equals == value))
    }

    /// The answer, made with the first secret where one is needed; `None` where a value is missing.
    #[must_use]
    pub fn solve(&self, scheme: &Scheme, secrets: &[Secret], request: &Request<'_>) -> Option<Solved> {
        let parts = Parts::new(request);
        let json = self.content_type.contains("json");
        let mut body = String::new();
        let mut rest = self.reply.as_str();
        // A brace that opens no place is the reply's own: replies are often JSON.
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|length| open + length);
            let inside = close.map(|close| &rest[open + 1..close]);
            let value = match inside.and_then(place) {
                None => {
                    body.push_str(&rest[..=open]);
                    rest = &rest[open + 1..];
                    continue;
                }
                Some(Place::Value(source)) => source.text(&parts)?,
                Some(Place::Hmac(source)) => {
                    let key: Key = scheme.key(secrets.first()?).ok()?;
                    let mac = Digest::HmacSha256.prepare(&key)?.sign(&[source.text(&parts)?.as_bytes()])?;
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
        Some(Solved { status: self.status, content_type: self.content_type.clone(), body })
    }
}

enum Place {
    Value(Source),
    Hmac(Source),
}

fn place(text: &str) -> Option<Place> {
    match text.strip_prefix("hmac:") {
        Some(pointer) => format!("json:{pointer}").parse().ok().map(Place::Hmac),
        None => text.parse().ok().map(Place::Value),
    }
}
