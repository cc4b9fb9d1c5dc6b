//! Verifies a request with keys at a time, and returns the verdict with its reason.

use std::borrow::Cow;

use super::content::ContentInputs;
use super::family::HeaderFamily;
use super::source::{Lookup, ParsedRequest};
use super::{
    Encoding, FailureCause, Fault, KeyFormat, Keyring, Request, Scheme, TimestampUnit, ValueSource, VerificationFailure,
};

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
    /// A note on headers that contradict those that were used.
    pub note: Option<String>,
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

/// Verifies `request` at the time `now`, in unix seconds.
///
/// The clock is an integer and the bounds are inclusive: of two correct libraries one may reject a request that
/// is exactly at the edge, and this one accepts it. All entries and keys are tried, each in constant time. If a request
/// has several families of headers, such as `webhook-*` and `svix-*`, one that verifies by itself is enough.
#[must_use]
pub fn verify(
    scheme: &Scheme,
    keyring: &Keyring,
    request: &Request<'_>,
    now: i64,
    tolerance: Tolerance,
) -> Verification {
    let mut best: Option<Verification> = None;
    for family in HeaderFamily::signed(scheme, request) {
        let mut verification = Check { scheme, family, keyring, request, now, tolerance }.run();
        if verification.outcome.is_ok() {
            verification.note = family.describe_difference(request).map(|differing| {
                format!("{differing}; {} verifies, but receivers differ on which one counts", family.signature()[0])
            });
            return verification;
        }
        if best.as_ref().is_none_or(|best| progress(&verification) > progress(best)) {
            verification.note = family
                .describe_difference(request)
                .map(|differing| format!("{differing}; receivers differ on which one counts"));
            best = Some(verification);
        }
    }
    best.expect("every scheme has a source of signatures")
}

/// Returns how far the check of a request went.
fn progress(verification: &Verification) -> u8 {
    match verification.outcome.as_ref().map_err(|failure| (failure.cause, failure.signature_matches)) {
        Err((FailureCause::MissingHeader, _)) => 0,
        Err((FailureCause::MalformedHeader, _)) => 1,
        Err((_, false)) => 2,
        Err((_, true)) | Ok(_) => 3,
    }
}

/// Returns the faults of a request that can be seen without its signature: headers that are absent or cannot be parsed,
/// and a time outside the tolerance.
#[must_use]
pub fn visible_faults(scheme: &Scheme, request: &Request<'_>, now: i64, tolerance: Tolerance) -> Vec<Fault> {
    let family = HeaderFamily::signed(scheme, request).next().expect("every scheme has a source of signatures");
    let keyring = &Keyring::empty();
    Check { scheme, family, keyring, request, now, tolerance }.visible_faults()
}

/// A check of one family of headers.
struct Check<'a> {
    scheme: &'a Scheme,
    family: HeaderFamily<'a>,
    keyring: &'a Keyring,
    request: &'a Request<'a>,
    now: i64,
    tolerance: Tolerance,
}

