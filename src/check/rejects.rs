//! The checks of requests that are forged, changed or replayed: a handler must reject them.

use std::borrow::Cow;

use bytes::Bytes;

use super::accepts::{entries, wrong_entry};
use super::battery::{
    Check, CheckGroup, Expected, Level, Plan, Run, Variant, quick, rejects_check as check, rules, skip,
};
use super::procedure::Procedure;
use super::request::{CheckRequest, RequestBuilder, SecretReading};
use crate::error::Result;
use crate::random::Rng;
use crate::sender::Mutation;
use crate::signing::{Encoding, SignatureAlgorithm, SignedContent};

const VERIFY_ALL: &str =
    "verify the signature of the raw body before anything else, and respond with 401 if it does not match";
const COMPARE: &str = "compare the complete signature in constant time, after comparing the lengths: crypto.timingSafeEqual, hmac.compare_digest";
const CATCH: &str = "respond with 400 or 401 to whatever cannot be read: check the length first, and catch every exception of the library";

pub(super) static CHECKS: &[Check] = &[
    quick(check(
        "tampered-body",
        Level::Required,
        "A body that was changed after signing must be rejected.",
        rules::STANDARD,
        VERIFY_ALL,
        |builder| mutated(builder, Mutation::TamperedBody),
    )),
    check(
        "truncated-body",
        Level::Required,
        "A body of which half is missing is not what was signed.",
        rules::STANDARD,
        VERIFY_ALL,
        |builder| mutated(builder, Mutation::TruncatedBody),
    ),
    check(
        "reserialized-body",
        Level::Required,
        "The same JSON in other bytes is not what was signed.",
        rules::STANDARD,
        VERIFY_ALL,
        |builder| mutated(builder, Mutation::ReserializedBody),
    ),
    check(
        "emptied-body",
        Level::Required,
        "An empty body under the signature of another one must be rejected.",
        rules::STANDARD,
        VERIFY_ALL,
        emptied_body,
    ),
    check(
        "body-not-covered",
        Level::Required,
        "Some handlers verify the headers and then read another body.",
        rules::STANDARD,
        VERIFY_ALL,
        body_not_covered,
    ),
    quick(check(
        "wrong-secret",
        Level::Required,
        "A request that is signed with another secret must be rejected.",
        rules::STANDARD,
        VERIFY_ALL,
        wrong_secret,
    )),
    quick(check(
        "missing-signature",
        Level::Required,
        "A request without a signature must be rejected: \"no header, no check\" is a frequent hole.",
        "https://github.com/github/advisory-database/pull/7131",
        "respond with 401 if the signature header is absent, before comparing",
        |builder| mutated(builder, Mutation::MissingSignature),
    )),
    check(
        "missing-id",
        Level::Required,
        "The id is signed, so a request without one must be rejected.",
        rules::STANDARD,
        "respond with 400 if the id header is absent",
        |builder| mutated(builder, Mutation::MissingId),
    ),
    check(
        "missing-timestamp",
        Level::Required,
        "The timestamp is signed, so a request without one must be rejected.",
        rules::STANDARD,
        "respond with 400 if the timestamp header is absent",
        missing_timestamp,
    ),
    check(
        "empty-signature-value",
        Level::Required,
        "What is empty must not be equal to anything.",
        rules::STANDARD,
        CATCH,
        empty_signature_value,
    ),
    check(
        "empty-header",
        Level::Required,
        "An empty id or timestamp is a missing one.",
        rules::STANDARD,
        "treat an empty header as an absent one",
        empty_header,
    ),
    quick(check(
        "malformed-signature",
        Level::Required,
        "A signature that cannot be read must be rejected, and must not crash the handler.",
        rules::STANDARD,
        CATCH,
        malformed_signature,
    )),
    check(
        "wrong-length-signature",
        Level::Required,
        "A comparison in constant time throws if the lengths differ; in bare Node the process then ends.",
        "https://github.com/inkbox-ai/inkbox/issues/178",
        CATCH,
        wrong_length_signature,
    ),
    check(
        "same-length-not-hex",
        Level::Required,
        "Decoding what is not hexadecimal gives nothing, and the comparison then throws.",
        "https://github.com/Infisical/infisical/issues/6127",
        CATCH,
        same_length_not_hex,
    ),
    check(
        "same-length-not-ascii",
        Level::Required,
        "Characters and bytes differ in number, and a comparison by characters then fails.",
        "https://github.com/hyperlocalise/hyperlocalise/issues/748",
        CATCH,
        same_length_not_ascii,
    ),
    check(
        "prefix-only-match",
        Level::Required,
        "A comparison of the beginning alone can be guessed.",
        rules::STANDARD,
        COMPARE,
        prefix_only_match,
    ),
    check(
        "literal-signatures",
        Level::Required,
        "Mistakes in code turn into texts such as `undefined`, which then match.",
        rules::STANDARD,
        COMPARE,
        literal_signatures,
    ),
    check(
        "empty-key",
        Level::Required,
        "A secret that was not configured is often an empty one, with which anybody can sign.",
        "https://github.com/hivecommons/hive/issues/2885",
        "do not start without a secret",
        empty_key,
    ),
    check(
        "known-fallback-keys",
        Level::Recommended,
        "A built-in default secret is public.",
        "https://github.com/JhaSourav07/commitpulse/issues/5480",
        "do not start without a secret, instead of using a default",
        known_fallback_keys,
    ),
    check(
        "misread-key",
        Level::Required,
        "A handler that accepts two readings of the secret accepts a weaker one.",
        "https://github.com/standard-webhooks/standard-webhooks/issues/235",
        "read the secret in one way, as the provider does",
        misread_key,
    ),
    check(
        "other-encoding",
        Level::Recommended,
        "The right signature in another encoding may be accepted or rejected, but must not fail.",
        "https://github.com/jackmusick/bifrost/issues/727",
        CATCH,
        other_encoding,
    ),
    check(
        "other-algorithm",
        Level::Recommended,
        "A weaker algorithm that is still accepted decides the security.",
        "https://github.com/adcontextprotocol/adcp-client/pull/687",
        "accept the provider's current algorithm alone",
        other_algorithm,
    ),
    check(
        "unknown-version-only",
        Level::Required,
        "A signature of an unknown version is not a signature.",
        rules::STANDARD,
        "skip entries of an unknown version, and reject if nothing is left",
        unknown_version_only,
    ),
    check(
        "body-only-signature",
        Level::Required,
        "Id and timestamp are only trusted because they are signed.",
        rules::STANDARD,
        "sign exactly what the provider signs: id, timestamp and body",
        body_only_signature,
    ),
    check(
        "signature-of-another-event",
        Level::Required,
        "The signature of one event must not be good for another one.",
        rules::STANDARD,
        "verify the signature of this request, not a remembered one",
        signature_of_another_event,
    ),
    check(
        "signature-moved",
        Level::Required,
        "Id and timestamp have places of their own in what is signed.",
        rules::STANDARD,
        "sign exactly what the provider signs, in its order",
        signature_moved,
    ),
    check(
        "changed-id",
        Level::Required,
        "An id that can be changed lets a replayed event pass as a new one.",
        rules::STANDARD,
        "sign exactly what the provider signs: id, timestamp and body",
        changed_id,
    ),
    check(
        "repeated-signature-header",
        Level::Required,
        "The framework gives a list where the code expects text.",
        "https://github.com/stripe/stripe-node/issues/2651",
        "reject a request with two signature headers, or use one of them",
        repeated_signature_header,
    ),
    check(
        "retired-secret",
        Level::Required,
        "After a rotation the old secret must no longer be accepted.",
        rules::OWASP,
        "remove the old secret when its rotation has ended",
        retired_secret,
    ),
    Check {
        id: "no-leak",
        group: CheckGroup::Rejects,
        level: Level::Required,
        reason: "A response that shows the expected signature or the secret ends all security.",
        rule: "https://github.com/adnanh/webhook/issues/85",
        fix: "respond with a fixed text, and write details into the log",
        quick: false,
        run: Run::Procedure(Procedure::NoLeak),
    },
    check(
        "huge-body",
        Level::Recommended,
        "Nobody should be able to fill the memory without a signature.",
        rules::OWASP,
        "stop reading at a limit such as 1 MB, and respond with 413",
        huge_body,
    ),
];

