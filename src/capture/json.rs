//! A record as a line of JSON. It is written by hand, since a receiver does little else for a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;

use super::record::VERSION;
use super::{Headers, Record, Response, Verdict};

impl Record {
    /// Writes the record as JSON, without the end of the line.
    pub fn write(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self { seq, capture, verdict, duplicate, response } = self;
        line.reserve(USUAL + capture.body.len());
        number(line, "{\"v\":", &VERSION)?;
        number(line, ",\"kind\":\"request\",\"seq\":", seq)?;
        time(line, ",\"at\":", capture.at);
        text(line, ",\"remote\":", &capture.remote);
        text(line, ",\"method\":", &capture.method);
        text(line, ",\"target\":", &capture.target);
        headers(line, ",\"headers\":", &capture.headers);
        if is_text(&capture.body) {
            bytes(line, ",\"body\":", &capture.body);
        } else {
            text(line, ",\"body_b64\":", &STANDARD.encode(&capture.body));
        }
        number(line, ",\"size\":", &capture.body.len())?;
        verdict.write(line);
        put(line, if *duplicate { ",\"duplicate\":true" } else { ",\"duplicate\":false" });
        response.write(line)?;
        line.push(b'}');
        Ok(())
    }
}

/// What a record takes beside its body, mostly.
const USUAL: usize = 2048;

impl Verdict {
    fn write(&self, line: &mut Vec<u8>) {
        text(line, ",\"verdict\":{\"status\":", &self.status);
        text_or_null(line, ",\"provider\":", self.provider.as_deref());
        text_or_null(line, ",\"event_type\":", self.event_type.as_deref());
        text_or_null(line, ",\"event_id\":", self.event_id.as_deref());
        text_or_null(line, ",\"cause\":", self.cause.as_deref());
        text(line, ",\"message\":", &self.message);
        if let Some(detected) = &self.detected {
            text(line, ",\"detected\":", detected);
        }
        line.push(b'}');
    }
}

impl Response {
    fn write(&self, line: &mut Vec<u8>) -> serde_json::Result<()> {
        number(line, ",\"response\":{\"status\":", &self.status)?;
        text(line, ",\"by\":", &self.by);
        number(line, ",\"duration_ms\":", &self.duration_ms)?;
        if let Some(error) = &self.error {
            text(line, ",\"error\":", error);
        }
        if self.slow {
            put(line, ",\"slow\":true");
        }
        if let Some(body) = &self.body {
            text(line, ",\"body\":", body);
        }
        line.push(b'}');
        Ok(())
    }
}

/// `[name, value]`; where the value is not UTF-8, the third item is its bytes in base64 and the second a likeness.
fn headers(line: &mut Vec<u8>, name: &str, headers: &Headers) {
    put(line, name);
    for (at, (name, value)) in headers.iter().enumerate() {
        text(line, if at == 0 { "[[" } else { ",[" }, name);
        if is_text(value) {
            bytes(line, ",", value);
        } else {
            text(line, ",", &String::from_utf8_lossy(value));
            text(line, ",", &STANDARD.encode(value));
        }
        line.push(b']');
    }
    put(line, if headers.is_empty() { "[]" } else { "]" });
}

/// RFC 3339 with microseconds.
fn time(line: &mut Vec<u8>, name: &str, time: Option<Timestamp>) {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    put(line, name);
    let Some(time) = time else { return put(line, "null") };
    line.push(b'"');
    PRINTER.print_timestamp(&time, &mut *line).expect("there is room in memory");
    line.push(b'"');
}

fn number(line: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    put(line, name);
    serde_json::to_writer(line, value)
}

fn text_or_null(line: &mut Vec<u8>, name: &str, value: Option<&str>) {
    let Some(value) = value else {
        put(line, name);
        return put(line, "null");
    };
    text(line, name, value);
}

fn text(line: &mut Vec<u8>, name: &str, value: &str) {
    bytes(line, name, value.as_bytes());
}

/// Writes a text that is given as its bytes, after what stands before it.
fn bytes(line: &mut Vec<u8>, name: &str, mut value: &[u8]) {
    put(line, name);
    line.push(b'"');
    loop {
        let (plain, rest) = value.split_at(plain(value));
        line.extend_from_slice(plain);
        let Some((special, rest)) = rest.split_first() else { break };
        escape(line, *special);
        value = rest;
    }
    line.push(b'"');
}

fn put(line: &mut Vec<u8>, text: &str) {
    line.extend_from_slice(text.as_bytes());
}

/// Whether it is UTF-8. Nearly everything is ASCII, which is found out faster.
fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

/// How many bytes stand in JSON as they are before the first that does not.
fn plain(text: &[u8]) -> usize {
    let (eights, rest) = text.as_chunks();
    for (at, eight) in eights.iter().enumerate() {
        let special = special(u64::from_le_bytes(*eight));
        if special != 0 {
            return at * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let special = rest.iter().position(|byte| matches!(byte, 0..b' ' | b'"' | b'\\'));
    text.len() - rest.len() + special.unwrap_or(rest.len())
}

/// Looks at eight bytes at once: the lowest bit that is set is in the first byte that is a control character, a quote
/// or a backslash (see "Determine if a word has a byte less than n" in Anderson's "Bit Twiddling Hacks").
fn special(eight: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    let less = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than)) & !word;
    let is = |byte: u8| less(eight ^ (EACH * u64::from(byte)), 1);
    (less(eight, b' ') | is(b'"') | is(b'\\')) & (EACH << 7)
}

fn escape(line: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..b' ' => return put(line, &format!("\\u{byte:04x}")),
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
    use crate::capture::Capture;

    fn record(capture: Capture) -> Record {
        let response = Response::new(Some(200), "listen", Duration::from_micros(400));
        Record { seq: 7, capture: Box::new(capture), verdict: Verdict::default(), duplicate: false, response }
    }

    fn capture(headers: Vec<(String, Vec<u8>)>, target: &str, body: Vec<u8>) -> Capture {
        Capture {
            at: Some("2026-03-02T08:15:33.120457Z".parse().unwrap()),
            remote: "127.0.0.1:1".into(),
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
    fn every_field_stands_where_the_contract_has_it() {
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
        record.capture.at = None;
        record.capture.headers = Headers::default();
        record.capture.body = (&b"\xff"[..]).into();
        record.duplicate = true;
        record.verdict = Verdict {
            status: "invalid".into(),
            provider: Some("svix".into()),
            event_type: Some("a.b".into()),
            event_id: Some("1\"".into()),
            cause: Some("secret-mismatch".into()),
            message: "no\n".into(),
            detected: Some("`x`".into()),
        };
        let error = Some("it is down".into());
        record.response = Response { error, slow: true, body: Some("\u{1}é".into()), ..record.response };
        record.response.status = None;
        let value: Value = serde_json::from_str(&written(&record)).unwrap();
        let expected = json!({
            "v": 1, "kind": "request", "seq": 7, "at": null, "remote": "127.0.0.1:1", "method": "POST",
            "target": "/x?y", "headers": [], "body_b64": "/w==", "size": 1,
            "verdict": {
                "status": "invalid", "provider": "svix", "event_type": "a.b", "event_id": "1\"",
                "cause": "secret-mismatch", "message": "no\n", "detected": "`x`",
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
            text(&mut line, "", &value);
            prop_assert_eq!(String::from_utf8(line).unwrap(), serde_json::to_string(&value).unwrap());
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
            prop_assert_eq!(Capture::from_json(line.as_bytes()).unwrap(), capture);
        }
    }
}
