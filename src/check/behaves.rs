//! The checks of everything else that a handler needs in production.

use serde_json::{Value, json};

use super::accepts::{MAX_FIELD_VARIANTS, leaves, with_field, with_raw_value};
use super::battery::{Check, Expected, Level, Plan, Run, Variant, behaves_check as check, quick, rules, skip};
use super::procedure::Procedure;
use super::request::{CheckRequest, RequestBuilder};
use crate::error::Result;

const PARSE: &str = "parse the body inside a try block after the signature was verified, and respond with 2xx or 400";
const ONCE: &str =
    "record the id with a unique constraint in the same transaction as the effect, and respond with 2xx if it exists";

pub(super) static CHECKS: &[Check] = &[
    quick(check(
        "unknown-type",
        Level::Required,
        "New types appear without notice, and a provider disables an endpoint that keeps failing.",
        "https://github.com/zulip/zulip/issues/24721",
        "respond with 2xx to types that you do not know, and ignore them",
        Run::Requests(unknown_type),
    )),
    check(
        "nul-in-text",
        Level::Recommended,
        "PostgreSQL cannot store this character, so such an event fails at every retry.",
        "https://github.com/nyaruka/goflow/issues/1027",
        "remove NUL characters before you store a text",
        Run::Requests(|builder| json_text(builder, "a\u{0}b")),
    ),
    check(
        "invalid-utf8",
        Level::Recommended,
        "Anyone's text ends up in events, in any encoding.",
        "https://www.rfc-editor.org/rfc/rfc8259#section-8.1",
        PARSE,
        Run::Requests(invalid_utf8),
    ),
    check(
        "lone-surrogate",
        Level::Recommended,
        "This is legal JSON that many libraries cannot write out.",
        "https://www.rfc-editor.org/rfc/rfc8259#section-8.2",
        PARSE,
        Run::Requests(lone_surrogate),
    ),
    check(
        "deep-json",
        Level::Recommended,
        "Recursive parsers run out of stack.",
        "https://www.rfc-editor.org/rfc/rfc8259#section-9",
        "limit the depth of the parser, and catch its exception",
        Run::Requests(deep_json),
    ),
    check(
        "wrong-field-type",
        Level::Recommended,
        "A change of the provider should not become an outage.",
        rules::STANDARD,
        "check the type of a field before you use it",
        Run::Requests(wrong_field_type),
    ),
    check(
        "not-json-signed",
        Level::Recommended,
        "A signature does not promise JSON.",
        rules::RFC8259,
        PARSE,
        Run::Requests(|builder| signed_body(builder, b"{not json")),
    ),
    check(
        "empty-body-signed",
        Level::Recommended,
        "A signature does not promise a body.",
        rules::RFC8259,
        PARSE,
        Run::Requests(|builder| signed_body(builder, b"")),
    ),
    check(
        "null-body-signed",
        Level::Recommended,
        "A signature does not promise an object.",
        rules::RFC8259,
        PARSE,
        Run::Requests(|builder| signed_body(builder, b"null")),
    ),
    check(
        "array-body-signed",
        Level::Recommended,
        "A signature does not promise an object.",
        rules::RFC8259,
        PARSE,
        Run::Requests(|builder| signed_body(builder, b"[]")),
    ),
    check(
        "prototype-keys",
        Level::Recommended,
        "Merging such keys into objects changes the program.",
        rules::OWASP,
        "copy the fields that you need, instead of merging the whole body",
        Run::Requests(prototype_keys),
    ),
    check(
        "other-methods",
        Level::Recommended,
        "Only POST may change something, and no method may fail.",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6",
        "respond with 405 to other methods",
        Run::Requests(other_methods),
    ),
    check(
        "no-redirect",
        Level::Required,
        "Most providers count a redirect as a failure, and 301 turns the POST into a GET.",
        "https://github.com/stripe/stripe-cli/issues/114",
        "register the final address, and respond there without a redirect",
        Run::Procedure(Procedure::NoRedirect),
    ),
    check(
        "not-behind-login",
        Level::Required,
        "Protection that is meant for browsers rejects every event.",
        "https://docs.svix.com/receiving/introduction",
        "exempt the path from login and CSRF protection",
        Run::Procedure(Procedure::NotBehindLogin),
    ),
    check(
        "connection-after-error",
        Level::Recommended,
        "A body that is left unread after an early rejection spoils the next request on the connection.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-9.3",
        "read the body before you reject a request, or close the connection",
        Run::Procedure(Procedure::ConnectionAfterError),
    ),
    check(
        "cut-off-body",
        Level::Required,
        "Half a request is no event, and must not stop the handler.",
        "https://www.rfc-editor.org/rfc/rfc9112#section-8",
        "process a request only when its body is complete",
        Run::Procedure(Procedure::CutOffBody),
    ),
    check(
        "slow-client-does-not-block",
        Level::Recommended,
        "One slow sender must not stop all.",
        rules::RFC9112,
        "use a server that handles several connections at once",
        Run::Procedure(Procedure::SlowClient),
    ),
    quick(check(
        "duplicate-acknowledged",
        Level::Required,
        "Another response than 2xx to a duplicate counts as a failure, and it is sent again.",
        rules::STANDARD,
        "respond with 2xx to an event that you have already processed",
        Run::Procedure(Procedure::DuplicateAcknowledged),
    )),
    check(
        "duplicate-once",
        Level::Required,
        "Providers deliver at least once, and an event must take effect once.",
        rules::STANDARD,
        ONCE,
        Run::Procedure(Procedure::DuplicateOnce),
    ),
    check(
        "concurrent-acknowledged",
        Level::Required,
        "The loser of a race often gets an error of the database.",
        "https://github.com/Devlaner/devlane/pull/355",
        "treat a violated unique constraint as a duplicate, and respond with 2xx",
        Run::Procedure(Procedure::ConcurrentAcknowledged),
    ),
    check(
        "concurrent-once",
        Level::Required,
        "Looking for an id and then inserting it lets two requests in.",
        "https://github.com/Devlaner/devlane/issues/332",
        ONCE,
        Run::Procedure(Procedure::ConcurrentOnce),
    ),
    check(
        "retry-after-hangup",
        Level::Required,
        "A provider that gave up waiting has still delivered.",
        rules::STANDARD,
        ONCE,
        Run::Procedure(Procedure::RetryAfterHangup),
    ),
    check(
        "refused-no-effect",
        Level::Required,
        "Some handlers respond with 401 after they have acted, or verify without waiting for the result.",
        "https://github.com/matrix-org/matrix-hookshot/issues/1396",
        "verify first, and wait for the result: await the verification",
        Run::Procedure(Procedure::RefusedNoEffect),
    ),
    check(
        "verify-before-dedupe",
        Level::Required,
        "Looking for the id first responds with 200 to forgers.",
        rules::STANDARD,
        "verify the signature before you look for the id",
        Run::Procedure(Procedure::VerifyBeforeDedupe),
    ),
    check(
        "refused-id-not-taken",
        Level::Required,
        "A forger could block real events by taking their ids.",
        "https://github.com/VSN2015/concerns_on_rails/pull/60",
        "record the id only after the signature was verified",
        Run::Procedure(Procedure::RefusedIdNotTaken),
    ),
    check(
        "unsigned-id-changed",
        Level::Recommended,
        "Looking for duplicates by an id that is not signed can be avoided.",
        "https://github.com/grafana/grafana/pull/125550",
        "look for duplicates by an id inside the signed body",
        Run::Procedure(Procedure::UnsignedIdChanged),
    ),
    check(
        "same-id-other-body",
        Level::Recommended,
        "This cannot happen honestly, and must not be a failure.",
        rules::STANDARD,
        "respond with 2xx to an id that you have already processed",
        Run::Procedure(Procedure::SameIdOtherBody),
    ),
    check(
        "failed-then-retried",
        Level::Recommended,
        "An event that is marked as done before it is done is lost when it fails.",
        "https://github.com/webrenew/unicon/issues/42",
        "record the id in the same transaction as the effect",
        Run::Procedure(Procedure::FailedThenRetried),
    ),
    check(
        "out-of-order",
        Level::Required,
        "Order is not promised.",
        "https://github.com/laravel/cashier-stripe/issues/1201",
        "compare the time of an event with what you have stored, instead of relying on the order",
        Run::Requests(out_of_order),
    ),
    check(
        "burst-50",
        Level::Recommended,
        "A campaign sends bursts, and a limiter that is meant for browsers drops them.",
        "https://github.com/RocketChat/Rocket.Chat/issues/18731",
        "exempt the path from rate limits, or respond with 429 and retry-after",
        Run::Procedure(Procedure::Burst),
    ),
    check(
        "within-timeout",
        Level::Required,
        "Work that is done before the response turns into timeouts, retries and duplicates.",
        "https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks",
        "store the event, respond with 2xx, and do the work afterwards",
        Run::Procedure(Procedure::WithinTimeout),
    ),
    check(
        "other-tenant-secret",
        Level::Required,
        "A handler that tries the secrets of all customers lets one of them speak for another.",
        "https://github.com/integrallis/stripe_event/issues/139",
        "choose the secret by the address, not by what matches",
        Run::Procedure(Procedure::OtherTenantSecret),
    ),
    check(
        "restart-duplicate-once",
        Level::Recommended,
        "Ids that are kept in memory are forgotten at a restart.",
        rules::STANDARD,
        "store the ids where the effects are stored",
        Run::Procedure(Procedure::RestartDuplicateOnce),
    ),
    check(
        "survives-kill",
        Level::Recommended,
        "A response of 200 before the event is stored loses it when the process dies.",
        "https://github.com/elie222/inbox-zero/pull/880",
        "store the event before you respond",
        Run::Procedure(Procedure::SurvivesKill),
    ),
    check(
        "unconfigured-secret",
        Level::Recommended,
        "Accepting everything without a secret is a frequent hole.",
        "https://github.com/adcontextprotocol/adcp/issues/1633",
        "do not start without a secret",
        Run::Procedure(Procedure::UnconfiguredSecret),
    ),
    quick(check(
        "still-works",
        Level::Required,
        "After all of this, a valid event must still be accepted.",
        rules::STANDARD,
        "find out which request stopped the handler: run the checks one by one with --only",
        Run::Procedure(Procedure::StillWorks),
    )),
];

