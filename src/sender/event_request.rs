//! The requests of events: built from a provider's data and signed, and broken if a mutation asks for it.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::de::IgnoredAny;

use super::option_check::OptionCheck;
use super::sequence::{self, SequenceStep};
use super::{BodyStyle, EventId, Mutation, Payload, SigningTime};
use crate::clock::Clock;
use crate::delivery::Attempt;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::provider::{BodyFormat, Edit, EventAttempt, Provider, RefreshedField, TemplateContext, with_parameters};
use crate::random::Rng;
use crate::signing::{Keyring, Secret, SignInput};

/// The options of the requests, resolved once.
#[derive(Clone, Debug)]
pub struct EventRequestOptions {
    /// URL of the handler, as some schemes sign it.
    pub url: String,
    /// Content of the requests.
    pub payload: Payload,
    /// Changes of the samples.
    pub edits: Vec<Edit>,
    /// Style in which JSON is written.
    pub body_style: BodyStyle,
    /// Headers that are added, or replace others.
    pub headers: Vec<(String, String)>,
    /// The id of every event; a new one for each if absent.
    pub event_id: Option<EventId>,
    /// Time that is signed.
    pub signing_time: SigningTime,
    /// Times at which the events of a scenario occur.
    pub scenario_times: ScenarioTimes,
    /// Mutations, each of which takes a round of its own; without one, requests are valid.
    pub mutations: Vec<Mutation>,
    /// The number of times that the sequence is sent, for each mutation.
    pub count: u64,
    /// Send each round in random order.
    pub shuffle: bool,
    /// Send each request twice.
    pub duplicate: bool,
    /// Allow [`EventRequestFactory::refresh`]; each request then keeps a copy of its unsigned headers.
    pub refreshable: bool,
    /// Clock of the events.
    pub clock: Clock,
    /// Seed of all random values.
    pub seed: u64,
}

impl EventRequestOptions {
    /// Returns the options of one valid request for each event of a payload.
    #[must_use]
    pub fn new(url: impl Into<String>, payload: Payload, clock: Clock, seed: u64) -> Self {
        Self {
            url: url.into(),
            payload,
            edits: Vec::new(),
            body_style: BodyStyle::Provider,
            headers: Vec::new(),
            event_id: None,
            signing_time: SigningTime::Now,
            scenario_times: ScenarioTimes::Past,
            mutations: Vec::new(),
            count: 1,
            shuffle: false,
            duplicate: false,
            refreshable: false,
            clock,
            seed,
        }
    }
}

/// The times at which the events of a scenario occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScenarioTimes {
    /// The scenario has just ended: its events occurred one after the other until now.
    Past,
    /// Each event occurs when its request is built.
    Live,
}

/// One request, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedRequest {
    /// Event type, if it is known.
    pub event_type: Option<String>,
    /// Event id.
    pub event_id: String,
    /// The mutation that broke it.
    pub mutation: Option<Mutation>,
    /// Time at which it was built.
    pub built_at: Timestamp,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body, byte for byte.
    pub body: Bytes,
    /// Parameters that are added to the URL.
    parameters: Vec<(String, String)>,
    /// The headers that do not belong to the signature, those with an empty value included, which are not sent; none
    /// unless it can be refreshed.
    unsigned_headers: Vec<(String, String)>,
    /// The body before it was signed and mutated.
    unsigned_body: Bytes,
    /// The time that is signed.
    signed_at: Timestamp,
}

impl PreparedRequest {
    /// Returns the endpoint that it is sent to, with the parameters that its provider adds.
    #[must_use]
    pub fn endpoint(&self, endpoint: &Endpoint) -> Endpoint {
        with_signed_parameters(endpoint, &self.parameters)
    }
}

