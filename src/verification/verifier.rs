//! Finds the provider of a request, and checks its signature.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::rc::Rc;

use serde_json::Value;

use super::explanation;
use crate::error::Result;
use crate::provider::{Catalog, Provider, ProviderRef};
use crate::signing::{
    Cause, ChallengeResponse, Diagnosis, Fault, Finding, Incompatibility, KeyFormat, Keyring, Request, Secret,
    Tolerance, ValueSource, diagnose, expected, incompatibilities, verify,
};

/// The verdict on a request's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Signed with a known secret, in time.
    Valid,
    /// Signed, and not valid.
    Invalid,
    /// No signature of any known provider.
    Unsigned,
    /// There was nothing to check it with.
    Unchecked,
}

impl Status {
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

/// The verdict on one request, with its reasons.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The verdict.
    pub status: Status,
    /// The provider of the request, as far as it is known.
    pub provider: Option<Rc<Provider>>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
    /// The reason, if the request is not valid.
    pub finding: Option<Finding>,
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
    /// Other providers that it looks like, if the one that was named does not fit.
    pub looks_like: Vec<String>,
    /// The causes that the probes reproduced, if they did.
    pub diagnosis: Option<Diagnosis>,
    /// The signature that the request should have, for local eyes only: who has it can forge this very request.
    pub expected: Option<String>,
    /// The published libraries that reject the request although it is valid, if that was asked for.
    pub refused_by: Vec<Incompatibility>,
}

impl Judgement {
    /// Returns whether nothing explains why the signature does not match.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.cause == Cause::SecretMismatch)
    }

    /// Returns whether the body may be the reason, as far as that is known.
    #[must_use]
    pub fn is_about_body(&self) -> bool {
        let body = [Cause::BodyChangedReserialized, Cause::BodyChangedWhitespace, Cause::SecretMismatch];
        self.finding.as_ref().is_some_and(|finding| body.contains(&finding.cause))
    }
}

/// Limits on the work of explaining why requests are not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// The largest body that is probed, in bytes.
    pub largest: usize,
    /// The number of requests that are probed within one second; further ones are only rejected.
    pub per_second: u32,
}

impl Effort {
    /// All that it takes.
    pub const FULL: Self = Self { largest: usize::MAX, per_second: u32::MAX };
    /// Nothing.
    pub const NONE: Self = Self { largest: 0, per_second: 0 };
    /// So little that a flood of bad requests cannot slow a receiver: some milliseconds a second.
    pub const RECEIVER: Self = Self { largest: 16 << 10, per_second: 20 };
}

/// Looks up the secrets of a provider. It is called once for each provider, when that is first met.
pub type Secrets<'a> = dyn Fn(&Provider) -> Result<Vec<Secret>> + 'a;

/// Judges requests, of one provider or of all that are known.
pub struct Judge<'a> {
    catalog: Rc<Catalog>,
    wanted: Option<ProviderRef>,
    preferred: Option<ProviderRef>,
    secrets: Box<Secrets<'a>>,
    tolerance: Tolerance,
    public_url: Option<String>,
    effort: Effort,
    strict: bool,
    /// The second in which diagnoses were last made, and how many.
    spent: Cell<(i64, u32)>,
    seats: RefCell<Vec<Rc<Seat>>>,
    /// The candidates of the last request.
    last: RefCell<Option<Rc<Circle>>>,
    /// Providers without secrets of their own, for trying their schemes.
    others: RefCell<Vec<Rc<Provider>>>,
}

/// The providers that a request with certain headers may come from.
struct Circle {
    /// The names of the headers.
    headers: Vec<String>,
    /// The providers, in the order of their names.
    seats: Vec<Rc<Seat>>,
    /// True if the headers alone make each of them a candidate.
    certain: bool,
}

/// A provider with its keys, or the reason why there are none.
struct Seat {
    provider: Rc<Provider>,
    keys: std::result::Result<Keyring, String>,
}

