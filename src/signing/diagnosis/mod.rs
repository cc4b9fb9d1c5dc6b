//! Diagnoses a signature that does not verify: a cause is named only if it reproduces the signature.
//!
//! Each hypothesis changes one thing: the decoding of the secret, the serialization of the body, the signed content, or
//! the encoding of the signature. If none reproduces the signature, two changes are combined.

mod body;
mod compression;
mod difference;
mod json;
mod secret;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::algorithm::PreparedKey;
use super::source::ParsedRequest;
use super::{
    Encoding, FailureCause, Key, Keyring, Request, Scheme, SignatureAlgorithm, SignedContent, TimestampUnit,
    ValueSource,
};
pub use difference::Difference;
pub(crate) use json::{ecmascript_number, index as array_index};

/// The explanation of an invalid request. Everything in it was reproduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The causes, the most informative first; one or two.
    pub causes: Vec<DiagnosedCause>,
    /// The secret that reproduces the signature, counted from 0.
    pub secret: usize,
    /// The received signature that was reproduced, in the scheme's own encoding.
    pub signature: String,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosedCause {
    /// The cause.
    pub cause: FailureCause,
    /// The variant that reproduces the signature, by its name for scripts.
    pub reproduced_as: String,
    /// The first byte, from 0, at which the received body and the signed one differ.
    pub first_difference: Option<usize>,
    /// The difference at that position, if both are text.
    pub difference: Option<Box<Difference>>,
}

/// The maximum number of bytes hashed for one request: 16 MiB, a few milliseconds.
const MAX_HASHED_BYTES: usize = 16 << 20;

/// Diagnoses a request that did not verify. `None` if no hypothesis reproduces the signature.
#[must_use]
pub fn diagnose(scheme: &Scheme, keyring: &Keyring, request: &Request<'_>) -> Option<Diagnosis> {
    let mut parts = ParsedRequest::new(request);
    let header = first_value(&scheme.signature.from, &parts)?;
    parts.signature = Some((header.clone().into(), scheme.signature.separator.as_deref().unwrap_or(",")));
    let id = scheme.id.as_ref().and_then(|rule| first_value(&rule.from, &parts)).unwrap_or_default();
    let timestamp = scheme.timestamp.as_ref().and_then(|rule| first_value(&rule.from, &parts)).unwrap_or_default();
    let candidates = signature_candidates(scheme, &header);
    if candidates.is_empty() {
        return None;
    }
    let bodies = request_body_variants(request);
    let mut search = HypothesisSearch {
        scheme,
        request,
        candidates,
        bodies,
        id,
        contents: Vec::new(),
        timestamps: Vec::new(),
        bytes_left: MAX_HASHED_BYTES,
    };
    search.contents = content_variants(scheme);
    search.timestamps = timestamp_variants(scheme, &timestamp);
    search.run(keyring)
}

fn request_body_variants<'a>(request: &Request<'a>) -> Vec<body::BodyVariant<'a>> {
    let coding = request.values("content-encoding").next().map(String::from_utf8_lossy);
    body::body_variants(request.body, coding.as_deref())
}

/// Detects the serializer that most likely wrote a received body.
#[must_use]
pub fn detect_serializer(body: &[u8]) -> Option<&'static str> {
    body::detect_serializer(body)
}

/// Returns every body that may have been signed in place of the request's, by its name in
/// [`DiagnosedCause::reproduced_as`].
#[must_use]
pub fn body_variants(request: &Request<'_>) -> Vec<(&'static str, Vec<u8>)> {
    request_body_variants(request).into_iter().map(|variant| (variant.name, variant.body.into_owned())).collect()
}

/// Returns every key that a secret may stand for, except the `known` one, by its name in
/// [`DiagnosedCause::reproduced_as`].
#[must_use]
pub fn secret_decodings(secret: &str, known: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    secret::secret_decodings(secret, known).into_iter().map(|decoding| (decoding.name, decoding.bytes)).collect()
}