fn one(expected: Expected, request: Result<CheckRequest>) -> Plan {
    Ok(Ok(vec![Variant::new("", expected, request?)]))
}

fn unknown_type(builder: &RequestBuilder) -> Plan {
    const TYPE: &str = "whk.check.unknown";
    let mut draft = builder.sample()?;
    let own = draft.event_type.clone();
    for (_, value) in &mut draft.headers {
        if *value == own {
            TYPE.clone_into(value);
        }
    }
    let pointers: Vec<String> = builder.type_pointers();
    let Some(draft) = draft.edited(builder.format(), |body| {
        for pointer in &pointers {
            if let Some(value) = body.pointer_mut(pointer) {
                *value = TYPE.into();
            }
        }
    }) else {
        return skip("its bodies are not JSON");
    };
    one(Expected::AcceptedOrHandled, builder.sign(&draft))
}

fn json_text(builder: &RequestBuilder, text: &str) -> Plan {
    let sample = builder.sample()?;
    let needed = builder.needed_pointers();
    // A free text of the event itself is what a handler stores.
    let Some(value) = sample.json() else { return skip("its bodies are not JSON") };
    let is_text = |pointer: &String| value.pointer(pointer).is_some_and(Value::is_string);
    let free = ["subject", "text", "message", "description", "title", "name"];
    let mut texts: Vec<String> =
        leaves(&value).into_iter().filter(|pointer| is_text(pointer) && !needed.contains(pointer)).collect();
    texts.sort_by_key(|pointer| !free.iter().any(|name| pointer.ends_with(name)));
    let edited = match texts.first() {
        Some(pointer) => sample.edited(builder.format(), |body| {
            if let Some(value) = body.pointer_mut(pointer) {
                *value = text.into();
            }
        }),
        None => with_field(builder, "whk_check", text.into())?,
    };
    match edited {
        Some(draft) => one(Expected::Handled, builder.sign(&draft)),
        None => skip("its bodies are not JSON objects"),
    }
}

