//! A pool of connections to endpoints, on which requests are sent exactly as they are given.

use std::cell::{Cell, OnceCell, RefCell};
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
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::attempt_error::{describe_io_error, unknown_host};
use super::{AttemptError, AttemptErrorKind, CertificateCheck, Endpoint};
use crate::clock::Stopwatch;

/// Maximum idle time of a connection that is used again. Node closes idle ones after 5 s, and others later: a request
/// on a connection that the peer is about to close would be lost.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// Number of idle connections at which those that are too old to be used again are closed.
const MANY_IDLE: usize = 64;

/// Within this time after a response, no peer closes a connection without announcing it.
const CLOSE_RACE_WINDOW: Duration = Duration::from_millis(5);

/// A connection to an endpoint.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    used: Stopwatch,
}

/// The reason why a request got no response.
struct SendError {
    /// The request, if nothing of it was sent.
    unsent: Option<Box<Request<Full<Bytes>>>>,
    /// True if the connection was closed before a response; for an idle connection this means that it was stale.
    connection_closed: bool,
    /// The reason in one sentence.
    reason: String,
}

impl Connection {
    /// Connects to the endpoint, over TLS if its address says so.
    async fn open(endpoint: &Endpoint, pool: &ConnectionPool) -> Result<Self, AttemptError> {
        let stream = connect(endpoint).await?;
        // A request is complete when it is written: waiting to fill a packet would only delay it.
        let _ = stream.set_nodelay(true);
        if !endpoint.is_https() {
            return Self::handshake(stream, pool.options).await;
        }
        let config = pool.tls().map_err(|error| AttemptError::new(AttemptErrorKind::Handshake, error.to_string()))?;
        Self::handshake(tls_handshake(endpoint, stream, config).await?, pool.options).await
    }

    async fn handshake(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        options: PoolOptions,
    ) -> Result<Self, AttemptError> {
        let io = TokioIo::new(stream);
        let connected = Builder::new().preserve_header_case(options.preserve_header_case).handshake(io).await;
        let (sender, connection) = connected.map_err(|error| AttemptError::no_response(reason(&error)))?;
        let driver = tokio::task::spawn_local(async move {
            // Errors are reported to the task that waits for a response.
            let _ = connection.await;
        });
        Ok(Self { sender, driver, used: Stopwatch::start() })
    }

    /// True if the peer has not closed the connection, as far as can be known.
    async fn is_reusable(&mut self) -> bool {
        let idle = self.used.elapsed();
        if idle > CLOSE_RACE_WINDOW {
            // The driver runs first, and notices if the peer has closed the connection.
            tokio::task::yield_now().await;
        }
        idle < MAX_IDLE && poll_fn(|context| self.sender.poll_ready(context)).await.is_ok()
    }

    /// Sends one request, and waits for the head of its response.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        let response = self.sender.try_send_request(request).await;
        self.used = Stopwatch::start();
        response.map_err(|mut error| {
            let unsent = error.take_message().map(Box::new);
            let error = error.into_error();
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            let broke = source.is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            });
            let connection_closed = broke || error.is_incomplete_message() || error.is_canceled() || error.is_closed();
            SendError { unsent, connection_closed, reason: reason(&error) }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A response that is no longer awaited is not read.
        self.driver.abort();
    }
}

/// Idle connections, to be used again.
pub(super) struct ConnectionPool {
    idle: RefCell<Vec<(Endpoint, Connection)>>,
    certificate_check: CertificateCheck,
    /// TLS configuration, made with the first connection over TLS.
    tls: OnceCell<Arc<ClientConfig>>,
    /// True after any response: the handler then speaks the protocol of its address.
    responded: Cell<bool>,
    /// The origins that broke off plain http, and true for those that speak TLS.
    probed: RefCell<Vec<(Endpoint, bool)>>,
    options: PoolOptions,
}

/// Options of the requests on a pool.
#[derive(Clone, Copy, Debug)]
struct PoolOptions {
    /// True if header names keep their case.
    preserve_header_case: bool,
    /// True if a request is sent again when an idle connection was closed before a response.
    resend_on_stale: bool,
}

impl PoolOptions {
    /// Each attempt is one request: what may have been received is not sent again.
    const ATTEMPTS: Self = Self { preserve_header_case: false, resend_on_stale: false };
    /// A forwarded request leaves as it came, and reaches the handler if it can.
    const FORWARDING: Self = Self { preserve_header_case: true, resend_on_stale: true };
}

impl ConnectionPool {
    /// Makes a pool for attempts.
    pub(super) fn for_attempts(certificate_check: CertificateCheck) -> Self {
        Self::new(certificate_check, PoolOptions::ATTEMPTS)
    }

    /// Makes a pool for forwarded requests.
    pub(super) fn for_forwarding(certificate_check: CertificateCheck) -> Self {
        Self::new(certificate_check, PoolOptions::FORWARDING)
    }

    fn new(certificate_check: CertificateCheck, options: PoolOptions) -> Self {
        Self {
            idle: RefCell::default(),
            certificate_check,
            tls: OnceCell::new(),
            responded: Cell::default(),
            probed: RefCell::default(),
            options,
        }
    }

