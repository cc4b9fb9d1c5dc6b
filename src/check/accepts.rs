//! The checks of requests that the provider sends, or may send: a handler must accept them.

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use super::battery::{Check, Expected, Level, Plan, Run, Variant, accepts_check as check, quick, rules, skip};
use super::procedure::Procedure;
use super::request::{CheckRequest, Draft, RequestBuilder, Transmission};
use crate::error::Result;
use crate::sender::BodyStyle;
use crate::signing::Secret;

const RAW_BODY: &str = "verify the bytes of the body as they arrive, before anything parses or decodes them";

pub(super) static CHECKS: &[Check] = &[
    quick(check(
        "valid",
        Level::Required,
        "A valid event must be accepted; without that no other result means anything.",
        rules::STANDARD,
        "see the diagnosis above",
        Run::Procedure(Procedure::Valid),
    )),
    check(
        "every-type",
        Level::Required,
        "The provider sends all of these event types.",
        rules::STANDARD,
        "respond with 2xx to every type, and ignore those that you do not need",
        Run::Requests(every_type),
    ),
    check(
        "other-editions",
        Level::Recommended,
        "The provider changes the shape of its events from one edition to the next.",
        rules::STANDARD,
        "read only the fields that you need, and accept others",
        Run::Procedure(Procedure::OtherEditions),
    ),
    quick(check(
        "body-bytes",
        Level::Required,
        "The signature covers bytes: JSON that is parsed and written again has others.",
        "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme",
        RAW_BODY,
        Run::Requests(body_bytes),
    )),
    check(
        "unicode-body",
        Level::Required,
        "The signature covers bytes, and ASCII or re-escaped text has others.",
        "https://github.com/octokit/webhooks.js/issues/1155",
        RAW_BODY,
        Run::Requests(unicode_body),
    ),
    check(
        "split-character",
        Level::Required,
        "Code that adds chunks to a string breaks a character that two chunks share, so real events fail now and then.",
        "https://github.com/screwdriver-cd/screwdriver/issues/3381",
        "collect the chunks as bytes: Buffer.concat(chunks), not body += chunk",
        Run::Requests(split_character),
    ),
    check(
        "unknown-field",
        Level::Required,
        "Providers add fields without notice.",
        rules::STANDARD,
        "ignore fields that you do not know",
        Run::Requests(unknown_field),
    ),
    check(
        "absent-field",
        Level::Recommended,
        "Optional fields are not in every event, and a handler must not fail without one.",
        rules::STANDARD,
        "check that a field is present before you use it",
        Run::Requests(absent_field),
    ),
    check(
        "big-number",
        Level::Recommended,
        "JavaScript rounds integers above 2^53, so re-serializing the body breaks the signature.",
        "https://github.com/cloudevents/sdk-javascript/issues/489",
        RAW_BODY,
        Run::Requests(big_number),
    ),
    check(
        "large-body",
        Level::Recommended,
        "Many body parsers stop at 100 KB, and such events are lost.",
        "https://github.com/Shopify/shopify-app-js/issues/233",
        "raise the limit of the body parser, for example express.raw({type: \"*/*\", limit: \"1mb\"})",
        Run::Requests(large_body),
    ),
    check(
        "content-type-charset",
        Level::Recommended,
        "A charset is allowed in the content type, and a strict comparison rejects it.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-8.3",
        "compare the media type alone, without parameters and in any case",
        Run::Requests(content_type_charset),
    ),
    check(
        "content-type-suffix",
        Level::Recommended,
        "A parser for application/json alone leaves the body of application/x+json empty.",
        "https://github.com/n8n-io/n8n/issues/20748",
        "read the raw body for every content type",
        Run::Requests(content_type_suffix),
    ),
    check(
        "other-content-type",
        Level::Recommended,
        "Another content type may be rejected or ignored, but must not be a failure of the server.",
        rules::CLOUDEVENTS,
        "read the raw body for every content type, or respond with 415",
        Run::Requests(other_content_type),
    ),
    check(
        "header-case",
        Level::Required,
        "Names of headers have no case, and proxies change it.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.1",
        "look headers up in any case",
        Run::Requests(header_case),
    ),
    check(
        "header-spaces",
        Level::Recommended,
        "Space around the value of a header is not part of it.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.5",
        "trim the values of headers",
        Run::Requests(header_spaces),
    ),
    check(
        "extra-headers",
        Level::Required,
        "Proxies add headers, and a handler must not mind.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.1",
        "ignore headers that you do not know, and allow 16 KB of them",
        Run::Requests(extra_headers),
    ),
    check(
        "query-kept",
        Level::Recommended,
        "The signature covers the URL, query and percent-escapes included.",
        "https://github.com/adcontextprotocol/adcp/issues/2445",
        "verify the URL as the provider has it, not as the framework has normalized it",
        Run::Requests(query_kept),
    ),
    check(
        "chunked-body",
        Level::Recommended,
        "A proxy may pass a body on in chunks, and some servers then see an empty one.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-7.1",
        "read the body to its end, whether or not there is a content-length",
        Run::Requests(chunked_body),
    ),
    check(
        "slow-body",
        Level::Recommended,
        "A sender on a slow network is still a valid sender.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-6",
        "wait for the complete body, up to some seconds",
        Run::Requests(slow_body),
    ),
    check(
        "gzip-body",
        Level::Required,
        "Some providers sign the body before they compress it, and a handler must know which.",
        "https://github.com/GetStream/stream-chat-java/issues/254",
        "decompress the body as the provider's documentation says",
        Run::Requests(gzip_body),
    ),
    check(
        "expect-continue",
        Level::Recommended,
        "Some senders wait for permission to send the body, and give up without it.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1",
        "use a server that responds to expect: 100-continue, as most do by default",
        Run::Requests(expect_continue),
    ),
    check(
        "http-1-0",
        Level::Recommended,
        "Some proxies speak HTTP/1.0 to the application; it was nginx's default for long.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-9.3",
        "use a server that understands HTTP/1.0",
        Run::Requests(http_1_0),
    ),
    check(
        "connection-reused",
        Level::Required,
        "Senders use a connection for several events.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-9.3",
        "read every request to its end, and let the server close idle connections",
        Run::Procedure(Procedure::ConnectionReused),
    ),
    check(
        "signature-list",
        Level::Required,
        "During the rotation of a secret a request has several signatures, and any of them counts.",
        rules::STANDARD,
        "compare with every entry of the signature header, and accept if one matches",
        Run::Requests(signature_list),
    ),
    check(
        "list-odd",
        Level::Recommended,
        "An entry that cannot be read must not hide a good one.",
        rules::STANDARD,
        "skip entries that cannot be read, and catch every exception of the library",
        Run::Requests(list_odd),
    ),
    check(
        "list-100",
        Level::Recommended,
        "Lists of signatures grow, and must not be a way to burn time.",
        rules::STANDARD,
        "compute the signature once and compare it with every entry",
        Run::Requests(list_100),
    ),
    check(
        "rotation",
        Level::Required,
        "While a secret is rotated, the old one and the new one are both in use.",
        rules::STANDARD,
        "try every configured secret",
        Run::Requests(rotation),
    ),
    check(
        "batched-events",
        Level::Required,
        "A handler that was tested with one event fails with two.",
        "https://github.com/sendgrid/sendgrid-nodejs/issues/1238",
        "process every event of the list",
        Run::Requests(batched_events),
    ),
    check(
        "challenge",
        Level::Required,
        "Without the right response to its challenge the provider does not accept the address.",
        rules::CLOUDEVENTS,
        "respond to the challenge as the provider's documentation shows",
        Run::Procedure(Procedure::Challenge),
    ),
    check(
        "reachability-probe",
        Level::Required,
        "The provider checks the address before it saves it.",
        "https://github.com/discourse/discourse/issues/17180",
        "respond with 2xx to the provider's probe",
        Run::Requests(reachability_probe),
    ),
];

