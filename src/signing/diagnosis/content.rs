//! Contents that may have been signed instead of the scheme's.

use crate::signing::source::{Lookup, ParsedRequest};
use crate::signing::{Scheme, SignedContent, ValueSource};

/// A content that may have been signed.
pub(super) struct ContentVariant {
    /// The name for scripts.
    pub(super) name: &'static str,
    pub(super) content: SignedContent,
    /// The template with the exact sources, if the id or the timestamp is not the scheme's own.
    pub(super) exact: Option<String>,
}

/// The last one is that of Symfony before its version 8.2, in the headers of Standard Webhooks.
const TEMPLATES: [&str; 8] = [
    "{body}",
    "{timestamp}.{body}",
    "{id}.{timestamp}.{body}",
    "{timestamp}{body}",
    "{id}.{body}",
    "{timestamp}:{body}",
    "v0:{timestamp}:{body}",
    "{header:webhook-event}{id}{body}",
];

/// Limits on what is taken from headers that are not the scheme's: a request may have very many of them.
const MAX_SOURCES: usize = 3;
const MAX_SOURCE_BYTES: usize = 256;
const MAX_LOOKALIKES: usize = 32;

/// Returns the contents that may have been signed instead, the likeliest first. If the scheme has no id or timestamp, or
/// the request lacks it, those of other schemes take its place.
pub(super) fn content_variants(
    scheme: &Scheme,
    has_id: bool,
    has_timestamp: bool,
    parts: &ParsedRequest<'_>,
) -> Vec<ContentVariant> {
    let own = || vec![None];
    let others = |sources: Vec<ValueSource>| sources.into_iter().map(Some).collect();
    let ids: Vec<Option<ValueSource>> = if has_id { own() } else { others(foreign_ids(parts)) };
    let timestamps = if has_timestamp { own() } else { others(foreign_timestamps(parts)) };
    let scheme_content = scheme.content.to_string();
    let mut variants = Vec::new();
    for name in TEMPLATES {
        let ids = if name.contains("{id}") { &ids } else { &own() };
        let timestamps = if name.contains("{timestamp}") { &timestamps } else { &own() };
        for (id, timestamp) in ids.iter().flat_map(|id| timestamps.iter().map(move |timestamp| (id, timestamp))) {
            let exact = with_sources(name, id.as_ref(), timestamp.as_ref());
            let is_own = exact == name;
            if let Some(content) = exact.parse().ok().filter(|_| exact != scheme_content) {
                variants.push(ContentVariant { name, content, exact: Some(exact).filter(|_| !is_own) });
            }
        }
    }
    variants
}

fn with_sources(template: &str, id: Option<&ValueSource>, timestamp: Option<&ValueSource>) -> String {
    let source = |source: &ValueSource| match source {
        ValueSource::Signature(key) => format!("{{sig:{key}}}"),
        other => format!("{{header:{}}}", other.name()),
    };
    let id = id.map_or_else(|| "{id}".to_owned(), source);
    let timestamp = timestamp.map_or_else(|| "{timestamp}".to_owned(), source);
    template.replace("{id}", &id).replace("{timestamp}", &timestamp)
}

/// Returns the headers that look like an id, those of Standard Webhooks first.
fn foreign_ids(parts: &ParsedRequest<'_>) -> Vec<ValueSource> {
    let is_id = |name: &str| name.ends_with("-id") || name.ends_with("-delivery") || name.ends_with("-guid");
    let mut found = headers_where(parts, |name, _| is_id(name));
    found.sort_by_key(|name| !matches!(name.as_str(), "webhook-id" | "svix-id"));
    found.truncate(MAX_SOURCES);
    found.into_iter().map(ValueSource::Header).collect()
}

/// Returns the headers, and the entry of the signature header, that look like a time.
fn foreign_timestamps(parts: &ParsedRequest<'_>) -> Vec<ValueSource> {
    let is_time = |name: &str, value: &[u8]| {
        let unix = matches!(value.len(), 10 | 13) && value.iter().all(u8::is_ascii_digit);
        unix || name.ends_with("-timestamp")
    };
    let mut found = headers_where(parts, is_time);
    found.sort_by_key(|name| !matches!(name.as_str(), "webhook-timestamp" | "svix-timestamp"));
    found.truncate(MAX_SOURCES);
    let entry = ValueSource::Signature("t".to_owned());
    let entry = Some(entry).filter(|entry| matches!(entry.find(parts), Lookup::Value(_)));
    found.into_iter().map(ValueSource::Header).chain(entry).collect()
}

/// Returns the names, in lower case, of the headers that occur once and match.
fn headers_where(parts: &ParsedRequest<'_>, matches: impl Fn(&str, &[u8]) -> bool) -> Vec<String> {
    let named = parts.request.headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value));
    let fits = |value: &[u8]| !value.is_empty() && value.len() <= MAX_SOURCE_BYTES;
    let matching = named.filter(|(name, value)| fits(value) && matches(name, value)).take(MAX_LOOKALIKES);
    matching.map(|(name, _)| name).filter(|name| parts.request.values(name).nth(1).is_none()).collect()
}
