//! The form of `provider.toml`, ours and a user's own alike.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de};

use super::template::Rule;
use super::{Scenario, Style};
use crate::signing::{Challenge, Scheme, ValueSource};
use crate::span::Span;

/// A whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) title: String,
    pub(super) summary: String,
    /// Other names that it goes by. They are looked up in the text, so they stand on one line.
    #[serde(default, rename = "aliases")]
    _aliases: Vec<String>,
    /// The edition that a bare name means.
    pub(super) default_edition: String,
    pub(super) secret: SecretRule,
    pub(super) scheme: Scheme,
    #[serde(default)]
    pub(super) headers: IndexMap<String, String>,
    #[serde(default)]
    pub(super) limits: IndexMap<String, String>,
    pub(super) body: BodyRule,
    pub(super) parts: PartsRule,
    pub(super) delivery: Delivery,
    pub(super) answers: Answers,
    #[serde(default)]
    pub(super) values: IndexMap<String, Rule>,
    pub(super) edition: IndexMap<String, Edition>,
    #[serde(default)]
    pub(super) event: Vec<EventRule>,
    #[serde(default)]
    pub(super) challenge: Vec<Challenge>,
    #[serde(default)]
    pub(super) scenario: Vec<Scenario>,
}

/// What differs in one edition; a table given here replaces the one above.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Edition {
    pub(super) summary: String,
    pub(super) scheme: Option<Scheme>,
    pub(super) delivery: Option<Delivery>,
    pub(super) headers: Option<IndexMap<String, String>>,
    pub(super) parts: Option<PartsRule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SecretRule {
    /// The template of a new one.
    pub(super) make: String,
    /// The template of a new key pair, where the provider can also sign with one.
    pub(super) make_pair: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BodyRule {
    pub(super) style: Style,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PartsRule {
    #[serde(rename = "type", deserialize_with = "sources")]
    pub(super) kind: Vec<ValueSource>,
    #[serde(deserialize_with = "sources")]
    pub(super) id: Vec<ValueSource>,
    /// The template of a new id.
    pub(super) make_id: String,
    #[serde(default, deserialize_with = "sources")]
    pub(super) from: Vec<ValueSource>,
    #[serde(default, deserialize_with = "sources")]
    pub(super) to: Vec<ValueSource>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EventRule {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) description: String,
    /// The editions that have it; absent means all.
    pub(super) editions: Option<Vec<String>>,
    /// The body; absent means the file `events/<edition>/<type>.json`.
    pub(super) body: Option<toml::Spanned<String>>,
}

/// What happens to a delivery: time-out, success, retries, disabling.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Delivery {
    /// How long an attempt may take.
    pub timeout: Span,
    /// The statuses that count as delivered. A redirect is never followed.
    pub success: Successes,
    /// The wait before each retry, counted from the failure before it.
    pub retries: Vec<Span>,
    /// The share by which each wait varies at random, either way; 0.1 is ±10 %.
    #[serde(default)]
    pub jitter: f64,
    /// What each attempt carries anew.
    #[serde(default)]
    pub renew: Vec<Renewed>,
    /// Whether a `retry-after` header of the answer is heeded.
    #[serde(default)]
    pub retry_after: bool,
    /// Whether the answer 410 disables the endpoint.
    #[serde(default)]
    pub gone_disables: bool,
    /// How many failed attempts in a row disable the endpoint, whichever deliveries they belong to.
    pub disable_after: Option<u32>,
}

impl Delivery {
    /// How a request is delivered whose provider is not known: once, and any 2xx answer within 10 s will do.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self {
            timeout: Span(std::time::Duration::from_secs(10)),
            success: Successes(200..=299),
            retries: Vec::new(),
            jitter: 0.0,
            renew: Vec::new(),
            retry_after: false,
            gone_disables: false,
            disable_after: None,
        }
    }
}

/// A part of a request that a retry carries anew; all else stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewed {
    /// The time of the attempt, and with it a signature that covers it.
    Timestamp,
}

/// Statuses that count as delivered, written `200-299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successes(RangeInclusive<u16>);

impl Successes {
    /// Whether an answer with this status is a success.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.contains(&status)
    }
}

impl FromStr for Successes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if (100..=last).contains(&first) && last <= 599 => Ok(Self(first..=last)),
            _ => Err(format!("`{text}` is not a range of statuses, expected one such as `200-299`")),
        }
    }
}

impl fmt::Display for Successes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.start() == self.0.end() {
            return write!(f, "{}", self.0.start());
        }
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

impl<'de> Deserialize<'de> for Successes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What the provider's own samples answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// To a valid request.
    pub ok: Answer,
    /// To any other.
    pub invalid: Answer,
}

/// A fixed answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// Its media type.
    #[serde(default = "plain_text")]
    pub content_type: String,
}

fn plain_text() -> String {
    "text/plain; charset=utf-8".to_owned()
}

fn sources<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ValueSource>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|one| one.parse().map_err(de::Error::custom)).collect()
}
