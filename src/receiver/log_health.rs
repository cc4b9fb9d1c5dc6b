//! Notices when the log can no longer be written, and when it can again.

use std::cell::Cell;

use super::{Exchange, ReceiverEvent};

/// Reports problems of the log once each, and not again for each request.
#[derive(Debug, Default)]
pub(super) struct LogHealth {
    /// The number of requests in a row that could not be recorded.
    failed_writes: Cell<u64>,
    rotation_fails: Cell<bool>,
}

impl LogHealth {
    /// Reports what changed about the log with this request.
    pub(super) fn observe(&self, exchange: &Exchange, on_event: impl Fn(ReceiverEvent)) {
        match &exchange.log_error {
            Some(error) => {
                if self.failed_writes.replace(self.failed_writes.get() + 1) == 0 {
                    on_event(ReceiverEvent::LogFailed(error.clone()));
                }
            }
            None => match self.failed_writes.take() {
                0 => {}
                failed_writes => on_event(ReceiverEvent::LogRecovered { failed_writes }),
            },
        }
        let failed_before = self.rotation_fails.replace(exchange.rotation_error.is_some());
        if let Some(error) = exchange.rotation_error.as_ref().filter(|_| !failed_before) {
            on_event(ReceiverEvent::LogFailed(error.clone()));
        }
    }
}
