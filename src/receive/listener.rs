//! Sockets: takes connections until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::connection::{House, Refusal};
use super::guests::Guests;
use super::hosts::Hosts;
use super::read::{Arrival, LARGEST_HEAD, Limits, Reader};
use super::reply::Reply;
use crate::clock::Clock;

/// How it is listened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a request may cost.
    pub limits: Limits,
    /// The hosts that a request may be for where only this machine can reach the address, beside its own names.
    pub allowed_hosts: Vec<String>,
    /// Whether answers are somebody else's: nothing is added to them, and the case of header names is kept.
    pub transparent: bool,
    /// What TLS is spoken with; plain HTTP is spoken where it is absent.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    settings: Settings,
    clock: Clock,
}

/// How long requests that have arrived may still take once it is over.
const GRACE: Duration = Duration::from_secs(2);

/// How many connections may wait to be accepted; with too few, whoever comes in a crowd tries again only after 1 s.
const BACKLOG: u32 = 4096;

impl Listener {
    /// Binds the first address that `host` stands for.
    pub async fn bind(host: &str, port: u16, settings: Settings, clock: Clock) -> io::Result<Self> {
        let mut failed = None;
        for address in tokio::net::lookup_host((host, port)).await? {
            match open(address) {
                Ok(socket) => {
                    let address = socket.local_addr()?;
                    return Ok(Self { socket, address, settings, clock });
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| io::Error::other("the host has no address")))
    }

    /// The address that it is bound to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` ends. Requests that have arrived by then are answered, within a moment.
    pub async fn serve<A, R>(self, answer: A, refused: R, stop: impl Future<Output = ()>)
    where
        A: AsyncFn(Arrival) -> Reply + 'static,
        R: Fn(Refusal) + 'static,
    {
        let house = Rc::new(self.house(answer, refused));
        let guests = Rc::new(Guests::default());
        let tls = self.settings.tls.clone().map(TlsAcceptor::from);
        let welcome = async {
            loop {
                let (stream, remote) = self.accept(&guests).await;
                let (house, guest) = (Rc::clone(&house), guests.enter());
                if let Some(tls) = tls.clone() {
                    let within = self.settings.limits.headers_within;
                    tokio::task::spawn_local(async move { house.secure(tls, stream, remote, guest, within).await });
                } else {
                    tokio::task::spawn_local(async move { house.serve(stream, |stream| stream, remote, guest).await });
                }
            }
        };
        tokio::select! {
            () = welcome => {}
            () = guests.watch(self.settings.limits.headers_within) => {}
            () = stop => {}
        }
        guests.finish();
        let _ = tokio::time::timeout(GRACE, guests.all_left()).await;
    }

    async fn accept(&self, guests: &Guests) -> (TcpStream, SocketAddr) {
        loop {
            guests.room().await;
            if let Ok((stream, remote)) = self.socket.accept().await {
                // An answer is small and complete: waiting to fill a packet would only delay it.
                let _ = stream.set_nodelay(true);
                return (stream, remote);
            }
            // Out of file descriptors, most likely: others must leave before there is room.
            let _ = tokio::time::timeout(Duration::from_millis(20), guests.somebody_left()).await;
        }
    }

    fn house<A, R>(&self, answer: A, refused: R) -> House<A, R> {
        let Settings { limits, allowed_hosts, transparent, .. } = &self.settings;
        let mut http = hyper::server::conn::http1::Builder::new();
        http.max_header_size(LARGEST_HEAD)
            .half_close(true)
            // Answers are small: to gather one in one place costs less than to write it from two.
            .writev(false)
            .preserve_header_case(*transparent)
            .auto_date_header(!transparent);
        let hosts = Hosts::new(self.address.ip().is_loopback(), allowed_hosts);
        House { http, reader: Reader { limits: *limits, hosts, clock: self.clock }, answer, refused }
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Elsewhere it would let two programs have the same port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
