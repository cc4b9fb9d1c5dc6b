//! Requests in an HTTP Archive, HAR 1.2, as browsers and proxies save it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::entries::Entries;
use super::text_position::{ParseError, TextPosition};
use super::{CapturedRequest, Headers};

/// Returns whether a text begins as an archive: an object with `log`, another object, as its first key. `None` if more
/// of the text is needed.
pub(super) fn looks_like_har(text: &[u8]) -> Option<bool> {
    let mut rest = text;
    for expected in [&b"{"[..], b"\"log\"", b":", b"{"] {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(expected) {
            Some(after) => rest = after,
            None if expected.starts_with(rest) => return None,
            None => return Some(false),
        }
    }
    Some(true)
}

/// Returns whether a whole text is an archive, with its keys in any order.
pub(super) fn is_archive(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct HarProbe {
        #[serde(rename = "log")]
        _log: HarProbeLog,
    }
    #[derive(Deserialize)]
    struct HarProbeLog {
        #[serde(rename = "entries")]
        _entries: IgnoredAny,
    }
    serde_json::from_slice::<HarProbe>(text).is_ok()
}

/// A request, with warnings about contradictions in it.
pub(super) type ArchivedRequest = (CapturedRequest, Vec<String>);

/// Finds the entries in an archive.
pub(super) fn entries(text: &[u8]) -> Result<Entries, ParseError> {
    #[derive(Deserialize)]
    struct HarFile<'a> {
        #[serde(borrow)]
        log: HarLog<'a>,
    }
    #[derive(Deserialize)]
    struct HarLog<'a> {
        #[serde(borrow)]
        entries: Vec<&'a RawValue>,
    }
    let archive: HarFile<'_> = serde_json::from_slice(text)?;
    Ok(Entries::new(text, archive.log.entries))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarEntry {
    started_date_time: Option<String>,
    request: HarRequest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    /// The request target as it was received, in our own exports.
    #[serde(rename = "_target")]
    target: Option<String>,
    headers: Vec<HarPair>,
    post_data: Option<HarPostData>,
}

#[derive(Deserialize)]
struct HarPair {
    name: String,
    #[serde(default)]
    value: String,
    /// The bytes of a value that is not UTF-8, in our own exports.
    #[serde(rename = "_value_b64")]
    bytes: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarPostData {
    #[serde(default)]
    mime_type: Option<String>,
    text: Option<String>,
    /// Not in HAR 1.2 for requests, but written by tools that keep bytes.
    encoding: Option<String>,
    params: Option<Vec<HarPair>>,
}

/// Reads an entry: the request, and warnings.
pub(super) fn read(text: &[u8]) -> Result<ArchivedRequest, ParseError> {
    let entry: HarEntry = serde_json::from_slice(text)?;
    let mut warnings = Vec::new();
    // Our own export has an empty one if the time is not known.
    let started = entry.started_date_time.filter(|time| !time.is_empty());
    let at = started.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
    if at.is_none() && started.is_some() {
        warnings.push("its `startedDateTime` is not a time with an offset".to_owned());
    }
    let HarRequest { method, url, target, headers, post_data } = entry.request;
    let headers = header_list(&headers).map_err(|message| ParseError::new(TextPosition::START, message))?;
    let body = post_data.map_or_else(|| Ok(Vec::new()), |data| body(data, &mut warnings));
    let body = body.map_err(|message| ParseError::new(TextPosition::START, message))?;
    if let Some(length) = headers.text("content-length").and_then(|length| length.parse::<usize>().ok())
        && length != body.len()
    {
        warnings.push(format!("the body has {} bytes, but `content-length` says {length}", body.len()));
    }
    Ok((
        CapturedRequest {
            received_at: at,
            remote_addr: String::new(),
            method: method.into(),
            target: target.filter(|target| url.ends_with(target)).unwrap_or(url),
            headers,
            body: body.into(),
        },
        warnings,
    ))
}

/// Collects the headers. In HTTP/2, `:authority` is the `host` of HTTP/1.1; other names with a colon are no headers.
fn header_list(pairs: &[HarPair]) -> Result<Headers, String> {
    let has_host = pairs.iter().any(|pair| pair.name.eq_ignore_ascii_case("host"));
    let mut headers = Headers::with_capacity(pairs.len());
    for pair in pairs {
        let name = match pair.name.as_str() {
            ":authority" if !has_host => "host",
            name if name.starts_with(':') => continue,
            name => name,
        };
        match &pair.bytes {
            None => headers.push(name, pair.value.as_bytes()),
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded);
                headers.push(name, &bytes.map_err(|error| format!("`_value_b64` is not base64: {error}"))?);
            }
        }
    }
    Ok(headers)
}

