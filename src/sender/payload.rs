//! The content of requests: a provider's events, one of its scenarios, or a custom body.

use bytes::Bytes;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::provider::{EventPattern, Provider, Scenario};
use crate::signing::{Request, ValueSource};
use crate::strict_toml::nearest;

/// The content of the requests of one round.
#[derive(Clone, Debug)]
pub enum Payload {
    /// These types of the provider's events, in this order.
    Events(Vec<String>),
    /// The events of a scenario, in order and with common values.
    Scenario(Scenario),
    /// This body, as one event.
    Custom {
        /// Body, byte for byte.
        body: Bytes,
        /// Event type, if it is known.
        event_type: Option<String>,
    },
}

impl Payload {
    /// Selects the provider's events of these types.
    ///
    /// # Errors
    /// A pattern matches none of them.
    pub fn events(provider: &Provider, patterns: &[EventPattern]) -> Result<Self> {
        Ok(Self::Events(select_event_types(provider, patterns)?))
    }

    /// Finds a scenario of the provider.
    ///
    /// # Errors
    /// The provider has none of this name.
    pub fn scenario(provider: &Provider, name: &str) -> Result<Self> {
        if let Some(scenario) = provider.scenarios.iter().find(|scenario| scenario.name == name) {
            return Ok(Self::Scenario(scenario.clone()));
        }
        let known: Vec<&str> = provider.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let error = Error::new(format!("{}@{} has no scenario `{name}`", provider.name, provider.edition));
        if known.is_empty() {
            return Err(error.hint("a message's own events: --type all"));
        }
        let nearest = nearest(name, known.iter().copied()).unwrap_or(known[0]);
        Err(error.available("scenarios", &known).hint(format!("did you mean --scenario {nearest}?")))
    }

    /// Takes a custom body. Its type is the given one, or the one that the provider's fields name.
    ///
    /// # Errors
    /// There is more than one type, or a pattern.
    pub fn custom(provider: &Provider, body: Bytes, patterns: &[EventPattern]) -> Result<Self> {
        let event_type = match patterns {
            [] => {
                let request = Request { method: "POST", url: "/", headers: &[], body: &body };
                ValueSource::first_string(&provider.event_fields.event_type, &request)
            }
            [pattern] if pattern.is_plain() => Some(pattern.as_str().to_owned()),
            _ => return Err(Error::new("--data takes at most one --type, and no pattern")),
        };
        Ok(Self::Custom { body, event_type })
    }

    /// Returns the number of events, which is not 0.
    #[must_use]
    pub fn event_count(&self) -> usize {
        match self {
            Self::Events(types) => types.len(),
            Self::Scenario(scenario) => scenario.steps.len(),
            Self::Custom { .. } => 1,
        }
    }

    /// Returns the type of the event at an index, if it is known.
    #[must_use]
    pub fn event_type(&self, index: usize) -> Option<&str> {
        match self {
            Self::Events(types) => types.get(index).map(String::as_str),
            Self::Scenario(scenario) => scenario.steps.get(index).map(|step| step.event_type.as_str()),
            Self::Custom { event_type, .. } => event_type.as_deref(),
        }
    }

    /// Returns the known types, in order.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        (0..self.event_count()).filter_map(|index| self.event_type(index))
    }

    /// Returns the body, if it is a custom one.
    #[must_use]
    pub fn custom_body(&self) -> Option<&[u8]> {
        match self {
            Self::Custom { body, .. } => Some(body),
            Self::Events(_) | Self::Scenario(_) => None,
        }
    }
}

/// Returns the type that a JSON body names, in the fields that are most common.
pub(super) fn event_type_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    ["type", "event"].iter().find_map(|key| body.get(key)?.as_str().map(str::to_owned))
}

/// Returns the types in the order asked for; those of a pattern are in the order of the provider.
fn select_event_types(provider: &Provider, patterns: &[EventPattern]) -> Result<Vec<String>> {
    let known = || provider.events.iter().map(|event| event.event_type.as_str());
    let mut selected = Vec::new();
    for pattern in patterns {
        let before = selected.len();
        selected.extend(known().filter(|event_type| pattern.matches(event_type)).map(str::to_owned));
        if selected.len() == before {
            let wanted = pattern.as_str();
            let error = Error::new(format!("{}@{} has no event `{wanted}`", provider.name, provider.edition))
                .available("events", known());
            return Err(match nearest(wanted, known()) {
                Some(nearest) => error.hint(format!("did you mean --type {nearest}?")),
                None => error.hint("to send your own body: -d @body.json"),
            });
        }
    }
    Ok(selected)
}
