//! Removes secrets from what a handler responds and prints, before any report sees it.

use bytes::Bytes;

use super::result::{CheckResult, SentRequest};
use super::runner::CheckObserver;
use crate::error::Result;
use crate::signing::{Encoding, Secret};

/// The text in place of a secret.
const REDACTED: &str = "(redacted)";

/// The shortest text that is replaced: a shorter one would be found everywhere.
const MIN_LENGTH: usize = 4;

/// The shortest text that is replaced in our own sentences, which say `secret`.
const MIN_LENGTH_IN_MESSAGE: usize = 8;

/// The longest body of a request that is searched; longer ones are padding.
const MAX_REQUEST: usize = 64 << 10;

/// The forms of secrets, the longest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Redactor {
    forms: Vec<Vec<u8>>,
}

impl Redactor {
    /// Collects the forms in which a handler may give the secrets away: the text, with and without its prefix, the key
    /// that it stands for, and each of them in hexadecimal and base64, also in a URL or in JSON.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let text = secret.expose_secret();
            let bare = text.rsplit_once('_').map_or(text, |(_, rest)| rest);
            let mut keys = vec![text.as_bytes().to_vec(), bare.as_bytes().to_vec()];
            keys.extend(Encoding::Base64.decode(bare.as_bytes()));
            keys.extend(Encoding::Hex.decode(bare.as_bytes()));
            for key in keys.into_iter().filter(|key| key.len() >= MIN_LENGTH) {
                add_encodings(&mut forms, &key);
            }
        }
        // A form may be a part of another.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// Returns a text without the secrets.
    pub(super) fn text(&self, text: &str) -> String {
        self.long_enough(text, 0)
    }

    fn long_enough(&self, text: &str, least: usize) -> String {
        match self.replaced(text.as_bytes(), least) {
            Some(redacted) => String::from_utf8_lossy(&redacted).into_owned(),
            None => text.to_owned(),
        }
    }

    fn bytes(&self, bytes: &mut Bytes) {
        if let Some(redacted) = self.replaced(bytes, 0) {
            *bytes = redacted.into();
        }
    }

    /// Returns the bytes without the secrets; nothing if there is none in them.
    fn replaced(&self, bytes: &[u8], least: usize) -> Option<Vec<u8>> {
        let mut current: Option<Vec<u8>> = None;
        for form in self.forms.iter().filter(|form| form.len() >= least) {
            let text = current.as_deref().unwrap_or(bytes);
            if let Some(replaced) = replace(text, form) {
                current = Some(replaced);
            }
        }
        current
    }

    /// Removes the secrets from a result. A request has one only if the scheme sends it as a token.
    pub(super) fn result(&self, result: &mut CheckResult) {
        result.message = self.long_enough(&result.message, MIN_LENGTH_IN_MESSAGE);
        result.fix = result.fix.as_deref().map(|fix| self.long_enough(fix, MIN_LENGTH_IN_MESSAGE));
        result.handler_output = result.handler_output.as_deref().map(|output| self.text(output));
        if let Some(response) = &mut result.response {
            self.bytes(&mut response.body);
            for (_, value) in &mut response.headers {
                self.bytes(value);
            }
        }
        if let Some(SentRequest { headers, body, .. }) = &mut result.request {
            if body.len() <= MAX_REQUEST {
                self.bytes(body);
            }
            for (_, value) in headers {
                self.bytes(value);
            }
        }
    }
}

/// An observer that sees no secret.
pub(super) struct RedactingObserver<'a, Observer> {
    pub(super) observer: &'a mut Observer,
    pub(super) redactor: Redactor,
}

impl<Observer: CheckObserver> CheckObserver for RedactingObserver<'_, Observer> {
    fn on_result(&mut self, result: &CheckResult) -> Result {
        let mut result = result.clone();
        self.redactor.result(&mut result);
        self.observer.on_result(&result)
    }
}

fn add_encodings(forms: &mut Vec<Vec<u8>>, key: &[u8]) {
    let hex = Encoding::Hex.encode(key);
    let base64 = Encoding::Base64.encode(key);
    let bare = base64.trim_end_matches('=').to_owned();
    let in_url = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let texts = [
        hex.to_uppercase(),
        hex,
        bare.replace('+', "-").replace('/', "_"),
        bare.replace('/', "\\/"),
        in_url(&bare),
        in_url(&base64),
        bare,
        base64,
    ];
    forms.push(key.to_vec());
    if let Ok(text) = std::str::from_utf8(key) {
        forms.extend([in_url(text), text.replace('/', "\\/")].map(String::into_bytes));
    }
    forms.extend(texts.map(String::into_bytes));
}

/// Returns a text with each occurrence of a part replaced; nothing if there is none.
fn replace(text: &[u8], part: &[u8]) -> Option<Vec<u8>> {
    let first = *part.first()?;
    let mut replaced = None;
    let mut copied = 0;
    let mut at = 0;
    while at + part.len() <= text.len() {
        let Some(next) = text[at..=text.len() - part.len()].iter().position(|byte| *byte == first) else { break };
        at += next;
        if text[at..].starts_with(part) {
            let replaced: &mut Vec<u8> = replaced.get_or_insert_default();
            replaced.extend_from_slice(&text[copied..at]);
            replaced.extend_from_slice(REDACTED.as_bytes());
            at += part.len();
            copied = at;
        } else {
            at += 1;
        }
    }
    let mut replaced = replaced?;
    replaced.extend_from_slice(&text[copied..]);
    Some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_secret_is_redacted() {
        let secret = Secret::new("whsec_a2V5LWthbmFyaWUtMDEyMzQ1Njc4OT8/Pz4+Pg==");
        let key = Encoding::Base64.decode(b"a2V5LWthbmFyaWUtMDEyMzQ1Njc4OT8/Pz4+Pg==").unwrap();
        let redactor = Redactor::new([&secret]);
        let text = secret.expose_secret();
        for form in [
            text.to_owned(),
            text[6..].to_owned(),
            String::from_utf8(key.clone()).unwrap(),
            Encoding::Hex.encode(&key),
            Encoding::Hex.encode(&key).to_uppercase(),
            Encoding::Hex.encode(text.as_bytes()),
            Encoding::Base64.encode(text.as_bytes()),
            text[6..].replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
            text[6..].replace('/', "\\/"),
        ] {
            assert_eq!(redactor.text(&format!("a {form} b {form}")), "a (redacted) b (redacted)", "{form}");
        }
        assert_eq!(redactor.text("nothing here"), "nothing here");
        assert_eq!(redactor.text(""), "");
    }
}
