//! Why a signature does not verify: probes that must reproduce it before anything is claimed.
//!
//! Each probe supposes one thing to be other than it should be: how the secret is read, how the body was written, what
//! is signed, or how the signature is spelt. Where none reproduces the signature, two things at once are supposed.

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
    Cause, Encoding, Key, Keyring, Request, Scheme, SignatureAlgorithm, SignedContent, TimestampUnit, ValueSource,
};
pub use difference::Difference;
pub(crate) use json::{ecmascript_number, index as array_index};

/// The explanation of an invalid request. Everything in it was reproduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The causes, the most telling first; one or two.
    pub faults: Vec<Fault>,
    /// The secret that reproduces the signature, counted from 0.
    pub secret: usize,
    /// The received signature that was reproduced, in the scheme's own encoding.
    pub signature: String,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub cause: Cause,
    /// The reading that reproduces the signature, by its name for scripts.
    pub works_as: String,
    /// The first byte, from 0, at which the received body and the signed one differ.
    pub differs_at: Option<usize>,
    /// That place in both texts, if both are text.
    pub difference: Option<Box<Difference>>,
}

/// The most that is hashed for one request: 16 MiB, a few milliseconds.
const MOST_HASHED: usize = 16 << 20;

/// Probes a request that did not verify. `None` says that no probe reproduced the signature.
#[must_use]
pub fn diagnose(scheme: &Scheme, ring: &Keyring, request: &Request<'_>) -> Option<Diagnosis> {
    let mut parts = ParsedRequest::new(request);
    let header = first_value(&scheme.signature.from, &parts)?;
    parts.signature = Some((header.clone().into(), scheme.signature.separator.as_deref().unwrap_or(",")));
    let id = scheme.id.as_ref().and_then(|rule| first_value(&rule.from, &parts)).unwrap_or_default();
    let timestamp = scheme.timestamp.as_ref().and_then(|rule| first_value(&rule.from, &parts)).unwrap_or_default();
    let spellings = spellings(scheme, &header);
    if spellings.is_empty() {
        return None;
    }
    let bodies = bodies(request);
    let mut probe =
        Probe { scheme, request, spellings, bodies, id, contents: Vec::new(), times: Vec::new(), left: MOST_HASHED };
    probe.contents = contents(scheme);
    probe.times = times(scheme, &timestamp);
    probe.run(ring)
}

fn bodies<'a>(request: &Request<'a>) -> Vec<body::Rewriting<'a>> {
    let coding = request.values("content-encoding").next().map(String::from_utf8_lossy);
    body::rewritings(request.body, coding.as_deref())
}

/// The stack that most likely wrote a received body, by the serialiser that it looks like.
#[must_use]
pub fn looks_like(body: &[u8]) -> Option<&'static str> {
    body::dialect_of(body)
}

/// Every body that a probe supposes to have been signed in place of the request's, by the name that [`Fault::works_as`] has.
#[must_use]
pub fn rewritings(request: &Request<'_>) -> Vec<(&'static str, Vec<u8>)> {
    bodies(request).into_iter().map(|rewriting| (rewriting.name, rewriting.body.into_owned())).collect()
}

/// Every key that a probe supposes a secret to stand for, beside the `known` one, by the name that [`Fault::works_as`]
/// has.
#[must_use]
pub fn readings(secret: &str, known: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    secret::readings(secret, known).into_iter().map(|reading| (reading.name, reading.bytes)).collect()
}

fn first_value(sources: &[ValueSource], parts: &ParsedRequest<'_>) -> Option<Vec<u8>> {
    sources.iter().find_map(|source| match source.find(parts) {
        super::source::Lookup::Value(value) if !value.is_empty() => Some(value.into_owned()),
        _ => None,
    })
}

/// A way in which the header's text may spell a signature.
struct Spelling {
    bytes: Vec<u8>,
    /// `None` if it is the scheme's own.
    name: Option<String>,
}