impl<'a> Check<'a> {
    fn run(&self) -> Verification {
        let mut ignored_entries = Vec::new();
        let mut age = None;
        let outcome = match self.find(&mut age, &mut ignored_entries) {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(failure)) => Err(failure),
            // There may be more than the one that was found first.
            Err(first) => {
                let mut faults = self.visible_faults();
                if !faults.iter().any(|fault| fault.cause.is_about_header()) {
                    faults.splice(0..0, fold_problems(vec![first]));
                }
                Err(VerificationFailure::new(faults))
            }
        };
        Verification { outcome, age, ignored_entries, note: None }
    }

    /// Checks a request that is expected to be valid: stops at the first header that cannot be used.
    fn find(
        &self,
        age: &mut Option<i64>,
        ignored_entries: &mut Vec<String>,
    ) -> Result<Result<SignatureMatch, VerificationFailure>, HeaderProblem<'a>> {
        let Self { scheme, keyring, .. } = *self;
        let mut parts = ParsedRequest::new(self.request);
        let (signature_header, signatures) = self.signature(&parts)?;
        let separator = scheme.signature.separator.as_deref().unwrap_or(",");
        parts.signature = Some((signatures.clone(), separator));
        let parts = parts;
        let id = self.id(&parts)?;
        let (timestamp, number) = self.timestamp(&parts)?;
        *age = number.map(|number| self.now.saturating_sub(likely_seconds(scheme, number)));
        let decoded = decode_signatures(scheme, keyring, signature_header, &signatures, ignored_entries)?;
        let (found, unmet) = find_match(scheme, keyring, &parts, (&id, &timestamp), &decoded)?;
        let mut faults = self.clock_faults(number);
        Ok(match (found, unmet) {
            (Some(found), None) if faults.is_empty() => Ok(found),
            (Some(_), None) => Err(VerificationFailure::of_right_signature(faults)),
            (_, unmet) => {
                let message =
                    unmet.unwrap_or_else(|| mismatch_message(scheme, decoded.len(), keyring, ignored_entries));
                faults.insert(0, Fault::new(FailureCause::SecretMismatch, message));
                Err(VerificationFailure::new(faults))
            }
        })
    }

    fn signature<'r>(&self, parts: &ParsedRequest<'r>) -> Result<(&'a str, Cow<'r, [u8]>), HeaderProblem<'a>> {
        resolve_aliases(self.family.signature(), parts)
    }

    /// Returns the id, empty if the scheme has none.
    fn id<'r>(&self, parts: &ParsedRequest<'r>) -> Result<Cow<'r, [u8]>, HeaderProblem<'a>> {
        let Some(rule) = &self.scheme.id else { return Ok(Cow::Borrowed(b"")) };
        let (header, value) = resolve_aliases(self.family.id(), parts)?;
        match rule.forbidden.as_deref().filter(|forbidden| contains(&value, forbidden.as_bytes())) {
            Some(forbidden) => {
                let how = format!("contains `{forbidden}`, which makes the signed content ambiguous");
                Err(malformed(header, &how))
            }
            None => Ok(value),
        }
    }

    /// Returns the timestamp as received, empty if there is none, and as a number in the scheme's unit.
    fn timestamp<'r>(&self, parts: &ParsedRequest<'r>) -> Result<(Cow<'r, [u8]>, Option<i64>), HeaderProblem<'a>> {
        let none = (Cow::Borrowed(&b""[..]), None);
        let Some(rule) = &self.scheme.timestamp else { return Ok(none) };
        let sources = self.family.timestamp();
        if rule.optional && sources.iter().all(|source| source.find(parts) == Lookup::Missing) {
            return Ok(none);
        }
        let (header, value) = resolve_aliases(sources, parts)?;
        let Some(number) = rule.unit.read(&value) else {
            let hint = if rule.unit == TimestampUnit::Seconds && TimestampUnit::Milliseconds.read(&value).is_some() {
                "; it looks like milliseconds"
            } else {
                ""
            };
            let how = format!("is not {}: `{}`{hint}", rule.unit.name(), truncate(&value));
            return Err(malformed(header, &how));
        };
        Ok((value, Some(number)))
    }

    /// Returns every header that is absent or cannot be parsed, then the time if that is outside the tolerance.
    fn visible_faults(&self) -> Vec<Fault> {
        let mut problems = Vec::new();
        let mut parts = ParsedRequest::new(self.request);
        let signature = self.signature(&parts).map_err(|problem| problems.push(problem)).ok();
        if let Some((header, signatures)) = &signature {
            let separator = self.scheme.signature.separator.as_deref().unwrap_or(",");
            parts.signature = Some((signatures.clone(), separator));
            // Without keys, nothing shows which entries count.
            if !self.keyring.keys.is_empty() {
                let decoded = decode_signatures(self.scheme, self.keyring, header, signatures, &mut Vec::new());
                problems.extend(decoded.err());
            }
        }
        problems.extend(self.id(&parts).err());
        let timestamp = self.timestamp(&parts).map_err(|problem| problems.push(problem)).ok();
        let others = self.scheme.content.sources().chain(self.scheme.required_sources());
        for source in others {
            match source.find(&parts) {
                Lookup::Missing => problems.push(HeaderProblem::Absent(source)),
                Lookup::Repeated => problems.push(repeated(source.name())),
                Lookup::Value(_) => {}
            }
        }
        // What stands inside an absent header needs no name of its own.
        problems.retain(|problem| {
            signature.is_some() || !matches!(problem, HeaderProblem::Absent(ValueSource::Signature(_)))
        });
        let mut faults = fold_problems(problems);
        faults.extend(self.clock_faults(timestamp.and_then(|(_, number)| number)));
        faults
    }

    /// Returns the faults of a timestamp, which is a number in the scheme's unit.
    fn clock_faults(&self, number: Option<i64>) -> Vec<Fault> {
        let Some((rule, number)) = self.scheme.timestamp.as_ref().zip(number) else { return Vec::new() };
        let likely = likely_seconds(self.scheme, number);
        let fault = |seconds| clock_fault(self.scheme, seconds, self.now, self.tolerance);
        let Some(late) = fault(rule.unit.seconds(number)) else { return Vec::new() };
        if likely == rule.unit.seconds(number) {
            return vec![late];
        }
        let message = "the timestamp header is in seconds; this scheme uses milliseconds";
        [Fault::new(FailureCause::TimestampUnit, message)].into_iter().chain(fault(likely)).collect()
    }
}