/// A request with a further field that holds these bytes.
fn replaced(builder: &RequestBuilder, with: &[u8]) -> Plan {
    let Some(draft) = with_raw_value(builder, with)? else { return skip("its bodies are not JSON objects") };
    // A signature that is part of the body needs a body that can be parsed.
    match builder.sign(&draft) {
        Ok(request) => one(Expected::Handled, Ok(request)),
        Err(_) => skip("its signature needs a body that can be parsed"),
    }
}

fn invalid_utf8(builder: &RequestBuilder) -> Plan {
    replaced(builder, b"\"a\xffb\"")
}

fn lone_surrogate(builder: &RequestBuilder) -> Plan {
    replaced(builder, br#""\ud800""#)
}

fn deep_json(builder: &RequestBuilder) -> Plan {
    const DEPTH: usize = 5000;
    replaced(builder, format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)).as_bytes())
}

fn wrong_field_type(builder: &RequestBuilder) -> Plan {
    let Some(value) = builder.sample()?.json() else { return skip("its bodies are not JSON") };
    let needed = builder.needed_pointers();
    let types = builder.type_pointers();
    let changes = [json!(null), json!(17), json!(["x"]), json!({"x": 1})];
    let mut variants = Vec::new();
    // The type decides what a handler does, so it is changed in each way; other fields take turns.
    let mut all: Vec<(String, Value)> = Vec::new();
    for pointer in &types {
        all.extend(changes.iter().map(|change| (pointer.clone(), change.clone())));
    }
    let others = leaves(&value).into_iter().filter(|pointer| !needed.contains(pointer));
    all.extend(others.zip(changes.iter().cycle().cloned()));
    all.push(("/data".to_owned(), Value::Null));
    for (pointer, change) in all {
        if variants.len() > MAX_FIELD_VARIANTS || value.pointer(&pointer).is_none() {
            continue;
        }
        let name = format!("{pointer} is {change}");
        let draft = builder.sample()?.edited(builder.format(), |body| {
            if let Some(value) = body.pointer_mut(&pointer) {
                *value = change;
            }
        });
        if let Some(draft) = draft
            && let Ok(request) = builder.sign(&draft)
        {
            variants.push(Variant::new(name, Expected::Handled, request));
        }
    }
    if variants.is_empty() { skip("its events have no further fields") } else { Ok(Ok(variants)) }
}

