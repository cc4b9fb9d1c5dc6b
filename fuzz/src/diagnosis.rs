//! Requests damaged at will through the diagnosis and the verifier: what is claimed is made again by the oracle.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use whk::provider::Provider;
use whk::signing::{
    DiagnosedCause, Diagnosis, Encoding, FailureCause, Key, Keyring, Request, Scheme, Secret, Tolerance, body_variants,
    detect_serializer, diagnose, secret_decodings, verify,
};
use whk::verification::{Verdict, VerdictStatus, Verifier};

use super::oracle::{Filling, at, digest, families, is_spelt_in, signs};
use super::sample::{Sample, line, providers, setting};

/// `data` is a line of provider and clock, a line that says how the signature is made, the secret, and a request.
///
/// The second line names a reading of the secret, the content, an encoding and a rewriting of the body, each `-` for
/// what is as it should be. The signature made so takes the place of `{sig}` in the headers and the body.
///
/// Says whether faults were claimed that could be made again.
pub fn run(data: &[u8]) -> bool {
    let mut text = data;
    let (provider, now) = setting(line(&mut text));
    let how = String::from_utf8_lossy(line(&mut text)).into_owned();
    let secret = Secret::new(String::from_utf8_lossy(line(&mut text)));
    let mut sample = Sample::read(text);
    let _ = detect_serializer(&sample.body);
    if let Some(signature) = signature(&provider.scheme, &secret, &how, &sample) {
        for (_, value) in &mut sample.headers {
            fill_in(value, &signature);
        }
        fill_in(&mut sample.body, &signature);
    }
    sample.with(|request| {
        let claimed = one_scheme(&provider.scheme, &secret, request, now);
        any_provider(&secret, request, now);
        claimed
    })
}

fn one_scheme(scheme: &Scheme, secret: &Secret, request: &Request<'_>, now: i64) -> bool {
    let Ok(ring) = Keyring::new(scheme, std::slice::from_ref(secret)) else { return false };
    let valid = verify(scheme, &ring, request, now, Tolerance::Unlimited).outcome.is_ok();
    assert!(!valid || is_signed(scheme, secret, request) != Some(false), "valid, and nobody signed it");
    let Some(diagnosis) = diagnose(scheme, &ring, request) else { return false };
    assert!(!valid, "a valid request has no faults: {diagnosis:?}");
    check(scheme, secret, request, &diagnosis)
}

fn any_provider(secret: &Secret, request: &Request<'_>, now: i64) {
    let verdict = verdict_on(secret, request, now);
    let Verdict { status, provider, failure, diagnosis, .. } = &verdict;
    assert!(!verdict.message.is_empty(), "{verdict:?}");
    if *status == VerdictStatus::Valid {
        assert!(failure.is_none() && diagnosis.is_none(), "{verdict:?}");
        let provider = provider.as_ref().expect("a valid request is somebody's");
        assert!(is_signed(&provider.scheme, secret, request) != Some(false), "valid, and nobody signed it");
    }
    if let Some(diagnosis) = diagnosis {
        assert_eq!(*status, VerdictStatus::Invalid);
        let provider = provider.as_ref().expect("a diagnosis is by somebody's scheme");
        check(&provider.scheme, secret, request, diagnosis);
    }
}

/// Returns the verdict with this secret alone. Verifiers are kept: to read all providers takes far longer.
fn verdict_on(secret: &Secret, request: &Request<'_>, now: i64) -> Verdict {
    type Verifiers = HashMap<String, Verifier<'static>>;
    thread_local! {
        static VERIFIERS: RefCell<Verifiers> = RefCell::default();
    }
    VERIFIERS.with_borrow_mut(|verifiers| {
        if verifiers.len() > 100 {
            verifiers.clear();
        }
        let verifier = verifiers.entry(secret.expose_secret().to_owned()).or_insert_with_key(|text| {
            let secret = Secret::new(text);
            let secrets = Box::new(move |_: &Provider| Ok(vec![secret.clone()]));
            Verifier::new(Rc::default(), None, None, secrets, Tolerance::Scheme)
        });
        verifier.verify(request, now).expect("the built-in providers can be read")
    })
}

