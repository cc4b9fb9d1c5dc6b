//! One kept connection to an endpoint, on which requests go out exactly as they are given.

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

/// A connection to an endpoint.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    used: Stopwatch,
}

/// Why a request was not answered.
pub(super) struct Broken {
    /// Whether the connection ended before an answer; what it says of a kept connection is that it was too old.
    pub(super) ended: bool,
    /// The reason in one sentence.
    pub(super) reason: String,
}

impl Connection {
    /// Connects to the first address of the endpoint that answers.
    pub(super) async fn open(endpoint: &Endpoint, trust: Trust) -> Result<Self, String> {
        let host = endpoint.url().host_str().unwrap_or_default();
        let port = endpoint.url().port_or_known_default().unwrap_or(80);
        let stream = connect(host, port).await.map_err(|error| error.to_string())?;
        // A request is whole when it is written: waiting to fill a packet would only delay it.
        let _ = stream.set_nodelay(true);
        if !endpoint.is_https() {
            return Self::over(stream).await;
        }
        let connector = TlsConnector::from(Arc::new(trust.config().map_err(|error| error.to_string())?));
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|error| error.to_string())?;
        Self::over(connector.connect(name, stream).await.map_err(|error| error.to_string())?).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, String> {
        let io = TokioIo::new(stream);
        let (sender, connection) =
            Builder::new().preserve_header_case(true).handshake(io).await.map_err(|error| reason(&error))?;
        let driver = tokio::task::spawn_local(async move {
            // What goes wrong is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { sender, driver, used: Stopwatch::start() })
    }

    /// Whether the other side still listens, as far as can be known.
    pub(super) async fn is_fresh(&mut self) -> bool {
        // The driver gets its turn first, and sees whether the other side has closed it.
        tokio::task::yield_now().await;
        self.used.elapsed() < FRESH && poll_fn(|context| self.sender.poll_ready(context)).await.is_ok()
    }

    /// Sends one request, and waits for the head of its answer.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Broken> {
        let answer = self.sender.send_request(request).await;
        self.used = Stopwatch::start();
        answer.map_err(|error| {
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
            let broke = source.is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
            });
            let ended = broke || error.is_incomplete_message() || error.is_canceled() || error.is_closed();
            Broken { ended, reason: reason(&error) }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // An answer that nobody waits for any more is not read.
        self.driver.abort();
    }
}

/// Tries every address that the host stands for. This machine is tried by its other family as well: a handler on
/// `localhost` may have only one of them.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((bare, port)).await?.collect();
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
            // The first address is the one that was meant; what the others say would only confuse.
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| io::Error::other("the host has no address")))
}

/// The innermost reason, which says most.
fn reason(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None if error.is_incomplete_message() => "the connection was closed before the answer".to_owned(),
        None => error.to_string(),
    }
}
