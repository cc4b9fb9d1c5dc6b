//! The delivery engine: attempts along a schedule, in the order in which they are due, at any speed.

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

use super::course::{self, Next};
use super::health::Endpoints;
use super::speed::Timer;
use super::{Client, Outcome, Outgoing, Speed};
use crate::clock::Clock;
use crate::error::Result;
use crate::provider::Delivery;

/// Where deliveries come from, and who hears what becomes of them.
pub trait Outbox {
    /// What an attempt's request is made of.
    type Item;

    /// The next delivery, in their order. It must not wait for one.
    fn next(&mut self) -> Result<Supply<Self::Item>>;

    /// The request of an attempt, made when the attempt is due. It leaves after the next [`Outbox::idle`].
    fn request(&mut self, item: &mut Self::Item, attempt: &Attempt) -> Result<Outgoing>;

    /// An attempt was made.
    fn attempted(&mut self, item: &mut Self::Item, made: &Made<'_>) -> Result;

    /// Nothing is delivered to an endpoint any more, after so many failures in a row.
    fn disabled(&mut self, endpoint: &str, after: u32) -> Result;

    /// A delivery, or what is left of it, is not made because its endpoint is disabled.
    fn held_back(&mut self, item: &mut Self::Item) -> Result;

    /// The thread is about to be given away, and what was made meanwhile to leave: what must be written before goes out
    /// now, in one write for all of it.
    fn idle(&mut self) -> Result;
}

/// What an outbox has to give.
#[derive(Debug)]
pub enum Supply<I> {
    /// A delivery.
    Fresh(Fresh<I>),
    /// Nothing yet: more may come.
    NotYet,
    /// Nothing more.
    Empty,
}

/// A delivery that comes out of the outbox.
#[derive(Debug)]
pub struct Fresh<I> {
    /// What its requests are made of.
    pub item: I,
    /// Its number, which its jitter depends on.
    pub number: u64,
    /// The rules by which it is delivered.
    pub terms: Rc<Delivery>,
    /// The endpoint, whose failures in a row are counted.
    pub endpoint: Rc<str>,
    /// When it is due, in the provider's time since the start.
    pub due: Duration,
    /// How many attempts were made in an earlier run.
    pub made: u32,
    /// Whether an earlier run was cut off while it made the next attempt.
    pub perhaps_seen: bool,
    /// The wait that precedes the next attempt, where an earlier run made some.
    pub wait: Duration,
}

/// An attempt that is due.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its number within the delivery, from 1.
    pub number: u32,
    /// How long the provider waits before it.
    pub wait: Duration,
    /// Whether the handler may have seen it in an earlier run that was cut off.
    pub perhaps_seen: bool,
    /// The provider's time from the first attempt of its delivery to this one.
    pub since_first: Duration,
}

/// An attempt that was made.
#[derive(Debug)]
pub struct Made<'a> {
    /// Which one.
    pub attempt: Attempt,
    /// What was sent.
    pub request: &'a Outgoing,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What follows.
    pub next: Next,
    /// When the delivery was begun, in the provider's time since the start of the run.
    pub begun: Duration,
}

/// A delivery with attempts before it.
struct Pending<I> {
    item: I,
    number: u64,
    terms: Rc<Delivery>,
    endpoint: Rc<str>,
    due: Duration,
    begun: Duration,
    attempt: Attempt,
}

impl<I> Ord for Pending<I> {
    /// The one that is due first is the greatest, as a heap wants it.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<I> PartialOrd for Pending<I> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<I> PartialEq for Pending<I> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<I> Eq for Pending<I> {}

/// How the engine runs.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// How fast the provider's time passes.
    pub speed: Speed,
    /// How many attempts may be under way at once; at least one.
    pub concurrency: usize,
    /// The time-out of every attempt, instead of the provider's own; zero waits for ever.
    pub timeout: Option<Duration>,
    /// The seed of the jitter.
    pub seed: u64,
    /// The clock that dates are compared with.
    pub clock: Clock,
}

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many deliveries wait for their next attempt.
    pub waiting: usize,
    /// How many attempts are under way.
    pub under_way: usize,
    /// How long until the next attempt that is waited for, in the provider's time.
    pub next_in: Option<Duration>,
    /// Whether the outbox is empty.
    pub exhausted: bool,
}

