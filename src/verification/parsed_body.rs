//! The judgement of a request whose body was captured as parsed JSON: it is never valid, since its bytes are lost.

use super::explanation;
use super::{Judgement, Status};
use crate::signing::{Cause, Diagnosis, Fault, Finding, looks_like};

/// The words about the capture, which follow the reason.
const LOST: &str = "the body in this capture is parsed JSON, so the signed bytes are lost";

impl Judgement {
    /// The same judgement for a body that is only the text of parsed JSON. If a serializer reproduces the signature,
    /// that is the cause; a right signature says no more than that.
    #[must_use]
    pub fn of_parsed_body(mut self, body: &[u8]) -> Self {
        let timely = self.finding.as_ref().is_some_and(|finding| finding.cause.is_about_time());
        if self.status == Status::Valid || timely {
            let works_as = looks_like(body).unwrap_or("as-captured").to_owned();
            let also = self
                .finding
                .take()
                .and_then(|finding| finding.message.split_once("but ").map(|(_, clock)| clock.to_owned()));
            let fault = Fault { cause: Cause::BodyChangedReserialized, works_as, differs_at: None, difference: None };
            let secret = self.secret.take().unwrap_or(0);
            self.diagnosis = Some(Diagnosis { faults: vec![fault], secret, signature: String::new() });
            self.refused_by.clear();
            self.reading = None;
            self.set_invalid(Cause::BodyChangedReserialized, also);
        } else if let Some(diagnosis) = &mut self.diagnosis {
            let also = self.finding.as_ref().and_then(|finding| finding.also.clone());
            let reserialized = |fault: &Fault| fault.cause == Cause::BodyChangedReserialized;
            // The text of the capture is nobody's body: a difference from it tells nothing.
            for fault in diagnosis.faults.iter_mut().filter(|fault| reserialized(fault)) {
                (fault.differs_at, fault.difference) = (None, None);
            }
            if diagnosis.faults.iter().all(reserialized) {
                self.set_invalid(Cause::BodyChangedReserialized, also);
            } else {
                self.message = format!("{}; {LOST}", self.message).into();
            }
        } else if self.finding.as_ref().is_some_and(|finding| finding.cause == Cause::SecretMismatch) {
            self.message = format!("{}; {LOST}", self.message).into();
        }
        self
    }

    fn set_invalid(&mut self, cause: Cause, also: Option<String>) {
        let works_as = self.diagnosis.as_ref().map_or("", |diagnosis| &diagnosis.faults[0].works_as);
        let mut message = format!("{LOST}; written as {}, the signature matches", explanation::json(works_as));
        if let Some(also) = &also {
            message.push_str("; also, ");
            message.push_str(also);
        }
        self.status = Status::Invalid;
        self.message = message.clone().into();
        self.finding = Some(Finding { cause, message, header: None, also });
    }
}
