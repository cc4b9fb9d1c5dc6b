//! The listening socket: accepts connections until shutdown.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::connection::{RejectedRequest, ServerContext};
use super::connection_tracker::ConnectionTracker;
use super::host_filter::HostFilter;
use super::request_reader::{MAX_HEAD_BYTES, ReceivedRequest, RequestLimits, RequestReader};
use super::response::ServerResponse;
use crate::clock::Clock;

/// Configuration of a listener.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Limits of a request.
    pub limits: RequestLimits,
    /// Hosts that a request may name besides this machine's own names, if the address is reachable from this machine
    /// only.
    pub allowed_hosts: Vec<String>,
    /// True if responses come from a handler: no header is added, and the case of header names is kept.
    pub passthrough: bool,
    /// TLS configuration; `None` means plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A bound, listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    config: ListenerConfig,
    clock: Clock,
}

/// Time limit at shutdown for requests that have arrived.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Length of the accept queue; if it is too short, clients that connect in a burst retry only after 1 s.
const BACKLOG: u32 = 4096;

impl Listener {
    /// Binds the first address that `host` resolves to and that can be bound.
    pub async fn bind(host: &str, port: u16, config: ListenerConfig, clock: Clock) -> io::Result<Self> {
        let socket = bind(host, port).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, config, clock })
    }

    /// Returns the bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes. Requests that have arrived by then get their response, within
    /// `DRAIN_TIMEOUT`.
    pub async fn serve<H, R>(self, handler: H, on_rejected: R, shutdown: impl Future<Output = ()>)
    where
        H: AsyncFn(ReceivedRequest) -> ServerResponse + 'static,
        R: Fn(RejectedRequest) + 'static,
    {
        let server = Rc::new(self.server_context(handler, on_rejected));
        let tracker = Rc::new(ConnectionTracker::default());
        let tls = self.config.tls.clone().map(TlsAcceptor::from);
        let accept_loop = async {
            loop {
                let (stream, remote_addr) = self.accept(&tracker).await;
                let (server, connection) = (Rc::clone(&server), tracker.register());
                if let Some(tls) = tls.clone() {
                    let timeout = self.config.limits.header_timeout;
                    tokio::task::spawn_local(async move {
                        server.serve_tls(tls, stream, remote_addr, connection, timeout).await;
                    });
                } else {
                    tokio::task::spawn_local(
                        async move { server.serve(stream, |tcp| tcp, remote_addr, connection).await },
                    );
                }
            }
        };
        tokio::select! {
            () = accept_loop => {}
            () = tracker.enforce_header_timeout(self.config.limits.header_timeout) => {}
            () = shutdown => {}
        }
        tracker.begin_drain();
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, tracker.drained()).await;
    }

    async fn accept(&self, tracker: &ConnectionTracker) -> (TcpStream, SocketAddr) {
        loop {
            tracker.wait_for_slot().await;
            if let Ok((stream, remote_addr)) = self.socket.accept().await {
                // A response is small and complete: waiting to fill a packet would only delay it.
                let _ = stream.set_nodelay(true);
                return (stream, remote_addr);
            }
            // Most likely out of file descriptors: another connection must close first.
            let _ = tokio::time::timeout(Duration::from_millis(20), tracker.wait_for_close()).await;
        }
    }

    fn server_context<H, R>(&self, handler: H, on_rejected: R) -> ServerContext<H, R> {
        let ListenerConfig { limits, allowed_hosts, passthrough, .. } = &self.config;
        let mut http = hyper::server::conn::http1::Builder::new();
        http.max_header_size(MAX_HEAD_BYTES)
            .half_close(true)
            // Responses are small: one contiguous buffer costs less than a vectored write.
            .writev(false)
            .preserve_header_case(*passthrough)
            .auto_date_header(!passthrough);
        let host_filter = HostFilter::new(self.address.ip().is_loopback(), allowed_hosts);
        ServerContext {
            http,
            reader: RequestReader { limits: *limits, host_filter, clock: self.clock },
            handler,
            on_rejected,
        }
    }
}

/// Binds the first address that `host` resolves to and that can be bound, and listens on it.
pub async fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut failed = None;
    for address in tokio::net::lookup_host((host, port)).await? {
        match bind_socket(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::other("the host has no address")))
}

fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows it would let two programs bind the same port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