/// Returns an endpoint with the parameters that were signed.
pub(super) fn with_signed_parameters(endpoint: &Endpoint, parameters: &[(String, String)]) -> Endpoint {
    if parameters.is_empty() {
        return endpoint.clone();
    }
    endpoint.with_target(&with_parameters(&endpoint.target(), parameters))
}

/// Builds the requests of a run. Its options are checked before the first one is built.
pub struct EventRequestFactory {
    provider: Provider,
    options: EventRequestOptions,
    keyring: Keyring,
    /// The keys of [`Mutation::WrongSecret`].
    wrong_keyring: Option<Keyring>,
    notes: Vec<String>,
}

impl EventRequestFactory {
    /// Checks the options, and makes a factory that signs with these secrets.
    ///
    /// # Errors
    /// The provider cannot sign with a secret, or an edit or the body style changes no chosen event.
    pub fn new(provider: Provider, secrets: &[Secret], options: EventRequestOptions) -> Result<Self> {
        let keyring = keyring(&provider, secrets)?;
        let wrong_keyring = if options.mutations.contains(&Mutation::WrongSecret) {
            Some(self::keyring(&provider, &[provider.new_secret()?])?)
        } else {
            None
        };
        let mut notes = keyring.warnings().to_vec();
        let check = OptionCheck { provider: &provider, options: &options };
        notes.extend(check.notes(|| provider.values(Rng::for_event(options.seed, 0), options.clock.now()))?);
        Ok(Self { provider, options, keyring, wrong_keyring, notes })
    }