const IN_BODY: &str = "its signature is part of the body";

fn rejected(name: impl Into<Cow<'static, str>>, request: CheckRequest) -> Variant {
    Variant::new(name, Expected::Rejected, request)
}

/// One request, broken as `whk send --fault` breaks it.
fn mutated(builder: &RequestBuilder, mutation: Mutation) -> Plan {
    if let Err(reason) = mutation.ensure_supported(&builder.provider, None) {
        return skip(reason);
    }
    match broken(builder, mutation)? {
        Some(request) => Ok(Ok(vec![rejected("", request)])),
        None => skip("the body has only one way to be written"),
    }
}

/// Breaks a request in one way that a correct handler rejects; nothing if the scheme cannot express it.
pub(super) fn broken(builder: &RequestBuilder, mutation: Mutation) -> Result<Option<CheckRequest>> {
    let provider = &builder.provider;
    if mutation.ensure_supported(provider, None).is_err() || mutation.ensure_rejected(provider).is_err() {
        return Ok(None);
    }
    let request = match mutation {
        Mutation::WrongSecret => return wrongly_signed(builder).map(Some),
        _ => builder.sign(&builder.sample()?.shifted(mutation.timestamp_offset(provider)))?,
    };
    let mut headers: Vec<(String, String)> = request.headers.iter().map(text_header).collect();
    let mut body = request.body.clone();
    if mutation.apply(provider, &mut headers, &mut body).is_err() {
        return Ok(None);
    }
    let headers = headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect();
    Ok(Some(CheckRequest { headers, body, ..request }))
}

