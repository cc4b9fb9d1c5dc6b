//! What is said of a log that cannot be kept: once when it begins, once when it is over.

use std::cell::Cell;

use crate::output::Output;
use crate::receive::Dealt;

/// Complains of the log, without repeating itself with each request.
pub(super) struct Complaints {
    output: Output,
    /// How many requests in a row could not be recorded.
    lost: Cell<u64>,
    too_large: Cell<bool>,
}

impl Complaints {
    pub(super) fn new(output: Output) -> Self {
        Self { output, lost: Cell::new(0), too_large: Cell::new(false) }
    }

    /// Says what is new about the log with this request.
    pub(super) fn about(&self, dealt: &Dealt) {
        match &dealt.unwritten {
            Some(error) => {
                if self.lost.replace(self.lost.get() + 1) == 0 {
                    self.output.error(error);
                }
            }
            None => match self.lost.take() {
                0 => {}
                1 => self.output.status("the log can be written again; 1 request was answered 503"),
                lost => self.output.status(&format!("the log can be written again; {lost} requests were answered 503")),
            },
        }
        let too_large = dealt.unrotated.is_some();
        if let Some(error) = dealt.unrotated.as_ref().filter(|_| !self.too_large.get()) {
            self.output.error(error);
        }
        self.too_large.set(too_large);
    }
}
