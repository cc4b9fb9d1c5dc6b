//! Verifies a request with keys at a time, and returns the verdict with its reason.

use std::borrow::Cow;

use super::content::ContentInputs;
use super::source::{Lookup, ParsedRequest};
use super::{Encoding, KeyFormat, Keyring, Request, Scheme, TimestampUnit, ValueSource};

/// The cause of a failure, by the name that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// A header that the scheme needs is absent or empty.
    MissingHeader,
    /// A header cannot be parsed.
    MalformedHeader,
    /// The signature is right and the timestamp is before the tolerance.
    TimestampTooOld,
    /// The signature is right and the timestamp is after the tolerance.
    TimestampTooNew,
    /// The timestamp is in milliseconds instead of seconds, or the reverse.
    TimestampUnit,
    /// The signature is right for the secret read another way.
    WrongSecretEncoding,
    /// The signature is right and written another way.
    WrongSignatureEncoding,
    /// The signature is right for the body as another JSON serializer writes it.
    BodyChangedReserialized,
    /// The signature is right for the body with other white space around it.
    BodyChangedWhitespace,
    /// The signature is right for other parts of the request.
    SignedContent,
    /// The signature is right by another provider's scheme.
    WrongScheme,
    /// No signature was made with any of the secrets over this request.
    SecretMismatch,
}

impl FailureCause {
    /// Returns whether the signature is right and only the time is not.
    #[must_use]
    pub fn is_about_time(self) -> bool {
        matches!(self, Self::TimestampTooOld | Self::TimestampTooNew)
    }

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingHeader => "missing-header",
            Self::MalformedHeader => "malformed-header",
            Self::TimestampTooOld => "timestamp-too-old",
            Self::TimestampTooNew => "timestamp-too-new",
            Self::TimestampUnit => "timestamp-unit",
            Self::WrongSecretEncoding => "wrong-secret-encoding",
            Self::WrongSignatureEncoding => "wrong-signature-encoding",
            Self::BodyChangedReserialized => "body-changed-reserialized",
            Self::BodyChangedWhitespace => "body-changed-whitespace",
            Self::SignedContent => "signed-content",
            Self::WrongScheme => "wrong-scheme",
            Self::SecretMismatch => "secret-mismatch",
        }
    }
}

/// The allowed distance of a timestamp from the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// As the scheme says.
    Scheme,
    /// This many seconds either way, inclusive.
    Seconds(u64),
    /// Any time.
    Unlimited,
}

/// The result of verifying one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The match, or the reason why there is none.
    pub outcome: Result<SignatureMatch, VerificationFailure>,
    /// The clock less the timestamp in whole seconds, if there is a timestamp; negative is in the future.
    pub age: Option<i64>,
    /// Entries of the signature header that were ignored, as received.
    pub ignored_entries: Vec<String>,
}

/// The signature that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureMatch {
    /// The secret, counted from 0 in the order given.
    pub secret: usize,
    /// The entry of the signature header, counted from 0.
    pub entry: usize,
    /// The format in which the secret was read.
    pub format: KeyFormat,
}

/// The reason why a request is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationFailure {
    /// The cause.
    pub cause: FailureCause,
    /// The cause in one sentence.
    pub message: String,
    /// The header that is wrong, if it is one.
    pub header: Option<String>,
    /// A second, independent cause, such as the clock.
    pub secondary: Option<String>,
}

/// Verifies `request` at the time `now`, in unix seconds.
///
/// The clock is an integer and the bounds are inclusive: of two correct libraries one may reject a request that
/// is exactly at the edge, and this one accepts it. All entries and keys are tried, each in constant time.
#[must_use]
pub fn verify(
    scheme: &Scheme,
    keyring: &Keyring,
    request: &Request<'_>,
    now: i64,
    tolerance: Tolerance,
) -> Verification {
    let mut verification = Verification {
        outcome: Err(VerificationFailure {
            cause: FailureCause::SecretMismatch,
            message: String::new(),
            header: None,
            secondary: None,
        }),
        age: None,
        ignored_entries: Vec::new(),
    };
    verification.outcome = verify_inner(scheme, keyring, request, now, tolerance, &mut verification);
    verification
}

