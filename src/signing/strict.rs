//! The published Standard Webhooks libraries that reject a request which is valid here, and the reason.
//!
//! The data are what each library did when it was run: versions, cases and results are in
//! `tests/it/vectors/standard-webhooks.json`, and `tests/it/strict.rs` compares these tables with them and with the
//! JavaScript, Python and Rust libraries themselves. Every library is used with its usual constructor, the secret as
//! its owner has it, and its defaults.
//!
//! Requests that cannot be valid here are not covered: repeated headers, two families of headers that differ, an id with
//! a `.`, a timestamp that is not plain digits, an empty or malformed entry in the list of signatures.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::secret::STOCK_PREFIX;
use super::{Key, KeyFormat, Request, Scheme, Secret, SignatureAlgorithm, TimestampUnit};

/// The tolerance of every library in seconds, mostly not to be changed.
const TOLERANCE: u64 = 300;

/// A published library of the Standard Webhooks project, by its language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// `standardwebhooks` 1.1 for JavaScript.
    JavaScript,
    /// `standardwebhooks` 1.1 for Python.
    Python,
    /// `standardwebhooks` 1.0 for Rust.
    Rust,
    /// For Go.
    Go,
    /// For Ruby.
    Ruby,
    /// For PHP.
    Php,
    /// For Java.
    Java,
    /// For C#.
    CSharp,
    /// For Elixir.
    Elixir,
}

use Library::{CSharp, Elixir, Go, Java, JavaScript, Php, Python, Ruby, Rust};

impl Library {
    /// All of them.
    pub const ALL: [Self; 9] = [JavaScript, Python, Rust, Go, Ruby, Php, Java, CSharp, Elixir];

    /// The name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            JavaScript => "javascript",
            Python => "python",
            Rust => "rust",
            Go => "go",
            Ruby => "ruby",
            Php => "php",
            Java => "java",
            CSharp => "csharp",
            Elixir => "elixir",
        }
    }

    /// The name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            JavaScript => "JavaScript",
            Python => "Python",
            Rust => "Rust",
            Go => "Go",
            Ruby => "Ruby",
            Php => "PHP",
            Java => "Java",
            CSharp => "C#",
            Elixir => "Elixir",
        }
    }

    /// The usual way to give it a secret.
    fn constructor(self) -> &'static str {
        match self {
            JavaScript | Java | CSharp => "new Webhook(secret)",
            Python => "Webhook(secret)",
            Rust => "Webhook::new(&secret)",
            Go => "NewWebhook(secret)",
            Ruby => "Webhook.new(secret)",
            Php => "new Webhook($secret)",
            Elixir => "Webhook.verify",
        }
    }

    /// The way to give it a key that is text and not base64, if there is one.
    fn raw(self) -> Option<&'static str> {
        match self {
            JavaScript => Some("new Webhook(Buffer.from(secret), { format: \"raw\" })"),
            Python => Some("Webhook(secret.encode())"),
            Rust => Some("Webhook::from_bytes(secret.into_bytes())"),
            Go => Some("NewWebhookRaw([]byte(secret))"),
            Java => Some("new Webhook(secret.getBytes(UTF_8))"),
            CSharp => Some("new Webhook(Encoding.UTF8.GetBytes(secret))"),
            // Ruby's decodes base64 all the same, PHP's always throws, Elixir has none.
            Ruby | Php | Elixir => None,
        }
    }

    fn decoder(self) -> Decoder {
        let (skips, padding) = match self {
            JavaScript => (Skips::Nothing, Padding::FromTheEnd),
            Python => (Skips::Foreign, Padding::Counted),
            Rust | Elixir => (Skips::Nothing, Padding::Needed),
            Go => (Skips::LineBreaks, Padding::Needed),
            Ruby | Php => (Skips::Foreign, Padding::Ignored),
            Java => (Skips::Nothing, Padding::Optional),
            CSharp => (Skips::WhiteSpace, Padding::Needed),
        };
        Decoder { skips, padding, canonical: self == Rust, twice: self == Elixir }
    }
}

/// The way in which a library fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It says that the request is not genuine.
    Refuses,
    /// It throws another error than that one, which a handler may not expect.
    Throws,
}

impl Outcome {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Throws => "throws",
        }
    }
}

