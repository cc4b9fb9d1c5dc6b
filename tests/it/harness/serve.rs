//! A running `whk serve`, and calls of its API.

use serde_json::Value;

use crate::harness::env::{Output, TestEnv, TestProcess};
use crate::harness::http::{Answer, Connection, exchange};

/// The key of every server in tests.
pub(crate) const KEY: &str = "test-key";

/// A `whk serve --json` that accepts requests.
pub(crate) struct ServeProcess {
    running: TestProcess,
    url: String,
}

impl TestEnv {
    /// Starts `whk serve 0 --json` with the key [`KEY`] and more arguments, and waits until it is ready.
    #[track_caller]
    pub(crate) fn serve(&self, more: &[&str]) -> ServeProcess {
        let arguments = [["serve", "0", "--json", "--api-key", KEY].as_slice(), more].concat();
        let running = self.whk(arguments).start();
        let ready = running.wait_for_stdout(|text| text.contains('\n'));
        let ready: Value = serde_json::from_str(ready.lines().next().unwrap()).unwrap();
        assert_eq!(ready["kind"], "ready");
        ServeProcess { running, url: ready["url"].as_str().unwrap().to_owned() }
    }
}

impl ServeProcess {
    /// Its address, such as `http://127.0.0.1:40123`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// Sends a request with these header lines, each of which ends in CRLF, and a body.
    #[track_caller]
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let (address, length) = (self.address(), body.len());
        let host =
            if headers.to_lowercase().contains("host:") { String::new() } else { format!("host: {address}\r\n") };
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\n\r\n{body}");
        exchange(address, request.as_bytes())
    }

    /// Calls the API with the key and a body that it can reject unread.
    #[track_caller]
    pub(crate) fn request_unread(&self, method: &str, path: &str, body: &str) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        Connection::open(self.address()).exchange_unread(request.as_bytes())
    }

    /// Calls the API with the key and a body of text.
    #[track_caller]
    pub(crate) fn call_with(&self, method: &str, path: &str, body: &str) -> Answer {
        self.request(method, path, &format!("authorization: Bearer {KEY}\r\n"), body)
    }

    /// Calls the API with the key; returns the status and the body, which must be JSON.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.call_with(method, path, &body);
        let json = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        (answer.status, json)
    }

    /// Calls the API, which must succeed; returns the body.
    #[track_caller]
    pub(crate) fn succeed(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, json) = self.call(method, path, body);
        assert!((200..300).contains(&status), "{status}: {json}");
        json
    }

    /// The lines of stdout so far, once they are as wanted.
    #[track_caller]
    pub(crate) fn wait_for_lines(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let lines = |text: &str| -> Vec<Value> {
            let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
            complete.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        lines(&self.running.wait_for_stdout(|text| wanted(&lines(text))))
    }

    /// Kills it, as a crash would.
    pub(crate) fn kill(self) {
        self.running.kill();
    }

    /// Ends it with SIGTERM. In what it printed, its address is `[ADDRESS]`.
    #[track_caller]
    pub(crate) fn stop(self) -> Output {
        let address = self.address().to_owned();
        self.running.signal("TERM");
        self.running.end().redact(&address, "[ADDRESS]")
    }
}
