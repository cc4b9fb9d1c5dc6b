//! Formats of captured requests, and their detection from the first bytes.

use std::path::Path;
use std::str::FromStr;

use super::{curl, har};

/// A format of captured requests.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFormat {
    /// Detected from the first bytes.
    #[default]
    Auto,
    /// Raw HTTP requests, with a line `###` between two.
    Http,
    /// `curl` command lines.
    Curl,
    /// An HTTP Archive, HAR 1.2.
    Har,
    /// One JSON record, or an array of them.
    Json,
    /// A log: one JSON record a line.
    JsonLines,
}

/// The maximum number of bytes that detection needs.
const DETECTION_PREFIX: usize = 4096;

impl CaptureFormat {
    /// Returns the format of a file. A file with the name of a log is one, whatever its first line is.
    #[must_use]
    pub fn of_file(self, path: &Path) -> Self {
        let is_log = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
        if self == Self::Auto && is_log { Self::JsonLines } else { self }
    }

    /// True if a file that begins with `head` can be a log; an empty one can.
    #[must_use]
    pub fn may_be_log(head: &[u8]) -> bool {
        head.trim_ascii().is_empty() || Self::detect(head, true) == Some(Self::JsonLines)
    }

    /// Detects the format of a text that begins with `start`; `None` if more of it is needed. `whole` says that this is
    /// all of it.
    pub(super) fn detect(start: &[u8], whole: bool) -> Option<Self> {
        let enough = whole || start.len() >= DETECTION_PREFIX;
        let text = match skip_comments(start) {
            Some(text) => text,
            None if enough => start,
            None => return None,
        };
        if text.starts_with(b"{") {
            // If the first line is complete, it is a log, not a single record.
            let archive = har::looks_like_har(text).or(enough.then_some(false))?;
            return Some(if archive { Self::Har } else { Self::JsonLines });
        }
        if text.starts_with(b"[") {
            return Some(Self::Json);
        }
        if !enough && !text.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        Some(if curl::looks_like_curl(text) { Self::Curl } else { Self::Http })
    }
}

/// Skips white space and lines that are comments, as raw requests and commands can have above them; `None` if the text
/// ends inside of a comment.
fn skip_comments(text: &[u8]) -> Option<&[u8]> {
    let mut text = text.trim_ascii_start();
    while text.starts_with(b"#") {
        let end = text.iter().position(|byte| *byte == b'\n')?;
        text = text[end..].trim_ascii_start();
    }
    Some(text)
}

impl FromStr for CaptureFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "http" => Ok(Self::Http),
            "curl" => Ok(Self::Curl),
            "har" => Ok(Self::Har),
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::JsonLines),
            _ => {
                Err(format!("unknown format `{text}`, expected one of `auto`, `http`, `curl`, `har`, `jsonl`, `json`"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_detected_from_its_first_bytes() {
        for (text, expected) in [
            ("POST / HTTP/1.1\n", Some(CaptureFormat::Http)),
            ("webhook-id: a\n", Some(CaptureFormat::Http)),
            ("curl-x: a\n", Some(CaptureFormat::Http)),
            ("curl x", Some(CaptureFormat::Curl)),
            ("\n  curl \\\n", Some(CaptureFormat::Curl)),
            ("$ curl x", Some(CaptureFormat::Curl)),
            ("A=b curl x", Some(CaptureFormat::Curl)),
            ("printf a | curl x", Some(CaptureFormat::Curl)),
            ("C:\\curl.exe x", Some(CaptureFormat::Curl)),
            ("{\"v\":1}", Some(CaptureFormat::JsonLines)),
            ("{\"log\":{}}", Some(CaptureFormat::Har)),
            ("# request 1\n\n  # received: x\ncurl x", Some(CaptureFormat::Curl)),
            ("###\nPOST / HTTP/1.1\n", Some(CaptureFormat::Http)),
            ("# request", None),
            (" [{", Some(CaptureFormat::Json)),
            ("{\"lo", None),
            ("cur", None),
            ("", None),
        ] {
            assert_eq!(CaptureFormat::detect(text.as_bytes(), false), expected, "{text}");
        }
        assert_eq!(CaptureFormat::detect(&[b' '; DETECTION_PREFIX], false), Some(CaptureFormat::Http));
        for (text, expected) in
            [("", CaptureFormat::Http), ("curl", CaptureFormat::Curl), ("{", CaptureFormat::JsonLines)]
        {
            assert_eq!(CaptureFormat::detect(text.as_bytes(), true), Some(expected), "{text}");
        }
    }
}
