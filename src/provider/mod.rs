//! Providers, read from data: the events of each, its signing scheme, its delivery policy and its responses.

mod body_format;
mod builtin;
mod catalog;
mod delivery_policy;
mod edit;
mod event;
mod event_pattern;
mod failure;
mod json_path;
mod manifest;
mod manifest_check;
mod manifest_index;
mod reference;
mod scenario;
mod signing;
mod template;

pub use body_format::BodyFormat;
pub use catalog::Catalog;
pub use delivery_policy::{DeliveryPolicy, FinalResponse, MinDelay, RefreshedField, StatusRanges};
pub use edit::{Edit, EditError};
pub use event::{Event, RenderedEvent};
pub use event_pattern::EventPattern;
pub use failure::{FailureCondition, FailureKind, RetryReasons};
pub use json_path::JsonPath;
pub use manifest::{ProviderResponses, StaticResponse};
pub use manifest_check::{CheckedManifest, check_manifest};
pub use reference::ProviderRef;
pub use scenario::{Scenario, ScenarioStep};
pub use signing::{Signature, with_parameters};
pub use template::TemplateContext;

use indexmap::IndexMap;

use crate::error::{Error, Result};
use crate::random::Rng;
use crate::signing::{Challenge, Request, Scheme, Secret, ValueSource};

/// Looks up the secrets of a provider: none if no secret is known, or an error if there must be one. It is called once
/// for each provider, when that is first needed.
pub type SecretLookup<'a> = Box<dyn Fn(&Provider) -> Result<Vec<Secret>> + 'a>;

/// One provider in one edition.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Name, such as `ahasend`.
    pub name: String,
    /// Name of the company or standard.
    pub title: String,
    /// Other names, such as the name of the specification.
    pub aliases: Vec<String>,
    /// Description, one sentence.
    pub summary: String,
    /// This edition.
    pub edition: String,
    /// All editions, each with its description.
    pub editions: Vec<(String, String)>,
    /// Signing scheme.
    pub scheme: Scheme,
    /// Documented limits, such as the number of webhooks: a name and a text each.
    pub limits: IndexMap<String, String>,
    /// Templates of its other headers.
    pub headers: IndexMap<String, String>,
    /// Delivery policy: timeout, success, retries.
    pub delivery: DeliveryPolicy,
    /// Responses of its own samples.
    pub responses: ProviderResponses,
    /// Format of its bodies.
    pub body_format: BodyFormat,
    /// Sources of the fields of an event.
    pub event_fields: EventFields,
    /// Its events, in the order of an event's life.
    pub events: Vec<Event>,
    /// The challenges that it sends to an endpoint.
    pub challenges: Vec<Challenge>,
    /// Its scenarios: events of one life in order.
    pub scenarios: Vec<Scenario>,
    secret: manifest::SecretSpec,
    id: String,
    values: IndexMap<String, template::ValueSpec>,
}

/// An attempt to deliver an event, as its headers describe it.
#[derive(Clone, Copy, Debug)]
pub struct EventAttempt<'a> {
    /// The event's type; empty if it is not known.
    pub event_type: &'a str,
    /// The event's id.
    pub event_id: &'a str,
    /// The number of the attempt, from 1.
    pub number: u32,
    /// The failure of the attempt before it, if it is known.
    pub last_failure: Option<FailureKind>,
    /// The time of sending; without it, headers with such a time are left as they are.
    pub sent: Option<jiff::Timestamp>,
}

/// The sources of an event's fields in a request.
#[derive(Clone, Debug)]
pub struct EventFields {
    /// The event's type.
    pub event_type: Vec<ValueSource>,
    /// The id that stays the same over retries.
    pub id: Vec<ValueSource>,
    /// The sender, for the one-line view.
    pub from: Vec<ValueSource>,
    /// The recipient, for the one-line view.
    pub to: Vec<ValueSource>,
}

/// Sender and recipient of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participants {
    /// The sender, if the body names one.
    pub from: Option<String>,
    /// The recipient, if the body names one.
    pub to: Option<String>,
}

impl Provider {
    /// Makes a secret in the provider's format, from the system's random source.
    pub fn new_secret(&self) -> Result<Secret> {
        self.secret_from(&self.secret.make, Rng::System)
    }

