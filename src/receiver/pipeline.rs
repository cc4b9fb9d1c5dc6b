//! Handles requests: each is verified, responded to, recorded, counted and published, in this order.

use std::rc::Rc;

use hyper::http::request::Parts;

use super::log_health::LogHealth;
use super::responder::{ForwardResponse, Responder, landing_page, shutdown_response};
use super::{
    Exchange, Expectation, ForwardResponder, ForwardedTo, InFlight, InvalidPolicy, Receiver, ReceiverEvent,
    ReceiverStats, ScriptStep, ScriptedResponder,
};
use crate::capture::RecordedResponse;
use crate::http::server::{ReceivedRequest, RejectedRequest, ServerResponse};
use crate::verification::VerdictStatus;

/// The parts that handle a request.
pub struct PipelineParts {
    /// Verifies, gives default responses, records.
    pub receiver: Receiver<'static>,
    /// Scripts of responses.
    pub script: ScriptedResponder,
    /// The handler to forward to, if any.
    pub forward: Option<ForwardResponder>,
    /// Counts requests in progress.
    pub in_flight: Rc<InFlight>,
    /// Counts requests.
    pub stats: Rc<ReceiverStats>,
    /// The expectation of the run, if any.
    pub expectation: Option<Rc<Expectation>>,
}

/// Handles requests. Everything that happens is published by a call of `on_event`.
pub struct Pipeline<E> {
    receiver: Receiver<'static>,
    script: ScriptedResponder,
    forward: Option<Rc<ForwardResponder>>,
    in_flight: Rc<InFlight>,
    stats: Rc<ReceiverStats>,
    log_health: LogHealth,
    expectation: Option<Rc<Expectation>>,
    on_event: E,
}

