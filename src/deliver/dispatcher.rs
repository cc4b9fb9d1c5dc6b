//! The delivery engine: makes attempts along a schedule, in the order in which they are due, at any speed.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;

use super::clock::DeliveryClock;
use super::endpoint_health::EndpointHealth;
use super::retry::{self, RetryDecision};
use super::{AttemptOutcome, HttpClient, OutgoingRequest, TimeScale};
use crate::clock::Clock;
use crate::error::Result;
use crate::provider::DeliveryPolicy;

/// Supplies deliveries, and observes their outcome.
pub trait Outbox {
    /// State from which the requests of a delivery are built.
    type Item;

    /// Returns the next delivery, in order. It must not wait for one.
    fn next(&mut self) -> Result<NextDelivery<Self::Item>>;

    /// Builds the request of an attempt that is due. It is sent after the next [`Outbox::flush`].
    fn build_request(&mut self, item: &mut Self::Item, attempt: &Attempt) -> Result<OutgoingRequest>;

    /// Called after each attempt.
    fn on_attempt(&mut self, item: &mut Self::Item, completed: &CompletedAttempt<'_>) -> Result;

    /// Called when an endpoint is disabled, after this many failures in a row.
    fn on_endpoint_disabled(&mut self, endpoint: &str, after: u32) -> Result;

    /// Called for a delivery that is skipped, in full or in part, because its endpoint is disabled.
    fn on_skipped(&mut self, item: &mut Self::Item) -> Result;

    /// Writes what must be durable before the requests built so far are sent, in one write. Called before the engine
    /// yields to the connections.
    fn flush(&mut self) -> Result;
}

/// Result of asking for the next delivery.
#[derive(Debug)]
pub enum NextDelivery<I> {
    /// A delivery.
    Ready(NewDelivery<I>),
    /// None yet: more may come.
    Pending,
    /// No more deliveries.
    Exhausted,
}

/// A delivery that enters the engine.
#[derive(Debug)]
pub struct NewDelivery<I> {
    /// State from which its requests are built.
    pub item: I,
    /// Its number, which its jitter depends on.
    pub number: u64,
    /// Its policy: timeout, success, retries.
    pub policy: Rc<DeliveryPolicy>,
    /// The endpoint, whose failures in a row are counted.
    pub endpoint: Rc<str>,
    /// Due time, as provider time since the start.
    pub due: Duration,
    /// Number of attempts that an earlier run made.
    pub attempts_made: u32,
    /// True if an earlier run was interrupted during the next attempt.
    pub possibly_received: bool,
    /// Delay before the next attempt, if an earlier run made some.
    pub wait: Duration,
}

/// An attempt that is due.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// Delay before it, in provider time.
    pub wait: Duration,
    /// True if the handler may have received it in an earlier run that was interrupted.
    pub possibly_received: bool,
    /// Provider time from the first attempt of its delivery to this one.
    pub since_first: Duration,
}

/// An attempt that was made.
#[derive(Debug)]
pub struct CompletedAttempt<'a> {
    /// The attempt.
    pub attempt: Attempt,
    /// The request that was sent.
    pub request: &'a OutgoingRequest,
    /// Its outcome.
    pub outcome: &'a AttemptOutcome,
    /// The decision that follows.
    pub decision: RetryDecision,
    /// Start of the delivery, as provider time since the start of the run.
    pub delivery_started: Duration,
}

/// An attempt that waits until it is due.
struct ScheduledAttempt<I> {
    item: I,
    number: u64,
    policy: Rc<DeliveryPolicy>,
    endpoint: Rc<str>,
    due: Duration,
    delivery_started: Duration,
    attempt: Attempt,
}

impl<I> Ord for ScheduledAttempt<I> {
    /// The first due is the greatest, because a heap pops the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<I> PartialOrd for ScheduledAttempt<I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<I> PartialEq for ScheduledAttempt<I> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<I> Eq for ScheduledAttempt<I> {}

/// Options of a run.
#[derive(Clone, Copy, Debug)]
pub struct DispatchOptions {
    /// Speed at which provider time passes.
    pub speed: TimeScale,
    /// Maximum number of attempts in flight; at least one.
    pub concurrency: usize,
    /// Timeout of every attempt, instead of the provider's; zero means none.
    pub timeout: Option<Duration>,
    /// Seed of the jitter.
    pub seed: u64,
    /// Clock that dates are compared with.
    pub clock: Clock,
}

/// Status of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DispatcherStatus {
    /// Number of deliveries that wait for their next attempt.
    pub waiting: usize,
    /// Number of attempts in flight.
    pub in_flight: usize,
    /// Provider time until the next attempt is due.
    pub next_due: Option<Duration>,
    /// True if the source has no more deliveries.
    pub exhausted: bool,
}

