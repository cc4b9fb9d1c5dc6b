//! Readers of captured requests, over any bytes.

use whk::capture::{CaptureFormat, CapturedRequest, Reader, parse_http, write_http};

const FORMATS: [CaptureFormat; 6] = [
    CaptureFormat::Auto,
    CaptureFormat::Http,
    CaptureFormat::Curl,
    CaptureFormat::Har,
    CaptureFormat::Json,
    CaptureFormat::JsonLines,
];

/// Reads `data` in every format: it ends, and what is read can be written and read again.
pub fn run(data: &[u8]) {
    for format in FORMATS {
        let mut found = 0;
        for item in Reader::new(data, format) {
            found += 1;
            assert!(found <= data.len() + 1, "{format:?} found more requests than there are bytes");
            match item {
                Ok(captured) => reads_back(captured.capture),
                Err(error) => assert!(!error.to_string().is_empty(), "{format:?} does not say what is wrong"),
            }
        }
    }
}

fn reads_back(capture: CapturedRequest) {
    if !is_expressible(&capture) {
        return;
    }
    let text = write_http(&capture);
    let (again, remarks) = parse_http(&text).unwrap_or_else(|error| panic!("{error}: {capture:?}"));
    assert!(remarks.is_empty(), "{remarks:?}: {capture:?}");
    // When it came and from whom is not in the text.
    let mut expected = CapturedRequest { received_at: None, remote_addr: String::new(), ..capture };
    if expected.headers.text("content-length").is_none() {
        expected.headers.push("content-length", expected.body.len().to_string().as_bytes());
    }
    assert_eq!(again, expected);
}

/// Whether raw HTTP can say all of this request, by RFC 9112.
fn is_expressible(capture: &CapturedRequest) -> bool {
    let header = |(name, value): (&str, &[u8])| {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !name.is_empty() && name.bytes().all(token) && !value.contains(&b'\n') && value.trim_ascii() == value
    };
    let length = |text: &str| text.parse() == Ok(capture.body.len());
    !capture.method.is_empty()
        && capture.method.bytes().all(|byte| byte.is_ascii_uppercase())
        && !capture.target.is_empty()
        && !capture.target.contains('\n')
        && capture.headers.iter().all(header)
        && capture.headers.text("transfer-encoding").is_none()
        && capture.headers.text("content-length").is_none_or(|text| length(&text))
}