impl<'a> Judge<'a> {
    /// A judge of requests of the provider `wanted`, or of any; where it cannot be told whose a request is,
    /// it counts as `preferred`.
    #[must_use]
    pub fn new(
        catalog: Rc<Catalog>,
        wanted: Option<ProviderRef>,
        preferred: Option<ProviderRef>,
        secrets: Box<Secrets<'a>>,
        tolerance: Tolerance,
    ) -> Self {
        Self {
            catalog,
            wanted,
            preferred,
            secrets,
            tolerance,
            public_url: None,
            effort: Effort::FULL,
            strict: false,
            spent: Cell::new((0, 0)),
            seats: RefCell::default(),
            last: RefCell::default(),
            others: RefCell::default(),
        }
    }

    /// Bounds what is spent on requests that are not valid.
    #[must_use]
    pub fn effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Returns whether to find out which published libraries do not take a valid request.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The URL by which providers know this endpoint, without path, for schemes that sign it.
    #[must_use]
    pub fn public_url(mut self, url: Option<String>) -> Self {
        self.public_url = url;
        self
    }

    /// The provider that every request must be of, ready to be used, with remarks on its secrets.
    ///
    /// # Errors
    /// The provider is not known, or a secret of it cannot be used.
    pub fn prepare(&self) -> Result<Option<(Rc<Provider>, Vec<String>)>> {
        let Some(wanted) = &self.wanted else { return Ok(None) };
        let seat = self.seat(wanted)?;
        match &seat.keys {
            Ok(ring) => Ok(Some((Rc::clone(&seat.provider), ring.advice().to_vec()))),
            Err(flaw) => {
                let error = crate::error::Error::new(format!("no secret of `{wanted}` can be used")).cause(flaw);
                let none = flaw.starts_with("no secret is configured");
                Err(if none { error.hint("pass it with -s env:NAME or -s file:PATH") } else { error })
            }
        }
    }

    /// Returns the provider that is assumed if a request's own is not known.
    ///
    /// # Errors
    /// The provider is not known.
    pub fn fallback(&self) -> Result<Option<Rc<Provider>>> {
        match self.wanted.as_ref().or(self.preferred.as_ref()) {
            Some(name) => Ok(Some(Rc::clone(&self.seat(name)?.provider))),
            None => Ok(None),
        }
    }

    /// Judges one request at the time `now`, in unix seconds.
    ///
    /// # Errors
    /// A provider's data cannot be read.
    pub fn judge(&self, request: &Request<'_>, now: i64) -> Result<Judgement> {
        let whole = self.public_url.as_ref().filter(|_| !request.url.contains("://"));
        let whole = whole.map(|base| format!("{}{}", base.trim_end_matches('/'), request.url));
        let request = &Request { url: whole.as_deref().unwrap_or(request.url), ..*request };
        let circle = self.circle(request)?;
        let mut candidates: Vec<&Rc<Seat>> = Vec::with_capacity(circle.seats.len());
        if circle.certain {
            candidates.extend(&circle.seats);
        } else {
            for belongs in [signed_by, partly_by] {
                if candidates.is_empty() {
                    candidates.extend(circle.seats.iter().filter(|seat| belongs(&seat.provider, request)));
                }
            }
        }
        // A provider that knows the event is tried first: mostly that settles it, and saves checking the others.
        let mut order: Vec<(bool, usize, Option<String>)> = Vec::with_capacity(candidates.len());
        for (at, seat) in candidates.iter().enumerate() {
            let places = &seat.provider.event_fields.event_type;
            // Many have it in the same place of the body, which is searched once.
            let same =
                order.iter().find(|(_, other, _)| candidates[*other].provider.event_fields.event_type == *places);
            let kind = match same {
                Some((.., kind)) => kind.clone(),
                None => ValueSource::first_string(places, request),
            };
            order.push((kind.as_ref().is_some_and(|kind| seat.provider.has_event(kind)), at, kind));
        }
        order.sort_by_key(|(known, ..)| !known);
        let (mut highest, mut best) = (None, None);
        for (known, at, kind) in order {
            let seat = candidates[at];
            let mut judgement = self.judge_as(seat, kind, request, now);
            // Of two that are as likely, the first one by name.
            let score = Some((self.likelihood(&judgement), Reverse(at)));
            // A secret that two providers read alike makes both of them right: then the event decides.
            if judgement.status == Status::Valid && (known || candidates.len() == 1) {
                judgement.detected = self.wanted.is_none().then(|| detection(&judgement, &candidates, request).0);
                return Ok(judgement);
            }
            if score > highest {
                (highest, best) = (score, Some((judgement, seat)));
            }
        }
        let Some((mut judgement, seat)) = best else { return self.unsigned(request) };
        if self.wanted.is_none() {
            let (detected, ambiguous) = detection(&judgement, &candidates, request);
            (judgement.detected, judgement.ambiguous) = (Some(detected), ambiguous);
        }
        if judgement.status == Status::Valid {
            return Ok(judgement);
        }
        if self.explain(&mut judgement, seat, &candidates, request, now)? {
            return Ok(judgement);
        }
        if let Some(wanted) = &self.wanted {
            self.name_lookalikes(&mut judgement, &wanted.provider, request, now)?;
            return Ok(judgement);
        }
        let unknown = judgement.finding.as_ref().is_some_and(|finding| finding.cause == Cause::SecretMismatch);
        if candidates.len() > 1 && unknown {
            let names: Vec<&str> = candidates.iter().map(|seat| seat.provider.name.as_str()).collect();
            judgement.message = format!("{} (tried {})", judgement.message, listed(&names)).into();
        }
        Ok(judgement)
    }

