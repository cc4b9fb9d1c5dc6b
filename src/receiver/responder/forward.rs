//! Forwards requests to a handler: the destination, the timeout, and the response that results.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;

use super::super::{Exchange, ForwardedTo, ReceiverEvent};
use crate::capture::RecordedResponse;
use crate::duration::HumanDuration;
use crate::http::client::{CertificateCheck, Endpoint, ForwardError, ForwardOutcome, ForwardTarget, Forwarder};
use crate::http::server::ServerResponse;
use crate::provider::EventPattern;

/// The timeout of a handler if the provider is unknown; it is that of most providers.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of bytes that are kept of a handler's response to a request that it did not accept.
const MAX_EXCERPT_BYTES: usize = 4 << 10;

/// Options of forwarding.
#[derive(Clone, Debug)]
pub struct ForwardOptions {
    /// The handler. The path of a request is appended to its path.
    pub handler: Endpoint,
    /// Handlers of some events, the first match wins. Their path replaces the path of a request.
    pub routes: Vec<(EventPattern, Endpoint)>,
    /// Timeout of a handler; 0 is no limit, `None` means the provider's own timeout.
    pub timeout: Option<HumanDuration>,
    /// The time after which a response is marked as slow; `None` means the provider's own timeout.
    pub slow_after: Option<HumanDuration>,
    /// The number of requests that are forwarded at a time; more wait, in order of arrival.
    pub concurrency: usize,
    /// The check of a handler's certificate.
    pub certificate_check: CertificateCheck,
    /// True if events name the URL that a request was forwarded to.
    pub with_url: bool,
}

/// Forwards to one handler, or to several by the event's type.
pub struct ForwardResponder {
    forwarder: Forwarder,
    handler: ForwardTarget,
    routes: Vec<(EventPattern, ForwardTarget)>,
    timeout: Option<HumanDuration>,
    slow_after: Option<HumanDuration>,
    with_url: bool,
    /// The handlers that were unreachable at the last attempt.
    unreachable_origins: RefCell<BTreeSet<String>>,
}

/// The result of forwarding a request.
pub(in super::super) struct ForwardResponse {
    /// The response to send.
    pub(in super::super) response: ServerResponse,
    /// The response as it is recorded.
    pub(in super::super) recorded: RecordedResponse,
    /// The handler, unless the shutdown came first.
    pub(in super::super) to: Option<ForwardedTo>,
}

impl ForwardResponder {
    /// Makes a responder that forwards as the options say.
    #[must_use]
    pub fn new(options: ForwardOptions) -> Self {
        let ForwardOptions { handler, routes, timeout, slow_after, concurrency, certificate_check, with_url } = options;
        let routes = routes.into_iter();
        Self {
            forwarder: Forwarder::new(concurrency, certificate_check),
            handler: ForwardTarget { endpoint: handler, replace_path: false },
            routes: routes
                .map(|(pattern, endpoint)| (pattern, ForwardTarget { endpoint, replace_path: true }))
                .collect(),
            timeout,
            slow_after,
            with_url,
            unreachable_origins: RefCell::default(),
        }
    }

    /// Forwards a request; returns the handler's response, or the one in its place.
    pub(in super::super) async fn respond(
        &self,
        exchange: &Exchange,
        head: Parts,
        on_event: impl Fn(ReceiverEvent),
    ) -> ForwardResponse {
        let target = self.destination(exchange.record.verdict.event_type.as_deref());
        let provider_timeout =
            exchange.provider.as_ref().map_or(DEFAULT_TIMEOUT, |provider| provider.delivery.timeout.0);
        let timeout = self.timeout.map_or(provider_timeout, |timeout| timeout.0);
        let timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
        let url = self.with_url.then(|| target.url_of(&head.uri).to_string());
        let body = exchange.record.capture.body.clone();
        let outcome = self.forwarder.forward(target, head, body, timeout).await;
        self.track_reachability(target, &outcome, on_event);
        let mut recorded = RecordedResponse::new(None, "forward", outcome.duration);
        recorded.slow = outcome.duration > self.slow_after.map_or(provider_timeout, |limit| limit.0);
        let late = recorded.slow.then(|| self.lateness(exchange, provider_timeout));
        let mut status = None;
        let response = match outcome.response {
            Ok(http) => {
                let code = http.status().as_u16();
                status = Some(code);
                let accepted = exchange
                    .provider
                    .as_ref()
                    .map_or_else(|| http.status().is_success(), |provider| provider.delivery.success.contains(code));
                recorded.body = (!accepted).then(|| body_excerpt(http.body())).filter(|body| !body.is_empty());
                ServerResponse { http, fault: None }
            }
            Err(error) => {
                let (status, reason) = gateway_error(&error);
                let response = ServerResponse::text(status, format!("{reason}\n"));
                recorded.error = Some(reason);
                response
            }
        };
        recorded.status = Some(response.status());
        ForwardResponse { response, recorded, to: Some(ForwardedTo { url, status, late }) }
    }

    /// Returns the reason why a response was too slow.
    fn lateness(&self, exchange: &Exchange, provider_timeout: Duration) -> String {
        let timeout = HumanDuration(provider_timeout);
        match (self.slow_after, &exchange.provider) {
            (Some(limit), _) => format!("slower than --slow-after {limit}"),
            (None, Some(provider)) => format!("too slow: {} would have timed out after {timeout}", provider.title),
            (None, None) => format!("too slow: most providers time out after {timeout}"),
        }
    }

    fn destination(&self, event_type: Option<&str>) -> &ForwardTarget {
        let route = self.routes.iter().find(|(pattern, _)| pattern.matches(event_type.unwrap_or_default()));
        route.map_or(&self.handler, |(_, target)| target)
    }

    /// Reports once that a handler is unreachable, and once that it is back.
    fn track_reachability(&self, target: &ForwardTarget, outcome: &ForwardOutcome, on_event: impl Fn(ReceiverEvent)) {
        let origin = target.endpoint.with_target("/").to_string();
        match &outcome.response {
            Err(ForwardError::Unreachable(reason)) => {
                if self.unreachable_origins.borrow_mut().insert(origin.clone()) {
                    on_event(ReceiverEvent::HandlerDown { origin, reason: reason.clone() });
                }
            }
            _ => {
                if self.unreachable_origins.borrow_mut().remove(&origin) {
                    on_event(ReceiverEvent::HandlerUp { origin });
                }
            }
        }
    }
}

/// Returns the status and body of the response if the handler gives none.
fn gateway_error(error: &ForwardError) -> (u16, String) {
    match error {
        ForwardError::Unreachable(reason) => (502, format!("handler unreachable: {reason}")),
        ForwardError::Broken(reason) => (502, format!("no response from the handler: {reason}")),
        ForwardError::TimedOut(limit) => (504, format!("the handler did not respond within {}", HumanDuration(*limit))),
    }
}

/// Returns the beginning of a body as text, or a description of one that is not text.
fn body_excerpt(body: &Bytes) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if text.len() > MAX_EXCERPT_BYTES => {
            let end = (0..=MAX_EXCERPT_BYTES).rev().find(|index| text.is_char_boundary(*index)).unwrap_or_default();
            format!("{}…", &text[..end])
        }
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} bytes that are not text", body.len()),
    }
}