/// A library that does not accept the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The library.
    pub library: Library,
    /// The way in which it fails.
    pub outcome: Outcome,
    /// The reason, in words that follow a colon.
    pub why: Cow<'static, str>,
    /// True if the secret is the reason, and not the request.
    pub by_secret: bool,
}

/// A property of a valid request that some libraries do not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trait {
    /// The body is not UTF-8.
    NotUtf8,
    /// The headers have other names than `webhook-…`.
    OtherNames,
    /// Their names are not in lower case.
    UpperCase,
    /// A header that is read has a character beyond ASCII.
    NotAscii,
    /// The id has one.
    IdNotAscii,
    /// It is further from the clock than any library allows.
    Stale,
    /// Its age is exactly as much as is allowed.
    AtTheEdge,
    /// It has no `v1` signature.
    NoV1,
    /// An entry before the right signature has two commas or more.
    Commas,
    /// The text after the last comma is not the right signature.
    NotLast,
    /// The body is empty.
    Empty,
    /// The body is not JSON, nor empty.
    NotJson,
    /// The body is not what Python takes for JSON either.
    NotPythonJson,
    /// The body is not the JSON object that Elixir's Jason writes.
    NotJason,
}

const EVERY: &[Library] = &Library::ALL;

/// The libraries that fail on each trait. Of each library, the first row that matches applies.
const EFFECTS: &[(Trait, &[Library], Outcome, &str)] = &[
    (Trait::NotUtf8, &[Python], Outcome::Throws, "the body is not UTF-8, and it is decoded before it is verified"),
    (
        Trait::OtherNames,
        EVERY,
        Outcome::Refuses,
        "only the header names `webhook-id`, `webhook-timestamp` and `webhook-signature` are read",
    ),
    (
        Trait::UpperCase,
        &[Ruby, Php],
        Outcome::Refuses,
        "header names are looked up in lower case, and here they are not",
    ),
    (Trait::NotAscii, &[Rust], Outcome::Refuses, "a header has a character beyond ASCII"),
    (Trait::Stale, EVERY, Outcome::Refuses, "the timestamp is more than 300 s from the clock"),
    (
        Trait::AtTheEdge,
        &[Python, Go, CSharp],
        Outcome::Refuses,
        "the timestamp is 300 s old, and the clock counts fractions: 300.1 s are too old",
    ),
    (
        Trait::IdNotAscii,
        &[JavaScript, Python],
        Outcome::Refuses,
        "the id is not ASCII, and HTTP servers read headers as Latin-1, so another id is signed",
    ),
    (Trait::NoV1, EVERY, Outcome::Refuses, "only `v1` signatures are known, and this request has none"),
    (Trait::Commas, &[Python], Outcome::Throws, "an entry before the right signature has more than one comma"),
    (
        Trait::NotLast,
        &[Elixir],
        Outcome::Refuses,
        "only the last signature of the list is checked, and another one is right",
    ),
    (
        Trait::NotUtf8,
        &[JavaScript, Java, CSharp],
        Outcome::Refuses,
        "the body is not UTF-8, and U+FFFD is signed in place of the invalid bytes",
    ),
    (Trait::NotUtf8, &[Rust], Outcome::Refuses, "the body is not UTF-8"),
    (Trait::Empty, &[Python, Ruby], Outcome::Throws, "the body is empty, and it is parsed as JSON after verifying"),
    (
        Trait::NotJson,
        &[JavaScript, Ruby],
        Outcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        Trait::NotPythonJson,
        &[Python],
        Outcome::Throws,
        "the body is not JSON, and it is parsed as JSON after verifying",
    ),
    (
        Trait::NotJason,
        &[Elixir],
        Outcome::Refuses,
        "it signs the re-serialized JSON, a compact object with sorted keys, which this body is not",
    ),
];

/// The libraries that do not take a request which is valid here, with the first reason that each of them meets.
///
/// `format` is how the secret was read here, `now` the time in unix seconds; without it the age is left aside.
#[must_use]
pub fn refusals(request: &Request<'_>, secret: &Secret, format: KeyFormat, now: Option<i64>) -> Vec<Refusal> {
    let Ok(key) = secret.key(format) else { return Vec::new() };
    let signs = Signs::of(request, &key);
    let mut found = Vec::new();
    for library in Library::ALL {
        let by_secret = match &key {
            // Of an explicit encoding it is not known what the libraries are given.
            Key::Shared(key) if secret.explicit().is_none() => secret_refusal(library, secret.reveal(), format, key),
            _ => None,
        };
        let by_request = || {
            let row = EFFECTS.iter().find(|(what, who, ..)| who.contains(&library) && has(*what, request, &signs, now));
            row.map(|(.., outcome, why)| Refusal {
                library,
                outcome: *outcome,
                why: Cow::Borrowed(why),
                by_secret: false,
            })
        };
        found.extend(by_secret.or_else(by_request));
    }
    found
}

