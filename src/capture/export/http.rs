//! A record as a raw HTTP request, with comments above it for the facts that HTTP cannot hold.

use super::super::request_comments::RequestComments;
use super::{ExportedRecord, title, unwritable_headers};
use crate::capture::CapturedRequest;

/// Writes a record; an error is the reason why it cannot be written.
pub(super) fn write(record: &ExportedRecord<'_>, to: &mut Vec<u8>) -> Result<(), String> {
    let capture = record.capture;
    if let Some(why) = unwritable_headers(capture) {
        return Err(why);
    }
    if capture.method.is_empty() || !capture.method.bytes().all(super::super::raw_http::is_token) {
        return Err("its method is not possible in HTTP".to_owned());
    }
    if capture.target.is_empty() || capture.target.contains(['\n', '\r']) {
        return Err("its target is not possible in HTTP".to_owned());
    }
    let comments = RequestComments {
        received_at: capture.received_at,
        target: None,
        body_bytes: (!headers_give_length(capture)).then_some(capture.body.len()),
    };
    comments.write(&title(record), to);
    to.extend_from_slice(format!("{} {} HTTP/1.1\r\n", capture.method, capture.target).as_bytes());
    for (name, value) in capture.headers.iter() {
        to.extend_from_slice(name.as_bytes());
        to.extend_from_slice(b": ");
        to.extend_from_slice(value);
        to.extend_from_slice(b"\r\n");
    }
    to.extend_from_slice(b"\r\n");
    to.extend_from_slice(&capture.body);
    Ok(())
}

/// True if a reader finds the end of the body by the headers alone.
fn headers_give_length(capture: &CapturedRequest) -> bool {
    let mut lengths = capture.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let is_length = lengths.next().is_some_and(|(_, value)| value == capture.body.len().to_string().as_bytes());
    is_length && lengths.next().is_none() && capture.headers.text("transfer-encoding").is_none()
}
