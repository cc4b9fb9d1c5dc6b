//! Requests as bytes: written in steps, with pauses, in forms that an HTTP library does not send.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{Barrier, Notify};

use super::pool::{connect, tls_handshake};
use super::{AttemptError, AttemptErrorKind, CertificateCheck, Endpoint};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// Maximum size of the head of a response.
const MAX_HEAD: usize = 64 << 10;

/// Maximum number of headers in a response.
const MAX_HEADERS: usize = 128;

/// Maximum size of a response body that is kept.
const MAX_KEPT_BODY: usize = 64 << 10;

/// The time for a response after the peer has stopped reading: it may have responded before the request was complete.
const EARLY_RESPONSE: Duration = Duration::from_millis(500);

/// One step of writing a request.
#[derive(Clone, Debug)]
pub enum WriteStep {
    /// Write these bytes, and flush.
    Bytes(Bytes),
    /// Write nothing for this long.
    Pause(Duration),
    /// Wait for the interim response 100, at most for this long.
    AwaitContinue(Duration),
    /// Wait until all requests of a group are here, at most for this long.
    AwaitOthers(Arc<Barrier>, Duration),
}

/// The time that a server gets to read what it has, before the requests of a group go on together.
const READ_TIME: Duration = Duration::from_millis(20);

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// The status.
    pub status: u16,
    /// The headers in order.
    pub headers: Vec<(String, Bytes)>,
    /// The body, truncated if it is very long.
    pub body: Bytes,
    /// Time from the first byte of the request to the end of the response.
    pub duration: Duration,
}

impl RawResponse {
    /// Returns the first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// The reason why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawError {
    /// Nothing was sent.
    Unreachable(AttemptError),
    /// The connection ended before a complete response.
    Closed(String),
    /// There was no complete response in time.
    TimedOut(Duration),
}

/// Opens connections for requests that are given as bytes.
pub struct RawClient {
    tls: Option<Arc<ClientConfig>>,
}

impl RawClient {
    /// Makes a client for endpoints of this scheme; `insecure` skips the check of certificates.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(endpoint: &Endpoint, insecure: bool) -> Result<Self> {
        let check = if insecure { CertificateCheck::Disabled } else { CertificateCheck::System };
        let tls = endpoint.is_https().then(|| check.config()).transpose();
        let tls = tls.map_err(|error| Error::new("cannot set up TLS").cause(error))?;
        Ok(Self { tls: tls.map(Arc::new) })
    }

    /// Connects to the endpoint.
    ///
    /// # Errors
    /// No address of the endpoint accepts a connection, or the TLS handshake failed.
    pub async fn connect(&self, endpoint: &Endpoint) -> std::result::Result<RawConnection, AttemptError> {
        let stream = connect(endpoint).await?;
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(config) => Box::new(tls_handshake(endpoint, stream, Arc::clone(config)).await?),
        };
        let (reader, writer) = tokio::io::split(stream);
        Ok(RawConnection { reader, writer, received: BytesMut::new(), reusable: true })
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection.
pub struct RawConnection {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    received: BytesMut,
    reusable: bool,
}

impl RawConnection {
    /// True if another request can be sent on it: the last response was complete, and announced no end.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// Writes a request and reads its response, at most for `limit`. A response that comes early ends the writing.
    ///
    /// # Errors
    /// There is no complete response.
    pub async fn exchange(
        &mut self,
        steps: &[WriteStep],
        is_head: bool,
        limit: Duration,
    ) -> std::result::Result<RawResponse, RawError> {
        let watch = Stopwatch::start();
        let exchange = exchange(&mut self.reader, &mut self.writer, &mut self.received, steps, is_head);
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok((mut response, reusable))) => {
                response.duration = watch.elapsed();
                self.reusable = reusable;
                Ok(response)
            }
            Ok(Err(error)) => {
                self.reusable = false;
                Err(RawError::Closed(closed(&error)))
            }
            Err(_) => {
                self.reusable = false;
                Err(RawError::TimedOut(limit))
            }
        }
    }

    /// Writes the steps and closes the connection without reading.
    ///
    /// # Errors
    /// The peer closed the connection first.
    pub async fn write_and_close(mut self, steps: &[WriteStep]) -> std::result::Result<(), RawError> {
        let written = write(&mut self.writer, steps, &Notify::new()).await;
        let _ = self.writer.shutdown().await;
        written.map_err(|error| RawError::Closed(closed(&error)))
    }
}

