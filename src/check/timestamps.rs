//! The checks of timestamps: a captured request must not be good forever.

use super::accepts::entries;
use super::battery::{Check, Expected, Level, Plan, Variant, rejects_check as check, rules, skip};
use super::request::RequestBuilder;
use crate::signing::{TimestampUnit, ValueSource};

const STRICT: &str = "accept digits alone as a timestamp, and reject everything else before you compute with it";
const TOLERANCE: &str = "reject timestamps that are further from your clock than the provider says, in both directions";

pub(super) static CHECKS: &[Check] = &[
    check(
        "inside-tolerance",
        Level::Recommended,
        "Clocks differ and queues wait, so what the provider allows should pass.",
        rules::STANDARD,
        "allow the tolerance that the provider documents",
        inside_tolerance,
    ),
    Check {
        quick: true,
        ..check(
            "too-old",
            Level::Required,
            "A captured request must not be good forever.",
            "https://github.com/windmill-labs/windmill/pull/8596",
            TOLERANCE,
            too_old,
        )
    },
    check(
        "just-too-old",
        Level::Recommended,
        "A wider window is a wider hole.",
        rules::STANDARD,
        TOLERANCE,
        just_too_old,
    ),
    check(
        "future",
        Level::Required,
        "A signature for a later time can be kept and used then.",
        "https://github.com/flippercloud/flipper/pull/1022",
        TOLERANCE,
        future,
    ),
    check(
        "milliseconds",
        Level::Required,
        "A mistake in the unit turns the check of the time off.",
        "https://github.com/workos/workos-node/issues/1579",
        "read the timestamp in the unit that the provider sends",
        milliseconds,
    ),
    check(
        "timestamp-not-a-number",
        Level::Required,
        "NaN compares as neither old nor new, so a careless check lets it pass.",
        "https://github.com/elizaOS/eliza/issues/24389",
        STRICT,
        timestamp_not_a_number,
    ),
    check(
        "timestamp-lenient",
        Level::Recommended,
        "Parsers of numbers differ, and some reference libraries are lenient, so only a failure counts.",
        rules::STANDARD,
        STRICT,
        timestamp_lenient,
    ),
    check(
        "timestamp-extreme",
        Level::Required,
        "Subtracting extreme times overflows: the handler crashes, or takes them for fresh.",
        rules::STANDARD,
        STRICT,
        timestamp_extreme,
    ),
    check(
        "timestamp-replaced",
        Level::Required,
        "The time must be part of what is signed.",
        "https://github.com/linear/linear/issues/1268",
        "sign exactly what the provider signs, the timestamp included",
        timestamp_replaced,
    ),
    check(
        "timestamp-repeated",
        Level::Recommended,
        "Two parts of a program may look at different ones of two timestamps.",
        "https://github.com/adcontextprotocol/adcp-client/pull/683",
        "reject a request with two timestamps",
        timestamp_repeated,
    ),
];

/// Seconds between a time that is checked and the limit, since clocks differ.
const MARGIN: i64 = 30;

/// The distance of a future time beyond the limit, in seconds.
const FAR: i64 = 300;

/// Returns the reason why old requests cannot be rejected, if there is one.
fn no_limit(builder: &RequestBuilder) -> Option<String> {
    let title = &builder.provider.title;
    let Some(rule) = &builder.scheme().timestamp else { return Some(format!("{title} signs no timestamp")) };
    if rule.optional {
        return Some(format!("{title} treats its timestamp as optional, and does not sign it"));
    }
    None
}

/// True if the timestamp is signed: by itself, or with the body that it is part of.
fn is_signed(builder: &RequestBuilder) -> bool {
    let scheme = builder.scheme();
    let in_body = scheme.timestamp.as_ref().is_some_and(|rule| matches!(rule.from[0], ValueSource::Json(_)));
    scheme.content.has_timestamp() || in_body
}

/// One valid request of another time.
fn shifted(builder: &RequestBuilder, seconds: i64, expected: Expected, level: Option<Level>) -> Plan {
    let request = builder.sign(&builder.sample()?.shifted(seconds))?;
    Ok(Ok(vec![Variant { level, ..Variant::new("", expected, request) }]))
}

fn inside_tolerance(builder: &RequestBuilder) -> Plan {
    match (no_limit(builder), builder.max_age()) {
        (Some(reason), _) => skip(reason),
        (None, Some(limit)) if limit > 2 * MARGIN => shifted(builder, MARGIN - limit, Expected::Accepted, None),
        (None, Some(limit)) => skip(format!("its tolerance of {limit} s is too short to test without waiting")),
        (None, None) => skip(NO_AGE),
    }
}

const NO_AGE: &str = "it documents no limit of the age";

fn too_old(builder: &RequestBuilder) -> Plan {
    match (no_limit(builder), builder.max_age()) {
        (Some(reason), _) => skip(reason),
        (None, Some(limit)) => shifted(builder, -2 * limit.max(MARGIN), Expected::Rejected, None),
        (None, None) => skip(NO_AGE),
    }
}

fn just_too_old(builder: &RequestBuilder) -> Plan {
    match (no_limit(builder), builder.max_age()) {
        (Some(reason), _) => skip(reason),
        (None, Some(limit)) => shifted(builder, -limit - MARGIN, Expected::Rejected, None),
        (None, None) => skip(NO_AGE),
    }
}