    /// Probes an invalid request; says whether a probe reproduced its signature. It stays invalid all the same.
    fn explain(
        &self,
        judgement: &mut Judgement,
        best: &Rc<Seat>,
        candidates: &[&Rc<Seat>],
        request: &Request<'_>,
        now: i64,
    ) -> Result<bool> {
        let unsigned = judgement.status == Status::Unsigned && self.wanted.is_some();
        let probed =
            |finding: &Finding| unsigned || matches!(finding.cause, Cause::SecretMismatch | Cause::MalformedHeader);
        let Some(finding) = judgement.finding.clone().filter(|finding| probed(finding)) else { return Ok(false) };
        if !self.affords(request.body.len(), now) {
            return Ok(false);
        }
        let others = candidates.iter().filter(|seat| !Rc::ptr_eq(seat, best));
        for seat in [best].into_iter().chain(others.copied()) {
            let Ok(ring) = &seat.keys else { continue };
            if let Some(diagnosis) = diagnose(&seat.provider.scheme, ring, request) {
                if !Rc::ptr_eq(seat, best) {
                    let kind = ValueSource::first_string(&seat.provider.event_fields.event_type, request);
                    let detected = judgement.detected.is_some();
                    *judgement = self.judge_as(seat, kind, request, now);
                    judgement.detected =
                        detected.then(|| format!("{} (only its scheme explains the signature)", seat.provider.name));
                }
                claim(judgement, &seat.provider, &finding, diagnosis);
                return Ok(true);
            }
        }
        let Ok(ring) = &best.keys else { return Ok(false) };
        if let Some(diagnosis) = self.other_scheme(best, ring, request, now)? {
            claim(judgement, &best.provider, &finding, diagnosis);
            if let Some(wanted) = &self.wanted {
                judgement.message = format!("{}; you said -p {}", judgement.message, wanted.provider).into();
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Says so if the request looks like another provider's than the one that was named.
    fn name_lookalikes(&self, judgement: &mut Judgement, wanted: &str, request: &Request<'_>, now: i64) -> Result {
        let unsigned = judgement.status == Status::Unsigned;
        if !(unsigned || judgement.is_mismatch()) || !self.affords(request.body.len(), now) {
            return Ok(());
        }
        let mut others: Vec<Rc<Provider>> = Vec::new();
        for name in self.catalog.candidates_for(request)?.into_iter().filter(|name| *name != wanted) {
            let other = self.other(name)?;
            if signed_by(&other, request) {
                others.push(other);
            }
        }
        let knows = |other: &Rc<Provider>| {
            ValueSource::first_string(&other.event_fields.event_type, request)
                .is_some_and(|kind| other.has_event(&kind))
        };
        let by_event: Vec<&Rc<Provider>> = others.iter().filter(|other| knows(other)).collect();
        let ours = judgement.provider.as_ref().is_some_and(knows);
        // A signature that is there is another provider's only if the event says so.
        let likely = match (by_event.is_empty(), unsigned) {
            (false, _) if !ours || unsigned => by_event,
            (true, true) => others.iter().collect(),
            _ => return Ok(()),
        };
        if likely.is_empty() {
            return Ok(());
        }
        // With secrets of their own, which `verify` only looks up, the signature can settle it.
        if self.effort == Effort::FULL {
            for other in &likely {
                let seat = self.seat(&ProviderRef::default_edition(&other.name))?;
                let kind = ValueSource::first_string(&other.event_fields.event_type, request);
                let found = self.judge_as(&seat, kind, request, now);
                let timely = found.finding.as_ref().is_some_and(|finding| finding.cause.is_about_time());
                if found.status == Status::Valid || timely {
                    let works_as = other.name.clone();
                    let fault = Fault { cause: Cause::WrongScheme, works_as, differs_at: None, difference: None };
                    let secret = found.secret.unwrap_or(0);
                    let diagnosis = Diagnosis { faults: vec![fault], secret, signature: String::new() };
                    let Some(provider) = judgement.provider.clone() else { return Ok(()) };
                    let seen = Finding {
                        cause: Cause::WrongScheme,
                        message: String::new(),
                        header: None,
                        also: found
                            .finding
                            .and_then(|finding| finding.message.split_once("but ").map(|(_, clock)| clock.to_owned())),
                    };
                    claim(judgement, &provider, &seen, diagnosis);
                    judgement.message = format!("{}; you said -p {wanted}", judgement.message).into();
                    judgement.expected = None;
                    return Ok(());
                }
            }
        }
        let names: Vec<&str> = likely.iter().map(|other| other.name.as_str()).collect();
        judgement.message =
            format!("{}; this looks like {}, but you said -p {wanted}", judgement.message, either(&names)).into();
        judgement.looks_like = names.into_iter().map(str::to_owned).collect();
        Ok(())
    }

    /// Returns whether one more request may be probed at the time `now`.
    fn affords(&self, size: usize, now: i64) -> bool {
        let (second, count) = self.spent.get();
        let count = if second == now { count } else { 0 };
        self.spent.set((now, count.saturating_add(1)));
        size <= self.effort.largest && count < self.effort.per_second
    }

    /// Returns whether the request verifies by the scheme of another provider with the secrets of this one.
    fn other_scheme(&self, best: &Seat, ring: &Keyring, request: &Request<'_>, now: i64) -> Result<Option<Diagnosis>> {
        for name in self.catalog.candidates_for(request)? {
            if name == best.provider.name {
                continue;
            }
            let other = self.other(name)?;
            // If the two differ only in how a secret is read, that was probed already.
            if other.scheme.is_like(&best.provider.scheme) {
                continue;
            }
            let Ok(ring) = Keyring::new(&other.scheme, ring.secrets()) else { continue };
            let outcome = verify(&other.scheme, &ring, request, now, Tolerance::Unlimited).outcome;
            if let Ok(found) = outcome {
                let fault = Fault {
                    cause: Cause::WrongScheme,
                    works_as: other.name.clone(),
                    differs_at: None,
                    difference: None,
                };
                return Ok(Some(Diagnosis { faults: vec![fault], secret: found.secret, signature: String::new() }));
            }
        }
        Ok(None)
    }

    /// A provider without its secrets, read once.
    fn other(&self, name: &str) -> Result<Rc<Provider>> {
        let seat =
            self.seats.borrow().iter().find(|seat| seat.provider.name == name).map(|seat| Rc::clone(&seat.provider));
        let known = seat.or_else(|| self.others.borrow().iter().find(|other| other.name == name).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let other = Rc::new(self.catalog.load(&ProviderRef::default_edition(name))?);
        self.others.borrow_mut().push(Rc::clone(&other));
        Ok(other)
    }

    /// Those whose request it may be. What a sender sends has the same headers each time: the last answer is kept.
    fn circle(&self, request: &Request<'_>) -> Result<Rc<Circle>> {
        let headers = || request.headers.iter().map(|header| header.name);
        let is_it = |circle: &&Rc<Circle>| headers().eq(circle.headers.iter().map(String::as_str));
        if let Some(circle) = self.last.borrow().as_ref().filter(is_it) {
            return Ok(Rc::clone(circle));
        }
        let mut seats = Vec::new();
        for name in self.names(request)? {
            seats.push(self.seat(&name)?);
        }
        let mut certain = self.wanted.is_some();
        // A signature in the body counts if no header has one: to look for it, the body must be read.
        if !certain && seats.iter().any(|seat| signed_by_header(&seat.provider, request)) {
            seats.retain(|seat| signed_by_header(&seat.provider, request));
            certain = true;
        }
        let circle = Rc::new(Circle { headers: headers().map(str::to_owned).collect(), seats, certain });
        *self.last.borrow_mut() = Some(Rc::clone(&circle));
        Ok(circle)
    }

    fn names(&self, request: &Request<'_>) -> Result<Vec<ProviderRef>> {
        Ok(match &self.wanted {
            Some(wanted) => vec![wanted.clone()],
            None => self.catalog.candidates_for(request)?.into_iter().map(|name| self.edition_of(name)).collect(),
        })
    }

    fn edition_of(&self, provider: &str) -> ProviderRef {
        match &self.preferred {
            Some(preferred) if preferred.provider == provider => preferred.clone(),
            _ => ProviderRef::default_edition(provider),
        }
    }

    /// Scores how likely an invalid request is this provider's: by its signature first, then by its events.
    fn likelihood(&self, judgement: &Judgement) -> usize {
        let provider = judgement.provider.as_ref();
        let knows =
            |provider: &Rc<Provider>| judgement.event_type.as_ref().is_some_and(|kind| provider.has_event(kind));
        let preferred = |provider: &Rc<Provider>| {
            self.preferred.as_ref().is_some_and(|preferred| preferred.provider == provider.name)
        };
        let signed = judgement.finding.as_ref().is_some_and(|finding| finding.cause.is_about_time());
        // Between two that know the event, the form of the signature decides.
        let written = judgement.finding.as_ref().is_some_and(|finding| finding.cause == Cause::SecretMismatch);
        usize::from(judgement.status == Status::Valid) * 32
            + usize::from(signed) * 16
            + usize::from(written)
            + usize::from(judgement.status == Status::Invalid) * 8
            + usize::from(provider.is_some_and(knows)) * 3
            + usize::from(provider.is_some_and(preferred)) * 2
    }

    fn judge_as(&self, seat: &Seat, event_type: Option<String>, request: &Request<'_>, now: i64) -> Judgement {
        let provider = &seat.provider;
        let mut judgement = Judgement {
            status: Status::Unchecked,
            provider: Some(Rc::clone(provider)),
            event_type,
            event_id: ValueSource::first_string(&provider.event_fields.id, request),
            finding: None,
            message: Cow::Borrowed(""),
            secret: None,
            reading: None,
            age: None,
            detected: None,
            ambiguous: false,
            looks_like: Vec::new(),
            diagnosis: None,
            expected: None,
            refused_by: Vec::new(),
        };
        if !signed_by(provider, request) {
            let place = &provider.scheme.signature.from[0];
            judgement.status = Status::Unsigned;
            let message = format!("{place} is missing, so the request is not signed");
            judgement.message = message.clone().into();
            let header = Some(place.name().to_owned());
            judgement.finding = Some(Finding { cause: Cause::MissingHeader, message, header, also: None });
            return judgement;
        }
        let ring = match &seat.keys {
            Ok(ring) => ring,
            Err(flaw) => {
                judgement.message = format!("not checked as {}: {flaw}", provider.name).into();
                return judgement;
            }
        };
        let verification = verify(&provider.scheme, ring, request, now, self.tolerance);
        judgement.age = verification.age;
        match verification.outcome {
            Ok(found) => {
                judgement.status = Status::Valid;
                judgement.secret = Some(found.secret);
                if self.strict && provider.scheme.is_standard_webhooks() {
                    let secret = &ring.secrets()[found.secret];
                    let now = Some(now).filter(|_| self.tolerance != Tolerance::Unlimited);
                    judgement.refused_by = incompatibilities(request, secret, found.format, now);
                }
                let secrets = ring.secrets().len();
                judgement.message = if secrets == 1 {
                    Cow::Borrowed("the signature is right")
                } else {
                    format!("the signature is right: made with secret {} of {secrets}", found.secret + 1).into()
                };
                if ring.is_ambiguous(found.secret) {
                    let (name, words) = match found.format {
                        KeyFormat::Text => ("text", "as literal text, prefix included"),
                        _ => ("base64-without-prefix", "decoded from base64 after `whsec_`"),
                    };
                    judgement.reading = Some(name);
                    judgement.message = format!("{} (the secret works {words})", judgement.message).into();
                }
            }
            Err(finding) => {
                if self.effort == Effort::FULL {
                    judgement.expected = expected(&provider.scheme, ring, request);
                }
                judgement.status = Status::Invalid;
                judgement.message = finding.message.clone().into();
                judgement.finding = Some(finding);
            }
        }
        judgement
    }

    /// The answer to a handshake, where the request is one that may be answered: a signed one only when it is valid.
    ///
    /// # Errors
    /// A provider's data cannot be read.
    pub fn greet(&self, request: &Request<'_>, judgement: &Judgement) -> Result<Option<ChallengeResponse>> {
        let mut names: Vec<ProviderRef> = Vec::new();
        match &judgement.provider {
            // Most make no handshakes.
            Some(provider) if provider.challenges.is_empty() => return Ok(None),
            Some(provider) => {
                names.push(ProviderRef { provider: provider.name.clone(), edition: Some(provider.edition.clone()) });
            }
            None => names.extend(self.catalog.with_unsigned_challenge()?.into_iter().map(|name| self.edition_of(name))),
        }
        for name in names {
            let seat = self.seat(&name)?;
            let fitting = seat.provider.challenges.iter().find(|challenge| challenge.matches(request));
            if let (Some(challenge), Ok(ring)) = (fitting, &seat.keys)
                && (!challenge.signed || judgement.status == Status::Valid)
            {
                return Ok(challenge.respond(&seat.provider.scheme, ring.secrets(), request));
            }
        }
        Ok(None)
    }

    fn unsigned(&self, request: &Request<'_>) -> Result<Judgement> {
        let provider = self.fallback()?;
        let kind = serde_json::from_slice::<Value>(request.body)
            .ok()
            .and_then(|body| ["type", "event"].iter().find_map(|key| body.get(key)?.as_str().map(str::to_owned)));
        let message = "no known signature header found".to_owned();
        Ok(Judgement {
            status: Status::Unsigned,
            provider,
            event_type: kind,
            event_id: None,
            finding: Some(Finding { cause: Cause::MissingHeader, message: message.clone(), header: None, also: None }),
            message: message.into(),
            secret: None,
            reading: None,
            age: None,
            detected: None,
            ambiguous: false,
            looks_like: Vec::new(),
            diagnosis: None,
            expected: None,
            refused_by: Vec::new(),
        })
    }

    fn seat(&self, name: &ProviderRef) -> Result<Rc<Seat>> {
        let known = |seat: &&Rc<Seat>| {
            seat.provider.name == name.provider
                && name.edition.as_ref().is_none_or(|edition| *edition == seat.provider.edition)
        };
        if let Some(seat) = self.seats.borrow().iter().find(known) {
            return Ok(Rc::clone(seat));
        }
        let provider = self.catalog.load(name)?;
        let keys = (self.secrets)(&provider).map_err(|error| error.in_short()).and_then(|mut secrets| {
            // Of secrets that were given for no provider in particular, only those are meant that it can read.
            if self.wanted.is_none() && secrets.iter().any(|secret| provider.scheme.key(secret).is_ok()) {
                secrets.retain(|secret| provider.scheme.key(secret).is_ok());
            }
            Keyring::new(&provider.scheme, &secrets).map_err(|error| error.to_string())
        });
        let seat = Rc::new(Seat { provider: Rc::new(provider), keys });
        self.seats.borrow_mut().push(Rc::clone(&seat));
        Ok(seat)
    }
}

/// Puts what was reproduced in the place of what was only seen.
fn claim(judgement: &mut Judgement, provider: &Provider, seen: &Finding, diagnosis: Diagnosis) {
    let mut message = explanation::sentence(&provider.scheme, &diagnosis);
    if let Some(also) = &seen.also {
        message.push_str("; also, ");
        message.push_str(also);
    }
    judgement.message = message.clone().into();
    judgement.status = Status::Invalid;
    let header = seen.header.clone().filter(|_| seen.cause == Cause::MalformedHeader);
    judgement.finding = Some(Finding { cause: diagnosis.faults[0].cause, message, header, also: seen.also.clone() });
    judgement.diagnosis = Some(diagnosis);
}

/// Describes how one of the candidates was chosen, and says whether the choice is open. It is put together without a
/// formatter: a receiver makes one for each request.
fn detection(judgement: &Judgement, candidates: &[&Rc<Seat>], request: &Request<'_>) -> (String, bool) {
    let Some(provider) = &judgement.provider else { return (String::new(), true) };
    let others = || candidates.iter().map(|seat| seat.provider.name.as_str()).filter(|name| *name != provider.name);
    let mut text = String::with_capacity(128);
    let timely = judgement.finding.as_ref().is_some_and(|finding| finding.cause.is_about_time());
    let event = judgement.event_type.as_ref().filter(|kind| provider.has_event(kind));
    let verified = judgement.status == Status::Valid || timely;
    if candidates.len() > 1 && !verified && event.is_none() {
        text.push_str("unclear (");
        for (at, seat) in candidates.iter().enumerate() {
            text.extend([if at == 0 { "" } else { ", " }, &seat.provider.name]);
        }
        text.push_str("); choose one with -p NAME");
        return (text, true);
    }
    text.extend([&provider.name, " ("]);
    let scheme = &provider.scheme;
    let id = scheme.id.iter().flat_map(|rule| &rule.from);
    let timestamp = scheme.timestamp.iter().flat_map(|rule| &rule.from);
    match scheme.signature.from.iter().chain(id).chain(timestamp).find(|place| place.is_present(request)) {
        Some(ValueSource::Header(name)) => text.extend(["`", name, "`"]),
        Some(place) => text.push_str(&place.to_string()),
        None => text.push_str("a header"),
    }
    if candidates.len() > 1 {
        text.push_str(" is also used by ");
        for (at, name) in others().enumerate() {
            text.extend([if at == 0 { "" } else { ", " }, name]);
        }
        match event {
            _ if verified => text.extend(["; the signature is ", &provider.name, "'s"]),
            Some(kind) => text.extend(["; `", kind, "` is an event of ", &provider.name]),
            None => {}
        }
    }
    text.push(')');
    (text, false)
}

/// `a`, `a or b`, `a, b or c`.
fn either(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// Returns whether the request has a signature in a header of this provider's.
fn signed_by_header(provider: &Provider, request: &Request<'_>) -> bool {
    provider.scheme.signature.from.iter().filter_map(ValueSource::header).any(|name| request.has(name))
}

/// Returns whether the request has a signature where this provider puts it.
fn signed_by(provider: &Provider, request: &Request<'_>) -> bool {
    provider.scheme.signature.from.iter().any(|place| place.is_present(request))
}

/// Returns whether the request has any header of this provider's scheme.
fn partly_by(provider: &Provider, request: &Request<'_>) -> bool {
    let scheme = &provider.scheme;
    let places =
        scheme.id.iter().flat_map(|rule| &rule.from).chain(scheme.timestamp.iter().flat_map(|rule| &rule.from));
    places.filter_map(ValueSource::header).any(|name| request.has(name))
}
