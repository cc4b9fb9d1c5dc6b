//! Messages about a log that cannot be written: one when it fails, one when it works again.

use std::cell::Cell;

use super::queue::{Sight, Sights};
use crate::receiver::Exchange;

/// Reports problems of the log, without repeating itself for each request.
pub(super) struct Complaints {
    sights: Sights,
    /// The number of requests in a row that could not be recorded.
    lost: Cell<u64>,
    too_large: Cell<bool>,
}

impl Complaints {
    pub(super) fn new(sights: Sights) -> Self {
        Self { sights, lost: Cell::new(0), too_large: Cell::new(false) }
    }

    /// Reports what changed about the log with this request.
    pub(super) fn about(&self, case: &Exchange) {
        match &case.log_error {
            Some(error) => {
                if self.lost.replace(self.lost.get() + 1) == 0 {
                    self.sights.show(Sight::Trouble(error.clone()));
                }
            }
            None => match self.lost.take() {
                0 => {}
                1 => self.all_clear("1 request"),
                lost => self.all_clear(&format!("{lost} requests")),
            },
        }
        let before = self.too_large.replace(case.rotation_error.is_some());
        if let Some(error) = case.rotation_error.as_ref().filter(|_| !before) {
            self.sights.show(Sight::Trouble(error.clone()));
        }
    }

    fn all_clear(&self, lost: &str) {
        self.sights.show(Sight::Note(format!("the log is writable again; {lost} got a 503 response")));
    }
}
