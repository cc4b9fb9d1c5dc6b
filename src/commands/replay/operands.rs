//! The log and the URL of a replay, from the two operands of the command line, the environment and the config.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::CommandContext;
use super::super::default_log::find_default_log;
use crate::cli::ReplayArgs;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;

/// The log that is replayed, and the URL that it is sent to.
#[derive(Clone, Debug)]
pub(super) struct Operands {
    /// A file, or `-` for stdin.
    pub(super) log: PathBuf,
    pub(super) url: Endpoint,
}

impl Operands {
    /// Reads the operands. A single one that is not a file and reads as an address is the URL of the default log.
    ///
    /// # Errors
    /// The log is missing, an operand is not an address, or nothing names a URL.
    pub(super) fn read(context: &CommandContext, flags: &ReplayArgs) -> Result<Self> {
        let (log, url) = match (&flags.log, &flags.url) {
            (Some(log), Some(url)) => (Some(log.as_path()), Some(both(log, url)?)),
            (Some(only), None) => match only.to_str().filter(|text| looks_like_address(text) && !is_there(only)) {
                Some(text) => (None, Some(text.parse().map_err(|error: String| neither(only).cause(error))?)),
                None => (Some(only.as_path()), None),
            },
            (None, _) => (None, None),
        };
        if let Some(log) = log {
            find(log)?;
        }
        let url = context.config.target(url)?.ok_or_else(|| no_url(log))?;
        let log = match log {
            Some(log) => log.to_owned(),
            None => find_default_log(context)?,
        };
        Ok(Self { log, url })
    }
}

/// Reads the second of two operands; rejects operands in the wrong order.
fn both(log: &Path, url: &str) -> Result<Endpoint> {
    let is_url = log.to_str().filter(|text| looks_like_address(text) && !is_there(log));
    if let Some(first) = is_url {
        return Err(if is_there(Path::new(url)) {
            Error::new("the log comes before the URL").hint(format!("whk replay {url} {first}"))
        } else {
            missing(log).hint(format!("to replay the default log to {first}: whk replay {first}"))
        });
    }
    url.parse().map_err(|error: String| Error::new(error))
}

/// Checks that the log exists. This comes first: a typo in its name explains most other errors.
fn find(log: &Path) -> Result {
    if is_there(log) {
        return Ok(());
    }
    let text = log.display().to_string();
    Err(match text.parse::<Endpoint>() {
        // A host without a port could also be a file name.
        Ok(url) if !text.starts_with(['/', '.']) && text.contains(['.', '/']) && !text.ends_with("jsonl") => {
            missing(log).hint(format!("if it is an address: whk replay {url}"))
        }
        _ => missing(log),
    })
}

/// True for stdin and for a path that exists. A path that cannot be examined fails when it is opened.
fn is_there(path: &Path) -> bool {
    path.as_os_str() == "-" || !fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// True for text that is an address rather than the name of a missing file: it has a port or a scheme, or is
/// `localhost`.
fn looks_like_address(text: &str) -> bool {
    let ends_host = |c: char| matches!(c, '/' | '?');
    let is_port = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let place = text.split(ends_host).next().unwrap_or_default();
    let port = place.rsplit_once(':').map_or(place, |(_, port)| port);
    text.contains("://") || is_port(port) || place == "localhost"
}

fn missing(log: &Path) -> Error {
    Error::new(format!("cannot read {}", log.display())).cause("there is no such file")
}

fn neither(text: &Path) -> Error {
    Error::new(format!("`{}` is neither a log nor a URL", text.display()))
}

/// The usage error if nothing names a URL. There is no default: at the address of `whk listen`, the log would come back
/// to the listener that wrote it.
fn no_url(log: Option<&Path>) -> Error {
    let error = Error::new("no URL to replay to");
    let names = "neither an argument, nor WHK_URL, nor `url` in [send] of whk.toml names one";
    match log.and_then(Path::to_str) {
        Some(text) if looks_like_address(text) => {
            let port = text.trim_start_matches(':');
            error
                .cause(format!("`{text}` is a file here, so it is the log"))
                .hint(format!("to replay the default log to that address: whk replay http://127.0.0.1:{port}"))
        }
        Some(text) => error.cause(names).hint(format!("whk replay {text} 3000")),
        None => error.cause(names).hint("whk replay 3000"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_or_a_scheme() {
        for text in ["3000", ":3000/x", "3000/x", "localhost", "localhost:3000/x", "https://example.com", "[::1]:80"] {
            assert!(looks_like_address(text), "{text}");
        }
        for text in ["events.jsonl", "logs/3000", "/tmp/x:1", "", ":", "example.com", "C:\\log", "a:b"] {
            assert!(!looks_like_address(text), "{text}");
        }
    }
}
