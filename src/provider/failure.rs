//! The kinds of failures of an attempt, and a provider's words for them.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::StatusRanges;

/// The kind of failure of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A response with a status that does not count as delivered.
    Status,
    /// No complete response in time.
    Timeout,
    /// No connection.
    Connection,
    /// A connection without a valid TLS handshake.
    Tls,
    /// Anything else, such as a connection that was closed before the response.
    Other,
}

/// The words with which a provider describes the failure before a retry, for `{{retry-reason}}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RetryReasons {
    status: Option<String>,
    timeout: Option<String>,
    connection: Option<String>,
    tls: Option<String>,
    other: Option<String>,
}

impl RetryReasons {
    /// Returns the word for a failure, else that for any other; empty if there is none.
    #[must_use]
    pub fn word(&self, failure: FailureKind) -> &str {
        let word = match failure {
            FailureKind::Status => &self.status,
            FailureKind::Timeout => &self.timeout,
            FailureKind::Connection => &self.connection,
            FailureKind::Tls => &self.tls,
            FailureKind::Other => &self.other,
        };
        word.as_ref().or(self.other.as_ref()).map_or("", String::as_str)
    }
}

/// A failure that a rule applies to: statuses, or a kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCondition {
    /// A response with one of these statuses.
    Status(StatusRanges),
    /// A failure of this kind.
    Kind(FailureKind),
}

impl FailureCondition {
    /// True if a failure of this kind, with this status if there was a response, is one of them.
    #[must_use]
    pub fn matches(&self, failure: FailureKind, status: Option<u16>) -> bool {
        match self {
            Self::Status(statuses) => status.is_some_and(|status| statuses.contains(status)),
            Self::Kind(kind) => failure == *kind,
        }
    }
}

impl FromStr for FailureCondition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "timeout" => Ok(Self::Kind(FailureKind::Timeout)),
            "connection" => Ok(Self::Kind(FailureKind::Connection)),
            "tls" => Ok(Self::Kind(FailureKind::Tls)),
            _ => text.parse().map(Self::Status).map_err(|_| {
                format!(
                    "`{text}` is not a failure, expected `timeout`, `connection`, `tls` or statuses such as `500-599`"
                )
            }),
        }
    }
}

impl std::fmt::Display for FailureCondition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(statuses) => statuses.fmt(f),
            Self::Kind(FailureKind::Timeout) => f.write_str("a timeout"),
            Self::Kind(FailureKind::Connection) => f.write_str("no connection"),
            Self::Kind(FailureKind::Tls) => f.write_str("a TLS error"),
            Self::Kind(FailureKind::Status | FailureKind::Other) => f.write_str("any failure"),
        }
    }
}

impl<'de> Deserialize<'de> for FailureCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
