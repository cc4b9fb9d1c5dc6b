//! The verdict on a request, with its reasons.

use std::borrow::Cow;
use std::rc::Rc;
use std::str::FromStr;

use super::explanation;
use crate::capture::RecordedVerdict;
use crate::provider::Provider;
use crate::signing::{
    DiagnosedCause, Diagnosis, FailureCause, Fault, Incompatibility, Scheme, ValueSource, VerificationFailure,
};

/// The verdict on a request's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictStatus {
    /// Signed with a known secret, in time.
    Valid,
    /// Signed, and not valid.
    Invalid,
    /// No signature of any known provider.
    Unsigned,
    /// There was no secret to check it with.
    Unchecked,
}

impl VerdictStatus {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unsigned => "unsigned",
            Self::Unchecked => "unchecked",
        }
    }
}

impl FromStr for VerdictStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Valid, Self::Invalid, Self::Unsigned, Self::Unchecked];
        let found = all.into_iter().find(|status| status.name() == text);
        found
            .ok_or_else(|| format!("`{text}` is not a verdict, expected `valid`, `invalid`, `unsigned` or `unchecked`"))
    }
}

/// The verdict on one request, with its reasons.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The verdict.
    pub status: VerdictStatus,
    /// The provider of the request, as far as it is known.
    pub provider: Option<Rc<Provider>>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
    /// The reason, if the request is not valid.
    pub failure: Option<VerificationFailure>,
    /// The verdict in one sentence.
    pub message: Cow<'static, str>,
    /// The secret that matched, counted from 0.
    pub secret: Option<usize>,
    /// The reading of that secret that worked, if the scheme allows two.
    pub reading: Option<&'static str>,
    /// The age of the timestamp in seconds, if there is one.
    pub age: Option<i64>,
    /// The way in which the provider was detected, if none was named.
    pub detected: Option<String>,
    /// True if nothing decides between several providers.
    pub ambiguous: bool,
    /// Other providers that it looks like, if the one that was named does not match.
    pub looks_like: Vec<String>,
    /// The causes that the probes reproduced, if they did.
    pub diagnosis: Option<Diagnosis>,
    /// The signature that the request should have. It must stay local: with it, this very request can be forged.
    pub expected: Option<String>,
    /// A note on headers that contradict those that were used.
    pub note: Option<String>,
    /// The published libraries that reject the request although it is valid, if that was asked for.
    pub incompatible_libraries: Vec<Incompatibility>,
}

impl From<Verdict> for RecordedVerdict {
    fn from(verdict: Verdict) -> Self {
        let Verdict { status, provider, event_type, event_id, failure, message, detected, note, .. } = verdict;
        Self {
            status: status.name().into(),
            provider: provider.as_ref().map(|provider| provider.name.clone()),
            event_type,
            event_id,
            cause: failure.map(|failure| failure.cause.name().to_owned()),
            message,
            detected,
            note,
        }
    }
}

impl Verdict {
    /// Makes a verdict without reasons.
    pub(super) fn new(status: VerdictStatus, provider: Option<Rc<Provider>>, event_type: Option<String>) -> Self {
        Self {
            status,
            provider,
            event_type,
            event_id: None,
            failure: None,
            message: Cow::Borrowed(""),
            secret: None,
            reading: None,
            age: None,
            detected: None,
            ambiguous: false,
            looks_like: Vec::new(),
            diagnosis: None,
            expected: None,
            note: None,
            incompatible_libraries: Vec::new(),
        }
    }

    /// Makes the request unsigned, with these faults; what is absent comes first.
    pub(super) fn set_unsigned(&mut self, mut faults: Vec<Fault>) {
        if let Some(absent) = faults.first_mut() {
            absent.message.push_str(", so the request is not signed");
        }
        self.set_failure(VerdictStatus::Unsigned, VerificationFailure::new(faults));
    }

    /// Sets the reason why the request is not valid.
    pub(super) fn set_failure(&mut self, status: VerdictStatus, failure: VerificationFailure) {
        self.status = status;
        self.message = failure.message.clone().into();
        self.failure = Some(failure);
    }

    /// Returns whether nothing explains why the signature does not match.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.cause == FailureCause::SecretMismatch)
    }

    /// Returns whether the body may be the reason, as far as that is known.
    #[must_use]
    pub fn is_about_body(&self) -> bool {
        let body =
            [FailureCause::BodyChangedReserialized, FailureCause::BodyChangedWhitespace, FailureCause::SecretMismatch];
        self.failure.as_ref().is_some_and(|failure| body.contains(&failure.cause))
    }

    /// Returns whether the signature is right; the time may be wrong.
    pub(super) fn signature_matches(&self) -> bool {
        self.status == VerdictStatus::Valid || self.failure.as_ref().is_some_and(|failure| failure.signature_matches)
    }

    /// Replaces the mismatch in `seen`, the failure of the check, by the causes that were reproduced. What they do not
    /// explain remains: the headers come before them, and `clock_faults` after them.
    pub(super) fn apply_diagnosis(
        &mut self,
        provider: &Provider,
        seen: &VerificationFailure,
        diagnosis: Diagnosis,
        clock_faults: impl IntoIterator<Item = Fault>,
    ) {
        let describe =
            |cause: &DiagnosedCause| Fault::new(cause.cause, explanation::describe_cause(&provider.scheme, cause));
        let mut reproduced: Vec<Fault> = diagnosis.causes.iter().map(describe).collect();
        let mut faults = Vec::new();
        for fault in seen.faults.iter().filter(|fault| fault.cause.is_about_header()) {
            match reproduced.iter_mut().find(|other| explains(&provider.scheme, other.cause, fault)) {
                Some(other) if other.cause == FailureCause::WrongScheme => {}
                Some(other) => other.headers.clone_from(&fault.headers),
                None => faults.push(fault.clone()),
            }
        }
        faults.append(&mut reproduced);
        for fault in clock_faults {
            // The unit belongs to what the sender does, before what is signed.
            let is_after = |other: &Fault| other.cause.is_about_content() && fault.cause == FailureCause::TimestampUnit;
            let at = faults.iter().position(is_after).unwrap_or(faults.len());
            faults.insert(at, fault);
        }
        self.set_failure(VerdictStatus::Invalid, VerificationFailure::new(faults));
        self.diagnosis = Some(diagnosis);
    }
}

/// Returns whether a cause that was reproduced is what makes a header absent or malformed.
fn explains(scheme: &Scheme, cause: FailureCause, fault: &Fault) -> bool {
    let comes_from = |sources: &[ValueSource]| {
        sources.iter().any(|source| fault.headers.iter().any(|header| header == source.name()))
    };
    let is_malformed = fault.cause == FailureCause::MalformedHeader;
    match cause {
        FailureCause::WrongScheme => true,
        FailureCause::WrongSignatureEncoding => is_malformed && comes_from(&scheme.signature.from),
        FailureCause::TimestampUnit => {
            is_malformed && scheme.timestamp.as_ref().is_some_and(|rule| comes_from(&rule.from))
        }
        _ => false,
    }
}
