//! The address of the handler under test.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use crate::error::{Error, Result};
use crate::http::client::Endpoint;

/// Returns an address of this machine with a port that is free now.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<Endpoint> {
    let cannot = |error: std::io::Error| Error::new("cannot find a free port").cause(error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    format!("http://127.0.0.1:{port}/").parse().map_err(Error::new)
}

/// Checks that the handler is on this machine or in a private network.
///
/// # Errors
/// An address of its host is public.
pub async fn ensure_local(endpoint: &Endpoint) -> Result {
    let host = endpoint.url().host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = endpoint.url().port_or_known_default().unwrap_or(80);
    // A host that cannot be looked up cannot be reached either, which is an error of its own.
    let Ok(addresses) = tokio::net::lookup_host((bare, port)).await else { return Ok(()) };
    for address in addresses {
        if !is_private(address.ip()) {
            return Err(Error::new(format!("{endpoint} is neither on this machine nor in a private network"))
                .cause("the checks send forged and malformed requests, which may look like an attack")
                .hint("if the handler is yours: --allow-remote"));
        }
    }
    Ok(())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
        }
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_private(address.into()),
            None => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_unspecified()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_and_of_private_networks_are_local() {
        for local in
            ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd00::1", "fe80::1", "::ffff:127.0.0.1"]
        {
            assert!(is_private(local.parse().unwrap()), "{local}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "2001:4860::1", "::ffff:8.8.8.8"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
