//! The deliveries of events: those of the sequence, each built when it is due.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;

use super::{EventRequestFactory, PreparedRequest, SequenceStep};
use crate::clock::{Clock, Stopwatch};
use crate::delivery::{Attempt, DeliverySource, NewDelivery, NextDelivery, Pace, TimeScale};
use crate::error::Result;
use crate::http::client::{Endpoint, OutgoingRequest};
use crate::provider::{DeliveryPolicy, TemplateContext};

/// One delivery of the sequence.
pub struct EventDelivery {
    /// Its number, from 1.
    pub number: u64,
    round: u64,
    step: SequenceStep,
    /// The request, from the first attempt on.
    pub request: Option<PreparedRequest>,
    /// The time of the last attempt.
    pub at: Timestamp,
}

/// Options of [`EventSource`].
#[derive(Clone, Debug)]
pub struct EventSourceOptions {
    /// Endpoint that receives the events.
    pub endpoint: Endpoint,
    /// Policy of the deliveries.
    pub policy: Rc<DeliveryPolicy>,
    /// The distance between deliveries.
    pub pace: Pace,
    /// Speed at which provider time passes.
    pub speed: TimeScale,
    /// Time after which no further delivery starts; without it, the factory's number of rounds is sent.
    pub duration: Option<Duration>,
    /// True if each event is sent twice, as the same request.
    pub duplicate: bool,
    /// True if a delivery may have several attempts, which send its request again.
    pub retry: bool,
    /// Clock that attempts are dated with.
    pub clock: Clock,
}

/// Supplies the events of a run as deliveries.
pub struct EventSource<'a> {
    factory: &'a EventRequestFactory,
    options: EventSourceOptions,
    url: Rc<str>,
    /// Time since the start, if the run is limited by time.
    watch: Option<(Stopwatch, Duration)>,
    rounds: u64,
    round: u64,
    steps: std::vec::IntoIter<SequenceStep>,
    /// The values that the events of this round share.
    scenario_values: Option<(u64, TemplateContext<'a>)>,
    /// The last request, which a repeated step sends again.
    last: Option<PreparedRequest>,
    number: u64,
    due: Duration,
}

impl<'a> EventSource<'a> {
    /// Makes the source of a factory's events. A limit of time starts now.
    pub fn new(factory: &'a EventRequestFactory, options: EventSourceOptions) -> Self {
        Self {
            factory,
            url: options.endpoint.to_string().into(),
            watch: options.duration.map(|limit| (Stopwatch::start(), limit)),
            rounds: if options.duration.is_some() { u64::MAX } else { factory.rounds() },
            options,
            round: 0,
            steps: Vec::new().into_iter(),
            scenario_values: None,
            last: None,
            number: 0,
            due: Duration::ZERO,
        }
    }

    /// Returns the next step and its round.
    fn step(&mut self) -> Option<(u64, SequenceStep)> {
        if self.watch.is_some_and(|(watch, limit)| watch.elapsed() >= limit) {
            return None;
        }
        loop {
            if let Some(step) = self.steps.next() {
                return Some((self.round - 1, step));
            }
            if self.round >= self.rounds {
                return None;
            }
            self.steps = self.factory.steps(self.round).into_iter();
            self.round += 1;
        }
    }

    /// Returns the request of the step's first attempt: a new one, or the last one again.
    fn first_request(&mut self, round: u64, step: &SequenceStep) -> Result<PreparedRequest> {
        if let Some(last) = self.last.take_if(|_| step.is_repeat) {
            return Ok(last);
        }
        if self.scenario_values.as_ref().is_none_or(|(of, _)| *of != round) {
            self.scenario_values = self.factory.scenario_values(round).map(|values| (round, values));
        }
        let scenario_values = self.scenario_values.as_ref().map(|(_, values)| values);
        self.factory.build(round, step, scenario_values)
    }
}

