//! A reference to a provider, as it is typed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A provider, optionally with an edition: `ahasend` or `ahasend@2026-08`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRef {
    /// Name of the provider.
    pub provider: String,
    /// The edition; absent means the provider's default.
    pub edition: Option<String>,
}

impl ProviderRef {
    /// Refers to a provider in its default edition.
    #[must_use]
    pub fn default_edition(provider: &str) -> Self {
        Self { provider: provider.to_owned(), edition: None }
    }
}

impl FromStr for ProviderRef {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (provider, edition) = match text.split_once('@') {
            Some((provider, edition)) => (provider, Some(edition)),
            None => (text, None),
        };
        let matches = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        if matches(provider) && !provider.starts_with('.') && edition.is_none_or(matches) {
            Ok(Self { provider: provider.to_ascii_lowercase(), edition: edition.map(str::to_owned) })
        } else {
            Err(format!("`{text}` is not a provider, expected NAME or NAME@EDITION"))
        }
    }
}

impl fmt::Display for ProviderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        self.edition.as_ref().map_or(Ok(()), |edition| write!(f, "@{edition}"))
    }
}

impl<'de> Deserialize<'de> for ProviderRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
