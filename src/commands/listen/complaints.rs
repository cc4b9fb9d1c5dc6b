//! What is said of a log that cannot be kept: once when it begins, once when it is over.

use std::cell::Cell;

use super::view::{Sight, Sights};
use crate::receive::Exchange;

/// Complains of the log, without repeating itself with each request.
pub(super) struct Complaints {
    sights: Sights,
    /// How many requests in a row could not be recorded.
    lost: Cell<u64>,
    too_large: Cell<bool>,
}

impl Complaints {
    pub(super) fn new(sights: Sights) -> Self {
        Self { sights, lost: Cell::new(0), too_large: Cell::new(false) }
    }

    /// Says what is new about the log with this request.
    pub(super) fn about(&self, case: &Exchange) {
        match &case.log_error {
            Some(error) => {
                if self.lost.replace(self.lost.get() + 1) == 0 {
                    self.sights.show(Sight::Trouble(error.clone()));
                }
            }
            None => match self.lost.take() {
                0 => {}
                1 => self.all_clear("1 request was"),
                lost => self.all_clear(&format!("{lost} requests were")),
            },
        }
        let before = self.too_large.replace(case.rotation_error.is_some());
        if let Some(error) = case.rotation_error.as_ref().filter(|_| !before) {
            self.sights.show(Sight::Trouble(error.clone()));
        }
    }

    fn all_clear(&self, lost: &str) {
        self.sights.show(Sight::Note(format!("the log can be written again; {lost} answered 503")));
    }
}
