//! The bodies that may have been signed before something on the way changed them.

use std::borrow::Cow;

use super::compression;
use super::json::{Dialect, Escapes, Node, Numbers};
use crate::signing::Cause;

/// Another form of a received body: the one that may have been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rewriting<'a> {
    /// The name for scripts.
    pub(super) name: &'static str,
    pub(super) cause: Cause,
    pub(super) body: Cow<'a, [u8]>,
}

const PLAIN: Dialect = Dialect {
    spaced: false,
    indent: None,
    sorted: false,
    escapes: Escapes::None,
    numbers: Numbers::AsTheyStood,
    map: true,
};
const JAVASCRIPT: Dialect = Dialect { numbers: Numbers::Ecmascript, ..PLAIN };
const PYTHON: Dialect = Dialect { spaced: true, escapes: Escapes::Unicode, numbers: Numbers::Python, ..PLAIN };

/// Serialisers, the likeliest first: the signed body is what one of them writes.
const DIALECTS: [(&str, Dialect); 19] = [
    ("json-compact", JAVASCRIPT),
    ("json-minified", Dialect { map: false, ..PLAIN }),
    ("go-escaped", Dialect { escapes: Escapes::Html, ..PLAIN }),
    ("python-default", PYTHON),
    ("pretty-2", Dialect { indent: Some(2), ..JAVASCRIPT }),
    ("pretty-4", Dialect { indent: Some(4), ..JAVASCRIPT }),
    ("python-compact", Dialect { spaced: false, ..PYTHON }),
    ("python-unicode", Dialect { escapes: Escapes::None, ..PYTHON }),
    ("python-pretty-2", Dialect { indent: Some(2), ..PYTHON }),
    ("python-pretty-4", Dialect { indent: Some(4), ..PYTHON }),
    ("php-escaped", Dialect { escapes: Escapes::SlashAndUnicode, ..PLAIN }),
    ("php-slashes", Dialect { escapes: Escapes::Slash, ..PLAIN }),
    ("unicode-escaped", Dialect { escapes: Escapes::Unicode, ..PLAIN }),
    ("sorted-keys", Dialect { sorted: true, ..PLAIN }),
    ("go-sorted", Dialect { sorted: true, escapes: Escapes::Html, numbers: Numbers::Ecmascript, ..PLAIN }),
    ("python-sorted", Dialect { sorted: true, ..PYTHON }),
    ("python-sorted-compact", Dialect { sorted: true, spaced: false, ..PYTHON }),
    ("gson-escaped", Dialect { escapes: Escapes::Gson, ..PLAIN }),
    ("spaced", Dialect { spaced: true, ..PLAIN }),
];

/// A body that is larger is not rewritten: what providers send is far smaller, and time is bounded.
const LARGEST: usize = 1 << 20;

/// Every other form of `body`, the cheapest and likeliest first, without repeats.
pub(super) fn rewritings<'a>(body: &'a [u8], coding: Option<&str>) -> Vec<Rewriting<'a>> {
    let mut found = Rewritings { body, found: Vec::new() };
    if body.len() > LARGEST {
        return found.found;
    }
    for (name, decoded) in compression::decoded(body, coding) {
        found.add(name, Cause::BodyChangedReserialized, decoded);
    }
    found.white_space();
    if let Some(node) = Node::read(body) {
        for (name, dialect) in DIALECTS {
            if let Some(written) = dialect.write(&node) {
                found.add(name, Cause::BodyChangedReserialized, written);
            }
        }
    }
    found.texts();
    found.found
}

/// The serialiser that a received body looks like, which tells the stack that wrote it.
pub(super) fn dialect_of(body: &[u8]) -> Option<&'static str> {
    if body.len() > LARGEST {
        return None;
    }
    let node = Node::read(body)?;
    DIALECTS.iter().find(|(_, dialect)| dialect.write(&node).as_deref() == Some(body)).map(|(name, _)| *name)
}

struct Rewritings<'a> {
    body: &'a [u8],
    found: Vec<Rewriting<'a>>,
}

impl<'a> Rewritings<'a> {
    fn add(&mut self, name: &'static str, cause: Cause, body: impl Into<Cow<'a, [u8]>>) {
        let body = body.into();
        if *body != *self.body && self.found.iter().all(|known| known.body != body) {
            self.found.push(Rewriting { name, cause, body });
        }
    }

    fn white_space(&mut self) {
        const BOM: &[u8] = b"\xef\xbb\xbf";
        let (body, cause) = (self.body, Cause::BodyChangedWhitespace);
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

    /// Adds the texts that programs make of bytes by mistake.
    fn texts(&mut self) {
        let (body, cause) = (self.body, Cause::BodyChangedReserialized);
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