/// Every signature that the header may hold, however it is written.
fn spellings(scheme: &Scheme, header: &[u8]) -> Vec<Spelling> {
    let text = String::from_utf8_lossy(header);
    let mut found: Vec<Spelling> = Vec::new();
    for (index, word) in words(&text).into_iter().enumerate() {
        // A header of very many entries is an attack on whoever diagnoses it.
        if index >= 32 {
            break;
        }
        for (name, bytes) in decodings(word) {
            if !matches!(bytes.len(), 20 | 32 | 48 | 64) {
                continue;
            }
            let own = scheme.formats.iter().any(|item| {
                let entry = item.pattern.format(word);
                item.encoding.decode(word.as_bytes()).as_deref() == Some(&bytes[..]) && text.contains(&entry)
            });
            let prefixed = scheme.formats.iter().any(|item| text.contains(&item.pattern.format(word)));
            let name = match (own, prefixed) {
                (true, _) => None,
                (false, true) => Some(name.to_owned()),
                (false, false) => Some(format!("{name}, without the scheme's prefix")),
            };
            if found.iter().all(|known| known.bytes != bytes) {
                found.push(Spelling { bytes, name });
            }
        }
    }
    found
}

/// The parts of the header that may be a signature: cut at spaces, commas, semicolons, and after a first `=` or `,`.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for entry in text.split([' ', ',', ';', '\t']).filter(|entry| !entry.is_empty()) {
        let entry = entry.trim_matches(['"', '\'']);
        words.push(entry);
        if let Some((_, value)) = entry.split_once('=').filter(|(_, value)| value.len() > 4) {
            words.push(value);
        }
    }
    words
}

