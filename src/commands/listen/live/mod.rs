//! Shows the events of the receiver while they happen.

mod printer;
mod queue;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::capture::Record;
use crate::cli::SigningArgs;
use crate::commands::secret_hint::{looks_like_a_bad_signature, secret_hint, uses_development_secret};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::output::{HandlerView, Output, RequestView, Verbosity, clean};
use crate::provider::EventPattern;
use crate::receiver::{Exchange, ForwardedTo, ReceiverEvent, ReceiverStats};
use crate::verification::VerdictStatus;
use queue::{LiveQueue, Message, RECORD_OVERHEAD};

/// Shows events: those of requests on a separate thread, those of a handler at once.
pub(super) struct LiveReporter {
    output: Output,
    queue: LiveQueue,
    /// The patterns of the events to show; all are shown if there are none.
    types: Vec<EventPattern>,
    stats: Rc<ReceiverStats>,
    /// The hint about development secrets, until it is printed.
    secret_hint: RefCell<Option<SecretHint>>,
}

/// The settings that tell if a secret is a development secret.
pub(super) struct SecretHint {
    pub(super) config: Arc<Config>,
    pub(super) identity: SigningArgs,
}

impl LiveReporter {
    pub(super) fn new(
        output: Output,
        types: Vec<EventPattern>,
        stats: Rc<ReceiverStats>,
        secret_hint: SecretHint,
    ) -> Self {
        let secret_hint = RefCell::new(Some(secret_hint));
        Self { output, queue: LiveQueue::new(output), types, stats, secret_hint }
    }

    /// Shows an event, if it is one to show.
    pub(super) fn on_event(&self, event: ReceiverEvent) {
        let paint = self.output.stderr_style;
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
                let requests = if failed_writes == 1 { "request" } else { "requests" };
                let line = format!("the log is writable again; {failed_writes} {requests} got a 503 response");
                self.queue.send(Message::Status(line));
            }
            ReceiverEvent::HandlerDown { origin, reason } => {
                let line = format!("handler {origin} unreachable: {}; responding 502 until it is back", clean(&reason));
                self.output.status(&paint.red(&line));
            }
            ReceiverEvent::HandlerUp { origin } => {
                self.output.status(&paint.green(&format!("handler {origin} is back")));
            }
        }
    }

    /// Waits until everything is shown.
    pub(super) fn close(&self) -> Result {
        self.queue.close()
    }

    fn show_exchange(&self, exchange: Box<Exchange>, forwarded: Option<ForwardedTo>) {
        let status = forwarded.as_ref().and_then(|to| to.status);
        let hint = status.and_then(|status| self.secret_hint(&exchange, status));
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
        let is_seen = self.output.verbosity > Verbosity::Quiet && !json || needs_attention(record);
        if is_seen && !self.queue.should_drop() {
            let provider = exchange.provider.as_ref().filter(|_| !json);
            let recipient =
                provider.and_then(|provider| record.capture.with_request(|request| provider.participants(request).to));
            let handler = forwarded.and_then(|to| Some(HandlerView { url: to.url?, late: to.late }));
            let view = RequestView { record: Box::new(exchange.record), recipient, handler };
            self.queue.send(Message::Request(Box::new(view)));
        }
    }

    /// Returns, once a run, the hint that the handler must know the development secret, if that may be why it responds
    /// with `status`.
    fn secret_hint(&self, exchange: &Exchange, status: u16) -> Option<String> {
        let provider = exchange.provider.as_ref().filter(|_| exchange.status == VerdictStatus::Valid)?;
        if !looks_like_a_bad_signature(status) {
            return None;
        }
        let SecretHint { config, identity } = self.secret_hint.take()?;
        // What cannot be read has been reported: the request was verified with it.
        let development = uses_development_secret(&config, &identity, provider).unwrap_or_default();
        development.then(|| secret_hint(provider, "whk listen"))
    }
}

/// True if a request is not valid, or was not accepted.
fn needs_attention(record: &Record) -> bool {
    record.verdict.status != "valid" || !record.response.status.is_some_and(|status| (200..300).contains(&status))
}

fn json_line(record: &Record) -> Result<Vec<u8>> {
    let mut line = Vec::with_capacity(RECORD_OVERHEAD + record.capture.body.len());
    record.write(&mut line).map_err(|error| Error::new("cannot write JSON").cause(error))?;
    line.push(b'\n');
    Ok(line)
}
