//! What a provider's scheme cannot protect against, whatever a handler does.

use crate::provider::Provider;
use crate::signing::ValueSource;

/// Returns the weaknesses of a provider's scheme, a sentence each.
#[must_use]
pub fn weaknesses(provider: &Provider) -> Vec<String> {
    let scheme = &provider.scheme;
    let mut found = Vec::new();
    match &scheme.timestamp {
        None => found.push("no timestamp is signed: a captured request is good forever".to_owned()),
        Some(rule) => {
            let in_body = matches!(rule.from[0], ValueSource::Json(_));
            let signed = scheme.content.has_timestamp() || in_body && scheme.content.has_body();
            if !signed && !matches!(rule.from[0], ValueSource::Json(_)) {
                found.push(
                    "the timestamp is not signed: a captured request can be sent again with a new one".to_owned(),
                );
            } else if rule.max_age.is_none() {
                found.push("no limit of the age is documented: a captured request is good forever".to_owned());
            }
        }
    }
    let id = provider.event_fields.id.first().and_then(ValueSource::header);
    if id.is_some() && scheme.id.is_none() {
        found.push("the id is not signed: duplicates can be disguised".to_owned());
    }
    if !scheme.content.has_body() && scheme.requirements.is_empty() {
        found.push("the body is not signed: anyone who sees a request can change its content".to_owned());
    }
    if scheme.signature.separator.is_none() {
        found.push("a request has one signature: a rotation needs both secrets in the handler".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Catalog, ProviderRef};

    #[test]
    fn what_a_scheme_leaves_open_is_named() {
        let of = |name: &str| {
            let provider = Catalog::new(Vec::new()).load(&ProviderRef::default_edition(name)).unwrap();
            weaknesses(&provider)
        };
        assert_eq!(of("ahasend"), [""; 0]);
        assert!(of("selfmx")[0].starts_with("no timestamp is signed"));
        assert!(of("autosend")[0].starts_with("the timestamp is not signed"));
        assert!(of("mailgun").iter().any(|weakness| weakness.starts_with("the body is not signed")));
    }
}
