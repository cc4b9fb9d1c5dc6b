//! One connection: requests in, answers out, until one side ends it.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::fault::{self, Faulty};
use super::guests::{Call, Guest};
use super::read::Reader;
use super::{Arrival, Fault, Reply};

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

/// What all connections share.
pub(super) struct House<A, R> {
    pub(super) http: Builder,
    pub(super) reader: Reader,
    pub(super) answer: A,
    pub(super) refused: R,
}

impl<A, R> House<A, R>
where
    A: AsyncFn(Arrival) -> Reply,
    R: Fn(Refusal),
{
    /// Agrees on TLS within a length of time, and then serves the connection.
    pub(super) async fn secure(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
        remote: SocketAddr,
        guest: Guest,
        within: Duration,
    ) {
        let agreed = tokio::select! {
            agreed = tokio::time::timeout(within, tls.accept(stream)) => agreed,
            _ = guest.called() => return,
        };
        let reason = match agreed {
            Ok(Ok(stream)) => return self.serve(stream, |stream| stream.get_ref().0, remote, guest).await,
            // Somebody who only looked whether the port is open.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return,
            Ok(Err(error)) => format!("no TLS: {error}"),
            Err(_) => "TLS was not agreed on in time".to_owned(),
        };
        (self.refused)(Refusal { remote: remote.to_string(), status: None, reason });
    }

    /// Serves one connection to its end. `bare` is the socket beneath the stream.
    pub(super) async fn serve<S>(&self, stream: S, bare: fn(&S) -> &TcpStream, remote: SocketAddr, guest: Guest)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let remote = remote.to_string();
        guest.waits_for_headers();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let (head, body) = request.into_parts();
            self.exchange(Box::new(head), body, &remote, &guest)
        });
        let mut connection = self.http.serve_connection(TokioIo::new(stream), service);
        let error = loop {
            tokio::select! {
                biased;
                served = &mut connection => match served {
                    Ok(()) => return,
                    Err(error) => break Some(error),
                },
                call = guest.called() => match call {
                    Call::Leave => return,
                    Call::Late => break None,
                    Call::Finish => std::pin::Pin::new(&mut connection).graceful_shutdown(),
                }
            }
        };
        let faulty = error.as_ref().and_then(StdError::source).and_then(|source| source.downcast_ref::<Box<Faulty>>());
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Some(faulty) = faulty {
            if faulty.fault == Fault::Reset {
                let _ = bare(&stream).set_zero_linger();
                return;
            }
            if !guest.is_over() {
                tokio::select! {
                    _ = fault::commit(&mut stream, faulty) => {}
                    _ = guest.called() => {}
                }
            }
            return;
        }
        match error {
            // It was only idle.
            None if parts.read_buf.is_empty() => {}
            None => {
                let parting = async {
                    stream.write_all(LATE).await?;
                    stream.shutdown().await
                };
                let _ = tokio::time::timeout(PARTING, parting).await;
                self.refuse(&remote, 408, "the headers were not complete in time");
            }
            Some(error) if error.is_parse_too_large() => self.refuse(&remote, 431, "the headers are too large"),
            Some(error) if error.is_parse() => {
                self.refuse(&remote, 400, &format!("not a valid HTTP request: {error}"));
            }
            Some(_) => {}
        }
    }

    async fn exchange(
        &self,
        head: Box<Parts>,
        body: Incoming,
        remote: &str,
        guest: &Guest,
    ) -> Result<Response<Full<Bytes>>, Box<Faulty>> {
        guest.waits();
        match self.reader.read(head, body, remote).await {
            Ok(arrival) => {
                guest.answers();
                let reply = (self.answer)(arrival).await;
                if reply.fault.is_some() {
                    guest.waits();
                } else {
                    guest.waits_for_headers();
                }
                Faulty::unless(reply).map(|response| response.map(Full::new))
            }
            Err((status, reason)) => {
                guest.waits_for_headers();
                let mut reply = Reply::text(status, format!("{reason}\n"));
                self.refuse(remote, status, &reason);
                // What is left of the refused body would be read as the next request.
                reply.response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                Ok(reply.response.map(Full::new))
            }
        }
    }

    fn refuse(&self, remote: &str, status: u16, reason: &str) {
        (self.refused)(Refusal { remote: remote.to_owned(), status: Some(status), reason: reason.to_owned() });
    }
}

/// How long somebody who was too slow may take to hear of it.
const PARTING: Duration = Duration::from_secs(1);

/// What is answered to headers that come too slowly.
const LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
