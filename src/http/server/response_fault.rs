//! Responses that are wrong on purpose, written to the bare socket: no HTTP library would send them.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ServerResponse;

/// A fault of a response, made on purpose. The connection closes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFault {
    /// No response: the connection is reset.
    Reset,
    /// No response, and the connection stays open until the peer closes it.
    Hang,
    /// The body is sent a byte at a time, over this duration.
    Slow(Duration),
    /// The connection closes before the body is as long as `content-length` says.
    Short,
    /// More body is sent than `content-length` says.
    Long,
}

/// A response with a fault, on its way past the HTTP library to the socket.
#[derive(Debug)]
pub(super) struct FaultyResponse {
    pub(super) response: Response<Bytes>,
    pub(super) fault: ResponseFault,
}

impl FaultyResponse {
    /// Returns the response itself if it has no fault.
    pub(super) fn from_response(response: ServerResponse) -> Result<Response<Bytes>, Box<Self>> {
        match response.fault {
            None => Ok(response.http),
            Some(fault) => Err(Box::new(Self { response: response.http, fault })),
        }
    }
}

impl fmt::Display for FaultyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a response with a fault, on purpose")
    }
}

impl Error for FaultyResponse {}

/// Difference between the body and its declared length, in bytes.
const LENGTH_ERROR: usize = 10;

/// Writes the response with its fault; the connection cannot be used afterwards. A reset is up to the caller, who has
/// the bare socket.
pub(super) async fn write_to(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    faulty: &FaultyResponse,
) -> io::Result<()> {
    let body = faulty.response.body();
    match faulty.fault {
        ResponseFault::Reset => Ok(()),
        ResponseFault::Hang => {
            let mut ignored = [0; 1024];
            while stream.read(&mut ignored).await? > 0 {}
            Ok(())
        }
        ResponseFault::Slow(time) => {
            stream.write_all(&head(&faulty.response, body.len())).await?;
            let pause = time.checked_div(u32::try_from(body.len()).unwrap_or(u32::MAX)).unwrap_or(time);
            for byte in body {
                tokio::time::sleep(pause).await;
                stream.write_all(&[*byte]).await?;
            }
            stream.shutdown().await
        }
        ResponseFault::Short => {
            stream.write_all(&[&head(&faulty.response, body.len() + LENGTH_ERROR), &body[..]].concat()).await?;
            stream.shutdown().await
        }
        ResponseFault::Long => {
            stream.write_all(&[&head(&faulty.response, body.len()), &body[..], &[b'x'; LENGTH_ERROR]].concat()).await?;
            stream.shutdown().await
        }
    }
}

/// Formats the status line and the headers, with this body length.
fn head(response: &Response<Bytes>, length: usize) -> Vec<u8> {
    let status = response.status();
    let mut head = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or("Status"));
    for (name, value) in response.headers() {
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    let _ = write!(head, "content-length: {length}\r\nconnection: close\r\n\r\n");
    head.into_bytes()
}
