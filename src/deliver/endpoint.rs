//! The address of a handler, as people write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// A URL. A bare port or path means this machine: `3000`, `:3000/x`, `/x`, `localhost:3000/x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(reqwest::Url);

impl Endpoint {
    /// The URL.
    #[must_use]
    pub fn url(&self) -> &reqwest::Url {
        &self.0
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The path and query, as the request line carries them.
    #[must_use]
    pub fn target(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    /// The same host with another path and query, written `/path?query`.
    #[must_use]
    pub fn with_target(&self, target: &str) -> Self {
        let mut url = self.0.clone();
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        url.set_fragment(None);
        Self(url)
    }

    /// The `host` header that goes with it.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{text}` is not an address: {why}; expected one such as `3000`, `:3000/hooks` or `https://example.com/hooks`"
            )
        };
        let rest = text.strip_prefix(':').unwrap_or(text);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let full = if text.contains("://") {
            text.to_owned()
        } else if digits > 0 && rest[digits..].chars().next().is_none_or(|c| matches!(c, '/' | '?')) {
            format!("http://127.0.0.1:{rest}")
        } else if text.starts_with('/') {
            format!("http://127.0.0.1{text}")
        } else {
            format!("http://{text}")
        };
        let url: reqwest::Url = full.parse().map_err(|error| wrong(&format!("{error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http and https are spoken"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it has no host"));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password in the address is a secret.
        let mut shown = self.0.clone();
        if shown.password().is_some() {
            let _ = shown.set_password(Some("redacted"));
        }
        f.write_str(shown.as_str())
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_mean_this_machine() {
        for (text, url) in [
            ("3000", "http://127.0.0.1:3000/"),
            (":3000/x", "http://127.0.0.1:3000/x"),
            ("3000/x?y=1&y=2", "http://127.0.0.1:3000/x?y=1&y=2"),
            ("/x", "http://127.0.0.1/x"),
            ("localhost:3000/x", "http://localhost:3000/x"),
            ("[::1]:3000", "http://[::1]:3000/"),
            ("https://example.com", "https://example.com/"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().url().as_str(), url, "{text}");
        }
        for bad in ["", "ftp://x", "http://", "99999", "a b"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!("http://a:hush@x/".parse::<Endpoint>().unwrap().to_string(), "http://a:redacted@x/");
    }
}
