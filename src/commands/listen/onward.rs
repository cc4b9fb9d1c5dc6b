//! Forwards requests to a handler: the destination, the timeout, and the response that results.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;

use crate::capture::RecordedResponse;
use crate::cli::{ListenArgs, SigningArgs};
use crate::commands::secret_hint::{looks_like_a_bad_signature, secret_hint, uses_development_secret};
use crate::config::Config;
use crate::deliver::{CertificateCheck, Endpoint, ForwardError, ForwardOutcome, ForwardTarget, Forwarder};
use crate::duration::HumanDuration;
use crate::error::{Error, Result};
use crate::output::{HandlerView, Output, clean};
use crate::provider::EventPattern;
use crate::receive::{Exchange, ServerResponse};
use crate::verification::VerdictStatus;

/// The timeout of a handler if the provider is unknown; it is that of most providers.
const USUAL: Duration = Duration::from_secs(10);
/// The number of bytes that are kept of a handler's response to a request that it did not accept.
const KEPT: usize = 4 << 10;

/// Forwards to one handler, or to several by the event's type.
pub(super) struct Onward {
    forwarder: Forwarder,
    handler: ForwardTarget,
    routes: Vec<(EventPattern, ForwardTarget)>,
    timeout: Option<HumanDuration>,
    slow_after: Option<HumanDuration>,
    /// The handlers that were unreachable at the last attempt.
    away: RefCell<BTreeSet<String>>,
    /// The hint about development secrets, until it is printed.
    secret_hint: RefCell<Option<SecretHint>>,
    output: Output,
}

/// A request that was forwarded, from its response on.
pub(super) struct Forwarding {
    pub(super) reply: ServerResponse,
    pub(super) response: RecordedResponse,
    /// The handler for people.
    pub(super) view: Option<HandlerView>,
    /// Advice on what to type next.
    pub(super) hint: Option<String>,
}

/// The settings that show if a secret is a development secret.
struct SecretHint {
    config: Arc<Config>,
    identity: SigningArgs,
}

impl Onward {
    /// Returns the forwarding that the flags and the config describe, if they name a handler.
    ///
    /// # Errors
    /// A flag needs a handler, and there is none.
    pub(super) fn of(flags: &ListenArgs, config: &Arc<Config>, output: Output) -> Result<Option<Self>> {
        let Some(handler) = config.forward_to(flags.forward_to.clone()) else {
            return match without_handler(flags) {
                Some(flag) => Err(Error::new(format!("`{flag}` needs a handler to forward to"))
                    .hint("whk listen --forward-to 3000 …")),
                None => Ok(None),
            };
        };
        let whole = |types: &EventPattern, endpoint| (types.clone(), ForwardTarget { endpoint, replace_path: true });
        Ok(Some(Self {
            forwarder: Forwarder::new(
                flags.concurrency.map_or(1, usize::from),
                if flags.insecure { CertificateCheck::Disabled } else { CertificateCheck::System },
            ),
            routes: flags.routes.iter().map(|route| whole(&route.types, route.to.beside(&handler))).collect(),
            handler: ForwardTarget { endpoint: handler, replace_path: false },
            timeout: config.forward_timeout(flags.forward_timeout),
            slow_after: config.slow_after(flags.slow_after),
            away: RefCell::default(),
            secret_hint: RefCell::new(Some(SecretHint {
                config: Arc::clone(config),
                identity: flags.identity.clone(),
            })),
            output,
        }))
    }

    /// The handler, for people.
    pub(super) fn handler(&self) -> &Endpoint {
        &self.handler.endpoint
    }

