//! Finds the provider of a request, and checks its signature.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::rc::Rc;

use serde_json::Value;

use super::budget::BudgetMeter;
use super::candidates::{Candidate, CandidateLoader, has_signature_of};
use super::detection::describe_detection;
use super::score::Score;
use super::{DiagnosisBudget, Verdict, VerdictStatus};
use crate::error::{Error, Result};
use crate::provider::{Catalog, Provider, ProviderRef, SecretLookup};
use crate::signing::{
    ChallengeResponse, FailureCause, Fault, KeyFormat, Keyring, Request, SignatureMatch, Tolerance, ValueSource,
    VerificationFailure, expected_signature, incompatibilities, verify, visible_faults,
};

/// Verifies requests, of one provider or of all that are known.
pub struct Verifier<'a> {
    pub(super) loader: CandidateLoader<'a>,
    pub(super) meter: BudgetMeter,
    pub(super) tolerance: Tolerance,
    public_url: Option<String>,
    check_libraries: bool,
}

impl<'a> Verifier<'a> {
    /// Makes a verifier of requests of `required_provider`, or of any provider. If nothing decides between several
    /// providers, a request counts as one of `default_provider`.
    #[must_use]
    pub fn new(
        catalog: Rc<Catalog>,
        required_provider: Option<ProviderRef>,
        default_provider: Option<ProviderRef>,
        secrets: SecretLookup<'a>,
        tolerance: Tolerance,
    ) -> Self {
        Self {
            loader: CandidateLoader::new(catalog, required_provider, default_provider, secrets),
            meter: BudgetMeter::new(DiagnosisBudget::UNLIMITED),
            tolerance,
            public_url: None,
            check_libraries: false,
        }
    }

    /// Limits the work on requests that are not valid.
    #[must_use]
    pub fn diagnosis_budget(mut self, budget: DiagnosisBudget) -> Self {
        self.meter = BudgetMeter::new(budget);
        self
    }

    /// Sets whether to find the published libraries that do not accept a valid request.
    #[must_use]
    pub fn check_libraries(mut self, check_libraries: bool) -> Self {
        self.check_libraries = check_libraries;
        self
    }

    /// Sets the URL by which providers know this endpoint, without path, for schemes that sign it.
    #[must_use]
    pub fn public_url(mut self, url: Option<String>) -> Self {
        self.public_url = url;
        self
    }

    /// Loads the provider that every request must come from, if there is one. Returns it with notes on its secrets.
    ///
    /// # Errors
    /// The provider is not known, or a secret of it cannot be used.
    pub fn preload(&self) -> Result<Option<(Rc<Provider>, Vec<String>)>> {
        let Some(required) = &self.loader.required_provider else { return Ok(None) };
        let candidate = self.loader.candidate(required)?;
        match &candidate.keys {
            Ok(keyring) => Ok(Some((Rc::clone(&candidate.provider), keyring.warnings().to_vec()))),
            Err(reason) => {
                let error = Error::new(format!("no secret of `{required}` can be used")).cause(reason);
                let none = reason.starts_with("no secret is configured");
                Err(if none { error.hint("pass it with -s env:NAME or -s file:PATH") } else { error })
            }
        }
    }

    /// Returns the provider that is assumed if a request's own is not known.
    ///
    /// # Errors
    /// The provider is not known.
    pub fn default_provider(&self) -> Result<Option<Rc<Provider>>> {
        let CandidateLoader { required_provider, default_provider, .. } = &self.loader;
        match required_provider.as_ref().or(default_provider.as_ref()) {
            Some(name) => Ok(Some(Rc::clone(&self.loader.candidate(name)?.provider))),
            None => Ok(None),
        }
    }

