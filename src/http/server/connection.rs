//! Serves one connection: requests in, responses out, until one side closes it.

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

use super::connection_tracker::{ConnectionSignal, TrackedConnection};
use super::request_reader::{Rejection, RequestReader};
use super::response_fault::{self, FaultyResponse};
use super::{ReceivedRequest, ResponseFault, ServerResponse};

/// A request that was rejected before it could be verified; it is not recorded.
#[derive(Clone, Debug)]
pub struct RejectedRequest {
    /// Address of the sender.
    pub remote_addr: String,
    /// Status of the response, if one could be sent.
    pub status: Option<u16>,
    /// Reason of the rejection.
    pub reason: String,
}

/// State that all connections share.
pub(super) struct ServerContext<H, R> {
    pub(super) http: Builder,
    pub(super) reader: RequestReader,
    pub(super) handler: H,
    pub(super) on_rejected: R,
}

impl<H, R> ServerContext<H, R>
where
    H: AsyncFn(ReceivedRequest) -> ServerResponse,
    R: Fn(RejectedRequest),
{
    /// Completes the TLS handshake within a time limit, and then serves the connection.
    pub(super) async fn serve_tls(
        &self,
        tls: TlsAcceptor,
        stream: TcpStream,
        remote_addr: SocketAddr,
        tracked: TrackedConnection,
        timeout: Duration,
    ) {
        let handshake = tokio::select! {
            handshake = tokio::time::timeout(timeout, tls.accept(stream)) => handshake,
            _ = tracked.next_signal() => return,
        };
        let reason = match handshake {
            Ok(Ok(stream)) => return self.serve(stream, |stream| stream.get_ref().0, remote_addr, tracked).await,
            // A port scan: the peer connected and left.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => return,
            Ok(Err(error)) => tls_failure(&error),
            Err(_) => "the TLS handshake timed out".to_owned(),
        };
        (self.on_rejected)(RejectedRequest { remote_addr: remote_addr.to_string(), status: None, reason });
    }

    /// Serves one connection until it closes. `tcp_stream` gives the socket beneath the stream.
    pub(super) async fn serve<S>(
        &self,
        stream: S,
        tcp_stream: fn(&S) -> &TcpStream,
        remote_addr: SocketAddr,
        tracked: TrackedConnection,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let remote_addr = remote_addr.to_string();
        tracked.reading_headers();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let (head, body) = request.into_parts();
            self.handle_request(Box::new(head), body, &remote_addr, &tracked)
        });
        let mut connection = self.http.serve_connection(TokioIo::new(stream), service);
        let error = loop {
            tokio::select! {
                biased;
                served = &mut connection => match served {
                    Ok(()) => return,
                    Err(error) => break Some(error),
                },
                signal = tracked.next_signal() => match signal {
                    ConnectionSignal::Evict => return,
                    ConnectionSignal::HeaderTimeout => break None,
                    ConnectionSignal::Drain => std::pin::Pin::new(&mut connection).graceful_shutdown(),
                }
            }
        };
        let faulty =
            error.as_ref().and_then(StdError::source).and_then(|source| source.downcast_ref::<Box<FaultyResponse>>());
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Some(faulty) = faulty {
            if faulty.fault == ResponseFault::Reset {
                let _ = tcp_stream(&stream).set_zero_linger();
                return;
            }
            if !tracked.is_draining() {
                tokio::select! {
                    _ = response_fault::write_to(&mut stream, faulty) => {}
                    _ = tracked.next_signal() => {}
                }
            }
            return;
        }
        match error {
            // The connection was only idle.
            None if parts.read_buf.is_empty() => {}
            None => {
                let linger = async {
                    stream.write_all(REQUEST_TIMEOUT_RESPONSE).await?;
                    stream.shutdown().await
                };
                let _ = tokio::time::timeout(LINGER_TIMEOUT, linger).await;
                self.reject(&remote_addr, 408, "the headers were not complete in time");
            }
            Some(error) if error.is_parse_too_large() => self.reject(&remote_addr, 431, "the headers are too large"),
            Some(error) if error.is_parse() => {
                self.reject(&remote_addr, 400, &format!("not a valid HTTP request: {error}"));
            }
            Some(_) => {}
        }
    }

    async fn handle_request(
        &self,
        head: Box<Parts>,
        body: Incoming,
        remote_addr: &str,
        tracked: &TrackedConnection,
    ) -> Result<Response<Full<Bytes>>, Box<FaultyResponse>> {
        tracked.awaiting_peer();
        match self.reader.read(head, body, remote_addr).await {
            Ok(request) => {
                tracked.responding();
                let response = (self.handler)(request).await;
                if response.fault.is_some() {
                    tracked.awaiting_peer();
                } else {
                    tracked.reading_headers();
                }
                FaultyResponse::from_response(response).map(|response| response.map(Full::new))
            }
            Err(Rejection { status, reason }) => {
                tracked.reading_headers();
                let mut response = ServerResponse::text(status, format!("{reason}\n"));
                self.reject(remote_addr, status, &reason);
                // The unread rest of the body would be parsed as the next request.
                response.http.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                Ok(response.http.map(Full::new))
            }
        }
    }

    fn reject(&self, remote_addr: &str, status: u16, reason: &str) {
        (self.on_rejected)(RejectedRequest {
            remote_addr: remote_addr.to_owned(),
            status: Some(status),
            reason: reason.to_owned(),
        });
    }
}

/// Time limit for sending the response to late headers.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Response to headers that are not complete in time.
const REQUEST_TIMEOUT_RESPONSE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Returns the reason for a failed TLS handshake, in words for the two common ones.
fn tls_failure(error: &std::io::Error) -> String {
    use rustls::AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA};
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => "not TLS; use https:// for this address".to_owned(),
        Some(rustls::Error::AlertReceived(UnknownCA | BadCertificate | CertificateUnknown)) => {
            "the client does not trust the certificate".to_owned()
        }
        _ => format!("TLS handshake failed: {error}"),
    }
}
