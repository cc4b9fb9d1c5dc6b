//! The verdict on a request, with its reasons.

use std::borrow::Cow;
use std::rc::Rc;
use std::str::FromStr;

use super::explanation;
use crate::provider::Provider;
use crate::signing::{Diagnosis, FailureCause, Incompatibility, VerificationFailure};

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
    /// The published libraries that reject the request although it is valid, if that was asked for.
    pub incompatible_libraries: Vec<Incompatibility>,
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
            incompatible_libraries: Vec::new(),
        }
    }

    /// Makes the request unsigned, for the reason `message`; `header` is the one that is missing.
    pub(super) fn set_unsigned(&mut self, message: String, header: Option<String>) {
        self.status = VerdictStatus::Unsigned;
        self.message = message.clone().into();
        self.failure =
            Some(VerificationFailure { cause: FailureCause::MissingHeader, message, header, secondary: None });
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
        self.status == VerdictStatus::Valid
            || self.failure.as_ref().is_some_and(|failure| failure.cause.is_about_time())
    }

    /// Replaces `seen`, the failure of the check, by the causes that were reproduced.
    pub(super) fn apply_diagnosis(&mut self, provider: &Provider, seen: &VerificationFailure, diagnosis: Diagnosis) {
        let mut message = explanation::describe(&provider.scheme, &diagnosis);
        if let Some(secondary) = &seen.secondary {
            message.push_str("; also, ");
            message.push_str(secondary);
        }
        self.message = message.clone().into();
        self.status = VerdictStatus::Invalid;
        let header = seen.header.clone().filter(|_| seen.cause == FailureCause::MalformedHeader);
        self.failure = Some(VerificationFailure {
            cause: diagnosis.causes[0].cause,
            message,
            header,
            secondary: seen.secondary.clone(),
        });
        self.diagnosis = Some(diagnosis);
    }
}

/// Returns the part of a failure about the time that describes the time alone.
pub(super) fn time_problem(failure: &VerificationFailure) -> Option<String> {
    failure.message.split_once("but ").map(|(_, problem)| problem.to_owned())
}