/// A header, or another source, that cannot be used.
enum HeaderProblem<'s> {
    Absent(&'s ValueSource),
    Empty(&'s ValueSource),
    Malformed(Box<Fault>),
}

/// Returns the faults of these problems: those that are absent as one.
fn fold_problems(problems: Vec<HeaderProblem<'_>>) -> Vec<Fault> {
    let (mut absent, mut empty, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for problem in problems {
        match problem {
            HeaderProblem::Absent(source) if absent.contains(&source) => {}
            HeaderProblem::Absent(source) => absent.push(source),
            HeaderProblem::Empty(source) => empty.push(source),
            HeaderProblem::Malformed(fault) if faults.contains(&*fault) => {}
            HeaderProblem::Malformed(fault) => faults.push(*fault),
        }
    }
    if !absent.is_empty() || !empty.is_empty() {
        faults.insert(0, Fault::missing(&absent, &empty));
    }
    faults
}

/// Returns the signature that the request should have, made with the first key; `None` if that cannot be said.
#[must_use]
pub fn expected_signature(scheme: &Scheme, keyring: &Keyring, request: &Request<'_>) -> Option<String> {
    HeaderFamily::signed(scheme, request).find_map(|family| expected_in_family(scheme, family, keyring, request))
}

fn expected_in_family(
    scheme: &Scheme,
    family: HeaderFamily<'_>,
    keyring: &Keyring,
    request: &Request<'_>,
) -> Option<String> {
    let mut parts = ParsedRequest::new(request);
    let (_, signatures) = resolve_aliases(family.signature(), &parts).ok()?;
    parts.signature = Some((signatures, scheme.signature.separator.as_deref().unwrap_or(",")));
    let value = |from: &[ValueSource]| match from {
        [] => Some(Cow::Borrowed(&b""[..])),
        from => resolve_aliases(from, &parts).ok().map(|(_, value)| value),
    };
    let id = value(family.id())?;
    let timestamp = value(family.timestamp()).unwrap_or_default();
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

/// Tries every signature with every key, over every form that the signed bytes may have; the second value is a further
/// condition that does not hold.
fn find_match<'s>(
    scheme: &'s Scheme,
    keyring: &Keyring,
    parts: &ParsedRequest<'_>,
    (id, timestamp): (&[u8], &[u8]),
    signatures: &[DecodedSignature],
) -> Result<(Option<SignatureMatch>, Option<String>), HeaderProblem<'s>> {
    let mut found = None;
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
        scheme.content.for_each_candidate(&inputs(secret), compare).map_err(HeaderProblem::Absent)?;
    }
    for rule in &scheme.requirements {
        match rule.value.find(parts) {
            Lookup::Missing if rule.optional => {}
            Lookup::Value(value) => {
                let expected = rule.equals.render(&inputs(b"")).map_err(HeaderProblem::Absent)?;
                if !expected.iter().any(|filled| filled.concat() == *value) {
                    return Ok((found, Some(format!("{} does not match this body", rule.value))));
                }
            }
            Lookup::Missing | Lookup::Repeated => return Err(HeaderProblem::Absent(&rule.value)),
        }
    }
    Ok((found, None))
}