impl DeliverySource for EventSource<'_> {
    type Delivery = EventDelivery;
    type Notice = Infallible;

    fn next(&mut self) -> Result<NextDelivery<EventDelivery, Infallible>> {
        let Some((round, step)) = self.step() else { return Ok(NextDelivery::Exhausted) };
        let first = self.number == 0;
        self.due += match self.options.pace {
            Pace::Original => step.delay,
            // A rate is in real time, and provider time can run faster.
            Pace::Every(gap) if !first => match self.options.speed {
                TimeScale::Times(times) => gap.mul_f64(times),
                TimeScale::Max => gap,
            },
            Pace::Every(_) | Pace::Asap => Duration::ZERO,
        };
        self.number += 1;
        Ok(NextDelivery::Ready(NewDelivery {
            delivery: EventDelivery { number: self.number, round, step, request: None, at: Timestamp::UNIX_EPOCH },
            number: self.number,
            policy: Rc::clone(&self.options.policy),
            endpoint: Rc::clone(&self.url),
            due: self.due,
            attempts_made: 0,
            possibly_received: false,
            wait: Duration::ZERO,
            last_failure: None,
        }))
    }

    fn build_request(&mut self, delivery: &mut EventDelivery, attempt: &Attempt) -> Result<OutgoingRequest> {
        delivery.at = self.options.clock.now();
        let mut prepared = if let Some(mut last) = delivery.request.take() {
            self.factory.refresh(&mut last, attempt)?;
            last
        } else {
            let new = self.first_request(delivery.round, &delivery.step)?;
            if self.options.duplicate {
                self.last = Some(new.clone());
            }
            new
        };
        let headers = if self.options.retry { prepared.headers.clone() } else { std::mem::take(&mut prepared.headers) };
        let request = OutgoingRequest {
            method: Method::POST,
            endpoint: prepared.endpoint(&self.options.endpoint),
            headers: headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect(),
            body: prepared.body.clone(),
        };
        delivery.request = Some(prepared);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EventRequestOptions, Payload};
    use super::*;
    use crate::provider::{Catalog, ProviderRef};
    use crate::signing::Secret;

    const CLOCK: Clock = Clock::Fixed(Timestamp::UNIX_EPOCH);

    fn factory(duplicate: bool) -> EventRequestFactory {
        let provider = Catalog::new(Vec::new()).load(&ProviderRef::default_edition("ahasend")).unwrap();
        let payload = Payload::events(&provider, &["message.reception".parse().unwrap()]).unwrap();
        let options = EventRequestOptions {
            count: 2,
            duplicate,
            ..EventRequestOptions::new("http://127.0.0.1:9450/", payload, CLOCK, 1)
        };
        EventRequestFactory::new(provider, &[Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLjSx")], options).unwrap()
    }

    fn options(pace: &str, speed: TimeScale) -> EventSourceOptions {
        EventSourceOptions {
            endpoint: "9450".parse().unwrap(),
            policy: Rc::default(),
            pace: pace.parse().unwrap(),
            speed,
            duration: None,
            duplicate: false,
            retry: false,
            clock: CLOCK,
        }
    }

    fn deliveries(source: &mut EventSource<'_>) -> Vec<NewDelivery<EventDelivery>> {
        let mut deliveries = Vec::new();
        while let NextDelivery::Ready(delivery) = source.next().unwrap() {
            deliveries.push(delivery);
        }
        deliveries
    }

    #[test]
    fn a_rate_is_in_real_time() {
        let factory = factory(false);
        for (pace, speed, second) in [
            ("asap", TimeScale::REAL, Duration::ZERO),
            ("10/s", TimeScale::REAL, Duration::from_millis(100)),
            ("10/s", TimeScale::Times(60.0), Duration::from_secs(6)),
            ("10/s", TimeScale::Max, Duration::from_millis(100)),
        ] {
            let due: Vec<_> = deliveries(&mut EventSource::new(&factory, options(pace, speed)))
                .iter()
                .map(|delivery| (delivery.number, delivery.due))
                .collect();
            assert_eq!(due, [(1, Duration::ZERO), (2, second)], "{pace} {speed:?}");
        }
    }

    #[test]
    fn no_delivery_starts_after_the_duration() {
        let factory = factory(false);
        let options = EventSourceOptions { duration: Some(Duration::ZERO), ..options("asap", TimeScale::REAL) };
        assert!(deliveries(&mut EventSource::new(&factory, options)).is_empty());
    }

    #[test]
    fn a_duplicate_is_the_same_request() {
        let factory = factory(true);
        let options = EventSourceOptions { duplicate: true, ..options("asap", TimeScale::REAL) };
        let mut source = EventSource::new(&factory, options);
        let attempt = Attempt::first();
        let ids: Vec<_> = deliveries(&mut source)
            .into_iter()
            .map(|mut new| {
                source.build_request(&mut new.delivery, &attempt).unwrap();
                new.delivery.request.unwrap().event_id
            })
            .collect();
        assert_eq!(ids.len(), 4);
        assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
    }
}