impl<E: Fn(ReceiverEvent) + 'static> Pipeline<E> {
    /// Makes a pipeline of its parts.
    pub fn new(parts: PipelineParts, on_event: E) -> Self {
        let PipelineParts { receiver, script, forward, in_flight, stats, expectation } = parts;
        let (forward, log_health) = (forward.map(Rc::new), LogHealth::default());
        Self { receiver, script, forward, in_flight, stats, log_health, expectation, on_event }
    }

    /// Handles one request; returns its response once both are recorded.
    pub async fn handle(self: &Rc<Self>, received: ReceivedRequest) -> ServerResponse {
        let ReceivedRequest { request, head } = received;
        let mut exchange = match self.receiver.begin(request) {
            Ok(exchange) => exchange,
            Err(error) => {
                (self.on_event)(ReceiverEvent::VerificationFailed(error));
                return ServerResponse::text(500, "");
            }
        };
        match self.select_responder(&exchange) {
            Responder::Default => {
                // Frees what is no longer needed while the record is written.
                drop(head);
                let response = self.receiver.default_response(&exchange);
                exchange.record.response = RecordedResponse::new(Some(response.status()), "listen", exchange.elapsed());
                self.finish(exchange, response, None).await
            }
            Responder::LandingPage => landing_page(),
            Responder::Scripted(step) => {
                let this = Rc::clone(self);
                self.detached(async move { this.respond_from_script(step, exchange).await }).await
            }
            Responder::Forward(forward) => {
                let this = Rc::clone(self);
                self.detached(async move { this.respond_by_forwarding(&forward, exchange, head).await }).await
            }
        }
    }

    /// Counts and publishes a request that was rejected before it could be verified.
    pub fn reject(&self, request: RejectedRequest) {
        self.stats.record_rejected();
        (self.on_event)(ReceiverEvent::Rejected(request));
    }

    fn select_responder(&self, exchange: &Exchange) -> Responder {
        let is_probe = exchange.is_probe();
        let is_event = !is_probe && !exchange.is_challenge();
        if is_event && let Some(step) = self.script.next_step(exchange.record.verdict.event_type.as_deref()) {
            return Responder::Scripted(step);
        }
        let may_forward =
            !is_event || exchange.status == VerdictStatus::Valid || self.receiver.policy() != InvalidPolicy::Reject;
        match &self.forward {
            Some(forward) if may_forward => Responder::Forward(Rc::clone(forward)),
            _ if is_probe => Responder::LandingPage,
            _ => Responder::Default,
        }
    }

    /// Runs a request as a task of its own, so that it completes even if the sender disconnects. Boxed to keep the
    /// common path's future small.
    fn detached(
        &self,
        task: impl Future<Output = ServerResponse> + 'static,
    ) -> std::pin::Pin<Box<impl Future<Output = ServerResponse>>> {
        Box::pin(async move { self.in_flight.spawn(task).await.unwrap_or_else(|| ServerResponse::text(500, "")) })
    }

    async fn respond_from_script(&self, step: ScriptStep, mut exchange: Box<Exchange>) -> ServerResponse {
        self.in_flight.until_shutdown(tokio::time::sleep(step.delay())).await;
        let (response, recorded) = self.script.respond(step, &exchange);
        exchange.record.response = recorded;
        self.finish(exchange, response, None).await
    }

    async fn respond_by_forwarding(
        &self,
        forward: &ForwardResponder,
        mut exchange: Box<Exchange>,
        head: Box<Parts>,
    ) -> ServerResponse {
        if exchange.is_challenge() {
            exchange.record.verdict.message = "a verification handshake, forwarded".into();
        }
        let forwarded = self.in_flight.until_shutdown(forward.respond(&exchange, *head, &self.on_event)).await;
        let ForwardResponse { response, recorded, to } = forwarded.unwrap_or_else(|| shutdown_response(&exchange));
        exchange.record.response = recorded;
        self.finish(exchange, response, to).await
    }

    /// Records, counts and publishes a request: the one place where a request is recorded.
    async fn finish(
        &self,
        mut exchange: Box<Exchange>,
        response: ServerResponse,
        forwarded: Option<ForwardedTo>,
    ) -> ServerResponse {
        let response = self.receiver.finish(&mut exchange, response).await;
        self.stats.record(&exchange.record);
        self.log_health.observe(&exchange, &self.on_event);
        // A challenge is not an event.
        if let Some(expectation) = self.expectation.as_ref().filter(|_| !exchange.is_challenge()) {
            expectation.observe(&exchange.record);
        }
        (self.on_event)(ReceiverEvent::Exchange { exchange, forwarded });
        response
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::sync::watch;
    use tokio::task::LocalSet;

    use super::*;
    use crate::capture::{CapturedRequest, Headers};
    use crate::http::client::CertificateCheck;
    use crate::receiver::ForwardOptions;
    use crate::signing::Tolerance;
    use crate::verification::Verifier;

    /// Handles requests of these methods; returns the statuses of the responses, and the events in order.
    fn handle(policy: InvalidPolicy, forward: Option<ForwardOptions>, methods: &[&str]) -> (Vec<u16>, Vec<String>) {
        let events = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&events);
        let verifier = Verifier::new(Rc::default(), None, None, Box::new(|_| Ok(Vec::new())), Tolerance::Scheme);
        let (_shutdown, shutting_down) = watch::channel(false);
        let parts = PipelineParts {
            receiver: Receiver::new(verifier, policy, None),
            script: ScriptedResponder::default(),
            forward: forward.map(ForwardResponder::new),
            in_flight: Rc::new(InFlight::new(shutting_down)),
            stats: Rc::default(),
            expectation: None,
        };
        let pipeline = Rc::new(Pipeline::new(parts, move |event| seen.borrow_mut().push(describe(&event))));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let statuses = LocalSet::new().block_on(&runtime, async {
            let mut statuses = Vec::new();
            for method in methods {
                statuses.push(pipeline.handle(request(method)).await.status());
            }
            statuses
        });
        (statuses, events.take())
    }

    fn describe(event: &ReceiverEvent) -> String {
        match event {
            ReceiverEvent::Exchange { exchange, forwarded } => {
                let record = &exchange.record;
                let url = forwarded.as_ref().and_then(|to| to.url.as_deref()).unwrap_or("-");
                format!(
                    "{} {:?} by {} to {url}",
                    record.verdict.status, record.response.status, record.response.responder
                )
            }
            ReceiverEvent::HandlerDown { .. } => "handler down".to_owned(),
            _ => "another event".to_owned(),
        }
    }

    fn request(method: &str) -> ReceivedRequest {
        let (head, ()) = hyper::Request::builder().method(method).uri("/hook").body(()).unwrap().into_parts();
        let request = CapturedRequest {
            received_at: None,
            remote_addr: String::new(),
            method: method.to_owned().into(),
            target: "/hook".to_owned(),
            headers: Headers::default(),
            body: bytes::Bytes::new(),
        };
        ReceivedRequest { request: Box::new(request), head: Box::new(head) }
    }

    #[test]
    fn an_exchange_is_published_with_its_response_and_a_probe_is_not() {
        let (statuses, events) = handle(InvalidPolicy::Reject, None, &["POST", "GET"]);
        assert_eq!(statuses, [400, 200]);
        assert_eq!(events, ["unsigned Some(400) by listen to -"]);
    }

    #[test]
    fn an_unreachable_handler_is_reported_once_and_before_its_request() {
        // Nothing can listen on port 0.
        let forward = ForwardOptions {
            handler: "http://127.0.0.1:0/".parse().unwrap(),
            routes: Vec::new(),
            timeout: None,
            slow_after: None,
            concurrency: 1,
            certificate_check: CertificateCheck::System,
            with_url: true,
        };
        let (statuses, events) = handle(InvalidPolicy::Forward, Some(forward.clone()), &["POST", "POST"]);
        assert_eq!(statuses, [502, 502]);
        let forwarded = "unsigned Some(502) by forward to http://127.0.0.1:0/hook";
        assert_eq!(events, ["handler down", forwarded, forwarded]);
        let (statuses, events) = handle(InvalidPolicy::Reject, Some(forward), &["POST"]);
        assert_eq!((statuses, events), (vec![400], vec!["unsigned Some(400) by listen to -".to_owned()]));
    }
}