/// Delivers what an outbox holds.
pub struct Dispatcher<O: Outbox> {
    state: RefCell<State<O>>,
    client: Client,
    pacing: Pacing,
    timer: Timer,
    /// Something finished, or the end was asked for.
    changed: Notify,
    stopping: Cell<bool>,
}

struct State<O: Outbox> {
    outbox: O,
    /// The next one, which is not due yet.
    fresh: Option<Pending<O::Item>>,
    exhausted: bool,
    waiting: BinaryHeap<Pending<O::Item>>,
    endpoints: Endpoints,
    under_way: usize,
}

/// What can be done now.
enum Step<I> {
    Attempt(Pending<I>),
    /// Nothing until this moment.
    Wait(Duration),
    /// Nothing is due, and the outbox has nothing yet.
    AskAgain,
    Nothing,
}

/// How soon an outbox that had nothing is asked again.
const ASKED_AGAIN: Duration = Duration::from_millis(10);

impl<O: Outbox> Dispatcher<O> {
    /// An engine whose time begins now.
    pub fn new(outbox: O, client: Client, pacing: Pacing) -> Self {
        let state = State {
            outbox,
            fresh: None,
            exhausted: false,
            waiting: BinaryHeap::new(),
            endpoints: Endpoints::default(),
            under_way: 0,
        };
        let timer = Timer::start(pacing.speed);
        Self { state: RefCell::new(state), client, pacing, timer, changed: Notify::new(), stopping: Cell::new(false) }
    }

