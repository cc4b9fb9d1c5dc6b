//! A request that is printed instead of sent: as HTTP, as a curl command, or as JSON.

use serde::Serialize;

use super::curl::to_curl;
use crate::capture::{CapturedRequest, Headers, write_http};
use crate::error::Result;
use crate::http::client::Endpoint;
use crate::output::{Output, sanitize};
use crate::sender::{Mutation, PreparedRequest};

/// The form of a printed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestForm {
    /// The request as it goes over the wire.
    Http,
    /// A command line that sends it.
    Curl,
    /// A line of JSON.
    Json,
}

/// Returns the line above each of several requests on a terminal: `# 2 of 3  message.bounced`.
#[must_use]
pub fn request_heading(number: u64, total: u64, request: &PreparedRequest, output: Output) -> String {
    let gap = if number == 1 { "" } else { "\n" };
    let mut text = format!("# {number} of {total}");
    for part in [request.event_type.as_deref(), request.mutation.map(Mutation::name)].into_iter().flatten() {
        text.push_str("  ");
        text.push_str(&sanitize(part));
    }
    format!("{gap}{}\n", output.style.faint(&text))
}

#[derive(Serialize)]
struct RequestLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    event_type: Option<&'a str>,
    event_id: &'a str,
    url: &'a str,
    method: &'static str,
    target: String,
    headers: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_b64: Option<String>,
    size: usize,
}

/// Prints a request instead of sending it.
///
/// # Errors
/// Stdout cannot be written.
pub fn print_request(output: Output, endpoint: &Endpoint, request: &PreparedRequest, form: RequestForm) -> Result {
    use base64::Engine as _;
    let endpoint = &request.endpoint(endpoint);
    let url = endpoint.to_string();
    let form = if output.json { RequestForm::Json } else { form };
    match form {
        RequestForm::Http => {
            let mut headers: Headers = [("host", endpoint.host())].into_iter().collect();
            for (name, value) in &request.headers {
                headers.push(name, value.as_bytes());
            }
            let mut text = write_http(&CapturedRequest {
                received_at: None,
                remote_addr: String::new(),
                method: "POST".into(),
                target: endpoint.target(),
                headers,
                body: request.body.clone(),
            });
            if Output::is_terminal() {
                text.push(b'\n');
            }
            output.write_stdout(&text)
        }
        RequestForm::Curl => output.write_stdout(format!("{}\n", to_curl(endpoint, request)).as_bytes()),
        RequestForm::Json => {
            let text = std::str::from_utf8(&request.body).ok();
            let line = RequestLine {
                v: 1,
                kind: "request",
                at: format!("{:.6}", request.built_at),
                event_type: request.event_type.as_deref(),
                event_id: &request.event_id,
                url: &url,
                method: "POST",
                target: endpoint.target(),
                headers: &request.headers,
                body: text,
                body_b64: text.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(&request.body)),
                size: request.body.len(),
            };
            Output { json: true, ..output }.print_json(&line)
        }
    }
}
