//! A signing scheme as data: the signed content, the algorithm, and the place of each part in a request.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::{Encoding, KeyFormat, Request, SignatureAlgorithm, SignedContent, ValueSource};

/// A signing scheme. Both signing and verifying derive from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scheme {
    /// The signed bytes.
    #[serde(deserialize_with = "text")]
    pub content: SignedContent,
    /// The event's id, if it is signed.
    pub id: Option<IdRule>,
    /// The time of the attempt, if the request carries it.
    pub timestamp: Option<TimestampRule>,
    /// The sources and the layout of the signatures.
    pub signature: SignatureRule,
    /// The signature formats, in order; a match of any makes a request valid.
    #[serde(rename = "item", deserialize_with = "signature_formats")]
    pub formats: Vec<SignatureFormat>,
    /// Further conditions.
    #[serde(default, rename = "require", deserialize_with = "requirements")]
    pub requirements: Vec<Requirement>,
    /// Signatures in headers of their own that are sent as well; verifying does not need them.
    #[serde(default, rename = "further", deserialize_with = "additional")]
    pub additional: Vec<Self>,
}

impl Scheme {
    /// Returns the sources of the further conditions that a request must have.
    pub(super) fn required_sources(&self) -> impl Iterator<Item = &ValueSource> {
        self.requirements.iter().filter(|rule| !rule.optional).map(|rule| &rule.value)
    }
}

/// The source of the id, and the text that it must not contain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IdRule {
    /// The sources, aliases of each other; the first is the one that is sent.
    #[serde(deserialize_with = "texts")]
    pub from: Vec<ValueSource>,
    /// Further sources, which are read if these headers are beside those of `from`. They do not show the provider.
    #[serde(default, deserialize_with = "texts")]
    pub also: Vec<ValueSource>,
    /// Text that makes an id ambiguous in the signed content, such as `.`.
    #[serde(rename = "without")]
    pub forbidden: Option<String>,
}

/// The source of the timestamp, and its limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TimestampRule {
    /// The sources, aliases of each other; the first is the one that is sent.
    #[serde(deserialize_with = "texts")]
    pub from: Vec<ValueSource>,
    /// Further sources, which are read if these headers are beside those of `from`. They do not show the provider.
    #[serde(default, deserialize_with = "texts")]
    pub also: Vec<ValueSource>,
    /// The unit of the timestamp.
    #[serde(deserialize_with = "text")]
    pub unit: TimestampUnit,
    /// Maximum age in seconds, inclusive; absent means any age.
    pub max_age: Option<u64>,
    /// Maximum lead over the clock in seconds, inclusive; absent means any time.
    pub max_future: Option<u64>,
    /// True if a request may lack it; it is then not checked.
    #[serde(default)]
    pub optional: bool,
}

/// The unit of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// Unix seconds, up to 12 digits.
    Seconds,
    /// Unix milliseconds, up to 15 digits.
    Milliseconds,
    /// A date and time (RFC 3339).
    Rfc3339,
}

/// The source of the signatures, and their layout.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignatureRule {
    /// The sources, aliases of each other; the first is the one that is sent.
    #[serde(deserialize_with = "texts")]
    pub from: Vec<ValueSource>,
    /// Further sources, which are read if these headers are beside those of `from`. They do not show the provider.
    #[serde(default, deserialize_with = "texts")]
    pub also: Vec<ValueSource>,
    /// Separator of several entries; absent means that there is one.
    #[serde(default, rename = "list", deserialize_with = "not_empty")]
    pub separator: Option<String>,
    /// An entry that precedes the signatures when sending, such as `t={timestamp}`.
    #[serde(rename = "first")]
    pub leading_entry: Option<String>,
    /// An entry that follows the signatures when sending, such as `v0={body|sha256hex}`; no receiver reads it.
    #[serde(default, rename = "last", deserialize_with = "optional_text")]
    pub trailing_entry: Option<SignedContent>,
    /// Delimiter after the version at the start of an entry. An entry without it is malformed; an entry with an unknown
    /// version is ignored.
    #[serde(default, rename = "version-ends", deserialize_with = "not_empty")]
    pub version_delimiter: Option<String>,
}