fn body(data: HarPostData, warnings: &mut Vec<String>) -> Result<Vec<u8>, String> {
    let params = data.params.unwrap_or_default();
    match (data.text, data.encoding) {
        (Some(text), _) if text.is_empty() && !params.is_empty() => {}
        (Some(text), None) => return Ok(text.into_bytes()),
        (Some(text), Some(encoding)) if encoding.is_empty() => return Ok(text.into_bytes()),
        (Some(text), Some(encoding)) if encoding.eq_ignore_ascii_case("base64") => {
            return STANDARD.decode(text).map_err(|error| format!("`postData.text` is not base64: {error}"));
        }
        (Some(_), Some(encoding)) => {
            return Err(format!("`postData.encoding` is `{encoding}`, and `base64` is the only one known"));
        }
        (None, _) => {}
    }
    if params.is_empty() {
        return Ok(Vec::new());
    }
    if data.mime_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/")) {
        return Err("it has only the parts of a multipart body, which do not give its bytes".to_owned());
    }
    warnings.push("the body was put together from its parameters, and may have been written otherwise".to_owned());
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(params.iter().map(|pair| (&pair.name, &pair.value)));
    Ok(form.finish().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &str) -> String {
        format!("{{\"log\": {{\"version\": \"1.2\", \"entries\": [\n{entries}\n]}}}}")
    }

    fn one(entry: &str) -> Result<(CapturedRequest, Vec<String>), String> {
        let text = archive(entry);
        let mut entries = entries(text.as_bytes()).map_err(|error| error.to_string())?;
        let entry = entries.next(text.as_bytes()).unwrap();
        read(entry.text).map_err(|error| entry.error(error).to_string())
    }

    #[test]
    fn an_archive_is_detected_as_soon_as_its_first_key_is_complete() {
        for (text, expected) in [
            ("{\"log\":{", Some(true)),
            ("\n{ \"log\"\r\n :\t{\"entries\":[]", Some(true)),
            ("", None),
            ("{", None),
            ("{ \"lo", None),
            ("{\"log\" ", None),
            ("{\"log\":\"a\"", Some(false)),
            ("{\"v\":1", Some(false)),
            ("POST", Some(false)),
        ] {
            assert_eq!(looks_like_har(text.as_bytes()), expected, "{text}");
        }
        assert!(is_archive(b"{\"comment\":1,\"log\":{\"entries\":[]}}") && !is_archive(b"{\"log\":\"a\"}"));
    }

    #[test]
    fn each_representation_of_a_body_is_read() {
        for (data, expected, warnings) in [
            ("", "", 0),
            (r#", "postData": {}"#, "", 0),
            (r#", "postData": {"mimeType": "a/b", "text": "ü\r\n"}"#, "ü\r\n", 0),
            (r#", "postData": {"text": "x", "params": [{"name": "a", "value": "b"}]}"#, "x", 0),
            (r#", "postData": {"text": "eCB5", "encoding": "base64"}"#, "x y", 0),
            (r#", "postData": {"params": [{"name": "a b", "value": "ü"}, {"name": "c"}]}"#, "a+b=%C3%BC&c=", 1),
            (r#", "postData": {"text": "", "params": [{"name": "a", "value": "b"}]}"#, "a=b", 1),
        ] {
            let (capture, found) =
                one(&format!(r#"{{"request": {{"method": "POST", "url": "https://x/y?z", "headers": [] {data}}}}}"#))
                    .unwrap();
            assert_eq!((&capture.body[..], found.len()), (expected.as_bytes(), warnings), "{data}");
            assert_eq!(capture.target, "https://x/y?z");
        }
    }

    #[test]
    fn headers_keep_their_order_and_pseudo_headers_are_removed() {
        let headers = r#"[{"name":":method","value":"POST"},{"name":":authority","value":"x"},
            {"name":"B","value":"1"},{"name":"a","value":"2"},{"name":"B","value":"3"},{"name":"content-length","value":"9"}]"#;
        let (capture, warnings) = one(&format!(
            r#"{{"startedDateTime":"2026-03-02T09:15:33.120+01:00","request":{{"method":"POST","url":"x","headers":{headers}}}}}"#
        ))
        .unwrap();
        let names: Vec<&str> = capture.headers.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["host", "B", "a", "B", "content-length"]);
        assert_eq!(capture.received_at.unwrap().to_string(), "2026-03-02T08:15:33.12Z");
        assert_eq!(warnings, ["the body has 0 bytes, but `content-length` says 9"]);
    }

    #[test]
    fn errors_have_their_position_in_the_whole_file() {
        for (entry, expected) in [
            ("  {\"request\": 1}", "line 2, column 15: entry 1: expected an object, found the number `1`"),
            ("{\n\"request\": {\"url\": 1}}", "line 3, column 20: entry 1: expected a string, found the number `1`"),
            ("\n {}", "line 3, column 3: entry 1: `request` is missing"),
            ("{", "line 3, column 1: not valid JSON: expected a key in double quotes"),
            (
                r#"{"request": {"method":"P","url":"x","headers":[],"postData":{"text":"!","encoding":"base64"}}}"#,
                "line 2, column 1: entry 1: `postData.text` is not base64",
            ),
            (
                r#"{"request": {"method":"P","url":"x","headers":[],"postData":{"text":"!","encoding":"gzip"}}}"#,
                "line 2, column 1: entry 1: `postData.encoding` is `gzip`",
            ),
            (
                r#"{"request": {"method":"P","url":"x","headers":[],"postData":{"mimeType":"multipart/form-data","params":[{"name":"a"}]}}}"#,
                "line 2, column 1: entry 1: it has only the parts",
            ),
        ] {
            let error = one(entry).unwrap_err();
            assert!(error.starts_with(expected), "{entry}: {error}");
        }
        assert!(entries(b"{\"log\":{}}").is_err_and(|error| error.message.contains("`entries` is missing")));
    }
}
