//! Requests as bytes on a socket and in a file, made without the code under test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::record::RecordBuilder;

/// A signed request.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Signed {
    /// From a record, such as `whk send --dry-run --format json` prints.
    pub(super) fn from_record(record: &Value) -> Self {
        let body = match record["body"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => STANDARD.decode(record["body_b64"].as_str().unwrap()).unwrap(),
        };
        Self { headers: pairs(&record["headers"]), body }
    }

    /// As a line of a log.
    pub(super) fn record(&self) -> String {
        RecordBuilder::new().field("headers", json!(self.headers)).body(&self.body).line()
    }

    /// As it goes over the wire; the receiver closes the connection after its answer.
    pub(super) fn raw(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
        let length = self.body.len();
        let head = format!(
            "POST /hooks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), &self.body].concat()
    }

    /// The status that a receiver on this port answers.
    pub(super) fn post(&self, port: u16) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(&self.raw()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_else(|_| panic!("no status in {answer:?}"))
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(have, _)| have == name).unwrap().1
    }

    /// This request with one byte changed, once in each part that is signed, and in the signature.
    pub(super) fn changed(&self) -> [(&'static str, Self); 4] {
        let with = |change: &dyn Fn(&mut Self)| {
            let mut other = self.clone();
            change(&mut other);
            other
        };
        let body = with(&|other| match other.body.iter().rposition(u8::is_ascii_alphanumeric) {
            Some(at) => other.body[at] = if other.body[at] == b'x' { b'y' } else { b'x' },
            None => other.body.push(b'x'),
        });
        let id = with(&|other| other.swap("webhook-id", |value| value.len() - 1, ["0", "1"]));
        let timestamp = with(&|other| other.swap("webhook-timestamp", |value| value.len() - 1, ["4", "5"]));
        // Not the last character: its unused bits are ignored by libraries that compare decoded signatures.
        let signature = with(&|other| other.swap("webhook-signature", |_| "v1,".len(), ["A", "B"]));
        [("body", body), ("id", id), ("timestamp", timestamp), ("signature", signature)]
    }

    fn swap(&mut self, name: &str, place: impl Fn(&str) -> usize, [one, other]: [&str; 2]) {
        let value = &mut self.headers.iter_mut().find(|(have, _)| have == name).unwrap().1;
        let at = place(value);
        let replacement = if value[at..].starts_with(one) { other } else { one };
        value.replace_range(at..=at, replacement);
    }
}

/// `[[name, value], …]`
pub(super) fn pairs(headers: &Value) -> Vec<(String, String)> {
    serde_json::from_value(headers.clone()).unwrap()
}

/// Reads one request with a `content-length`.
pub(super) fn read_request(stream: &mut TcpStream) -> Signed {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .filter_map(|line| line.trim_end().split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut request = Signed { headers, body: Vec::new() };
    request.body.resize(request.header("content-length").parse().unwrap(), 0);
    stream.read_exact(&mut request.body).unwrap();
    request
}
