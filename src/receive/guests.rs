//! Who is connected: so many at most, and who has been idle longest leaves first.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

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
    /// Whether no more requests are taken.
    over: Cell<bool>,
    room: Notify,
}

#[derive(Default)]
struct Seat {
    /// When it was last active.
    since: Cell<u64>,
    /// Whether an answer is being made.
    busy: Cell<bool>,
    call: Notify,
}

/// What is asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// To make room for others, at once.
    Leave,
    /// To answer what was asked, and take no more.
    Finish,
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
        let seat = Rc::new(Seat { since: Cell::new(id), ..Seat::default() });
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

    /// Waits until nobody is left.
    pub(super) async fn all_left(&self) {
        while !self.seats.borrow().is_empty() {
            self.room.notified().await;
        }
    }

    fn make_room(&self) {
        let seats = self.seats.borrow();
        let mut idle: Vec<&Rc<Seat>> = seats.values().filter(|seat| !seat.busy.get()).collect();
        idle.sort_unstable_by_key(|seat| seat.since.get());
        for seat in idle.iter().take(AT_ONCE) {
            seat.call.notify_one();
        }
    }

    fn tick(&self) -> u64 {
        self.time.set(self.time.get() + 1);
        self.time.get()
    }
}

impl Guest {
    /// Whether an answer is being made from now on; meanwhile it is not asked to leave.
    pub(super) fn busy(&self, busy: bool) {
        self.seat.busy.set(busy);
        self.seat.since.set(self.guests.tick());
    }

    /// Waits until something is asked of it.
    pub(super) async fn called(&self) -> Call {
        self.seat.call.notified().await;
        if self.is_over() { Call::Finish } else { Call::Leave }
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
        entered[0].busy(true);
        entered[1].busy(true);
        entered[1].busy(false);
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