    /// Returns the provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Returns the content of the requests.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.options.payload
    }

    /// Returns the mutations; empty if the requests are valid.
    #[must_use]
    pub fn mutations(&self) -> &[Mutation] {
        &self.options.mutations
    }

    /// Returns what a person should know about these options before the first request is sent.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the number of times that the sequence is sent; with mutations, once for each of them.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.options.count.saturating_mul(self.options.mutations.len().max(1) as u64)
    }

    /// Returns the mutation of a round, if it has one.
    #[must_use]
    pub fn mutation(&self, round: u64) -> Option<Mutation> {
        let index = round.checked_rem(self.options.mutations.len() as u64)?;
        self.options.mutations.get(usize::try_from(index).ok()?).copied()
    }

    /// Returns the steps of one round, in order.
    #[must_use]
    pub fn steps(&self, round: u64) -> Vec<SequenceStep> {
        let mut steps = match &self.options.payload {
            Payload::Scenario(scenario) => sequence::from_scenario(scenario),
            payload => sequence::immediate(payload.event_count()),
        };
        if self.options.shuffle {
            sequence::shuffle(&mut steps, &mut self.random(!round));
        }
        if self.options.duplicate { sequence::duplicated(steps) } else { steps }
    }

    /// Returns the values that all events of a scenario share in one round; nothing for other payloads.
    #[must_use]
    pub fn scenario_values(&self, round: u64) -> Option<TemplateContext<'_>> {
        let Payload::Scenario(scenario) = &self.options.payload else { return None };
        Some(self.provider.scenario_values(scenario, self.random(round), self.options.clock.now()))
    }

    /// Builds and signs the request of a step. The round gives its mutation and, with the seed, its values;
    /// `scenario_values` are those of the round.
    ///
    /// # Errors
    /// The signing time is impossible, or the request cannot be signed or broken.
    pub fn build(
        &self,
        round: u64,
        step: &SequenceStep,
        scenario_values: Option<&TemplateContext<'_>>,
    ) -> Result<PreparedRequest> {
        let (provider, payload) = (&self.provider, &self.options.payload);
        let now = self.options.clock.now();
        let mutation = self.mutation(round);
        let (signed_at, occurred_at) = (self.signed_at(now, mutation)?, self.occurred_at(now, step));
        let own_values;
        let values = if let Some(values) = scenario_values {
            values
        } else {
            let number = round.wrapping_mul(payload.event_count() as u64).wrapping_add(step.event as u64);
            own_values = provider.values(self.random(number), now);
            &own_values
        };
        values.set_times(occurred_at, signed_at);
        let event_id = match &self.options.event_id {
            Some(id) => id.as_str().to_owned(),
            None => provider.new_id(values)?,
        };
        values.set("id", event_id.as_str());
        let event_type = payload.event_type(step.event).map(str::to_owned);
        let unsigned_body = if let Payload::Custom { body, .. } = payload {
            body.clone()
        } else {
            let event = event_type.as_deref().and_then(|event_type| provider.event(event_type));
            let event = event.expect("only types of the provider are chosen");
            event.render(provider, values, &self.options.edits)?.body.into()
        };
        values.set("type", event_type.clone().unwrap_or_default());
        let mut request = PreparedRequest {
            event_type,
            event_id,
            mutation,
            built_at: now,
            headers: Vec::new(),
            body: Bytes::new(),
            parameters: Vec::new(),
            unsigned_headers: self.unsigned_headers(values, &unsigned_body)?,
            unsigned_body,
            signed_at,
        };
        self.sign(&mut request)?;
        Ok(request)
    }

    /// Updates the request for a further attempt: fields that the provider refreshes are new, headers describe the
    /// attempt, and the rest stays. The options must be [`refreshable`](EventRequestOptions::refreshable).
    ///
    /// # Errors
    /// The signing time is impossible, or the request cannot be signed or broken.
    pub fn refresh(&self, request: &mut PreparedRequest, attempt: &Attempt) -> Result {
        debug_assert!(self.options.refreshable, "a request that is refreshed keeps its unsigned headers");
        let provider = &self.provider;
        let renews = provider.delivery.refreshed.contains(&RefreshedField::Timestamp);
        if renews {
            request.signed_at = self.signed_at(self.options.clock.now(), request.mutation)?;
            if let Some(body) = provider.with_timestamp(&request.unsigned_body, request.signed_at) {
                request.unsigned_body = body.into();
            }
        }
        let counted = provider.with_retry_count(&request.unsigned_body, attempt.number.saturating_sub(1));
        let is_counted = counted.is_some();
        if let Some(body) = counted {
            request.unsigned_body = body.into();
        }
        let described = provider.render_attempt_headers(&EventAttempt {
            event_type: request.event_type.as_deref().unwrap_or_default(),
            event_id: &request.event_id,
            number: attempt.number,
            last_failure: attempt.last_failure,
            sent: Some(request.signed_at),
        })?;
        if !renews && !is_counted && described.is_empty() {
            return Ok(());
        }
        for (name, value) in described {
            if let Some((_, have)) = request.unsigned_headers.iter_mut().find(|(have, _)| *have == name) {
                *have = value;
            }
        }
        self.sign(request)
    }

    /// Renders the headers that do not belong to the signature. If the provider sends forms, a custom body that is JSON
    /// has the media type of JSON.
    fn unsigned_headers(&self, values: &TemplateContext<'_>, body: &Bytes) -> Result<Vec<(String, String)>> {
        let mut headers = self.provider.render_all_headers(values)?;
        let is_custom = self.provider.body_format == BodyFormat::Form && self.payload().custom_body().is_some();
        let json = || matches!(body.first(), Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(body).is_ok();
        let chosen = self.options.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media_type = match chosen {
            Some((_, value)) if is_custom => Some(value.as_str()),
            None if is_custom && json() => Some("application/json"),
            _ => None,
        };
        if let Some(media_type) = media_type {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.push(("content-type".to_owned(), media_type.to_owned()));
        }
        Ok(headers)
    }

    fn random(&self, number: u64) -> Rng {
        Rng::for_event(self.options.seed, number)
    }

    /// Returns the time that is signed.
    fn signed_at(&self, now: Timestamp, mutation: Option<Mutation>) -> Result<Timestamp> {
        let impossible = |error| Error::new("--timestamp is not a possible time").cause(error);
        let at = self.options.signing_time.resolve(now).map_err(impossible)?;
        let offset = mutation.map_or(0, |mutation| mutation.timestamp_offset(&self.provider));
        at.checked_add(SignedDuration::from_secs(offset)).map_err(impossible)
    }

    /// Returns the time at which the event of a step occurs.
    fn occurred_at(&self, now: Timestamp, step: &SequenceStep) -> Timestamp {
        match self.options.scenario_times {
            ScenarioTimes::Live => now,
            ScenarioTimes::Past => now.checked_sub(step.before_last).unwrap_or(now),
        }
    }

    /// Fills in the headers and the body as they are sent at the signed time.
    fn sign(&self, request: &mut PreparedRequest) -> Result {
        let (provider, options) = (&self.provider, &self.options);
        let style = options.body_style;
        let body = style.rewrite(&request.unsigned_body).map_or_else(|| request.unsigned_body.clone(), Bytes::from);
        let mut headers = if options.refreshable {
            request.unsigned_headers.clone()
        } else {
            std::mem::take(&mut request.unsigned_headers)
        };
        headers.retain(|(_, value)| !value.is_empty());
        let input = SignInput {
            id: &request.event_id,
            at: request.signed_at.as_millisecond(),
            method: "POST",
            body: &body,
            url: &options.url,
            headers: &headers,
        };
        let wrong_keyring = self.wrong_keyring.as_ref().filter(|_| request.mutation == Some(Mutation::WrongSecret));
        let signature = provider.sign(wrong_keyring.unwrap_or(&self.keyring), &input)?;
        request.parameters = signature.parameters;
        let mut body = match signature.body {
            Some(signed) => style.rewrite(&signed).unwrap_or(signed).into(),
            None => body,
        };
        headers.extend(signature.headers);
        if let Some(mutation) = request.mutation {
            mutation.apply(provider, &mut headers, &mut body)?;
        }
        for (replaced, _) in &options.headers {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(replaced));
        }
        headers.extend(options.headers.iter().cloned());
        (request.headers, request.body) = (headers, body);
        Ok(())
    }
}