/// A list with one valid request.
fn one(request: Result<CheckRequest>) -> Plan {
    Ok(Ok(vec![Variant::new("", Expected::Accepted, request?)]))
}

fn every_type(builder: &RequestBuilder) -> Plan {
    let variants = builder.events.iter().map(|event| {
        let request = builder.sign(&builder.draft(event)?)?;
        Ok(Variant::new(event.event_type.clone(), Expected::Accepted, request))
    });
    variants.collect::<Result<Vec<_>>>().map(Ok)
}

fn body_bytes(builder: &RequestBuilder) -> Plan {
    if !builder.is_json() {
        return skip("its bodies are not JSON");
    }
    let mut variants = Vec::new();
    for style in BodyStyle::ALL {
        // The first event that the style changes: not every event has a number.
        for event in &builder.events {
            let draft = builder.draft(event)?;
            if let Some(body) = style.rewrite(&draft.body) {
                variants.push(Variant::new(style.name(), Expected::Accepted, builder.sign(&draft.with_body(body))?));
                break;
            }
        }
    }
    let draft = builder.sample()?;
    if let Some(body) = with_duplicate_key(&draft.body) {
        variants.push(Variant::new("duplicate-key", Expected::Accepted, builder.sign(&draft.with_body(body))?));
    }
    Ok(Ok(variants))
}

