//! The deliveries of `whk send`: the events of the sequence, each built when it is due.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;

use super::super::Context;
use crate::cli::{Pace, SendArgs};
use crate::clock::Stopwatch;
use crate::delivery::{Attempt, DeliverySource, NewDelivery, NextDelivery, TimeScale};
use crate::error::Result;
use crate::http::client::{Endpoint, OutgoingRequest};
use crate::provider::{DeliveryPolicy, StatusRanges, TemplateContext};
use crate::sender::{EventRequestFactory, PreparedRequest, SequenceStep};

/// One delivery of the sequence.
pub(super) struct EventDelivery {
    pub(super) number: u64,
    round: u64,
    step: SequenceStep,
    /// The request, from the first attempt on.
    pub(super) request: Option<PreparedRequest>,
    /// The time of the last attempt.
    pub(super) at: Timestamp,
}

/// Supplies the events of a run as deliveries.
pub(super) struct EventSource<'a> {
    context: &'a Context,
    factory: &'a EventRequestFactory,
    endpoint: Endpoint,
    url: Rc<str>,
    policy: Rc<DeliveryPolicy>,
    pace: Pace,
    /// Factor by which provider time is faster than the time of a rate.
    speed: f64,
    rounds: u64,
    within: Option<(Stopwatch, Duration)>,
    round: u64,
    steps: std::vec::IntoIter<SequenceStep>,
    /// The values that the events of this round share.
    scenario_values: Option<(u64, TemplateContext<'a>)>,
    /// The last request, which a repeated step sends again.
    last: Option<PreparedRequest>,
    duplicate: bool,
    number: u64,
    due: Duration,
    /// True if there is one attempt per delivery, so that its request need not be kept.
    single_attempt: bool,
}

impl<'a> EventSource<'a> {
    pub(super) fn new(
        context: &'a Context,
        factory: &'a EventRequestFactory,
        flags: &'a SendArgs,
        endpoint: Endpoint,
        policy: Rc<DeliveryPolicy>,
    ) -> Self {
        let speed = match flags.speed {
            Some(TimeScale::Times(times)) => times,
            _ => 1.0,
        };
        Self {
            context,
            factory,
            url: endpoint.to_string().into(),
            endpoint,
            policy,
            pace: flags.rate.or(flags.pace).unwrap_or(Pace::Asap),
            speed,
            rounds: if flags.duration.is_some() { u64::MAX } else { factory.rounds() },
            within: flags.duration.map(|span| (Stopwatch::start(), span.0)),
            round: 0,
            steps: Vec::new().into_iter(),
            scenario_values: None,
            last: None,
            duplicate: flags.duplicate,
            number: 0,
            due: Duration::ZERO,
            single_attempt: !flags.retry,
        }
    }

    /// Returns the next step and its round.
    fn step(&mut self) -> Option<(u64, SequenceStep)> {
        if self.within.is_some_and(|(watch, limit)| watch.elapsed() >= limit) {
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

/// Returns the delivery policy: the provider's, with the changes of the flags.
pub(super) fn policy(factory: &EventRequestFactory, flags: &SendArgs) -> DeliveryPolicy {
    let mut policy = factory.provider().delivery.clone();
    if !flags.retry {
        policy.retries.clear();
    }
    if let Some(expected) = &flags.expect {
        policy.success = StatusRanges::new(expected.ranges());
    }
    if !factory.mutations().is_empty() {
        // A rejection is expected, and a handler that accepts everything must not end the run.
        policy.success = StatusRanges::new(&[400..=499]);
        (policy.disable_on_gone, policy.disable_after_failures) = (false, None);
    }
    policy
}

impl DeliverySource for EventSource<'_> {
    type Delivery = EventDelivery;
    type Notice = Infallible;

    fn next(&mut self) -> Result<NextDelivery<EventDelivery, Infallible>> {
        let Some((round, step)) = self.step() else { return Ok(NextDelivery::Exhausted) };
        let first = self.number == 0;
        self.due += match self.pace {
            Pace::Original => step.delay,
            // A rate is in real time, and provider time can run faster.
            Pace::Every(gap) if !first => gap.mul_f64(self.speed),
            Pace::Every(_) | Pace::Asap => Duration::ZERO,
        };
        self.number += 1;
        Ok(NextDelivery::Ready(NewDelivery {
            delivery: EventDelivery { number: self.number, round, step, request: None, at: Timestamp::UNIX_EPOCH },
            number: self.number,
            policy: Rc::clone(&self.policy),
            endpoint: Rc::clone(&self.url),
            due: self.due,
            attempts_made: 0,
            possibly_received: false,
            wait: Duration::ZERO,
        }))
    }

    fn build_request(&mut self, delivery: &mut EventDelivery, _: &Attempt) -> Result<OutgoingRequest> {
        delivery.at = self.context.now();
        let mut prepared = if let Some(mut last) = delivery.request.take() {
            self.factory.refresh(&mut last)?;
            last
        } else {
            let new = self.first_request(delivery.round, &delivery.step)?;
            if self.duplicate {
                self.last = Some(new.clone());
            }
            new
        };
        let headers =
            if self.single_attempt { std::mem::take(&mut prepared.headers) } else { prepared.headers.clone() };
        let request = OutgoingRequest {
            method: Method::POST,
            endpoint: self.endpoint.clone(),
            headers: headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect(),
            body: prepared.body.clone(),
        };
        delivery.request = Some(prepared);
        Ok(request)
    }
}
