//! The certificate of `--tls`: a self-signed one that is generated once and kept; and the one of `--tls-cert`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;

use super::super::CommandContext;
use crate::cli::ListenArgs;
use crate::data_dir;
use crate::error::{Error, Result};
use crate::fs::write_atomic_private;
use crate::http::server::tls;

/// Returns the TLS configuration, or nothing for plain HTTP; prints the fingerprint of a generated certificate.
pub(super) fn config(context: &CommandContext, args: &ListenArgs, host: &str) -> Result<Option<Arc<ServerConfig>>> {
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        return tls::server_config(certificate, key).map(Some);
    }
    if args.tls.is_none() {
        return Ok(None);
    }
    let (path, shown) = self_signed(host)?;
    let fingerprint = tls::fingerprint(&tls::first_certificate(&path)?);
    context.output.status(&format!("certificate {}  (self-signed)", shown.display()));
    context.output.status(&context.output.stderr_style.faint(&format!("SHA-256 {fingerprint}")));
    tls::server_config(&path, &path).map(Some)
}

/// Returns the file with key and certificate, generated if there is none that is valid for `host`, and the file with only
/// the certificate, for clients that are to trust it.
fn self_signed(host: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = data_dir::private_subdir("tls")?;
    let (path, shown) = (folder.join("self-signed.pem"), folder.join("certificate.pem"));
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let kept = tls::first_certificate(&path).ok().filter(|certificate| tls::is_valid_for(certificate, &names));
    let certificate = if let Some(certificate) = kept {
        certificate
    } else {
        write(&path, &tls::generate_self_signed(&names)?)?;
        tls::first_certificate(&path)?
    };
    write(&shown, &tls::pem("CERTIFICATE", &certificate))?;
    Ok((path, shown))
}

/// Writes a file for its owner only, or replaces it.
fn write(path: &Path, text: &str) -> Result {
    write_atomic_private(path, text)
        .map_err(|error| Error::new(format!("cannot write {}", path.display())).cause(error))
}
