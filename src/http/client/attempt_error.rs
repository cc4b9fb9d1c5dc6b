//! The reasons why an attempt got no response, in words.

use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};

use super::Endpoint;
use crate::error::without_os_code;

/// The reason why an attempt got no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptError {
    /// The kind, which a hint depends on.
    pub kind: AttemptErrorKind,
    /// The reason in one sentence.
    pub message: String,
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptErrorKind {
    /// Nothing accepts connections at the address, or its host is unknown.
    Unreachable,
    /// The address is https, and the handler speaks plain http.
    PlainHttp,
    /// The address is http, and the handler speaks https.
    TlsOnly,
    /// The TLS handshake failed.
    Handshake,
    /// The handler's certificate is not trusted.
    Certificate,
    /// The handler was reached, and gave no usable response.
    NoResponse,
    /// There was no complete response in time.
    Timeout,
}

impl AttemptError {
    /// Makes an error of this kind; an error of the system in the message loses its number.
    #[must_use]
    pub fn new(kind: AttemptErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: without_os_code(message.into()) }
    }

    /// True if no request can have reached the handler.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        !matches!(self.kind, AttemptErrorKind::NoResponse | AttemptErrorKind::Timeout)
    }

    /// Returns the change of the address that would help, for people.
    #[must_use]
    pub fn advice(&self, endpoint: &Endpoint) -> Option<String> {
        match self.kind {
            AttemptErrorKind::PlainHttp => Some(format!("use {}", endpoint.with_scheme("http"))),
            AttemptErrorKind::TlsOnly => Some(format!("use {}", endpoint.with_scheme("https"))),
            AttemptErrorKind::Handshake => Some(format!("if it speaks plain http: {}", endpoint.with_scheme("http"))),
            AttemptErrorKind::Certificate => Some("to skip certificate checks, add -k".to_owned()),
            AttemptErrorKind::Unreachable | AttemptErrorKind::NoResponse | AttemptErrorKind::Timeout => None,
        }
    }

    pub(super) fn no_response(message: impl Into<String>) -> Self {
        Self::new(AttemptErrorKind::NoResponse, message)
    }

    pub(super) fn tls_only(endpoint: &Endpoint) -> Self {
        Self::new(AttemptErrorKind::TlsOnly, format!("{} speaks https, not http", endpoint.host()))
    }

    /// Describes the failure of a TLS handshake.
    pub(super) fn of_handshake(endpoint: &Endpoint, error: &io::Error) -> Self {
        let host = endpoint.url().host_str().unwrap_or_default();
        let failed =
            |reason: &str| Self::new(AttemptErrorKind::Handshake, format!("the TLS handshake failed: {reason}"));
        match error.get_ref().and_then(|error| error.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) => {
                Self::new(AttemptErrorKind::PlainHttp, format!("{} does not speak https", endpoint.host()))
            }
            Some(TlsError::InvalidCertificate(error)) => {
                Self::new(AttemptErrorKind::Certificate, format!("its TLS certificate is {}", certificate(error, host)))
            }
            Some(TlsError::AlertReceived(alert)) => failed(&alert_in_words(*alert)),
            Some(TlsError::PeerIncompatible(_)) => failed("there is no TLS version and cipher that both sides know"),
            Some(_) => failed("the other side does not follow the protocol"),
            None if error.kind() == io::ErrorKind::UnexpectedEof => failed("the connection was closed"),
            None => failed(&describe_io_error(error)),
        }
    }
}

/// Returns the end of a sentence about a certificate that is not trusted.
fn certificate(error: &CertificateError, host: &str) -> String {
    match error {
        // A certificate that is its own authority.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => "self-signed".to_owned(),
        CertificateError::UnknownIssuer => "self-signed or from an unknown authority".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not valid yet".to_owned(),
        CertificateError::Revoked => "revoked".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("not valid for the host `{host}`")
        }
        _ => "not valid".to_owned(),
    }
}

/// Returns the name of an alert as words: `HandshakeFailure` is a handshake failure.
fn alert_in_words(alert: AlertDescription) -> String {
    let name = alert.as_str().unwrap_or("an unknown reason");
    let mut words = String::from("the other side ended it with: ");
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

pub(super) fn unknown_host(host: &str, error: &io::Error) -> AttemptError {
    let reason = describe_io_error(error);
    let reason = reason.strip_prefix("failed to lookup address information: ").unwrap_or(&reason);
    AttemptError::new(AttemptErrorKind::Unreachable, format!("cannot look up the host `{host}`: {reason}"))
}

/// Returns the message of a system error: lower case, and without its number.
pub(super) fn describe_io_error(error: &io::Error) -> String {
    let text = without_os_code(error.to_string());
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(error: TlsError) -> AttemptError {
        let endpoint = "https://localhost:3000/x".parse().unwrap();
        AttemptError::of_handshake(&endpoint, &io::Error::other(error))
    }

    #[test]
    fn no_failure_of_tls_is_told_in_the_terms_of_a_library() {
        for (error, kind, message) in [
            (
                TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
                AttemptErrorKind::PlainHttp,
                "localhost:3000 does not speak https",
            ),
            (
                TlsError::InvalidCertificate(CertificateError::UnknownIssuer),
                AttemptErrorKind::Certificate,
                "its TLS certificate is self-signed or from an unknown authority",
            ),
            (
                TlsError::InvalidCertificate(CertificateError::Expired),
                AttemptErrorKind::Certificate,
                "its TLS certificate is expired",
            ),
            (
                TlsError::InvalidCertificate(CertificateError::NotValidForName),
                AttemptErrorKind::Certificate,
                "its TLS certificate is not valid for the host `localhost`",
            ),
            (
                TlsError::InvalidCertificate(CertificateError::BadEncoding),
                AttemptErrorKind::Certificate,
                "its TLS certificate is not valid",
            ),
            (
                TlsError::AlertReceived(AlertDescription::HandshakeFailure),
                AttemptErrorKind::Handshake,
                "the TLS handshake failed: the other side ended it with: handshake failure",
            ),
            (
                TlsError::General("x".into()),
                AttemptErrorKind::Handshake,
                "the TLS handshake failed: the other side does not follow the protocol",
            ),
        ] {
            assert_eq!(handshake(error), AttemptError::new(kind, message));
        }
    }
}