impl SignatureRule {
    /// Returns whether a request has a signature in one of the sources.
    #[must_use]
    pub fn is_present(&self, request: &Request<'_>) -> bool {
        self.from.iter().chain(&self.also).any(|source| source.is_present(request))
    }
}

/// One format of a signature.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignatureFormat {
    /// The entry with `{sig}` for the signature.
    #[serde(rename = "match", deserialize_with = "text")]
    pub pattern: SignaturePattern,
    /// The signature algorithm.
    #[serde(rename = "digest", deserialize_with = "text")]
    pub algorithm: SignatureAlgorithm,
    /// The encoding of its bytes.
    #[serde(deserialize_with = "text")]
    pub encoding: Encoding,
    /// The format of a secret; of several (`whsec|text`), the first that matches exactly.
    #[serde(rename = "secret", deserialize_with = "key_formats")]
    pub key_formats: Vec<KeyFormat>,
}

/// A further condition: a value of the request equals a template, such as a hash of the body in the URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirement {
    /// The value.
    #[serde(deserialize_with = "text")]
    pub value: ValueSource,
    /// The template that it must equal.
    #[serde(deserialize_with = "text")]
    pub equals: SignedContent,
    /// True if a request may lack the value; the condition then holds.
    #[serde(default)]
    pub optional: bool,
    /// The bodies with which the value is sent, as a parameter of the URL; absent means that the request is sent as it is.
    #[serde(default, rename = "send", deserialize_with = "optional_text")]
    pub sent_with: Option<SentWith>,
}

/// The bodies with which a required value is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentWith {
    /// Any body.
    Any,
    /// A body with a media type of JSON.
    Json,
}

impl FromStr for SentWith {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::parse_name(text, "kind of body", &[("any", Self::Any), ("json", Self::Json)])
    }
}

impl Scheme {
    /// True if more of the request than its body is signed, by any of its signatures.
    #[must_use]
    pub fn covers_request(&self) -> bool {
        self.content.has_request() || self.additional.iter().any(|other| other.content.has_request())
    }

    /// Returns the headers of the further signatures.
    pub fn additional_headers(&self) -> impl Iterator<Item = &str> {
        self.additional.iter().filter_map(|other| other.signature.from[0].header())
    }
}

/// Text around a signature, such as `v1,{sig}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignaturePattern {
    before: String,
    after: String,
}

impl SignaturePattern {
    /// Formats the entry of a signature.
    #[must_use]
    pub fn format(&self, signature: &str) -> String {
        format!("{}{signature}{}", self.before, self.after)
    }

    /// Extracts the signature from an entry of this format.
    #[must_use]
    pub fn extract<'a>(&self, entry: &'a [u8]) -> Option<&'a [u8]> {
        entry.strip_prefix(self.before.as_bytes())?.strip_suffix(self.after.as_bytes())
    }
}

impl FromStr for SignaturePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("{sig}") {
            Some((before, after)) if !after.contains("{sig}") => {
                Ok(Self { before: before.to_owned(), after: after.to_owned() })
            }
            _ => Err(format!("`{text}` must contain `{{sig}}` exactly once")),
        }
    }
}

impl TimestampUnit {
    /// Parses the text: digits only, no sign, no leading zero. RFC 3339 gives whole seconds.
    #[must_use]
    pub fn read(self, text: &[u8]) -> Option<i64> {
        let digits = match self {
            Self::Seconds => 12,
            Self::Milliseconds => 15,
            Self::Rfc3339 => {
                let time: jiff::Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
                return Some(time.as_second());
            }
        };
        let plain = !text.is_empty()
            && text.len() <= digits
            && text.iter().all(u8::is_ascii_digit)
            && (text.len() == 1 || text[0] != b'0');
        if plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
    }