/// Whether the request has a signature of the scheme; `None` where that cannot be told here.
fn is_signed(scheme: &Scheme, secret: &Secret, request: &Request<'_>) -> Option<bool> {
    let signed: Vec<Option<bool>> =
        families(scheme).iter().map(|family| is_signed_in(family, secret, request)).collect();
    signed
        .iter()
        .find(|signed| **signed == Some(true))
        .or(signed.iter().find(|signed| signed.is_none()))
        .copied()
        .unwrap_or(Some(false))
}

fn is_signed_in(scheme: &Scheme, secret: &Secret, request: &Request<'_>) -> Option<bool> {
    let keys = keys(scheme, secret);
    let Some(Key::Shared(_)) = keys.first() else { return None };
    let filling = Filling { secret: secret.expose_secret().as_bytes(), ..Filling::new(scheme, request) };
    let contents = filling.fill(&scheme.content.to_string())?;
    let header = signature_text(scheme, request)?;
    let digests: Vec<&str> = scheme.formats.iter().map(|item| item.algorithm.name()).collect();
    Some(keys.iter().any(|key| {
        let Key::Shared(key) = key else { return false };
        let mut signatures = contents.iter().flat_map(|content| digests.iter().map(|name| digest(name, key, content)));
        signatures.any(|signature| signature.is_some_and(|signature| is_spelt_in(&header, &signature)))
    }))
}

/// The keys that a scheme makes of a secret: AhaSend's reads one behind `whsec_` as base64 and as text.
fn keys(scheme: &Scheme, secret: &Secret) -> Vec<Key> {
    let text = Key::Shared(secret.expose_secret().as_bytes().to_vec());
    scheme.key(secret).into_iter().chain(scheme.reads_both_ways(secret).then_some(text)).collect()
}

fn signature_text(scheme: &Scheme, request: &Request<'_>) -> Option<Vec<u8>> {
    scheme.signature.from.iter().find_map(|place| at(scheme, request, place))
}

/// Makes the signature again as the diagnosis says it was made, and shows that each of its faults is needed for that.
/// `false` says that the oracle knows too little of the scheme.
fn check(scheme: &Scheme, secret: &Secret, request: &Request<'_>, diagnosis: &Diagnosis) -> bool {
    let faults = &diagnosis.causes;
    assert!(!faults.is_empty() && faults.len() <= 4 && diagnosis.secret == 0, "{diagnosis:?}");
    let find = |cause| faults.iter().find(|fault| fault.cause == cause);
    if let Some(fault) = find(FailureCause::WrongScheme) {
        assert_eq!(faults.len(), 1, "{diagnosis:?}");
        verifies_as(fault, secret, request);
        return true;
    }
    let item = &scheme.formats[0];
    let signature = item.encoding.decode(diagnosis.signature.as_bytes()).expect("it is in the scheme's encoding");
    let all = families(scheme);
    let sent: Vec<&Scheme> = all
        .iter()
        .filter(|family| signature_text(family, request).is_some_and(|header| is_spelt_in(&header, &signature)))
        .collect();
    assert!(!sent.is_empty(), "no such signature was sent: {diagnosis:?}");
    let checked: Vec<Checked> =
        sent.iter().map(|family| check_in(family, secret, request, diagnosis, &signature)).collect();
    if checked.contains(&Checked::Unknown) {
        return false;
    }
    assert!(checked.contains(&Checked::Right), "nothing of the kind was signed: {diagnosis:?} {checked:?}");
    true
}

/// What the oracle finds of a diagnosis in one family of headers.
#[derive(Debug, PartialEq)]
enum Checked {
    Right,
    /// It knows too little of the scheme.
    Unknown,
    NotReproduced,
    /// The signature is right without this fault.
    Needless(FailureCause),
}

