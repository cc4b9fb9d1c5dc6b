//! Passing requests on to a handler: where each goes, how long it may take, and what is made of the answer.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::request::Parts;

use crate::capture::Response;
use crate::cli::{Glob, ListenArgs};
use crate::config::Config;
use crate::deliver::{Destination, Endpoint, Forwarded, Forwarder, NoAnswer, Trust};
use crate::error::{Error, Result};
use crate::output::{Output, clean};
use crate::receive::{Exchange, ServerResponse};
use crate::span::Span;

/// How long a handler may take where the provider is not known; it is what most providers wait.
const USUAL: Duration = Duration::from_secs(10);
/// How much is kept of what a handler said that did not take a request.
const KEPT: usize = 4 << 10;

/// The way to the handler, or to several.
pub(super) struct Onward {
    forwarder: Forwarder,
    handler: Destination,
    routes: Vec<(Glob, Destination)>,
    timeout: Option<Span>,
    slow_after: Option<Span>,
    /// The handlers that could not be reached when last tried.
    away: RefCell<BTreeSet<String>>,
    output: Output,
}

impl Onward {
    /// The way that the flags and the config describe, where they name a handler.
    ///
    /// # Errors
    /// A flag needs a handler, and there is none.
    pub(super) fn of(flags: &ListenArgs, config: &Config, output: Output) -> Result<Option<Self>> {
        let Some(handler) = config.forward_to(flags.forward_to.clone()) else {
            return match without_handler(flags) {
                Some(flag) => Err(Error::new(format!("`{flag}` needs a handler to pass requests on to"))
                    .hint("whk listen --forward-to 3000 …")),
                None => Ok(None),
            };
        };
        let whole = |types: &Glob, endpoint| (types.clone(), Destination { endpoint, whole: true });
        Ok(Some(Self {
            forwarder: Forwarder::new(
                flags.concurrency.map_or(1, usize::from),
                if flags.insecure { Trust::Anybody } else { Trust::System },
            ),
            routes: flags.routes.iter().map(|route| whole(&route.types, route.to.beside(&handler))).collect(),
            handler: Destination { endpoint: handler, whole: false },
            timeout: config.forward_timeout(flags.forward_timeout),
            slow_after: config.slow_after(flags.slow_after),
            away: RefCell::default(),
            output,
        }))
    }

    /// The handler, for people.
    pub(super) fn handler(&self) -> &Endpoint {
        &self.handler.endpoint
    }

    /// Passes a request on; gives the handler's answer, or what is answered in its place, and what is recorded.
    pub(super) async fn pass(&self, case: &Exchange, head: Parts) -> (ServerResponse, Response) {
        let to = self.destination(case.record.verdict.event_type.as_deref());
        let own = case.provider.as_ref().map_or(USUAL, |provider| provider.delivery.timeout.0);
        let limit = self.timeout.map_or(own, |span| span.0);
        let limit = Some(limit).filter(|limit| !limit.is_zero());
        let forwarded = self.forwarder.forward(to, head, case.record.capture.body.clone(), limit).await;
        self.note(to, &forwarded);
        let mut response = Response::new(None, "forward", forwarded.duration);
        response.slow = forwarded.duration > self.slow_after.map_or(own, |span| span.0);
        let reply = match forwarded.answer {
            Ok(answer) => {
                let taken = case.provider.as_ref().map_or_else(
                    || answer.status().is_success(),
                    |provider| provider.delivery.success.contain(answer.status().as_u16()),
                );
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
        (reply, response)
    }

    fn destination(&self, kind: Option<&str>) -> &Destination {
        let route = self.routes.iter().find(|(types, _)| types.fits(kind.unwrap_or_default()));
        route.map_or(&self.handler, |(_, to)| to)
    }

    /// Says once that a handler went away, and once that it is back.
    fn note(&self, to: &Destination, forwarded: &Forwarded) {
        let origin = to.endpoint.with_target("/").to_string();
        let paint = self.output.status_paint;
        match &forwarded.answer {
            Err(NoAnswer::Unreachable(reason)) => {
                if self.away.borrow_mut().insert(origin.clone()) {
                    let line =
                        format!("the handler {origin} cannot be reached ({}); 502 until it is back", clean(reason));
                    self.output.status(&paint.red(&line));
                }
            }
            _ => {
                if self.away.borrow_mut().remove(&origin) {
                    self.output.status(&paint.green(&format!("the handler {origin} is back")));
                }
            }
        }
    }
}

/// A flag that says nothing without a handler.
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

/// What is answered where the handler does not.
fn in_place_of(no_answer: &NoAnswer) -> (u16, String) {
    match no_answer {
        NoAnswer::Unreachable(reason) => (502, format!("the handler cannot be reached: {reason}")),
        NoAnswer::Broken(reason) => (502, format!("the handler gave no answer: {reason}")),
        NoAnswer::TimedOut(limit) => (504, format!("the handler did not answer within {}", Span(*limit))),
    }
}

/// The beginning of a body as text, or what it is instead.
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
