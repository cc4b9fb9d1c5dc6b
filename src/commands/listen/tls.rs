//! TLS of the receiver: with a given certificate, or a self-signed one that is generated once and kept.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
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

use super::super::{Context, development};
use crate::cli::ListenArgs;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// The lifetime of a generated certificate: the maximum that Apple's systems accept.
const DAYS: u64 = 825;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the TLS settings, or nothing for plain HTTP.
pub(super) fn config(context: &Context, flags: &ListenArgs, host: &str) -> Result<Option<Arc<ServerConfig>>> {
    if let (Some(certificate), Some(key)) = (&flags.tls_cert, &flags.tls_key) {
        return serve_with(certificate, key).map(Some);
    }
    if flags.tls.is_none() {
        return Ok(None);
    }
    let (path, shown) = self_signed(host)?;
    let fingerprint = fingerprint(&first_certificate(&path)?);
    context.output.status(&format!("certificate {}  (self-signed)", shown.display()));
    context.output.status(&context.output.status_paint.faint(&format!("SHA-256 {fingerprint}")));
    serve_with(&path, &path).map(Some)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn serve_with(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let cannot = |what: &str, path: &Path| Error::new(format!("cannot use the {what} in {}", path.display()));
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

/// Returns the file with key and certificate, generated if there is none that is valid for `host`, and the file with only
/// the certificate, for clients that are to trust it.
fn self_signed(host: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = development::private_folder("tls")?;
    let (path, shown) = (folder.join("self-signed.pem"), folder.join("certificate.pem"));
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let kept = first_certificate(&path).ok().filter(|certificate| is_valid(certificate, &names));
    let certificate = if let Some(certificate) = kept {
        certificate
    } else {
        development::replace(&path, &make(&names)?)?;
        first_certificate(&path)?
    };
    development::replace(&shown, &pem("CERTIFICATE", &certificate))?;
    Ok((path, shown))
}

fn first_certificate(path: &Path) -> Result<CertificateDer<'static>> {
    let cannot = |error| Error::new(format!("cannot read the certificate in {}", path.display())).cause(error);
    CertificateDer::from_pem_file(path).map_err(cannot)
}

/// True if a certificate is valid for all these names, today and tomorrow.
fn is_valid(certificate: &CertificateDer<'_>, names: &[String]) -> bool {
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
fn make(names: &[String]) -> Result<String> {
    let cannot = |error| Error::new("cannot generate a certificate").cause(error);
    let mut wanted = rcgen::CertificateParams::new(names).map_err(cannot)?;
    let now = Clock::System.now();
    let day = |time: jiff::Timestamp| {
        let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    wanted.not_before = day(now - DAY);
    wanted.not_after = day(now + DAY * u32::try_from(DAYS).unwrap_or(u32::MAX));
    wanted.distinguished_name = rcgen::DistinguishedName::new();
    wanted.distinguished_name.push(rcgen::DnType::CommonName, "whk listen");
    let key = rcgen::KeyPair::generate().map_err(cannot)?;
    let certificate = wanted.self_signed(&key).map_err(cannot)?;
    Ok(pem("PRIVATE KEY", key.serialized_der()) + &pem("CERTIFICATE", certificate.der()))
}

fn pem(label: &str, bytes: &[u8]) -> String {
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

/// Returns the fingerprint as browsers and `openssl x509 -fingerprint` show it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(certificate) {
        let colon = if text.is_empty() { "" } else { ":" };
        let _ = write!(text, "{colon}{byte:02X}");
    }
    text
}
