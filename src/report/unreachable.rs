//! The error of a run that never reached the handler.

use crate::error::{Error, ErrorKind};
use crate::http::client::{AttemptError, AttemptErrorKind, Endpoint};
use crate::receiver::DEFAULT_PORT;

/// Returns the error for a handler that no attempt reached, with exit code 3 and a hint what to start or change.
/// `failure` is that of the first attempt.
#[must_use]
pub fn unreachable(endpoint: &Endpoint, failure: &AttemptError) -> Error {
    let host = endpoint.host();
    let error = match failure.kind {
        AttemptErrorKind::PlainHttp | AttemptErrorKind::TlsOnly => Error::new(&failure.message),
        AttemptErrorKind::Handshake => Error::new(format!("cannot connect to {host} over TLS")).cause(&failure.message),
        AttemptErrorKind::Certificate => Error::new(format!("cannot trust {host}")).cause(&failure.message),
        AttemptErrorKind::Unreachable | AttemptErrorKind::NoResponse | AttemptErrorKind::Timeout => {
            Error::new(format!("cannot reach {endpoint}")).cause(&failure.message)
        }
    };
    error.hint(failure.advice(endpoint).unwrap_or_else(|| unreachable_hint(endpoint))).kind(ErrorKind::Unreachable)
}

/// Returns the hint for a handler that is not there.
#[must_use]
pub fn unreachable_hint(endpoint: &Endpoint) -> String {
    let local = matches!(endpoint.url().host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if local && endpoint.has_default_port() && !endpoint.is_https() {
        let host = endpoint.host();
        return format!("no port was given, and 80 is the default; to use another: {host}:3000");
    }
    match endpoint.url().port_or_known_default() {
        Some(DEFAULT_PORT) if local => "start a receiver in another terminal: whk listen".to_owned(),
        Some(port) if local => format!("is your handler running? To stand in for it: whk listen {port}"),
        _ => "check the address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_fits_the_address() {
        for (address, hint) in [
            ("9450", "start a receiver in another terminal: whk listen"),
            ("3000", "is your handler running? To stand in for it: whk listen 3000"),
            ("localhost", "no port was given, and 80 is the default; to use another: localhost:3000"),
            ("https://localhost/", "is your handler running? To stand in for it: whk listen 443"),
            ("example.com", "check the address"),
        ] {
            assert_eq!(unreachable_hint(&address.parse().unwrap()), hint, "{address}");
        }
    }
}
