//! Events that are sent into the server: by the API, by `whk emit`, or by themselves.

use std::rc::Rc;

use jiff::Timestamp;
use serde::Serialize;

use super::changes::Change;
use super::engine::Engine;
use super::provider::ServedProvider;
use super::scope::is_in_scope;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::{Edit, EventPattern};
use crate::sender::{EventMessage, MessageOptions, Payload, ScenarioTimes};

/// A wish for events.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Emission {
    /// The provider; each that has the events if absent.
    pub(in crate::server) provider: Option<String>,
    /// Types of events.
    pub(in crate::server) types: Vec<EventPattern>,
    /// A scenario instead of types.
    pub(in crate::server) scenario: Option<String>,
    /// Changes of the samples.
    pub(in crate::server) edits: Vec<Edit>,
    /// The number of times.
    pub(in crate::server) count: u32,
}

/// An event that was emitted.
#[derive(Clone, Debug, Serialize)]
pub(in crate::server) struct EmittedEvent {
    provider: String,
    event_type: String,
    event_id: String,
    /// The ids of the webhooks that it goes to.
    webhooks: Vec<String>,
}

/// The messages of one provider.
struct Batch {
    provider: Rc<ServedProvider>,
    messages: Vec<EventMessage>,
}

impl Engine {
    /// Sends events to every webhook that subscribes to them, and to no other.
    ///
    /// # Errors
    /// No provider has these events, or an edit fits none of them.
    pub(in crate::server) fn emit(&mut self, emission: &Emission) -> Result<Vec<EmittedEvent>> {
        let mut emitted = Vec::new();
        for _ in 0..emission.count.max(1) {
            for batch in self.batches(emission)? {
                for message in &batch.messages {
                    emitted.push(self.publish(&batch.provider, message)?);
                }
            }
        }
        Ok(emitted)
    }

