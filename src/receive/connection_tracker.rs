//! Who is connected: so many at most; who has been idle longest leaves first, and who is too slow must leave.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

/// How many connections may be open. A provider opens a few; each costs some ten KiB.
const MAX_CONNECTIONS: usize = 1024;
/// How many idle ones leave at once, so that they are not looked for with every newcomer.
const EVICTION_BATCH: usize = 64;

/// The open connections.
#[derive(Default)]
pub(super) struct ConnectionTracker {
    connections: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    /// Counts what happens, to tell who was active last.
    activity_clock: Cell<u64>,
    /// Counts the rounds in which those are looked for who are late.
    timeout_ticks: Cell<u32>,
    /// Whether no more requests are taken.
    draining: Cell<bool>,
    slot_freed: Notify,
}

/// In how many rounds the time passes that headers may take: one watch over all costs a request nothing, and whoever
/// is late leaves a round too late at most.
const TICKS_PER_HEADER_TIMEOUT: u32 = 20;

struct ConnectionState {
    /// When it was last active.
    last_active: Cell<u64>,
    phase: Cell<ConnectionPhase>,
    /// Whether it was asked to make room for others.
    evict_requested: Cell<bool>,
    signal: Notify,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionPhase {
    /// It waits for headers, since this round.
    ReadingHeaders(u32),
    /// It waits for something else from the other side: a body, or that it leaves.
    AwaitingPeer,
    /// An answer is being made.
    Responding,
}

/// What is asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionSignal {
    /// To make room for others, at once.
    Evict,
    /// To answer what was asked, and take no more.
    Drain,
    /// To end it, since its headers took too long.
    HeaderTimeout,
}

/// An open connection; it gives up its seat when this goes away.
pub(super) struct TrackedConnection {
    id: u64,
    state: Rc<ConnectionState>,
    tracker: Rc<ConnectionTracker>,
}

impl ConnectionTracker {
    pub(super) fn register(self: &Rc<Self>) -> TrackedConnection {
        let id = self.next_activity();
        let phase = Cell::new(ConnectionPhase::ReadingHeaders(self.timeout_ticks.get()));
        let state = ConnectionState {
            last_active: Cell::new(id),
            phase,
            evict_requested: Cell::new(false),
            signal: Notify::new(),
        };
        let state = Rc::new(state);
        self.connections.borrow_mut().insert(id, Rc::clone(&state));
        TrackedConnection { id, state, tracker: Rc::clone(self) }
    }

    /// Waits until there is room for one more.
    pub(super) async fn wait_for_slot(&self) {
        while self.connections.borrow().len() >= MAX_CONNECTIONS {
            self.evict_idle();
            self.slot_freed.notified().await;
        }
    }

    /// Waits until somebody left; idle ones are asked to.
    pub(super) async fn wait_for_close(&self) {
        self.evict_idle();
        self.slot_freed.notified().await;
    }

    /// Asks everybody to finish what they are at.
    pub(super) fn begin_drain(&self) {
        self.draining.set(true);
        for connection in self.connections.borrow().values() {
            connection.signal.notify_one();
        }
    }

    /// Calls whoever waits for headers for longer than `timeout`.
    pub(super) async fn enforce_header_timeout(&self, timeout: Duration) {
        loop {
            tokio::time::sleep(timeout / TICKS_PER_HEADER_TIMEOUT).await;
            self.timeout_ticks.set(self.timeout_ticks.get().wrapping_add(1));
            for connection in self.connections.borrow().values().filter(|connection| self.headers_overdue(connection)) {
                connection.signal.notify_one();
            }
        }
    }

    fn headers_overdue(&self, connection: &ConnectionState) -> bool {
        matches!(connection.phase.get(), ConnectionPhase::ReadingHeaders(since) if self.timeout_ticks.get().wrapping_sub(since) > TICKS_PER_HEADER_TIMEOUT)
    }

    /// Waits until nobody is left.
    pub(super) async fn drained(&self) {
        while !self.connections.borrow().is_empty() {
            self.slot_freed.notified().await;
        }
    }

    fn evict_idle(&self) {
        let connections = self.connections.borrow();
        let mut idle: Vec<&Rc<ConnectionState>> =
            connections.values().filter(|connection| connection.phase.get() != ConnectionPhase::Responding).collect();
        idle.sort_unstable_by_key(|connection| connection.last_active.get());
        for connection in idle.iter().take(EVICTION_BATCH) {
            connection.evict_requested.set(true);
            connection.signal.notify_one();
        }
    }

    fn next_activity(&self) -> u64 {
        self.activity_clock.set(self.activity_clock.get() + 1);
        self.activity_clock.get()
    }
}

impl TrackedConnection {
    /// From now on it waits for headers.
    pub(super) fn reading_headers(&self) {
        self.set_phase(ConnectionPhase::ReadingHeaders(self.tracker.timeout_ticks.get()));
    }

    /// From now on it waits for something else from the other side.
    pub(super) fn awaiting_peer(&self) {
        self.set_phase(ConnectionPhase::AwaitingPeer);
    }

    /// From now on an answer is being made; meanwhile it is not asked to leave.
    pub(super) fn responding(&self) {
        self.set_phase(ConnectionPhase::Responding);
    }

    fn set_phase(&self, phase: ConnectionPhase) {
        self.state.phase.set(phase);
        self.state.last_active.set(self.tracker.next_activity());
    }

    /// Waits until something is asked of it.
    pub(super) async fn next_signal(&self) -> ConnectionSignal {
        loop {
            self.state.signal.notified().await;
            // What was true when it was called need not be any more.
            if self.is_draining() {
                return ConnectionSignal::Drain;
            } else if self.tracker.headers_overdue(&self.state) {
                return ConnectionSignal::HeaderTimeout;
            } else if self.state.evict_requested.replace(false) && self.state.phase.get() != ConnectionPhase::Responding
            {
                return ConnectionSignal::Evict;
            }
        }
    }

    /// Whether no more requests are taken.
    pub(super) fn is_draining(&self) -> bool {
        self.tracker.draining.get()
    }
}

impl Drop for TrackedConnection {
    fn drop(&mut self) {
        self.tracker.connections.borrow_mut().remove(&self.id);
        self.tracker.slot_freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_are_asked_to_leave_and_the_busy_are_not() {
        let tracker = Rc::new(ConnectionTracker::default());
        let registered: Vec<TrackedConnection> = (0..EVICTION_BATCH + 3).map(|_| tracker.register()).collect();
        registered[0].responding();
        registered[1].responding();
        registered[1].awaiting_peer();
        tracker.evict_idle();
        let asked = |connection: &TrackedConnection| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            std::pin::pin!(connection.next_signal()).poll(&mut context).is_ready()
        };
        let staying: Vec<usize> = (0..registered.len()).filter(|at| !asked(&registered[*at])).collect();
        assert_eq!(staying, [0, 1, registered.len() - 1]);
        drop(registered);
        assert!(tracker.connections.borrow().is_empty());
    }
}
