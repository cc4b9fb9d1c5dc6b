//! Properties of a valid request that some libraries do not accept.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::signing::{Key, Request, SignatureAlgorithm, TimestampUnit};

/// The tolerance of every library in seconds, mostly not to be changed.
const TOLERANCE: u64 = 300;

/// A property of a valid request that some libraries do not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestTrait {
    /// The body is not UTF-8.
    NotUtf8,
    /// The header names are not `webhook-…`.
    NonStandardHeaderNames,
    /// Only the `svix-…` headers are valid, and there are `webhook-…` headers too.
    OnlySvixHeadersValid,
    /// The header names are not in lower case.
    UppercaseHeaderNames,
    /// A header that is read has a character beyond ASCII.
    NonAsciiHeader,
    /// The id has a character beyond ASCII.
    NonAsciiId,
    /// Its age is outside the tolerance of every library.
    OutsideTolerance,
    /// Its age is exactly the tolerance.
    AtToleranceLimit,
    /// It has no `v1` signature.
    MissingV1,
    /// An entry before the valid signature has two commas or more.
    ExtraCommas,
    /// The text after the last comma is not the valid signature.
    ValidNotLast,
    /// The body is empty.
    EmptyBody,
    /// The body is neither JSON nor empty.
    InvalidJson,
    /// The body is not JSON for Python either, which accepts more.
    InvalidPythonJson,
    /// The body is not the JSON object that Elixir's Jason writes.
    NonCanonicalJason,
}

/// The signatures of a request, and the valid one among them.
pub(super) struct SignatureList<'a> {
    list: &'a [u8],
    /// The valid `v1` signature by the `webhook-…` headers, if there are several and the key can tell.
    right: Option<String>,
}

impl<'a> SignatureList<'a> {
    pub(super) fn new(request: &Request<'a>, key: &Key) -> Self {
        let list = value(request, "signature");
        // A single signature is the valid one, because the request is valid.
        let several = list.contains(&b' ') || request.has("svix-signature");
        let right = SignatureAlgorithm::HmacSha256.prepare_key(key).filter(|_| several).and_then(|prepared| {
            let pieces = [value(request, "id"), b".", value(request, "timestamp"), b".", request.body];
            prepared.sign(&pieces).map(|signature| STANDARD.encode(signature))
        });
        Self { list, right }
    }

    fn entries(&self) -> impl Iterator<Item = &'a [u8]> {
        self.list.split(|byte| *byte == b' ')
    }

    fn is_right(&self, entry: &[u8]) -> bool {
        let signature = entry.strip_prefix(b"v1,");
        self.right.as_ref().is_some_and(|right| signature == Some(right.as_bytes()))
    }
}

fn value<'a>(request: &Request<'a>, field: &str) -> &'a [u8] {
    let names = ["webhook-", "svix-"];
    names.iter().find_map(|family| request.values(&format!("{family}{field}")).next()).unwrap_or_default()
}

pub(super) fn applies(
    request_trait: RequestTrait,
    request: &Request<'_>,
    signatures: &SignatureList<'_>,
    now: Option<i64>,
) -> bool {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let body = request.body;
    let age = || {
        let at = TimestampUnit::Seconds.read(value(request, "timestamp"))?;
        Some(now?.saturating_sub(at))
    };
    match request_trait {
        RequestTrait::NotUtf8 => std::str::from_utf8(body).is_err(),
        RequestTrait::NonStandardHeaderNames => names.iter().any(|name| !request.has(name)),
        RequestTrait::OnlySvixHeadersValid => {
            let is_right = |entry| signatures.is_right(entry);
            request.has("svix-signature") && signatures.right.is_some() && !signatures.entries().any(is_right)
        }
        RequestTrait::UppercaseHeaderNames => {
            let exactly = |name: &&str| request.headers.iter().any(|header| header.name == *name);
            !names.iter().all(exactly)
        }
        RequestTrait::NonAsciiHeader => {
            names.iter().flat_map(|name| request.values(name)).any(|value| !value.is_ascii())
        }
        RequestTrait::NonAsciiId => !value(request, "id").is_ascii(),
        RequestTrait::OutsideTolerance => age().is_some_and(|age| age.unsigned_abs() > TOLERANCE),
        RequestTrait::AtToleranceLimit => age().is_some_and(|age| age > 0 && age.unsigned_abs() == TOLERANCE),
        RequestTrait::MissingV1 => !signatures.entries().any(|entry| entry.starts_with(b"v1,")),
        RequestTrait::ExtraCommas => {
            let more_than_one = |entry: &[u8]| entry.split(|byte| *byte == b',').count() > 2;
            signatures.entries().take_while(|entry| !signatures.is_right(entry)).any(more_than_one)
        }
        RequestTrait::ValidNotLast => {
            let last = signatures.list.rsplit(|byte| *byte == b',').next();
            signatures.right.as_ref().is_some_and(|right| last != Some(right.as_bytes()))
        }
        RequestTrait::EmptyBody => body.is_empty(),
        RequestTrait::InvalidJson => !body.is_empty() && !is_json(body),
        RequestTrait::InvalidPythonJson => !body.is_empty() && !is_json(body) && !is_json(&without_constants(body)),
        RequestTrait::NonCanonicalJason => encode_like_jason(body).is_none_or(|text| text.as_bytes() != body),
    }
}

/// True for JSON by its grammar: of any depth, with numbers of any size.
fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Returns the body with `0` for the constants that Python's `json` knows beyond JSON.
fn without_constants(body: &[u8]) -> Vec<u8> {
    let (mut out, mut at, mut inside) = (Vec::with_capacity(body.len()), 0, false);
    while let Some(byte) = body.get(at) {
        let constant = ["NaN", "Infinity"].into_iter().find(|name| !inside && body[at..].starts_with(name.as_bytes()));
        if let Some(name) = constant {
            out.push(b'0');
            at += name.len();
            continue;
        }
        if inside && *byte == b'\\' {
            out.push(b'\\');
            at += 1;
        } else if *byte == b'"' {
            inside = !inside;
        }
        out.extend(body.get(at));
        at += 1;
    }
    out
}

/// Serializes the parsed object as Elixir's Jason does: compact, with the keys in byte order.
fn encode_like_jason(body: &[u8]) -> Option<String> {
    // A repeated key is lost, as it is in Jason. An integer beyond 64 bits, which Jason would keep, counts as changed.
    let value: Value = serde_json::from_slice(body).ok().filter(Value::is_object)?;
    serde_json::to_string(&sorted(value)).ok()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            fields.into_iter().map(|(name, value)| (name, sorted(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}
