//! Tracks open connections: limits their number, evicts the longest idle, and closes those with late headers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::heap;

/// Maximum number of open connections. A provider opens a few; each costs some ten KiB.
const MAX_CONNECTIONS: usize = 1024;
/// Number of idle connections evicted at once, so that not every new connection has to search for one.
const EVICTION_BATCH: usize = 64;
/// Number of connections that leaves enough freed memory behind to return it to the system.
const FLOOD: usize = 128;

/// All open connections.
#[derive(Default)]
pub(super) struct ConnectionTracker {
    connections: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    /// Counts activity, to order connections by their last one.
    activity_clock: Cell<u64>,
    /// Counts the ticks of the header timeout.
    timeout_ticks: Cell<u32>,
    /// Highest number of connections since the last tick.
    peak: Cell<usize>,
    /// True from a flood until the memory that it used is returned.
    flooded: Cell<bool>,
    /// True once no more requests are accepted.
    draining: Cell<bool>,
    slot_freed: Notify,
}

/// Number of ticks in one header timeout. A single timer for all connections costs a request nothing, and closes a late
/// connection at most one tick too late.
const TICKS_PER_HEADER_TIMEOUT: u32 = 20;

struct ConnectionState {
    /// Value of the activity clock when it was last active.
    last_active: Cell<u64>,
    phase: Cell<ConnectionPhase>,
    /// True if it was asked to close in favour of new connections.
    evict_requested: Cell<bool>,
    signal: Notify,
}

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionPhase {
    /// Waiting for headers, since this tick.
    ReadingHeaders(u32),
    /// Waiting for the peer: for a body, or for the peer to close.
    AwaitingPeer,
    /// A response is being made.
    Responding,
}

/// Request to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionSignal {
    /// Close now, in favour of new connections.
    Evict,
    /// Complete the current request, and accept no more.
    Drain,
    /// Close: the headers took too long.
    HeaderTimeout,
}

/// An open connection; dropping it frees its slot.
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
        let mut connections = self.connections.borrow_mut();
        connections.insert(id, Rc::clone(&state));
        self.peak.set(self.peak.get().max(connections.len()));
        drop(connections);
        TrackedConnection { id, state, tracker: Rc::clone(self) }
    }

    /// Waits until one more connection is allowed.
    pub(super) async fn wait_for_slot(&self) {
        while self.connections.borrow().len() >= MAX_CONNECTIONS {
            self.evict_idle();
            self.slot_freed.notified().await;
        }
    }

    /// Asks idle connections to close, and waits until one has.
    pub(super) async fn wait_for_close(&self) {
        self.evict_idle();
        self.slot_freed.notified().await;
    }

    /// Asks all connections to complete their current request and close.
    pub(super) fn begin_drain(&self) {
        self.draining.set(true);
        for connection in self.connections.borrow().values() {
            connection.signal.notify_one();
        }
    }

    /// Signals connections that have waited for headers longer than `timeout`.
    pub(super) async fn enforce_header_timeout(&self, timeout: Duration) {
        loop {
            tokio::time::sleep(timeout / TICKS_PER_HEADER_TIMEOUT).await;
            self.timeout_ticks.set(self.timeout_ticks.get().wrapping_add(1));
            for connection in self.connections.borrow().values().filter(|connection| self.headers_overdue(connection)) {
                connection.signal.notify_one();
            }
            if self.flood_is_over() {
                heap::release_freed();
            }
        }
    }

    /// True at the first tick since which there were few connections, after many.
    fn flood_is_over(&self) -> bool {
        let peak = self.peak.replace(self.connections.borrow().len());
        if peak >= FLOOD {
            self.flooded.set(true);
        }
        peak < FLOOD && self.flooded.replace(false)
    }

    fn headers_overdue(&self, connection: &ConnectionState) -> bool {
        matches!(connection.phase.get(), ConnectionPhase::ReadingHeaders(since) if self.timeout_ticks.get().wrapping_sub(since) > TICKS_PER_HEADER_TIMEOUT)
    }

    /// Waits until all connections are closed.
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
    /// Marks the connection as waiting for headers.
    pub(super) fn reading_headers(&self) {
        self.set_phase(ConnectionPhase::ReadingHeaders(self.tracker.timeout_ticks.get()));
    }

    /// Marks the connection as waiting for the peer.
    pub(super) fn awaiting_peer(&self) {
        self.set_phase(ConnectionPhase::AwaitingPeer);
    }

    /// Marks the connection as responding; until that ends, it is not evicted.
    pub(super) fn responding(&self) {
        self.set_phase(ConnectionPhase::Responding);
    }

    fn set_phase(&self, phase: ConnectionPhase) {
        self.state.phase.set(phase);
        self.state.last_active.set(self.tracker.next_activity());
    }

    /// Waits for the next request to this connection.
    pub(super) async fn next_signal(&self) -> ConnectionSignal {
        loop {
            self.state.signal.notified().await;
            // The state may have changed since the signal was sent.
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

    /// True once no more requests are accepted.
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

    #[test]
    fn a_flood_is_over_once_and_only_when_there_are_few_connections() {
        let tracker = Rc::new(ConnectionTracker::default());
        let register = |count| (0..count).map(|_| tracker.register()).collect::<Vec<_>>();
        drop(register(FLOOD - 1));
        assert!(!tracker.flood_is_over() && !tracker.flood_is_over(), "no flood");
        let many = register(FLOOD);
        assert!(!tracker.flood_is_over() && !tracker.flood_is_over(), "they are still open");
        drop(many);
        assert!(!tracker.flood_is_over(), "they were open since the last tick");
        assert!(tracker.flood_is_over() && !tracker.flood_is_over());
    }
}
