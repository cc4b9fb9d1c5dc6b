//! A request as a command line that a POSIX shell runs: the same bytes, sent by curl.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::capture::{MAX_CURL_ARGUMENT, curl_header, curl_line, curl_path_options, without_curl_headers};
use crate::check::SentRequest;
use crate::http::client::Endpoint;
use crate::output::sanitize;
use crate::sender::PreparedRequest;

/// The longest body of a check that is written out; a longer one is only repeated if it is one byte, many times.
const MAX_WRITTEN: usize = 4 << 20;

/// Returns the command line of a request of an event, without a line end.
#[must_use]
pub fn to_curl(endpoint: &Endpoint, request: &PreparedRequest) -> String {
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    curl_line("POST", endpoint.url().as_str(), &headers, &request.body)
}

/// Returns the command line of a request of a check: one line of characters that a terminal and a report show as they
/// are. Nothing if the body is too long for any command.
#[must_use]
pub fn curl_command(request: &SentRequest) -> Option<String> {
    let SentRequest { method, url, headers, body, .. } = request;
    let mut command = String::new();
    let piped = match std::str::from_utf8(body) {
        Ok(text) if text.len() <= MAX_CURL_ARGUMENT && is_plain(text) => None,
        _ => Some(write_body(body)?),
    };
    if let Some(written) = &piped {
        let _ = write!(command, "{written} | ");
    }
    let option = if method == "HEAD" { "--head".to_owned() } else { format!("-X {method}") };
    let _ = write!(command, "curl -sS {option}{} {}", curl_path_options(url), shell_quote(&sanitize(url)));
    for (name, value) in headers {
        let header = curl_header(name, value);
        match std::str::from_utf8(&header) {
            Ok(text) if is_plain(text) => {
                let _ = write!(command, " -H {}", shell_quote(text));
            }
            _ => {
                let _ = write!(command, " -H \"$({})\"", printf(&header));
            }
        }
    }
    let has = |name: &str| headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
    command.push_str(&without_curl_headers(has, !body.is_empty(), body.len()));
    match (piped, std::str::from_utf8(body)) {
        (None, Ok(text)) if !text.is_empty() || method == "POST" => {
            let _ = write!(command, " --data-raw {}", shell_quote(text));
        }
        (None, _) => {}
        (Some(_), _) => command.push_str(" --data-binary @-"),
    }
    Some(command)
}

/// Shows whether a text has only characters that are shown as they are.
fn is_plain(text: &str) -> bool {
    matches!(sanitize(text), Cow::Borrowed(_))
}

/// Returns a command that writes a body to stdout.
fn write_body(body: &[u8]) -> Option<String> {
    if body.len() <= MAX_WRITTEN {
        // `printf` is built into the shell, and has no limit.
        return Some(printf(body));
    }
    let first = *body.first()?;
    body.iter()
        .all(|byte| *byte == first)
        .then(|| format!("head -c {} /dev/zero | tr '\\000' '\\{first:03o}'", body.len()))
}

/// Returns a command that writes these bytes, with all that is not plain text in octal.
fn printf(bytes: &[u8]) -> String {
    let mut format = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' => format.push_str("%%"),
                '\\' => format.push_str("\\\\"),
                '\'' => format.push_str("'\\''"),
                c if is_plain(c.encode_utf8(&mut [0; 4])) => format.push(c),
                c => octal(&mut format, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        octal(&mut format, chunk.invalid());
    }
    // A format that begins with a dash is no option.
    format!("printf -- '{format}'")
}

fn octal(format: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(format, "\\{byte:03o}");
    }
}

/// Returns a word for the shell; inside single quotes nothing is special but the quote itself.
pub(super) fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
