//! Checks that several APIs make of a webhook's fields.

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
    fn events_are_known_and_listed_once() {
        let known = ["a".to_owned(), "b".to_owned()];
        let check = |events: &[&str]| check_events(events.iter().map(|event| (*event).to_owned()).collect(), &known);
        assert_eq!(check(&["b", "a", "b"]).unwrap(), ["b", "a"]);
        assert!(check(&[]).is_err());
        assert_eq!(check(&["c"]).unwrap_err().message, "`events` has an unknown event `c`; known: a, b");
    }
}