/// Delivers what its source supplies.
pub struct Dispatcher<O: Outbox> {
    state: RefCell<DispatcherState<O>>,
    client: HttpClient,
    options: DispatchOptions,
    clock: DeliveryClock,
    /// Notified when an attempt finished or a stop was requested.
    changed: Notify,
    stopping: Cell<bool>,
}

struct DispatcherState<O: Outbox> {
    source: O,
    /// The next delivery of the source, not due yet.
    upcoming: Option<ScheduledAttempt<O::Item>>,
    exhausted: bool,
    waiting: BinaryHeap<ScheduledAttempt<O::Item>>,
    endpoint_health: EndpointHealth,
    in_flight: usize,
}

/// The next thing a worker can do.
enum NextStep<I> {
    Attempt(ScheduledAttempt<I>),
    /// Nothing is due before this time.
    WaitUntil(Duration),
    /// Nothing is due, and the source has nothing yet.
    Poll,
    Done,
}

/// Interval at which a source that had nothing is asked again.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

impl<O: Outbox> Dispatcher<O> {
    /// Makes an engine whose time starts now.
    pub fn new(source: O, client: HttpClient, options: DispatchOptions) -> Self {
        let state = DispatcherState {
            source,
            upcoming: None,
            exhausted: false,
            waiting: BinaryHeap::new(),
            endpoint_health: EndpointHealth::default(),
            in_flight: 0,
        };
        let clock = DeliveryClock::start(options.speed);
        Self { state: RefCell::new(state), client, options, clock, changed: Notify::new(), stopping: Cell::new(false) }
    }

