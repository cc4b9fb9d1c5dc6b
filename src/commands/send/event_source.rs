//! The requests of `whk send`, each made when it is due.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;

use super::super::Context;
use super::super::delivery_cases::DeliveryCases;
use super::super::report::{Report, Subject};
use super::super::secret_hint::{looks_like_a_bad_signature, secret_hint, uses_development_secret};
use super::super::unreachable::unreachable;
use super::plan::{Dispatch, Plan};
use crate::cli::{Pace, SendArgs};
use crate::clock::Stopwatch;
use crate::deliver::{
    Attempt, CompletedAttempt, Endpoint, NewDelivery, NextDelivery, Outbox, OutgoingRequest, RetryDecision, TimeScale,
};
use crate::error::Result;
use crate::provider::{DeliveryPolicy, StatusRanges, TemplateContext};
use crate::sender::{BodyStyle, Mutation, SequenceStep};

/// One request of the sequence.
pub(super) struct Item {
    number: u64,
    round: u64,
    step: SequenceStep,
    /// What was sent, from the first attempt on.
    dispatch: Option<Dispatch>,
    /// The time of the last attempt.
    at: Timestamp,
}

/// The sequence of what is sent, and the report of what became of it.
pub(super) struct SendOutbox<'a> {
    context: &'a Context,
    plan: &'a Plan<'a>,
    endpoint: Endpoint,
    url: Rc<str>,
    policy: Rc<DeliveryPolicy>,
    pub(super) report: Report,
    /// The cases of `--report`.
    pub(super) cases: Option<DeliveryCases>,
    pace: Pace,
    /// By how much the provider's time is faster than that of a rate.
    speed: f64,
    rounds: u64,
    within: Option<(Stopwatch, Duration)>,
    round: u64,
    steps: std::vec::IntoIter<SequenceStep>,
    /// The values that the events of this round share.
    shared: Option<(u64, TemplateContext<'a>)>,
    /// The request before, which may be sent once more.
    last: Option<Dispatch>,
    repeats: bool,
    number: u64,
    due: Duration,
    /// Whether a handler that cannot be reached ends it all.
    impatient: bool,
    /// The flags that a hint about the secret depends on, until the first response that asks for one.
    hint: Option<&'a SendArgs>,
}

impl<'a> SendOutbox<'a> {
    pub(super) fn new(
        context: &'a Context,
        plan: &'a Plan<'a>,
        flags: &'a SendArgs,
        endpoint: Endpoint,
        cases: Option<DeliveryCases>,
    ) -> Self {
        let mut report = Report::new(context.output, "whk send").at_speed(flags.speed.unwrap_or(TimeScale::REAL));
        let (types, faults) = plan.columns();
        report.align(types.into_iter(), faults.into_iter());
        if !flags.retry {
            report.leave_unreachable_to_the_error();
        }
        let speed = match flags.speed {
            Some(TimeScale::Times(times)) => times,
            _ => 1.0,
        };
        Self {
            context,
            plan,
            url: endpoint.to_string().into(),
            endpoint,
            policy: Rc::new(policy(plan, flags)),
            report,
            cases,
            pace: flags.rate.or(flags.pace).unwrap_or(Pace::Asap),
            speed,
            rounds: if flags.duration.is_some() { u64::MAX } else { plan.rounds() },
            within: flags.duration.map(|span| (Stopwatch::start(), span.0)),
            round: 0,
            steps: Vec::new().into_iter(),
            shared: None,
            last: None,
            repeats: flags.duplicate,
            number: 0,
            due: Duration::ZERO,
            impatient: !flags.retry,
            hint: Some(flags).filter(|_| !plan.has_faults()),
        }
    }

    /// The next step, and the round that it belongs to.
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
            self.steps = self.plan.steps(self.context, self.round).into_iter();
            self.round += 1;
        }
    }

    /// The request of the step's first attempt: a new one, or the last one once more.
    fn dispatch(&mut self, round: u64, step: &SequenceStep) -> Result<Dispatch> {
        if let Some(last) = self.last.take_if(|_| step.is_repeat) {
            return Ok(last);
        }
        if self.shared.as_ref().is_none_or(|(of, _)| *of != round) {
            self.shared = self.plan.shared(self.context, round).map(|values| (round, values));
        }
        let shared = self.shared.as_ref().map(|(_, values)| values);
        self.plan.dispatch(self.context, round, shared, step)
    }

    /// Says once, if the development secret is used, how the handler gets to know it.
    fn hint_at_the_secret(&mut self) -> Result {
        let Some(flags) = self.hint.take() else { return Ok(()) };
        if let Some(style) = flags.body_style.filter(|style| *style != BodyStyle::Provider) {
            self.report.flush()?;
            self.context.output.hint(&format!(
                "the body is valid and `{}`: does the handler verify the raw body,\n      \
                 or JSON that it parsed and re-serialized? To compare: --body-style provider",
                style.name()
            ));
        }
        if uses_development_secret(&self.context.config, &flags.identity, &self.plan.provider)? {
            self.report.flush()?;
            self.context.output.hint(&secret_hint(&self.plan.provider, "whk send"));
        }
        Ok(())
    }
}