/// Returns the same JSON object with an unknown key twice.
fn with_duplicate_key(body: &[u8]) -> Option<Vec<u8>> {
    let end = body.iter().rposition(|byte| *byte == b'}')?;
    let empty = body[..end].trim_ascii_end().ends_with(b"{");
    let mut changed = body[..end].to_vec();
    changed.extend_from_slice(if empty { b"" } else { b"," });
    changed.extend_from_slice(br#""whk_check":1,"whk_check":2"#);
    changed.extend_from_slice(&body[end..]);
    Some(changed)
}

/// Text in many scripts: two, three and four bytes a character, a line separator, and combined characters.
const UNICODE: &str = "é ß 漢字 \u{2028} 😀 e\u{301} \u{10ffff}";

fn unicode_body(builder: &RequestBuilder) -> Plan {
    let Some(draft) = with_field(builder, "whk_check", UNICODE.into())? else {
        return skip("its bodies are not JSON objects");
    };
    let mut variants = vec![Variant::new("raw", Expected::Accepted, builder.sign(&draft)?)];
    // A body of its own: the ids inside it must not come twice.
    if let Some(draft) = with_field(builder, "whk_check", UNICODE.into())?
        && let Some(body) = BodyStyle::Escaped.rewrite(&draft.body)
    {
        variants.push(Variant::new("escaped", Expected::Accepted, builder.sign(&draft.with_body(body))?));
    }
    Ok(Ok(variants))
}

/// Returns a draft with a further field in its body; nothing if the body is not a JSON object.
pub(super) fn with_field(builder: &RequestBuilder, name: &str, value: Value) -> Result<Option<Draft>> {
    let draft = builder.sample()?;
    if draft.json().is_none_or(|body| object_of(&body).is_none()) {
        return Ok(None);
    }
    Ok(draft.edited(builder.format(), |body| {
        if let Some(fields) = object_mut(body) {
            fields.insert(name.to_owned(), value);
        }
    }))
}

/// Returns the object of an event: the body, or the first item of a list of events.
fn object_of(body: &Value) -> Option<&serde_json::Map<String, Value>> {
    match body {
        Value::Object(fields) => Some(fields),
        Value::Array(items) => items.first()?.as_object(),
        _ => None,
    }
}

pub(super) fn object_mut(body: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    match body {
        Value::Object(fields) => Some(fields),
        Value::Array(items) => items.first_mut()?.as_object_mut(),
        _ => None,
    }
}

fn split_character(builder: &RequestBuilder) -> Plan {
    let Some(draft) = with_field(builder, "whk_check", "é😀漢é😀漢".into())? else {
        return skip("its bodies are not JSON objects");
    };
    let request = builder.sign(&draft)?;
    let inside: Vec<usize> = (1..request.body.len()).filter(|at| request.body[*at] & 0xc0 == 0x80).collect();
    // Some formats escape everything that is not ASCII.
    if inside.is_empty() {
        return skip("its bodies are ASCII");
    }
    let splits = inside.into_iter().take(6).collect();
    let transmission = Transmission { splits, pause: std::time::Duration::from_millis(5), ..Transmission::default() };
    one(Ok(request.sent(transmission)))
}

fn unknown_field(builder: &RequestBuilder) -> Plan {
    let Some(top) = with_field(builder, "whk_check", json!({"new": [1, "two", null]}))? else {
        return skip("its bodies are not JSON objects");
    };
    let mut variants = vec![Variant::new("in the body", Expected::Accepted, builder.sign(&top)?)];
    let nested = builder.sample()?;
    let mut name = None;
    let nested = nested.edited(builder.format(), |body| {
        let mut fields = object_mut(body).into_iter().flatten();
        if let Some((key, inner)) = fields.find_map(|(key, value)| Some((key, value.as_object_mut()?))) {
            inner.insert("whk_check".to_owned(), true.into());
            name = Some(format!("in `{key}`"));
        }
    });
    if let (Some(nested), Some(name)) = (nested, name) {
        variants.push(Variant::new(name, Expected::Accepted, builder.sign(&nested)?));
    }
    Ok(Ok(variants))
}

fn absent_field(builder: &RequestBuilder) -> Plan {
    let sample = builder.sample()?;
    let Some(value) = sample.json() else { return skip("its bodies are not JSON") };
    let needed = builder.needed_pointers();
    let mut variants = Vec::new();
    for pointer in leaves(&value).into_iter().filter(|pointer| !needed.iter().any(|needed| needed == pointer)) {
        let draft = builder.sample()?.edited(builder.format(), |body| remove(body, &pointer));
        let Some(draft) = draft else { continue };
        variants.push(Variant::new(pointer, Expected::Handled, builder.sign(&draft)?));
        if variants.len() == MAX_FIELD_VARIANTS {
            break;
        }
    }
    Ok(Ok(variants))
}

/// The number of fields of a sample that are removed or changed, each in a request of its own.
pub(super) const MAX_FIELD_VARIANTS: usize = 12;

/// Returns the pointers of all values that are neither objects nor lists.
pub(super) fn leaves(value: &Value) -> Vec<String> {
    fn visit(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields {
                    visit(inner, &format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
                }
            }
            Value::Array(items) => {
                for (index, inner) in items.iter().enumerate() {
                    visit(inner, &format!("{pointer}/{index}"), found);
                }
            }
            _ => found.push(pointer.to_owned()),
        }
    }
    let mut found = Vec::new();
    visit(value, "", &mut found);
    found
}