    /// Renders the events, for each provider that has them. Nothing is sent if one of them is wrong.
    fn batches(&mut self, emission: &Emission) -> Result<Vec<Batch>> {
        let named: Vec<Rc<ServedProvider>> =
            match &emission.provider {
                Some(name) => vec![Rc::clone(self.providers.get(name).ok_or_else(|| {
                    Error::new(format!("`{name}` is not served")).available("", self.providers.keys())
                })?)],
                None => self.providers.values().map(Rc::clone).collect(),
            };
        let (mut batches, mut failed) = (Vec::new(), None);
        for provider in named {
            let payload = match &emission.scenario {
                Some(scenario) => Payload::scenario(&provider.data, scenario),
                None => Payload::events(&provider.data, &emission.types),
            };
            let payload = match payload {
                Ok(payload) => payload,
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            };
            let options = MessageOptions {
                payload: &payload,
                edits: &emission.edits,
                times: ScenarioTimes::Past,
                speed: 1.0,
                now: self.now(),
                random: self.random(),
            };
            match EventMessage::render(&provider.data, options) {
                Ok(mut messages) => {
                    // A scenario that has just ended is delivered at once, in order.
                    for message in &mut messages {
                        message.delay = std::time::Duration::ZERO;
                    }
                    batches.push(Batch { provider, messages });
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if batches.is_empty() => Err(error),
            _ => Ok(batches),
        }
    }

    /// Sends a message to every webhook of its provider that subscribes to it.
    fn publish(&mut self, provider: &ServedProvider, message: &EventMessage) -> Result<EmittedEvent> {
        let name = &provider.data.name;
        let subscribes = |fields: &super::model::WebhookFields| {
            fields.enabled && fields.provider == *name && fields.events.contains(&message.event_type)
        };
        let rows: Vec<(i64, String)> = self
            .webhooks
            .iter()
            .filter(|webhook| subscribes(&webhook.fields) && is_in_scope(&webhook.fields, &message.body))
            .map(|webhook| (webhook.row, webhook.id.clone()))
            .collect();
        let targets: Vec<i64> = rows.iter().map(|(row, _)| *row).collect();
        self.deliver(provider, message, &targets)?;
        Ok(EmittedEvent {
            provider: name.clone(),
            event_type: message.event_type.clone(),
            event_id: message.event_id.clone(),
            webhooks: rows.into_iter().map(|(_, id)| id).collect(),
        })
    }

    /// Sends a message to these webhooks.
    fn deliver(&mut self, provider: &ServedProvider, message: &EventMessage, webhooks: &[i64]) -> Result {
        if webhooks.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let due = self.real_millis() + i64::try_from(message.delay.as_millis()).unwrap_or(i64::MAX / 2);
        let row = self.store.add_message(&provider.data.name, message, now)?;
        for (index, webhook) in webhooks.iter().enumerate() {
            let own_id =
                if provider.has_delivery_ids && index > 0 { Some(self.event_id(provider, now)?) } else { None };
            self.add_delivery(*webhook, row, own_id.as_deref(), due)?;
        }
        Ok(())
    }

    /// Adds a delivery of a message to a webhook; returns its row.
    fn add_delivery(&mut self, webhook: i64, message: i64, event_id: Option<&str>, due: i64) -> Result<i64> {
        let now = self.now();
        let row = self.store.add_delivery(webhook, message, event_id, due, now)?;
        self.schedule.add(webhook, due);
        self.changes.push(Change::Delivery(row));
        Ok(row)
    }

    /// Sends an event to one webhook alone, of this type or of the first that it subscribes to; returns the row of its
    /// delivery.
    ///
    /// # Errors
    /// Nothing can be delivered to the webhook, or it does not subscribe to the type.
    pub(in crate::server) fn send_test(&mut self, webhook: i64, event_type: Option<String>) -> Result<i64> {
        let events = self.webhooks.get(webhook).map(|webhook| webhook.fields.events.clone()).unwrap_or_default();
        let event_type = event_type.or_else(|| events.first().cloned()).unwrap_or_default();
        self.send_sample(webhook, &event_type, &[])
    }

    /// Sends the sample of an event, with some changes, to one webhook alone; returns the row of its delivery.
    ///
    /// # Errors
    /// Nothing can be delivered to the webhook, it does not subscribe to the type, or a change does not fit.
    pub(in crate::server) fn send_sample(&mut self, webhook: i64, event_type: &str, edits: &[Edit]) -> Result<i64> {
        let provider = self.open_provider(webhook)?;
        let events = self.webhooks.get(webhook).map(|webhook| webhook.fields.events.as_slice()).unwrap_or_default();
        if !events.iter().any(|have| have == event_type) {
            let error = Error::new(format!("the webhook does not subscribe to `{event_type}`"));
            return Err(error.kind(ErrorKind::Invalid).available("events", events));
        }
        let pattern = event_type.parse().map_err(|error: String| Error::new(error))?;
        let payload = Payload::events(&provider.data, &[pattern])?;
        let options = MessageOptions {
            payload: &payload,
            edits,
            times: ScenarioTimes::Past,
            speed: 1.0,
            now: self.now(),
            random: self.random(),
        };
        let messages = EventMessage::render(&provider.data, options)?;
        let message = messages.first().ok_or_else(|| Error::new(format!("there is no event `{event_type}`")))?;
        let now = self.now();
        let message = self.store.add_message(&provider.data.name, message, now)?;
        self.add_delivery(webhook, message, None, self.real_millis())
    }

    /// Sends the event of a delivery to its webhook once more, under the same id; returns the row of the new delivery.
    ///
    /// # Errors
    /// There is no such delivery, or nothing can be delivered to its webhook.
    pub(in crate::server) fn resend(&mut self, delivery: i64) -> Result<i64> {
        let source = self.store.delivery_source(delivery)?;
        let (webhook, message, event_id) =
            source.ok_or_else(|| Error::new(format!("there is no delivery {delivery}")).kind(ErrorKind::NotFound))?;
        self.open_provider(webhook)?;
        self.add_delivery(webhook, message, event_id.as_deref(), self.real_millis())
    }

    /// Returns the provider of a webhook that events can be delivered to now.
    fn open_provider(&self, webhook: i64) -> Result<Rc<ServedProvider>> {
        let conflict = |message: String| Error::new(message).kind(ErrorKind::Conflict);
        let webhook = self.webhooks.get(webhook).ok_or_else(|| conflict("the webhook was deleted".to_owned()))?;
        if !webhook.fields.enabled {
            return Err(conflict(format!("the webhook {} is disabled", webhook.id)).hint("enable it first"));
        }
        let name = &webhook.fields.provider;
        self.providers.get(name).map(Rc::clone).ok_or_else(|| conflict(format!("`{name}` is not served")))
    }

    fn event_id(&mut self, provider: &ServedProvider, now: Timestamp) -> Result<String> {
        let random = self.random();
        provider.data.new_id(&provider.data.values(random, now))
    }

    /// Plays a random scenario of a provider with webhooks, at the scenario's own times.
    pub(super) fn play_scenario(&mut self) -> Result {
        let has_webhook = |provider: &&Rc<ServedProvider>| {
            self.webhooks.iter().any(|webhook| webhook.fields.enabled && webhook.fields.provider == provider.data.name)
        };
        let providers: Vec<Rc<ServedProvider>> = self.providers.values().filter(has_webhook).map(Rc::clone).collect();
        let mut random = self.random();
        let mut pick = |count: usize| usize::try_from(random.below(count.max(1) as u64)).unwrap_or(0);
        let Some(provider) = providers.get(pick(providers.len())) else { return Ok(()) };
        let Some(scenario) = provider.data.scenarios.get(pick(provider.data.scenarios.len())) else { return Ok(()) };
        let options = MessageOptions {
            payload: &Payload::Scenario(scenario.clone()),
            edits: &[],
            times: ScenarioTimes::Live,
            speed: match self.speed {
                crate::delivery::TimeScale::Times(times) => times,
                crate::delivery::TimeScale::Max => 1e9,
            },
            now: self.now(),
            random: self.random(),
        };
        for message in EventMessage::render(&provider.data, options)? {
            self.publish(provider, &message)?;
        }
        Ok(())
    }
}
