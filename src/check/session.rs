//! A session with a handler: requests are sent, and what came back is judged.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use super::battery::{Expected, Level};
use super::effects::{EffectTime, Effects};
use super::handler_process::HandlerProcess;
use super::leaks::LeakScanner;
use super::redact::Redactor;
use super::request::{CheckRequest, RequestBuilder};
use super::result::{FailureKind, ReceivedResponse, SentRequest};
use crate::clock::Stopwatch;
use crate::error::Result;
use crate::http::client::{Endpoint, RawClient, RawConnection, RawError, RawResponse};

/// The longest `retry-after` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The time that a handler gets to accept connections again: a supervisor may restart it.
const RESTART_TIME: Duration = Duration::from_secs(1);

/// The time that a handler takes to exit after an error that nothing catches.
const EXIT_TIME: Duration = Duration::from_millis(200);

/// A request and what came back.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) sent: SentRequest,
    pub(super) response: std::result::Result<RawResponse, RawError>,
}

impl Exchange {
    pub(super) fn status(&self) -> Option<u16> {
        self.response.as_ref().ok().map(|response| response.status)
    }

    pub(super) fn received(&self) -> Option<ReceivedResponse> {
        let response = self.response.as_ref().ok()?;
        Some(ReceivedResponse {
            status: response.status,
            headers: response.headers.clone(),
            body: response.body.clone(),
            duration: response.duration,
        })
    }
}

/// A failure of one request.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    /// The level, if it is not the check's.
    pub(super) level: Option<Level>,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), level: None }
    }
}

/// The judgement of one request.
#[derive(Clone, Debug)]
pub(super) enum Judgement {
    Passed,
    Failed(Failure),
    /// Nothing can be said, for this reason.
    Unknown(String),
}

/// The connection to the handler, and what was seen so far.
pub(super) struct Session {
    pub(super) builder: RequestBuilder,
    pub(super) endpoint: Endpoint,
    pub(super) timeout: Duration,
    pub(super) effects: Option<Effects>,
    /// When effects can be seen, once it is known.
    pub(super) effect_time: Cell<Option<EffectTime>>,
    pub(super) process: RefCell<Option<HandlerProcess>>,
    pub(super) other_tenant: Option<(crate::signing::Secret, Endpoint)>,
    pub(super) leaks: RefCell<LeakScanner>,
    /// The slowest response to a valid request.
    pub(super) slowest: Cell<Duration>,
    /// The first redirect.
    pub(super) redirect: RefCell<Option<Exchange>>,
    /// A valid request that got 5xx, to be sent again.
    pub(super) failed_request: RefCell<Option<CheckRequest>>,
    /// Number of requests sent.
    pub(super) requests: Cell<u32>,
    /// The number of requests when the check began.
    pub(super) check_start: Cell<u32>,
    /// True if a request of an earlier check stopped the handler: the last one before this check.
    pub(super) stopped_before: Cell<bool>,
    /// True if a request of this check stopped the handler.
    pub(super) stopped_within: Cell<bool>,
    /// The last request with a response.
    pub(super) last: RefCell<Option<Exchange>>,
    /// True after a connection that was refused at first.
    reconnected: Cell<bool>,
    client: RawClient,
    defaults: Vec<(String, bytes::Bytes)>,
    /// The time between two requests, and the time of the last one.
    pause: Option<Duration>,
    last_sent: Cell<Option<Stopwatch>>,
}

impl Session {
    pub(super) fn new(
        builder: RequestBuilder,
        endpoint: Endpoint,
        insecure: bool,
        timeout: Duration,
        pause: Option<Duration>,
    ) -> Result<Self> {
        let client = RawClient::new(&endpoint, insecure)?;
        let leaks = RefCell::new(LeakScanner::new(&builder.secrets));
        let defaults = endpoint.default_headers();
        Ok(Self {
            builder,
            endpoint,
            timeout,
            effects: None,
            effect_time: Cell::new(None),
            check_start: Cell::new(0),
            stopped_before: Cell::new(false),
            stopped_within: Cell::new(false),
            last: RefCell::new(None),
            reconnected: Cell::new(false),
            process: RefCell::new(None),
            other_tenant: None,
            leaks,
            slowest: Cell::new(Duration::ZERO),
            redirect: RefCell::new(None),
            failed_request: RefCell::new(None),
            requests: Cell::new(0),
            client,
            defaults,
            pause,
            last_sent: Cell::new(None),
        })
    }

    /// Returns what removes all secrets of this run from a report.
    pub(super) fn redactor(&self) -> Redactor {
        let other = self.other_tenant.as_ref().map(|(secret, _)| secret);
        Redactor::new(self.builder.secrets.iter().chain(&self.builder.retired_secret).chain(other))
    }

    /// Sends a request on a connection of its own.
    pub(super) async fn send(&self, request: &CheckRequest) -> Exchange {
        self.send_within(request, self.timeout).await
    }

