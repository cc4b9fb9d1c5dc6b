//! Finds out why a handler rejects a valid event: requests that only a handler with a certain mistake accepts.

use std::fmt::Write as _;

use serde_json::Value;

use super::request::{CheckRequest, RequestBuilder, SecretReading};
use super::session::{Exchange, Session};
use crate::error::Result;
use crate::provider::BodyFormat;
use crate::sender::BodyStyle;
use crate::signing::{Encoding, SignedContent};

/// An explanation with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub(super) message: String,
    pub(super) fix: String,
}

fn explain(message: impl Into<String>, fix: impl Into<String>) -> Explanation {
    Explanation { message: message.into(), fix: fix.into() }
}

/// The frameworks that responses name, each with the way to the raw body.
const FRAMEWORKS: [(&str, &str); 8] = [
    ("express", "Express: app.use(path, express.raw({type: \"*/*\"})), then verify req.body before JSON.parse"),
    ("werkzeug", "Flask: verify request.get_data(), not request.json"),
    ("gunicorn", "Flask or Django: verify request.get_data() or request.body, not the parsed JSON"),
    ("uvicorn", "FastAPI: verify await request.body(), not the parsed model"),
    ("next.js", "Next.js: verify await request.text(), not await request.json()"),
    ("php", "PHP: verify file_get_contents(\"php://input\"), not json_encode($data)"),
    ("kestrel", "ASP.NET: read Request.Body into a string before model binding"),
    ("puma", "Rails: verify request.raw_post, not params.to_json"),
];

/// Returns the way to the raw body in the framework that a response names.
pub(super) fn raw_body_fix(exchange: &Exchange) -> String {
    let names =
        |name: &str| exchange.response.as_ref().ok().and_then(|response| response.header(name)).unwrap_or_default();
    let software = format!("{} {}", names("x-powered-by"), names("server")).to_ascii_lowercase();
    let known = FRAMEWORKS.iter().find(|(name, _)| software.contains(name));
    known.map_or(
        "verify the bytes of the body as they arrive. Express: express.raw({type: \"*/*\"}); Flask: request.get_data()",
        |(_, fix)| fix,
    )
    .to_owned()
}

/// What serializers make of a body, by name.
fn serializations(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    let mut sorted = value.clone();
    sorted.sort_all_objects();
    let spaced = BodyStyle::Spaced.rewrite(body);
    let all = [
        ("JSON.stringify", Some(BodyFormat::Javascript.write(&value))),
        ("json.dumps of Python", spaced.map(|body| ascii(&body))),
        ("Go's encoding/json", Some(BodyFormat::Go.write(&value))),
        ("a serializer that sorts keys", Some(BodyFormat::Compact.write(&sorted))),
    ];
    all.into_iter()
        .filter_map(|(name, written)| Some((name, written?)))
        .filter(|(_, written)| written != body)
        .collect()
}

/// Escapes everything that is not ASCII.
fn ascii(body: &[u8]) -> Vec<u8> {
    let mut written = String::new();
    for letter in String::from_utf8_lossy(body).chars() {
        if letter.is_ascii() {
            written.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(written, "\\u{unit:04x}");
            }
        }
    }
    written.into_bytes()
}

impl Session {
    /// True if the handler accepts this request.
    async fn accepts(&self, request: &CheckRequest) -> bool {
        self.send(request).await.status().is_some_and(|status| self.is_success(status))
    }

    /// Finds out if the handler verifies what a serializer makes of the body.
    pub(super) async fn diagnose_body(&self, body: &[u8], exchange: &Exchange) -> Result<Option<Explanation>> {
        for (name, written) in serializations(body) {
            let draft = self.builder.sample()?;
            let request = self.builder.sign(&draft.with_body(written))?.body(body.to_vec());
            if self.accepts(&request).await {
                let message = format!(
                    "the body is parsed and written again before it is verified: the handler accepts a signature of what {name} makes of it"
                );
                return Ok(Some(explain(message, raw_body_fix(exchange))));
            }
        }
        Ok(None)
    }

    /// Compares the clock of the handler, as its `date` header shows it, with this one.
    fn clock_difference(&self, exchange: &Exchange) -> Option<Explanation> {
        let limit = self.builder.max_age()?;
        let date = exchange.response.as_ref().ok()?.header("date")?;
        let theirs = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
        let seconds = theirs.as_second() - self.builder.clock.now().as_second();
        if seconds.abs() < limit.min(60) {
            return None;
        }
        let side = if seconds < 0 { "behind" } else { "ahead" };
        let message =
            format!("the handler's clock is {} s {side}, and it rejects times that are further off", seconds.abs());
        Some(explain(message, "synchronise both clocks, for example by NTP"))
    }

