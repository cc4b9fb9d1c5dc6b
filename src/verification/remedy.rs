//! The remedy for a request that is not valid: one thing to type, or one line of code for the framework that is likely.

use super::{Verdict, VerdictStatus};
use crate::provider::Provider;
use crate::signing::{DiagnosedCause, Diagnosis, FailureCause, TimestampUnit, detect_serializer};

/// Returns the remedy for a request that is not valid. `secret_source` names the source of a provider's secret with this
/// index; `None` stands for the development secret.
#[must_use]
pub fn remedy_for(
    verdict: &Verdict,
    body: &[u8],
    secret_source: impl Fn(&Provider, usize) -> Option<String>,
) -> Option<String> {
    if verdict.status == VerdictStatus::Unchecked {
        return Some("pass the provider's secret: -s env:NAME or -s file:PATH".to_owned());
    }
    let failure = verdict.failure.as_ref()?;
    let provider = verdict.provider.as_deref();
    if let Some(diagnosis) = &verdict.diagnosis {
        let secret = provider.and_then(|provider| secret_source(provider, diagnosis.secret));
        return Some(remedy_for_diagnosis(diagnosis, provider, body, secret.as_deref().unwrap_or("the secret")));
    }
    match verdict.looks_like.as_slice() {
        [] => {}
        [one] => return Some(format!("check it as {one}: -p {one}")),
        _ => return Some("leave out -p to try every provider, or name the right one".to_owned()),
    }
    Some(match failure.cause {
        FailureCause::MissingHeader => match failure.headers().next() {
            Some(header) => format!("check that the capture is complete and that no proxy strips `{header}`"),
            None => "check that the capture has all headers, or name the provider: -p NAME".to_owned(),
        },
        FailureCause::MalformedHeader => match provider {
            Some(provider) => format!("compare it with: whk send -p {} --type all --dry-run", provider.name),
            None => return None,
        },
        FailureCause::TimestampTooOld => {
            "to check an old capture, use --at TIME or --tolerance none. To resend it, sign it again (whk replay does)".to_owned()
        }
        FailureCause::TimestampUnit => timestamp_remedy(provider),
        FailureCause::TimestampTooNew => "check both clocks (NTP). To ignore the time: --tolerance none".to_owned(),
        _ => match provider.and_then(|provider| secret_source(provider, 0)) {
            Some(secret) => format!(
                "check that {secret} matches the secret in the provider's dashboard, and verify the raw request body, not re-serialized JSON"
            ),
            None => "whk only tried its development secret. Pass the real one with -s env:NAME. (If whk sent this request, the body was modified in transit.)".to_owned(),
        },
    })
}

