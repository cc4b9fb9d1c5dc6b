//! The record writer, which is written by hand for its speed: it equals `serde_json` on types that mirror the record,
//! and the reader reads it back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use whk::capture::{CaptureFormat, CapturedRequest, LoggedOutcome, Reader, Record, RecordedResponse, RecordedVerdict};

/// The line of a record, as docs/json.md has it.
#[derive(Serialize)]
struct RecordMirror {
    v: u8,
    kind: &'static str,
    seq: u64,
    at: Option<String>,
    remote: String,
    method: String,
    target: String,
    headers: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_b64: Option<String>,
    size: usize,
    verdict: VerdictMirror,
    duplicate: bool,
    response: ResponseMirror,
}

#[derive(Serialize)]
struct VerdictMirror {
    status: String,
    provider: Option<String>,
    event_type: Option<String>,
    event_id: Option<String>,
    cause: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[derive(Serialize)]
struct ResponseMirror {
    status: Option<u16>,
    by: String,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    slow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Returns the mirror of a record. Every field is named here, so that a new one does not compile until it is mirrored.
fn mirror(record: &Record) -> RecordMirror {
    let Record { seq, capture, verdict, duplicate, response } = record.clone();
    let CapturedRequest { received_at: at, remote_addr: remote, method, target, headers, body } = *capture;
    let RecordedVerdict { status, provider, event_type, event_id, cause, message, detected, note } = verdict;
    let verdict = VerdictMirror {
        status: status.into_owned(),
        provider,
        event_type,
        event_id,
        cause,
        message: message.into_owned(),
        detected,
        note,
    };
    let RecordedResponse { status, responder: by, duration_ms, error, slow, body: response_body } = response;
    let response = ResponseMirror { status, by: by.into_owned(), duration_ms, error, slow, body: response_body };
    let header = |(name, value): (&str, &[u8])| {
        let text = String::from_utf8_lossy(value).into_owned();
        let exact = std::str::from_utf8(value).is_err().then(|| BASE64.encode(value));
        [Some(name.to_owned()), Some(text), exact].into_iter().flatten().collect()
    };
    let text = std::str::from_utf8(&body).ok().map(str::to_owned);
    RecordMirror {
        v: 1,
        kind: "request",
        seq,
        at: at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
        remote,
        method: method.into_owned(),
        target,
        headers: headers.iter().map(header).collect(),
        body_b64: text.is_none().then(|| BASE64.encode(&body)),
        body: text,
        size: body.len(),
        verdict,
        duplicate,
        response,
    }
}

/// Texts with every kind of character that JSON escapes, empty ones and long ones.
fn texts() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        4 => vec(prop::char::range('\0', '\u{7f}'), 0..24).prop_map(String::from_iter),
        2 => vec(any::<char>(), 0..24).prop_map(String::from_iter),
        1 => Just(String::new()),
    ];
    prop_oneof![
        8 => plain.clone(),
        1 => (plain, 1..400_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        texts().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..64),
        // A character that is cut off in the middle.
        texts().prop_map(|text| [text.as_bytes(), "é".as_bytes().split_at(1).0].concat()),
    ]
}

/// Headers with repeated names; values are bytes.
fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name =
        prop_oneof![prop::sample::select(vec!["webhook-id", "Webhook-Id", "x"]).prop_map(str::to_owned), texts()];
    vec((name, bytes()), 0..6)
}

/// Times in the years 0 to 9999, to the nanosecond.
fn times() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_i64..253_402_207_200, 0..1_000_000_000_i32)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
}

fn captures() -> impl Strategy<Value = CapturedRequest> {
    (option::of(times()), texts(), texts(), texts(), headers(), bytes()).prop_map(
        |(at, remote, method, target, headers, body)| {
            let headers = headers.into_iter().collect();
            CapturedRequest {
                received_at: at,
                remote_addr: remote,
                method: method.into(),
                target,
                headers,
                body: body.into(),
            }
        },
    )
}

fn verdicts() -> impl Strategy<Value = RecordedVerdict> {
    let optional = || option::of(texts());
    (texts(), optional(), optional(), optional(), optional(), texts(), optional(), optional()).prop_map(
        |(status, provider, event_type, event_id, cause, message, detected, note)| RecordedVerdict {
            status: status.into(),
            provider,
            event_type,
            event_id,
            cause,
            message: message.into(),
            detected,
            note,
        },
    )
}

fn responses() -> impl Strategy<Value = RecordedResponse> {
    let durations = prop_oneof![
        (0..u64::MAX)
            .prop_map(|bits| f64::from_bits(bits >> 1))
            .prop_filter("JSON has no infinity", |ms| ms.is_finite()),
        (0..10_000_000_u32).prop_map(|micros| f64::from(micros) / 1e3),
    ];
    (option::of(any::<u16>()), texts(), durations, option::of(texts()), any::<bool>(), option::of(texts())).prop_map(
        |(status, by, duration_ms, error, slow, body)| RecordedResponse {
            status,
            responder: by.into(),
            duration_ms,
            error,
            slow,
            body,
        },
    )
}

fn records() -> impl Strategy<Value = Record> {
    (any::<u64>(), captures(), verdicts(), any::<bool>(), responses()).prop_map(
        |(seq, capture, verdict, duplicate, response)| Record {
            seq,
            capture: Box::new(capture),
            verdict,
            duplicate,
            response,
        },
    )
}

fn written(record: &Record) -> String {
    let mut line = Vec::new();
    record.write(&mut line).unwrap();
    String::from_utf8(line).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn a_record_is_written_as_by_serde_json(record in records()) {
        prop_assert_eq!(written(&record), serde_json::to_string(&mirror(&record)).unwrap());
    }

    #[test]
    fn a_record_reads_back_as_it_was_written(record in records()) {
        let line = written(&record);
        let Record { seq, mut capture, verdict, duplicate, response } = record;
        // Times are written to the microsecond.
        capture.received_at = capture.received_at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().parse().unwrap());
        prop_assert_eq!(CapturedRequest::from_json(line.as_bytes()).unwrap(), (*capture).clone());
        prop_assert_eq!(CapturedRequest::from_line(line.as_bytes()).unwrap().unwrap(), (*capture).clone());
        let (read, outcome) = LoggedOutcome::from_line(line.as_bytes()).unwrap().unwrap();
        prop_assert_eq!(&read, &*capture);
        let expected = LoggedOutcome { seq: Some(seq), verdict: Some(verdict), duplicate, response: Some(response) };
        prop_assert_eq!(&outcome, &expected);
        let summary = Reader::new(line.as_bytes(), CaptureFormat::JsonLines).summaries().next().unwrap().unwrap();
        prop_assert_eq!(&summary.outcome, &expected);
        prop_assert_eq!((summary.capture.received_at, &summary.capture.target), (capture.received_at, &capture.target));
        prop_assert!(summary.capture.headers.is_empty() && summary.capture.body.is_empty());
    }
}
