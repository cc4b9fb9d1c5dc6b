//! One kept connection to an endpoint, on which requests go out exactly as they are given.

use std::cell::RefCell;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::{Endpoint, Trust};
use crate::clock::Stopwatch;

/// How long a connection may have been idle to be used again. Node closes idle ones after 5 s, and others later: one
/// that the other side is about to close would lose the request.
const FRESH: Duration = Duration::from_secs(4);

/// Within this time after an answer, nobody closes a connection without having said so.
const JUST_NOW: Duration = Duration::from_millis(5);

/// A connection to an endpoint.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    used: Stopwatch,
}

/// Why a request was not answered.
struct Broken {
    /// The request, where nothing of it was sent.
    unsent: Option<Box<Request<Full<Bytes>>>>,
    /// Whether the connection ended before an answer; what it says of a kept connection is that it was too old.
    ended: bool,
    /// The reason in one sentence.
    reason: String,
}

impl Connection {
    /// Connects to the endpoint, over TLS if it says so.
    async fn open(endpoint: &Endpoint, keep: &Keep) -> Result<Self, String> {
        let host = endpoint.url().host_str().unwrap_or_default();
        let stream = connect(endpoint).await?;
        // A request is whole when it is written: waiting to fill a packet would only delay it.
        let _ = stream.set_nodelay(true);
        if !endpoint.is_https() {
            return Self::over(stream, keep.forwarding).await;
        }
        let connector = TlsConnector::from(Arc::new(keep.trust.config().map_err(|error| error.to_string())?));
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|error| error.to_string())?;
        Self::over(connector.connect(name, stream).await.map_err(|error| error.to_string())?, keep.forwarding).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, exact: bool) -> Result<Self, String> {
        let io = TokioIo::new(stream);
        let (sender, connection) =
            Builder::new().preserve_header_case(exact).handshake(io).await.map_err(|error| reason(&error))?;
        let driver = tokio::task::spawn_local(async move {
            // What goes wrong is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { sender, driver, used: Stopwatch::start() })
    }

    /// Whether the other side still listens, as far as can be known.
    async fn is_fresh(&mut self) -> bool {
        let idle = self.used.elapsed();
        if idle > JUST_NOW {
            // The driver gets its turn first, and sees whether the other side has closed it.
            tokio::task::yield_now().await;
        }
        idle < FRESH && poll_fn(|context| self.sender.poll_ready(context)).await.is_ok()
    }

    /// Sends one request, and waits for the head of its answer.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
        let answer = self.sender.try_send_request(request).await;
        self.used = Stopwatch::start();
        answer.map_err(|mut error| {
            let unsent = error.take_message().map(Box::new);
            let error = error.into_error();
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            let broke = source.is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            });
            let ended = broke || error.is_incomplete_message() || error.is_canceled() || error.is_closed();
            Broken { unsent, ended, reason: reason(&error) }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // An answer that nobody waits for any more is not read.
        self.driver.abort();
    }
}

/// Connections that are kept to be used again.
pub(super) struct Keep {
    idle: RefCell<Vec<(Endpoint, Connection)>>,
    trust: Trust,
    /// Whether requests are passed on: header names keep their case, and a request is sent again where a kept
    /// connection ended before an answer.
    forwarding: bool,
}

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The endpoint was never reached: refused, unknown host, TLS.
    Unreachable(String),
    /// It was reached and gave none.
    Broken(String),
}

impl Keep {
    /// Connections for attempts, each of which is one: what may have been received is not sent again.
    pub(super) fn for_attempts() -> Self {
        Self { idle: RefCell::default(), trust: Trust::System, forwarding: false }
    }

    /// Connections on which requests are passed on.
    pub(super) fn for_forwarding(trust: Trust) -> Self {
        Self { idle: RefCell::default(), trust, forwarding: true }
    }

    /// Sends a request on a kept connection, or else on a new one, and waits for the head of its answer. The connection
    /// goes back with [`Keep::put_back`] once the whole answer was read.
    pub(super) async fn exchange(
        &self,
        to: &Endpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), NoAnswer> {
        let (mut connection, kept) = self.connection(to).await?;
        let copy = (kept && self.forwarding).then(|| request.clone());
        let mut answer = connection.exchange(request).await;
        if let Err(broken) = &mut answer
            && kept
        {
            // The other side closed a kept connection in this very moment, and so does not know of the request.
            let again = broken.unsent.take().map(|request| *request).or(copy.filter(|_| broken.ended));
            if let Some(again) = again {
                connection = Connection::open(to, self).await.map_err(NoAnswer::Unreachable)?;
                answer = connection.exchange(again).await;
            }
        }
        match answer {
            Ok(answer) => Ok((answer, connection)),
            Err(broken) => Err(NoAnswer::Broken(broken.reason)),
        }
    }

    /// Keeps a connection whose last answer was read.
    pub(super) fn put_back(&self, to: &Endpoint, connection: Connection) {
        self.idle.borrow_mut().push((to.clone(), connection));
    }

    /// A kept connection, or else a new one.
    async fn connection(&self, to: &Endpoint) -> Result<(Connection, bool), NoAnswer> {
        while let Some(mut connection) = self.take(to) {
            if connection.is_fresh().await {
                return Ok((connection, true));
            }
        }
        Ok((Connection::open(to, self).await.map_err(NoAnswer::Unreachable)?, false))
    }

    fn take(&self, to: &Endpoint) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let at = idle.iter().rposition(|(endpoint, _)| endpoint.has_origin_of(to))?;
        Some(idle.swap_remove(at).1)
    }
}

/// Opens a connection to an endpoint and closes it again; nothing is sent.
///
/// # Errors
/// The reason in words, if no address of the endpoint accepts one.
pub async fn accepts_connections(endpoint: &Endpoint) -> Result<(), String> {
    connect(endpoint).await.map(drop)
}

/// Connects to the first address of the endpoint that accepts. On this machine, both address families are tried: a
/// handler on `localhost` may listen on only one of them.
async fn connect(endpoint: &Endpoint) -> Result<TcpStream, String> {
    let host = endpoint.url().host_str().unwrap_or_default();
    let port = endpoint.url().port_or_known_default().unwrap_or(80);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await;
    let mut addresses: Vec<SocketAddr> = found.map_err(|error| unknown_host(bare, &error))?.collect();
    for (one, other) in [
        (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)),
        (IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ] {
        let has = |address: IpAddr| addresses.iter().any(|have| have.ip() == address);
        if has(one) && !has(other) {
            addresses.push((other, port).into());
            break;
        }
    }
    let mut first = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            // The first address is the one that was meant; errors of the others would only confuse.
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.map_or_else(|| format!("the host `{bare}` has no address"), |error| in_words(&error)))
}

fn unknown_host(host: &str, error: &io::Error) -> String {
    let reason = in_words(error);
    let reason = reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason);
    format!("cannot look up the host `{host}`: {reason}")
}

/// The message of an error of the system: lower case, and without its number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error ").map_or(text.as_str(), |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The innermost reason, which says most.
fn reason(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None if error.is_incomplete_message() => "the connection was closed before the answer".to_owned(),
        None => error.to_string(),
    }
}