/// Makes a request that is signed with another secret.
fn wrongly_signed(builder: &RequestBuilder) -> Result<CheckRequest> {
    let secret = builder.provider.seeded_secret(Rng::for_event(builder.seed, u64::MAX - 1))?;
    builder.sign_with_secrets(&builder.sample()?, &[secret])
}

fn text_header((name, value): &(String, Bytes)) -> (String, String) {
    (name.clone(), String::from_utf8_lossy(value).into_owned())
}

fn missing_timestamp(builder: &RequestBuilder) -> Plan {
    match Mutation::MissingTimestamp.ensure_rejected(&builder.provider) {
        Err(reason) => skip(reason),
        Ok(()) => mutated(builder, Mutation::MissingTimestamp),
    }
}

fn covers_body(builder: &RequestBuilder) -> bool {
    Mutation::TamperedBody.ensure_supported(&builder.provider, None).is_ok()
}

const NOT_COVERED: &str = "its signature does not cover the body";

fn emptied_body(builder: &RequestBuilder) -> Plan {
    if !covers_body(builder) {
        return skip(NOT_COVERED);
    }
    Ok(Ok(vec![rejected("", builder.valid()?.body(Bytes::new()))]))
}

fn body_not_covered(builder: &RequestBuilder) -> Plan {
    if !covers_body(builder) {
        return skip(NOT_COVERED);
    }
    let other = builder.draft(builder.events.last().unwrap_or(&builder.events[0]))?.body;
    let request = builder.valid()?;
    if request.body == other {
        return skip("its events do not differ");
    }
    Ok(Ok(vec![rejected("", request.body(other))]))
}

fn wrong_secret(builder: &RequestBuilder) -> Plan {
    Ok(Ok(vec![rejected("", wrongly_signed(builder)?)]))
}

