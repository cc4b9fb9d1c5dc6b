//! Sockets: from a connection to a whole request, and back with the answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::capture::{Capture, Headers};
use crate::clock::Clock;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body in bytes; a larger one is answered 413.
    pub body: usize,
    /// How long the headers may take, counted from the first byte or the last answer.
    pub headers_within: Duration,
    /// How long the body may take; a slower one is answered 408.
    pub body_within: Duration,
}

/// A whole request.
#[derive(Debug)]
pub struct Arrival {
    /// The request.
    pub capture: Capture,
}

/// The answer to a request.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// A request that was refused before it could be judged; it is not recorded.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Who sent it.
    pub remote: String,
    /// What was answered, where an answer could be sent.
    pub status: Option<u16>,
    /// Why.
    pub reason: String,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limits: Limits,
    clock: Clock,
}

impl Listener {
    /// Binds the first address that `host` stands for.
    pub async fn bind(host: &str, port: u16, limits: Limits, clock: Clock) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind((host, port)).await?, limits, clock })
    }

    /// The address that it is bound to.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` ends. Requests that have arrived by then are answered, within a moment.
    pub async fn serve<A, R>(self, answer: A, refused: R, stop: impl Future<Output = ()>)
    where
        A: AsyncFn(Arrival) -> Reply + 'static,
        R: Fn(Refusal) + 'static,
    {
        let calls = Rc::new((answer, refused));
        let connections = hyper_util::server::graceful::GracefulShutdown::new();
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.limits.headers_within).half_close(true);
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut stop => break,
            };
            let Ok((stream, remote)) = accepted else {
                // Out of file descriptors, most likely: others must end before there is room.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            // An answer is small and complete: waiting to fill a packet would only delay it.
            let _ = stream.set_nodelay(true);
            let connection = self.connection(&http, stream, remote, Rc::clone(&calls));
            let watched = connections.watch(connection);
            let calls = Rc::clone(&calls);
            tokio::task::spawn_local(async move {
                if let Err(error) = watched.await {
                    report(&calls.1, remote, &error);
                }
            });
        }
        let _ = tokio::time::timeout(Duration::from_secs(2), connections.shutdown()).await;
    }

    fn connection<A, R>(
        &self,
        http: &hyper::server::conn::http1::Builder,
        stream: TcpStream,
        remote: SocketAddr,
        calls: Rc<(A, R)>,
    ) -> hyper::server::conn::http1::Connection<
        TokioIo<TcpStream>,
        impl hyper::service::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible> + use<A, R>,
    >
    where
        A: AsyncFn(Arrival) -> Reply + 'static,
        R: Fn(Refusal) + 'static,
    {
        let (limits, clock) = (self.limits, self.clock);
        let service = service_fn(move |request: Request<Incoming>| {
            let calls = Rc::clone(&calls);
            async move {
                let reply = match read(request, remote, limits, clock).await {
                    Ok(arrival) => return Ok::<_, Infallible>(respond((calls.0)(arrival).await, false)),
                    Err((status, reason)) => {
                        let body = Bytes::from(format!("{reason}\n"));
                        (calls.1)(Refusal { remote: remote.to_string(), status: Some(status), reason });
                        Reply { status, content_type: "text/plain; charset=utf-8".to_owned(), body }
                    }
                };
                Ok(respond(reply, true))
            }
        });
        http.serve_connection(TokioIo::new(stream), service)
    }
}

async fn read(
    request: Request<Incoming>,
    remote: SocketAddr,
    limits: Limits,
    clock: Clock,
) -> Result<Arrival, (u16, String)> {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(limits.body_within, Limited::new(body, limits.body).collect()).await;
    let body = match read {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err((413, format!("the body is larger than {} bytes", limits.body)));
        }
        Ok(Err(_)) => return Err((400, "the body ended before it was complete, or is malformed".to_owned())),
        Err(_) => return Err((408, format!("the body took longer than {} s", limits.body_within.as_secs()))),
    };
    let headers =
        head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    let capture = Capture {
        at: Some(clock.now()),
        remote: remote.to_string(),
        method: head.method.as_str().to_owned(),
        target: head.uri.to_string(),
        headers: Headers(headers.collect()),
        body,
    };
    Ok(Arrival { capture })
}

fn respond(reply: Reply, close: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(kind) = HeaderValue::from_str(&reply.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    if close {
        // What is left of the refused body would be read as the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// hyper answers what it cannot parse by itself: 400, or 431 for headers that are too large.
fn report(refused: &impl Fn(Refusal), remote: SocketAddr, error: &hyper::Error) {
    let remote = remote.to_string();
    if error.is_parse_too_large() {
        refused(Refusal { remote, status: Some(431), reason: "the headers are too large".to_owned() });
    } else if error.is_parse() {
        refused(Refusal { remote, status: Some(400), reason: format!("not a valid HTTP request: {error}") });
    }
}
