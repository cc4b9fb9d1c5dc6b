//! The form of a capture, and how it is known by its first bytes.

use std::str::FromStr;

use super::{curl, har};

/// The form of a capture.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Found out from the first bytes.
    #[default]
    Auto,
    /// A raw HTTP request.
    Http,
    /// `curl` command lines.
    Curl,
    /// An HTTP Archive, HAR 1.2.
    Har,
    /// One JSON record.
    Json,
    /// A log: one JSON record a line.
    JsonLines,
}

/// The most that is looked at to tell the form.
const PREFIX: usize = 4096;

impl Format {
    /// The form of a text that begins like this; nothing where more of it is needed to tell, unless this is the `whole`.
    pub(super) fn recognise(start: &[u8], whole: bool) -> Option<Self> {
        let text = start.trim_ascii_start();
        let enough = whole || start.len() >= PREFIX;
        if text.starts_with(b"{") {
            // A first line that is complete in itself makes it a log, and no single record.
            let archive = har::begins(text).or(enough.then_some(false))?;
            return Some(if archive { Self::Har } else { Self::JsonLines });
        }
        if !enough && !text.iter().any(u8::is_ascii_whitespace) {
            return None;
        }
        Some(if curl::begins(text) { Self::Curl } else { Self::Http })
    }
}

impl FromStr for Format {
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
    fn a_form_is_known_by_its_first_bytes() {
        for (text, expected) in [
            ("POST / HTTP/1.1\n", Some(Format::Http)),
            ("webhook-id: a\n", Some(Format::Http)),
            ("curl-x: a\n", Some(Format::Http)),
            ("curl x", Some(Format::Curl)),
            ("\n  curl \\\n", Some(Format::Curl)),
            ("$ curl x", Some(Format::Curl)),
            ("A=b curl x", Some(Format::Curl)),
            ("printf a | curl x", Some(Format::Curl)),
            ("C:\\curl.exe x", Some(Format::Curl)),
            ("{\"v\":1}", Some(Format::JsonLines)),
            ("{\"log\":{}}", Some(Format::Har)),
            ("{\"lo", None),
            ("cur", None),
            ("", None),
        ] {
            assert_eq!(Format::recognise(text.as_bytes(), false), expected, "{text}");
        }
        assert_eq!(Format::recognise(&[b' '; PREFIX], false), Some(Format::Http));
        for (text, expected) in [("", Format::Http), ("curl", Format::Curl), ("{", Format::JsonLines)] {
            assert_eq!(Format::recognise(text.as_bytes(), true), Some(expected), "{text}");
        }
    }
}
