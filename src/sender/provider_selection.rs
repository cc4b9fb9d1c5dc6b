//! The selection of the provider: the named one, or the only one that has the events asked for.

use super::payload::event_type_of;
use crate::error::{Error, Result};
use crate::provider::{Catalog, EventPattern, Provider, ProviderRef};
use crate::strict_toml::nearest;

/// The facts by which a provider is selected.
#[derive(Clone, Copy, Debug)]
pub struct ProviderQuery<'a> {
    /// The provider that is asked for.
    pub named: Option<&'a ProviderRef>,
    /// The provider that is used where others do not fit better.
    pub preferred: Option<&'a ProviderRef>,
    /// The name of a scenario.
    pub scenario: Option<&'a str>,
    /// Types of events.
    pub event_types: &'a [EventPattern],
    /// A custom body, which may name its type.
    pub body: Option<&'a [u8]>,
}

/// Selects the provider: the named one, else the only one that has the scenario or the types.
///
/// # Errors
/// No provider fits, or more than one does.
pub fn select_provider(catalog: &Catalog, query: &ProviderQuery<'_>) -> Result<Provider> {
    if let Some(name) = query.named {
        return catalog.load(name);
    }
    if let Some(scenario) = query.scenario {
        return select_by_scenario(catalog, query.preferred, scenario);
    }
    let patterns = match query.body {
        Some(body) if query.event_types.is_empty() => {
            event_type_of(body).and_then(|event_type| event_type.parse().ok()).into_iter().collect()
        }
        _ => query.event_types.to_vec(),
    };
    // `*` matches the events of every provider.
    let telling: Vec<&EventPattern> = patterns.iter().filter(|pattern| pattern.as_str() != "*").collect();
    let found = if telling.is_empty() {
        Vec::new()
    } else {
        catalog.with_event(|event_type| telling.iter().any(|pattern| pattern.matches(event_type)))?
    };
    if let Some(name) = query.preferred
        && (found.is_empty() || found.iter().any(|provider| provider.name == name.provider))
    {
        return catalog.load(name);
    }
    let names: Vec<&str> = found.iter().map(|provider| provider.name.as_str()).collect();
    match names.as_slice() {
        [_] => Ok(found.into_iter().next().expect("there is one")),
        [] if telling.is_empty() => Err(Error::new("cannot tell which provider this is")
            .available("providers", catalog.names())
            .hint("choose one: -p ahasend")),
        [] => Err(unknown_event_type(catalog, telling[0].as_str())?),
        [first, ..] => Err(Error::new(format!(
            "{} events of more than one provider: {}",
            if let [pattern] = telling.as_slice() {
                format!("`{}` matches", pattern.as_str())
            } else {
                "these types match".to_owned()
            },
            names.join(", ")
        ))
        .hint(format!("choose one: -p {first}"))),
    }
}

/// Returns the preferred provider, else the only one with such a scenario.
fn select_by_scenario(catalog: &Catalog, preferred: Option<&ProviderRef>, scenario: &str) -> Result<Provider> {
    if let Some(preferred) = preferred {
        return catalog.load(preferred);
    }
    let mut found = Vec::new();
    for name in catalog.names() {
        let provider = catalog.load(&ProviderRef::default_edition(name))?;
        if provider.scenarios.iter().any(|known| known.name == scenario) {
            found.push(provider);
        }
    }
    let names: Vec<&str> = found.iter().map(|provider| provider.name.as_str()).collect();
    match names.as_slice() {
        [_] => Ok(found.remove(0)),
        [] => {
            Err(Error::new(format!("no known provider has a scenario `{scenario}`"))
                .hint("for their names: whk events"))
        }
        [first, ..] => {
            Err(Error::new(format!("more than one provider has a scenario `{scenario}`: {}", names.join(", ")))
                .hint(format!("choose one: -p {first}")))
        }
    }
}

fn unknown_event_type(catalog: &Catalog, wanted: &str) -> Result<Error> {
    let mut known = Vec::new();
    for name in catalog.names() {
        let provider = catalog.load(&ProviderRef::default_edition(name))?;
        known.extend(provider.events.into_iter().map(|event| event.event_type));
    }
    let error = Error::new(format!("no known provider has an event `{wanted}`"));
    Ok(match nearest(wanted, known.iter().map(String::as_str)) {
        Some(nearest) => error.hint(format!("did you mean --type {nearest}?")),
        None => error.hint("for all of them: whk events; to send a body of your own: -p NAME -d @body.json"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: ProviderQuery<'_> =
        ProviderQuery { named: None, preferred: None, scenario: None, event_types: &[], body: None };

    fn selected(query: &ProviderQuery<'_>) -> std::result::Result<String, String> {
        match select_provider(&Catalog::new(Vec::new()), query) {
            Ok(provider) => Ok(provider.name),
            Err(error) => Err(error.one_line()),
        }
    }

    #[test]
    fn a_type_of_one_provider_selects_it() {
        let suppression = ["suppression.created".parse().unwrap()];
        assert_eq!(selected(&ProviderQuery { event_types: &suppression, ..EMPTY }), Ok("ahasend".to_owned()));
        let body = Some(br#"{"type":"suppression.created"}"#.as_slice());
        assert_eq!(selected(&ProviderQuery { body, ..EMPTY }), Ok("ahasend".to_owned()));
    }

    #[test]
    fn the_named_provider_comes_before_the_types_and_the_preferred_one() {
        let (github, stripe) = (ProviderRef::default_edition("github"), ProviderRef::default_edition("stripe"));
        let query = ProviderQuery { preferred: Some(&stripe), ..EMPTY };
        assert_eq!(selected(&query), Ok("stripe".to_owned()));
        assert_eq!(selected(&ProviderQuery { named: Some(&github), ..query }), Ok("github".to_owned()));
    }

    #[test]
    fn without_a_fact_that_tells_the_provider_there_is_none() {
        let all = ["all".parse().unwrap()];
        let expected = Err("cannot tell which provider this is".to_owned());
        assert_eq!(selected(&ProviderQuery { event_types: &all, ..EMPTY }), expected);
        assert_eq!(selected(&EMPTY), expected);
    }

    #[test]
    fn an_unknown_type_beside_all_is_the_one_that_the_error_names() {
        let types = ["all".parse().unwrap(), "nope".parse().unwrap()];
        let expected = Err("no known provider has an event `nope`".to_owned());
        assert_eq!(selected(&ProviderQuery { event_types: &types, ..EMPTY }), expected);
    }
}