    /// Makes a secret in the provider's format from these random values. It protects nothing.
    pub fn seeded_secret(&self, random: Rng) -> Result<Secret> {
        self.secret_from(&self.secret.make, random)
    }

    /// Makes a key pair, if the provider can sign with one.
    pub fn new_key_pair(&self) -> Result<Secret> {
        let template = self.secret.make_pair.as_ref().ok_or_else(|| {
            Error::new(format!("{} has one form of secret only", self.title))
                .hint(format!("whk secret new -p {}", self.name))
        })?;
        self.secret_from(template, Rng::System)
    }

    fn secret_from(&self, template: &str, random: Rng) -> Result<Secret> {
        let values = TemplateContext::new(&self.values, random, jiff::Timestamp::UNIX_EPOCH);
        Ok(Secret::new(self.text(&values, template)?))
    }

    /// Makes an event id.
    pub fn new_id(&self, values: &TemplateContext<'_>) -> Result<String> {
        self.text(values, &self.id)
    }

    /// Returns the template context of one event that occurs at `now`.
    #[must_use]
    pub fn values(&self, random: Rng, now: jiff::Timestamp) -> TemplateContext<'_> {
        TemplateContext::new(&self.values, random, now)
    }

    /// Returns the template context that all events of a scenario share.
    #[must_use]
    pub fn scenario_values(&self, scenario: &Scenario, random: Rng, now: jiff::Timestamp) -> TemplateContext<'_> {
        let values = self.values(random, now);
        for (name, value) in &scenario.values {
            values.set(name, value.as_str());
        }
        values
    }

    /// Renders the headers other than the scheme's.
    pub fn render_headers(&self, values: &TemplateContext<'_>) -> Result<Vec<(String, String)>> {
        let mut headers = self.render_all_headers(values)?;
        headers.retain(|(_, value)| !value.is_empty());
        Ok(headers)
    }

    /// Renders the headers other than the scheme's, also those with an empty value, which are not sent: a custom body may
    /// have no type, and a first attempt has no number of a retry.
    pub fn render_all_headers(&self, values: &TemplateContext<'_>) -> Result<Vec<(String, String)>> {
        self.headers.iter().map(|(name, value)| Ok((name.clone(), self.text(values, value)?))).collect()
    }

    /// Renders the headers that differ between the attempts of an event, for one attempt; with an empty value those that
    /// it does not have.
    pub fn render_attempt_headers(&self, attempt: &EventAttempt<'_>) -> Result<Vec<(String, String)>> {
        let own = |template: &str| template::depends_on_attempt(&self.values, template, attempt.sent.is_some());
        let templates: Vec<_> = self.headers.iter().filter(|(_, template)| own(template)).collect();
        if templates.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.values(Rng::seeded(u64::from(attempt.number)), attempt.sent.unwrap_or_default());
        values.set("type", attempt.event_type);
        values.set("id", attempt.event_id);
        let reasons = &self.delivery.retry_reasons;
        let failure = attempt.last_failure.unwrap_or(FailureKind::Other);
        values.set_attempt(attempt.number, if attempt.number > 1 { reasons.word(failure) } else { "" });
        templates.into_iter().map(|(name, value)| Ok((name.clone(), self.text(&values, value)?))).collect()
    }

    /// Returns the sender and the recipient of an event, if its body names them.
    #[must_use]
    pub fn participants(&self, request: &Request<'_>) -> Participants {
        let EventFields { from, to, .. } = &self.event_fields;
        Participants { from: ValueSource::first_string(from, request), to: ValueSource::first_string(to, request) }
    }

    /// Returns the event of this exact type.
    #[must_use]
    pub fn event(&self, event_type: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.event_type == event_type)
    }

    /// True if the provider sends events of this type, in this edition.
    #[must_use]
    pub fn has_event(&self, event_type: &str) -> bool {
        self.event(event_type).is_some()
    }

    fn text(&self, values: &TemplateContext<'_>, template: &str) -> Result<String> {
        values.text(template).map_err(|error| {
            Error::new(format!("provider `{}` has a template that cannot be filled: `{template}`", self.name))
                .cause(error)
        })
    }
}
