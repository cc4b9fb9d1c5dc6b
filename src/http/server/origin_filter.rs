//! Rejects what a web page of another origin sends, so that it can neither read nor change anything here.

use hyper::Method;
use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::http::request::Parts;

use super::request_reader::Rejection;

/// Rejects a request of a page with another origin than the address it is sent to. A request that no page sent has
/// neither `origin` nor `sec-fetch-site`. A link from elsewhere may open a page here: nobody but its user sees that.
///
/// The host must have been checked by a [`HostFilter`](super::HostFilter): a page is compared with it.
///
/// # Errors
/// It comes from a page of another origin.
pub fn check_origin(head: &Parts) -> Result<(), Rejection> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
    let host = head.headers.get(HOST).map(text).unwrap_or_default();
    let is_own = |origin: &HeaderValue| {
        let origin = text(origin);
        origin.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest == host)
    };
    if !head.headers.get_all(ORIGIN).iter().all(is_own) {
        return Err(Rejection::new(403, "a page of another origin cannot use this server"));
    }
    let header = |name: &str| head.headers.get(name).map(text).unwrap_or_default();
    let is_link = head.method == Method::GET && header("sec-fetch-mode") == "navigate";
    if matches!(header("sec-fetch-site").as_str(), "cross-site" | "same-site") && !is_link {
        return Err(Rejection::new(403, "a page of another site cannot use this server"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = hyper::Request::builder().method(method).header("host", "127.0.0.1:9460");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check_origin(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    #[test]
    fn only_programs_and_its_own_pages_are_heard() {
        assert!(check("POST", &[]));
        assert!(check("POST", &[("origin", "http://127.0.0.1:9460"), ("sec-fetch-site", "same-origin")]));
        for origin in
            ["null", "http://127.0.0.1:9461", "http://localhost:9460", "http://evil.example", "127.0.0.1:9460"]
        {
            assert!(!check("POST", &[("origin", origin)]) && !check("OPTIONS", &[("origin", origin)]), "{origin}");
        }
        assert!(!check("POST", &[("origin", "http://127.0.0.1:9460"), ("origin", "http://evil.example")]));
    }

    #[test]
    fn a_link_from_elsewhere_opens_a_page_and_an_image_or_a_form_does_nothing() {
        let site = ("sec-fetch-site", "cross-site");
        assert!(check("GET", &[site, ("sec-fetch-mode", "navigate")]));
        assert!(!check("GET", &[site, ("sec-fetch-mode", "no-cors")]));
        assert!(!check("POST", &[site, ("sec-fetch-mode", "navigate")]));
        assert!(!check("GET", &[("sec-fetch-site", "same-site")]), "another port of this machine");
        assert!(check("GET", &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]));
    }
}