    /// Forwards a request; returns the handler's response, or the one in its place, with its record and its view.
    pub(super) async fn pass(&self, case: &Exchange, head: Parts) -> Forwarding {
        let to = self.destination(case.record.verdict.event_type.as_deref());
        let own = case.provider.as_ref().map_or(USUAL, |provider| provider.delivery.timeout.0);
        let limit = self.timeout.map_or(own, |span| span.0);
        let limit = Some(limit).filter(|limit| !limit.is_zero());
        let url = (!self.output.json).then(|| to.url_of(&head.uri).to_string());
        let forwarded = self.forwarder.forward(to, head, case.record.capture.body.clone(), limit).await;
        self.note(to, &forwarded);
        let mut response = RecordedResponse::new(None, "forward", forwarded.duration);
        response.slow = forwarded.duration > self.slow_after.map_or(own, |span| span.0);
        let late = response.slow.then(|| match (self.slow_after, &case.provider) {
            (Some(limit), _) => format!("slower than --slow-after {limit}"),
            (None, Some(provider)) => {
                format!("too slow: {} would have timed out after {}", provider.title, HumanDuration(own))
            }
            (None, None) => format!("too slow: most providers time out after {}", HumanDuration(own)),
        });
        let mut hint = None;
        let reply = match forwarded.response {
            Ok(answer) => {
                let taken = case.provider.as_ref().map_or_else(
                    || answer.status().is_success(),
                    |provider| provider.delivery.success.contains(answer.status().as_u16()),
                );
                hint = self.secret_hint(case, answer.status().as_u16());
                response.body = (!taken).then(|| excerpt(answer.body())).filter(|body| !body.is_empty());
                ServerResponse { http: answer, fault: None }
            }
            Err(no_answer) => {
                let (status, reason) = in_place_of(&no_answer);
                let reply = ServerResponse::text(status, format!("{reason}\n"));
                response.error = Some(reason);
                reply
            }
        };
        response.status = Some(reply.status());
        Forwarding { reply, response, view: url.map(|url| HandlerView { url, late }), hint }
    }

    /// Returns, once a run, the hint that the handler must know the development secret, if that may be why it responds
    /// with `status`.
    fn secret_hint(&self, case: &Exchange, status: u16) -> Option<String> {
        let provider = case.provider.as_ref().filter(|_| case.status == VerdictStatus::Valid)?;
        if !looks_like_a_bad_signature(status) {
            return None;
        }
        let SecretHint { config, identity } = self.secret_hint.take()?;
        // What cannot be read has been reported: the request was verified with it.
        let development = uses_development_secret(&config, &identity, provider).unwrap_or_default();
        development.then(|| secret_hint(provider, "whk listen"))
    }

    fn destination(&self, kind: Option<&str>) -> &ForwardTarget {
        let route = self.routes.iter().find(|(types, _)| types.matches(kind.unwrap_or_default()));
        route.map_or(&self.handler, |(_, to)| to)
    }

    /// Prints once that a handler is unreachable, and once that it is back.
    fn note(&self, to: &ForwardTarget, forwarded: &ForwardOutcome) {
        let origin = to.endpoint.with_target("/").to_string();
        let paint = self.output.status_paint;
        match &forwarded.response {
            Err(ForwardError::Unreachable(reason)) => {
                if self.away.borrow_mut().insert(origin.clone()) {
                    let line =
                        format!("handler {origin} unreachable: {}; responding 502 until it is back", clean(reason));
                    self.output.status(&paint.red(&line));
                }
            }
            _ => {
                if self.away.borrow_mut().remove(&origin) {
                    self.output.status(&paint.green(&format!("handler {origin} is back")));
                }
            }
        }
    }
}

/// Returns a flag that has no effect without a handler, if there is one.
fn without_handler(flags: &ListenArgs) -> Option<&'static str> {
    [
        ("--on-invalid forward", flags.on_invalid == crate::cli::OnInvalid::Forward),
        ("--route", !flags.routes.is_empty()),
        ("--concurrency", flags.concurrency.is_some()),
        ("--forward-timeout", flags.forward_timeout.is_some()),
        ("--slow-after", flags.slow_after.is_some()),
        ("--insecure", flags.insecure),
    ]
    .into_iter()
    .find_map(|(flag, given)| given.then_some(flag))
}

/// Returns the status and body of the response if the handler gives none.
fn in_place_of(no_answer: &ForwardError) -> (u16, String) {
    match no_answer {
        ForwardError::Unreachable(reason) => (502, format!("handler unreachable: {reason}")),
        ForwardError::Broken(reason) => (502, format!("no response from the handler: {reason}")),
        ForwardError::TimedOut(limit) => (504, format!("the handler did not respond within {}", HumanDuration(*limit))),
    }
}

/// Returns the beginning of a body as text, or a description of one that is not text.
fn excerpt(body: &Bytes) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if text.len() > KEPT => {
            let end = (0..=KEPT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            format!("{}…", &text[..end])
        }
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} bytes that are not text", body.len()),
    }
}
