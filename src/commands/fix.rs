//! What to type where a diagnosis was made: the line of code that mends it, for the stack that is likely.

use crate::provider::Provider;
use crate::signing::{Cause, Diagnosis, looks_like};

/// The fix for the first fault, and for the second where there is one.
pub(super) fn of(diagnosis: &Diagnosis, provider: Option<&Provider>, body: &[u8]) -> String {
    let fixes: Vec<String> =
        diagnosis.faults.iter().map(|fault| one(fault.cause, &fault.works_as, provider, body)).collect();
    fixes.join("; ")
}

fn one(cause: Cause, works_as: &str, provider: Option<&Provider>, body: &[u8]) -> String {
    match cause {
        Cause::WrongSecretEncoding => secret(works_as),
        Cause::WrongSignatureEncoding => format!("write the signature as the provider does, not as {works_as}"),
        Cause::TimestampUnit => {
            "send the timestamp in the unit that the scheme means, and sign what is sent".to_owned()
        }
        Cause::SignedContent => match provider {
            Some(provider) => format!("sign `{}`", provider.scheme.content),
            None => "sign what the scheme signs".to_owned(),
        },
        Cause::WrongScheme => format!("check it as what it is: -p {works_as}"),
        _ if works_as.ends_with("-decoded") => {
            "decode the body as `content-encoding` says, and verify what comes out".to_owned()
        }
        _ => raw_body(body),
    }
}

/// What each published library is given for a key that is not base64 behind `whsec_`.
fn secret(works_as: &str) -> String {
    match works_as {
        "text" | "text-without-prefix" | "text-trimmed" => {
            let which = if works_as == "text" { "secret" } else { "the text that is left of it" };
            format!(
                "give the library the text itself as the key ({which}): JavaScript new Webhook(secret, {{format: \"raw\"}}), Python Webhook(secret.encode()), Go NewWebhookRaw([]byte(secret)), Rust Webhook::from_bytes(secret.into_bytes()), Java and C# new Webhook(bytes); any library: whk secret show --for standard-webhooks"
            )
        }
        "empty" => "configure a secret on both sides: the sender signed with an empty one".to_owned(),
        "text-with-newline" => "drop the newline at the end of the sender's secret".to_owned(),
        _ => "give both sides the secret in the same form: `whsec_` and base64, unpadded nowhere, nothing around it"
            .to_owned(),
    }
}

/// How the stack that seems to have written the body anew hands out the raw one.
fn raw_body(body: &[u8]) -> String {
    let express = "Express: express.raw({type: \"*/*\"}), then verify req.body";
    let next = "Next.js: await request.text()";
    let flask = "Flask: request.get_data()";
    let django = "Django: request.body";
    let fastapi = "FastAPI: await request.body()";
    let rails = "Rails: request.raw_post";
    let laravel = "Laravel: $request->getContent()";
    let go = "Go: io.ReadAll(r.Body)";
    let spring = "Spring: @RequestBody byte[] body";
    let stacks: &[&str] = match looks_like(body) {
        Some("json-compact" | "json-minified" | "pretty-2") => &[express, next, rails, spring],
        Some(name) if name.starts_with("python") => &[flask, django, fastapi],
        Some("php-escaped" | "php-slashes") => &[laravel],
        Some("go-escaped" | "go-sorted" | "sorted-keys") => &[go, rails],
        Some("gson-escaped") => &[spring],
        _ => &[express, flask, django, fastapi, go, rails, laravel, spring],
    };
    format!("verify the bytes as they came, before anything parses them: {}", stacks.join("; "))
}
