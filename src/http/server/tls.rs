//! TLS of the server: loads a certificate, or generates a self-signed one.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// The lifetime of a generated certificate: the maximum that Apple's systems accept.
const VALIDITY_DAYS: u64 = 825;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Returns the configuration with a certificate chain and its key, both in PEM.
///
/// # Errors
/// A file cannot be read, or they do not fit together.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let cannot = |label: &str, path: &Path| Error::new(format!("cannot use the {label} in {}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| cannot("certificate", certificate).cause(error))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| cannot("key", key).cause(error))?;
    if chain.is_empty() {
        return Err(cannot("certificate", certificate).cause("no certificate in it; expected PEM"));
    }
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new("cannot set up TLS").cause(error))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| cannot("certificate and key", certificate).cause(error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Reads the first certificate of a file in PEM.
pub fn first_certificate(path: &Path) -> Result<CertificateDer<'static>> {
    let cannot = |error| Error::new(format!("cannot read the certificate in {}", path.display())).cause(error);
    CertificateDer::from_pem_file(path).map_err(cannot)
}

/// True if a certificate is valid for all these names, today and tomorrow.
#[must_use]
pub fn is_valid_for(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
    let mut roots = RootCertStore::empty();
    if roots.add(certificate.clone().into_owned()).is_err() {
        return false;
    }
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build() else {
        return false;
    };
    let now = u64::try_from(Clock::System.now().as_second()).unwrap_or_default();
    let tomorrow = UnixTime::since_unix_epoch(Duration::from_secs(now) + DAY);
    names.iter().all(|name| {
        ServerName::try_from(name.as_str())
            .is_ok_and(|name| verifier.verify_server_cert(certificate, &[], &name, &[], tomorrow).is_ok())
    })
}

/// Returns a new key with its certificate, in PEM.
pub fn generate_self_signed(names: &[String]) -> Result<String> {
    let cannot = |error| Error::new("cannot generate a certificate").cause(error);
    let mut params = rcgen::CertificateParams::new(names).map_err(cannot)?;
    let now = Clock::System.now();
    let day = |time: jiff::Timestamp| {
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(now - DAY);
    params.not_after = day(now + DAY * u32::try_from(VALIDITY_DAYS).unwrap_or(u32::MAX));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "whk listen");
    let key = rcgen::KeyPair::generate().map_err(cannot)?;
    let certificate = params.self_signed(&key).map_err(cannot)?;
    Ok(pem("PRIVATE KEY", key.serialized_der()) + &pem("CERTIFICATE", certificate.der()))
}

/// Returns bytes in PEM.
#[must_use]
pub fn pem(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let encoded = STANDARD.encode(bytes);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.extend([line, "\n"]);
        rest = more;
    }
    text + &format!("-----END {label}-----\n")
}

/// Returns the SHA-256 fingerprint as browsers and `openssl x509 -fingerprint` show it.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        let colon = if text.is_empty() { "" } else { ":" };
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}
