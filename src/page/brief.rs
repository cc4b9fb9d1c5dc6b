//! A record without its headers and its body, for a row of the table.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// The fields of a record that a row shows, as they are written.
#[derive(Deserialize, Serialize)]
struct BriefRecord<'a> {
    #[serde(default)]
    seq: u64,
    #[serde(borrow)]
    at: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(default)]
    size: u64,
    #[serde(borrow)]
    verdict: Option<&'a RawValue>,
    #[serde(default)]
    duplicate: bool,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// Returns the record without its headers and its body.
///
/// # Errors
/// It is no record.
pub(super) fn brief(json: &[u8]) -> Result<Vec<u8>> {
    let cannot = |error: serde_json::Error| Error::new("cannot read the record").cause(error);
    let record: BriefRecord<'_> = serde_json::from_slice(json).map_err(cannot)?;
    serde_json::to_vec(&record).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_all_but_the_headers_and_the_body() {
        let json = br#"{"v":1,"kind":"request","seq":7,"at":"2026-03-02T08:15:33.000000Z","remote":"[::1]:1","method":"POST","target":"/","headers":[["a","b"]],"body":"x","size":1,"verdict":{"status":"valid"},"duplicate":true,"response":{"status":200}}"#;
        assert_eq!(
            String::from_utf8(brief(json).unwrap()).unwrap(),
            r#"{"seq":7,"at":"2026-03-02T08:15:33.000000Z","method":"POST","target":"/","size":1,"verdict":{"status":"valid"},"duplicate":true,"response":{"status":200}}"#
        );
        assert!(brief(b"[]").is_err());
    }
}