    /// Formats a time for the header.
    #[must_use]
    pub fn write(self, milliseconds: i64) -> String {
        match self {
            Self::Seconds => milliseconds.div_euclid(1000).to_string(),
            Self::Milliseconds => milliseconds.to_string(),
            Self::Rfc3339 => jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default().to_string(),
        }
    }

    /// Converts a value in this unit to whole seconds.
    #[must_use]
    pub fn seconds(self, value: i64) -> i64 {
        match self {
            Self::Seconds | Self::Rfc3339 => value,
            Self::Milliseconds => value.div_euclid(1000),
        }
    }

    /// Returns the name used in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "unix seconds",
            Self::Milliseconds => "unix milliseconds",
            Self::Rfc3339 => "a time by RFC 3339",
        }
    }
}

impl FromStr for TimestampUnit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        super::parse_name(text, "unit", &[("s", Self::Seconds), ("ms", Self::Milliseconds), ("rfc3339", Self::Rfc3339)])
    }
}

pub(super) fn text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn optional_text<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    text(deserializer).map(Some)
}

fn requirements<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Requirement>, D::Error> {
    let rules = Vec::<Requirement>::deserialize(deserializer)?;
    if rules.iter().any(|rule| rule.sent_with.is_some() && !matches!(rule.value, ValueSource::Query(_))) {
        return Err(de::Error::custom("`send` needs a parameter of the URL: `value = \"query:NAME\"`"));
    }
    Ok(rules)
}

fn additional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scheme>, D::Error> {
    let schemes = Vec::<Scheme>::deserialize(deserializer)?;
    for scheme in &schemes {
        if scheme.signature.from[0].header().is_none() {
            return Err(de::Error::custom("a further signature must be in a header"));
        }
        if !scheme.additional.is_empty() || !scheme.requirements.is_empty() {
            return Err(de::Error::custom("a further signature can have neither `further` nor `require`"));
        }
    }
    Ok(schemes)
}

fn strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let list = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    };
    if list.is_empty() { Err(de::Error::custom("the list is empty")) } else { Ok(list) }
}

fn texts<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    strings(deserializer)?.iter().map(|one| one.parse().map_err(de::Error::custom)).collect()
}

fn key_formats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KeyFormat>, D::Error> {
    String::deserialize(deserializer)?.split('|').map(|one| one.parse().map_err(de::Error::custom)).collect()
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(de::Error::custom("a separator cannot be empty")) } else { Ok(Some(text)) }
}

fn signature_formats<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SignatureFormat>, D::Error> {
    let formats = Vec::<SignatureFormat>::deserialize(deserializer)?;
    if formats.is_empty() {
        return Err(de::Error::custom("a scheme needs at least one `item`"));
    }
    for (index, format) in formats.iter().enumerate() {
        if formats[..index].iter().any(|other| other.pattern == format.pattern) {
            return Err(de::Error::custom(format!(
                "two items have the same `match`: `{}`",
                format.pattern.format("{sig}")
            )));
        }
        if let Some(key_format) =
            format.key_formats.iter().find(|key_format| !format.algorithm.supports_format(**key_format))
        {
            return Err(de::Error::custom(format!(
                "the digest {:?} cannot use a secret of the form {key_format:?}",
                format.algorithm
            )));
        }
    }
    Ok(formats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_plain_digits_or_nothing() {
        assert_eq!(TimestampUnit::Seconds.read(b"0"), Some(0));
        assert_eq!(TimestampUnit::Seconds.read(b"1614265330"), Some(1_614_265_330));
        for bad in ["", "01614265330", "+1", "-1", "1.0", " 1", "1 ", "1abc", "1e9", "1614265330000", "inf"] {
            assert_eq!(TimestampUnit::Seconds.read(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_wraps_and_unwraps() {
        let pattern: SignaturePattern = "v1,{sig}".parse().unwrap();
        assert_eq!(pattern.format("x"), "v1,x");
        assert_eq!(pattern.extract(b"v1,x"), Some(&b"x"[..]));
        assert_eq!(pattern.extract(b"v1a,x"), None);
        assert!("v1,".parse::<SignaturePattern>().is_err());
    }
}