fn remove(body: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    match body.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Ok(index) = key.parse::<usize>()
                && index < items.len()
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}

fn big_number(builder: &RequestBuilder) -> Plan {
    match with_raw_value(builder, b"9007199254740993")? {
        Some(draft) => one(builder.sign(&draft)),
        None => skip("its bodies are not JSON objects"),
    }
}

/// Returns a draft with a further field that holds these bytes, which need not be JSON that the provider writes.
pub(super) fn with_raw_value(builder: &RequestBuilder, value: &[u8]) -> Result<Option<Draft>> {
    const PLACEHOLDER: &str = "whk-check-placeholder";
    let Some(draft) = with_field(builder, "whk_check", PLACEHOLDER.into())? else { return Ok(None) };
    let quoted = format!("\"{PLACEHOLDER}\"");
    let Some(at) = draft.body.windows(quoted.len()).position(|part| part == quoted.as_bytes()) else {
        return Ok(None);
    };
    let body = [&draft.body[..at], value, &draft.body[at + quoted.len()..]].concat();
    Ok(Some(draft.with_body(body)))
}

fn large_body(builder: &RequestBuilder) -> Plan {
    let mut variants = Vec::new();
    for (name, size) in [("20 KB", 20_000), ("150 KB", 150_000), ("1 MB", 1_000_000)] {
        let Some(draft) = with_field(builder, "whk_check", "x".repeat(size).into())? else {
            return skip("its bodies are not JSON objects");
        };
        // The specification of Standard Webhooks asks for events of at most 20 KB.
        let level = if size <= 20_000 { Level::Required } else { Level::Recommended };
        variants.push(Variant::new(name, Expected::Accepted, builder.sign(&draft)?).level(level));
    }
    Ok(Ok(variants))
}

fn content_type(request: &CheckRequest) -> Option<String> {
    request.value("content-type")
}

fn content_type_charset(builder: &RequestBuilder) -> Plan {
    if !builder.is_json() {
        return skip("its bodies are not JSON");
    }
    let own = content_type(&builder.valid()?);
    let mut variants = Vec::new();
    for value in ["application/json; charset=utf-8", "application/json; charset=UTF-8", "Application/JSON"] {
        let request = builder.valid()?.set("content-type", value);
        let sent = own.as_deref() == Some(value);
        let level = if sent { Level::Required } else { Level::Recommended };
        variants.push(Variant::new(value, Expected::Accepted, request).level(level));
    }
    Ok(Ok(variants))
}

fn content_type_suffix(builder: &RequestBuilder) -> Plan {
    let own = content_type(&builder.valid()?).unwrap_or_default();
    if own.contains("+json") { one(builder.valid()) } else { skip("it sends no media type that ends in +json") }
}

fn other_content_type(builder: &RequestBuilder) -> Plan {
    Ok(Ok(vec![
        Variant::new("text/plain", Expected::Handled, builder.valid()?.set("content-type", "text/plain")),
        Variant::new("none", Expected::Handled, builder.valid()?.without("content-type")),
    ]))
}

