//! A request as a command line that a POSIX shell runs: the same bytes, sent by curl.

use std::fmt::Write as _;

use crate::check::SentRequest;
use crate::http::client::Endpoint;
use crate::sender::PreparedRequest;

/// A longer body would not fit into one argument on Linux (`MAX_ARG_STRLEN`, 128 KiB).
const MAX_ARGUMENT: usize = 100 << 10;

/// Returns the command line of a request of an event, without a line end.
#[must_use]
pub fn to_curl(endpoint: &Endpoint, request: &PreparedRequest) -> String {
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    command("POST", endpoint.url().as_str(), &headers, &request.body)
}

/// Returns the command line of a request of a check, without a line end.
#[must_use]
pub fn curl_command(request: &SentRequest) -> String {
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
    command(&request.method, &request.url, &headers, &request.body)
}

/// Returns the byte that a long body repeats, if it consists of one alone.
fn repeated(body: &[u8]) -> Option<u8> {
    let [first, rest @ ..] = body else { return None };
    (body.len() > MAX_ARGUMENT && *rest == body[..rest.len()]).then_some(*first)
}

fn command<'a>(
    method: &str,
    url: &str,
    headers: &(impl Iterator<Item = (&'a str, &'a [u8])> + Clone),
    body: &[u8],
) -> String {
    let mut command = String::new();
    let repeated = repeated(body);
    let text = if repeated.is_some() { None } else { std::str::from_utf8(body).ok() };
    let text = text.filter(|text| !text.contains('\0'));
    let inline = text.filter(|text| text.len() <= MAX_ARGUMENT);
    if let Some(byte) = repeated {
        let _ = write!(command, "head -c {} /dev/zero | tr '\\0' '\\{byte:03o}' | ", body.len());
    } else if inline.is_none() {
        // `printf` is built into the shell, and has no limit.
        if let Some(text) = text {
            let _ = write!(command, "printf %s {} | ", shell_quote(text));
        } else {
            command.push_str("printf '");
            for byte in body {
                let _ = write!(command, "\\{byte:03o}");
            }
            command.push_str("' | ");
        }
    }
    let method = if method == "HEAD" { "--head".to_owned() } else { format!("-X {method}") };
    let _ = write!(command, "curl -sS {method} {}", shell_quote(url));
    for (name, value) in headers.clone() {
        let value = String::from_utf8_lossy(value);
        // curl sends an empty header only when a semicolon stands for the colon.
        let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        let _ = write!(command, " -H {}", shell_quote(&header));
    }
    if !headers.clone().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) && !body.is_empty() {
        command.push_str(" -H 'content-type:'");
    }
    match inline {
        // A GET has no body.
        Some("") if method != "-X POST" => {}
        Some(text) => {
            let _ = write!(command, " --data-raw {}", shell_quote(text));
        }
        None => command.push_str(" --data-binary @-"),
    }
    command
}

/// Returns a word for the shell; inside single quotes nothing is special but the quote itself.
fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