fn signed_body(builder: &RequestBuilder, body: &'static [u8]) -> Plan {
    let draft = builder.sample()?.with_body(body);
    // A scheme that signs a value of the body cannot sign one without it.
    match builder.sign(&draft) {
        Ok(request) => one(Expected::Handled, Ok(request)),
        Err(_) => skip("its signature needs a value of the body"),
    }
}

fn prototype_keys(builder: &RequestBuilder) -> Plan {
    replaced(builder, br#"{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}"#)
}

fn other_methods(builder: &RequestBuilder) -> Plan {
    let bare = |method: &str| -> Result<CheckRequest> {
        let request = builder.valid()?;
        Ok(CheckRequest { method: method.to_owned(), headers: Vec::new(), body: bytes::Bytes::new(), ..request })
    };
    let put = CheckRequest { method: "PUT".to_owned(), ..builder.valid()? };
    let mut variants = vec![Variant::new("PUT", Expected::HandledNotAccepted, put)];
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        variants.push(Variant::new(method, Expected::Handled, bare(method)?));
    }
    Ok(Ok(variants))
}

fn out_of_order(builder: &RequestBuilder) -> Plan {
    let scenario = builder.scenario()?;
    if scenario.len() > 1 {
        let variants = scenario
            .iter()
            .rev()
            .map(|draft| Ok(Variant::new(draft.event_type.clone(), Expected::AcceptedOrHandled, builder.sign(draft)?)));
        return variants.collect::<Result<Vec<_>>>().map(Ok);
    }
    let [first, .., last] = builder.events.as_slice() else { return skip("it has one type of event") };
    Ok(Ok(vec![
        Variant::new(
            format!("{} first", last.event_type),
            Expected::AcceptedOrHandled,
            builder.sign(&builder.draft(last)?)?,
        ),
        Variant::new(
            format!("{} afterwards", first.event_type),
            Expected::AcceptedOrHandled,
            builder.sign(&builder.draft(first)?)?,
        ),
    ]))
}