fn verify_inner(
    scheme: &Scheme,
    keyring: &Keyring,
    request: &Request<'_>,
    now: i64,
    tolerance: Tolerance,
    verification: &mut Verification,
) -> Result<SignatureMatch, VerificationFailure> {
    let mut parts = ParsedRequest::new(request);
    // The signature is looked for first: a request without one is unsigned, whatever else it lacks.
    let (signature_header, signatures) = resolve_aliases(&scheme.signature.from, &parts)?;
    let separator = scheme.signature.separator.as_deref().unwrap_or(",");
    parts.signature = Some((signatures.clone(), separator));
    let parts = parts;
    let mut id: Cow<'_, [u8]> = Cow::Borrowed(b"");
    if let Some(rule) = &scheme.id {
        let (header, value) = resolve_aliases(&rule.from, &parts)?;
        if let Some(forbidden) = rule.forbidden.as_deref().filter(|forbidden| contains(&value, forbidden.as_bytes())) {
            let how = format!("contains `{forbidden}`, which makes the signed content ambiguous");
            return Err(malformed(header, &how));
        }
        id = value;
    }
    let timestamp = timestamp(scheme, &parts, now, verification)?;
    let decoded = decode_signatures(scheme, keyring, signature_header, &signatures, &mut verification.ignored_entries)?;
    let found = find_match(scheme, keyring, &parts, (&id, &timestamp), &decoded)?;
    let late = tolerance_error(scheme, verification.age, tolerance);
    match (found, late) {
        (Some(found), None) => Ok(found),
        (Some(_), Some((cause, clock))) => Err(VerificationFailure {
            cause,
            message: format!("the signature is right, but {clock}"),
            header: None,
            secondary: None,
        }),
        (None, late) => {
            let mut message = mismatch_message(scheme, decoded.len(), keyring, &verification.ignored_entries);
            let secondary = late.map(|(_, clock)| clock);
            if let Some(clock) = &secondary {
                message.push_str("; also, ");
                message.push_str(clock);
            }
            Err(VerificationFailure { cause: FailureCause::SecretMismatch, message, header: None, secondary })
        }
    }
}

/// Returns the signature that the request should have, made with the first key; `None` if that cannot be said.
#[must_use]
pub fn expected_signature(scheme: &Scheme, keyring: &Keyring, request: &Request<'_>) -> Option<String> {
    let mut parts = ParsedRequest::new(request);
    let (_, signatures) = resolve_aliases(&scheme.signature.from, &parts).ok()?;
    parts.signature = Some((signatures, scheme.signature.separator.as_deref().unwrap_or(",")));
    let value = |from: &[ValueSource]| resolve_aliases(from, &parts).ok().map(|(_, value)| value);
    let id = scheme.id.as_ref().map_or(Some(Cow::Borrowed(&b""[..])), |rule| value(&rule.from))?;
    let timestamp = scheme.timestamp.as_ref().and_then(|rule| value(&rule.from)).unwrap_or_default();
    let key = keyring.keys.first()?;
    let secret = keyring.secrets()[key.secret].bytes();
    let filled =
        scheme.content.render(&ContentInputs { request: &parts, id: &id, timestamp: &timestamp, secret }).ok()?;
    let pieces: Vec<&[u8]> = filled.first()?.iter().map(AsRef::as_ref).collect();
    let item = &scheme.formats[key.item];
    // An ECDSA signature is another each time, and a constant is the secret itself.
    if matches!(item.algorithm, super::SignatureAlgorithm::EcdsaP256Sha256 | super::SignatureAlgorithm::None) {
        return None;
    }
    Some(item.pattern.format(&item.encoding.encode(&key.prepared.sign(&pieces)?)))
}

/// Returns the timestamp as received, and sets the age of the verification.
fn timestamp<'a>(
    scheme: &Scheme,
    parts: &ParsedRequest<'a>,
    now: i64,
    verification: &mut Verification,
) -> Result<Cow<'a, [u8]>, VerificationFailure> {
    let Some(rule) = &scheme.timestamp else { return Ok(Cow::Borrowed(b"")) };
    if rule.optional && rule.from.iter().all(|source| source.find(parts) == Lookup::Missing) {
        return Ok(Cow::Borrowed(b""));
    }
    let (header, value) = resolve_aliases(&rule.from, parts)?;
    let Some(number) = rule.unit.read(&value) else {
        let hint = if rule.unit == TimestampUnit::Seconds && TimestampUnit::Milliseconds.read(&value).is_some() {
            "; it looks like milliseconds"
        } else {
            ""
        };
        let how = format!("is not {}: `{}`{hint}", rule.unit.name(), truncate(&value));
        return Err(malformed(header, &how));
    };
    verification.age = Some(now.saturating_sub(rule.unit.seconds(number)));
    Ok(value)
}

