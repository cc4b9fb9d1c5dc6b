//! One kept connection to an endpoint, on which requests go out exactly as they are given.

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

use super::attempt_error::{in_words, unknown_host};
use super::{AttemptError, AttemptErrorKind, CertificateCheck, Endpoint};
use crate::clock::Stopwatch;

/// How long a connection may have been idle to be used again. Node closes idle ones after 5 s, and others later: one
/// that the other side is about to close would lose the request.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// Within this time after an answer, nobody closes a connection without having said so.
const CLOSE_RACE_WINDOW: Duration = Duration::from_millis(5);

/// A connection to an endpoint.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    used: Stopwatch,
}

/// Why a request got no response.
struct SendError {
    /// The request, where nothing of it was sent.
    unsent: Option<Box<Request<Full<Bytes>>>>,
    /// Whether the connection ended before an answer; what it says of a kept connection is that it was too old.
    connection_closed: bool,
    /// The reason in one sentence.
    reason: String,
}

impl Connection {
    /// Connects to the endpoint, over TLS if its address says so.
    async fn open(endpoint: &Endpoint, pool: &ConnectionPool) -> Result<Self, AttemptError> {
        let stream = connect(endpoint).await?;
        // A request is whole when it is written: waiting to fill a packet would only delay it.
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
            // What goes wrong is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { sender, driver, used: Stopwatch::start() })
    }

    /// Whether the other side still listens, as far as can be known.
    async fn is_reusable(&mut self) -> bool {
        let idle = self.used.elapsed();
        if idle > CLOSE_RACE_WINDOW {
            // The driver gets its turn first, and sees whether the other side has closed it.
            tokio::task::yield_now().await;
        }
        idle < MAX_IDLE && poll_fn(|context| self.sender.poll_ready(context)).await.is_ok()
    }

    /// Sends one request, and waits for the head of its answer.
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
        // An answer that nobody waits for any more is not read.
        self.driver.abort();
    }
}

/// Connections that are kept to be used again.
pub(super) struct ConnectionPool {
    idle: RefCell<Vec<(Endpoint, Connection)>>,
    certificate_check: CertificateCheck,
    /// What TLS needs, made with the first connection over it.
    tls: OnceCell<Arc<ClientConfig>>,
    /// Whether there was any response, so that the handler speaks the protocol of its address.
    responded: Cell<bool>,
    /// The origins that broke off plain http, and whether they speak TLS.
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
    /// Connections for attempts, each of which is one: what may have been received is not sent again.
    pub(super) fn for_attempts(certificate_check: CertificateCheck) -> Self {
        Self::new(certificate_check, PoolOptions::ATTEMPTS)
    }

    /// Connections on which requests are passed on.
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

    /// What TLS needs; loading the system's trust takes some milliseconds.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.certificate_check.config()?);
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }

    /// A handler that breaks off plain http and never responded may speak TLS only: finds out, once for each.
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

    /// Whether a response to plain http says in words that the port is for TLS only, as servers do that notice.
    pub(super) fn is_tls_notice(to: &Endpoint, status: u16, body: &[u8]) -> bool {
        const NOTICES: [&str; 3] = [
            "Client sent an HTTP request to an HTTPS server",
            "The plain HTTP request was sent to HTTPS port",
            "speaking plain HTTP to an SSL-enabled server port",
        ];
        let says = |notice: &str| body.windows(notice.len()).any(|part| part == notice.as_bytes());
        status == 400 && !to.is_https() && NOTICES.into_iter().any(says)
    }

    /// Sends a request on a kept connection, or else on a new one, and waits for the head of its answer. The connection
    /// goes back with [`ConnectionPool::release`] once the whole answer was read.
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
            // The other side closed a kept connection in this very moment, and so does not know of the request.
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

    /// Keeps a connection whose last answer was read.
    pub(super) fn release(&self, to: &Endpoint, connection: Connection) {
        self.idle.borrow_mut().push((to.clone(), connection));
    }

    /// A kept connection, or else a new one.
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
async fn connect(endpoint: &Endpoint) -> Result<TcpStream, AttemptError> {
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
    let reason = first.map_or_else(|| format!("the host `{bare}` has no address"), |error| in_words(&error));
    Err(AttemptError::new(AttemptErrorKind::Unreachable, reason))
}

/// Limits the handshake that tells a handler that speaks TLS from one that speaks nothing.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// Whether the endpoint speaks TLS, with whatever certificate; nothing else is sent.
async fn speaks_tls(endpoint: &Endpoint) -> bool {
    let probe = async {
        let Ok(stream) = connect(endpoint).await else { return false };
        let Ok(config) = CertificateCheck::Disabled.config() else { return false };
        tls_handshake(endpoint, stream, Arc::new(config)).await.is_ok()
    };
    tokio::time::timeout(PROBE_TIMEOUT, probe).await.unwrap_or(false)
}

async fn tls_handshake(
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

/// The innermost reason, which says most.
fn reason(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None if error.is_incomplete_message() => "the connection was closed before the answer".to_owned(),
        None => error.to_string(),
    }
}
