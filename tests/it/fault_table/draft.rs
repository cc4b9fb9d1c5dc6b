//! A request on its way: what was signed, and what arrives.

use std::io::{self, Write};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::providers::{PROVIDERS, Signer};
use crate::harness::http::NOW;

/// The same event as several serializers write it.
pub(super) const PLAIN: &str = r#"{"type":"message.opened","n":1.5,"q":"a & b","name":"Größe"}"#;
pub(super) const GO: &str = r#"{"type":"message.opened","n":1.5,"q":"a \u0026 b","name":"Größe"}"#;
pub(super) const PYTHON: &str = r#"{"type": "message.opened", "n": 1.5, "q": "a & b", "name": "Gr\u00f6\u00dfe"}"#;
pub(super) const PRETTY_GO: &str =
    "{\n  \"type\": \"message.opened\",\n  \"n\": 1.5,\n  \"q\": \"a \\u0026 b\",\n  \"name\": \"Größe\"\n}";
pub(super) const PRETTY: &str =
    "{\n  \"type\": \"message.opened\",\n  \"n\": 1.5,\n  \"q\": \"a & b\",\n  \"name\": \"Größe\"\n}";

/// A request before it is written.
pub(super) struct Draft {
    pub(super) signer: &'static Signer,
    pub(super) key: Vec<u8>,
    pub(super) content: &'static str,
    pub(super) pattern: String,
    pub(super) encode: fn(&[u8]) -> String,
    pub(super) id: String,
    pub(super) signed_at: i64,
    /// The timestamp that is signed, and the one that is sent; `None` as the provider writes it.
    pub(super) signed_timestamp: Option<String>,
    pub(super) sent_timestamp: Option<String>,
    pub(super) signed_body: String,
    pub(super) body: String,
    /// The body that arrives in place of `body`, if it is not text.
    pub(super) bytes: Option<Vec<u8>>,
    /// Further headers, before those of the signature.
    pub(super) more: Vec<(&'static str, String)>,
    /// Headers that are dropped, set to another value, or repeated, in this order.
    pub(super) dropped: Vec<&'static str>,
    pub(super) set: Vec<(&'static str, String)>,
    pub(super) repeated: Vec<&'static str>,
    /// The provider that signs in place of the own one.
    pub(super) signed_as: Option<&'static Signer>,
}

impl Draft {
    pub(super) fn new(signer: &'static Signer) -> Self {
        Self {
            signer,
            key: signer.key.to_vec(),
            content: signer.content,
            pattern: signer.pattern.to_owned(),
            encode: signer.encode,
            id: "msg_1".to_owned(),
            signed_at: NOW,
            signed_timestamp: None,
            sent_timestamp: None,
            signed_body: PLAIN.to_owned(),
            body: PLAIN.to_owned(),
            bytes: None,
            more: Vec::new(),
            dropped: Vec::new(),
            set: Vec::new(),
            repeated: Vec::new(),
            signed_as: None,
        }
    }

    /// A valid request, of many that differ.
    pub(super) fn undamaged(signer: &'static Signer, number: usize) -> Self {
        let shift = i64::try_from(number).unwrap() % 55;
        let texts = [PLAIN, GO, PYTHON, PRETTY, "", "plain text\r\n", "\u{feff}{}", "[object Object]", "{\"a\":1e2}\n"];
        let body = texts[number % texts.len()].to_owned();
        Self {
            id: format!("msg_{number}"),
            signed_at: NOW - if number.is_multiple_of(2) { shift } else { -shift },
            signed_body: body.clone(),
            body,
            more: vec![("x-request-id", number.to_string()), ("content-type", "application/json".to_owned())],
            ..Self::new(signer)
        }
    }

    /// Compresses the body after it was signed.
    pub(super) fn compress<W: Write>(
        &mut self,
        encoder: impl FnOnce(Vec<u8>) -> W,
        finish: fn(W) -> io::Result<Vec<u8>>,
    ) {
        let mut writer = encoder(Vec::new());
        writer.write_all(self.body.as_bytes()).unwrap();
        self.bytes = Some(finish(writer).unwrap());
    }

    /// The body that arrives.
    pub(super) fn body(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or(self.body.as_bytes())
    }

    /// Lets another provider of the table sign, with this provider's secret as text.
    pub(super) fn sign_as(&mut self, provider: &str) {
        let other = PROVIDERS.iter().find(|other| other.provider == provider).unwrap();
        self.signed_as = Some(other);
        self.key = self.signer.secret.as_bytes().to_vec();
        (self.content, self.encode) = (other.content, other.encode);
        other.pattern.clone_into(&mut self.pattern);
    }

    /// The headers, in the order in which they are sent.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let signer = self.signed_as.unwrap_or(self.signer);
        let written = self.signed_at * if signer.milliseconds { 1000 } else { 1 };
        let signed_timestamp = self.signed_timestamp.clone().unwrap_or_else(|| written.to_string());
        let sent_timestamp = self.sent_timestamp.clone().unwrap_or_else(|| signed_timestamp.clone());
        let content = self.content.replace("{id}", &self.id).replace("{timestamp}", &signed_timestamp);
        let (before, after) = content.split_once("{body}").unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
        mac.update([before, &self.signed_body, after].concat().as_bytes());
        let signature = (self.encode)(&mac.finalize().into_bytes());
        let mut headers = self.more.clone();
        headers.extend(signer.id.map(|name| (name, self.id.clone())));
        headers.extend(signer.timestamp.filter(|name| *name != "t").map(|name| (name, sent_timestamp.clone())));
        let value = self.pattern.replace("{timestamp}", &sent_timestamp).replace("{sig}", &signature);
        headers.push((signer.signature, value));
        headers.retain(|(name, _)| !self.dropped.contains(name));
        for (name, value) in &self.set {
            for header in headers.iter_mut().filter(|(have, _)| have == name) {
                header.1.clone_from(value);
            }
        }
        let repeated = headers.iter().filter(|(name, _)| self.repeated.contains(name)).cloned().collect::<Vec<_>>();
        headers.extend(repeated);
        headers
    }
}