fn check_in(
    scheme: &Scheme,
    secret: &Secret,
    request: &Request<'_>,
    diagnosis: &Diagnosis,
    signature: &[u8],
) -> Checked {
    let keys = keys(scheme, secret);
    let mut checked: Vec<Checked> =
        keys.iter().map(|known| check_with(known, scheme, secret, request, diagnosis, signature)).collect();
    // What one key shows to be needless is so, whatever another shows.
    let is_needless = |checked: &Checked| matches!(checked, Checked::Needless(_));
    let decides =
        checked.iter().position(is_needless).or(checked.iter().position(|checked| *checked == Checked::Right));
    checked.swap_remove(decides.unwrap_or(0))
}

fn check_with(
    known: &Key,
    scheme: &Scheme,
    secret: &Secret,
    request: &Request<'_>,
    diagnosis: &Diagnosis,
    signature: &[u8],
) -> Checked {
    let find = |cause| diagnosis.causes.iter().find(|fault| fault.cause == cause);

    let first = scheme.key(secret).expect("the keyring took it");
    let rewritten = find(FailureCause::BodyChangedReserialized).or(find(FailureCause::BodyChangedWhitespace));
    let body = rewritten.map(|fault| body(fault, request));
    let supposed = Supposed {
        key: find(FailureCause::WrongSecretEncoding).map_or_else(|| known.clone(), |fault| key(fault, secret, &first)),
        content: find(FailureCause::SignedContent).map_or_else(
            || scheme.content.to_string(),
            |fault| fault.content.as_ref().unwrap_or(&fault.reproduced_as).clone(),
        ),
        timestamp: find(FailureCause::TimestampUnit).and_then(|fault| timestamp(fault, scheme, request)),
        body: body.as_deref().unwrap_or(request.body),
    };
    match supposed.reproduces(scheme, request, signature) {
        None => return Checked::Unknown,
        Some(false) => return Checked::NotReproduced,
        Some(true) => {}
    }

    let received = Supposed { body: request.body, ..supposed.clone() };
    let as_meant = Supposed { key: known.clone(), ..supposed.clone() };
    let usual = Supposed { content: scheme.content.to_string(), ..supposed };
    for (fault, without) in [
        (rewritten, received),
        (find(FailureCause::WrongSecretEncoding), as_meant),
        (find(FailureCause::SignedContent), usual),
    ] {
        let still = without.reproduces(scheme, request, signature) == Some(true);
        if let Some(fault) = fault.filter(|_| still) {
            return Checked::Needless(fault.cause);
        }
    }
    Checked::Right
}

/// What a diagnosis supposes.
#[derive(Clone)]
struct Supposed<'a> {
    key: Key,
    content: String,
    timestamp: Option<Vec<u8>>,
    body: &'a [u8],
}

impl Supposed<'_> {
    /// Whether the signature is made so; `None` where that cannot be told here.
    fn reproduces(&self, scheme: &Scheme, request: &Request<'_>, signature: &[u8]) -> Option<bool> {
        let mut filling = Filling { body: self.body, ..Filling::new(scheme, request) };
        if let Some(timestamp) = &self.timestamp {
            filling.timestamp.clone_from(timestamp);
        }
        let contents = filling.fill(&self.content)?;
        Some(contents.iter().any(|content| signs(scheme, &self.key, content, signature)))
    }
}

fn verifies_as(fault: &DiagnosedCause, secret: &Secret, request: &Request<'_>) {
    let providers = providers();
    let other = providers.iter().find(|provider| provider.name == fault.reproduced_as).expect("it names a provider");
    let ring = Keyring::new(&other.scheme, std::slice::from_ref(secret)).expect("its scheme takes the secret");
    assert!(verify(&other.scheme, &ring, request, 0, Tolerance::Unlimited).outcome.is_ok(), "{fault:?}");
    assert!(is_signed(&other.scheme, secret, request) != Some(false), "{fault:?}");
}

fn key(fault: &DiagnosedCause, secret: &Secret, known: &Key) -> Key {
    let Key::Shared(known) = known else { panic!("only a text has readings: {fault:?}") };
    let named =
        secret_decodings(secret.expose_secret(), known).into_iter().find(|(name, _)| *name == fault.reproduced_as);
    let bytes = named.expect("it names a reading").1;
    assert_ne!(bytes, *known, "{fault:?}");
    let text = secret.expose_secret();
    match &fault.reproduced_as[..] {
        "text" => assert_eq!(bytes, text.as_bytes()),
        "text-with-newline" => assert_eq!(bytes, [text.as_bytes(), b"\n"].concat()),
        "text-trimmed" | "text-without-prefix" => assert!(text.as_bytes().windows(bytes.len()).any(|own| own == bytes)),
        "empty" => assert!(bytes.is_empty()),
        _ => {}
    }
    Key::Shared(bytes)
}

