//! The verdict on a request with a body that was captured as parsed JSON: it is never valid, since the bytes are lost.

use super::explanation;
use super::verdict::time_problem;
use super::{Verdict, VerdictStatus};
use crate::signing::{DiagnosedCause, Diagnosis, FailureCause, VerificationFailure, detect_serializer};

/// The problem of the capture, which follows the reason.
const LOST: &str = "the body in this capture is parsed JSON, so the signed bytes are lost";

impl Verdict {
    /// Returns the verdict for a body that is only the text of parsed JSON. If a serializer reproduces the signature,
    /// that is the cause; a right signature shows no more than that.
    #[must_use]
    pub fn of_parsed_body(mut self, body: &[u8]) -> Self {
        if self.signature_matches() {
            let reproduced_as = detect_serializer(body).unwrap_or("as-captured").to_owned();
            let secondary = self.failure.take().as_ref().and_then(time_problem);
            let fault = DiagnosedCause {
                cause: FailureCause::BodyChangedReserialized,
                reproduced_as,
                first_difference: None,
                difference: None,
            };
            let secret = self.secret.take().unwrap_or(0);
            self.diagnosis = Some(Diagnosis { causes: vec![fault], secret, signature: String::new() });
            self.incompatible_libraries.clear();
            self.reading = None;
            self.set_invalid(FailureCause::BodyChangedReserialized, secondary);
        } else if let Some(diagnosis) = &mut self.diagnosis {
            let secondary = self.failure.as_ref().and_then(|failure| failure.secondary.clone());
            let reserialized = |fault: &DiagnosedCause| fault.cause == FailureCause::BodyChangedReserialized;
            // The text of the capture is not a body that was sent: a difference from it shows nothing.
            for fault in diagnosis.causes.iter_mut().filter(|fault| reserialized(fault)) {
                (fault.first_difference, fault.difference) = (None, None);
            }
            if diagnosis.causes.iter().all(reserialized) {
                self.set_invalid(FailureCause::BodyChangedReserialized, secondary);
            } else {
                self.message = format!("{}; {LOST}", self.message).into();
            }
        } else if self.is_mismatch() {
            self.message = format!("{}; {LOST}", self.message).into();
        }
        self
    }

    fn set_invalid(&mut self, cause: FailureCause, secondary: Option<String>) {
        let reproduced_as = self.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.causes[0].reproduced_as);
        let mut message =
            format!("{LOST}; written as {}, the signature matches", explanation::describe_json(reproduced_as));
        if let Some(secondary) = &secondary {
            message.push_str("; also, ");
            message.push_str(secondary);
        }
        self.status = VerdictStatus::Invalid;
        self.message = message.clone().into();
        self.failure = Some(VerificationFailure { cause, message, header: None, secondary });
    }
}
