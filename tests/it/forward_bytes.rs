//! Forwarding keeps every byte: what the handler gets is what was sent, and what comes back is what it answered.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::harness::env::{DEADLINE, TestEnv};

/// A request or an answer: its first line, its headers in order, its body.
#[derive(Clone, Debug, PartialEq)]
struct Message {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Message {
    /// As bytes with more headers, the body with its length or in chunks.
    fn bytes(&self, more: &str, chunked: bool) -> Vec<u8> {
        let mut bytes = format!("{}\r\n{more}", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let head = if chunked {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {}", self.body.len())
        };
        bytes.extend(format!("{head}\r\n\r\n").into_bytes());
        if !chunked {
            bytes.extend(&self.body);
            return bytes;
        }
        for chunk in self.body.chunks(100) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    /// Takes one off a connection; its body has a length.
    fn read(mut stream: &TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let mut lines =
            head[..head.len() - 4].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let line = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let pair = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':').unwrap();
            let name = String::from_utf8(line[..colon].to_vec()).unwrap();
            (name, line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]).to_vec())
        };
        let headers: Vec<(String, Vec<u8>)> = lines.map(pair).collect();
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |(_, length)| String::from_utf8_lossy(length).parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Self { line, headers, body })
    }

    /// The headers that a test made up, repeats side by side as HTTP allows.
    fn own_headers(&self) -> Vec<(String, Vec<u8>)> {
        let own = |name: &str| name.to_ascii_lowercase().starts_with("x-");
        let mut names: Vec<String> = Vec::new();
        for (name, _) in self.headers.iter().filter(|(name, _)| own(name)) {
            if !names.contains(&name.to_ascii_lowercase()) {
                names.push(name.to_ascii_lowercase());
            }
        }
        let of = |wanted: &String| {
            self.headers.iter().filter(|(name, _)| name.to_ascii_lowercase() == *wanted).cloned().collect::<Vec<_>>()
        };
        names.iter().flat_map(of).collect()
    }
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let byte = prop_oneof![0x21..=0x7e_u8, 0x80..=0xff_u8];
    let inner = prop_oneof![4 => byte.clone(), 1 => Just(b' '), 1 => Just(b'\t')];
    // White space at the ends is not part of a value.
    let value = (proptest::option::of(byte.clone()), proptest::collection::vec(inner, 0..30), byte).prop_map(
        |(first, middle, last)| first.map_or_else(Vec::new, |first| [vec![first], middle, vec![last]].concat()),
    );
    proptest::collection::vec(("[xX]-[aAbB0!#$%&'*+.^_`|~-]{0,3}", value), 0..12)
}

fn target() -> impl Strategy<Value = String> {
    let part = "[!$%&'()*+,./:;=@A-Za-z0-9_|~\\[\\]{}\"-]{0,20}";
    (part, proptest::option::of("[!$%&'()*+,./:;=?@A-Za-z0-9_|~\\[\\]{}-]{0,20}"))
        .prop_map(|(path, query)| query.map_or_else(|| format!("/{path}"), |query| format!("/{path}?{query}")))
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..600), Just((0..=255).collect())]
}

/// A handler that answers each request as it is told, and gives what it got.
fn handler() -> (String, Arc<Mutex<Vec<u8>>>, Receiver<Message>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let answer = Arc::<Mutex<Vec<u8>>>::default();
    let told = Arc::clone(&answer);
    let (got, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in socket.incoming() {
            let mut stream = stream.unwrap();
            while let Some(message) = Message::read(&stream) {
                let _ = got.send(message);
                let answer = told.lock().unwrap().clone();
                let _ = stream.write_all(&answer);
            }
        }
    });
    (address, answer, received)
}

#[test]
fn every_byte_goes_both_ways() {
    let room = TestEnv::new();
    let (address, told, received) = handler();
    let listener = room.listen(["--no-log", "-q", "--on-invalid", "accept", "-f", &format!("http://{address}")]);
    let method = prop_oneof![
        Just("POST".to_owned()),
        Just("PUT".into()),
        Just("GET".into()),
        Just("DELETE".into()),
        "[A-Z]{4,9}"
    ];
    let method = method.prop_filter("these two are of another kind", |method| method != "CONNECT" && method != "HEAD");
    let status = (200..=599_u16).prop_filter("these have no body", |status| !matches!(status, 204 | 205 | 304));
    let sent = (method, target(), headers(), body(), any::<bool>());
    let answered = (status, "[ -~]{0,12}", headers(), body(), any::<bool>());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() });
    let checked = runner.run(&(sent, answered), |((method, target, headers, body, chunked), answer)| {
        let request = Message { line: format!("{method} {target} HTTP/1.1"), headers, body };
        let reply = Message { line: format!("HTTP/1.1 {} {}", answer.0, answer.1), headers: answer.2, body: answer.3 };
        *told.lock().unwrap() = reply.bytes("", answer.4);
        let stream = TcpStream::connect(listener.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        (&stream).write_all(&request.bytes("Host: localhost\r\n", chunked)).unwrap();
        let back = Message::read(&stream).ok_or_else(|| TestCaseError::fail("no answer"))?;
        let got = received.try_recv().map_err(|_| TestCaseError::fail(format!("not forwarded: {back:?}")))?;
        prop_assert_eq!(&got.line, &request.line);
        prop_assert_eq!(got.own_headers(), request.own_headers());
        prop_assert_eq!(got.headers.len(), request.headers.len() + 2, "host and length: {:?}", got.headers);
        prop_assert_eq!(&got.body, &request.body);
        prop_assert_eq!(back.line.trim_end(), reply.line.trim_end());
        prop_assert_eq!(back.own_headers(), reply.own_headers());
        prop_assert_eq!(back.headers.len(), reply.headers.len() + 1, "its length: {:?}", back.headers);
        prop_assert_eq!(back.body, reply.body);
        Ok(())
    });
    if let Err(error) = checked {
        let mut shown = String::new();
        let _ = write!(shown, "{error}");
        panic!("{shown}\n{}", listener.stop());
    }
    let output = listener.stop().assert_exit(0);
    assert!(!output.stderr().contains("refused"), "{output}");
}
