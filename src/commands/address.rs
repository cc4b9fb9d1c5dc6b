//! The error for an address that cannot be listened on.

use std::io;

use crate::cli::ListenAddress;
use crate::error::{Error, ErrorKind};

/// Returns the error of a command, such as `whk listen`, that cannot listen on an address.
pub(super) fn cannot_listen(command: &str, address: &ListenAddress, error: &io::Error) -> Error {
    let wrong = Error::new(format!("cannot listen on {address}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => wrong
            .kind(ErrorKind::Conflict)
            .cause(format!("port {} is in use", address.port))
            .hint(format!("for any free port: {command} 0")),
        io::ErrorKind::PermissionDenied => {
            wrong.cause(error).hint(format!("ports below 1024 need privileges; for any free port: {command} 0"))
        }
        io::ErrorKind::AddrNotAvailable => wrong
            .cause(format!("{} is not an address of this machine", address.host))
            .hint(format!("for all its addresses: {command} 0.0.0.0:{}", address.port)),
        _ => wrong.cause(error),
    }
}