fn closed(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed before the response was complete".to_owned(),
        io::ErrorKind::InvalidData => format!("the response is not HTTP: {error}"),
        _ => AttemptError::new(AttemptErrorKind::NoResponse, super::attempt_error::describe_io_error(error)).message,
    }
}

async fn exchange(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    writer: &mut WriteHalf<Box<dyn Stream>>,
    received: &mut BytesMut,
    steps: &[WriteStep],
    is_head: bool,
) -> io::Result<(RawResponse, bool)> {
    let continued = Notify::new();
    let response = read_response(reader, received, is_head, &continued);
    let written = write(writer, steps, &continued);
    tokio::pin!(response, written);
    tokio::select! {
        biased;
        // The rest of the request is not written, so that the connection cannot carry another.
        early = &mut response => early.map(|(response, _)| (response, false)),
        written = &mut written => match written {
            Ok(()) => response.await,
            Err(error) => match tokio::time::timeout(EARLY_RESPONSE, response).await {
                Ok(Ok((response, _))) => Ok((response, false)),
                _ => Err(error),
            },
        },
    }
}

async fn write(writer: &mut WriteHalf<Box<dyn Stream>>, steps: &[WriteStep], continued: &Notify) -> io::Result<()> {
    for step in steps {
        match step {
            WriteStep::Bytes(bytes) => {
                writer.write_all(bytes).await?;
                writer.flush().await?;
            }
            WriteStep::Pause(span) => tokio::time::sleep(*span).await,
            WriteStep::AwaitContinue(limit) => {
                let _ = tokio::time::timeout(*limit, continued.notified()).await;
            }
            WriteStep::AwaitOthers(barrier, limit) => {
                let _ = tokio::time::timeout(*limit, barrier.wait()).await;
                // What was written must be read first.
                tokio::time::sleep(READ_TIME).await;
            }
        }
    }
    Ok(())
}

/// The length of a response body.
enum BodyLength {
    Fixed(usize),
    Chunked,
    UntilClose,
}

/// Reads a response; the second value is true if the connection can carry another request.
async fn read_response(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    received: &mut BytesMut,
    is_head: bool,
    continued: &Notify,
) -> io::Result<(RawResponse, bool)> {
    loop {
        let (status, version, headers) = read_head(reader, received).await?;
        if (100..200).contains(&status) && status != 101 {
            continued.notify_one();
            continue;
        }
        let value = |name: &str| {
            let found = headers.iter().find(|(have, _): &&(String, Bytes)| have.eq_ignore_ascii_case(name));
            found.map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase())
        };
        let length = if is_head || status == 204 || status == 304 {
            BodyLength::Fixed(0)
        } else if value("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            BodyLength::Chunked
        } else {
            match value("content-length").map(|text| text.trim().parse()) {
                Some(Ok(length)) => BodyLength::Fixed(length),
                Some(Err(_)) => return Err(io::Error::new(io::ErrorKind::InvalidData, "its content-length")),
                None => BodyLength::UntilClose,
            }
        };
        let stays_open = match value("connection") {
            Some(text) if text.contains("close") => false,
            Some(text) if text.contains("keep-alive") => true,
            _ => version == 1,
        };
        let reusable = stays_open && !matches!(length, BodyLength::UntilClose);
        let mut body = Vec::new();
        match length {
            BodyLength::Fixed(length) => read_bytes(reader, received, length, &mut body).await?,
            BodyLength::Chunked => read_chunks(reader, received, &mut body).await?,
            BodyLength::UntilClose => read_to_close(reader, received, &mut body).await,
        }
        return Ok((RawResponse { status, headers, body: body.into(), duration: Duration::ZERO }, reusable));
    }
}