fn keyring(provider: &Provider, secrets: &[Secret]) -> Result<Keyring> {
    Keyring::new(&provider.scheme, secrets).map_err(|error| {
        Error::new(format!("cannot sign as {}", provider.title))
            .cause(error)
            .hint(format!("whk secret new -p {}", provider.name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Catalog, EventPattern, ProviderRef};
    use crate::signing::{FailureCause, Header, Request, Tolerance, verify};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLjSx";
    const NOW: i64 = 1_772_438_400;

    fn provider() -> Provider {
        Catalog::new(Vec::new()).load(&ProviderRef::default_edition("ahasend")).unwrap()
    }

    fn options(types: &str, seed: u64) -> EventRequestOptions {
        let pattern: EventPattern = types.parse().unwrap();
        let payload = Payload::events(&provider(), &[pattern]).unwrap();
        let clock = Clock::Fixed(Timestamp::from_second(NOW).unwrap());
        EventRequestOptions::new("http://127.0.0.1:9450/", payload, clock, seed)
    }

    fn factory(options: EventRequestOptions) -> EventRequestFactory {
        EventRequestFactory::new(provider(), &[Secret::new(SECRET)], options).unwrap()
    }

    fn requests(factory: &EventRequestFactory) -> Vec<PreparedRequest> {
        let mut requests = Vec::new();
        for round in 0..factory.rounds() {
            let values = factory.scenario_values(round);
            for step in factory.steps(round) {
                requests.push(factory.build(round, &step, values.as_ref()).unwrap());
            }
        }
        requests
    }

    /// Verifies as a correct handler does: the cause of the rejection, or nothing.
    fn rejection(request: &PreparedRequest) -> Option<FailureCause> {
        let scheme = &provider().scheme;
        let keyring = Keyring::new(scheme, &[Secret::new(SECRET)]).unwrap();
        let headers: Vec<Header<'_>> =
            request.headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: "POST", url: "/", headers: &headers, body: &request.body };
        verify(scheme, &keyring, &request, NOW, Tolerance::Scheme).outcome.err().map(|failure| failure.cause)
    }

    #[test]
    fn a_request_without_a_mutation_is_valid_and_of_its_type() {
        let factory = factory(options("all", 1));
        let requests = requests(&factory);
        assert_eq!(requests.len(), provider().events.len());
        for request in requests {
            assert_eq!((rejection(&request), request.mutation), (None, None), "{:?}", request.event_type);
            assert!(request.unsigned_headers.is_empty(), "nothing is kept for a refresh that cannot come");
        }
    }

    #[test]
    fn each_mutation_makes_the_request_wrong_in_the_named_way() {
        let factory =
            factory(EventRequestOptions { mutations: Mutation::ALL.to_vec(), ..options("message.bounced", 1) });
        let causes: Vec<(Mutation, Option<FailureCause>)> =
            requests(&factory).iter().map(|request| (request.mutation.unwrap(), rejection(request))).collect();
        assert_eq!(
            causes,
            [
                (Mutation::TamperedBody, Some(FailureCause::SecretMismatch)),
                (Mutation::WrongSecret, Some(FailureCause::SecretMismatch)),
                (Mutation::MissingSignature, Some(FailureCause::MissingHeader)),
                (Mutation::MissingId, Some(FailureCause::MissingHeader)),
                (Mutation::MissingTimestamp, Some(FailureCause::MissingHeader)),
                (Mutation::MalformedSignature, Some(FailureCause::MalformedHeader)),
                (Mutation::Expired, Some(FailureCause::TimestampTooOld)),
                (Mutation::Future, Some(FailureCause::TimestampTooNew)),
                (Mutation::ReserializedBody, Some(FailureCause::SecretMismatch)),
                (Mutation::TruncatedBody, Some(FailureCause::SecretMismatch)),
            ]
        );
    }

    #[test]
    fn the_seed_gives_the_same_requests_and_another_gives_others() {
        let built = |seed| requests(&factory(EventRequestOptions { shuffle: true, count: 2, ..options("all", seed) }));
        assert_eq!(built(7), built(7));
        assert_ne!(built(7), built(8));
    }

    #[test]
    fn a_body_style_changes_the_bytes_and_is_validly_signed() {
        let plain = requests(&factory(options("message.bounced", 1)));
        let style = BodyStyle::Reordered;
        let styled = requests(&factory(EventRequestOptions { body_style: style, ..options("message.bounced", 1) }));
        assert_ne!(plain[0].body, styled[0].body);
        assert_eq!(rejection(&styled[0]), None);
    }

    #[test]
    fn the_events_of_a_scenario_share_their_values() {
        let provider = provider();
        let name = provider.scenarios[0].name.clone();
        let payload = Payload::scenario(&provider, &name).unwrap();
        let requests = requests(&factory(EventRequestOptions { payload, ..options("all", 1) }));
        assert_eq!(requests.len(), provider.scenarios[0].steps.len());
        for (request, step) in requests.iter().zip(&provider.scenarios[0].steps) {
            assert_eq!(request.event_type.as_deref(), Some(step.event_type.as_str()));
            assert_eq!(rejection(request), None);
        }
    }

    #[test]
    fn a_header_of_the_options_replaces_that_of_the_provider() {
        let headers = vec![("Webhook-Id".to_owned(), "mine".to_owned())];
        let requests = requests(&factory(EventRequestOptions { headers, ..options("message.bounced", 1) }));
        let ids: Vec<&str> = requests[0]
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("webhook-id"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(ids, ["mine"]);
        assert_eq!(rejection(&requests[0]), Some(FailureCause::SecretMismatch));
    }
}
