//! Events that are rendered once and signed for each endpoint that they go to: as a provider with many endpoints does.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::{SignedDuration, Timestamp};

use super::event_request::with_signed_parameters;
use super::sequence;
use super::{Payload, ScenarioTimes};
use crate::error::{Error, Result};
use crate::http::client::{Endpoint, OutgoingRequest};
use crate::provider::{Edit, Provider, RefreshedField};
use crate::random::Rng;
use crate::signing::{Keyring, SignInput};

/// An event, not signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMessage {
    /// Its type.
    pub event_type: String,
    /// Its id.
    pub event_id: String,
    /// The headers that do not belong to the signature.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// The time from the first event of a scenario to this one.
    pub delay: Duration,
}

/// The options of [`EventMessage::render`].
#[derive(Debug)]
pub struct MessageOptions<'a> {
    /// The content; not a custom body.
    pub payload: &'a Payload,
    /// Changes of the samples.
    pub edits: &'a [Edit],
    /// Times of the events of a scenario: until now, or from now on.
    pub times: ScenarioTimes,
    /// Factor by which the time between the events of a scenario is divided.
    pub speed: f64,
    /// The current time.
    pub now: Timestamp,
    /// Random values.
    pub random: Rng,
}

impl EventMessage {
    /// Renders the events of a payload, in order.
    ///
    /// # Errors
    /// An edit has no effect on any of them, or a template cannot be filled.
    pub fn render(provider: &Provider, options: MessageOptions<'_>) -> Result<Vec<Self>> {
        let MessageOptions { payload, edits, times, speed, now, mut random } = options;
        let steps = match payload {
            Payload::Scenario(scenario) => sequence::from_scenario(scenario),
            payload => sequence::immediate(payload.event_count()),
        };
        let shared = match payload {
            Payload::Scenario(scenario) => Some(provider.scenario_values(scenario, fork(&mut random), now)),
            _ => None,
        };
        let mut messages = Vec::new();
        let (mut unmatched, mut paths): (Vec<usize>, Vec<String>) = ((0..edits.len()).collect(), Vec::new());
        let mut delay = Duration::ZERO;
        for step in steps {
            delay += step.delay.div_f64(speed);
            let at = match times {
                ScenarioTimes::Past => now.checked_sub(step.before_last),
                ScenarioTimes::Live => {
                    SignedDuration::try_from(delay).map(|delay| now.checked_add(delay)).unwrap_or(Ok(now))
                }
            };
            let at = at.unwrap_or(now);
            let own;
            let values = if let Some(values) = &shared {
                values
            } else {
                own = provider.values(fork(&mut random), now);
                &own
            };
            values.set_times(at, at);
            let event_id = provider.new_id(values)?;
            values.set("id", event_id.as_str());
            let event = payload.event_type(step.event).and_then(|event_type| provider.event(event_type));
            let event = event.expect("only types of the provider are chosen");
            let rendered = event.render(provider, values, edits)?;
            unmatched.retain(|index| rendered.unmatched_edits.contains(index));
            paths = rendered.paths;
            messages.push(Self {
                event_type: event.event_type.clone(),
                event_id,
                headers: provider.render_headers(values)?,
                body: rendered.body.into(),
                delay,
            });
        }
        match unmatched.first() {
            Some(index) => {
                let path = edits[*index].path().to_string();
                Err(Error::new(format!("no chosen event has the field `{path}`")).available("fields", paths))
            }
            None => Ok(messages),
        }
    }

    /// Signs the event for an endpoint, as an attempt with this number sends it at this time.
    ///
    /// # Errors
    /// It cannot be signed.
    pub fn sign(
        &self,
        provider: &Provider,
        keyring: &Keyring,
        endpoint: &Endpoint,
        (at, attempt): (Timestamp, u32),
    ) -> Result<OutgoingRequest> {
        let takes_new_time = provider.delivery.refreshed.contains(&RefreshedField::Timestamp);
        let refreshed = if takes_new_time { provider.with_timestamp(&self.body, at) } else { None };
        let mut body = refreshed.map_or_else(|| self.body.clone(), Bytes::from);
        if let Some(counted) = provider.with_retry_count(&body, attempt.saturating_sub(1)) {
            body = counted.into();
        }
        let url = endpoint.wire_url();
        let input = SignInput {
            id: &self.event_id,
            at: at.as_millisecond(),
            method: "POST",
            body: &body,
            url: &url,
            headers: &self.headers,
        };
        let signature = provider.sign(keyring, &input)?;
        let headers = self.headers.iter().cloned().chain(signature.headers);
        Ok(OutgoingRequest {
            method: Method::POST,
            endpoint: with_signed_parameters(endpoint, &signature.parameters),
            headers: headers.map(|(name, value)| (name, Bytes::from(value))).collect(),
            body: signature.body.map_or(body, Bytes::from),
        })
    }
}

/// Returns a random source of its own.
fn fork(random: &mut Rng) -> Rng {
    Rng::seeded(random.bits())
}
