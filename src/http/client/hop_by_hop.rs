//! Hop-by-hop headers: they describe one connection (RFC 9110, section 7.6.1) and are not forwarded.

/// Headers that always are. `expect` was met when the body was requested.
const STANDARD: [&str; 7] = ["connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// Prefix of further ones.
const PROXY: &str = "proxy-";

/// The hop-by-hop headers of a message.
pub struct HopByHopHeaders {
    /// The headers that its `connection` header lists.
    listed: Vec<String>,
}

impl HopByHopHeaders {
    /// Collects them from the values of the `connection` headers.
    pub fn from_connection<'a>(connection: impl Iterator<Item = &'a [u8]>) -> Self {
        let names = connection.filter_map(|value| std::str::from_utf8(value).ok()).flat_map(|value| value.split(','));
        Self { listed: names.map(|name| name.trim().to_owned()).collect() }
    }

    /// True for a hop-by-hop header; its name is compared case-insensitively.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        STANDARD.into_iter().any(is)
            || name.get(..PROXY.len()).is_some_and(|start| start.eq_ignore_ascii_case(PROXY))
            || self.listed.iter().any(|listed| is(listed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_the_connection_and_those_that_it_names() {
        let headers = HopByHopHeaders::from_connection([&b"close, X-One"[..], b"\xff", b" x-two ,"].into_iter());
        for (name, expected) in [
            ("Connection", true),
            ("TE", true),
            ("Proxy-Authorization", true),
            ("x-one", true),
            ("X-Two", true),
            ("x-three", false),
            ("content-length", false),
            ("webhook-id", false),
        ] {
            assert_eq!(headers.contains(name), expected, "{name}");
        }
    }
}
