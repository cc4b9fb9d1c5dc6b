//! Diagnoses a signature that does not verify: a cause is named only if it reproduces the signature.
//!
//! Each hypothesis changes one thing: the decoding of the secret, the serialization of the body, the signed content, or
//! the encoding of the signature. If none reproduces the signature, two changes are combined, and three if one of them
//! is the unit of the timestamp.

mod body;
mod compression;
mod content;
mod difference;
mod json;
mod secret;
mod timestamp;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::algorithm::PreparedKey;
use super::content::ContentInputs;
use super::family::HeaderFamily;
use super::source::ParsedRequest;
use super::{Encoding, FailureCause, Key, Keyring, Request, Scheme, SignatureAlgorithm, ValueSource};
use content::ContentVariant;
pub use difference::Difference;
pub(crate) use json::{ecmascript_number, index as array_index};
use timestamp::TimestampVariant;

/// The explanation of an invalid request. Everything in it was reproduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The causes, the most informative first; one or two.
    pub causes: Vec<DiagnosedCause>,
    /// The secret that reproduces the signature, counted from 0.
    pub secret: usize,
    /// The received signature that was reproduced, in the scheme's own encoding.
    pub signature: String,
    /// The time of the signature in unix seconds, if the timestamp is in another unit than the scheme's.
    pub signed_at: Option<i64>,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosedCause {
    /// The cause.
    pub cause: FailureCause,
    /// The variant that reproduces the signature, by its name for scripts.
    pub reproduced_as: String,
    /// The signed content with its exact sources, if some of them are not the scheme's own.
    pub content: Option<String>,
    /// The first byte, from 0, at which the received body and the signed one differ.
    pub first_difference: Option<usize>,
    /// The difference at that position, if both are text.
    pub difference: Option<Box<Difference>>,
}

impl DiagnosedCause {
    /// Makes a cause without a difference of bodies.
    #[must_use]
    pub fn new(cause: FailureCause, reproduced_as: &str) -> Self {
        let reproduced_as = reproduced_as.to_owned();
        Self { cause, reproduced_as, content: None, first_difference: None, difference: None }
    }
}

/// The maximum number of bytes hashed for one request: 16 MiB, a few milliseconds.
const MAX_HASHED_BYTES: usize = 16 << 20;

/// Diagnoses a request that did not verify. `None` if no hypothesis reproduces the signature, or if it is right.
#[must_use]
pub fn diagnose(scheme: &Scheme, keyring: &Keyring, request: &Request<'_>) -> Option<Diagnosis> {
    let bodies = request_body_variants(request);
    for family in HeaderFamily::signed(scheme, request) {
        let Some(mut search) = HypothesisSearch::new(scheme, family, request, &bodies) else { continue };
        match search.run(keyring) {
            SearchResult::Found(diagnosis) => return Some(*diagnosis),
            SearchResult::RightAsItIs => return None,
            SearchResult::Nothing => {}
        }
    }
    None
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
    bodies: &'a [body::BodyVariant<'a>],
    id: Vec<u8>,
    contents: Vec<ContentVariant>,
    timestamps: Vec<TimestampVariant>,
    /// The signature header, and the separator of its entries.
    signature: (Vec<u8>, &'a str),
    /// The number of bytes that may still be hashed.
    bytes_left: usize,
}

/// The result of a search.
enum SearchResult {
    Found(Box<Diagnosis>),
    /// The signature is reproduced without any change: no other hypothesis that matches by chance, such as a content
    /// with an absent timestamp, explains it.
    RightAsItIs,
    Nothing,
}

/// A hypothesis: an index into each table; `None` for parts that are assumed to be correct.
#[derive(Clone, Copy, Default)]
struct Hypothesis {
    body: Option<usize>,
    content: Option<usize>,
    time: usize,
}