fn decodings(word: &str) -> Vec<(&'static str, Vec<u8>)> {
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
fn contents(scheme: &Scheme) -> Vec<(&'static str, SignedContent)> {
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

/// The timestamp as it stands, then in other units.
fn times(scheme: &Scheme, timestamp: &[u8]) -> Vec<(Option<&'static str>, Vec<u8>)> {
    let mut times = vec![(None, timestamp.to_vec())];
    let Some(rule) = &scheme.timestamp else { return times };
    let number = std::str::from_utf8(timestamp).ok().and_then(|text| text.parse::<i64>().ok());
    if let Some(number) = number {
        match rule.unit {
            // The timestamp is in the wrong unit, and was signed so; or only the header has the wrong unit.
            TimestampUnit::Seconds if number >= 100_000_000_000_000 => times[0].0 = Some("microseconds"),
            TimestampUnit::Seconds if number >= 100_000_000_000 => {
                times[0].0 = Some("milliseconds");
                times.push((Some("milliseconds in the header alone"), (number / 1000).to_string().into()));
            }
            TimestampUnit::Milliseconds if number < 100_000_000_000 => {
                times[0].0 = Some("seconds");
                times.push((Some("seconds in the header alone"), number.saturating_mul(1000).to_string().into()));
            }
            _ => {}
        }
    }
    times
}

struct Probe<'a> {
    scheme: &'a Scheme,
    request: &'a Request<'a>,
    spellings: Vec<Spelling>,
    bodies: Vec<body::Rewriting<'a>>,
    id: Vec<u8>,
    contents: Vec<(&'static str, SignedContent)>,
    times: Vec<(Option<&'static str>, Vec<u8>)>,
    /// The number of bytes that may still be hashed.
    left: usize,
}

/// The assumption of one probe: an index into each table, `None` for what is as it should be.
#[derive(Clone, Copy, Default)]
struct Suppose {
    body: Option<usize>,
    content: Option<usize>,
    time: usize,
}

impl Probe<'_> {
    fn run(&mut self, ring: &Keyring) -> Option<Diagnosis> {
        let digests: Vec<SignatureAlgorithm> = self.scheme.formats.iter().map(|item| item.algorithm).collect();
        let hmac = digests
            .iter()
            .copied()
            .find(|digest| digest.signature_len().is_some() && *digest != SignatureAlgorithm::Ed25519)?;
        // The keys as they should be read, then every other reading of every secret.
        let mut keys: Vec<(usize, Option<&'static str>, PreparedKey)> =
            ring.keys.iter().map(|key| (key.secret, None, key.prepared.clone())).collect();
        let own = keys.len();
        for (secret, text) in ring.secrets().iter().enumerate() {
            let Ok(Key::Shared(known)) = self.scheme.key(text) else { continue };
            for reading in secret::readings(text.expose_secret(), &known) {
                if let Some(prepared) = hmac.prepare_key(&Key::Shared(reading.bytes)) {
                    keys.push((secret, Some(reading.name), prepared));
                }
            }
        }
        // One thing at a time first: what is claimed should be the simplest that explains it.
        let none = Suppose::default();
        let times: Vec<usize> = (0..self.times.len()).collect();
        let single: Vec<Suppose> = times
            .iter()
            .map(|time| Suppose { time: *time, ..none })
            .chain((0..self.bodies.len()).map(|body| Suppose { body: Some(body), ..none }))
            .chain((0..self.contents.len()).map(|content| Suppose { content: Some(content), ..none }))
            .collect();
        for suppose in &single {
            for key in &keys[..own] {
                if let Some(found) = self.probe(key, *suppose) {
                    return Some(found);
                }
            }
        }
        for key in &keys[own..] {
            if let Some(found) = self.probe(key, none) {
                return Some(found);
            }
        }
        for suppose in &single[1..] {
            for key in &keys[own..] {
                if let Some(found) = self.probe(key, *suppose) {
                    return Some(found);
                }
            }
        }
        for body in 0..self.bodies.len() {
            let contents =
                (0..self.contents.len()).map(|content| Suppose { body: Some(body), content: Some(content), time: 0 });
            let timely = times.iter().skip(1).map(|time| Suppose { body: Some(body), content: None, time: *time });
            for suppose in contents.chain(timely) {
                for key in &keys[..own] {
                    if let Some(found) = self.probe(key, suppose) {
                        return Some(found);
                    }
                }
            }
        }
        None
    }

    /// Makes the signature that the supposition calls for, and looks for it in the header.
    fn probe(&mut self, key: &(usize, Option<&'static str>, PreparedKey), suppose: Suppose) -> Option<Diagnosis> {
        let body = suppose.body.map_or(self.request.body, |index| &self.bodies[index].body);
        let content = suppose.content.map_or(&self.scheme.content, |index| &self.contents[index].1);
        self.left = self.left.checked_sub(body.len() + 64)?;
        let request = Request { body, ..*self.request };
        let parts = ParsedRequest::new(&request);
        let inputs = super::content::ContentInputs {
            request: &parts,
            id: &self.id,
            timestamp: &self.times[suppose.time].1,
            secret: b"",
        };
        for filled in content.render(&inputs).ok()? {
            let pieces: Vec<&[u8]> = filled.iter().map(AsRef::as_ref).collect();
            for spelling in &self.spellings {
                if key.2.verify(&pieces, &spelling.bytes) {
                    let faults = self.faults(key.1, suppose, spelling);
                    // A signature that needs no assumption has no fault: it is signed as it should be, so nothing
                    // else that fits by chance, such as a content with a timestamp that is not there, explains it.
                    if faults.is_empty() {
                        self.left = 0;
                        return None;
                    }
                    let signature = self.scheme.formats[0].encoding.encode(&spelling.bytes);
                    return Some(Diagnosis { faults, secret: key.0, signature });
                }
            }
        }
        None
    }

    fn faults(&self, reading: Option<&'static str>, suppose: Suppose, spelling: &Spelling) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |cause, works_as: &str| {
            faults.push(Fault { cause, works_as: works_as.to_owned(), differs_at: None, difference: None });
        };
        if let Some(name) = reading {
            add(Cause::WrongSecretEncoding, name);
        }
        if let Some(name) = &spelling.name {
            add(Cause::WrongSignatureEncoding, name);
        }
        if let Some(unit) = self.times[suppose.time].0 {
            add(Cause::TimestampUnit, unit);
        }
        if let Some(index) = suppose.content {
            add(Cause::SignedContent, self.contents[index].0);
        }
        if let Some(index) = suppose.body {
            let rewriting = &self.bodies[index];
            let same = rewriting.body.iter().zip(self.request.body).take_while(|(a, b)| a == b).count();
            faults.push(Fault {
                cause: rewriting.cause,
                works_as: rewriting.name.to_owned(),
                differs_at: Some(same),
                difference: Difference::between(&rewriting.body, self.request.body).map(Box::new),
            });
        }
        faults
    }
}