/// Tries every signature with every key, over every form that the signed bytes may have.
fn find_match(
    scheme: &Scheme,
    keyring: &Keyring,
    parts: &ParsedRequest<'_>,
    (id, timestamp): (&[u8], &[u8]),
    signatures: &[DecodedSignature],
) -> Result<Option<SignatureMatch>, VerificationFailure> {
    let mut found = None;
    let missing = |source: &ValueSource| missing(source, "is missing");
    let inputs = |secret| ContentInputs { request: parts, id, timestamp, secret };
    for key in &keyring.keys {
        let secret = keyring.secrets()[key.secret].bytes();
        let compare = |pieces: &[&[u8]]| {
            for candidate in signatures.iter().filter(|candidate| candidate.item == key.item) {
                if key.prepared.verify(pieces, &candidate.signature) && found.is_none() {
                    found = Some(SignatureMatch { secret: key.secret, entry: candidate.entry, format: key.format });
                }
            }
        };
        scheme.content.for_each_candidate(&inputs(secret), compare).map_err(missing)?;
    }
    for rule in &scheme.requirements {
        match rule.value.find(parts) {
            Lookup::Missing if rule.optional => {}
            Lookup::Value(value) => {
                let expected = rule.equals.render(&inputs(b"")).map_err(missing)?;
                if !expected.iter().any(|filled| filled.concat() == *value) {
                    let message = format!("{} does not match this body", rule.value);
                    return Err(VerificationFailure {
                        cause: FailureCause::SecretMismatch,
                        message,
                        header: None,
                        secondary: None,
                    });
                }
            }
            Lookup::Missing | Lookup::Repeated => return Err(missing(&rule.value)),
        }
    }
    Ok(found)
}

/// One decoded entry of the signature header.
struct DecodedSignature {
    entry: usize,
    item: usize,
    signature: Vec<u8>,
}

