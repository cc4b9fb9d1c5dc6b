//! What happens to a delivery by the rules of its provider.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::span::Span;

/// What happens to a delivery: time-out, success, retries, disabling.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeliveryPolicy {
    /// How long an attempt may take.
    pub timeout: Span,
    /// The statuses that count as delivered. A redirect is never followed.
    pub success: StatusRange,
    /// The wait before each retry, counted from the failure before it.
    pub retries: Vec<Span>,
    /// The share by which each wait varies at random, either way; 0.1 is ±10 %.
    #[serde(default)]
    pub jitter: f64,
    /// What each attempt carries anew.
    #[serde(default, rename = "renew")]
    pub refreshed: Vec<RefreshedField>,
    /// Whether a `retry-after` header of the answer is heeded.
    #[serde(default)]
    pub retry_after: bool,
    /// Whether the answer 410 disables the endpoint.
    #[serde(default, rename = "gone-disables")]
    pub disable_on_gone: bool,
    /// How many failed attempts in a row disable the endpoint, whichever deliveries they belong to.
    #[serde(rename = "disable-after")]
    pub disable_after_failures: Option<u32>,
}

impl Default for DeliveryPolicy {
    /// How a request is delivered whose provider is not known: once, and any 2xx answer within 10 s will do.
    fn default() -> Self {
        Self {
            timeout: Span(std::time::Duration::from_secs(10)),
            success: StatusRange(200..=299),
            retries: Vec::new(),
            jitter: 0.0,
            refreshed: Vec::new(),
            retry_after: false,
            disable_on_gone: false,
            disable_after_failures: None,
        }
    }
}

/// A part of a request that a retry carries anew; all else stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshedField {
    /// The time of the attempt, and with it a signature that covers it.
    Timestamp,
}

/// Statuses that count as delivered, written `200-299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRange(RangeInclusive<u16>);

impl StatusRange {
    /// Whether an answer with this status is a success.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.contains(&status)
    }
}

impl FromStr for StatusRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if (100..=last).contains(&first) && last <= 599 => Ok(Self(first..=last)),
            _ => Err(format!("`{text}` is not a range of statuses, expected one such as `200-299`")),
        }
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.start() == self.0.end() {
            return write!(f, "{}", self.0.start());
        }
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

impl<'de> Deserialize<'de> for StatusRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