    /// Sends a request on a connection of its own, with another time limit. A handler that asks to slow down gets its
    /// way once; one that stopped is started again if `whk` started it.
    pub(super) async fn send_within(&self, request: &CheckRequest, limit: Duration) -> Exchange {
        let is_first = self.requests.get() == self.check_start.get();
        let mut exchange = self.send_once(&self.endpoint, request, limit).await;
        if let Some(wait) = retry_after(&exchange) {
            tokio::time::sleep(wait).await;
            exchange = self.send_once(&self.endpoint, request, limit).await;
        }
        let stopped = if is_first { &self.stopped_before } else { &self.stopped_within };
        let exchange = self.without_earlier_crash(exchange, request, limit, stopped).await;
        if exchange.response.is_ok() {
            *self.last.borrow_mut() = Some(exchange.clone());
        }
        exchange
    }

    /// Sends a request beside others, on a connection of its own.
    pub(super) async fn send_plain(&self, request: &CheckRequest) -> Exchange {
        self.send_once(&self.endpoint, request, self.timeout).await
    }

    /// Tells a request that stopped the handler from one that came after it: a handler that stopped is started again
    /// and gets the request once more.
    async fn without_earlier_crash(
        &self,
        exchange: Exchange,
        request: &CheckRequest,
        limit: Duration,
        stopped: &Cell<bool>,
    ) -> Exchange {
        let was_refused = match &exchange.response {
            Err(RawError::Unreachable(_)) => true,
            Err(RawError::Closed(_)) => false,
            _ => {
                if self.reconnected.take() {
                    stopped.set(true);
                }
                return exchange;
            }
        };
        if !self.exits_soon().await || !matches!(self.restart(true, true).await, Ok(true)) {
            if was_refused {
                stopped.set(true);
            }
            return exchange;
        }
        let again = self.send_once(&self.endpoint, request, limit).await;
        if again.response.is_err() {
            return exchange;
        }
        stopped.set(true);
        again
    }