fn future(builder: &RequestBuilder) -> Plan {
    if let Some(reason) = no_limit(builder) {
        return skip(reason);
    }
    if builder.max_age().is_none() {
        return skip(NO_AGE);
    }
    let limit = builder.scheme().timestamp.as_ref().and_then(|rule| rule.max_future);
    // Some providers reject only old requests; being stricter is safe.
    let level = if limit.is_some() { Level::Required } else { Level::Recommended };
    let limit = limit.and_then(|limit| i64::try_from(limit).ok()).or(builder.max_age()).unwrap_or(0);
    shifted(builder, limit + FAR, Expected::Rejected, Some(level))
}

/// Returns the timestamp of now as the provider writes it.
fn now(builder: &RequestBuilder) -> (TimestampUnit, String) {
    let unit = builder.scheme().timestamp.as_ref().map_or(TimestampUnit::Seconds, |rule| rule.unit);
    (unit, unit.write(builder.clock.now().as_millisecond()))
}

/// Requests with these texts as the timestamp, which are signed.
fn texts(builder: &RequestBuilder, texts: &[(&'static str, String)], expected: Expected) -> Plan {
    if let Some(reason) = no_limit(builder) {
        return skip(reason);
    }
    if builder.max_age().is_none() {
        return skip(NO_AGE);
    }
    let mut variants = Vec::new();
    for (name, text) in texts {
        let mut draft = builder.sample()?;
        draft.timestamp = Some(text.clone());
        variants.push(Variant::new(*name, expected, builder.sign(&draft)?));
    }
    Ok(Ok(variants))
}

fn milliseconds(builder: &RequestBuilder) -> Plan {
    match now(builder) {
        (TimestampUnit::Seconds, text) => texts(builder, &[("", format!("{text}000"))], Expected::Rejected),
        (TimestampUnit::Milliseconds, text) => {
            texts(builder, &[("seconds", text[..text.len().saturating_sub(3)].to_owned())], Expected::Rejected)
        }
        (TimestampUnit::Rfc3339, _) => skip("its timestamp is not a number"),
    }
}

fn timestamp_not_a_number(builder: &RequestBuilder) -> Plan {
    let all = [
        ("abc", "abc".to_owned()),
        ("empty", String::new()),
        ("NaN", "NaN".to_owned()),
        ("Infinity", "Infinity".to_owned()),
    ];
    let mut plan = texts(builder, &all, Expected::Rejected)?;
    let in_signature =
        builder.scheme().timestamp.as_ref().is_some_and(|rule| matches!(rule.from[0], ValueSource::Signature(_)));
    if let (Ok(variants), true, Some(header)) = (&mut plan, in_signature, builder.signature_header()) {
        // The signature alone, without the entry of the time.
        let request = builder.valid()?;
        if let Some((_, good)) = entries(builder, &request) {
            variants.push(Variant::new("no timestamp", Expected::Rejected, request.set(header, good)));
        }
    }
    Ok(plan)
}

fn timestamp_lenient(builder: &RequestBuilder) -> Plan {
    let (unit, now) = now(builder);
    if unit == TimestampUnit::Rfc3339 {
        return skip("its timestamp is not a number");
    }
    let all = [
        ("a fraction", format!("{now}.5")),
        ("letters after it", format!("{now}abc")),
        ("a plus before it", format!("+{now}")),
    ];
    texts(builder, &all, Expected::Handled)
}

fn timestamp_extreme(builder: &RequestBuilder) -> Plan {
    let all = [
        ("smallest 64-bit integer", i64::MIN.to_string()),
        ("largest 64-bit integer", i64::MAX.to_string()),
        ("40 digits", "9".repeat(40)),
        ("-1", "-1".to_owned()),
        ("0", "0".to_owned()),
    ];
    texts(builder, &all, Expected::Rejected)
}

fn timestamp_replaced(builder: &RequestBuilder) -> Plan {
    if let Some(reason) = no_limit(builder) {
        return skip(reason);
    }
    if !is_signed(builder) {
        return skip("it does not sign its timestamp");
    }
    let Some(header) = builder.timestamp_header() else { return skip("its timestamp is not a header of its own") };
    let old = builder.sign(&builder.sample()?.shifted(-2 * builder.max_age().unwrap_or(FAR).max(MARGIN)))?;
    Ok(Ok(vec![Variant::new("", Expected::Rejected, old.set(header, now(builder).1))]))
}

fn timestamp_repeated(builder: &RequestBuilder) -> Plan {
    if let Some(reason) = no_limit(builder) {
        return skip(reason);
    }
    let Some(header) = builder.timestamp_header() else { return skip("its timestamp is not a header of its own") };
    if builder.max_age().is_none() {
        return skip(NO_AGE);
    }
    let mut variants = Vec::new();
    for (name, old_first) in [("the old one first", true), ("the old one last", false)] {
        let old = builder.sign(&builder.sample()?.shifted(-2 * builder.max_age().unwrap_or(FAR).max(MARGIN)))?;
        let (fresh, signed) = (now(builder).1, old.value(header).unwrap_or_default());
        let (first, second) = if old_first { (signed, fresh) } else { (fresh, signed) };
        variants.push(Variant::new(name, Expected::Rejected, old.set(header, first).and(header, second)));
    }
    Ok(Ok(variants))
}
