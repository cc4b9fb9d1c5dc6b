//! Signatures made again, without the code that is tested: HMAC from its definition, content from its template.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use whk::signing::{Key, Request, Scheme, ValueSource};

/// What fills a template.
pub struct Filling<'a> {
    pub request: &'a Request<'a>,
    pub body: &'a [u8],
    pub id: Vec<u8>,
    pub timestamp: Vec<u8>,
    pub secret: &'a [u8],
}

impl<'a> Filling<'a> {
    pub fn new(scheme: &Scheme, request: &'a Request<'a>) -> Self {
        let id = scheme.id.as_ref().map(|rule| &rule.from[..]).unwrap_or_default();
        let timestamp = scheme.timestamp.as_ref().map(|rule| &rule.from[..]).unwrap_or_default();
        let first =
            |places: &[ValueSource]| places.iter().find_map(|place| at(scheme, request, place)).unwrap_or_default();
        Self { request, body: request.body, id: first(id), timestamp: first(timestamp), secret: b"" }
    }

    /// Every form that the content of this template may have; `None` where it needs more than is known here.
    pub fn fill(&self, template: &str) -> Option<Vec<Vec<u8>>> {
        let mut forms = vec![Vec::new()];
        let mut rest = template;
        while let Some((text, more)) = rest.split_once('{') {
            let (place, more) = more.split_once('}')?;
            let values = match place {
                "body" => vec![self.body.to_vec()],
                "id" => vec![self.id.clone()],
                "timestamp" => vec![self.timestamp.clone()],
                "secret" => vec![self.secret.to_vec()],
                "method" => vec![self.request.method.as_bytes().to_vec()],
                "url" if self.request.url.contains("://") => vec![self.request.url.as_bytes().to_vec()],
                "url" => {
                    let host = String::from_utf8_lossy(self.request.values("host").next().unwrap_or_default());
                    ["https", "http"].map(|scheme| format!("{scheme}://{host}{}", self.request.url).into_bytes()).into()
                }
                _ => match place.strip_prefix("header:") {
                    Some(name) => vec![self.request.values(name).next()?.to_vec()],
                    None => vec![in_json(self.body, place.strip_prefix("json:")?)?],
                },
            };
            let with = |form: &Vec<u8>, value: &Vec<u8>| [form, text.as_bytes(), value].concat();
            forms = forms.iter().flat_map(|form| values.iter().map(|value| with(form, value))).collect();
            rest = more;
        }
        for form in &mut forms {
            form.extend_from_slice(rest.as_bytes());
        }
        Some(forms)
    }
}

/// The scheme with one family of headers each, if it accepts several in each other's place.
pub fn families(scheme: &Scheme) -> Vec<Scheme> {
    let count = scheme.signature.from.len();
    let narrow = |from: &mut Vec<ValueSource>, also: &mut Vec<ValueSource>, index: usize| {
        let all = [&from[..], &also[..]].concat();
        if all.len() == count + scheme.signature.also.len() {
            *from = vec![all[index].clone()];
        }
        also.clear();
    };
    let family = |index: usize| {
        let mut family = scheme.clone();
        narrow(&mut family.signature.from, &mut family.signature.also, index);
        if let Some(rule) = &mut family.id {
            narrow(&mut rule.from, &mut rule.also, index);
        }
        if let Some(rule) = &mut family.timestamp {
            narrow(&mut rule.from, &mut rule.also, index);
        }
        family
    };
    (0..count + scheme.signature.also.len()).map(family).collect()
}

/// The value at a place that the oracle knows.
pub fn at(scheme: &Scheme, request: &Request<'_>, place: &ValueSource) -> Option<Vec<u8>> {
    let value = match place {
        ValueSource::Header(name) => {
            let mut values = request.values(name);
            let value = values.next()?.to_vec();
            values.next().is_none().then_some(value)
        }
        ValueSource::Json(pointer) => in_json(request.body, pointer),
        ValueSource::Signature(key) => {
            let header = scheme.signature.from.iter().find_map(|place| at(scheme, request, place))?;
            let header = String::from_utf8_lossy(&header).into_owned();
            let entries = header.split(scheme.signature.separator.as_deref().unwrap_or(","));
            let mut pairs = entries.filter_map(|entry| entry.trim().split_once('='));
            pairs.find(|(have, _)| have == key).map(|(_, value)| value.as_bytes().to_vec())
        }
        ValueSource::Form(_) | ValueSource::Query(_) | ValueSource::Const(_) => None,
    };
    value.filter(|value| !value.is_empty())
}

fn in_json(body: &[u8], pointer: &str) -> Option<Vec<u8>> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    match body.pointer(pointer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

/// Whether `signature` is one over `content`, by the key and one of the digests that the scheme names.
pub fn signs(scheme: &Scheme, key: &Key, content: &[u8], signature: &[u8]) -> bool {
    let digests = scheme.formats.iter().map(|item| item.algorithm.name());
    match key {
        Key::Shared(key) => {
            digests.into_iter().filter_map(|name| digest(name, key, content)).any(|own| own == signature)
        }
        Key::Ed25519 { public, .. } => UnparsedPublicKey::new(&ED25519, public).verify(content, signature).is_ok(),
        Key::P256 { .. } => false,
    }
}

/// The digest of this name, where it is one with a shared key.
pub fn digest(name: &str, key: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    Some(match name {
        "hmac-sha1" => hmac::<Sha1>(64, key, content),
        "hmac-sha256" => hmac::<Sha256>(64, key, content),
        "hmac-sha384" => hmac::<Sha384>(128, key, content),
        "hmac-sha512" => hmac::<Sha512>(128, key, content),
        "sha256" => Sha256::digest(content).to_vec(),
        _ => return None,
    })
}

/// RFC 2104, section 2.
fn hmac<D: Digest>(block: usize, key: &[u8], content: &[u8]) -> Vec<u8> {
    let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
    padded.resize(block, 0);
    let pad = |with: u8| padded.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = D::digest([&pad(0x36), content].concat());
    D::digest([&pad(0x5c), &inner[..]].concat()).to_vec()
}

/// Whether the signature stands in `text`, spelt in hexadecimal or base64 of any kind.
pub fn is_spelt_in(text: &[u8], signature: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let hex = signature.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<String>>().concat();
    // The last character may have bits that say nothing, and the padding may be absent.
    let whole = (signature.len() * 4).div_ceil(3) - 1;
    text.to_ascii_lowercase().contains(&hex)
        || text.contains(&STANDARD.encode(signature)[..whole])
        || text.contains(&URL_SAFE.encode(signature)[..whole])
}