fn timestamp(fault: &DiagnosedCause, scheme: &Scheme, request: &Request<'_>) -> Option<Vec<u8>> {
    let received = Filling::new(scheme, request).timestamp;
    let number: i64 = String::from_utf8(received).ok()?.parse().ok()?;
    match &fault.reproduced_as[..] {
        "milliseconds in the header alone" => Some((number / 1000).to_string().into_bytes()),
        "seconds in the header alone" => Some((number * 1000).to_string().into_bytes()),
        _ => None,
    }
}

/// The body that a fault says was signed, which holds the same as the one that was received.
fn body(fault: &DiagnosedCause, request: &Request<'_>) -> Vec<u8> {
    let named = body_variants(request).into_iter().find(|(name, _)| *name == fault.reproduced_as);
    let body = named.expect("it names a rewriting").1;
    assert_ne!(body, request.body, "{fault:?}");
    let same = body.iter().zip(request.body).take_while(|(a, b)| a == b).count();
    assert_eq!(fault.first_difference, Some(same), "{fault:?}");
    let inked = |text: &[u8]| -> Vec<u8> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
    };
    if fault.cause == FailureCause::BodyChangedWhitespace {
        assert_eq!(inked(&body), inked(request.body), "{fault:?}");
    } else if let (Some(before), Some(after)) = (meaning(request.body), meaning(&body)) {
        assert_eq!(before, after, "{fault:?}");
    }
    body
}

/// A JSON body with its keys in order and its numbers as JavaScript has them.
fn meaning(body: &[u8]) -> Option<serde_json::Value> {
    fn plain(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Number(number) => number.as_f64().map(|number| number + 0.0).into(),
            serde_json::Value::Array(items) => items.into_iter().map(plain).collect(),
            serde_json::Value::Object(fields) => {
                let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, plain(value))).collect();
                fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                fields.into_iter().collect()
            }
            other => other,
        }
    }
    serde_json::from_slice(body).ok().map(plain)
}

fn signature(scheme: &Scheme, secret: &Secret, how: &str, sample: &Sample) -> Option<String> {
    let mut words = how.split(' ');
    let mut word = || words.next().unwrap_or("-");
    let (reading, content, encoding, rewriting) = (word(), word(), word(), word());
    let Key::Shared(known) = scheme.key(secret).ok()? else { return None };
    let named = secret_decodings(secret.expose_secret(), &known).into_iter().find(|(name, _)| *name == reading);
    let key = named.map_or(known, |(_, bytes)| bytes);
    let named = sample.with(body_variants).into_iter().find(|(name, _)| *name == rewriting);
    let body = named.map_or_else(|| sample.body.clone(), |(_, body)| body);
    let usual = scheme.content.to_string();
    sample.with(|request| {
        let filling =
            Filling { body: &body, secret: secret.expose_secret().as_bytes(), ..Filling::new(scheme, request) };
        let content = filling.fill(if content == "-" { &usual } else { content })?;
        let item = &scheme.formats[0];
        let signature = digest(item.algorithm.name(), &key, &content[0])?;
        Some(match encoding {
            "HEX" => Encoding::Hex.encode(&signature).to_ascii_uppercase(),
            "unpadded" => Encoding::Base64.encode(&signature).trim_end_matches('=').to_owned(),
            other => other.parse().unwrap_or(item.encoding).encode(&signature),
        })
    })
}

fn fill_in(text: &mut Vec<u8>, signature: &str) {
    const PLACE: &[u8] = b"{sig}";
    if let Some(at) = text.windows(PLACE.len()).position(|window| window == PLACE) {
        text.splice(at..at + PLACE.len(), signature.bytes());
    }
}