fn first_value(sources: &[ValueSource], parts: &ParsedRequest<'_>) -> Option<Vec<u8>> {
    sources.iter().find_map(|source| match source.find(parts) {
        super::source::Lookup::Value(value) if !value.is_empty() => Some(value.into_owned()),
        _ => None,
    })
}

/// A signature that the header's text may encode.
struct SignatureCandidate {
    bytes: Vec<u8>,
    /// The name of the encoding; `None` if it is the scheme's own.
    name: Option<String>,
}

/// Returns every signature that the header may hold, in any encoding.
fn signature_candidates(scheme: &Scheme, header: &[u8]) -> Vec<SignatureCandidate> {
    let text = String::from_utf8_lossy(header);
    let mut found: Vec<SignatureCandidate> = Vec::new();
    for (index, token) in header_tokens(&text).into_iter().enumerate() {
        // A header of very many entries is an attack on the diagnosis.
        if index >= 32 {
            break;
        }
        for (name, bytes) in decode_variants(token) {
            if !matches!(bytes.len(), 20 | 32 | 48 | 64) {
                continue;
            }
            let own = scheme.formats.iter().any(|item| {
                let entry = item.pattern.format(token);
                item.encoding.decode(token.as_bytes()).as_deref() == Some(&bytes[..]) && text.contains(&entry)
            });
            let prefixed = scheme.formats.iter().any(|item| text.contains(&item.pattern.format(token)));
            let name = match (own, prefixed) {
                (true, _) => None,
                (false, true) => Some(name.to_owned()),
                (false, false) => Some(format!("{name}, without the scheme's prefix")),
            };
            if found.iter().all(|known| known.bytes != bytes) {
                found.push(SignatureCandidate { bytes, name });
            }
        }
    }
    found
}

/// Returns the parts of the header that may be a signature: split at spaces, commas, semicolons, and after a first `=` or `,`.
fn header_tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for entry in text.split([' ', ',', ';', '\t']).filter(|entry| !entry.is_empty()) {
        let entry = entry.trim_matches(['"', '\'']);
        tokens.push(entry);
        if let Some((_, value)) = entry.split_once('=').filter(|(_, value)| value.len() > 4) {
            tokens.push(value);
        }
    }
    tokens
}

fn decode_variants(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lax = config.with_decode_allow_trailing_bits(true);
    let base64 = |name, alphabet: &alphabet::Alphabet, config| {
        GeneralPurpose::new(alphabet, config).decode(word).ok().map(|bytes| (name, bytes))
    };
    let hex = |name, text: &str| Encoding::Hex.decode(text.as_bytes()).map(|bytes| (name, bytes));
    let candidates = [
        hex("hex", word),
        hex("upper-case hex", &word.to_ascii_lowercase()),
        Encoding::Base64.decode(word.as_bytes()).map(|bytes| ("base64", bytes)),
        base64("unpadded base64", &alphabet::STANDARD, config),
        base64("URL-safe base64", &alphabet::URL_SAFE, config),
        base64("base64 with unused bits set", &alphabet::STANDARD, lax),
    ];
    candidates.into_iter().flatten().collect()
}

/// Returns the contents that may have been signed instead, by name.
fn content_variants(scheme: &Scheme) -> Vec<(&'static str, SignedContent)> {
    let names = [
        "{body}",
        "{timestamp}.{body}",
        "{id}.{timestamp}.{body}",
        "{timestamp}{body}",
        "{id}.{body}",
        "{timestamp}:{body}",
        "v0:{timestamp}:{body}",
    ];
    names
        .into_iter()
        .filter(|template| *template != scheme.content.to_string())
        .filter(|template| scheme.id.is_some() || !template.contains("{id}"))
        .filter(|template| scheme.timestamp.is_some() || !template.contains("{timestamp}"))
        .filter_map(|template| Some((template, template.parse().ok()?)))
        .collect()
}

