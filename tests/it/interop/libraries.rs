//! The published Standard Webhooks libraries: a handler and a signer over each of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::{Webhook, WebhookError};

use super::signed::{self, Signed};

/// A published library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    JavaScript,
    Python,
    Rust,
}

/// How a library is given a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The key itself, as `AhaSend` means it: each library has a constructor of its own for that.
    Raw,
    /// `whsec_` and base64, for the constructor that everybody uses.
    Stock,
}

/// What a library is to sign.
pub(super) struct Order<'a> {
    pub(super) secret: &'a str,
    pub(super) form: Form,
    pub(super) id: &'a str,
    pub(super) timestamp: i64,
    pub(super) body: &'a [u8],
}

/// A handler that runs until this is dropped.
pub(super) struct TestHandler {
    pub(super) library: Library,
    pub(super) port: u16,
    process: Option<Child>,
}

impl Library {
    pub(crate) const ALL: [Self; 3] = [Self::JavaScript, Self::Python, Self::Rust];

    /// Starts a handler over the library. It answers 200, 400, or 422 to a body that is not UTF-8.
    pub(super) fn handler(self, secret: &str, form: Form) -> TestHandler {
        if self == Self::Rust {
            return TestHandler { library: self, port: serve(webhook(secret, form)), process: None };
        }
        let mut command = self.script("handler");
        command.env("WEBHOOK_SECRET", secret).env("WEBHOOK_FORMAT", form.name());
        // The handler ends when its stdin closes, so that stays open as long as this does.
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{self:?} did not start: {line:?}"));
        let port = u16::try_from(ready["port"].as_u64().unwrap()).unwrap();
        TestHandler { library: self, port, process: Some(process) }
    }

    /// Signs everything in one run: the headers of each, or the library's refusal.
    pub(super) fn sign(self, orders: &[Order<'_>]) -> Vec<Result<Signed, String>> {
        if self == Self::Rust {
            return orders.iter().map(|order| sign(order).map_err(|error| error.to_string())).collect();
        }
        let lines = orders.iter().map(|order| {
            json!({
                "secret": order.secret,
                "format": order.form.name(),
                "id": order.id,
                "timestamp": order.timestamp,
                "body_b64": STANDARD.encode(order.body),
            })
        });
        let answers = self.ask("sign", lines);
        orders.iter().zip(&answers).map(|(order, answer)| read_answer(order, answer)).collect()
    }

    /// Gives a script of the library its orders, a line each; what it answers to each of them.
    pub(crate) fn ask(self, script: &str, orders: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut process = self.script(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = process.stdin.take().unwrap();
        let mut count = 0;
        for order in orders {
            writeln!(input, "{order}").unwrap();
            count += 1;
        }
        drop(input);
        let output = process.wait_with_output().unwrap();
        let answers: Vec<Value> =
            output.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        assert_eq!(answers.len(), count, "{self:?} answers each order");
        answers
    }

    fn script(self, name: &str) -> Command {
        let (program, folder, extension) = match self {
            Self::JavaScript => ("WHK_INTEROP_NODE", "WHK_INTEROP_NODE_DIR", "mjs"),
            Self::Python => ("WHK_INTEROP_PYTHON", "WHK_INTEROP_PYTHON_DIR", "py"),
            Self::Rust => unreachable!("it is linked"),
        };
        let mut command = Command::new(setting(program));
        command.arg(format!("{}/{name}.{extension}", setting(folder)));
        command
    }
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Stock => "base64",
        }
    }
}

impl Drop for TestHandler {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // `wait` closes the handler's stdin first.
            let _ = process.wait();
        }
    }
}

/// Fails where `tests/run` has not said where the libraries are: without them nothing would be tested.
pub(crate) fn require() {
    for name in ["WHK_INTEROP_NODE", "WHK_INTEROP_NODE_DIR", "WHK_INTEROP_PYTHON", "WHK_INTEROP_PYTHON_DIR"] {
        setting(name);
    }
}

/// A variable that `tests/run` sets.
pub(super) fn setting(name: &str) -> String {
    whk::environment::var(name).unwrap_or_else(|| panic!("`{name}` is not set; hint: tests/run"))
}

fn read_answer(order: &Order<'_>, answer: &Value) -> Result<Signed, String> {
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(Signed { headers: signed::pairs(&answer["headers"]), body: order.body.to_vec() }),
    }
}

fn webhook(secret: &str, form: Form) -> Webhook {
    match form {
        Form::Raw => Webhook::from_bytes(secret.into()),
        Form::Stock => Webhook::new(secret),
    }
    .unwrap()
}

fn sign(order: &Order<'_>) -> Result<Signed, WebhookError> {
    let signature = webhook(order.secret, order.form).sign(order.id, order.timestamp, order.body)?;
    let headers = [
        ("webhook-id", order.id.to_owned()),
        ("webhook-timestamp", order.timestamp.to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Signed { headers, body: order.body.to_vec() })
}

/// The Rust handler, on a thread that ends with the tests.
fn serve(webhook: Webhook) -> u16 {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in socket.incoming() {
            answer(&webhook, stream.unwrap());
        }
    });
    port
}

fn answer(webhook: &Webhook, mut stream: TcpStream) {
    let request = signed::read_request(&mut stream);
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let (status, text) = match webhook.verify(&request.body, &headers) {
        Ok(()) => ("200 OK", "OK"),
        // The library looks at the text of a body, not at its bytes.
        Err(WebhookError::InvalidPayload) => ("422 Unprocessable Content", "not UTF-8"),
        Err(_) => ("400 Bad Request", "Invalid signature"),
    };
    let length = text.len();
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}").unwrap();
}