    /// Delivers until nothing is left, or until [`Dispatcher::stop`] and the end of the attempts under way.
    pub async fn run(&self) -> Result {
        let workers: FuturesUnordered<_> = (0..self.pacing.concurrency.max(1)).map(|_| self.work()).collect();
        let mut workers = pin!(workers);
        poll_fn(|context| {
            loop {
                match workers.poll_next_unpin(context) {
                    Poll::Ready(Some(Ok(()))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(None) => return Poll::Ready(self.state.borrow_mut().outbox.idle()),
                    // Requests are handed to tasks that drive the connections, and these run when this one does not.
                    Poll::Pending => {
                        self.state.borrow_mut().outbox.idle()?;
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }

    /// Begins no more attempts.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.changed.notify_waiters();
    }

    /// What is left to do, as far as it is known.
    pub fn standing(&self) -> Standing {
        let state = self.state.borrow();
        let due = state.waiting.peek().map(|pending| pending.due);
        Standing {
            waiting: state.waiting.len(),
            under_way: state.under_way,
            next_in: due.map(|due| due.saturating_sub(self.timer.now())),
            exhausted: state.exhausted && state.fresh.is_none(),
        }
    }

    /// Gives the outbox back.
    pub fn into_outbox(self) -> O {
        self.state.into_inner().outbox
    }

    /// Looks at the outbox.
    pub fn with_outbox<T>(&self, look: impl FnOnce(&mut O) -> T) -> T {
        look(&mut self.state.borrow_mut().outbox)
    }

    /// Makes one attempt after the other.
    async fn work(&self) -> Result {
        loop {
            let (step, others) = {
                let mut state = self.state.borrow_mut();
                let step = if self.stopping.get() { Step::Nothing } else { state.step(self.timer.now())? };
                (step, state.under_way > 0)
            };
            match step {
                Step::Attempt(pending) => self.attempt(pending).await?,
                // What is under way may fail, and be due again before that moment.
                Step::Wait(moment) if self.timer.is_virtual() && !others => {
                    self.timer.jump(moment);
                    self.changed.notify_waiters();
                }
                Step::Wait(moment) => tokio::select! {
                    () = self.timer.until(moment) => {}
                    () = self.changed.notified() => {}
                },
                Step::AskAgain => tokio::select! {
                    () = tokio::time::sleep(ASKED_AGAIN) => {}
                    () = self.changed.notified() => {}
                },
                Step::Nothing if others => self.changed.notified().await,
                Step::Nothing => return Ok(()),
            }
        }
    }

    async fn attempt(&self, mut pending: Pending<O::Item>) -> Result {
        let request = {
            let mut state = self.state.borrow_mut();
            state.under_way += 1;
            state.outbox.request(&mut pending.item, &pending.attempt)?
        };
        let timeout = self.pacing.timeout.unwrap_or(pending.terms.timeout.0);
        let outcome = self.client.attempt(&request, Some(timeout).filter(|limit| !limit.is_zero())).await?;
        let (attempt, endpoint) = (pending.attempt, Rc::clone(&pending.endpoint));
        let mut random = course::jitter_of(self.pacing.seed, pending.number, attempt.number);
        let next = course::next(&pending.terms, attempt.number, &outcome, self.pacing.clock.now(), &mut random);
        let mut state = self.state.borrow_mut();
        state.under_way -= 1;
        let made = Made { attempt, request: &request, outcome: &outcome, next, begun: pending.begun };
        state.outbox.attempted(&mut pending.item, &made)?;
        let disabled = state.endpoints.count(&pending.endpoint, &pending.terms, next);
        if let Next::Retry(wait) = next {
            pending.due = self.timer.now() + wait;
            pending.attempt = Attempt {
                number: attempt.number + 1,
                wait,
                perhaps_seen: false,
                since_first: attempt.since_first + outcome.duration + wait,
            };
            state.waiting.push(pending);
        }
        if let Some(after) = disabled {
            state.outbox.disabled(&endpoint, after)?;
            state.hold_back(&endpoint)?;
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }
}

impl<O: Outbox> State<O> {
    /// What can be done at the time `now`: a retry that is due comes before a delivery that has not begun.
    fn step(&mut self, now: Duration) -> Result<Step<O::Item>> {
        let more_may_come = self.refill()?;
        let retry = self.waiting.peek().map(|pending| pending.due);
        let fresh = self.fresh.as_ref().map(|pending| pending.due);
        let due = |moment: Option<Duration>| moment.is_some_and(|moment| moment <= now);
        let found = if due(retry) {
            self.waiting.pop()
        } else if due(fresh) {
            self.fresh.take()
        } else if more_may_come {
            return Ok(Step::AskAgain);
        } else {
            let first = [retry, fresh].into_iter().flatten().min();
            return Ok(first.map_or(Step::Nothing, Step::Wait));
        };
        Ok(found.map_or(Step::Nothing, Step::Attempt))
    }

    /// Gives up what waits for an endpoint that was disabled.
    fn hold_back(&mut self, endpoint: &str) -> Result {
        for mut pending in std::mem::take(&mut self.waiting) {
            if *pending.endpoint == *endpoint {
                self.outbox.held_back(&mut pending.item)?;
            } else {
                self.waiting.push(pending);
            }
        }
        Ok(())
    }

    /// Looks at the next delivery; says whether there is none yet. One that was begun in an earlier run waits like any
    /// other retry.
    fn refill(&mut self) -> Result<bool> {
        // What was looked at may have to wait for long, and its endpoint be disabled meanwhile.
        if self.fresh.as_ref().is_some_and(|pending| self.endpoints.is_disabled(&pending.endpoint))
            && let Some(mut pending) = self.fresh.take()
        {
            self.outbox.held_back(&mut pending.item)?;
        }
        while self.fresh.is_none() && !self.exhausted {
            let mut fresh = match self.outbox.next()? {
                Supply::Fresh(fresh) => fresh,
                Supply::NotYet => return Ok(true),
                Supply::Empty => {
                    self.exhausted = true;
                    break;
                }
            };
            if self.endpoints.is_disabled(&fresh.endpoint) {
                self.outbox.held_back(&mut fresh.item)?;
                continue;
            }
            let begun_before = fresh.made > 0;
            let attempt = Attempt {
                number: fresh.made + 1,
                wait: fresh.wait,
                perhaps_seen: fresh.perhaps_seen,
                since_first: fresh.wait,
            };
            let Fresh { item, number, terms, endpoint, due, .. } = fresh;
            // Of a delivery that goes on, the wait began before this run did.
            let begun = due.saturating_sub(fresh.wait);
            let pending = Pending { item, number, terms, endpoint, due, begun, attempt };
            if begun_before {
                self.waiting.push(pending);
            } else {
                self.fresh = Some(pending);
            }
        }
        Ok(false)
    }
}