/// One decoded entry of the signature header.
struct DecodedSignature {
    entry: usize,
    item: usize,
    signature: Vec<u8>,
}

/// Decodes every entry in a format that has a key. Any malformed entry makes the header invalid, because libraries differ
/// on it.
fn decode_signatures<'s>(
    scheme: &Scheme,
    keyring: &Keyring,
    header: &str,
    value: &[u8],
    ignored_entries: &mut Vec<String>,
) -> Result<Vec<DecodedSignature>, HeaderProblem<'s>> {
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

/// Returns a timestamp in unix seconds. Where milliseconds are expected, a number that would be a time before 1973 is
/// one of seconds.
fn likely_seconds(scheme: &Scheme, number: i64) -> i64 {
    match scheme.timestamp.as_ref().map(|rule| rule.unit) {
        Some(TimestampUnit::Milliseconds) if (100_000_000..100_000_000_000).contains(&number) => number,
        Some(unit) => unit.seconds(number),
        None => number,
    }
}

/// Returns the fault of a time, in unix seconds, that is outside the tolerance at the time `now`.
#[must_use]
pub fn clock_fault(scheme: &Scheme, seconds: i64, now: i64, tolerance: Tolerance) -> Option<Fault> {
    let rule = scheme.timestamp.as_ref()?;
    let age = now.saturating_sub(seconds);
    let (past, future) = match tolerance {
        Tolerance::Scheme => (rule.max_age, rule.max_future),
        Tolerance::Seconds(seconds) => (Some(seconds), Some(seconds)),
        Tolerance::Unlimited => (None, None),
    };
    let distance = age.unsigned_abs();
    let is_beyond = |limit: &u64| distance > *limit;
    if age > 0 {
        let limit = past.filter(is_beyond)?;
        let message = format!("the timestamp is {} old (allowed: {})", duration(distance), duration(limit));
        Some(Fault::new(FailureCause::TimestampTooOld, message))
    } else {
        let limit = future.filter(is_beyond)?;
        let ahead = duration(distance);
        let message = format!("the timestamp is {ahead} ahead of the clock (allowed: {})", duration(limit));
        Some(Fault::new(FailureCause::TimestampTooNew, message))
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
) -> Result<(&'s str, Cow<'a, [u8]>), HeaderProblem<'s>> {
    let mut agreed: Option<(&'s ValueSource, Cow<'a, [u8]>)> = None;
    for source in sources {
        match source.find(parts) {
            Lookup::Missing => {}
            Lookup::Repeated => return Err(repeated(source.name())),
            Lookup::Value(value) => match &agreed {
                Some((first, other)) if *other != value => {
                    let how = format!("differs from `{}`; receivers differ on which one counts", first.name());
                    return Err(malformed(source.name(), &how));
                }
                Some(_) => {}
                None => agreed = Some((source, value)),
            },
        }
    }
    match agreed {
        Some((source, value)) if value.is_empty() => Err(HeaderProblem::Empty(source)),
        Some((source, value)) => Ok((source.name(), value)),
        None => Err(HeaderProblem::Absent(&sources[0])),
    }
}

fn repeated<'s>(header: &str) -> HeaderProblem<'s> {
    malformed(header, "occurs more than once; libraries differ on which one counts")
}

fn malformed<'s>(header: &str, how: &str) -> HeaderProblem<'s> {
    HeaderProblem::Malformed(Box::new(Fault::malformed(header, how)))
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
