//! The address of a handler, as it is typed.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use serde::{Deserialize, Deserializer, de};

/// A URL. A bare port or path means this machine: `3000`, `:3000/x`, `/x`, `localhost:3000/x`.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: reqwest::Url,
    /// Path and query as they are sent, if they must not be normalised as a URL's are.
    raw_target: Option<String>,
    /// True if it was written as a path alone.
    path_only: bool,
    /// The parts that every request to it carries, made once.
    host: OnceLock<HeaderValue>,
    request_target: OnceLock<Option<Uri>>,
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.0.url == other.0.url && self.0.raw_target == other.0.raw_target
    }
}

impl Eq for Endpoint {}

impl Endpoint {
    fn new(url: reqwest::Url, raw_target: Option<String>) -> Self {
        Self(Arc::new(Inner {
            url,
            raw_target,
            path_only: false,
            host: OnceLock::new(),
            request_target: OnceLock::new(),
        }))
    }

    /// True if it was written as a path alone, such as `/hooks`, which is a path on the default address.
    #[must_use]
    pub fn is_path_only(&self) -> bool {
        self.0.path_only
    }

    /// True if it was written without a port, so that the scheme's applies.
    #[must_use]
    pub fn has_default_port(&self) -> bool {
        self.url().port().is_none()
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> &reqwest::Url {
        &self.0.url
    }

    /// Returns the same origin with this path and query, which must start with `/`, and are sent byte for byte.
    #[must_use]
    pub fn with_target(&self, target: &str) -> Self {
        let mut url = self.url().clone();
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        url.set_fragment(None);
        Self::new(url, Some(target.to_owned()))
    }

    /// Returns the same address with another scheme, and the same port.
    #[must_use]
    pub fn with_scheme(&self, scheme: &str) -> Self {
        let mut url = self.url().clone();
        let port = url.port_or_known_default();
        // Each of the two schemes can replace the other.
        let _ = url.set_scheme(scheme);
        let _ = url.set_port(port);
        Self::new(url, self.0.raw_target.clone())
    }

    /// Returns the complete address as it is sent, which some schemes sign. It may hold a password.
    #[must_use]
    pub fn wire_url(&self) -> String {
        match &self.0.raw_target {
            Some(raw_target) => format!("{}{raw_target}", origin_with_userinfo(self.url())),
            None => self.url().as_str().to_owned(),
        }
    }

    /// Returns the address without its query, which all deliveries to one handler share.
    #[must_use]
    pub fn without_query(&self) -> String {
        let shown = self.to_string();
        shown.split_once('?').map_or(shown.clone(), |(without_query, _)| without_query.to_owned())
    }

    /// True for https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url().scheme() == "https"
    }

    /// Returns path and query, as in the request line.
    #[must_use]
    pub fn target(&self) -> String {
        if let Some(raw_target) = &self.0.raw_target {
            return raw_target.clone();
        }
        match self.url().query() {
            Some(query) => format!("{}?{query}", self.url().path()),
            None => self.url().path().to_owned(),
        }
    }

    /// Returns its `host` header as a value.
    pub(super) fn host_value(&self) -> HeaderValue {
        let value = || HeaderValue::from_str(&self.host()).unwrap_or(HeaderValue::from_static("localhost"));
        self.0.host.get_or_init(value).clone()
    }

    /// Returns path and query as a request target; `None` if they cannot be one.
    pub(super) fn request_target(&self) -> Option<Uri> {
        let target = || PathAndQuery::try_from(self.target()).ok().map(Uri::from);
        self.0.request_target.get_or_init(target).clone()
    }

    /// Returns the name and password of its URL as a header value.
    pub(super) fn credentials(&self) -> Option<HeaderValue> {
        if self.url().username().is_empty() && self.url().password().is_none() {
            return None;
        }
        let pair = format!("{}:{}", self.url().username(), self.url().password().unwrap_or_default());
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()
    }

    /// Returns the headers that every request to it carries: its host, and the name and password of its URL.
    #[must_use]
    pub fn default_headers(&self) -> Vec<(String, Bytes)> {
        let host = Bytes::copy_from_slice(self.host_value().as_bytes());
        let credentials = self.credentials().map(|value| Bytes::copy_from_slice(value.as_bytes()));
        let credentials = credentials.map(|value| ("authorization".to_owned(), value));
        std::iter::once(("host".to_owned(), host)).chain(credentials).collect()
    }

    /// True if another endpoint has the same scheme, host and port.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || origin_with_userinfo(self.url()) == origin_with_userinfo(other.url())
    }

    /// Returns its `host` header.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.url().host_str().unwrap_or_default();
        self.url().port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// Returns scheme, user, host and port, the start of the URL.
fn origin_with_userinfo(url: &reqwest::Url) -> &str {
    let after = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
    let rest = url.path().len() + after(url.query()) + after(url.fragment());
    &url.as_str()[..url.as_str().len() - rest]
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
        let mut endpoint = Self::new(url, None);
        if text.starts_with('/')
            && let Some(parts) = Arc::get_mut(&mut endpoint.0)
        {
            parts.path_only = true;
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password in the address is a secret.
        if self.url().password().is_none() {
            return f.write_str(&self.wire_url());
        }
        let mut shown = self.url().clone();
        let _ = shown.set_password(Some("redacted"));
        f.write_str(&Self::new(shown, self.0.raw_target.clone()).wire_url())
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
    fn another_target_is_kept_byte_for_byte() {
        let endpoint: Endpoint = "localhost:3000/x?y".parse().unwrap();
        for target in ["/", "/a/../b//c%2f?x=1&x=2", "/?", "/%zz"] {
            let other = endpoint.with_target(target);
            assert_eq!(other.target(), target);
            assert_eq!(other.to_string(), format!("http://localhost:3000{target}"));
        }
        assert_eq!(endpoint.with_target("/a?b").without_query(), "http://localhost:3000/a");
    }

    #[test]
    fn another_scheme_keeps_the_port() {
        for (text, scheme, expected) in [
            ("https://localhost:3000/x?y", "http", "http://localhost:3000/x?y"),
            ("http://localhost:443/", "https", "https://localhost/"),
            ("https://localhost/", "http", "http://localhost:443/"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().with_scheme(scheme).to_string(), expected);
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!("http://a:hush@x/".parse::<Endpoint>().unwrap().to_string(), "http://a:redacted@x/");
    }
}
