//! The error of a run that never reached the handler.

use crate::cli::DEFAULT_PORT;
use crate::deliver::Endpoint;
use crate::error::{Error, Exit};

/// Returns the error for a handler that no attempt reached, with exit code 3 and a hint what to start or change.
pub(super) fn unreachable(endpoint: &Endpoint, reason: &str) -> Error {
    Error::new(format!("cannot reach {endpoint}"))
        .cause(reason)
        .hint(what_to_start(endpoint, reason))
        .exit(Exit::Unreachable)
}

/// The hint for a handler that is not there.
pub(super) fn what_to_start(endpoint: &Endpoint, reason: &str) -> String {
    let local = matches!(endpoint.url().host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if endpoint.is_https() && reason.to_lowercase().contains("certificate") {
        return "to skip certificate checks, add -k".to_owned();
    }
    match endpoint.url().port_or_known_default() {
        Some(DEFAULT_PORT) if local => "start a receiver in another terminal: whk listen".to_owned(),
        Some(port) if local => format!("is your handler running? To stand in for it: whk listen {port}"),
        _ => "check the address".to_owned(),
    }
}