impl Scheme {
    /// Returns whether it is that of the libraries: id, time and body under `v1`.
    #[must_use]
    pub fn is_standard_webhooks(&self) -> bool {
        self.content.to_string() == "{id}.{timestamp}.{body}"
            && self.timestamp.as_ref().is_some_and(|rule| rule.unit == TimestampUnit::Seconds)
            && self.signature.separator.as_deref() == Some(" ")
            && self
                .formats
                .iter()
                .any(|item| item.pattern.format("") == "v1," && item.algorithm == SignatureAlgorithm::HmacSha256)
    }
}

/// The failure of a library whose usual constructor derives another key from the secret.
fn secret_refusal(library: Library, text: &str, format: KeyFormat, key: &[u8]) -> Option<Refusal> {
    let derived = library.decoder().key(text);
    if derived.as_deref() == Some(key) {
        return None;
    }
    let constructor = library.constructor();
    let (outcome, what) = match derived {
        Some(_) => (Outcome::Refuses, format!("`{constructor}` silently derives a different key")),
        None => (Outcome::Throws, format!("`{constructor}` throws on this secret")),
    };
    let why = match (library, library.raw()) {
        (Elixir, _) if matches!(format, KeyFormat::Whsec | KeyFormat::Base64) => {
            "it decodes what follows `whsec_` twice; pass the secret without this prefix".to_owned()
        }
        (Elixir, _) => format!("{what}; pass the base64 of the key"),
        (_, Some(raw)) if format == KeyFormat::Text => format!("{what}; use `{raw}`"),
        _ => format!("{what}; pass the output of `whk secret --for standard-webhooks`"),
    };
    Some(Refusal { library, outcome, why: Cow::Owned(why), by_secret: true })
}

/// The signatures of a request, and which one is right.
struct Signs<'a> {
    list: &'a [u8],
    /// The right `v1` signature, if there are several and the key can tell.
    right: Option<String>,
}

impl<'a> Signs<'a> {
    fn of(request: &Request<'a>, key: &Key) -> Self {
        let list = value(request, "signature");
        // One that stands alone is the right one, for the request is valid.
        let several = list.contains(&b' ');
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

fn value<'a>(request: &Request<'a>, what: &str) -> &'a [u8] {
    let names = ["webhook-", "svix-"];
    names.iter().find_map(|family| request.values(&format!("{family}{what}")).next()).unwrap_or_default()
}

fn has(what: Trait, request: &Request<'_>, signs: &Signs<'_>, now: Option<i64>) -> bool {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let body = request.body;
    let age = || {
        let at = TimestampUnit::Seconds.read(value(request, "timestamp"))?;
        Some(now?.saturating_sub(at))
    };
    match what {
        Trait::NotUtf8 => std::str::from_utf8(body).is_err(),
        Trait::OtherNames => names.iter().any(|name| !request.has(name)),
        Trait::UpperCase => {
            let exactly = |name: &&str| request.headers.iter().any(|header| header.name == *name);
            !names.iter().all(exactly)
        }
        Trait::NotAscii => names.iter().flat_map(|name| request.values(name)).any(|value| !value.is_ascii()),
        Trait::IdNotAscii => !value(request, "id").is_ascii(),
        Trait::Stale => age().is_some_and(|age| age.unsigned_abs() > TOLERANCE),
        Trait::AtTheEdge => age().is_some_and(|age| age > 0 && age.unsigned_abs() == TOLERANCE),
        Trait::NoV1 => !signs.entries().any(|entry| entry.starts_with(b"v1,")),
        Trait::Commas => {
            let more_than_one = |entry: &[u8]| entry.split(|byte| *byte == b',').count() > 2;
            signs.entries().take_while(|entry| !signs.is_right(entry)).any(more_than_one)
        }
        Trait::NotLast => {
            let last = signs.list.rsplit(|byte| *byte == b',').next();
            signs.right.as_ref().is_some_and(|right| last != Some(right.as_bytes()))
        }
        Trait::Empty => body.is_empty(),
        Trait::NotJson => !body.is_empty() && !is_json(body),
        Trait::NotPythonJson => !body.is_empty() && !is_json(body) && !is_json(&without_constants(body)),
        Trait::NotJason => jason(body).is_none_or(|text| text.as_bytes() != body),
    }
}