    /// Waits a moment for the handler to exit. True if `whk` started it, and it has exited.
    async fn exits_soon(&self) -> bool {
        let watch = Stopwatch::start();
        while watch.elapsed() < EXIT_TIME {
            if self.has_process_exited() {
                return true;
            }
            if self.process.borrow().is_none() && self.client.connect(&self.endpoint).await.is_err() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Sends a request to another address of the handler.
    pub(super) async fn send_to(&self, endpoint: &Endpoint, request: &CheckRequest) -> Exchange {
        self.send_once(endpoint, request, self.timeout).await
    }

    async fn send_once(&self, endpoint: &Endpoint, request: &CheckRequest, limit: Duration) -> Exchange {
        match self.connect(endpoint).await {
            Ok(mut connection) => self.exchange_at(endpoint, &mut connection, request, limit).await,
            Err(error) => Exchange { sent: describe(endpoint, request), response: Err(error) },
        }
    }

    /// Opens a connection; to the handler itself, a refused one is tried again for a moment.
    async fn connect(&self, endpoint: &Endpoint) -> std::result::Result<RawConnection, RawError> {
        let watch = Stopwatch::start();
        let mut refused = false;
        loop {
            match tokio::time::timeout(self.timeout, self.client.connect(endpoint)).await {
                Ok(Ok(connection)) => {
                    if refused {
                        self.reconnected.set(true);
                    }
                    return Ok(connection);
                }
                Ok(Err(_))
                    if watch.elapsed() < RESTART_TIME && self.requests.get() > 0 && !self.has_process_exited() =>
                {
                    refused = true;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(Err(error)) => return Err(RawError::Unreachable(error)),
                Err(_) => return Err(RawError::TimedOut(self.timeout)),
            }
        }
    }

    /// True if `whk` started the handler, and it has exited.
    pub(super) fn has_process_exited(&self) -> bool {
        self.process.borrow_mut().as_mut().is_some_and(|process| !process.is_running())
    }

    /// True if the handler has exited, or accepts no connection.
    pub(super) async fn cannot_be_reached(&self) -> bool {
        self.has_process_exited() || self.open().await.is_err()
    }

    /// Opens a connection for several requests.
    pub(super) async fn open(&self) -> std::result::Result<RawConnection, RawError> {
        self.connect(&self.endpoint).await
    }

    /// Sends a request on this connection.
    pub(super) async fn exchange(&self, connection: &mut RawConnection, request: &CheckRequest) -> Exchange {
        self.exchange_at(&self.endpoint, connection, request, self.timeout).await
    }

    async fn exchange_at(
        &self,
        endpoint: &Endpoint,
        connection: &mut RawConnection,
        request: &CheckRequest,
        limit: Duration,
    ) -> Exchange {
        self.keep_rate().await;
        self.requests.set(self.requests.get() + 1);
        let steps = request.steps(request.target.as_deref().unwrap_or(&endpoint.target()), &self.defaults);
        let response = connection.exchange(&steps, request.method == "HEAD", limit).await;
        let exchange = Exchange { sent: describe(endpoint, request), response };
        if let Ok(response) = &exchange.response {
            self.leaks.borrow_mut().scan(&self.builder, request, &exchange, response);
            if (300..400).contains(&response.status) && request.method == "POST" {
                self.redirect.borrow_mut().get_or_insert_with(|| exchange.clone());
            }
        }
        exchange
    }

    /// Writes a request and closes the connection without reading the response.
    pub(super) async fn write_and_close(&self, request: &CheckRequest) -> std::result::Result<(), RawError> {
        self.keep_rate().await;
        self.requests.set(self.requests.get() + 1);
        let steps = request.steps(&self.endpoint.target(), &self.defaults);
        self.open().await?.write_and_close(&steps).await
    }

    async fn keep_rate(&self) {
        if let Some(pause) = self.pause {
            let elapsed = self.last_sent.get().map_or(pause, Stopwatch::elapsed);
            tokio::time::sleep(pause.saturating_sub(elapsed)).await;
            self.last_sent.set(Some(Stopwatch::start()));
        }
    }

    /// True if the provider counts this status as delivered.
    pub(super) fn is_success(&self, status: u16) -> bool {
        self.builder.provider.delivery.success.contains(status)
    }

    /// Judges an exchange.
    pub(super) fn judge(&self, expected: Expected, exchange: &Exchange) -> Judgement {
        let response = match &exchange.response {
            Ok(response) => response,
            Err(RawError::TimedOut(limit)) => {
                let limit = crate::duration::HumanDuration(*limit);
                return Judgement::Failed(Failure::new(FailureKind::Timeout, format!("no response within {limit}")));
            }
            Err(RawError::Closed(reason)) => {
                return Judgement::Failed(Failure::new(FailureKind::Closed, reason.clone()));
            }
            Err(RawError::Unreachable(error)) => {
                let message = format!("the handler no longer accepts connections: {}", error.message);
                return Judgement::Failed(Failure::new(FailureKind::Crashed, message));
            }
        };
        let status = response.status;
        let elapsed = crate::duration::MeasuredDuration(response.duration);
        if status == 429 {
            return Judgement::Unknown(
                "rate limited: the handler responded with 429. Exempt this address, or use --rate".to_owned(),
            );
        }
        let failed = |kind, text: String| Judgement::Failed(Failure::new(kind, text));
        let advised = |kind, text: String| {
            Judgement::Failed(Failure { level: Some(Level::Recommended), ..Failure::new(kind, text) })
        };
        let accepted = self.is_success(status);
        match expected {
            _ if status >= 500 => failed(FailureKind::Crashed, format!("responded with {status} after {elapsed}")),
            Expected::Accepted if accepted => {
                // The time that a request takes on purpose says nothing about the handler.
                if exchange.sent.not_repeatable.is_none() {
                    self.slowest.set(self.slowest.get().max(response.duration));
                }
                Judgement::Passed
            }
            Expected::AcceptedOrHandled if accepted => Judgement::Passed,
            Expected::Accepted if (300..400).contains(&status) => {
                failed(FailureKind::Redirected, format!("responded with the redirect {status}"))
            }
            Expected::Accepted => {
                failed(FailureKind::Refused, format!("rejected a valid event: {status} after {elapsed}"))
            }
            Expected::AcceptedOrHandled => {
                advised(FailureKind::Refused, format!("rejected a valid event: {status} after {elapsed}"))
            }
            Expected::Rejected | Expected::HandledNotAccepted if accepted || (200..300).contains(&status) => {
                failed(FailureKind::Accepted, format!("accepted with {status}"))
            }
            Expected::Rejected if (300..400).contains(&status) => {
                failed(FailureKind::Redirected, format!("responded with the redirect {status} instead of 4xx"))
            }
            Expected::Rejected if !(400..500).contains(&status) => {
                failed(FailureKind::Accepted, format!("responded with {status} instead of 4xx"))
            }
            Expected::Handled | Expected::Rejected | Expected::HandledNotAccepted => Judgement::Passed,
        }
    }
}

/// Returns a request as a report shows it.
fn describe(endpoint: &Endpoint, request: &CheckRequest) -> SentRequest {
    let how = &request.transmission;
    let not_repeatable = if how.http_1_0 {
        Some("sent as HTTP/1.0: add --http1.0")
    } else if how.chunked {
        Some("sent in chunks: add -H 'transfer-encoding: chunked'")
    } else if how.body_limit.is_some() {
        Some("only a part of the body was sent")
    } else if how.barrier.is_some() {
        Some("sent at the same time as others")
    } else if how.expect_continue {
        Some("sent with expect: 100-continue")
    } else if !how.splits.is_empty() {
        Some("the body was sent in parts, with pauses")
    } else {
        None
    };
    let url = match &request.target {
        Some(target) => endpoint.with_target(target).to_string(),
        None => endpoint.to_string(),
    };
    SentRequest {
        method: request.method.clone(),
        url,
        headers: request.headers.clone(),
        body: request.body.clone(),
        not_repeatable: not_repeatable.map(str::to_owned),
    }
}

fn retry_after(exchange: &Exchange) -> Option<Duration> {
    let response = exchange.response.as_ref().ok().filter(|response| response.status == 429)?;
    let seconds: u64 = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|wait| *wait <= MAX_RETRY_AFTER)
}
