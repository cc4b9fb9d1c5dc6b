//! The published Standard Webhooks libraries that reject a request which is valid here, and the reason.
//!
//! The data are what each library did when it was run: versions, cases and results are in
//! `tests/it/vectors/standard-webhooks.json`, and `tests/it/strict.rs` compares these tables with them and with the
//! JavaScript, Python and Rust libraries themselves. Every library is used with its usual constructor, the secret as
//! its owner has it, and its defaults.
//!
//! Requests that cannot be valid here are not covered: repeated headers, two families of headers that differ, an id with
//! a `.`, a timestamp that is not plain digits, an empty or malformed entry in the list of signatures.

mod base64;
mod library;
mod rules;
mod traits;

use std::borrow::Cow;

use super::{Key, KeyFormat, Request, Scheme, Secret, SignatureAlgorithm, TimestampUnit};
pub use library::ReferenceLibrary;
use rules::RULES;
use traits::{SignatureList, applies};

/// The way in which a library fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibraryOutcome {
    /// It reports that the request is not genuine.
    Rejects,
    /// It throws a different error, which a handler may not expect.
    Throws,
}

impl LibraryOutcome {
    /// Returns the name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejects => "refuses",
            Self::Throws => "throws",
        }
    }
}

/// A library that does not accept the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incompatibility {
    /// The library.
    pub library: ReferenceLibrary,
    /// The way in which it fails.
    pub outcome: LibraryOutcome,
    /// The reason, in words that follow a colon.
    pub reason: Cow<'static, str>,
    /// True if the secret is the reason, and not the request.
    pub by_secret: bool,
}

/// Returns the libraries that do not accept a request which is valid here, each with the first reason that applies.
///
/// `format` is the format of the secret here, `now` the time in unix seconds; without it the age is not checked.
#[must_use]
pub fn incompatibilities(
    request: &Request<'_>,
    secret: &Secret,
    format: KeyFormat,
    now: Option<i64>,
) -> Vec<Incompatibility> {
    let Ok(key) = secret.key(format) else { return Vec::new() };
    let signatures = SignatureList::new(request, &key);
    let mut found = Vec::new();
    for library in ReferenceLibrary::ALL {
        let by_secret = match &key {
            // Of an explicit encoding it is not known what the libraries are given.
            Key::Shared(key) if secret.explicit().is_none() => {
                secret_refusal(library, secret.expose_secret(), format, key)
            }
            _ => None,
        };
        let by_request = || {
            let row = RULES.iter().find(|(request_trait, libraries, ..)| {
                libraries.contains(&library) && applies(*request_trait, request, &signatures, now)
            });
            row.map(|(.., outcome, reason)| Incompatibility {
                library,
                outcome: *outcome,
                reason: Cow::Borrowed(reason),
                by_secret: false,
            })
        };
        found.extend(by_secret.or_else(by_request));
    }
    found
}

impl Scheme {
    /// Returns true for the scheme of the libraries: id, time and body under `v1`.
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

/// Returns the failure of a library if its usual constructor derives another key from the secret.
fn secret_refusal(library: ReferenceLibrary, text: &str, format: KeyFormat, key: &[u8]) -> Option<Incompatibility> {
    let derived = library.base64_dialect().key(text);
    if derived.as_deref() == Some(key) {
        return None;
    }
    let constructor = library.constructor();
    let (outcome, effect) = match derived {
        Some(_) => (LibraryOutcome::Rejects, format!("`{constructor}` silently derives a different key")),
        None => (LibraryOutcome::Throws, format!("`{constructor}` throws on this secret")),
    };
    let reason = match (library, library.raw_key_constructor()) {
        (ReferenceLibrary::Elixir, _) if matches!(format, KeyFormat::Whsec | KeyFormat::Base64) => {
            "it decodes what follows `whsec_` twice; pass the secret without this prefix".to_owned()
        }
        (ReferenceLibrary::Elixir, _) => format!("{effect}; pass the base64 of the key"),
        (_, Some(raw)) if format == KeyFormat::Text => {
            format!("{effect}; use `{raw}`")
        }
        _ => format!("{effect}; pass the output of `whk secret --for standard-webhooks`"),
    };
    Some(Incompatibility { library, outcome, reason: Cow::Owned(reason), by_secret: true })
}

#[cfg(test)]
mod tests {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::signing::Header;

    const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BARE: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"a":1,"b":[]}"#;

    /// A request that may be valid: names, id, list of signatures with `GOOD` for the valid one, age and body.
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

    /// Returns the libraries that do not accept it, those that throw with `!`.
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
        let found = incompatibilities(&request, &Secret::new(case.secret), format, Some(NOW));
        let shown: Vec<String> = found
            .iter()
            .map(|refusal| {
                assert!(!refusal.reason.contains(case.secret) && !refusal.reason.ends_with('.'), "{refusal:?}");
                let throws = if refusal.outcome == LibraryOutcome::Throws { "!" } else { "" };
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
    fn a_text_that_is_no_base64_names_the_way_that_each_library_has() {
        let headers = [];
        let request = Request { method: "POST", url: "/", headers: &headers, body: b"" };
        let found = incompatibilities(&request, &Secret::new("aha-whsec-0123456789abcdef"), KeyFormat::Text, None);
        let outcomes: Vec<(&str, &str)> =
            found.iter().map(|refusal| (refusal.library.name(), refusal.outcome.name())).collect();
        let silent = ["python", "ruby", "php"];
        let expected = ReferenceLibrary::ALL
            .map(|library| (library.name(), if silent.contains(&library.name()) { "refuses" } else { "throws" }));
        assert_eq!(outcomes, expected);
        assert!(found[1].reason.contains("use `Webhook(secret.encode())`"), "{}", found[1].reason);
        assert!(
            found[4].reason.ends_with("pass the output of `whk secret --for standard-webhooks`"),
            "{}",
            found[4].reason
        );
    }
}
