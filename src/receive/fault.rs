//! Answers that go wrong on purpose, written to the bare socket: no HTTP library would send them.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;

use bytes::Bytes;
use hyper::Response;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Fault, Reply};

/// A reply that goes wrong, on its way past the HTTP library to the socket.
#[derive(Debug)]
pub(super) struct Faulty {
    pub(super) response: Response<Bytes>,
    pub(super) fault: Fault,
}

impl Faulty {
    /// The reply itself, where nothing is to go wrong with it.
    pub(super) fn unless(reply: Reply) -> Result<Response<Bytes>, Box<Self>> {
        match reply.fault {
            None => Ok(reply.response),
            Some(fault) => Err(Box::new(Self { response: reply.response, fault })),
        }
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer goes wrong on purpose")
    }
}

impl Error for Faulty {}

/// By how much the length in the headers is wrong.
const OFF_BY: usize = 10;

/// Answers wrongly; the connection is of no use afterwards. A reset is left to the caller, who has the bare socket.
pub(super) async fn commit(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), faulty: &Faulty) -> io::Result<()> {
    let body = faulty.response.body();
    match faulty.fault {
        Fault::Reset => Ok(()),
        Fault::Hang => {
            let mut ignored = [0; 1024];
            while stream.read(&mut ignored).await? > 0 {}
            Ok(())
        }
        Fault::Slow(time) => {
            stream.write_all(&head(&faulty.response, body.len())).await?;
            let pause = time.checked_div(u32::try_from(body.len()).unwrap_or(u32::MAX)).unwrap_or(time);
            for byte in body {
                tokio::time::sleep(pause).await;
                stream.write_all(&[*byte]).await?;
            }
            stream.shutdown().await
        }
        Fault::Short => {
            stream.write_all(&[&head(&faulty.response, body.len() + OFF_BY), &body[..]].concat()).await?;
            stream.shutdown().await
        }
        Fault::Long => {
            stream.write_all(&[&head(&faulty.response, body.len()), &body[..], &[b'x'; OFF_BY]].concat()).await?;
            stream.shutdown().await
        }
    }
}

/// The status line and the headers, with this length of the body.
fn head(response: &Response<Bytes>, length: usize) -> Vec<u8> {
    let status = response.status();
    let mut head = format!("HTTP/1.1 {} {}\r\n", status.as_str(), status.canonical_reason().unwrap_or("Status"));
    for (name, value) in response.headers() {
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    let _ = write!(head, "content-length: {length}\r\nconnection: close\r\n\r\n");
    head.into_bytes()
}
