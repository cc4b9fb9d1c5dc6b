//! A record as a line of JSON. It is written by hand, because it is most of a receiver's work for a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;

use super::record::VERSION;
use super::{CapturedRequest, Headers, Record, RecordedResponse, RecordedVerdict};

impl Record {
    /// Writes the record as JSON, without the end of the line.
    pub fn write(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self { seq, capture, verdict, duplicate, response } = self;
        write_record(line, *seq, capture, verdict, *duplicate, Some(response))
    }
}

/// Writes a record as JSON, without the end of the line.
pub fn write_record(
    line: &mut Vec<u8>,
    seq: u64,
    capture: &CapturedRequest,
    verdict: &RecordedVerdict,
    duplicate: bool,
    response: Option<&RecordedResponse>,
) -> serde_json::Result<()> {
    line.reserve(TYPICAL_RECORD_BYTES + capture.body.len());
    // The text between two values is written in one piece: it would be half of the work otherwise.
    write_raw(line, r#"{"v":"#);
    write_number(line, &VERSION)?;
    write_raw(line, r#","kind":"request","seq":"#);
    write_number(line, &seq)?;
    write_raw(line, r#","at":"#);
    write_time(line, capture.received_at);
    write_raw(line, r#","remote":""#);
    write_escaped(line, &capture.remote_addr);
    write_raw(line, r#"","method":""#);
    write_escaped(line, &capture.method);
    write_raw(line, r#"","target":""#);
    write_escaped(line, &capture.target);
    write_raw(line, r#"","headers":"#);
    write_headers(line, &capture.headers);
    if is_text(&capture.body) {
        write_raw(line, r#","body":""#);
        write_escaped_bytes(line, &capture.body);
    } else {
        write_raw(line, r#","body_b64":""#);
        write_escaped(line, &STANDARD.encode(&capture.body));
    }
    write_raw(line, r#"","size":"#);
    write_number(line, &capture.body.len())?;
    write_raw(line, r#","verdict":"#);
    verdict.write(line);
    write_raw(line, if duplicate { r#","duplicate":true,"response":"# } else { r#","duplicate":false,"response":"# });
    match response {
        Some(response) => response.write(line)?,
        None => write_raw(line, "null"),
    }
    write_raw(line, "}");
    Ok(())
}

/// The typical size of a record without its body.
const TYPICAL_RECORD_BYTES: usize = 2048;

impl RecordedVerdict {
    fn write(&self, line: &mut Vec<u8>) {
        write_raw(line, r#"{"status":""#);
        write_escaped(line, &self.status);
        write_raw(line, r#"","provider":"#);
        write_escaped_or_null(line, self.provider.as_deref());
        write_raw(line, r#","event_type":"#);
        write_escaped_or_null(line, self.event_type.as_deref());
        write_raw(line, r#","event_id":"#);
        write_escaped_or_null(line, self.event_id.as_deref());
        write_raw(line, r#","cause":"#);
        write_escaped_or_null(line, self.cause.as_deref());
        write_raw(line, r#","message":""#);
        write_escaped(line, &self.message);
        if let Some(detected) = &self.detected {
            write_raw(line, r#"","detected":""#);
            write_escaped(line, detected);
        }
        if let Some(note) = &self.note {
            write_raw(line, r#"","note":""#);
            write_escaped(line, note);
        }
        write_raw(line, "\"}");
    }
}

impl RecordedResponse {
    fn write(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        write_raw(line, r#"{"status":"#);
        write_number(line, &self.status)?;
        write_raw(line, r#","by":""#);
        write_escaped(line, &self.responder);
        write_raw(line, r#"","duration_ms":"#);
        write_number(line, &self.duration_ms)?;
        if let Some(error) = &self.error {
            write_raw(line, r#","error":""#);
            write_escaped(line, error);
            write_raw(line, "\"");
        }
        if self.slow {
            write_raw(line, r#","slow":true"#);
        }
        if let Some(body) = &self.body {
            write_raw(line, r#","body":""#);
            write_escaped(line, body);
            write_raw(line, "\"");
        }
        write_raw(line, "}");
        Ok(())
    }
}

/// Writes `[name, value]` for each. A value that is not UTF-8 is converted lossily, and a third item has its bytes in
/// base64.
fn write_headers(line: &mut Vec<u8>, headers: &Headers) {
    write_raw(line, "[");
    for (index, (name, value)) in headers.iter().enumerate() {
        write_raw(line, if index == 0 { "[\"" } else { ",[\"" });
        write_escaped(line, name);
        write_raw(line, "\",\"");
        if is_text(value) {
            write_escaped_bytes(line, value);
        } else {
            write_escaped(line, &String::from_utf8_lossy(value));
            write_raw(line, "\",\"");
            write_escaped(line, &STANDARD.encode(value));
        }
        write_raw(line, "\"]");
    }
    write_raw(line, "]");
}

/// Writes a time as RFC 3339 with microseconds.
fn write_time(line: &mut Vec<u8>, time: Option<Timestamp>) {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let Some(time) = time else { return write_raw(line, "null") };
    write_raw(line, "\"");
    PRINTER.print_timestamp(&time, &mut *line).expect("there is room in memory");
    write_raw(line, "\"");
}

fn write_number(line: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    serde_json::to_writer(line, value)
}

fn write_escaped_or_null(line: &mut Vec<u8>, value: Option<&str>) {
    let Some(value) = value else { return write_raw(line, "null") };
    write_raw(line, "\"");
    write_escaped(line, value);
    write_raw(line, "\"");
}

/// Writes the content of a string, without its quotes.
fn write_escaped(line: &mut Vec<u8>, value: &str) {
    write_escaped_bytes(line, value.as_bytes());
}

/// Writes the content of a string that is given as bytes.
fn write_escaped_bytes(line: &mut Vec<u8>, mut value: &[u8]) {
    loop {
        let (plain, rest) = value.split_at(plain_prefix_len(value));
        line.extend_from_slice(plain);
        let Some((special, rest)) = rest.split_first() else { break };
        escape(line, *special);
        value = rest;
    }
}

/// Writes text that needs no escapes. Inlined, text of known length takes a few instructions, without a call.
#[inline]
fn write_raw(line: &mut Vec<u8>, write_escaped: &str) {
    line.extend_from_slice(write_escaped.as_bytes());
}

/// Returns whether bytes are UTF-8. Nearly all are ASCII, which is checked faster.
fn is_text(write_escaped_bytes: &[u8]) -> bool {
    write_escaped_bytes.is_ascii() || std::str::from_utf8(write_escaped_bytes).is_ok()
}

/// Returns the number of bytes before the first that must be escaped in JSON.
fn plain_prefix_len(write_escaped: &[u8]) -> usize {
    let (eights, rest) = write_escaped.as_chunks();
    for (index, eight) in eights.iter().enumerate() {
        if let Some(special) = special(*eight) {
            return index * 8 + special;
        }
    }
    let mut last = [b' '; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    write_escaped.len() - rest.len() + special(last).unwrap_or(rest.len())
}

/// Returns the index of the first of eight bytes that is a control character, a quote or a backslash. All eight are
/// examined together (see "Determine if a word has a byte less than n" in Anderson's "Bit Twiddling Hacks").
fn special(eight: [u8; 8]) -> Option<usize> {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(eight);
    let less = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than)) & !word;
    let is = |byte: u8| less(word ^ (EACH * u64::from(byte)), 1);
    // The lowest bit that is set is in the byte that is searched for.
    let found = (less(word, b' ') | is(b'"') | is(b'\\')) & (EACH << 7);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

fn escape(line: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..b' ' => return write_raw(line, &format!("\\u{byte:04x}")),
        _ => byte,
    };
    line.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::capture::CapturedRequest;

    fn record(capture: CapturedRequest) -> Record {
        let response = RecordedResponse::new(Some(200), "listen", Duration::from_micros(400));
        Record { seq: 7, capture: Box::new(capture), verdict: RecordedVerdict::default(), duplicate: false, response }
    }

    fn capture(headers: Vec<(String, Vec<u8>)>, target: &str, body: Vec<u8>) -> CapturedRequest {
        CapturedRequest {
            received_at: Some("2026-03-02T08:15:33.120457Z".parse().unwrap()),
            remote_addr: "127.0.0.1:1".into(),
            method: "POST".into(),
            target: target.into(),
            headers: headers.into_iter().collect(),
            body: body.into(),
        }
    }

    fn written(record: &Record) -> String {
        let mut line = Vec::new();
        record.write(&mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn every_field_is_in_the_order_of_the_contract() {
        let mut record = record(capture(vec![("a".into(), b"b".to_vec())], "/x?y", b"{}".to_vec()));
        assert_eq!(
            written(&record),
            concat!(
                r#"{"v":1,"kind":"request","seq":7,"at":"2026-03-02T08:15:33.120457Z","remote":"127.0.0.1:1","#,
                r#""method":"POST","target":"/x?y","headers":[["a","b"]],"body":"{}","size":2,"verdict":{"status":"","#,
                r#""provider":null,"event_type":null,"event_id":null,"cause":null,"message":""},"duplicate":false,"#,
                r#""response":{"status":200,"by":"listen","duration_ms":0.4}}"#,
            )
        );
        record.capture.received_at = None;
        record.capture.headers = Headers::default();
        record.capture.body = (&b"\xff"[..]).into();
        record.duplicate = true;
        record.verdict = RecordedVerdict {
            status: "invalid".into(),
            provider: Some("svix".into()),
            event_type: Some("a.b".into()),
            event_id: Some("1\"".into()),
            cause: Some("secret-mismatch".into()),
            message: "no\n".into(),
            detected: Some("`x`".into()),
            note: Some("`y`".into()),
        };
        let error = Some("it is down".into());
        record.response = RecordedResponse { error, slow: true, body: Some("\u{1}é".into()), ..record.response };
        record.response.status = None;
        let value: Value = serde_json::from_str(&written(&record)).unwrap();
        let expected = json!({
            "v": 1, "kind": "request", "seq": 7, "at": null, "remote": "127.0.0.1:1", "method": "POST",
            "target": "/x?y", "headers": [], "body_b64": "/w==", "size": 1,
            "verdict": {
                "status": "invalid", "provider": "svix", "event_type": "a.b", "event_id": "1\"",
                "cause": "secret-mismatch", "message": "no\n", "detected": "`x`",
                "note": "`y`",
            },
            "duplicate": true,
            "response": {
                "status": null, "by": "listen", "duration_ms": 0.4, "error": "it is down", "slow": true,
                "body": "\u{1}é",
            },
        });
        assert_eq!(value, expected);
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_by_serde_json(value in "[\0-\x7fé\u{2028}]{0,100}") {
            let mut line = Vec::new();
            write_escaped(&mut line, &value);
            prop_assert_eq!(format!("\"{}\"", String::from_utf8(line).unwrap()), serde_json::to_string(&value).unwrap());
        }

        #[test]
        fn a_record_reads_back_byte_for_byte(
            names in proptest::collection::vec("[a-z-]{1,12}", 0..4),
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 4),
            body in proptest::collection::vec(any::<u8>(), 0..200),
            target in "/[ -~é]{0,20}",
        ) {
            let capture = capture(names.into_iter().zip(values).collect(), &target, body);
            let line = written(&record(capture.clone()));
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(CapturedRequest::from_json(line.as_bytes()).unwrap(), capture);
        }
    }
}
