//! Headers with the names of CGI, PHP, WSGI and Rack: `HTTP_WEBHOOK_ID` is `webhook-id`.

use super::Headers;

/// Names that CGI writes without `HTTP_` (RFC 3875, section 4.1).
const PLAIN: [&str; 2] = ["CONTENT_TYPE", "CONTENT_LENGTH"];

/// Restores the names that headers with CGI names had in the request, and returns a note about it. A header that is
/// present under its original name too keeps that value.
pub(super) fn restore_names(headers: &mut Headers) -> Option<String> {
    if !headers.has_name_with(|name| original(name).is_some()) {
        return None;
    }
    let mut example = None;
    let mut restored = Headers::default();
    for (name, value) in headers.iter() {
        match original(name) {
            Some(plain) if headers.text(&plain).is_some() => {}
            Some(plain) => {
                restored.push(&plain, value);
                example.get_or_insert_with(|| format!("CGI names are read as headers: {name} is `{plain}`"));
            }
            None => restored.push(name, value),
        }
    }
    *headers = restored;
    example
}

fn original(name: &str) -> Option<String> {
    let plain = match name.strip_prefix("HTTP_") {
        Some(rest) if !rest.is_empty() => rest,
        _ if PLAIN.contains(&name) => name,
        _ => return None,
    };
    Some(plain.to_ascii_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgi_names_become_header_names_once() {
        let pairs =
            [("HTTP_WEBHOOK_ID", "a"), ("CONTENT_TYPE", "b"), ("host", "c"), ("HTTP_HOST", "d"), ("HTTP_", "e")];
        let mut headers: Headers = pairs.into_iter().collect();
        let note = restore_names(&mut headers);
        assert_eq!(note.as_deref(), Some("CGI names are read as headers: HTTP_WEBHOOK_ID is `webhook-id`"));
        let names: Vec<(&str, &[u8])> = headers.iter().collect();
        let expected: [(&str, &[u8]); 4] =
            [("webhook-id", b"a"), ("content-type", b"b"), ("host", b"c"), ("HTTP_", b"e")];
        assert_eq!(names, expected);
        assert_eq!(restore_names(&mut headers), None);
    }
}
