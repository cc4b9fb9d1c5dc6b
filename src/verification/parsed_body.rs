//! The verdict on a request with a body that was captured as parsed JSON: it is never valid, since the bytes are lost.

use super::explanation;
use super::{Verdict, VerdictStatus};
use crate::signing::{DiagnosedCause, Diagnosis, FailureCause, Fault, VerificationFailure, detect_serializer};

/// The problem of the capture, which follows the reason.
const LOST: &str = "the body in this capture is parsed JSON, so the signed bytes are lost";

impl Verdict {
    /// Returns the verdict for a body that is only the text of parsed JSON. If a serializer reproduces the signature,
    /// that is the cause; a right signature shows no more than that.
    #[must_use]
    pub fn of_parsed_body(mut self, body: &[u8]) -> Self {
        let clock_faults = |verdict: &Self| -> Vec<Fault> {
            verdict.failure.iter().flat_map(VerificationFailure::clock_faults).cloned().collect()
        };
        if self.signature_matches() {
            let reproduced_as = detect_serializer(body).unwrap_or("as-captured");
            let cause = DiagnosedCause::new(FailureCause::BodyChangedReserialized, reproduced_as);
            let secret = self.secret.take().unwrap_or(0);
            self.diagnosis = Some(Diagnosis { causes: vec![cause], secret, signature: String::new(), signed_at: None });
            self.incompatible_libraries.clear();
            self.reading = None;
            let clock_faults = clock_faults(&self);
            self.set_reserialized(clock_faults);
        } else if let Some(diagnosis) = &mut self.diagnosis {
            let reserialized = |fault: &DiagnosedCause| fault.cause == FailureCause::BodyChangedReserialized;
            // The text of the capture is not a body that was sent: a difference from it shows nothing.
            for fault in diagnosis.causes.iter_mut().filter(|fault| reserialized(fault)) {
                (fault.first_difference, fault.difference) = (None, None);
            }
            let only_body = diagnosis.causes.iter().all(reserialized)
                && !self.failure.iter().any(|failure| failure.cause.is_about_header());
            if only_body {
                let clock_faults = clock_faults(&self);
                self.set_reserialized(clock_faults);
            } else {
                self.message = format!("{}; {LOST}", self.message).into();
            }
        } else if self.is_mismatch() {
            self.message = format!("{}; {LOST}", self.message).into();
        }
        self
    }

    /// Sets the reason that a serializer reproduces the signature, and the faults of the time.
    fn set_reserialized(&mut self, clock_faults: Vec<Fault>) {
        let reproduced_as = self.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.causes[0].reproduced_as);
        let message =
            format!("{LOST}; written as {}, the signature matches", explanation::describe_json(reproduced_as));
        let fault = Fault::new(FailureCause::BodyChangedReserialized, message);
        let faults = [fault].into_iter().chain(clock_faults).collect();
        self.set_failure(VerdictStatus::Invalid, VerificationFailure::new(faults));
    }
}