async fn fill(reader: &mut ReadHalf<Box<dyn Stream>>, received: &mut BytesMut) -> io::Result<()> {
    match reader.read_buf(received).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

type Head = (u16, u8, Vec<(String, Bytes)>);

async fn read_head(reader: &mut ReadHalf<Box<dyn Stream>>, received: &mut BytesMut) -> io::Result<Head> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(received).map_err(|error| invalid(error.to_string()))? {
            httparse::Status::Complete(length) => {
                let fields = head.headers.iter();
                let fields = fields.map(|field| (field.name.to_owned(), Bytes::copy_from_slice(field.value))).collect();
                let head = (head.code.unwrap_or(0), head.version.unwrap_or(1), fields);
                received.advance(length);
                return Ok(head);
            }
            httparse::Status::Partial if received.len() > MAX_HEAD => {
                return Err(invalid("its head is longer than 64 KiB".to_owned()));
            }
            httparse::Status::Partial => fill(reader, received).await?,
        }
    }
}

/// Reads so many bytes, and keeps the first of them.
async fn read_bytes(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    received: &mut BytesMut,
    mut length: usize,
    kept: &mut Vec<u8>,
) -> io::Result<()> {
    while length > 0 {
        if received.is_empty() {
            fill(reader, received).await?;
        }
        let part = received.split_to(length.min(received.len()));
        length -= part.len();
        keep(kept, &part);
    }
    Ok(())
}

async fn read_chunks(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    received: &mut BytesMut,
    kept: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        let (start, size) = loop {
            let parsed = httparse::parse_chunk_size(received);
            match parsed.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a chunk has no size"))? {
                httparse::Status::Complete(found) => break found,
                httparse::Status::Partial => fill(reader, received).await?,
            }
        };
        received.advance(start);
        if size == 0 {
            return read_trailers(reader, received).await;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        read_bytes(reader, received, size, kept).await?;
        read_bytes(reader, received, 2, &mut Vec::new()).await?;
    }
}

/// Reads lines up to the empty one.
async fn read_trailers(reader: &mut ReadHalf<Box<dyn Stream>>, received: &mut BytesMut) -> io::Result<()> {
    loop {
        match received.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let line = received.split_to(end + 1);
                if line.trim_ascii().is_empty() {
                    return Ok(());
                }
            }
            None if received.len() > MAX_HEAD => return Err(io::ErrorKind::InvalidData.into()),
            None => fill(reader, received).await?,
        }
    }
}

async fn read_to_close(reader: &mut ReadHalf<Box<dyn Stream>>, received: &mut BytesMut, kept: &mut Vec<u8>) {
    loop {
        keep(kept, received);
        received.clear();
        if fill(reader, received).await.is_err() {
            return;
        }
    }
}

fn keep(kept: &mut Vec<u8>, part: &[u8]) {
    let room = MAX_KEPT_BODY - kept.len();
    kept.extend_from_slice(&part[..part.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &'static str) -> io::Result<(RawResponse, bool)> {
        let stream: Box<dyn Stream> = Box::new(tokio_test_stream(text));
        let (mut reader, _writer) = tokio::io::split(stream);
        read_response(&mut reader, &mut BytesMut::new(), false, &Notify::new()).await
    }

    /// A stream that gives a text and ends.
    fn tokio_test_stream(text: &'static str) -> impl AsyncRead + AsyncWrite + Unpin + Send {
        tokio::io::join(text.as_bytes(), tokio::io::sink())
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn each_way_to_end_a_body_is_read() {
        for (text, body, reusable) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "ok", true),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\na: b\r\n\r\n",
                "ok",
                true,
            ),
            ("HTTP/1.0 200 OK\r\n\r\nok", "ok", false),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                "ok",
                false,
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ] {
            let (response, open) = block_on(read(text)).unwrap();
            assert_eq!((&*response.body, open), (body.as_bytes(), reusable), "{text}");
        }
    }

    #[test]
    fn an_incomplete_or_foreign_response_is_an_error() {
        for text in ["", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nx"] {
            assert!(block_on(read(text)).is_err(), "{text}");
        }
    }
}