    /// Returns the TLS configuration; loading the system's trust store takes some milliseconds.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.certificate_check.config()?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }

    /// Checks, once for each origin, if a handler that broke off plain http and never responded speaks TLS only.
    pub(super) async fn explain(&self, to: &Endpoint, failure: AttemptError) -> AttemptError {
        if failure.is_unreachable() || to.is_https() || self.responded.get() {
            return failure;
        }
        let known = self.probed.borrow().iter().find(|(endpoint, _)| endpoint.same_origin(to)).map(|(_, tls)| *tls);
        let tls = match known {
            Some(tls) => tls,
            None => speaks_tls(to).await,
        };
        if known.is_none() {
            self.probed.borrow_mut().push((to.clone(), tls));
        }
        if tls { AttemptError::tls_only(to) } else { failure }
    }

    /// True if a response to plain http states that the port is for TLS only, as the servers named here do.
    pub(super) fn is_tls_notice(to: &Endpoint, status: u16, body: &[u8]) -> bool {
        const NOTICES: [&str; 3] = [
            "Client sent an HTTP request to an HTTPS server",
            "The plain HTTP request was sent to HTTPS port",
            "speaking plain HTTP to an SSL-enabled server port",
        ];
        let says = |notice: &str| body.windows(notice.len()).any(|part| part == notice.as_bytes());
        status == 400 && !to.is_https() && NOTICES.into_iter().any(says)
    }

    /// Sends a request on an idle connection, or else on a new one, and waits for the head of its response.
    /// [`ConnectionPool::release`] returns the connection once the complete response was read.
    pub(super) async fn send(
        &self,
        to: &Endpoint,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), AttemptError> {
        let (mut connection, kept) = self.acquire(to).await?;
        let copy = (kept && self.options.resend_on_stale).then(|| request.clone());
        let mut response = connection.send(request).await;
        if let Err(broken) = &mut response
            && kept
        {
            // The peer closed the idle connection at this very moment, and so does not know of the request.
            let again = broken.unsent.take().map(|request| *request).or(copy.filter(|_| broken.connection_closed));
            if let Some(again) = again {
                connection = Connection::open(to, self).await?;
                response = connection.send(again).await;
            }
        }
        match response {
            Ok(response) => {
                self.responded.set(true);
                Ok((response, connection))
            }
            Err(broken) => Err(AttemptError::no_response(broken.reason)),
        }
    }

    /// Returns a connection to the pool, after its last response was read.
    pub(super) fn release(&self, to: &Endpoint, connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        // One origin uses its connections again; those of many others would be kept for nothing.
        if idle.len() >= MANY_IDLE {
            idle.retain(|(_, connection)| connection.used.elapsed() < MAX_IDLE);
        }
        idle.push((to.clone(), connection));
    }

    /// Returns an idle connection, or else a new one, and true if it was idle.
    async fn acquire(&self, to: &Endpoint) -> Result<(Connection, bool), AttemptError> {
        while let Some(mut connection) = self.take_idle(to) {
            if connection.is_reusable().await {
                return Ok((connection, true));
            }
        }
        Ok((Connection::open(to, self).await?, false))
    }

    fn take_idle(&self, to: &Endpoint) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        let at = idle.iter().rposition(|(endpoint, _)| endpoint.same_origin(to))?;
        Some(idle.swap_remove(at).1)
    }
}

/// Opens a connection to an endpoint and closes it again; nothing is sent.
///
/// # Errors
/// No address of the endpoint accepts one.
pub async fn accepts_connections(endpoint: &Endpoint) -> Result<(), AttemptError> {
    connect(endpoint).await.map(drop)
}

/// Connects to the first address of the endpoint that accepts. On this machine, both address families are tried: a
/// handler on `localhost` may listen on only one of them.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<TcpStream, AttemptError> {
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
    let reason = first.map_or_else(|| format!("the host `{bare}` has no address"), |error| describe_io_error(&error));
    Err(AttemptError::new(AttemptErrorKind::Unreachable, reason))
}

/// Time limit of the handshake that finds out if a handler speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// True if the endpoint speaks TLS, with any certificate; nothing else is sent.
async fn speaks_tls(endpoint: &Endpoint) -> bool {
    let probe = async {
        let Ok(stream) = connect(endpoint).await else { return false };
        let Ok(config) = CertificateCheck::Disabled.config() else { return false };
        tls_handshake(endpoint, stream, Arc::new(config)).await.is_ok()
    };
    tokio::time::timeout(PROBE_TIMEOUT, probe).await.unwrap_or(false)
}

pub(super) async fn tls_handshake(
    endpoint: &Endpoint,
    stream: TcpStream,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, AttemptError> {
    let host = endpoint.url().host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare)
        .map_err(|error| AttemptError::new(AttemptErrorKind::Handshake, error.to_string()))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| AttemptError::of_handshake(endpoint, &error))
}

/// Returns the innermost reason, which says most.
fn reason(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None if error.is_incomplete_message() => "the connection was closed before the response".to_owned(),
        None => error.to_string(),
    }
}