/// Decodes every entry in a format that has a key. Any malformed entry makes the header invalid, because libraries differ
/// on it.
fn decode_signatures(
    scheme: &Scheme,
    keyring: &Keyring,
    header: &str,
    value: &[u8],
    ignored_entries: &mut Vec<String>,
) -> Result<Vec<DecodedSignature>, VerificationFailure> {
    let mut decoded = Vec::with_capacity(1);
    let separator = scheme.signature.separator.as_ref().map(String::as_bytes);
    let is_list = separator.is_some();
    for (entry, text) in split(value, separator).enumerate() {
        let number = entry + 1;
        if text.is_empty() {
            return Err(malformed(header, &format!("has an empty entry, number {number} in its list")));
        }
        let known = scheme
            .formats
            .iter()
            .enumerate()
            .find_map(|(item, rule)| rule.pattern.extract(text).map(|inner| (item, rule, inner)));
        if let Some((item, rule, inner)) = known.filter(|(item, ..)| keyring.keys.iter().any(|key| key.item == *item)) {
            let signature = rule
                .encoding
                .decode(inner)
                .filter(|bytes| rule.algorithm.signature_len().is_none_or(|length| length == bytes.len()));
            let Some(signature) = signature else {
                let which = if is_list { format!("entry {number} ") } else { String::new() };
                let expected = expected_format(rule.encoding, rule.algorithm.signature_len());
                let how = format!("{which}is not {expected}: `{}`", truncate(text));
                return Err(malformed(header, &how));
            };
            decoded.push(DecodedSignature { entry, item, signature });
        } else if scheme.signature.version_delimiter.as_deref().is_some_and(|end| !contains(text, end.as_bytes())) {
            return Err(malformed(header, &format!("entry {number} has no version: `{}`", truncate(text))));
        } else if known.is_none() && !is_list {
            let expected: Vec<String> =
                scheme.formats.iter().map(|item| format!("`{}`", item.pattern.format("…"))).collect();
            let how = format!("is not {}: `{}`", expected.join(" or "), truncate(text));
            return Err(malformed(header, &how));
        } else if known.is_some() || scheme.signature.version_delimiter.is_some() {
            ignored_entries.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(decoded)
}

fn expected_format(encoding: Encoding, length: Option<usize>) -> String {
    match length {
        Some(bytes) => {
            let characters = encoding.encode(&vec![0; bytes]).len();
            format!("the {} of {bytes} bytes ({characters} characters)", encoding.name())
        }
        None => encoding.name().to_owned(),
    }
}

fn mismatch_message(scheme: &Scheme, signatures: usize, keyring: &Keyring, ignored_entries: &[String]) -> String {
    if signatures == 0 && !ignored_entries.is_empty() {
        let versions: Vec<String> =
            ignored_entries.iter().map(|entry| format!("`{}`", truncate(entry.as_bytes()))).collect();
        return format!("no signature has a known version: {}", versions.join(", "));
    }
    if signatures == 0 {
        let known: Vec<String> = scheme.formats.iter().map(|item| format!("`{}`", item.pattern.format("…"))).collect();
        return format!("the signature header has no {}", known.join(" or "));
    }
    let secrets = keyring.secrets().len();
    if secrets == 1 {
        "signature mismatch: wrong secret, or the body was modified".to_owned()
    } else {
        format!("signature mismatch: none of the {secrets} secrets fits, or the body was modified")
    }
}

fn tolerance_error(scheme: &Scheme, age: Option<i64>, tolerance: Tolerance) -> Option<(FailureCause, String)> {
    let rule = scheme.timestamp.as_ref()?;
    let age = age?;
    let (past, future) = match tolerance {
        Tolerance::Scheme => (rule.max_age, rule.max_future),
        Tolerance::Seconds(seconds) => (Some(seconds), Some(seconds)),
        Tolerance::Unlimited => (None, None),
    };
    let distance = age.unsigned_abs();
    if age > 0 && past.is_some_and(|limit| distance > limit) {
        let limit = duration(past.unwrap_or_default());
        Some((FailureCause::TimestampTooOld, format!("the timestamp is {} old (allowed: {limit})", duration(distance))))
    } else if age < 0 && future.is_some_and(|limit| distance > limit) {
        let limit = duration(future.unwrap_or_default());
        let ahead = duration(distance);
        Some((FailureCause::TimestampTooNew, format!("the timestamp is {ahead} ahead of the clock (allowed: {limit})")))
    } else {
        None
    }
}

/// Returns seconds in the unit that is easiest to read.
fn duration(seconds: u64) -> String {
    match seconds {
        0..=600 => format!("{seconds} s"),
        601..=7_200 => format!("{} min", seconds / 60),
        7_201..=172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Returns the one value that all present aliases agree on.
fn resolve_aliases<'s, 'a>(
    sources: &'s [ValueSource],
    parts: &ParsedRequest<'a>,
) -> Result<(&'s str, Cow<'a, [u8]>), VerificationFailure> {
    let mut agreed: Option<(&'s str, Cow<'a, [u8]>)> = None;
    for source in sources {
        let name = source.name();
        match source.find(parts) {
            Lookup::Missing => {}
            Lookup::Repeated => {
                return Err(malformed(name, "occurs more than once; libraries differ on which one counts"));
            }
            Lookup::Value(value) => match &agreed {
                Some((first, other)) if *other != value => {
                    let how = format!("differs from `{first}`; receivers differ on which one counts");
                    return Err(malformed(name, &how));
                }
                Some(_) => {}
                None => agreed = Some((name, value)),
            },
        }
    }
    match agreed {
        Some((_, value)) if value.is_empty() => Err(missing(&sources[0], "is empty")),
        Some(found) => Ok(found),
        None => Err(missing(&sources[0], "is missing")),
    }
}

fn missing(source: &ValueSource, how: &str) -> VerificationFailure {
    VerificationFailure {
        cause: FailureCause::MissingHeader,
        message: format!("{source} {how}"),
        header: Some(source.name().to_owned()),
        secondary: None,
    }
}

fn malformed(header: &str, how: &str) -> VerificationFailure {
    let message = format!("`{header}` {how}");
    VerificationFailure {
        cause: FailureCause::MalformedHeader,
        message,
        header: Some(header.to_owned()),
        secondary: None,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && position(text, part).is_some()
}

/// Returns the first position of a part that is not empty. Nearly always it is one byte, which is found faster.
fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [one] => text.iter().position(|byte| byte == one),
        _ => text.windows(part.len()).position(|window| window == part),
    }
}

/// Returns the entries of a list, or the whole text if it is none.
fn split<'a>(text: &'a [u8], separator: Option<&[u8]>) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let found = separator.and_then(|separator| {
            let at = position(text, separator)?;
            Some((&text[..at], &text[at + separator.len()..]))
        });
        let Some((entry, others)) = found else { return Some(text) };
        rest = Some(others);
        Some(entry)
    })
}

/// Returns received text for a message, short enough for a line.
fn truncate(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