    /// Finds out why a valid event is rejected.
    pub(super) async fn diagnose_control(&self, exchange: &Exchange) -> Result<Explanation> {
        let builder = &self.builder;
        let title = &builder.provider.title;
        if let Some(explanation) = browser_protection(exchange) {
            return Ok(explanation);
        }
        if let Some(explanation) = self.clock_difference(exchange) {
            return Ok(explanation);
        }
        if exchange.status() == Some(404) {
            let message = "there is nothing at this path";
            return Ok(explain(message, "check the path of the URL, such as /webhooks"));
        }
        if exchange.status() == Some(405) {
            return Ok(explain("the path does not accept POST", "check the path of the URL, and the route's method"));
        }
        for (reading, key) in readings(builder) {
            if let Some(request) = builder.sign_with_key(&builder.sample()?, &key)
                && self.accepts(&request?).await
            {
                let message = format!("the handler reads the secret in another way than {title}: {reading}");
                return Ok(explain(
                    message,
                    format!("read the secret as {title} does: whk providers {}", builder.provider.name),
                ));
            }
        }
        for template in ["{body}", "{timestamp}.{body}", "{id}.{timestamp}.{body}", "{id}.{body}", "{timestamp}{body}"]
        {
            let Ok(content) = template.parse::<SignedContent>() else { continue };
            let scheme = builder.scheme();
            if content == scheme.content
                || template.contains("{id}") && scheme.id.is_none()
                || template.contains("{timestamp}") && scheme.timestamp.is_none()
            {
                continue;
            }
            let mut other = scheme.clone();
            other.content = content;
            if self.accepts(&builder.sign_as(&builder.sample()?, &other)?).await {
                let message = format!("the handler signs `{template}` where {title} signs another content");
                return Ok(explain(
                    message,
                    format!("sign exactly what {title} signs: whk providers {}", builder.provider.name),
                ));
            }
        }
        let draft = builder.sample()?;
        if let Some(explanation) = self.diagnose_body(&draft.body, exchange).await? {
            return Ok(explanation);
        }
        for encoding in [Encoding::Hex, Encoding::Base64] {
            let mut other = builder.scheme().clone();
            if other.formats[0].encoding == encoding {
                continue;
            }
            for format in &mut other.formats {
                format.encoding = encoding;
            }
            if self.accepts(&builder.sign_as(&builder.sample()?, &other)?).await {
                let message = format!("the handler expects the signature in {}", encoding.name());
                return Ok(explain(
                    message,
                    format!("decode the signature as {title} writes it: whk providers {}", builder.provider.name),
                ));
            }
        }
        let message = "no probe explains it: most likely the handler has another secret";
        let fix = format!(
            "start the handler with the same secret: WHK_SECRET=$(whk secret show -p {})",
            builder.provider.name
        );
        Ok(explain(message, fix))
    }
}

/// Recognises protection that is meant for browsers.
pub(super) fn browser_protection(exchange: &Exchange) -> Option<Explanation> {
    let response = exchange.response.as_ref().ok()?;
    let text = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
    let location = response.header("location").unwrap_or_default().to_ascii_lowercase();
    let fix = "exempt the path from login and CSRF protection";
    let login = ["login", "signin", "sign-in", "sign_in", "auth"].iter().any(|word| location.contains(word));
    if (300..400).contains(&response.status) && login {
        return Some(explain("the path redirects to a login page", fix));
    }
    if matches!(response.status, 403 | 419)
        && (text.contains("csrf") || text.contains("page expired") || response.status == 419)
    {
        return Some(explain("the path is behind CSRF protection, which is meant for browsers", fix));
    }
    None
}

/// Other keys that a handler may use, each with the way to it.
fn readings(builder: &RequestBuilder) -> Vec<(&'static str, Vec<u8>)> {
    let misread = builder.misread_keys().into_iter().map(|(reading, key)| {
        let text = match reading {
            SecretReading::Text => "it uses the text of the secret as the key",
            SecretReading::WithoutPrefix => "it uses the text without its prefix as the key",
            SecretReading::Base64 => "it decodes the secret as base64",
            SecretReading::Hex => "it decodes the secret as hexadecimal",
        };
        (text, key)
    });
    misread.chain([("its secret is empty", Vec::new())]).collect()
}