    /// Delivers until nothing is left, or after [`Dispatcher::stop`] until no attempt is in flight.
    pub async fn run(&self) -> Result {
        let workers: FuturesUnordered<_> = (0..self.options.concurrency.max(1)).map(|_| self.run_worker()).collect();
        let mut workers = pin!(workers);
        poll_fn(|context| {
            loop {
                match workers.poll_next_unpin(context) {
                    Poll::Ready(Some(Ok(()))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => return Poll::Ready(self.state.borrow_mut().source.flush()),
                    // Requests are handed to tasks that drive the connections; these run once this task yields.
                    Poll::Pending => {
                        self.state.borrow_mut().source.flush()?;
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }

    /// Starts no more attempts.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.changed.notify_waiters();
    }

    /// Returns the status of the run.
    pub fn status(&self) -> DispatcherStatus {
        let state = self.state.borrow();
        let due = state.waiting.peek().map(|pending| pending.due);
        DispatcherStatus {
            waiting: state.waiting.len(),
            in_flight: state.in_flight,
            next_due: due.map(|due| due.saturating_sub(self.clock.now())),
            exhausted: state.exhausted && state.upcoming.is_none(),
        }
    }

    /// Returns the source.
    pub fn into_source(self) -> O {
        self.state.into_inner().source
    }

    /// Calls a function with the source.
    pub fn with_source<T>(&self, inspect: impl FnOnce(&mut O) -> T) -> T {
        inspect(&mut self.state.borrow_mut().source)
    }

    /// Makes one attempt after another.
    async fn run_worker(&self) -> Result {
        loop {
            let (next_step, others) = {
                let mut state = self.state.borrow_mut();
                let next_step = if self.stopping.get() { NextStep::Done } else { state.next_step(self.clock.now())? };
                (next_step, state.in_flight > 0)
            };
            match next_step {
                NextStep::Attempt(pending) => self.attempt(pending).await?,
                // An attempt in flight may fail, and be due again before that time.
                NextStep::WaitUntil(moment) if self.clock.is_virtual() && !others => {
                    self.clock.advance_to(moment);
                    self.changed.notify_waiters();
                }
                NextStep::WaitUntil(moment) => tokio::select! {
                    () = self.clock.sleep_until(moment) => {}
                    () = self.changed.notified() => {}
                },
                NextStep::Poll => tokio::select! {
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                    () = self.changed.notified() => {}
                },
                NextStep::Done if others => self.changed.notified().await,
                NextStep::Done => return Ok(()),
            }
        }
    }

    async fn attempt(&self, mut pending: ScheduledAttempt<O::Item>) -> Result {
        let request = {
            let mut state = self.state.borrow_mut();
            state.in_flight += 1;
            state.source.build_request(&mut pending.item, &pending.attempt)?
        };
        let timeout = self.options.timeout.unwrap_or(pending.policy.timeout.0);
        let outcome = self.client.attempt(&request, Some(timeout).filter(|limit| !limit.is_zero())).await?;
        let (attempt, endpoint) = (pending.attempt, Rc::clone(&pending.endpoint));
        let mut rng = retry::jitter_rng(self.options.seed, pending.number, attempt.number);
        let decision = retry::decide(&pending.policy, attempt.number, &outcome, self.options.clock.now(), &mut rng);
        let mut state = self.state.borrow_mut();
        state.in_flight -= 1;
        let completed = CompletedAttempt {
            attempt,
            request: &request,
            outcome: &outcome,
            decision,
            delivery_started: pending.delivery_started,
        };
        state.source.on_attempt(&mut pending.item, &completed)?;
        let disabled = state.endpoint_health.record_attempt(&pending.endpoint, &pending.policy, decision);
        if let RetryDecision::Retry(wait) = decision {
            pending.due = self.clock.now() + wait;
            pending.attempt = Attempt {
                number: attempt.number + 1,
                wait,
                possibly_received: false,
                since_first: attempt.since_first + outcome.duration + wait,
            };
            state.waiting.push(pending);
        }
        if let Some(after) = disabled {
            state.source.on_endpoint_disabled(&endpoint, after)?;
            state.skip_endpoint(&endpoint)?;
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

impl<O: Outbox> DispatcherState<O> {
    /// Returns what can be done at `now`: a retry that is due precedes a delivery that has not started.
    fn next_step(&mut self, now: Duration) -> Result<NextStep<O::Item>> {
        let more_may_come = self.refill()?;
        let retry = self.waiting.peek().map(|pending| pending.due);
        let upcoming = self.upcoming.as_ref().map(|pending| pending.due);
        let due = |moment: Option<Duration>| moment.is_some_and(|moment| moment <= now);
        let found = if due(retry) {
            self.waiting.pop()
        } else if due(upcoming) {
            self.upcoming.take()
        } else if more_may_come {
            return Ok(NextStep::Poll);
        } else {
            let first = [retry, upcoming].into_iter().flatten().min();
            return Ok(first.map_or(NextStep::Done, NextStep::WaitUntil));
        };
        Ok(found.map_or(NextStep::Done, NextStep::Attempt))
    }

    /// Skips the deliveries that wait for a disabled endpoint.
    fn skip_endpoint(&mut self, endpoint: &str) -> Result {
        for mut pending in std::mem::take(&mut self.waiting) {
            if *pending.endpoint == *endpoint {
                self.source.on_skipped(&mut pending.item)?;
            } else {
                self.waiting.push(pending);
            }
        }
        Ok(())
    }

    /// Fetches the next delivery; returns true if there is none yet. A delivery that an earlier run started waits like
    /// any other retry.
    fn refill(&mut self) -> Result<bool> {
        // The upcoming delivery may wait for long, and its endpoint be disabled meanwhile.
        if self.upcoming.as_ref().is_some_and(|pending| self.endpoint_health.is_disabled(&pending.endpoint))
            && let Some(mut pending) = self.upcoming.take()
        {
            self.source.on_skipped(&mut pending.item)?;
        }
        while self.upcoming.is_none() && !self.exhausted {
            let mut new = match self.source.next()? {
                NextDelivery::Ready(new) => new,
                NextDelivery::Pending => return Ok(true),
                NextDelivery::Exhausted => {
                    self.exhausted = true;
                    break;
                }
            };
            if self.endpoint_health.is_disabled(&new.endpoint) {
                self.source.on_skipped(&mut new.item)?;
                continue;
            }
            let started_earlier = new.attempts_made > 0;
            let attempt = Attempt {
                number: new.attempts_made + 1,
                wait: new.wait,
                possibly_received: new.possibly_received,
                since_first: new.wait,
            };
            let NewDelivery { item, number, policy, endpoint, due, .. } = new;
            // For a resumed delivery, the delay started before this run did.
            let delivery_started = due.saturating_sub(new.wait);
            let pending = ScheduledAttempt { item, number, policy, endpoint, due, delivery_started, attempt };
            if started_earlier {
                self.waiting.push(pending);
            } else {
                self.upcoming = Some(pending);
            }
        }
        Ok(false)
    }
}