/// Returns the timestamp as received, then in other units.
fn timestamp_variants(scheme: &Scheme, timestamp: &[u8]) -> Vec<(Option<&'static str>, Vec<u8>)> {
    let mut variants = vec![(None, timestamp.to_vec())];
    let Some(rule) = &scheme.timestamp else { return variants };
    let number = std::str::from_utf8(timestamp).ok().and_then(|text| text.parse::<i64>().ok());
    if let Some(number) = number {
        match rule.unit {
            // The timestamp is in the wrong unit, and was signed so; or only the header has the wrong unit.
            TimestampUnit::Seconds if number >= 100_000_000_000_000 => variants[0].0 = Some("microseconds"),
            TimestampUnit::Seconds if number >= 100_000_000_000 => {
                // Twelve digits are seconds of a far future, however unlikely: such a request can be valid.
                if rule.unit.read(timestamp).is_none() {
                    variants[0].0 = Some("milliseconds");
                }
                variants.push((Some("milliseconds in the header alone"), (number / 1000).to_string().into()));
            }
            TimestampUnit::Milliseconds if number < 100_000_000_000 => {
                variants[0].0 = Some("seconds");
                variants.push((Some("seconds in the header alone"), number.saturating_mul(1000).to_string().into()));
            }
            _ => {}
        }
    }
    variants
}

/// A key, and the way in which it was decoded from its secret.
struct KeyVariant {
    /// The secret, counted from 0.
    secret: usize,
    /// The name of the decoding; `None` if it is the scheme's own.
    decoding: Option<&'static str>,
    key: PreparedKey,
}

