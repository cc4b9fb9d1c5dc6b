//! The handlers that `whk check` is tested against: the correct ones accept every event and reject every fault.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use whk::provider::Catalog;

use crate::guides::setting;
use crate::harness::env::TestEnv;

const PROVIDERS: [&str; 4] = ["ahasend", "aisend", "autosend", "selfmx"];

/// A handler of `tests/interop/check`, which stops when this is dropped.
pub(crate) struct CheckHandler {
    process: Child,
    url: String,
    secret: String,
}

impl CheckHandler {
    fn start(language: &str, provider: &str) -> Self {
        Self::start_flawed(language, provider, "none")
    }

    /// Starts a handler with one flaw.
    pub(crate) fn start_flawed(language: &str, provider: &str, flaw: &str) -> Self {
        let (program, file) = match language {
            "node" => ("WHK_INTEROP_NODE", "handler.mjs"),
            _ => ("WHK_INTEROP_PYTHON", "handler.py"),
        };
        let catalog = Catalog::default().load(&provider.parse().unwrap()).unwrap();
        let secret = catalog.new_secret().unwrap().expose_secret().to_owned();
        let mut process = Command::new(setting(program))
            .arg(format!("{}/tests/interop/check/{file}", env!("CARGO_MANIFEST_DIR")))
            .args([format!("PROVIDER={provider}"), "PORT=0".to_owned(), "STOP_WITH_STDIN=1".to_owned()])
            .arg(format!("FLAW={flaw}"))
            .env("WHK_SECRET", &secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("listening on ");
        let url =
            format!("http://127.0.0.1:{}/hooks", port.unwrap_or_else(|| panic!("{file} did not start: {line:?}")));
        Self { process, url, secret }
    }
}

impl CheckHandler {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl Drop for CheckHandler {
    fn drop(&mut self) {
        // `wait` closes the handler's stdin first.
        let _ = self.process.wait();
    }
}

fn is_correct(language: &str) {
    let env = TestEnv::new();
    for provider in PROVIDERS {
        let handler = CheckHandler::start(language, provider);
        let flags = ["--type", "all", "--seed", "7", "-p", provider, "-s", &handler.secret];
        for more in [&[][..], &["--body-style", "spaced"], &["--body-style", "escaped"], &["--fault", "all"]] {
            env.send(&handler.url, &[flags.as_slice(), more].concat()).assert_exit(0);
        }
    }
}

#[test]
fn the_correct_node_handlers_accept_events_and_reject_faults() {
    is_correct("node");
}

#[test]
fn the_correct_python_handlers_accept_events_and_reject_faults() {
    is_correct("python");
}
