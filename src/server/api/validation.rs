//! Checks that several APIs make of a webhook's fields.

use std::net::IpAddr;

use super::error::ApiError;
use crate::http::client::Endpoint;

/// Maximum length of a URL, as browsers and servers limit it as well.
const MAX_URL: usize = 2048;

/// Checks that a text is a whole http or https URL that a request can be sent to.
pub(super) fn check_url(url: &str) -> Result<(), ApiError> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(ApiError::invalid("`url` is not an http or https URL"));
    }
    if url.len() > MAX_URL {
        return Err(ApiError::invalid(format!("`url` is longer than {MAX_URL} characters")));
    }
    url.parse::<Endpoint>().map(drop).map_err(|error| ApiError::invalid(format!("`url` is not valid: {error}")))
}

/// Checks that a URL is https, or leads to this machine or a local network: a name without a dot, as containers have, or
/// an address that the internet does not route.
pub(super) fn check_https(url: &str) -> Result<(), ApiError> {
    check_url(url)?;
    let Ok(endpoint) = url.parse::<Endpoint>() else { return Ok(()) };
    let host = endpoint.url().host_str().unwrap_or_default();
    let local = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => {
            !host.contains('.') || [".localhost", ".local", ".internal", ".test"].iter().any(|end| host.ends_with(end))
        }
    };
    if endpoint.is_https() || local {
        Ok(())
    } else {
        Err(ApiError::invalid("`url` is not https; http is possible for this machine and local networks only"))
    }
}

/// Checks that there is at least one type of event, that each is known, and removes repeated ones.
pub(super) fn check_events(events: Vec<String>, known: &[String]) -> Result<Vec<String>, ApiError> {
    if events.is_empty() {
        return Err(ApiError::invalid("`events` is empty, expected at least one event"));
    }
    let mut checked: Vec<String> = Vec::new();
    for event in events {
        if !known.contains(&event) {
            let known = known.join(", ");
            return Err(ApiError::invalid(format!("`events` has an unknown event `{event}`; known: {known}")));
        }
        if !checked.contains(&event) {
            checked.push(event);
        }
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_whole_and_can_be_requested() {
        for url in ["https://yourapp.com/webhooks/email", "http://127.0.0.1:3000", "HTTPS://a.example/x?y=1"] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in
            ["", "3000", "/x", "localhost:3000", "ftp://a.example/", "http://", "javascript:alert(1)", "https://a b/"]
        {
            assert!(check_url(url).is_err(), "{url}");
        }
        assert!(check_url(&format!("https://a.example/{}", "x".repeat(3000))).is_err());
    }

    #[test]
    fn http_is_for_local_addresses() {
        for url in [
            "https://a.example/",
            "http://127.0.0.1:3000/x",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://app:3000/hooks",
            "http://192.168.1.4/",
            "http://app.localhost/",
        ] {
            assert!(check_https(url).is_ok(), "{url}");
        }
        for url in ["http://a.example/", "http://93.184.215.14/", "http://127.0.0.1.a.example/", "a.example"] {
            assert!(check_https(url).is_err(), "{url}");
        }
    }

    #[test]
    fn events_are_known_and_listed_once() {
        let known = ["a".to_owned(), "b".to_owned()];
        let check = |events: &[&str]| check_events(events.iter().map(|event| (*event).to_owned()).collect(), &known);
        assert_eq!(check(&["b", "a", "b"]).unwrap(), ["b", "a"]);
        assert!(check(&[]).is_err());
        assert_eq!(check(&["c"]).unwrap_err().message, "`events` has an unknown event `c`; known: a, b");
    }
}
