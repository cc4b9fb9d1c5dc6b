//! The delivery policy of a provider.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::failure::{FailureCondition, RetryReasons};
use crate::duration::HumanDuration;
use crate::signing::ValueSource;

/// The rules of a delivery: timeout, success, retries, disabling of the endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeliveryPolicy {
    /// Time limit of an attempt.
    pub timeout: HumanDuration,
    /// The statuses that count as delivered. A redirect is never followed.
    pub success: StatusRanges,
    /// The delay before each retry, counted from the failure before it.
    pub retries: Vec<HumanDuration>,
    /// Random variation of each delay, as a share of it, either way; 0.1 is ±10 %.
    #[serde(default, deserialize_with = "share")]
    pub jitter: f64,
    /// The fields that each attempt refreshes.
    #[serde(default, rename = "renew")]
    pub refreshed: Vec<RefreshedField>,
    /// Pointers to the number of retries so far in the body, which each attempt refreshes; `*` is every item of a list.
    #[serde(default, deserialize_with = "pointers")]
    pub retry_count: Vec<String>,
    /// True if a `retry-after` header of the response counts.
    #[serde(default)]
    pub retry_after: bool,
    /// Upper limit of the delay that `retry-after` asks for, as a multiple of the scheduled one.
    #[serde(default, deserialize_with = "multiple")]
    pub retry_after_limit: Option<f64>,
    /// A lower limit of the delay after some failures.
    #[serde(rename = "least-wait")]
    pub min_delay: Option<MinDelay>,
    /// The responses after which a delivery is not retried.
    #[serde(rename = "no-retry")]
    pub final_response: Option<FinalResponse>,
    /// The provider's words for the failures before a retry.
    #[serde(default)]
    pub retry_reasons: RetryReasons,
    /// True if the status 410 disables the endpoint.
    #[serde(default, rename = "gone-disables")]
    pub disable_on_gone: bool,
    /// Number of failed attempts in a row, of any deliveries, that disables the endpoint.
    #[serde(rename = "disable-after")]
    pub disable_after_failures: Option<u32>,
    /// Time from the first of several failures in a row, of any deliveries, to the one that disables the endpoint.
    pub disable_after_time: Option<HumanDuration>,
    /// The address of the document that describes the schedule; reports link to it.
    pub source: Option<String>,
}

impl Default for DeliveryPolicy {
    /// The policy for a request of an unknown provider: one attempt of at most 10 s, delivered with any 2xx.
    fn default() -> Self {
        Self {
            timeout: HumanDuration(std::time::Duration::from_secs(10)),
            success: StatusRanges::new(&[200..=299]),
            retries: Vec::new(),
            jitter: 0.0,
            refreshed: Vec::new(),
            retry_count: Vec::new(),
            retry_after: false,
            retry_after_limit: None,
            min_delay: None,
            final_response: None,
            retry_reasons: RetryReasons::default(),
            disable_on_gone: false,
            disable_after_failures: None,
            disable_after_time: None,
            source: None,
        }
    }
}

/// A field that a retry refreshes; all else stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshedField {
    /// The time of the attempt, and with it a signature that covers it.
    Timestamp,
}

/// A lower limit of the delay before a retry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MinDelay {
    /// The failures that it applies to.
    pub after: Vec<FailureCondition>,
    /// The delay.
    #[serde(rename = "wait")]
    pub delay: HumanDuration,
}

/// The responses that end a delivery: any of these statuses, or a failure with this header.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FinalResponse {
    /// The statuses.
    pub status: Option<StatusRanges>,
    /// A header with its value.
    #[serde(default, deserialize_with = "header")]
    pub header: Option<(String, String)>,
}

/// Statuses of responses: `500`, `5xx`, `400-499`, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRanges(Vec<RangeInclusive<u16>>);

impl StatusRanges {
    /// The statuses of any of these ranges.
    #[must_use]
    pub fn new(ranges: &[RangeInclusive<u16>]) -> Self {
        Self(ranges.to_vec())
    }

    /// True if a status is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl FromStr for StatusRanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a status, expected one such as `500`, `5xx`, `400-499` or `5xx,429`");
        let number = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status)).ok_or_else(wrong);
        let range = |part: &str| {
            if let Some(class) = part.strip_suffix("xx") {
                let class: u16 = number(&format!("{class}00"))?;
                return Ok(class..=class + 99);
            }
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok(first..=last) } else { Err(wrong()) }
        };
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for StatusRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", range.start())?;
            if range.start() != range.end() {
                write!(f, "-{}", range.end())?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for StatusRanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Reads places in a JSON body, written `json:/POINTER`.
fn pointers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let pointer = |source: &String| match source.parse() {
        Ok(ValueSource::Json(pointer)) => Ok(pointer),
        _ => Err(de::Error::custom(format!("`{source}` is not a place in the body, expected `json:/POINTER`"))),
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(pointer).collect()
}

/// Reads a factor of at least 1.
fn multiple<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = f64::deserialize(deserializer)?;
    let fits = number.is_finite() && number >= 1.0;
    if fits { Ok(Some(number)) } else { Err(de::Error::custom(format!("`{number}` is below 1"))) }
}

/// Reads a share, from 0 to 1.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(deserializer)?;
    let fits = (0.0..=1.0).contains(&number);
    if fits { Ok(number) } else { Err(de::Error::custom(format!("`{number}` is not a share, expected 0 to 1"))) }
}

/// Reads a header with its value, written `NAME: VALUE`.
fn header<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(String, String)>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() && !value.trim().is_empty() => {
            Ok(Some((name.trim().to_ascii_lowercase(), value.trim().to_owned())))
        }
        _ => Err(de::Error::custom(format!("`{text}` is not a header, expected `NAME: VALUE`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        let contains = |text: &str, status| text.parse::<StatusRanges>().unwrap().contains(status);
        assert!(contains("500", 500) && !contains("500", 501));
        assert!(contains("5xx", 599) && !contains("5xx", 499));
        assert!(contains("400-404,5xx", 404) && contains("400-404,5xx", 503) && !contains("400-404, 5xx", 405));
        for bad in ["", "x", "5x", "99", "600", "404-400", "6xx", "500,", "5xx-6xx"] {
            assert!(bad.parse::<StatusRanges>().is_err(), "{bad:?}");
        }
    }
}
