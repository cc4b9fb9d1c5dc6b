//! Handles requests: each is verified, responded to, recorded, counted and shown, in this order.

use std::rc::Rc;

use hyper::http::request::Parts;

use super::complaints::Complaints;
use super::expect::Expectation;
use super::flights::Flights;
use super::onward::{Forwarding, Onward};
use super::script::{self, Scripts};
use super::summary::Counter;
use super::view::{Sight, Sights};
use crate::capture::{Record, RecordedResponse};
use crate::cli::{OnInvalid, Step};
use crate::output::{HandlerView, Output};
use crate::provider::EventPattern;
use crate::receive::{Exchange, ReceivedRequest, Receiver, ServerResponse};
use crate::verification::VerdictStatus;

/// Everything that handling a request needs.
pub(super) struct Floor {
    pub(super) receiver: Receiver<'static>,
    pub(super) on_invalid: OnInvalid,
    pub(super) scripts: Scripts,
    pub(super) onward: Option<Onward>,
    pub(super) flights: Rc<Flights>,
    pub(super) output: Output,
    pub(super) sights: Sights,
    pub(super) counter: Rc<Counter>,
    pub(super) complaints: Complaints,
    pub(super) expectation: Option<Rc<Expectation>>,
    /// The patterns of the events to show; all are shown if there are none.
    pub(super) events: Vec<EventPattern>,
}

/// The one that responds to a request.
enum Way {
    /// The listener, at once.
    Own,
    /// The listener, to a GET request that carries no webhook.
    Page,
    /// The script.
    Script(Step),
    /// The handler.
    Onward,
}

impl Floor {
    /// Handles one request; returns its response once both are recorded.
    pub(super) async fn answer(self: &Rc<Self>, arrival: ReceivedRequest) -> ServerResponse {
        let ReceivedRequest { request, head } = arrival;
        let mut case = match self.receiver.begin(request) {
            Ok(case) => case,
            Err(error) => {
                self.output.error(&error);
                return ServerResponse::text(500, "");
            }
        };
        match self.way(&case) {
            Way::Own => {
                // Frees what is no longer needed while the record is written.
                drop(head);
                let reply = self.receiver.default_response(&case);
                case.record.response = RecordedResponse::new(Some(reply.status()), "listen", case.elapsed());
                self.close(case, reply, None).await
            }
            Way::Page => page(),
            way => {
                // Runs as its own task, so that it completes even if the sender disconnects. Boxed to keep the common
                // path's future small.
                let this = Rc::clone(self);
                let done = Box::pin(self.flights.detached(async move { this.elsewhere(way, case, head).await }));
                done.await.unwrap_or_else(|| ServerResponse::text(500, ""))
            }
        }
    }

    fn way(&self, case: &Exchange) -> Way {
        let valid = case.status == VerdictStatus::Valid;
        let handshake = case.is_challenge();
        let looks = matches!(&*case.record.capture.method, "GET" | "HEAD")
            && case.status == VerdictStatus::Unsigned
            && !handshake;
        let step = || self.scripts.next(case.record.verdict.event_type.as_deref());
        let passed = handshake || looks || valid || self.on_invalid != OnInvalid::Reject;
        if !handshake
            && !looks
            && let Some(step) = step()
        {
            Way::Script(step)
        } else if self.onward.is_some() && passed {
            Way::Onward
        } else if looks {
            Way::Page
        } else {
            Way::Own
        }
    }

    /// Lets the script or the handler respond.
    async fn elsewhere(&self, way: Way, mut case: Box<Exchange>, head: Box<Parts>) -> ServerResponse {
        let forwarding = match (way, &self.onward) {
            (Way::Script(step), _) => {
                self.flights.or_end(tokio::time::sleep(script::wait(step))).await;
                let (reply, response) = self.scripts.answer(step, &case);
                Forwarding { reply, response, view: None, hint: None }
            }
            (_, Some(onward)) => {
                if case.is_challenge() {
                    case.record.verdict.message = "a verification handshake, forwarded".into();
                }
                self.flights.or_end(onward.pass(&case, *head)).await.unwrap_or_else(|| ended(&case))
            }
            (_, None) => ended(&case),
        };
        let Forwarding { reply, response, view, hint } = forwarding;
        case.record.response = response;
        let reply = self.close(case, reply, view).await;
        if let Some(hint) = hint {
            self.sights.show(Sight::Hint(hint));
        }
        reply
    }

    /// The one place where a request is recorded.
    async fn close(&self, mut case: Box<Exchange>, reply: ServerResponse, view: Option<HandlerView>) -> ServerResponse {
        let reply = self.receiver.finish(&mut case, reply).await;
        self.counter.dealt(&case.record);
        self.complaints.about(&case);
        // A handshake is not an event.
        if let Some(expectation) = self.expectation.as_ref().filter(|_| !case.is_challenge()) {
            expectation.saw(&case.record);
        }
        if self.shows(&case.record) {
            self.sights.request(case, view);
        } else {
            self.counter.hidden();
        }
        reply
    }

    fn shows(&self, record: &Record) -> bool {
        let kind = record.verdict.event_type.as_deref().unwrap_or_default();
        self.events.is_empty() || self.events.iter().any(|events| events.matches(kind))
    }
}

/// Returns the response to a request that was still with the handler at the end.
fn ended(case: &Exchange) -> Forwarding {
    let reason = "whk listen stopped before the handler responded";
    let reply = ServerResponse::text(503, format!("{reason}\n"));
    let response = RecordedResponse {
        error: Some(reason.to_owned()),
        ..RecordedResponse::new(Some(reply.status()), "listen", case.elapsed())
    };
    Forwarding { reply, response, view: None, hint: None }
}

/// Returns the response to a GET request that carries no webhook. It is not recorded.
fn page() -> ServerResponse {
    let version = env!("CARGO_PKG_VERSION");
    ServerResponse::text(200, format!("whk {version} listens here for webhooks.\nSend them with POST, to any path.\n"))
}
