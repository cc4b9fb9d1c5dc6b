//! A request as a command line: the same bytes, sent by curl.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::request_comments::RequestComments;
use super::{ExportedRecord, title, unwritable_headers};
use crate::capture::CapturedRequest;
use crate::sanitize::sanitize;

/// From this size on, curl would ask for permission to send a body.
const ASKS_FIRST: usize = 1 << 20;

/// The longest body that is one argument. A longer one would not fit on Linux (`MAX_ARG_STRLEN`, 128 KiB).
pub const MAX_CURL_ARGUMENT: usize = 100 << 10;

/// The address of a request without a usable `host`: that of `whk listen`.
const DEFAULT_HOST: &str = "127.0.0.1:9450";

/// Writes a record as a command with comments above it; an error is the reason why it cannot be written.
pub(super) fn write(record: &ExportedRecord<'_>, to: &mut Vec<u8>) -> Result<(), String> {
    let capture = record.capture;
    if let Some(why) = unwritable_headers(capture) {
        return Err(why);
    }
    if capture.method.is_empty() || capture.method.contains('\0') || capture.target.contains('\0') {
        return Err("its method or its target is not possible in a command".to_owned());
    }
    let (url, request_target) = address(capture);
    let is_known = url == capture.target || request_target.is_some();
    let comments = RequestComments {
        received_at: capture.received_at,
        target: (!is_known).then(|| capture.target.clone()),
        body_bytes: None,
    };
    comments.write(&title(record), to);
    // curl writes the length itself, also after the body was edited.
    let headers = capture.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let headers: Vec<(&str, &[u8])> = headers.collect();
    let command = command(&capture.method, &url, request_target, &headers, &capture.body);
    to.extend_from_slice(command.as_bytes());
    Ok(())
}

/// Returns the URL, and the request target if no URL gives it.
fn address(capture: &CapturedRequest) -> (String, Option<&str>) {
    let target = capture.target.as_str();
    if target.contains("://") && !target.starts_with('/') {
        return (target.to_owned(), None);
    }
    let base = base_url(capture);
    // curl removes a fragment, and rejects or encodes these characters.
    let is_path = target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if is_path { (format!("{base}{target}"), None) } else { (format!("{base}/"), Some(target)) }
}

/// Returns the scheme and the host that the sender used, as far as the headers show them.
pub(super) fn base_url(capture: &CapturedRequest) -> String {
    let is_host = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    let host = capture.headers.text("host").filter(|host| is_host(host)).unwrap_or(Cow::Borrowed(DEFAULT_HOST));
    let is_secure =
        capture.headers.text("x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

/// Returns the command line of a request, without a line end. Bodies that are long or not plain text are written by
/// `printf`, so that every shell runs it; only headers that are not plain text need bash or zsh.
#[must_use]
pub fn curl_line(method: &str, url: &str, headers: &[(&str, &[u8])], body: &[u8]) -> String {
    command(method, url, None, headers, body)
}

fn command(method: &str, url: &str, request_target: Option<&str>, headers: &[(&str, &[u8])], body: &[u8]) -> String {
    let mut command = String::new();
    let argument = std::str::from_utf8(body).ok().filter(|text| text.len() <= MAX_CURL_ARGUMENT && is_plain(text));
    if argument.is_none() {
        let _ = write!(command, "printf '{}' | ", printf_format(body));
    }
    let option = match method {
        "HEAD" if body.is_empty() => "--head".to_owned(),
        method if method.bytes().all(|byte| byte.is_ascii_alphanumeric()) => format!("-X {method}"),
        method => format!("-X {}", shell_word(method.as_bytes())),
    };
    let _ = write!(command, "curl -sS {option}{}", curl_path_options(url));
    if let Some(target) = request_target {
        let _ = write!(command, " --request-target {}", shell_word(target.as_bytes()));
    }
    let _ = write!(command, " {}", shell_word(url.as_bytes()));
    for (name, value) in headers {
        let _ = write!(command, " -H {}", shell_word(&curl_header(name, value)));
    }
    let has = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    // Of these, only a POST without a body has a length.
    let has_data = !body.is_empty() || method == "POST";
    command.push_str(&without_curl_headers(has, has_data, body.len()));
    match argument {
        Some(text) if has_data => {
            let _ = write!(command, " --data-raw {}", shell_word(text.as_bytes()));
        }
        Some(_) => {}
        None => command.push_str(" --data-binary @-"),
    }
    command
}

/// Returns the options with which curl sends the path of a URL as it is written: it reads brackets as patterns, and
/// removes dots.
#[must_use]
pub fn curl_path_options(url: &str) -> String {
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let mut options = String::new();
    if path.contains(['{', '}', '[', ']']) {
        options.push_str(" -g");
    }
    if path.starts_with('.') || path.contains("/.") {
        options.push_str(" --path-as-is");
    }
    options
}

/// Returns a header as `-H` takes it: curl sends an empty one only when a semicolon stands for the colon.
#[must_use]
pub fn curl_header(name: &str, value: &[u8]) -> Vec<u8> {
    if value.is_empty() { format!("{name};").into_bytes() } else { [name.as_bytes(), b": ", value].concat() }
}

/// Returns the options that keep curl from adding headers which the request does not have.
#[must_use]
pub fn without_curl_headers(has: impl Fn(&str) -> bool, has_data: bool, length: usize) -> String {
    let mut options = String::new();
    if has_data && !has("content-type") {
        options.push_str(" -H 'content-type:'");
    }
    if length >= ASKS_FIRST && !has("expect") {
        options.push_str(" -H 'expect:'");
    }
    options
}

/// True if a text has only characters that are shown as they are, or line ends.
fn is_plain(text: &str) -> bool {
    text.split('\n').all(|line| matches!(sanitize(line), Cow::Borrowed(_)))
}

/// Returns a word for the shell: inside single quotes nothing is special but the quote itself; what is not plain text
/// needs `$'…'`.
fn shell_word(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && is_plain(text)
    {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut word = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => word.extend(['\\', c]),
                c => push_plain_or_octal(&mut word, c),
            }
        }
        push_octal(&mut word, chunk.invalid());
    }
    word.push('\'');
    word
}

/// Returns the format with which `printf` writes these bytes, for single quotes.
fn printf_format(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len());
    for (index, chunk) in bytes.utf8_chunks().enumerate() {
        for (at, c) in chunk.valid().char_indices() {
            match c {
                '%' => format.push_str("%%"),
                '\\' => format.push_str("\\\\"),
                '\'' => format.push_str("'\\''"),
                // A format that begins with a dash would be an option.
                '-' if index == 0 && at == 0 => push_octal(&mut format, b"-"),
                c => push_plain_or_octal(&mut format, c),
            }
        }
        push_octal(&mut format, chunk.invalid());
    }
    format
}

fn push_plain_or_octal(text: &mut String, c: char) {
    let mut utf8 = [0; 4];
    let utf8 = c.encode_utf8(&mut utf8);
    if c.is_ascii_graphic() || c == ' ' || (!c.is_ascii() && is_plain(utf8)) {
        text.push(c);
    } else {
        push_octal(text, utf8.as_bytes());
    }
}

/// Appends bytes as `\377`; three digits each, so that a digit after them is not read as one more.
fn push_octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\{byte:03o}");
    }
}