/// Returns the remedy for the first cause, and for the second if there is one.
fn remedy_for_diagnosis(diagnosis: &Diagnosis, provider: Option<&Provider>, body: &[u8], secret: &str) -> String {
    let mut remedies: Vec<String> = Vec::new();
    for fault in &diagnosis.causes {
        let remedy = remedy_for_cause(fault, provider, body, secret);
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies.join("; ")
}

fn remedy_for_cause(fault: &DiagnosedCause, provider: Option<&Provider>, body: &[u8], secret: &str) -> String {
    let reproduced_as = fault.reproduced_as.as_str();
    let scheme = provider.map(|provider| &provider.scheme);
    match fault.cause {
        FailureCause::WrongSecretEncoding => secret_remedy(reproduced_as, secret),
        FailureCause::WrongSignatureEncoding => match scheme.map(|scheme| &scheme.formats[0]) {
            Some(item) => {
                format!("write the signature as `{}`", item.pattern.format(&format!("<{}>", item.encoding.name())))
            }
            None => format!("write the signature as the provider does, not as {reproduced_as}"),
        },
        FailureCause::TimestampUnit => timestamp_remedy(provider),
        FailureCause::SignedContent => match scheme {
            Some(scheme) => format!("sign `{}`", scheme.content),
            None => "sign the content that the scheme signs".to_owned(),
        },
        FailureCause::WrongScheme => format!("check it as {reproduced_as}: -p {reproduced_as}"),
        FailureCause::BodyChangedWhitespace => {
            "keep the body byte for byte as received; editors, templates and `echo` change line ends".to_owned()
        }
        _ if reproduced_as.ends_with("-decoded") => {
            "decode the body as `content-encoding` says, and verify the result".to_owned()
        }
        _ => raw_body_remedy(body),
    }
}

fn timestamp_remedy(provider: Option<&Provider>) -> String {
    let rule = provider.and_then(|provider| provider.scheme.timestamp.as_ref());
    let milliseconds = rule.is_some_and(|rule| rule.unit == TimestampUnit::Milliseconds);
    format!("send and sign the timestamp in {}", if milliseconds { "milliseconds" } else { "seconds" })
}

/// Describes how to give the published libraries the key that works. `secret` names the source of the secret.
fn secret_remedy(reproduced_as: &str, secret: &str) -> String {
    match reproduced_as {
        "text-unquoted" | "base64-unquoted" => format!("remove the quotes around {secret}"),
        "text-trimmed" | "base64-trimmed" => format!("remove the white space around {secret}"),
        "text" | "text-without-prefix" => {
            let part = if reproduced_as == "text" { "" } else { " after the prefix" };
            format!(
                "give your library the text{part} as the raw key: JavaScript new Webhook(secret, {{format: \"raw\"}}), Python Webhook(secret.encode()), Go NewWebhookRaw([]byte(secret)), Rust Webhook::from_bytes(secret.into_bytes()), Java and C# new Webhook(bytes); any library: whk secret show --for standard-webhooks; with whk: -s text:…"
            )
        }
        "empty" => "configure a secret on both sides".to_owned(),
        "text-with-newline" => "remove the newline at the end of the sender's secret".to_owned(),
        "hex" => "give both sides the same key; with whk: -s hex:…".to_owned(),
        "base64" | "base64-without-prefix" => "give both sides the same key; with whk: -s base64:…".to_owned(),
        _ => "give both sides the secret in the same form: `whsec_` and padded base64".to_owned(),
    }
}

/// Returns how the framework that seems to have re-serialized the body gives access to the raw one.
fn raw_body_remedy(body: &[u8]) -> String {
    format!("verify the raw body before your framework parses it. {}", raw_body_calls(body))
}

/// Returns how to log the raw body instead of the parsed one.
#[must_use]
pub fn log_raw_body(body: &[u8]) -> String {
    format!("log the raw body, not the parsed one, and verify that. {}", raw_body_calls(body))
}

/// The calls that give the raw body, of the frameworks that write JSON as this body is written.
fn raw_body_calls(body: &[u8]) -> String {
    let express = "Express: express.raw({type: \"*/*\"}), then verify req.body";
    let next = "Next.js: await request.text()";
    let flask = "Flask: request.get_data()";
    let django = "Django: request.body";
    let fastapi = "FastAPI: await request.body()";
    let rails = "Rails: request.raw_post";
    let laravel = "Laravel: $request->getContent()";
    let go = "Go: io.ReadAll(r.Body)";
    let spring = "Spring: @RequestBody byte[] body";
    let stacks: &[&str] = match detect_serializer(body) {
        Some("json-compact" | "json-minified" | "pretty-2") => &[express, next, rails, spring],
        Some(name) if name.starts_with("python") => &[flask, django, fastapi],
        Some("php-escaped" | "php-slashes") => &[laravel],
        Some("go-escaped" | "go-pretty-2" | "go-sorted" | "sorted-keys") => &[go, rails],
        Some("gson-escaped") => &[spring],
        _ => &[express, flask, django, fastapi, go, rails, laravel, spring],
    };
    stacks.join("; ")
}