/// Returns whether it is JSON by its grammar: of any depth, with numbers of any size.
fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// The body with `0` for the constants that Python's `json` knows beyond JSON.
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

/// The body as Elixir's Jason writes the parsed object: compact, the keys in order of their bytes.
fn jason(body: &[u8]) -> Option<String> {
    // A repeated key is lost on the way, as it is there. An integer beyond 64 bits, which Jason would keep, counts as
    // changed.
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

/// A library's dialect of base64.
struct Decoder {
    skips: Skips,
    padding: Padding,
    /// True if unused bits must be zero.
    canonical: bool,
    /// True if what follows `whsec_` is decoded twice.
    twice: bool,
}

/// Which characters it passes over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skips {
    Nothing,
    LineBreaks,
    WhiteSpace,
    /// Everything that is not in the alphabet.
    Foreign,
}

/// The rule for the `=` at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Padding {
    Needed,
    /// None, or as many as are needed.
    Optional,
    /// Up to two are taken off, and a last character that gives no byte is not looked at.
    FromTheEnd,
    /// Passed over; what cannot be a whole number of bytes is an error.
    Counted,
    /// Passed over.
    Ignored,
}

impl Decoder {
    /// Returns the key, or `None` if the library throws.
    fn key(&self, text: &str) -> Option<Vec<u8>> {
        let key = match text.strip_prefix(STOCK_PREFIX) {
            Some(inner) if self.twice => self.bytes(&String::from_utf8(self.bytes(inner)?).ok()?)?,
            inner => self.bytes(inner.unwrap_or(text))?,
        };
        if key.is_empty() { None } else { Some(key) }
    }

    fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        if self.padding == Padding::Counted && !text.is_ascii() {
            return None;
        }
        let skipped = |byte: &u8| match self.skips {
            Skips::Nothing => false,
            Skips::LineBreaks => matches!(byte, b'\r' | b'\n'),
            Skips::WhiteSpace => matches!(byte, b'\r' | b'\n' | b'\t' | b' '),
            Skips::Foreign => *byte != b'=' && sextet(*byte).is_none(),
        };
        let units = text.encode_utf16().map(|unit| u8::try_from(unit).unwrap_or(u8::MAX));
        let mut symbols: Vec<u8> = units.filter(|byte| !skipped(byte)).collect();
        let padding = symbols.iter().rev().take_while(|byte| **byte == b'=').count();
        let whole = symbols.len();
        let fits = match self.padding {
            Padding::Optional if padding == 0 => whole % 4 != 1,
            Padding::Needed | Padding::Optional => whole.is_multiple_of(4) && padding <= 2,
            Padding::FromTheEnd => whole >= 4 && padding <= 2,
            Padding::Counted | Padding::Ignored => true,
        };
        match self.padding {
            Padding::Counted | Padding::Ignored => symbols.retain(|byte| *byte != b'='),
            _ => symbols.truncate(whole - padding),
        }
        match self.padding {
            Padding::Counted if symbols.len() % 4 == 1 => return None,
            Padding::FromTheEnd if symbols.len() % 4 == 1 => symbols.truncate(symbols.len() - 1),
            _ => {}
        }
        if fits { self.join(&symbols) } else { None }
    }

    /// The bytes of symbols without padding; a single one that is left over gives none.
    fn join(&self, symbols: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(symbols.len());
        for group in symbols.chunks(4) {
            let mut bits = 0_u32;
            for symbol in group {
                bits = bits << 6 | u32::from(sextet(*symbol)?);
            }
            let [_, whole @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
            let (kept, rest) = whole.split_at(group.len() - 1);
            if self.canonical && rest.iter().any(|byte| *byte != 0) {
                return None;
            }
            bytes.extend(kept);
        }
        Some(bytes)
    }
}

