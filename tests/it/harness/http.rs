//! Requests as bytes on a socket, signed here as the Standard Webhooks specification says.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::harness::env::DEADLINE;

/// The clock of most tests: 2026-03-02T08:15:33Z.
pub(crate) const NOW: i64 = 1_772_439_333;
/// [`NOW`] as a flag takes it.
pub(crate) const NOW_TEXT: &str = "2026-03-02T08:15:33Z";
/// A secret of the `standard` provider: 24 bytes.
pub(crate) const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// A secret of the `ahasend` provider: its key is this very text.
pub(crate) const AHASEND: &str = "aha-whsec-0123456789abcdefghijklmnop";

/// The three headers of a signed request, a line each. The key of `whsec_…` is base64, of anything else the text.
pub(crate) fn signed(secret: &str, id: &str, at: i64, body: &[u8]) -> String {
    let key = secret.strip_prefix("whsec_").map_or_else(|| secret.into(), |encoded| BASE64.decode(encoded).unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.").as_bytes());
    mac.update(body);
    let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    format!("webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n")
}

/// The flags of most runs: the provider, its secret [`STANDARD`], and the clock [`NOW`].
pub(crate) const FIXED: [&str; 6] = ["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT];
/// The same for `whk send`, with a seed.
pub(crate) const FIXED_SEND: [&str; 8] = ["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--seed", "1"];
/// The same with the type of the event.
pub(crate) const EVENT: [&str; 10] =
    ["-p", "standard", "-s", STANDARD, "--now", NOW_TEXT, "--seed", "1", "--type", "user.created"];

/// The names and values of header lines.
pub(crate) fn pairs(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    lines.lines().map(|line| line.split_once(": ").unwrap())
}

/// A whole request with further header lines, each of which ends in CRLF.
pub(crate) fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request =
        format!("POST /hooks HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// A request that is valid for a receiver with the flags [`FIXED`].
pub(crate) fn valid(id: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    request(&signed(STANDARD, id, NOW, body), body)
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// A connection that is kept.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    /// Sends bytes and waits for one complete response.
    #[track_caller]
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> Answer {
        self.0.write_all(bytes).unwrap();
        self.answer()
    }

    /// Sends bytes that the other side can reject unread.
    #[track_caller]
    pub(crate) fn exchange_unread(&mut self, bytes: &[u8]) -> Answer {
        let _ = self.0.write_all(bytes);
        self.answer()
    }

    /// Sends bytes, and says that there are no more.
    #[track_caller]
    pub(crate) fn exchange_last(&mut self, bytes: &[u8]) -> Answer {
        self.0.write_all(bytes).unwrap();
        self.0.shutdown(Shutdown::Write).unwrap();
        self.answer()
    }

    /// Sends bytes, and waits for nothing.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Everything that comes until the other side ends it, and the error if it does not end well.
    pub(crate) fn until_it_ends(&mut self) -> (String, Option<ErrorKind>) {
        let mut all = Vec::new();
        let error = self.0.read_to_end(&mut all).err().map(|error| error.kind());
        (String::from_utf8_lossy(&all).into_owned(), error)
    }

    /// Waits until something can be read; returns what is there. Empty at the end.
    pub(crate) fn read_part(&mut self) -> String {
        let mut part = vec![0; 1 << 16];
        let read = self.0.read(&mut part).unwrap();
        String::from_utf8_lossy(&part[..read]).into_owned()
    }

    /// Reads until a text comes, in what is not read yet; returns everything up to there.
    #[track_caller]
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        let (mut all, mut byte) = (Vec::new(), [0]);
        while !all.ends_with(text.as_bytes()) {
            let read = self.0.read(&mut byte).unwrap();
            assert!(read > 0, "the connection ended before `{text}`: {:?}", String::from_utf8_lossy(&all));
            all.push(byte[0]);
        }
        String::from_utf8(all).unwrap()
    }

    /// Waits for one complete response.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            let read = self.0.read(&mut byte).unwrap();
            assert!(read > 0, "the connection ended in: {:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: String::from_utf8(body).unwrap() }
    }
}

/// Sends one request on a connection of its own.
#[track_caller]
pub(crate) fn exchange(address: &str, bytes: &[u8]) -> Answer {
    Connection::open(address).exchange(bytes)
}

/// Sends bytes on a connection of its own, and returns everything that comes until it ends, with the error if there is one.
pub(crate) fn until_it_ends(address: &str, bytes: &[u8]) -> (String, Option<ErrorKind>) {
    let mut connection = Connection::open(address);
    // The other side can have rejected it by then.
    let _ = connection.0.write_all(bytes);
    connection.until_it_ends()
}
