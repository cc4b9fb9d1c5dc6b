//! The delivery engine: makes attempts along a schedule, in the order in which they are due, at any speed.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;

use super::TimeScale;
use super::clock::DeliveryClock;
use super::endpoint_health::EndpointHealth;
use super::retry::{self, RetryDecision};
use super::source::{Attempt, CompletedAttempt, DeliveryObserver, DeliverySource, NewDelivery, NextDelivery};
use crate::clock::Clock;
use crate::error::Result;
use crate::http::client::HttpClient;
use crate::provider::DeliveryPolicy;

/// An attempt that waits until it is due.
struct ScheduledAttempt<D> {
    delivery: D,
    number: u64,
    policy: Rc<DeliveryPolicy>,
    endpoint: Rc<str>,
    due: Duration,
    delivery_started: Duration,
    attempt: Attempt,
}

impl<D> Ord for ScheduledAttempt<D> {
    /// The first due is the greatest, because a heap pops the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<D> PartialOrd for ScheduledAttempt<D> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<D> PartialEq for ScheduledAttempt<D> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<D> Eq for ScheduledAttempt<D> {}

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

/// Wakes a dispatcher that waits because its source had no delivery yet. It can be used from any thread, before
/// the run as well.
#[derive(Clone, Debug, Default)]
pub struct DispatcherHandle {
    woken: Arc<Notify>,
}

impl DispatcherHandle {
    /// Makes the dispatcher ask its source again. Call it after a delivery, or the end, became available.
    pub fn wake(&self) {
        // A permit: a dispatcher that does not wait at this moment asks again all the same.
        self.woken.notify_one();
    }
}

/// Delivers what its source supplies, and informs its observer.
pub struct Dispatcher<S: DeliverySource, O> {
    state: RefCell<DispatcherState<S, O>>,
    client: HttpClient,
    options: DispatchOptions,
    clock: DeliveryClock,
    /// Notified when an attempt finished, the handle was used or a stop was requested.
    changed: Notify,
    handle: DispatcherHandle,
    stopping: Cell<bool>,
}

struct DispatcherState<S: DeliverySource, O> {
    source: S,
    observer: O,
    /// The next delivery of the source, not due yet.
    upcoming: Option<ScheduledAttempt<S::Delivery>>,
    exhausted: bool,
    waiting: BinaryHeap<ScheduledAttempt<S::Delivery>>,
    endpoint_health: EndpointHealth,
    in_flight: usize,
}

/// The next thing a worker can do.
enum NextStep<D> {
    Attempt(ScheduledAttempt<D>),
    /// Nothing is due before this time.
    WaitUntil(Duration),
    /// Nothing is due before this time, if any, and the source has nothing yet.
    AwaitSource(Option<Duration>),
    Done,
}

impl<S: DeliverySource, O: DeliveryObserver<S>> Dispatcher<S, O> {
    /// Makes an engine; its time starts now.
    pub fn new(source: S, observer: O, client: HttpClient, options: DispatchOptions) -> Self {
        let state = DispatcherState {
            source,
            observer,
            upcoming: None,
            exhausted: false,
            waiting: BinaryHeap::new(),
            endpoint_health: EndpointHealth::default(),
            in_flight: 0,
        };
        let clock = DeliveryClock::start(options.speed);
        Self {
            state: RefCell::new(state),
            client,
            options,
            clock,
            changed: Notify::new(),
            handle: DispatcherHandle::default(),
            stopping: Cell::new(false),
        }
    }

    /// Lets this handle wake the engine: a source that returns [`NextDelivery::Pending`] needs one.
    #[must_use]
    pub fn woken_by(self, handle: DispatcherHandle) -> Self {
        Self { handle, ..self }
    }

    /// Delivers until nothing is left, or after [`Dispatcher::stop`] until no attempt is in flight.
    pub async fn run(&self) -> Result {
        tokio::select! {
            biased;
            never = self.relay_wakes() => match never {},
            ended = self.run_workers() => ended,
        }
    }

    /// Passes the wakes of other threads to the workers that wait.
    async fn relay_wakes(&self) -> Infallible {
        loop {
            self.handle.woken.notified().await;
            self.changed.notify_waiters();
        }
    }

