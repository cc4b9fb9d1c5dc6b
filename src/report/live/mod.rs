//! Shows the events of the receiver while they happen.

mod printer;
mod queue;
mod request_line;

use std::cell::RefCell;
use std::rc::Rc;

use super::secret_hint::suggests_bad_signature;
use crate::capture::Record;
use crate::error::{Error, Result};
use crate::output::{Output, Verbosity, plural, sanitize};
use crate::provider::{EventPattern, Provider};
use crate::receiver::{Exchange, ForwardedTo, ReceiverEvent, ReceiverStats};
use crate::verification::VerdictStatus;
use queue::{LiveQueue, Message, RECORD_OVERHEAD};
use request_line::{HandlerView, RequestView};

/// Shows events: those of requests on a separate thread, those of a handler at once.
pub struct LiveReporter<H> {
    output: Output,
    queue: LiveQueue,
    /// The patterns of the events to show; all are shown if there are none.
    types: Vec<EventPattern>,
    stats: Rc<ReceiverStats>,
    /// Gives a hint if a handler rejects a valid request; asked once.
    rejection_hint: RefCell<Option<H>>,
}

impl<H: FnOnce(&Provider) -> Option<String>> LiveReporter<H> {
    /// Shows the events of these types, or all. `rejection_hint` is asked once, when a handler first responds to a valid
    /// request of a provider as to a bad signature.
    pub fn new(output: Output, types: Vec<EventPattern>, stats: Rc<ReceiverStats>, rejection_hint: H) -> Self {
        let rejection_hint = RefCell::new(Some(rejection_hint));
        Self { output, queue: LiveQueue::new(output), types, stats, rejection_hint }
    }

    /// Shows an event, if it is one to show.
    pub fn on_event(&self, event: ReceiverEvent) {
        let style = self.output.stderr_style;
        match event {
            ReceiverEvent::Exchange { exchange, forwarded } => self.show_exchange(exchange, forwarded),
            ReceiverEvent::Rejected(request) => {
                if !self.queue.should_drop() {
                    self.queue.send(Message::Rejected(request));
                }
            }
            ReceiverEvent::VerificationFailed(error) => self.output.error(&error),
            ReceiverEvent::LogFailed(error) => self.queue.send(Message::Error(error)),
            ReceiverEvent::LogRecovered { failed_writes } => {
                let requests = plural(failed_writes, "request", "requests");
                let line = format!("the log is writable again; {requests} got a 503 response");
                self.queue.send(Message::Status(line));
            }
            ReceiverEvent::HandlerDown { origin, reason } => {
                let line =
                    format!("handler {origin} unreachable: {}; responding 502 until it is back", sanitize(&reason));
                self.output.status(&style.red(&line));
            }
            ReceiverEvent::HandlerUp { origin } => {
                self.output.status(&style.green(&format!("handler {origin} is back")));
            }
        }
    }

    /// Waits until everything is shown.
    pub fn close(&self) -> Result {
        self.queue.close()
    }

    fn show_exchange(&self, exchange: Box<Exchange>, forwarded: Option<ForwardedTo>) {
        let status = forwarded.as_ref().and_then(|to| to.status);
        let hint = status.and_then(|status| self.rejection_hint(&exchange, status));
        if self.is_visible(&exchange.record) {
            self.show_request(exchange, forwarded);
        } else {
            self.stats.record_hidden();
        }
        if let Some(hint) = hint {
            self.queue.send(Message::Hint(hint));
        }
    }

    fn is_visible(&self, record: &Record) -> bool {
        let event_type = record.verdict.event_type.as_deref().unwrap_or_default();
        self.types.is_empty() || self.types.iter().any(|types| types.matches(event_type))
    }

    /// Shows a request. Lines that are not shown are not made.
    fn show_request(&self, exchange: Box<Exchange>, forwarded: Option<ForwardedTo>) {
        let record = &exchange.record;
        let json = self.output.json;
        if json {
            // A line is cheaper to send than all the parts of a record.
            self.queue.send(json_line(record).map_or_else(Message::Error, Message::JsonLine));
        }
        let is_seen = self.output.verbosity > Verbosity::Quiet && !json || record.needs_attention();
        if is_seen && !self.queue.should_drop() {
            let provider = exchange.provider.as_ref().filter(|_| !json);
            let recipient =
                provider.and_then(|provider| record.capture.with_request(|request| provider.participants(request).to));
            let handler = forwarded.and_then(|to| Some(HandlerView { url: to.url?, late: to.late }));
            let view = RequestView { record: Box::new(exchange.record), recipient, handler };
            self.queue.send(Message::Request(Box::new(view)));
        }
    }

    /// Returns, once a run, the hint for a handler that responds to a valid request as to a bad signature.
    fn rejection_hint(&self, exchange: &Exchange, status: u16) -> Option<String> {
        let provider = exchange.provider.as_ref().filter(|_| exchange.status == VerdictStatus::Valid)?;
        if !suggests_bad_signature(status) {
            return None;
        }
        let hint = self.rejection_hint.take()?;
        hint(provider)
    }
}

fn json_line(record: &Record) -> Result<Vec<u8>> {
    let mut line = Vec::with_capacity(RECORD_OVERHEAD + record.capture.body.len());
    record.write(&mut line).map_err(|error| Error::new("cannot write JSON").cause(error))?;
    line.push(b'\n');
    Ok(line)
}