/// The rules of delivery: the provider's, or those of the flags.
fn policy(plan: &Plan<'_>, flags: &SendArgs) -> DeliveryPolicy {
    let mut policy = plan.provider.delivery.clone();
    if !flags.retry {
        policy.retries.clear();
    }
    if let Some(expected) = &flags.expect {
        policy.success = StatusRanges::new(expected.ranges());
    }
    if plan.has_faults() {
        // A rejection is what is wanted, and a handler that accepts everything must not end the run.
        policy.success = StatusRanges::new(&[400..=499]);
        (policy.disable_on_gone, policy.disable_after_failures) = (false, None);
    }
    policy
}

impl Outbox for SendOutbox<'_> {
    type Item = Item;

    fn next(&mut self) -> Result<NextDelivery<Item>> {
        let Some((round, step)) = self.step() else { return Ok(NextDelivery::Exhausted) };
        let first = self.number == 0;
        self.due += match self.pace {
            Pace::Original => step.delay,
            // A rate is of the real time, which the provider's may be faster than.
            Pace::Every(gap) if !first => gap.mul_f64(self.speed),
            Pace::Every(_) | Pace::Asap => Duration::ZERO,
        };
        self.number += 1;
        Ok(NextDelivery::Ready(NewDelivery {
            item: Item { number: self.number, round, step, dispatch: None, at: Timestamp::UNIX_EPOCH },
            number: self.number,
            policy: Rc::clone(&self.policy),
            endpoint: Rc::clone(&self.url),
            due: self.due,
            attempts_made: 0,
            possibly_received: false,
            wait: Duration::ZERO,
        }))
    }

    fn build_request(&mut self, item: &mut Item, _: &Attempt) -> Result<OutgoingRequest> {
        item.at = self.context.now();
        let mut dispatch = if let Some(mut before) = item.dispatch.take() {
            self.plan.renew(self.context, &mut before)?;
            before
        } else {
            let new = self.dispatch(item.round, &item.step)?;
            if self.repeats {
                self.last = Some(new.clone());
            }
            new
        };
        let headers = if self.impatient { std::mem::take(&mut dispatch.headers) } else { dispatch.headers.clone() };
        let request = OutgoingRequest {
            method: Method::POST,
            endpoint: self.endpoint.clone(),
            headers: headers.into_iter().map(|(name, value)| (name, Bytes::from(value))).collect(),
            body: dispatch.body.clone(),
        };
        item.dispatch = Some(dispatch);
        Ok(request)
    }

    fn on_attempt(&mut self, item: &mut Item, made: &CompletedAttempt<'_>) -> Result {
        let dispatch = item.dispatch.as_ref().expect("an attempt has a request");
        let subject = Subject {
            seq: None,
            kind: dispatch.kind.as_deref(),
            id: Some(&dispatch.id),
            fault: dispatch.fault.map(Mutation::name),
        };
        let reached = self.report.tally.reached();
        self.report.attempted(&subject, &self.url, item.at, made, self.policy.retries.len() + 1)?;
        if let Some(cases) = &mut self.cases {
            cases.attempted(item.number, &self.plan.provider.name, &subject, made);
        }
        match &made.outcome.response {
            Ok(answer) if made.decision != RetryDecision::Delivered && looks_like_a_bad_signature(answer.status) => {
                self.hint_at_the_secret()
            }
            Err(failure) if failure.is_unreachable() && !reached && self.impatient => {
                self.report.flush()?;
                Err(unreachable(&self.endpoint, failure))
            }
            _ => Ok(()),
        }
    }

    fn on_endpoint_disabled(&mut self, endpoint: &str, after: u32) -> Result {
        self.report.disabled(endpoint, after)
    }

    fn on_skipped(&mut self, item: &mut Item) -> Result {
        self.report.tally.held_back += 1;
        if let Some(cases) = &mut self.cases {
            let sent = item.dispatch.as_ref();
            let subject = Subject {
                seq: None,
                kind: sent.and_then(|dispatch| dispatch.kind.as_deref()),
                id: sent.map(|dispatch| dispatch.id.as_str()),
                fault: sent.and_then(|dispatch| dispatch.fault).map(Mutation::name),
            };
            cases.held_back(item.number, &self.plan.provider.name, &subject);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result {
        self.report.flush()
    }
}