    async fn run_workers(&self) -> Result {
        let workers: FuturesUnordered<_> = (0..self.options.concurrency.max(1)).map(|_| self.run_worker()).collect();
        let mut workers = pin!(workers);
        poll_fn(|context| {
            loop {
                match workers.poll_next_unpin(context) {
                    Poll::Ready(Some(Ok(()))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => return Poll::Ready(self.state.borrow_mut().observer.flush()),
                    // Requests are handed to tasks that drive the connections; these run once this task yields.
                    Poll::Pending => {
                        self.state.borrow_mut().observer.flush()?;
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

    /// Returns the source and the observer.
    pub fn into_parts(self) -> (S, O) {
        let state = self.state.into_inner();
        (state.source, state.observer)
    }

    /// Calls a function with the source and the observer.
    pub fn inspect<T>(&self, inspect: impl FnOnce(&S, &O) -> T) -> T {
        let state = self.state.borrow();
        inspect(&state.source, &state.observer)
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
                NextStep::AwaitSource(next_retry) => tokio::select! {
                    () = self.sleep_until(next_retry) => {}
                    () = self.changed.notified() => {}
                },
                NextStep::Done if others => self.changed.notified().await,
                NextStep::Done => return Ok(()),
            }
        }
    }

    /// Completes at this moment; never if there is none.
    async fn sleep_until(&self, moment: Option<Duration>) {
        match moment {
            Some(moment) => self.clock.sleep_until(moment).await,
            None => pending().await,
        }
    }

    async fn attempt(&self, mut pending: ScheduledAttempt<S::Delivery>) -> Result {
        let request = {
            let mut state = self.state.borrow_mut();
            state.in_flight += 1;
            state.source.build_request(&mut pending.delivery, &pending.attempt)?
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
        state.observer.on_attempt(&pending.delivery, &completed)?;
        let ended_at = self.clock.now();
        let disabled = state.endpoint_health.record_attempt(&pending.endpoint, &pending.policy, decision, ended_at);
        if let RetryDecision::Retry(wait) = decision
            && !S::KEEPS_RETRIES
        {
            pending.due = ended_at + wait;
            pending.attempt = Attempt {
                number: attempt.number + 1,
                wait,
                possibly_received: false,
                since_first: attempt.since_first + outcome.duration + wait,
                last_failure: Some(retry::failure_kind(&outcome)),
            };
            state.waiting.push(pending);
        }
        if let Some(disabled) = disabled {
            state.observer.on_endpoint_disabled(&endpoint, disabled)?;
            state.skip_endpoint(&endpoint)?;
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

impl<S: DeliverySource, O: DeliveryObserver<S>> DispatcherState<S, O> {
    /// Returns what can be done at `now`: a retry that is due precedes a delivery that has not started.
    fn next_step(&mut self, now: Duration) -> Result<NextStep<S::Delivery>> {
        let more_may_come = self.refill()?;
        let retry = self.waiting.peek().map(|pending| pending.due);
        let upcoming = self.upcoming.as_ref().map(|pending| pending.due);
        let due = |moment: Option<Duration>| moment.is_some_and(|moment| moment <= now);
        let found = if due(retry) {
            self.waiting.pop()
        } else if due(upcoming) {
            self.upcoming.take()
        } else if more_may_come {
            return Ok(NextStep::AwaitSource(retry));
        } else {
            let first = [retry, upcoming].into_iter().flatten().min();
            return Ok(first.map_or(NextStep::Done, NextStep::WaitUntil));
        };
        Ok(found.map_or(NextStep::Done, NextStep::Attempt))
    }

    /// Skips the deliveries that wait for a disabled endpoint.
    fn skip_endpoint(&mut self, endpoint: &str) -> Result {
        for pending in std::mem::take(&mut self.waiting) {
            if *pending.endpoint == *endpoint {
                self.observer.on_skipped(&pending.delivery)?;
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
            && let Some(pending) = self.upcoming.take()
        {
            self.observer.on_skipped(&pending.delivery)?;
        }
        while self.upcoming.is_none() && !self.exhausted {
            let new = match self.source.next()? {
                NextDelivery::Ready(new) => new,
                NextDelivery::Notice(notice) => {
                    self.observer.on_notice(notice)?;
                    continue;
                }
                NextDelivery::Pending => return Ok(true),
                NextDelivery::Exhausted => {
                    self.exhausted = true;
                    break;
                }
            };
            if self.endpoint_health.is_disabled(&new.endpoint) {
                self.observer.on_skipped(&new.delivery)?;
                continue;
            }
            let started_earlier = new.attempts_made > 0;
            let attempt = Attempt {
                number: new.attempts_made + 1,
                wait: new.wait,
                possibly_received: new.possibly_received,
                since_first: new.wait,
                last_failure: new.last_failure,
            };
            let NewDelivery { delivery, number, policy, endpoint, due, .. } = new;
            // For a resumed delivery, the delay started before this run did.
            let delivery_started = due.saturating_sub(new.wait);
            let pending = ScheduledAttempt { delivery, number, policy, endpoint, due, delivery_started, attempt };
            if started_earlier && !S::KEEPS_RETRIES {
                self.waiting.push(pending);
            } else {
                self.upcoming = Some(pending);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, TryRecvError};
    use std::thread;

    use futures_util::FutureExt as _;

    use super::super::EndpointDisabled;
    use super::*;
    use crate::http::client::OutgoingRequest;

    /// A source of deliveries that come from another thread, as notices.
    struct Remote {
        notices: Receiver<u32>,
        asked: usize,
    }

    impl DeliverySource for Remote {
        type Delivery = ();
        type Notice = u32;

        fn next(&mut self) -> Result<NextDelivery<(), u32>> {
            self.asked += 1;
            Ok(match self.notices.try_recv() {
                Ok(notice) => NextDelivery::Notice(notice),
                Err(TryRecvError::Empty) => NextDelivery::Pending,
                Err(TryRecvError::Disconnected) => NextDelivery::Exhausted,
            })
        }

        fn build_request(&mut self, (): &mut (), _: &Attempt) -> Result<OutgoingRequest> {
            unreachable!("there is no delivery")
        }
    }

    /// Collects the notices.
    struct Notices(Vec<u32>);

    impl DeliveryObserver<Remote> for Notices {
        fn on_notice(&mut self, notice: u32) -> Result {
            self.0.push(notice);
            Ok(())
        }

        fn on_attempt(&mut self, (): &(), _: &CompletedAttempt<'_>) -> Result {
            Ok(())
        }

        fn on_endpoint_disabled(&mut self, _: &str, _: EndpointDisabled) -> Result {
            Ok(())
        }

        fn on_skipped(&mut self, (): &()) -> Result {
            Ok(())
        }

        fn flush(&mut self) -> Result {
            Ok(())
        }
    }

    #[test]
    fn a_source_that_has_nothing_is_asked_again_when_the_handle_wakes_the_dispatcher() {
        // The runtime has no timer: a dispatcher that polls would panic.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, notices) = mpsc::channel();
        let handle = DispatcherHandle::default();
        let endpoint = "http://127.0.0.1:9".parse().unwrap();
        let options =
            DispatchOptions { speed: TimeScale::REAL, concurrency: 1, timeout: None, seed: 0, clock: Clock::System };
        let client = HttpClient::new(&endpoint, false).unwrap();
        let dispatcher = Dispatcher::new(Remote { notices, asked: 0 }, Notices(Vec::new()), client, options)
            .woken_by(handle.clone());
        let seen = || dispatcher.inspect(|source, observer| (source.asked, observer.0.clone()));
        let mut run = Box::pin(dispatcher.run());
        assert!(run.as_mut().now_or_never().is_none());
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(seen(), (1, vec![]), "it is not asked again without a wake");
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        handle.wake();
        handle.wake();
        assert!(run.as_mut().now_or_never().is_none());
        assert_eq!(seen(), (4, vec![1, 2]), "two wakes at once are one");
        let other = thread::spawn(move || {
            sender.send(3).unwrap();
            drop(sender);
            handle.wake();
        });
        runtime.block_on(run).unwrap();
        other.join().unwrap();
        assert_eq!(seen(), (6, vec![1, 2, 3]));
    }
}
