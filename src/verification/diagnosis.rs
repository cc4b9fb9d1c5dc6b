//! The reason why a request is not valid: probes of its own scheme, of other schemes, and of other providers.

use std::rc::Rc;

use super::candidates::{Candidate, has_signature_of};
use super::{DiagnosisBudget, Verdict, VerdictStatus, Verifier};
use crate::error::Result;
use crate::provider::{Provider, ProviderRef};
use crate::signing::{
    DiagnosedCause, Diagnosis, FailureCause, Fault, Keyring, Request, Tolerance, ValueSource, VerificationFailure,
    clock_fault, diagnose, verify,
};

impl Verifier<'_> {
    /// Explains why a request is not valid, as far as that can be found.
    pub(super) fn explain(
        &self,
        verdict: &mut Verdict,
        best: &Rc<Candidate>,
        candidates: &[&Rc<Candidate>],
        request: &Request<'_>,
        now: i64,
    ) -> Result {
        if self.diagnose(verdict, best, candidates, request, now)? {
            return Ok(());
        }
        if let Some(required) = &self.loader.required_provider {
            return self.name_lookalikes(verdict, &required.provider, request, now);
        }
        if candidates.len() > 1 && verdict.is_mismatch() {
            let names: Vec<&str> = candidates.iter().map(|candidate| candidate.provider.name.as_str()).collect();
            verdict.message = format!("{} (tried {})", verdict.message, joined(&names, "and")).into();
        }
        Ok(())
    }

    /// Probes an invalid request, and returns whether a probe reproduced its signature. It remains invalid.
    fn diagnose(
        &self,
        verdict: &mut Verdict,
        best: &Rc<Candidate>,
        candidates: &[&Rc<Candidate>],
        request: &Request<'_>,
        now: i64,
    ) -> Result<bool> {
        let required = self.loader.required_provider.as_ref();
        let unsigned = verdict.status == VerdictStatus::Unsigned && required.is_some();
        let is_probed = |failure: &VerificationFailure| {
            unsigned || verdict.status == VerdictStatus::Invalid && !failure.signature_matches
        };
        let Some(failure) = verdict.failure.clone().filter(|failure| is_probed(failure)) else { return Ok(false) };
        if !self.meter.try_spend(request.body.len(), now) {
            return Ok(false);
        }
        let others = candidates.iter().filter(|candidate| !Rc::ptr_eq(candidate, best));
        for candidate in [best].into_iter().chain(others.copied()) {
            let Ok(keyring) = &candidate.keys else { continue };
            let provider = &candidate.provider;
            if let Some(diagnosis) = diagnose(&provider.scheme, keyring, request) {
                if !Rc::ptr_eq(candidate, best) {
                    let detected = verdict.detected.is_some();
                    *verdict = self.verify_as(candidate, event_type_of(provider, request), request, now);
                    verdict.detected =
                        detected.then(|| format!("{} (only its scheme explains the signature)", provider.name));
                }
                let seen = verdict.failure.clone().unwrap_or(failure);
                let clock_faults = match diagnosis.signed_at {
                    Some(signed_at) => {
                        verdict.age = Some(now.saturating_sub(signed_at));
                        clock_fault(&provider.scheme, signed_at, now, self.tolerance).into_iter().collect()
                    }
                    None => seen.clock_faults().cloned().collect::<Vec<Fault>>(),
                };
                verdict.apply_diagnosis(provider, &seen, diagnosis, clock_faults);
                return Ok(true);
            }
        }
        let Ok(keyring) = &best.keys else { return Ok(false) };
        if let Some((diagnosis, clock_faults)) = self.matches_other_scheme(best, keyring, request, now)? {
            verdict.apply_diagnosis(&best.provider, &failure, diagnosis, clock_faults);
            if let Some(required) = required {
                verdict.message = format!("{}; you said -p {}", verdict.message, required.provider).into();
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Tries the schemes of other providers with the secrets of this one; the second value is the faults of the time.
    fn matches_other_scheme(
        &self,
        best: &Candidate,
        keyring: &Keyring,
        request: &Request<'_>,
        now: i64,
    ) -> Result<Option<(Diagnosis, Vec<Fault>)>> {
        for name in self.loader.catalog.candidates_for(request)? {
            if name == best.provider.name {
                continue;
            }
            let other = self.loader.load_scheme(name)?;
            // If the two differ only in how a secret is read, that was probed already.
            if other.scheme.equivalent_to(&best.provider.scheme) {
                continue;
            }
            let Ok(keyring) = Keyring::new(&other.scheme, keyring.secrets()) else { continue };
            match verify(&other.scheme, &keyring, request, now, self.tolerance).outcome {
                Ok(found) => return Ok(Some((wrong_scheme(&other, found.secret), Vec::new()))),
                Err(failure) if failure.signature_matches => {
                    let found = verify(&other.scheme, &keyring, request, now, Tolerance::Unlimited).outcome;
                    let secret = found.map_or(0, |found| found.secret);
                    return Ok(Some((wrong_scheme(&other, secret), failure.faults)));
                }
                Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Adds the other providers that a request looks like, if it does not look like the one that was named.
    fn name_lookalikes(&self, verdict: &mut Verdict, required: &str, request: &Request<'_>, now: i64) -> Result {
        let unsigned = verdict.status == VerdictStatus::Unsigned;
        let lacks_header = verdict.failure.as_ref().is_some_and(|failure| failure.cause == FailureCause::MissingHeader);
        if !(unsigned || lacks_header || verdict.is_mismatch()) || !self.meter.try_spend(request.body.len(), now) {
            return Ok(());
        }
        let likely = self.lookalikes(verdict, required, request)?;
        if likely.is_empty() {
            return Ok(());
        }
        // With secrets of their own, which `verify` only looks up, the signature can settle it.
        if self.meter.budget == DiagnosisBudget::UNLIMITED
            && self.verifies_as_lookalike(verdict, &likely, required, request, now)?
        {
            return Ok(());
        }
        let names: Vec<&str> = likely.iter().map(|other| other.name.as_str()).collect();
        let looks_like = joined(&names, "or");
        verdict.message =
            format!("{}; this looks like {looks_like}, but you said -p {required}", verdict.message).into();
        verdict.looks_like = names.into_iter().map(str::to_owned).collect();
        Ok(())
    }

    /// Returns the providers, except `required`, that a request looks like.
    fn lookalikes(&self, verdict: &Verdict, required: &str, request: &Request<'_>) -> Result<Vec<Rc<Provider>>> {
        let mut others: Vec<Rc<Provider>> = Vec::new();
        for name in self.loader.catalog.candidates_for(request)?.into_iter().filter(|name| *name != required) {
            let other = self.loader.load_scheme(name)?;
            if has_signature_of(&other, request) {
                others.push(other);
            }
        }
        let unsigned = verdict.status == VerdictStatus::Unsigned;
        let knows_event = |provider: &Rc<Provider>| {
            event_type_of(provider, request).is_some_and(|event_type| provider.has_event(&event_type))
        };
        // If there is a signature, it is another provider's only if the event is.
        if others.iter().any(knows_event) {
            let is_own = !unsigned && verdict.provider.as_ref().is_some_and(knows_event);
            others.retain(|other| !is_own && knows_event(other));
        } else if !unsigned {
            others.clear();
        }
        Ok(others)
    }

    /// Verifies a request as each of `likely`, and returns whether it is signed as one of them.
    fn verifies_as_lookalike(
        &self,
        verdict: &mut Verdict,
        likely: &[Rc<Provider>],
        required: &str,
        request: &Request<'_>,
        now: i64,
    ) -> Result<bool> {
        for other in likely {
            let candidate = self.loader.candidate(&ProviderRef::default_edition(&other.name))?;
            let found = self.verify_as(&candidate, event_type_of(other, request), request, now);
            if found.signature_matches() {
                let Some(provider) = verdict.provider.clone() else { return Ok(true) };
                let Some(seen) = verdict.failure.clone() else { return Ok(true) };
                let clock_faults = found.failure.map(|failure| failure.faults).unwrap_or_default();
                let diagnosis = wrong_scheme(other, found.secret.unwrap_or(0));
                verdict.apply_diagnosis(&provider, &seen, diagnosis, clock_faults);
                verdict.message = format!("{}; you said -p {required}", verdict.message).into();
                verdict.expected = None;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Makes the diagnosis that a request is signed by the scheme of `other`, with the secret of this index.
fn wrong_scheme(other: &Provider, secret: usize) -> Diagnosis {
    let cause = DiagnosedCause::new(FailureCause::WrongScheme, &other.name);
    Diagnosis { causes: vec![cause], secret, signature: String::new(), signed_at: None }
}

fn event_type_of(provider: &Provider, request: &Request<'_>) -> Option<String> {
    ValueSource::first_string(&provider.event_fields.event_type, request)
}

/// Joins names: `a`, `a or b`, `a, b or c`.
fn joined(names: &[&str], conjunction: &str) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} {conjunction} {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