/// The six bits of a symbol of the standard alphabet.
fn sextet(symbol: u8) -> Option<u8> {
    match symbol {
        b'A'..=b'Z' => Some(symbol - b'A'),
        b'a'..=b'z' => Some(symbol - b'a' + 26),
        b'0'..=b'9' => Some(symbol - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::Header;

    const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BARE: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"a":1,"b":[]}"#;

    /// A request as it may be found valid: names, id, list of signatures with `GOOD` for the right one, age and body.
    struct Case<'a> {
        names: [&'a str; 3],
        id: &'a str,
        list: &'a str,
        age: i64,
        body: &'a [u8],
        secret: &'a str,
    }

    const PLAIN: Case<'_> = Case {
        names: ["webhook-id", "webhook-timestamp", "webhook-signature"],
        id: "msg_1",
        list: "v1,GOOD",
        age: 0,
        body: BODY,
        secret: BARE,
    };

    /// The libraries that do not take it, those that throw with `!`.
    fn refused(case: &Case<'_>) -> String {
        let format = if case.secret.starts_with("whpk_") {
            KeyFormat::Whpk
        } else if case.secret.starts_with("whsec_") {
            KeyFormat::Whsec
        } else {
            KeyFormat::Base64
        };
        let key = KeyFormat::Base64.read(BARE).unwrap();
        let timestamp = (NOW - case.age).to_string();
        let pieces = [case.id.as_bytes(), b".", timestamp.as_bytes(), b".", case.body];
        let good = STANDARD.encode(SignatureAlgorithm::HmacSha256.prepare_key(&key).unwrap().sign(&pieces).unwrap());
        let list = case.list.replace("GOOD", &good).replace("BAD", &good.to_lowercase());
        let values = [case.id, &timestamp, &list];
        let headers: Vec<Header<'_>> =
            case.names.iter().zip(values).map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: "POST", url: "/", headers: &headers, body: case.body };
        let found = refusals(&request, &Secret::new(case.secret), format, Some(NOW));
        let shown: Vec<String> = found
            .iter()
            .map(|refusal| {
                assert!(!refusal.why.contains(case.secret) && !refusal.why.ends_with('.'), "{refusal:?}");
                let throws = if refusal.outcome == Outcome::Throws { "!" } else { "" };
                format!("{}{throws}", refusal.library.name())
            })
            .collect();
        shown.join(" ")
    }

    const ALL: &str = "javascript python rust go ruby php java csharp elixir";

    #[test]
    fn a_plain_request_is_taken_by_every_library() {
        assert_eq!(refused(&PLAIN), "");
        assert_eq!(refused(&Case { age: -300, ..PLAIN }), "");
        assert_eq!(refused(&Case { age: 299, ..PLAIN }), "");
    }

    #[test]
    fn elixir_decodes_a_prefixed_secret_twice() {
        assert_eq!(refused(&Case { secret: WHSEC, ..PLAIN }), "elixir!");
    }

    #[test]
    fn the_clock_is_finer_in_some() {
        assert_eq!(refused(&Case { age: 300, ..PLAIN }), "python go csharp");
        assert_eq!(refused(&Case { age: 301, ..PLAIN }), ALL);
        assert_eq!(refused(&Case { age: -301, ..PLAIN }), ALL);
    }

    #[test]
    fn names_of_headers_matter() {
        assert_eq!(refused(&Case { names: ["svix-id", "svix-timestamp", "svix-signature"], ..PLAIN }), ALL);
        let title = ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"];
        assert_eq!(refused(&Case { names: title, ..PLAIN }), "ruby php");
    }

    #[test]
    fn characters_beyond_ascii_matter() {
        assert_eq!(refused(&Case { id: "msg_é", ..PLAIN }), "javascript python rust");
        assert_eq!(refused(&Case { list: "v2,é v1,GOOD", ..PLAIN }), "rust");
    }

    #[test]
    fn the_list_of_signatures_matters() {
        assert_eq!(refused(&Case { list: "v1,BAD v1,GOOD", ..PLAIN }), "");
        assert_eq!(refused(&Case { list: "v1,GOOD v1,BAD", ..PLAIN }), "elixir");
        assert_eq!(refused(&Case { list: "v2,a,b v1,GOOD", ..PLAIN }), "python!");
        assert_eq!(refused(&Case { list: "v1,GOOD v2,a,b", ..PLAIN }), "elixir");
        let public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        assert_eq!(refused(&Case { list: "v1a,GOOD", secret: public, ..PLAIN }), ALL);
        assert_eq!(refused(&Case { list: "v1a,x v1,GOOD", secret: public, ..PLAIN }), "");
    }

    #[test]
    fn the_body_matters() {
        for (body, expected) in [
            (&b""[..], "python! ruby! elixir"),
            (b"a=b", "javascript! python! ruby! elixir"),
            (b"\xef\xbb\xbf{}", "javascript! python! ruby! elixir"),
            (b"{\"a\":\"\xe9\"}", "javascript python! rust java csharp elixir"),
            (b"\xe9", "javascript python! rust ruby! java csharp elixir"),
            (br#"{"NaN":"\"NaN","a":[NaN,-Infinity]}"#, "javascript! ruby! elixir"),
            (br#"{"b":1,"a":2}"#, "elixir"),
            (b"{\"a\": 1}", "elixir"),
            (b"{\"a\":1}\n", "elixir"),
            (b"[]", "elixir"),
            (br#"{"a":"\ud800"}"#, "elixir"),
            (br#"{"a":1e999}"#, "elixir"),
        ] {
            assert_eq!(refused(&Case { body, ..PLAIN }), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn every_secret_vector_is_decoded_as_the_libraries_did() {
        const RECORDED: [(Library, &str); 8] = [
            (JavaScript, "js_std_1.1.1"),
            (Python, "py_std_1.1.0"),
            (Rust, "rust_std_1.0.1"),
            (Go, "go_std_head"),
            (Ruby, "ruby_std_head"),
            (Php, "php_std_head"),
            (Java, "java_std_head"),
            (CSharp, "cs_std_head_mono"),
        ];
        let text = include_str!("../../tests/it/vectors/standard-webhooks.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let mut compared = 0;
        for case in vectors["secret_vectors"]["vectors"].as_array().unwrap() {
            let (name, Some(secret)) = (&case["name"], case["secret"].as_str()) else { continue };
            for (library, recorded) in RECORDED {
                let parse_name = |list: &Value| list.as_array().unwrap().iter().any(|one| one == recorded);
                let other = case["disagree"].as_array().unwrap().iter().find(|other| parse_name(&other["libs"]));
                let derived = library.decoder().key(secret);
                match other.map(|other| other["result"].as_str().unwrap()) {
                    Some(result) if result.starts_with("error") => assert_eq!(derived, None, "{name} {library:?}"),
                    // The empty key of older ones is not of use here: it is refused before.
                    None if !parse_name(&case["agree"]) || secret == "whsec_" => continue,
                    None => {
                        let key = KeyFormat::Hex.read(case["intended_key_hex"].as_str().unwrap());
                        assert_eq!(derived.map(Key::Shared), key.ok(), "{name} {library:?}");
                    }
                    Some(signature) => {
                        let prepared =
                            SignatureAlgorithm::HmacSha256.prepare_key(&Key::Shared(derived.unwrap())).unwrap();
                        let pieces: [&[u8]; 2] =
                            [b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.", br#"{"test": 2432232314}"#];
                        let made = STANDARD.encode(prepared.sign(&pieces).unwrap());
                        assert_eq!(format!("v1,{made}"), signature, "{name} {library:?}");
                    }
                }
                compared += 1;
            }
        }
        assert!(compared > 150, "{compared}");
    }

    #[test]
    fn a_text_that_is_no_base64_names_the_way_that_each_library_has() {
        let headers = [];
        let request = Request { method: "POST", url: "/", headers: &headers, body: b"" };
        let found = refusals(&request, &Secret::new("aha-whsec-0123456789abcdef"), KeyFormat::Text, None);
        let outcomes: Vec<(&str, &str)> =
            found.iter().map(|refusal| (refusal.library.name(), refusal.outcome.name())).collect();
        let silent = ["python", "ruby", "php"];
        let expected = Library::ALL
            .map(|library| (library.name(), if silent.contains(&library.name()) { "refuses" } else { "throws" }));
        assert_eq!(outcomes, expected);
        assert!(found[1].why.contains("use `Webhook(secret.encode())`"), "{}", found[1].why);
        assert!(found[4].why.ends_with("pass the output of `whk secret --for standard-webhooks`"), "{}", found[4].why);
    }
}
