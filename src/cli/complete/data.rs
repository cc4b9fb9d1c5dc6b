//! The data that completions come from: providers, editions, event types, scenarios and paths.

use std::path::Path;

use super::line::Line;
use super::{Candidate, CompletionData};
use crate::environment;
use crate::provider::EventPattern;
use crate::provider::{Catalog, Provider, ProviderRef};

/// The providers, and what the line says about them so far.
pub(super) struct Data {
    catalog: Catalog,
    /// The name of a provider on the line, in the environment or in the config.
    named: bool,
    /// That provider, if its file can be read.
    provider: Option<Provider>,
    types: Vec<EventPattern>,
    scenario: Option<String>,
}

impl Data {
    /// Reads what the line says.
    pub(super) fn read(line: &Line<'_>, source: CompletionData) -> Self {
        let catalog = (source.catalog)();
        let configured = || (source.default_provider)(line.given("config").last().map(Path::new));
        let flag = line.given("provider").last().map(ToOwned::to_owned);
        let name = flag.or_else(|| environment::var("WHK_PROVIDER")).and_then(|text| text.parse().ok());
        let name = name.or_else(configured);
        let named = name.is_some();
        let provider = name.and_then(|name| catalog.load(&name).ok());
        let types = line.given("type").filter_map(|text| text.parse().ok()).collect();
        Self { catalog, named, provider, types, scenario: line.given("scenario").last().map(ToOwned::to_owned) }
    }

    /// The names of providers; if one alone is meant, its editions as well.
    pub(super) fn providers(&self, typed: &str) -> Vec<Candidate> {
        let (begun, at_edition) = typed.split_once('@').map_or((typed, false), |(name, _)| (name, true));
        let is_named = |name: &&str| if at_edition { *name == begun } else { name.starts_with(begun) };
        let names: Vec<&str> = self.catalog.names().filter(is_named).collect();
        let mut found = Vec::new();
        for name in &names {
            // A file of the user's own that is broken has a name all the same.
            let provider = self.catalog.load(&ProviderRef::default_edition(name)).ok();
            let summary = provider.as_ref().map(|provider| provider.summary.clone()).unwrap_or_default();
            if !at_edition {
                found.push(Candidate::new(*name, summary));
            }
            for (edition, summary) in provider.iter().flat_map(|provider| &provider.editions) {
                let several = provider.as_ref().is_some_and(|provider| provider.editions.len() > 1);
                if names.len() == 1 && (several || at_edition) {
                    found.push(Candidate::new(format!("{name}@{edition}"), summary));
                }
            }
        }
        found
    }

    /// The types of the provider's events, or of all providers'.
    pub(super) fn types(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for provider in self.chosen() {
            let of = if self.provider.is_some() { String::new() } else { format!("{}: ", provider.title) };
            let candidate = |event: &crate::provider::Event| {
                Candidate::new(event.event_type.clone(), format!("{of}{}", event.description))
            };
            found.extend(provider.events.iter().map(candidate));
        }
        found
    }

    /// The scenarios of the provider, or of all.
    pub(super) fn scenarios(&self) -> Vec<Candidate> {
        let mut found = Vec::new();
        for provider in self.chosen() {
            let candidate = |scenario: &crate::provider::Scenario| {
                Candidate::new(scenario.name.clone(), scenario.description.clone())
            };
            found.extend(provider.scenarios.iter().map(candidate));
        }
        found
    }

    /// The paths of the chosen events, or of all events of the named provider.
    pub(super) fn paths(&self) -> Vec<Candidate> {
        if self.provider.is_none() && self.types.is_empty() && self.scenario.is_none() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for provider in self.chosen() {
            let steps: Vec<&str> = provider
                .scenarios
                .iter()
                .filter(|scenario| Some(&scenario.name) == self.scenario.as_ref())
                .flat_map(|scenario| &scenario.steps)
                .map(|step| step.event_type.as_str())
                .collect();
            let any = self.types.is_empty() && self.scenario.is_none();
            for event in &provider.events {
                let chosen = self.types.iter().any(|glob| glob.matches(&event.event_type))
                    || steps.contains(&&*event.event_type);
                if any || chosen {
                    found.extend(event.paths().unwrap_or_default().into_iter().map(Candidate::plain));
                }
            }
        }
        found
    }

    /// The named provider, or all if none is named.
    fn chosen(&self) -> Vec<Provider> {
        match &self.provider {
            Some(provider) => vec![provider.clone()],
            None if self.named => Vec::new(),
            None => self
                .catalog
                .names()
                .filter_map(|name| self.catalog.load(&ProviderRef::default_edition(name)).ok())
                .collect(),
        }
    }
}