    /// Verifies one request at the time `now`, in unix seconds.
    ///
    /// # Errors
    /// A provider's data cannot be read.
    pub fn verify(&self, request: &Request<'_>, now: i64) -> Result<Verdict> {
        let url = self.public_url.as_ref().filter(|_| !request.url.contains("://"));
        let url = url.map(|base| format!("{}{}", base.trim_end_matches('/'), request.url));
        let request = &Request { url: url.as_deref().unwrap_or(request.url), ..*request };
        let set = self.loader.candidates_for(request)?;
        let mut candidates = set.of_request(request);
        let mut found = self.best_verdict(&candidates, request, now);
        let other_editions;
        if found.as_ref().is_none_or(|(verdict, _)| verdict.status != VerdictStatus::Valid) {
            other_editions = self.loader.other_editions(request)?;
            let of_request: Vec<&Rc<Candidate>> =
                other_editions.iter().filter(|other| has_signature_of(&other.provider, request)).collect();
            let other = self.best_verdict(&of_request, request, now);
            // An edition in which the request is signed says more than one in which it is not.
            let says_more = |(verdict, _): &(Verdict, &Rc<Candidate>)| {
                let rank = |status: VerdictStatus| match status {
                    VerdictStatus::Valid => 2,
                    VerdictStatus::Invalid => 1,
                    VerdictStatus::Unsigned | VerdictStatus::Unchecked => 0,
                };
                rank(verdict.status) > found.as_ref().map_or(-1, |(verdict, _)| rank(verdict.status))
            };
            if let Some(other) = other.filter(says_more) {
                candidates = vec![other.1];
                found = Some(other);
            }
        }
        let Some((mut verdict, best)) = found else {
            return self.unsigned_verdict(request);
        };
        if self.loader.required_provider.is_none() {
            let (detected, ambiguous) = describe_detection(&verdict, &candidates, request);
            (verdict.detected, verdict.ambiguous) = (Some(detected), ambiguous);
        }
        if verdict.status != VerdictStatus::Valid {
            self.explain(&mut verdict, best, &candidates, request, now)?;
        }
        Ok(verdict)
    }

    /// Verifies a request as each candidate, and returns the verdict with the highest score.
    fn best_verdict<'c>(
        &self,
        candidates: &[&'c Rc<Candidate>],
        request: &Request<'_>,
        now: i64,
    ) -> Option<(Verdict, &'c Rc<Candidate>)> {
        let default_provider = self.loader.default_provider.as_ref().map(|default| default.provider.as_str());
        let (mut highest, mut best) = (None, None);
        for (knows_event, at, event_type) in by_event(candidates, request) {
            let candidate = candidates[at];
            let verdict = self.verify_as(candidate, event_type, request, now);
            // If two providers read a secret alike, the signature is right for both: then the event decides.
            if verdict.status == VerdictStatus::Valid && (knows_event || candidates.len() == 1) {
                return Some((verdict, candidate));
            }
            // Of two with the same score, the first one in the order of the catalog.
            let score = Some((Score::new(&verdict, default_provider), Reverse(at)));
            if score > highest {
                (highest, best) = (score, Some((verdict, candidate)));
            }
        }
        best
    }

    /// Verifies a request as one candidate's.
    pub(super) fn verify_as(
        &self,
        candidate: &Candidate,
        event_type: Option<String>,
        request: &Request<'_>,
        now: i64,
    ) -> Verdict {
        let provider = &candidate.provider;
        let mut verdict = Verdict::new(VerdictStatus::Unchecked, Some(Rc::clone(provider)), event_type);
        verdict.event_id = ValueSource::first_string(&provider.event_fields.id, request);
        if !provider.scheme.signature.is_present(request) {
            verdict.set_unsigned(visible_faults(&provider.scheme, request, now, self.tolerance));
            return verdict;
        }
        let keyring = match &candidate.keys {
            Ok(keyring) => keyring,
            Err(reason) => {
                verdict.message = format!("not checked as {}: {reason}", provider.name).into();
                return verdict;
            }
        };
        let verification = verify(&provider.scheme, keyring, request, now, self.tolerance);
        (verdict.age, verdict.note) = (verification.age, verification.note);
        match verification.outcome {
            Ok(found) => self.set_valid(&mut verdict, provider, keyring, &found, request, now),
            Err(failure) => {
                if self.meter.budget == DiagnosisBudget::UNLIMITED {
                    verdict.expected = expected_signature(&provider.scheme, keyring, request);
                }
                verdict.set_failure(VerdictStatus::Invalid, failure);
            }
        }
        verdict
    }