/// Requests with these texts in place of the whole signature header.
fn with_signatures(builder: &RequestBuilder, texts: &[(String, Bytes)]) -> Plan {
    let Some(header) = builder.signature_header() else { return skip(IN_BODY) };
    let variants =
        texts.iter().map(|(name, text)| Ok(rejected(name.clone(), builder.valid()?.set(header, text.clone()))));
    variants.collect::<Result<Vec<_>>>().map(Ok)
}

/// The number of events that are made to find one with a signature that a change makes different.
const MAX_DRAWS: usize = 20;

/// Requests with these texts in place of the encoded signature; what stands around it stays.
fn with_bare_signatures(builder: &RequestBuilder, change: impl Fn(&str) -> Vec<(Cow<'static, str>, Bytes)>) -> Plan {
    if builder.signature_header().is_none() {
        return skip(IN_BODY);
    }
    let Some(bare) = builder.bare_signature(&builder.valid()?) else { return skip("its signature has no fixed form") };
    let mut variants = Vec::new();
    for (index, (name, _)) in change(&bare).into_iter().enumerate() {
        // Not every signature has a symbol that the change is about.
        for _ in 0..MAX_DRAWS {
            let request = builder.valid()?;
            let Some(bare) = builder.bare_signature(&request) else { break };
            let Some((_, changed)) = change(&bare).into_iter().nth(index) else { break };
            if changed != bare {
                variants.extend(builder.with_bare_signature(request, changed).map(|request| rejected(name, request)));
                break;
            }
        }
    }
    Ok(Ok(variants))
}

fn empty_signature_value(builder: &RequestBuilder) -> Plan {
    let pattern = &builder.scheme().formats[0].pattern;
    let separator = builder.scheme().signature.separator.as_deref().unwrap_or(",");
    let texts = [
        ("empty", String::new()),
        ("prefix alone", pattern.format("")),
        ("separator alone", separator.to_owned()),
        ("comma", ",".to_owned()),
        ("spaces", "   ".to_owned()),
    ];
    let mut seen = Vec::new();
    let texts = texts.into_iter().filter(|(_, text)| {
        let fresh = !seen.contains(text);
        seen.push(text.clone());
        fresh
    });
    with_signatures(builder, &texts.map(|(name, text)| (name.to_owned(), text.into())).collect::<Vec<_>>())
}

fn empty_header(builder: &RequestBuilder) -> Plan {
    let required = builder.scheme().timestamp.as_ref().is_some_and(|rule| !rule.optional);
    let headers = [builder.id_header(), builder.timestamp_header().filter(|_| required)];
    let variants =
        headers.into_iter().flatten().map(|name| Ok(rejected(name.to_owned(), builder.valid()?.set(name, ""))));
    let variants = variants.collect::<Result<Vec<_>>>()?;
    if variants.is_empty() { skip("it has neither an id nor a timestamp in a header") } else { Ok(Ok(variants)) }
}

fn malformed_signature(builder: &RequestBuilder) -> Plan {
    if builder.signature_header().is_none() {
        return mutated(builder, Mutation::MalformedSignature);
    }
    let pattern = &builder.scheme().formats[0].pattern;
    let texts = [
        ("text", "not-a-signature".to_owned()),
        ("bad encoding", pattern.format("%%%not*encoded%%%")),
        ("no separator", pattern.format("").replace([',', '='], "") + "c2lnbmF0dXJl"),
        ("percent", "%00%ff%zz".to_owned()),
        ("JSON", r#"{"v1":"x"}"#.to_owned()),
    ];
    with_signatures(builder, &texts.map(|(name, text)| (name.to_owned(), text.into())))
}

fn wrong_length_signature(builder: &RequestBuilder) -> Plan {
    with_bare_signatures(builder, |bare| {
        let end = bare.len().saturating_sub(1);
        vec![
            ("one character".into(), Bytes::copy_from_slice(&bare.as_bytes()[..1])),
            ("one less".into(), Bytes::copy_from_slice(&bare.as_bytes()[..end])),
            ("one more".into(), format!("{bare}0").into()),
            ("4,000 more".into(), format!("{bare}{}", "0".repeat(4000)).into()),
        ]
    })
}

fn same_length_not_hex(builder: &RequestBuilder) -> Plan {
    if builder.scheme().formats[0].encoding != Encoding::Hex {
        return skip("its signature is not hexadecimal");
    }
    with_bare_signatures(builder, |bare| vec![("".into(), "z".repeat(bare.len()).into())])
}

fn same_length_not_ascii(builder: &RequestBuilder) -> Plan {
    with_bare_signatures(builder, |bare| {
        let bytes = format!("é{}", &bare[2.min(bare.len())..]);
        let characters = format!("é{}", &bare[1.min(bare.len())..]);
        let latin_1: Vec<u8> = std::iter::once(0xe9).chain(bare.bytes().skip(1)).collect();
        vec![
            ("in bytes".into(), bytes.into()),
            ("in characters".into(), characters.into()),
            ("Latin-1".into(), latin_1.into()),
        ]
    })
}

fn prefix_only_match(builder: &RequestBuilder) -> Plan {
    let alphabet = |symbol: u8| {
        if symbol == b'0' {
            b'1'
        } else if symbol.is_ascii_digit() {
            b'0'
        } else if symbol == b'a' {
            b'b'
        } else if symbol == b'A' {
            b'B'
        } else if symbol.is_ascii_uppercase() {
            b'A'
        } else {
            b'a'
        }
    };
    with_bare_signatures(builder, |bare| {
        let padding = bare.len() - bare.trim_end_matches('=').len();
        let signed = bare.len() - padding;
        let mut half = bare.as_bytes().to_vec();
        half[signed / 2..signed].iter_mut().for_each(|symbol| *symbol = alphabet(*symbol));
        // The last symbol of base64 has bits that mean nothing; the one before it does not.
        let last = signed.saturating_sub(if padding > 0 { 2 } else { 1 });
        let mut end = bare.as_bytes().to_vec();
        end[last] = alphabet(end[last]);
        let mut start = bare.as_bytes().to_vec();
        start[0] = alphabet(start[0]);
        vec![
            ("first half right".into(), half.into()),
            ("all but one symbol right".into(), end.into()),
            ("all but the first symbol right".into(), start.into()),
            ("first 8 characters alone".into(), Bytes::copy_from_slice(&bare.as_bytes()[..8.min(bare.len())])),
        ]
    })
}

fn literal_signatures(builder: &RequestBuilder) -> Plan {
    let pattern = &builder.scheme().formats[0].pattern;
    let mut texts: Vec<(String, Bytes)> = Vec::new();
    for literal in ["undefined", "null", "[object Object]", "true", "*", "0", "[]"] {
        texts.push((literal.to_owned(), literal.into()));
        if !pattern.format("").is_empty() {
            texts.push((pattern.format(literal), pattern.format(literal).into()));
        }
    }
    with_signatures(builder, &texts)
}

fn is_hmac(builder: &RequestBuilder) -> bool {
    use SignatureAlgorithm::{HmacSha1, HmacSha256, HmacSha384, HmacSha512};
    matches!(builder.scheme().formats[0].algorithm, HmacSha1 | HmacSha256 | HmacSha384 | HmacSha512)
}

const NO_HMAC: &str = "it does not sign with HMAC";

fn empty_key(builder: &RequestBuilder) -> Plan {
    if !is_hmac(builder) {
        return skip(NO_HMAC);
    }
    match builder.sign_with_key(&builder.sample()?, b"") {
        Some(request) => Ok(Ok(vec![rejected("", request?)])),
        None => skip(NO_HMAC),
    }
}

/// Keys that code and samples use as a default, as their text and as what base64 makes of it.
const FALLBACK_KEYS: [&str; 8] =
    ["secret", "test", "changeme", "whsec_test", "your-secret", "your_webhook_secret", "development", "undefined"];

fn known_fallback_keys(builder: &RequestBuilder) -> Plan {
    if !is_hmac(builder) {
        return skip(NO_HMAC);
    }
    let mut variants = Vec::new();
    for key in FALLBACK_KEYS {
        // A person may have configured it, to try things out.
        if builder.secrets.iter().any(|secret| secret.expose_secret() == key) {
            continue;
        }
        if let Some(request) = builder.sign_with_key(&builder.sample()?, key.as_bytes()) {
            variants.push(rejected(key, request?));
        }
    }
    Ok(Ok(variants))
}

fn misread_key(builder: &RequestBuilder) -> Plan {
    if !is_hmac(builder) {
        return skip(NO_HMAC);
    }
    let mut variants = Vec::new();
    for (reading, key) in builder.misread_keys() {
        let name = match reading {
            SecretReading::Text => "its text as the key",
            SecretReading::WithoutPrefix => "its text without the prefix",
            SecretReading::Base64 => "its base64 decoded",
            SecretReading::Hex => "its hexadecimal decoded",
        };
        if let Some(request) = builder.sign_with_key(&builder.sample()?, &key) {
            variants.push(rejected(name, request?));
        }
    }
    if variants.is_empty() { skip("its secret has one reading") } else { Ok(Ok(variants)) }
}

fn other_encoding(builder: &RequestBuilder) -> Plan {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    let encoding = builder.scheme().formats[0].encoding;
    let plan = with_bare_signatures(builder, |bare| {
        let Some(bytes) = encoding.decode(bare.as_bytes()) else { return Vec::new() };
        let hex = Encoding::Hex.encode(&bytes);
        let all = [
            ("upper-case hex", hex.to_uppercase()),
            ("hex", hex),
            ("base64", STANDARD.encode(&bytes)),
            ("base64url", URL_SAFE.encode(&bytes)),
            ("base64 without padding", STANDARD_NO_PAD.encode(&bytes)),
        ];
        all.map(|(name, text)| (name.into(), text.into())).into()
    })?;
    Ok(plan.map(|variants| {
        variants.into_iter().map(|variant| Variant { expected: Expected::Handled, ..variant }).collect()
    }))
}

fn other_algorithm(builder: &RequestBuilder) -> Plan {
    if builder.scheme().formats[0].algorithm != SignatureAlgorithm::HmacSha256 {
        return skip("it does not sign with HMAC-SHA256");
    }
    let mut variants = Vec::new();
    for (name, algorithm) in
        [("HMAC-SHA1", SignatureAlgorithm::HmacSha1), ("HMAC-SHA512", SignatureAlgorithm::HmacSha512)]
    {
        let mut scheme = builder.scheme().clone();
        scheme.formats.truncate(1);
        scheme.formats[0].algorithm = algorithm;
        variants.push(rejected(name, builder.sign_as(&builder.sample()?, &scheme)?));
    }
    Ok(Ok(variants))
}

fn unknown_version_only(builder: &RequestBuilder) -> Plan {
    let Some(header) = builder.signature_header() else { return skip(IN_BODY) };
    let prefix = builder.scheme().formats[0].pattern.format("");
    let version = prefix.trim_end_matches([',', '=']);
    if version.is_empty() {
        return skip("its signature has no version");
    }
    let mut variants = Vec::new();
    for other in ["v1a", "v0", "v2", "v11", "sha1"] {
        // One that the provider has itself is not unknown.
        if version == other {
            continue;
        }
        let request = builder.valid()?;
        let Some(text) = builder.signature(&request) else { return skip(IN_BODY) };
        let (lead, good) = entries(builder, &request).unwrap_or((String::new(), text));
        let Some(rest) = good.strip_prefix(version) else { continue };
        variants.push(rejected(other, request.set(header, format!("{lead}{other}{rest}"))));
    }
    Ok(Ok(variants))
}

fn body_only_signature(builder: &RequestBuilder) -> Plan {
    let content = &builder.scheme().content;
    if !content.has_body() || !(content.has_id() || content.has_timestamp()) {
        return skip("it signs the body alone");
    }
    let mut variants = Vec::new();
    for (name, template) in
        [("body alone", "{body}"), ("timestamp and body", "{timestamp}.{body}"), ("id and body", "{id}.{body}")]
    {
        let Ok(other) = template.parse::<SignedContent>() else { continue };
        if other == *content || template.contains("{id}") && builder.scheme().id.is_none() {
            continue;
        }
        let mut scheme = builder.scheme().clone();
        scheme.content = other;
        variants.push(rejected(name, builder.sign_as(&builder.sample()?, &scheme)?));
    }
    Ok(Ok(variants))
}

fn signature_of_another_event(builder: &RequestBuilder) -> Plan {
    let Some(header) = builder.signature_header() else { return skip(IN_BODY) };
    if !covers_body(builder) {
        return skip(NOT_COVERED);
    }
    let one = builder.valid()?;
    let other = builder.sign(&builder.draft(builder.events.last().unwrap_or(&builder.events[0]))?)?;
    let Some(signature) = builder.signature(&one) else { return skip(IN_BODY) };
    // The first event arrives, so that a handler that remembers signatures remembers this one.
    Ok(Ok(vec![
        Variant::new("the event itself", Expected::Accepted, one),
        rejected("another event with its signature", other.set(header, signature)),
    ]))
}

fn signature_moved(builder: &RequestBuilder) -> Plan {
    let (Some(id), Some(time)) = (builder.id_header(), builder.timestamp_header()) else {
        return skip("it does not sign an id and a timestamp in headers of their own");
    };
    let request = builder.valid()?;
    let (Some(id_value), Some(time_value)) = (request.value(id), request.value(time)) else {
        return skip("it does not sign an id and a timestamp in headers of their own");
    };
    Ok(Ok(vec![rejected("", request.set(id, time_value).set(time, id_value))]))
}

fn changed_id(builder: &RequestBuilder) -> Plan {
    match builder.id_header() {
        Some(header) if builder.scheme().content.has_id() => {
            let other = builder.sample()?.id;
            Ok(Ok(vec![rejected("", builder.valid()?.set(header, other))]))
        }
        _ => skip("it does not sign an id of its own"),
    }
}

fn repeated_signature_header(builder: &RequestBuilder) -> Plan {
    let Some(header) = builder.signature_header() else { return skip(IN_BODY) };
    let Some(wrong) = wrong_entry(builder) else { return skip("its signature has no fixed form") };
    let bad = |request: CheckRequest| -> CheckRequest {
        let lead = entries(builder, &request).map(|(lead, _)| lead).unwrap_or_default();
        request.set(header, format!("{lead}{wrong}"))
    };
    let first = bad(builder.valid()?);
    let again = builder.signature(&first).unwrap_or_default();
    let good = builder.valid()?;
    let signature = builder.signature(&good).unwrap_or_default();
    let mixed = bad(good).and(header, signature);
    Ok(Ok(vec![
        rejected("two wrong ones", first.and(header, again)),
        Variant::new("a wrong one and the right one", Expected::Handled, mixed).level(Level::Recommended),
    ]))
}

fn retired_secret(builder: &RequestBuilder) -> Plan {
    match &builder.retired_secret {
        Some(secret) => {
            let request = builder.sign_with_secrets(&builder.sample()?, std::slice::from_ref(secret))?;
            Ok(Ok(vec![rejected("", request)]))
        }
        None => skip("give the secret that is no longer valid: --retired-secret VALUE"),
    }
}

/// More than any handler should read without a limit, in bytes.
const HUGE: usize = 32 << 20;

fn huge_body(builder: &RequestBuilder) -> Plan {
    let request = builder.valid()?;
    let request = match (builder.signature_header(), wrong_entry(builder)) {
        (Some(header), Some(wrong)) => request.set(header, wrong),
        _ => request,
    };
    Ok(Ok(vec![Variant::new("32 MiB", Expected::HandledNotAccepted, request.body(vec![b' '; HUGE])).within(5000)]))
}
