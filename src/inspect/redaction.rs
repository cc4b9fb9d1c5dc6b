//! Replaces values in the JSON body and in the headers of a request, so that it can be shown to others.

use crate::capture::{CapturedRequest, Headers, RecordedResponse, RecordedVerdict};
use crate::error::{Error, Result};
use crate::provider::JsonPath;

/// The text in place of a value.
const REDACTED: &str = "[redacted]";

/// The shortest text that is also replaced in the response and the verdict: a shorter one would be found everywhere.
const MIN_LENGTH: usize = 4;

/// The values that are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Values in the JSON of bodies.
    pub paths: Vec<JsonPath>,
    /// Headers, by their names in any case.
    pub headers: Vec<String>,
}

/// The parts of a request that were replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The indices of the paths that were found.
    pub paths: Vec<usize>,
    /// True if a header was found.
    pub has_headers: bool,
}

impl Redacted {
    /// True if nothing was replaced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.has_headers
    }
}

impl Redaction {
    /// The headers with credentials that are replaced if none is named.
    pub const CREDENTIALS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];

    /// True if nothing is to be replaced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.headers.is_empty()
    }

    /// Replaces the values; all other bytes of the body stay as they are. Text that the body no longer has is also
    /// replaced in the verdict's message and in the response.
    ///
    /// # Errors
    /// The body is not JSON, and a value in it was to be replaced.
    pub fn apply(
        &self,
        capture: &mut CapturedRequest,
        verdict: &mut RecordedVerdict,
        response: Option<&mut RecordedResponse>,
    ) -> Result<Redacted> {
        let mut redacted = Redacted::default();
        let mut texts = Vec::new();
        if !self.paths.is_empty() {
            if serde_json::from_slice::<serde::de::IgnoredAny>(&capture.body).is_err() {
                return Err(Error::new("cannot redact the body: it is not JSON"));
            }
            let mut body = capture.body.to_vec();
            for (index, path) in self.paths.iter().enumerate() {
                let found = path.find_ranges(&body);
                if !found.is_empty() {
                    redacted.paths.push(index);
                }
                // From the end, so that the others keep their offsets.
                for range in found.into_iter().rev() {
                    if let Ok(text) = serde_json::from_slice::<String>(&body[range.clone()]) {
                        texts.push(text);
                    }
                    body.splice(range, format!("\"{REDACTED}\"").into_bytes());
                }
            }
            capture.body = body.into();
        }
        redacted.has_headers = self.redact_headers(&mut capture.headers, &mut texts);
        texts.retain(|text| text.len() >= MIN_LENGTH && text != REDACTED);
        for text in &texts {
            if verdict.message.contains(text.as_str()) {
                verdict.message = verdict.message.replace(text, REDACTED).into();
            }
        }
        if let Some(response) = response {
            for part in [&mut response.error, &mut response.body].into_iter().flatten() {
                for text in &texts {
                    *part = part.replace(text, REDACTED);
                }
            }
        }
        Ok(redacted)
    }

    /// Replaces values of headers, and collects them; true if there are any.
    fn redact_headers(&self, headers: &mut Headers, texts: &mut Vec<String>) -> bool {
        let is_named = |name: &str| self.headers.iter().any(|other| other.eq_ignore_ascii_case(name));
        if !headers.iter().any(|(name, _)| is_named(name)) {
            return false;
        }
        let redacted = headers.iter().map(|(name, value)| {
            if is_named(name) {
                texts.push(String::from_utf8_lossy(value).into_owned());
                (name, REDACTED.as_bytes())
            } else {
                (name, value)
            }
        });
        *headers = redacted.collect();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(paths: &[&str], headers: &[&str], body: &str) -> Result<(String, String, Redacted)> {
        let redaction = Redaction {
            paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
            headers: headers.iter().map(|&name| name.to_owned()).collect(),
        };
        let mut capture = CapturedRequest {
            received_at: None,
            remote_addr: String::new(),
            method: "POST".into(),
            target: "/".to_owned(),
            headers: [("Cookie", "secret"), ("a", "secret"), ("cookie", "x")].into_iter().collect(),
            body: body.to_owned().into(),
        };
        let mut verdict = RecordedVerdict { message: "about ann@example.com".into(), ..RecordedVerdict::default() };
        let redacted = redaction.apply(&mut capture, &mut verdict, None)?;
        let headers = capture.headers.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let shown = format!("{} {}", headers.collect::<Vec<_>>().join(","), verdict.message);
        Ok((String::from_utf8(capture.body.to_vec()).unwrap(), shown, redacted))
    }

    #[test]
    fn values_are_replaced_and_all_other_bytes_stay() {
        let body = "{ \"to\" : [\"ann@example.com\", {\"n\":1.50}] ,\"to2\":\"\\u0061\", \"x\":{\"to\":7}}\n";
        let (body, shown, redacted) = redact(&["to[0]", "/to/1/n", "x", "nowhere"], &["COOKIE"], body).unwrap();
        assert_eq!(
            body,
            "{ \"to\" : [\"[redacted]\", {\"n\":\"[redacted]\"}] ,\"to2\":\"\\u0061\", \"x\":\"[redacted]\"}\n"
        );
        assert_eq!(shown, "[redacted],secret,[redacted] about [redacted]");
        assert_eq!(redacted, Redacted { paths: vec![0, 1, 2], has_headers: true });
        let (_, shown, redacted) = redact(&["nowhere"], &["b"], "{}").unwrap();
        assert_eq!((shown.as_str(), redacted.is_empty()), ("secret,secret,x about ann@example.com", true));
    }

    #[test]
    fn a_repeated_key_is_replaced_each_time() {
        let (body, ..) = redact(&["a.b"], &[], r#"{"a":{"b":1,"b":2},"a":{"b":3}}"#).unwrap();
        assert_eq!(body, r#"{"a":{"b":"[redacted]","b":"[redacted]"},"a":{"b":"[redacted]"}}"#);
    }

    #[test]
    fn a_body_that_is_not_json_is_an_error() {
        assert!(redact(&["a"], &[], "a=1").is_err());
        assert!(redact(&[], &["a"], "a=1").is_ok());
    }
}