fn header_case(builder: &RequestBuilder) -> Plan {
    let title = |name: &str| {
        let words = name.split('-').map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        });
        words.collect::<Vec<_>>().join("-")
    };
    let renamed = |rename: &dyn Fn(&str) -> String| -> Result<CheckRequest> {
        let mut request = builder.valid()?;
        for (name, _) in &mut request.headers {
            *name = rename(name);
        }
        Ok(request)
    };
    Ok(Ok(vec![
        Variant::new("Title-Case", Expected::Accepted, renamed(&title)?),
        Variant::new("UPPER-CASE", Expected::Accepted, renamed(&|name| name.to_ascii_uppercase())?),
        Variant::new("lower-case", Expected::Accepted, renamed(&|name| name.to_ascii_lowercase())?),
    ]))
}

fn header_spaces(builder: &RequestBuilder) -> Plan {
    let mut request = builder.valid()?;
    for (_, value) in &mut request.headers {
        *value = [b" \t", value.as_ref(), b" \t"].concat().into();
    }
    one(Ok(request))
}

static COOKIES: LazyLock<String> = LazyLock::new(|| format!("session={}", "c".repeat(4096)));

fn extra_headers(builder: &RequestBuilder) -> Plan {
    let request = builder
        .valid()?
        .and("x-forwarded-for", "203.0.113.7, 198.51.100.2")
        .and("x-forwarded-proto", "https")
        .and("x-forwarded-host", "hooks.example.com")
        .and("x-request-id", "whk-check")
        .and("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .and("accept-encoding", "gzip, br")
        .and("accept", "*/*")
        .and("cookie", COOKIES.as_str());
    one(Ok(request))
}

fn query_kept(builder: &RequestBuilder) -> Plan {
    if !builder.scheme().content.has_url() {
        return skip("it does not sign the URL");
    }
    let glue = if builder.url.contains('?') { '&' } else { '?' };
    let (url, query) = (builder.url.clone(), format!("{glue}whk=a%2Fb&whk=c+d"));
    let target = builder.target.clone();
    let request = builder.sign_at(&builder.sample()?, &format!("{url}{query}"))?;
    one(Ok(CheckRequest { target: Some(format!("{target}{query}")), ..request }))
}

fn chunked_body(builder: &RequestBuilder) -> Plan {
    let request = builder.valid()?;
    let splits = vec![request.body.len() / 3, request.body.len() * 2 / 3];
    one(Ok(request.sent(Transmission { chunked: true, splits, ..Transmission::default() })))
}

fn slow_body(builder: &RequestBuilder) -> Plan {
    let request = builder.valid()?;
    let length = request.body.len();
    let splits = vec![length / 4, length / 2, length * 3 / 4];
    let pause = std::time::Duration::from_millis(75);
    one(Ok(request.sent(Transmission { splits, pause, ..Transmission::default() })))
}

fn gzip_body(builder: &RequestBuilder) -> Plan {
    skip(format!("{} does not compress its requests", builder.provider.title))
}

fn expect_continue(builder: &RequestBuilder) -> Plan {
    one(Ok(builder.valid()?.sent(Transmission { expect_continue: true, ..Transmission::default() })))
}

fn http_1_0(builder: &RequestBuilder) -> Plan {
    one(Ok(builder.valid()?.sent(Transmission { http_1_0: true, ..Transmission::default() })))
}

/// Returns the separator and the header of a list of signatures.
fn list(builder: &RequestBuilder) -> Option<(&str, &str)> {
    Some((builder.scheme().signature.separator.as_deref()?, builder.signature_header()?))
}

const NO_LIST: &str = "it sends one signature, not a list";

/// Returns the good entry of a request, and the entries before it, such as `t=…`.
pub(super) fn entries(builder: &RequestBuilder, request: &CheckRequest) -> Option<(String, String)> {
    let (separator, _) = list(builder)?;
    let text = builder.signature(request)?;
    let mut parts: Vec<&str> = text.split(separator).collect();
    if builder.scheme().signature.trailing_entry.is_some() {
        parts.pop();
    }
    let good = parts.pop()?.to_owned();
    Some((parts.into_iter().flat_map(|part| [part, separator]).collect(), good))
}

/// Returns an entry of the same form as the good one, with a wrong signature.
pub(super) fn wrong_entry(builder: &RequestBuilder) -> Option<String> {
    let format = &builder.scheme().formats[0];
    let length = format.algorithm.signature_len()?;
    Some(format.pattern.format(&format.encoding.encode(&vec![0x5a; length])))
}

fn signature_list(builder: &RequestBuilder) -> Plan {
    let (Some((separator, header)), Some(wrong)) = (list(builder), wrong_entry(builder)) else { return skip(NO_LIST) };
    let mut variants = Vec::new();
    let unknown = match &builder.scheme().signature.version_delimiter {
        Some(delimiter) => format!("v9{delimiter}c29tZXRoaW5nIG5ldw=="),
        None => "v9=736f6d657468696e67206e6577".to_owned(),
    };
    for (name, before, after) in [
        ("a wrong signature first", Some(&wrong), None),
        ("a wrong signature last", None, Some(&wrong)),
        ("an unknown version first", Some(&unknown), None),
        ("an unknown version last", None, Some(&unknown)),
    ] {
        let request = builder.valid()?;
        let Some((lead, good)) = entries(builder, &request) else { return skip(NO_LIST) };
        let list: Vec<&str> =
            [before.map(String::as_str), Some(&good), after.map(String::as_str)].into_iter().flatten().collect();
        variants.push(Variant::new(name, Expected::Accepted, request.set(header, lead + &list.join(separator))));
    }
    Ok(Ok(variants))
}

fn list_odd(builder: &RequestBuilder) -> Plan {
    let Some((separator, header)) = list(builder) else { return skip(NO_LIST) };
    let mut variants = Vec::new();
    for (name, before) in [
        ("two separators", separator.to_owned()),
        ("an entry without a version", format!("garbage{separator}")),
        ("a short entry", format!("{}{separator}", builder.scheme().formats[0].pattern.format("AA"))),
        ("an empty entry", format!("{}{separator}", builder.scheme().formats[0].pattern.format(""))),
    ] {
        let request = builder.valid()?;
        let Some((lead, good)) = entries(builder, &request) else { return skip(NO_LIST) };
        variants.push(Variant::new(
            name,
            Expected::AcceptedOrHandled,
            request.set(header, format!("{lead}{before}{good}")),
        ));
    }
    Ok(Ok(variants))
}

fn list_100(builder: &RequestBuilder) -> Plan {
    let (Some((separator, header)), Some(wrong)) = (list(builder), wrong_entry(builder)) else { return skip(NO_LIST) };
    let many = |count: usize| format!("{wrong}{separator}").repeat(count);
    let good = builder.valid()?;
    let Some((lead, entry)) = entries(builder, &good) else { return skip(NO_LIST) };
    // 64 entries stay below the 8 KB that servers allow for all headers.
    let bad = builder.valid()?;
    Ok(Ok(vec![
        Variant::new("64 wrong, one good", Expected::Accepted, good.set(header, format!("{lead}{}{entry}", many(64)))),
        Variant::new(
            "5,000 wrong",
            Expected::HandledNotAccepted,
            bad.set(header, format!("{lead}{}{wrong}", many(4999))),
        )
        .within(1000),
    ]))
}

fn rotation(builder: &RequestBuilder) -> Plan {
    let [first, second, ..] = builder.secrets.as_slice() else { return skip("give both secrets: -s OLD -s NEW") };
    let mut variants = Vec::new();
    let sets: [(&str, &[Secret]); 2] =
        [("first secret", std::slice::from_ref(first)), ("second secret", std::slice::from_ref(second))];
    for (name, secrets) in sets {
        let draft = builder.sample()?;
        variants.push(Variant::new(name, Expected::Accepted, builder.sign_with_secrets(&draft, secrets)?));
    }
    if list(builder).is_some() {
        let draft = builder.sample()?;
        let both = builder.sign_with_secrets(&draft, &builder.secrets)?;
        variants.push(Variant::new("both in one header", Expected::Accepted, both));
    }
    Ok(Ok(variants))
}

fn batched_events(builder: &RequestBuilder) -> Plan {
    let draft = builder.sample()?;
    let Some(Value::Array(items)) = draft.json() else { return skip("it sends one event in a request") };
    let second = builder.sample()?.json();
    let both: Vec<Value> =
        items.iter().cloned().chain(second.into_iter().filter_map(|value| value.get(0).cloned())).collect();
    let body = builder.format().write(&Value::Array(both));
    Ok(Ok(vec![
        Variant::new("one event", Expected::Accepted, builder.valid()?),
        Variant::new("two events", Expected::Accepted, builder.sign(&draft.with_body(Bytes::from(body)))?),
    ]))
}

fn reachability_probe(builder: &RequestBuilder) -> Plan {
    skip(format!("{} sends no probe other than its challenges", builder.provider.title))
}
