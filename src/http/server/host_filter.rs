//! Limits the hosts a request may name, so that a web page cannot reach a local listener by a DNS name of its own.

use std::net::{IpAddr, Ipv4Addr};

use hyper::Version;
use hyper::header::HOST;
use hyper::http::request::Parts;

use super::request_reader::Rejection;

/// The hosts that a request may name.
#[derive(Clone, Debug, Default)]
pub struct HostFilter {
    /// Names allowed besides this machine's own; `None` allows every host.
    allowed: Option<Vec<String>>,
}

impl HostFilter {
    /// Allows every host, or if `loopback_only` only this machine and `allowed`: NAME, `*.NAME` for its subdomains, or `*`.
    #[must_use]
    pub fn new(loopback_only: bool, allowed: &[String]) -> Self {
        Self { allowed: loopback_only.then(|| allowed.iter().map(|host| host.to_ascii_lowercase()).collect()) }
    }

    /// Rejects a request for another host, and one with no host or several where HTTP requires one (RFC 9112, section
    /// 3.2).
    ///
    /// # Errors
    /// The request names no host, several, or one that is not allowed.
    pub fn check(&self, head: &Parts) -> Result<(), Rejection> {
        let mut hosts = head.headers.get_all(HOST).iter();
        let first = hosts.next();
        if hosts.next().is_some() {
            return Err(Rejection::new(400, "more than one `host` header"));
        }
        if first.is_none() && head.version >= Version::HTTP_11 {
            return Err(Rejection::new(400, "no `host` header"));
        }
        let header = first.map(|host| String::from_utf8_lossy(host.as_bytes()));
        // The host of an absolute target takes precedence over the header.
        for host in head.uri.authority().map(|host| host.as_str().into()).into_iter().chain(header) {
            // Fast path for the host of nearly every request.
            if host.strip_prefix("127.0.0.1:").is_some_and(is_port) {
                continue;
            }
            if !is_well_formed(&host) {
                return Err(Rejection::new(400, "the `host` header is not HOST or HOST:PORT"));
            }
            if self.allowed.is_none() {
                continue;
            }
            let host_name = host_name(&host);
            if !self.allow(&host_name) {
                return Err(Rejection::new(
                    403,
                    format!("host `{host_name}` not allowed; to accept it: --allow-host {host_name}"),
                ));
            }
        }
        Ok(())
    }

    fn allow(&self, host_name: &str) -> bool {
        let Some(allowed) = &self.allowed else { return true };
        is_local(host_name) || allowed.iter().any(|allowed| matches(allowed, host_name))
    }
}

/// Rejects a request that does not name this machine as its host.
///
/// # Errors
/// It has no host, several, a malformed one, or that of another machine.
pub fn check_local_host(head: &Parts) -> Result<(), Rejection> {
    if !head.headers.contains_key(HOST) {
        return Err(Rejection::new(400, "no `host` header"));
    }
    let local = HostFilter { allowed: Some(Vec::new()) };
    local.check(head).map_err(|rejection| match rejection.status {
        403 => Rejection::new(403, "only this machine's own names, such as localhost, can be used here"),
        _ => rejection,
    })
}

/// True if the value of a `host` header names this machine.
pub(super) fn is_local_host(host: &str) -> bool {
    is_local(&host_name(host))
}

fn is_port(text: &str) -> bool {
    text.len() <= 5
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text.is_empty() || text.parse::<u16>().is_ok())
}

/// True if the value is a host and perhaps a port (RFC 9110, section 7.2): one value, and without user information,
/// which a host never has.
fn is_well_formed(host: &str) -> bool {
    if host.contains(['@', ',', '/', '?', '#', '\\']) || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return false;
    }
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        return !address.is_empty() && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
    }
    match host.split_once(':') {
        None => true,
        // An IPv6 address without brackets, as some clients send it.
        Some(_) if host.parse::<IpAddr>().is_ok() => true,
        Some((name, port)) => !name.is_empty() && is_port(port),
    }
}

fn matches(allowed: &str, host_name: &str) -> bool {
    match allowed.strip_prefix('*') {
        Some("") => true,
        Some(end) => host_name.len() > end.len() && host_name.ends_with(end),
        None => allowed == host_name,
    }
}

/// Returns the name in `name:port`, in lower case, without brackets and without a trailing dot.
fn host_name(host: &str) -> String {
    let bare = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host
            .rsplit_once(':')
            .filter(|(host_name, _)| !host_name.contains(':'))
            .map_or(host, |(host_name, _)| host_name),
    };
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

fn is_local(host_name: &str) -> bool {
    if host_name == "localhost" || host_name.ends_with(".localhost") {
        return true;
    }
    match host_name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address: Ipv4Addr| address.is_loopback())
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_a_malformed_port_and_several_values_are_no_host() {
        for host in ["", "a", "a:", "a:80", "a:65535", "[::1]", "[::1]:80", "::1", "a_b.example:1", "bücher.example"] {
            assert!(is_well_formed(host), "{host}");
        }
        for host in [
            "user@localhost",
            "user:pw@127.0.0.1:80",
            "localhost:80x",
            "localhost:65536",
            "localhost:-1",
            "localhost:80:80",
            "localhost, evil.example",
            "localhost evil.example",
            "localhost/x",
            "[::1",
            "[]:80",
            "[::1]x",
            ":80",
        ] {
            assert!(!is_well_formed(host), "{host}");
        }
    }

    #[test]
    fn this_machine_and_what_is_allowed() {
        let filter = HostFilter::new(true, &["hooks.Example.com".to_owned(), "*.ngrok.app".to_owned()]);
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:9450", true),
            ("localhost.:1", true),
            ("a.localhost", true),
            ("127.0.0.1:80", true),
            ("127.9.9.9", true),
            ("[::1]:80", true),
            ("::1", true),
            ("hooks.example.com:443", true),
            ("x.ngrok.app", true),
            ("ngrok.app", false),
            (".ngrok.app", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evillocalhost", false),
            ("192.168.0.1", false),
            ("0.0.0.0", false),
            ("", false),
        ] {
            assert_eq!(filter.allow(&host_name(host)), expected, "{host}");
        }
        assert!(
            HostFilter::new(false, &[]).allow("evil.example") && HostFilter::new(true, &["*".to_owned()]).allow("x")
        );
    }
}