impl<'a> HypothesisSearch<'a> {
    /// Prepares the search in one family of headers; `None` if it has nothing that may be a signature.
    fn new(
        scheme: &'a Scheme,
        family: HeaderFamily<'a>,
        request: &'a Request<'a>,
        bodies: &'a [body::BodyVariant<'a>],
    ) -> Option<Self> {
        let mut parts = ParsedRequest::new(request);
        let header = first_value(family.signature(), &parts)?;
        let separator = scheme.signature.separator.as_deref().unwrap_or(",");
        parts.signature = Some((header.clone().into(), separator));
        let candidates = signature_candidates(scheme, &header);
        if candidates.is_empty() {
            return None;
        }
        let id = first_value(family.id(), &parts);
        let timestamp = first_value(family.timestamp(), &parts);
        Some(Self {
            scheme,
            request,
            candidates,
            bodies,
            contents: content::content_variants(scheme, id.is_some(), timestamp.is_some(), &parts),
            timestamps: timestamp::timestamp_variants(scheme, &timestamp.unwrap_or_default()),
            id: id.unwrap_or_default(),
            signature: (header, separator),
            bytes_left: MAX_HASHED_BYTES,
        })
    }

    fn run(&mut self, keyring: &Keyring) -> SearchResult {
        let Some((own, others)) = self.keys(keyring) else { return SearchResult::Nothing };
        let (bodies, contents, times) = (0..self.bodies.len(), 0..self.contents.len(), 1..self.timestamps.len());
        let unchanged = Hypothesis::default();
        let over_body = |body| Hypothesis { body: Some(body), ..unchanged };
        let over_content = |content| Hypothesis { content: Some(content), ..unchanged };
        let at_time = |time| Hypothesis { time, ..unchanged };
        let single: Vec<Hypothesis> = times
            .clone()
            .map(at_time)
            .chain(bodies.clone().map(over_body))
            .chain(contents.clone().map(over_content))
            .collect();
        let content_and_time = contents
            .clone()
            .flat_map(|content| times.clone().map(move |time| Hypothesis { time, content: Some(content), body: None }));
        let body_and_time = bodies
            .clone()
            .flat_map(|body| times.clone().map(move |time| Hypothesis { time, body: Some(body), content: None }));
        let body_and_content = bodies.flat_map(|body| {
            contents.clone().map(move |content| Hypothesis { body: Some(body), content: Some(content), time: 0 })
        });
        let timed_pairs: Vec<Hypothesis> = content_and_time.chain(body_and_time).collect();
        let pairs: Vec<Hypothesis> = body_and_content.collect();
        let all_three: Vec<Hypothesis> =
            pairs.iter().flat_map(|pair| times.clone().map(move |time| Hypothesis { time, ..*pair })).collect();
        // One change at a time first: the simplest explanation is reported. The encoding of the signature costs nothing
        // to try, so it is part of every test. Most timestamps can be in one unit only, and then three changes cost nothing.
        for (keys, hypotheses) in [
            (&own, std::slice::from_ref(&unchanged)),
            (&own, &single[..]),
            (&others, std::slice::from_ref(&unchanged)),
            (&others, &single),
            (&own, &timed_pairs),
            (&own, &pairs),
            (&others, &timed_pairs),
            (&own, &all_three),
        ] {
            for hypothesis in hypotheses {
                for key in keys {
                    match self.test(key, *hypothesis) {
                        Some(SearchResult::Nothing) => {}
                        Some(result) => return result,
                        // The budget is used up.
                        None => return SearchResult::Nothing,
                    }
                }
            }
        }
        SearchResult::Nothing
    }

    /// Returns the keys as the scheme decodes them, then every other decoding of every secret; `None` if there are no
    /// shared keys.
    fn keys(&self, keyring: &Keyring) -> Option<(Vec<KeyVariant>, Vec<KeyVariant>)> {
        let mut digests = self.scheme.formats.iter().map(|item| item.algorithm);
        let is_shared =
            |digest: &SignatureAlgorithm| digest.signature_len().is_some() && *digest != SignatureAlgorithm::Ed25519;
        let hmac = digests.find(is_shared)?;
        let own = keyring
            .keys
            .iter()
            .map(|key| KeyVariant { secret: key.secret, decoding: None, key: key.prepared.clone() })
            .collect();
        let mut others = Vec::new();
        for (secret, text) in keyring.secrets().iter().enumerate() {
            let Ok(Key::Shared(known)) = self.scheme.key(text) else { continue };
            for decoding in secret::secret_decodings(text.expose_secret(), &known) {
                if let Some(key) = hmac.prepare_key(&Key::Shared(decoding.bytes)) {
                    others.push(KeyVariant { secret, decoding: Some(decoding.name), key });
                }
            }
        }
        Some((own, others))
    }

    /// Tests one hypothesis with one key: makes the signature and searches for it in the header. `None` if the budget is
    /// used up.
    fn test(&mut self, variant: &KeyVariant, hypothesis: Hypothesis) -> Option<SearchResult> {
        let body = hypothesis.body.map_or(self.request.body, |index| &self.bodies[index].body);
        let content = hypothesis.content.map_or(&self.scheme.content, |index| &self.contents[index].content);
        self.bytes_left = self.bytes_left.checked_sub(body.len() + 64)?;
        let request = Request { body, ..*self.request };
        let mut parts = ParsedRequest::new(&request);
        parts.signature = Some((self.signature.0.as_slice().into(), self.signature.1));
        let inputs = ContentInputs {
            request: &parts,
            id: &self.id,
            timestamp: &self.timestamps[hypothesis.time].value,
            secret: b"",
        };
        let mut found = None;
        let candidates = || self.candidates.iter().map(|candidate| &candidate.bytes[..]).enumerate();
        let compare = |pieces: &[&[u8]]| found = found.or_else(|| variant.key.find(pieces, candidates()));
        if content.for_each_candidate(&inputs, compare).is_err() {
            return Some(SearchResult::Nothing);
        }
        let Some(candidate) = found.map(|at| &self.candidates[at]) else { return Some(SearchResult::Nothing) };
        let causes = self.causes(variant.decoding, hypothesis, candidate);
        if causes.is_empty() {
            return Some(SearchResult::RightAsItIs);
        }
        let signature = self.scheme.formats[0].encoding.encode(&candidate.bytes);
        let signed_at = self.timestamps[hypothesis.time].signed_at;
        Some(SearchResult::Found(Box::new(Diagnosis { causes, secret: variant.secret, signature, signed_at })))
    }

    fn causes(
        &self,
        decoding: Option<&'static str>,
        hypothesis: Hypothesis,
        candidate: &SignatureCandidate,
    ) -> Vec<DiagnosedCause> {
        let mut causes = Vec::new();
        causes.extend(decoding.map(|name| DiagnosedCause::new(FailureCause::WrongSecretEncoding, name)));
        let encoding = candidate.name.as_deref();
        causes.extend(encoding.map(|name| DiagnosedCause::new(FailureCause::WrongSignatureEncoding, name)));
        let unit = self.timestamps[hypothesis.time].name;
        causes.extend(unit.map(|unit| DiagnosedCause::new(FailureCause::TimestampUnit, unit)));
        if let Some(index) = hypothesis.content {
            let variant = &self.contents[index];
            let content = variant.exact.clone();
            causes.push(DiagnosedCause { content, ..DiagnosedCause::new(FailureCause::SignedContent, variant.name) });
        }
        if let Some(index) = hypothesis.body {
            let variant = &self.bodies[index];
            let same = variant.body.iter().zip(self.request.body).take_while(|(a, b)| a == b).count();
            causes.push(DiagnosedCause {
                first_difference: Some(same),
                difference: Difference::between(&variant.body, self.request.body).map(Box::new),
                ..DiagnosedCause::new(variant.cause, variant.name)
            });
        }
        causes
    }
}
