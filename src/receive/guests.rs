//! Who is connected: so many at most; who has been idle longest leaves first, and who is too slow must leave.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

/// How many connections may be open. A provider opens a few; each costs some ten KiB.
const MOST: usize = 1024;
/// How many idle ones leave at once, so that they are not looked for with every newcomer.
const AT_ONCE: usize = 64;

/// The open connections.
#[derive(Default)]
pub(super) struct Guests {
    seats: RefCell<HashMap<u64, Rc<Seat>>>,
    /// Counts what happens, to tell who was active last.
    time: Cell<u64>,
    /// Counts the rounds in which those are looked for who are late.
    rounds: Cell<u32>,
    /// Whether no more requests are taken.
    over: Cell<bool>,
    room: Notify,
}

/// In how many rounds the time passes that headers may take: one watch over all costs a request nothing, and whoever
/// is late leaves a round too late at most.
const ROUNDS: u32 = 20;

struct Seat {
    /// When it was last active.
    since: Cell<u64>,
    phase: Cell<Phase>,
    /// Whether it was asked to make room for others.
    unwanted: Cell<bool>,
    call: Notify,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It waits for headers, since this round.
    Headers(u32),
    /// It waits for something else from the other side: a body, or that it leaves.
    Other,
    /// An answer is being made.
    Answer,
}

/// What is asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To make room for others, at once.
    Leave,
    /// To answer what was asked, and take no more.
    Finish,
    /// To end it, since its headers took too long.
    Late,
}

/// An open connection; it gives up its seat when this goes away.
pub(super) struct Guest {
    id: u64,
    seat: Rc<Seat>,
    guests: Rc<Guests>,
}

impl Guests {
    pub(super) fn enter(self: &Rc<Self>) -> Guest {
        let id = self.tick();
        let phase = Cell::new(Phase::Headers(self.rounds.get()));
        let seat = Seat { since: Cell::new(id), phase, unwanted: Cell::new(false), call: Notify::new() };
        let seat = Rc::new(seat);
        self.seats.borrow_mut().insert(id, Rc::clone(&seat));
        Guest { id, seat, guests: Rc::clone(self) }
    }

    /// Waits until there is room for one more.
    pub(super) async fn room(&self) {
        while self.seats.borrow().len() >= MOST {
            self.make_room();
            self.room.notified().await;
        }
    }

    /// Waits until somebody left; idle ones are asked to.
    pub(super) async fn somebody_left(&self) {
        self.make_room();
        self.room.notified().await;
    }

    /// Asks everybody to finish what they are at.
    pub(super) fn finish(&self) {
        self.over.set(true);
        for seat in self.seats.borrow().values() {
            seat.call.notify_one();
        }
    }

    /// Calls whoever waits for headers for longer than `within`.
    pub(super) async fn watch(&self, within: Duration) {
        loop {
            tokio::time::sleep(within / ROUNDS).await;
            self.rounds.set(self.rounds.get().wrapping_add(1));
            for seat in self.seats.borrow().values().filter(|seat| self.is_late(seat)) {
                seat.call.notify_one();
            }
        }
    }

    fn is_late(&self, seat: &Seat) -> bool {
        matches!(seat.phase.get(), Phase::Headers(since) if self.rounds.get().wrapping_sub(since) > ROUNDS)
    }

    /// Waits until nobody is left.
    pub(super) async fn all_left(&self) {
        while !self.seats.borrow().is_empty() {
            self.room.notified().await;
        }
    }

    fn make_room(&self) {
        let seats = self.seats.borrow();
        let mut idle: Vec<&Rc<Seat>> = seats.values().filter(|seat| seat.phase.get() != Phase::Answer).collect();
        idle.sort_unstable_by_key(|seat| seat.since.get());
        for seat in idle.iter().take(AT_ONCE) {
            seat.unwanted.set(true);
            seat.call.notify_one();
        }
    }

    fn tick(&self) -> u64 {
        self.time.set(self.time.get() + 1);
        self.time.get()
    }
}

impl Guest {
    /// From now on it waits for headers.
    pub(super) fn waits_for_headers(&self) {
        self.enters(Phase::Headers(self.guests.rounds.get()));
    }

    /// From now on it waits for something else from the other side.
    pub(super) fn waits(&self) {
        self.enters(Phase::Other);
    }

    /// From now on an answer is being made; meanwhile it is not asked to leave.
    pub(super) fn answers(&self) {
        self.enters(Phase::Answer);
    }

    fn enters(&self, phase: Phase) {
        self.seat.phase.set(phase);
        self.seat.since.set(self.guests.tick());
    }

    /// Waits until something is asked of it.
    pub(super) async fn called(&self) -> Call {
        loop {
            self.seat.call.notified().await;
            // What was true when it was called need not be any more.
            if self.is_over() {
                return Call::Finish;
            } else if self.guests.is_late(&self.seat) {
                return Call::Late;
            } else if self.seat.unwanted.replace(false) && self.seat.phase.get() != Phase::Answer {
                return Call::Leave;
            }
        }
    }

    /// Whether no more requests are taken.
    pub(super) fn is_over(&self) -> bool {
        self.guests.over.get()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.seats.borrow_mut().remove(&self.id);
        self.guests.room.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_are_asked_to_leave_and_the_busy_are_not() {
        let guests = Rc::new(Guests::default());
        let entered: Vec<Guest> = (0..AT_ONCE + 3).map(|_| guests.enter()).collect();
        entered[0].answers();
        entered[1].answers();
        entered[1].waits();
        guests.make_room();
        let asked = |guest: &Guest| {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            std::pin::pin!(guest.called()).poll(&mut context).is_ready()
        };
        let staying: Vec<usize> = (0..entered.len()).filter(|at| !asked(&entered[*at])).collect();
        assert_eq!(staying, [0, 1, entered.len() - 1]);
        drop(entered);
        assert!(guests.seats.borrow().is_empty());
    }
}
