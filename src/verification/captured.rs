//! The verification of requests from a file, which may differ from those that were sent.

use bytes::Bytes;

use super::verdict::{Verdict, VerdictStatus};
use super::verifier::Verifier;
use crate::capture::CaptureEntry;
use crate::error::Result;
use crate::signing::Request;

impl Verifier<'_> {
    /// Verifies a request as it was captured, and returns the notes on it. If `content-length` belongs to another body,
    /// everything that was captured counts as the body.
    ///
    /// # Errors
    /// A provider or its secrets cannot be read.
    pub fn verify_captured(&self, captured: &CaptureEntry, now: i64) -> Result<(Verdict, Vec<String>)> {
        let verify = |body: &Bytes| {
            let headers = captured.capture.headers.borrowed();
            self.verify(&Request { body, ..captured.capture.request(&headers) }, now)
        };
        let verdict = verify(&captured.capture.body)?;
        let notes = |verdict: &Verdict| verdict.note.iter().chain(&captured.warnings).cloned().collect();
        if captured.parsed_body {
            let notes = notes(&verdict);
            return Ok((verdict.of_parsed_body(&captured.capture.body), notes));
        }
        let Some(rest) = captured.rest.as_ref().filter(|_| verdict.is_mismatch()) else {
            let notes = notes(&verdict);
            return Ok((verdict, notes));
        };
        // `content-length` may belong to another body: headers are copied, and bodies are edited or printed again.
        let shorter = rest.strip_suffix(b"\r\n").or_else(|| rest.strip_suffix(b"\n"));
        let bodies = [Some(rest.clone()), shorter.map(|body| rest.slice_ref(body))];
        let mut best: Option<(Verdict, usize)> = None;
        for body in bodies.into_iter().flatten() {
            let found = verify(&body)?;
            let (ends, better) = (found.status == VerdictStatus::Valid, !found.is_mismatch());
            if ends || best.is_none() || better && best.as_ref().is_some_and(|(best, _)| best.is_mismatch()) {
                best = Some((found, body.len()));
            }
            if ends {
                break;
            }
        }
        let is_json = |body: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        let Some((found, length)) =
            best.filter(|(found, _)| !found.is_mismatch() || is_json(rest) && !is_json(&captured.capture.body))
        else {
            let notes = notes(&verdict);
            return Ok((verdict, notes));
        };
        let declared = captured.capture.headers.text("content-length").unwrap_or_default();
        let mut notes = vec![format!("`content-length` is {declared}, but the body has {length} bytes; all were used")];
        notes.extend(found.note.clone());
        notes.extend(captured.warnings.iter().filter(|note| !note.contains("content-length")).cloned());
        Ok((found, notes))
    }
}