    fn set_valid(
        &self,
        verdict: &mut Verdict,
        provider: &Provider,
        keyring: &Keyring,
        found: &SignatureMatch,
        request: &Request<'_>,
        now: i64,
    ) {
        verdict.status = VerdictStatus::Valid;
        verdict.secret = Some(found.secret);
        if self.check_libraries && provider.scheme.is_standard_webhooks() {
            let secret = &keyring.secrets()[found.secret];
            let now = Some(now).filter(|_| self.tolerance != Tolerance::Unlimited);
            verdict.incompatible_libraries = incompatibilities(request, secret, found.format, now);
        }
        let secrets = keyring.secrets().len();
        verdict.message = if secrets == 1 {
            Cow::Borrowed("the signature is right")
        } else {
            format!("the signature is right: made with secret {} of {secrets}", found.secret + 1).into()
        };
        if keyring.is_ambiguous(found.secret) {
            let (name, words) = match found.format {
                KeyFormat::Text => ("text", "as literal text, prefix included"),
                _ => ("base64-without-prefix", "decoded from base64 after `whsec_`"),
            };
            verdict.reading = Some(name);
            verdict.message = format!("{} (the secret works {words})", verdict.message).into();
        }
    }

    /// Returns the response to a challenge, if the request is one that may be answered: one that must be signed is
    /// answered only if it is valid.
    ///
    /// # Errors
    /// A provider's data cannot be read.
    pub fn challenge_response(&self, request: &Request<'_>, verdict: &Verdict) -> Result<Option<ChallengeResponse>> {
        let mut names: Vec<ProviderRef> = Vec::new();
        match &verdict.provider {
            // Most send no challenges.
            Some(provider) if provider.challenges.is_empty() => return Ok(None),
            Some(provider) => {
                names.push(ProviderRef { provider: provider.name.clone(), edition: Some(provider.edition.clone()) });
            }
            None => {
                let providers = self.loader.catalog.with_unsigned_challenge()?;
                names.extend(providers.into_iter().map(|name| self.loader.edition_of(name)));
            }
        }
        for name in names {
            let candidate = self.loader.candidate(&name)?;
            let provider = &candidate.provider;
            let matching = provider.challenges.iter().find(|challenge| challenge.matches(request));
            if let (Some(challenge), Ok(keyring)) = (matching, &candidate.keys)
                && (!challenge.signed || verdict.status == VerdictStatus::Valid)
            {
                return Ok(challenge.respond(&provider.scheme, keyring.secrets(), request));
            }
        }
        Ok(None)
    }

    /// Returns the verdict on a request without a header of any provider.
    fn unsigned_verdict(&self, request: &Request<'_>) -> Result<Verdict> {
        let event_type = serde_json::from_slice::<Value>(request.body)
            .ok()
            .and_then(|body| ["type", "event"].iter().find_map(|key| body.get(key)?.as_str().map(str::to_owned)));
        let mut verdict = Verdict::new(VerdictStatus::Unsigned, self.default_provider()?, event_type);
        let fault = Fault::new(FailureCause::MissingHeader, "no known signature header found");
        verdict.set_failure(VerdictStatus::Unsigned, VerificationFailure::new(vec![fault]));
        Ok(verdict)
    }
}

/// Returns the candidates in the order in which to try them: whether each knows the event, its index, and the event's
/// type. Those that know the event come first: mostly that settles it, and saves checking the others.
fn by_event(candidates: &[&Rc<Candidate>], request: &Request<'_>) -> Vec<(bool, usize, Option<String>)> {
    let mut order: Vec<(bool, usize, Option<String>)> = Vec::with_capacity(candidates.len());
    for (at, candidate) in candidates.iter().enumerate() {
        let sources = &candidate.provider.event_fields.event_type;
        // Many have it in the same field of the body, which is searched once.
        let same = order.iter().find(|(_, other, _)| candidates[*other].provider.event_fields.event_type == *sources);
        let event_type = match same {
            Some((.., event_type)) => event_type.clone(),
            None => ValueSource::first_string(sources, request),
        };
        let knows_event = event_type.as_ref().is_some_and(|event_type| candidate.provider.has_event(event_type));
        order.push((knows_event, at, event_type));
    }
    order.sort_by_key(|(knows_event, ..)| !knows_event);
    order
}
