//! Rejects what a web page of another origin sends, so that it can neither read nor change anything here.

use hyper::Method;
use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::http::request::Parts;

use super::host_filter::is_local_host;
use super::request_reader::Rejection;

/// Rejects a request of a page with another origin than the address it is sent to. A request that no page sent has
/// neither `origin` nor `sec-fetch-site`. A link from elsewhere may open the page at `/` as a whole: nobody but its user
/// sees that.
///
/// The host must have been checked by a [`HostFilter`](super::HostFilter): a page is compared with it.
///
/// # Errors
/// It comes from a page of another origin.
pub fn check_origin(head: &Parts) -> Result<(), Rejection> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
    let header = |name: &str| head.headers.get(name).map(text).unwrap_or_default();
    let mut origins = head.headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        if origins.next().is_some() {
            return Err(Rejection::new(403, "more than one `origin` header"));
        }
        let host = head.headers.get(HOST).map(text).unwrap_or_default();
        let is_own = text(origin).split_once("://").is_some_and(|(scheme, rest)| {
            // Only what stands before this server, under a name that is allowed, can add TLS.
            rest == host && (scheme == "http" || (scheme == "https" && !is_local_host(&host)))
        });
        if !is_own {
            return Err(Rejection::new(403, "a page of another origin cannot use this server"));
        }
    }
    // Browsers say so even where they send no `origin`: for images, scripts and links.
    let opens_page = head.method == Method::GET
        && head.uri.path() == "/"
        && header("sec-fetch-mode") == "navigate"
        && header("sec-fetch-dest") == "document";
    if !matches!(header("sec-fetch-site").as_str(), "" | "none" | "same-origin") && !opens_page {
        return Err(Rejection::new(403, "a page of another site cannot use this server"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(uri: &str, host: &str, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = hyper::Request::builder().method(method).uri(uri).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check_origin(&request.body(()).unwrap().into_parts().0).is_ok()
    }

    fn check(method: &str, headers: &[(&str, &str)]) -> bool {
        check_at("/", "127.0.0.1:9460", method, headers)
    }

    #[test]
    fn only_programs_and_its_own_pages_are_heard() {
        assert!(check("POST", &[]));
        assert!(check("POST", &[("origin", "http://127.0.0.1:9460"), ("sec-fetch-site", "same-origin")]));
        for origin in [
            "",
            "null",
            "http://127.0.0.1:9461",
            "http://localhost:9460",
            "http://evil.example",
            "https://127.0.0.1:9460",
            "file://127.0.0.1:9460",
            "127.0.0.1:9460",
        ] {
            assert!(!check("POST", &[("origin", origin)]) && !check("OPTIONS", &[("origin", origin)]), "{origin}");
        }
        let own = ("origin", "http://127.0.0.1:9460");
        assert!(!check("POST", &[own, own]) && !check("POST", &[own, ("origin", "http://evil.example")]));
    }

    #[test]
    fn a_name_that_is_allowed_can_have_tls_before_it() {
        for (host, origin, expected) in [
            ("hooks.example", "https://hooks.example", true),
            ("hooks.example", "http://hooks.example", true),
            ("HOOKS.example:8443", "https://hooks.example:8443", true),
            ("hooks.example", "https://hooks.example:8443", false),
            ("localhost:9460", "https://localhost:9460", false),
            ("[::1]:9460", "https://[::1]:9460", false),
        ] {
            assert_eq!(check_at("/", host, "POST", &[("origin", origin)]), expected, "{host} {origin}");
        }
    }

    #[test]
    fn a_link_from_elsewhere_opens_the_page_and_an_image_a_frame_or_a_form_does_nothing() {
        let (site, mode, dest) =
            (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"));
        assert!(check("GET", &[site, mode, dest]));
        assert!(!check_at("/api/requests", "127.0.0.1:9460", "GET", &[site, mode, dest]));
        assert!(!check("GET", &[site, ("sec-fetch-mode", "no-cors")]));
        assert!(!check("GET", &[site, mode, ("sec-fetch-dest", "iframe")]));
        assert!(!check("POST", &[site, mode, dest]));
        assert!(!check("GET", &[("sec-fetch-site", "same-site")]), "another port of this machine");
        assert!(check_at("/x", "127.0.0.1:9460", "GET", &[("sec-fetch-site", "none"), mode]));
    }
}
