//! Searches responses for what must not be in them: secrets, expected signatures, and details of the program.

use super::battery::Level;
use super::request::{CheckRequest, RequestBuilder};
use super::session::Exchange;
use crate::http::client::RawResponse;
use crate::signing::{Encoding, Header, Request, Secret, expected_signature};

/// The shortest text that is searched for.
const MIN_LENGTH: usize = 8;

/// Texts that a program prints when it fails, and that tell an attacker about it.
const DETAILS: [(&str, &str); 11] = [
    ("Traceback (most recent call last)", "a Python stack trace"),
    ("\n    at ", "a JavaScript stack trace"),
    ("\\n    at ", "a JavaScript stack trace"),
    ("<br>&nbsp; &nbsp;at ", "a JavaScript stack trace"),
    ("goroutine 1 [", "a Go stack trace"),
    ("panicked at ", "a Rust stack trace"),
    ("Exception in thread", "a Java stack trace"),
    ("Stack trace:\n#0", "a PHP stack trace"),
    ("node_modules/", "paths of the program"),
    ("site-packages/", "paths of the program"),
    ("SQLSTATE[", "an error of the database"),
];

/// The first leak of each level.
pub(super) struct LeakScanner {
    secrets: Vec<Vec<u8>>,
    pub(super) found: Vec<(Level, String, Exchange)>,
}

impl LeakScanner {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let texts = secrets.iter().map(Secret::expose_secret);
        let both = texts.flat_map(|text| [text, text.rsplit_once('_').map_or(text, |(_, rest)| rest)]);
        let secrets = both.filter(|text| text.len() >= MIN_LENGTH).map(|text| text.as_bytes().to_vec()).collect();
        Self { secrets, found: Vec::new() }
    }

    /// Searches one response.
    pub(super) fn scan(
        &mut self,
        builder: &RequestBuilder,
        request: &CheckRequest,
        exchange: &Exchange,
        response: &RawResponse,
    ) {
        let mut text = response.body.to_vec();
        for (_, value) in &response.headers {
            text.push(b'\n');
            text.extend_from_slice(value);
        }
        if self.secrets.iter().any(|secret| contains(&text, secret)) {
            self.add(Level::Required, "a response contains the secret".to_owned(), exchange);
        }
        // Only a rejection can give away the signature that would have been right.
        if response.status >= 400 && leaks_signature(builder, request, &text) {
            self.add(Level::Required, "a response contains the signature that was expected".to_owned(), exchange);
        }
        let detail = DETAILS.iter().find(|(sign, _)| contains(&text, sign.as_bytes()));
        if let Some((_, what)) = detail {
            self.add(Level::Recommended, format!("a response contains {what}"), exchange);
        }
    }

    fn add(&mut self, level: Level, message: String, exchange: &Exchange) {
        if !self.found.iter().any(|(have, _, _)| *have == level) {
            self.found.push((level, message, exchange.clone()));
        }
    }
}

/// True if the text has the right signature of a request that has another one.
fn leaks_signature(builder: &RequestBuilder, request: &CheckRequest, text: &[u8]) -> bool {
    let headers: Vec<Header<'_>> = request.headers.iter().map(|(name, value)| Header { name, value }).collect();
    let parsed = Request { method: &request.method, url: &builder.url, headers: &headers, body: &request.body };
    let Some(expected) = expected_signature(builder.scheme(), builder.keyring(), &parsed) else { return false };
    let format = &builder.scheme().formats[0];
    let bare = format.pattern.extract(expected.as_bytes()).unwrap_or(expected.as_bytes());
    let Some(bytes) = format.encoding.decode(bare) else { return false };
    let encodings =
        [bare.to_vec(), Encoding::Hex.encode(&bytes).into_bytes(), Encoding::Base64.encode(&bytes).into_bytes()];
    let own: Vec<&[u8]> = request.headers.iter().map(|(_, value)| value.as_ref()).collect();
    // An echo of what was sent gives nothing away.
    encodings.iter().any(|encoding| contains(text, encoding) && !own.iter().any(|value| contains(value, encoding)))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && part.len() <= text.len() && text.windows(part.len()).any(|window| window == part)
}