/// The search for a hypothesis that reproduces a signature.
struct HypothesisSearch<'a> {
    scheme: &'a Scheme,
    request: &'a Request<'a>,
    candidates: Vec<SignatureCandidate>,
    bodies: Vec<body::BodyVariant<'a>>,
    id: Vec<u8>,
    contents: Vec<(&'static str, SignedContent)>,
    timestamps: Vec<(Option<&'static str>, Vec<u8>)>,
    /// The number of bytes that may still be hashed.
    bytes_left: usize,
}

/// A hypothesis: an index into each table; `None` for parts that are assumed to be correct.
#[derive(Clone, Copy, Default)]
struct Hypothesis {
    body: Option<usize>,
    content: Option<usize>,
    time: usize,
}

impl HypothesisSearch<'_> {
    fn run(&mut self, keyring: &Keyring) -> Option<Diagnosis> {
        let digests: Vec<SignatureAlgorithm> = self.scheme.formats.iter().map(|item| item.algorithm).collect();
        let hmac = digests
            .iter()
            .copied()
            .find(|digest| digest.signature_len().is_some() && *digest != SignatureAlgorithm::Ed25519)?;
        // The keys as the scheme decodes them, then every other decoding of every secret.
        let mut keys: Vec<KeyVariant> = keyring
            .keys
            .iter()
            .map(|key| KeyVariant { secret: key.secret, decoding: None, key: key.prepared.clone() })
            .collect();
        let own = keys.len();
        for (secret, text) in keyring.secrets().iter().enumerate() {
            let Ok(Key::Shared(known)) = self.scheme.key(text) else { continue };
            for decoding in secret::secret_decodings(text.expose_secret(), &known) {
                if let Some(key) = hmac.prepare_key(&Key::Shared(decoding.bytes)) {
                    keys.push(KeyVariant { secret, decoding: Some(decoding.name), key });
                }
            }
        }
        // One change at a time first: the simplest explanation is reported.
        let none = Hypothesis::default();
        let times: Vec<usize> = (0..self.timestamps.len()).collect();
        let single: Vec<Hypothesis> = times
            .iter()
            .map(|time| Hypothesis { time: *time, ..none })
            .chain((0..self.bodies.len()).map(|body| Hypothesis { body: Some(body), ..none }))
            .chain((0..self.contents.len()).map(|content| Hypothesis { content: Some(content), ..none }))
            .collect();
        for hypothesis in &single {
            for key in &keys[..own] {
                if let Some(found) = self.test(key, *hypothesis) {
                    return Some(found);
                }
            }
        }
        for key in &keys[own..] {
            if let Some(found) = self.test(key, none) {
                return Some(found);
            }
        }
        for hypothesis in &single[1..] {
            for key in &keys[own..] {
                if let Some(found) = self.test(key, *hypothesis) {
                    return Some(found);
                }
            }
        }
        for body in 0..self.bodies.len() {
            let with_content = (0..self.contents.len()).map(|content| Hypothesis {
                body: Some(body),
                content: Some(content),
                time: 0,
            });
            let timely = times.iter().skip(1).map(|time| Hypothesis { body: Some(body), content: None, time: *time });
            for hypothesis in with_content.chain(timely) {
                for key in &keys[..own] {
                    if let Some(found) = self.test(key, hypothesis) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    /// Tests one hypothesis with one key: makes the signature and searches for it in the header.
    fn test(&mut self, variant: &KeyVariant, hypothesis: Hypothesis) -> Option<Diagnosis> {
        let body = hypothesis.body.map_or(self.request.body, |index| &self.bodies[index].body);
        let content = hypothesis.content.map_or(&self.scheme.content, |index| &self.contents[index].1);
        self.bytes_left = self.bytes_left.checked_sub(body.len() + 64)?;
        let request = Request { body, ..*self.request };
        let parts = ParsedRequest::new(&request);
        let inputs = super::content::ContentInputs {
            request: &parts,
            id: &self.id,
            timestamp: &self.timestamps[hypothesis.time].1,
            secret: b"",
        };
        for filled in content.render(&inputs).ok()? {
            let pieces: Vec<&[u8]> = filled.iter().map(AsRef::as_ref).collect();
            for candidate in &self.candidates {
                if variant.key.verify(&pieces, &candidate.bytes) {
                    let causes = self.causes(variant.decoding, hypothesis, candidate);
                    // A signature that is reproduced without any change has no cause: no other hypothesis that
                    // matches by chance, such as a content with an absent timestamp, explains it.
                    if causes.is_empty() {
                        self.bytes_left = 0;
                        return None;
                    }
                    let signature = self.scheme.formats[0].encoding.encode(&candidate.bytes);
                    return Some(Diagnosis { causes, secret: variant.secret, signature });
                }
            }
        }
        None
    }

    fn causes(
        &self,
        decoding: Option<&'static str>,
        hypothesis: Hypothesis,
        candidate: &SignatureCandidate,
    ) -> Vec<DiagnosedCause> {
        let mut causes = Vec::new();
        let mut add = |cause, reproduced_as: &str| {
            causes.push(DiagnosedCause {
                cause,
                reproduced_as: reproduced_as.to_owned(),
                first_difference: None,
                difference: None,
            });
        };
        if let Some(name) = decoding {
            add(FailureCause::WrongSecretEncoding, name);
        }
        if let Some(name) = &candidate.name {
            add(FailureCause::WrongSignatureEncoding, name);
        }
        if let Some(unit) = self.timestamps[hypothesis.time].0 {
            add(FailureCause::TimestampUnit, unit);
        }
        if let Some(index) = hypothesis.content {
            add(FailureCause::SignedContent, self.contents[index].0);
        }
        if let Some(index) = hypothesis.body {
            let variant = &self.bodies[index];
            let same = variant.body.iter().zip(self.request.body).take_while(|(a, b)| a == b).count();
            causes.push(DiagnosedCause {
                cause: variant.cause,
                reproduced_as: variant.name.to_owned(),
                first_difference: Some(same),
                difference: Difference::between(&variant.body, self.request.body).map(Box::new),
            });
        }
        causes
    }
}
