//! Variants of a body that may have been signed before the body was changed in transit.

use std::borrow::Cow;

use super::compression;
use super::json::{Escapes, JsonNode, Numbers, SerializerProfile};
use crate::signing::FailureCause;

/// A variant of a received body that may have been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BodyVariant<'a> {
    /// The name for scripts.
    pub(super) name: &'static str,
    pub(super) cause: FailureCause,
    pub(super) body: Cow<'a, [u8]>,
}

const PLAIN: SerializerProfile = SerializerProfile {
    spaced: false,
    indent: None,
    sorted: false,
    escapes: Escapes::None,
    numbers: Numbers::AsTheyStood,
    map: true,
};
const JAVASCRIPT: SerializerProfile = SerializerProfile { numbers: Numbers::Ecmascript, ..PLAIN };
const PYTHON: SerializerProfile =
    SerializerProfile { spaced: true, escapes: Escapes::Unicode, numbers: Numbers::Python, ..PLAIN };

/// Serializers, the likeliest first: one of them may have written the signed body.
const PROFILES: [(&str, SerializerProfile); 20] = [
    ("json-compact", JAVASCRIPT),
    ("json-minified", SerializerProfile { map: false, ..PLAIN }),
    ("go-escaped", SerializerProfile { escapes: Escapes::Html, ..PLAIN }),
    ("python-default", PYTHON),
    ("pretty-2", SerializerProfile { indent: Some(2), ..JAVASCRIPT }),
    ("pretty-4", SerializerProfile { indent: Some(4), ..JAVASCRIPT }),
    ("go-pretty-2", SerializerProfile { indent: Some(2), escapes: Escapes::Html, ..PLAIN }),
    ("python-compact", SerializerProfile { spaced: false, ..PYTHON }),
    ("python-unicode", SerializerProfile { escapes: Escapes::None, ..PYTHON }),
    ("python-pretty-2", SerializerProfile { indent: Some(2), ..PYTHON }),
    ("python-pretty-4", SerializerProfile { indent: Some(4), ..PYTHON }),
    ("php-escaped", SerializerProfile { escapes: Escapes::SlashAndUnicode, ..PLAIN }),
    ("php-slashes", SerializerProfile { escapes: Escapes::Slash, ..PLAIN }),
    ("unicode-escaped", SerializerProfile { escapes: Escapes::Unicode, ..PLAIN }),
    ("sorted-keys", SerializerProfile { sorted: true, ..PLAIN }),
    ("go-sorted", SerializerProfile { sorted: true, escapes: Escapes::Html, numbers: Numbers::Ecmascript, ..PLAIN }),
    ("python-sorted", SerializerProfile { sorted: true, ..PYTHON }),
    ("python-sorted-compact", SerializerProfile { sorted: true, spaced: false, ..PYTHON }),
    ("gson-escaped", SerializerProfile { escapes: Escapes::Gson, ..PLAIN }),
    ("spaced", SerializerProfile { spaced: true, ..PLAIN }),
];

/// The maximum size of a body with variants: providers send far smaller ones, and time is bounded.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Returns every variant of `body`, the cheapest and likeliest first, without repeats.
pub(super) fn body_variants<'a>(body: &'a [u8], coding: Option<&str>) -> Vec<BodyVariant<'a>> {
    let mut found = BodyVariants { body, found: Vec::new() };
    if body.len() > MAX_BODY_BYTES {
        return found.found;
    }
    for (name, decoded) in compression::decoded(body, coding) {
        found.add(name, FailureCause::BodyChangedReserialized, decoded);
    }
    found.white_space_variants();
    if let Some(node) = JsonNode::read(body) {
        for (name, profile) in PROFILES {
            if let Some(written) = profile.write(&node) {
                found.add(name, FailureCause::BodyChangedReserialized, written);
            }
        }
    }
    found.text_variants();
    found.found
}

/// Detects the serializer of a received body, which indicates the stack that wrote it.
pub(super) fn detect_serializer(body: &[u8]) -> Option<&'static str> {
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let node = JsonNode::read(body)?;
    PROFILES.iter().find(|(_, profile)| profile.write(&node).as_deref() == Some(body)).map(|(name, _)| *name)
}

struct BodyVariants<'a> {
    body: &'a [u8],
    found: Vec<BodyVariant<'a>>,
}

impl<'a> BodyVariants<'a> {
    fn add(&mut self, name: &'static str, cause: FailureCause, body: impl Into<Cow<'a, [u8]>>) {
        let body = body.into();
        if *body != *self.body && self.found.iter().all(|known| known.body != body) {
            self.found.push(BodyVariant { name, cause, body });
        }
    }

    fn white_space_variants(&mut self) {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        let (body, cause) = (self.body, FailureCause::BodyChangedWhitespace);
        self.add("newline-added", cause, [body, b"\n"].concat());
        self.add("crlf-added", cause, [body, b"\r\n"].concat());
        for (name, end) in [("crlf-removed", &b"\r\n"[..]), ("newline-removed", b"\n")] {
            if let Some(shorter) = body.strip_suffix(end) {
                self.add(name, cause, shorter);
            }
        }
        self.add("trimmed", cause, body.trim_ascii());
        self.add("crlf-to-lf", cause, replaced(body, b"\r\n", b"\n"));
        self.add("lf-to-crlf", cause, replaced(&replaced(body, b"\r\n", b"\n"), b"\n", b"\r\n"));
        match body.strip_prefix(BOM) {
            Some(without) => self.add("bom-removed", cause, without),
            None => self.add("bom-added", cause, [BOM, body].concat()),
        }
    }

    /// Adds the texts that programs make from bytes by mistake.
    fn text_variants(&mut self) {
        let (body, cause) = (self.body, FailureCause::BodyChangedReserialized);
        if let Cow::Owned(replaced) = String::from_utf8_lossy(body) {
            self.add("replacement-characters", cause, replaced.into_bytes());
        }
        if let Ok(text) = std::str::from_utf8(body) {
            let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
            let quoted = if escaped.contains('\'') && !escaped.contains('"') {
                format!("b\"{escaped}\"")
            } else {
                format!("b'{}'", escaped.replace('\'', "\\'"))
            };
            self.add("python-bytes", cause, quoted.into_bytes());
            let inner = text.strip_prefix("b'").and_then(|rest| rest.strip_suffix('\''));
            if let Some(inner) = inner {
                let plain = inner.replace("\\n", "\n").replace("\\'", "'").replace("\\\\", "\\");
                self.add("python-bytes-undone", cause, plain.into_bytes());
            }
        }
        self.add("empty", cause, Vec::new());
        self.add("object-object", cause, &b"[object Object]"[..]);
    }
}

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}
