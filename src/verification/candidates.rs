//! The providers that a request may come from.

use std::cell::RefCell;
use std::rc::Rc;

use crate::error::Result;
use crate::provider::{Catalog, Provider, ProviderRef, SecretLookup};
use crate::signing::{Keyring, Request, ValueSource};

/// A provider with its keys, or the reason why there are none.
pub(super) struct Candidate {
    pub(super) provider: Rc<Provider>,
    pub(super) keys: std::result::Result<Keyring, String>,
}

/// The providers that a request with certain headers may come from.
pub(super) struct CandidateSet {
    /// The names of the headers.
    headers: Vec<String>,
    /// The providers, in the order of the catalog.
    candidates: Vec<Rc<Candidate>>,
    /// True if the headers alone make each of them a candidate.
    conclusive: bool,
}

impl CandidateSet {
    /// Returns the candidates of this very request: the body may exclude some.
    pub(super) fn of_request(&self, request: &Request<'_>) -> Vec<&Rc<Candidate>> {
        let mut candidates: Vec<&Rc<Candidate>> = Vec::with_capacity(self.candidates.len());
        if self.conclusive {
            candidates.extend(&self.candidates);
            return candidates;
        }
        for belongs in [has_signature_of, has_scheme_header_of] {
            if candidates.is_empty() {
                candidates.extend(self.candidates.iter().filter(|candidate| belongs(&candidate.provider, request)));
            }
        }
        candidates
    }
}

/// Loads candidates, each provider once.
pub(super) struct CandidateLoader<'a> {
    pub(super) catalog: Rc<Catalog>,
    /// The provider that every request must come from.
    pub(super) required_provider: Option<ProviderRef>,
    /// The provider that is assumed if nothing else decides.
    pub(super) default_provider: Option<ProviderRef>,
    secrets: SecretLookup<'a>,
    candidates: RefCell<Vec<Rc<Candidate>>>,
    /// The candidates of the last request.
    last_candidates: RefCell<Option<Rc<CandidateSet>>>,
    /// Providers without their secrets, for trying their schemes.
    schemes_only: RefCell<Vec<Rc<Provider>>>,
}

impl<'a> CandidateLoader<'a> {
    pub(super) fn new(
        catalog: Rc<Catalog>,
        required_provider: Option<ProviderRef>,
        default_provider: Option<ProviderRef>,
        secrets: SecretLookup<'a>,
    ) -> Self {
        Self {
            catalog,
            required_provider,
            default_provider,
            secrets,
            candidates: RefCell::default(),
            last_candidates: RefCell::default(),
            schemes_only: RefCell::default(),
        }
    }

    /// Returns the candidates by the headers of a request. A sender's requests have the same headers each time, so the
    /// last result is kept.
    pub(super) fn candidates_for(&self, request: &Request<'_>) -> Result<Rc<CandidateSet>> {
        let headers = || request.headers.iter().map(|header| header.name);
        let is_same = |set: &&Rc<CandidateSet>| headers().eq(set.headers.iter().map(String::as_str));
        if let Some(set) = self.last_candidates.borrow().as_ref().filter(is_same) {
            return Ok(Rc::clone(set));
        }
        let mut candidates = Vec::new();
        for name in self.names_for(request)? {
            candidates.push(self.candidate(&name)?);
        }
        let mut conclusive = self.required_provider.is_some();
        // A signature in the body counts if no header has one: to look for it, the body must be read.
        if !conclusive && candidates.iter().any(|candidate| has_signature_header_of(&candidate.provider, request)) {
            candidates.retain(|candidate| has_signature_header_of(&candidate.provider, request));
            conclusive = true;
        }
        let set = Rc::new(CandidateSet { headers: headers().map(str::to_owned).collect(), candidates, conclusive });
        *self.last_candidates.borrow_mut() = Some(Rc::clone(&set));
        Ok(set)
    }

    fn names_for(&self, request: &Request<'_>) -> Result<Vec<ProviderRef>> {
        Ok(match &self.required_provider {
            Some(required) => vec![required.clone()],
            None => self.catalog.candidates_for(request)?.into_iter().map(|name| self.edition_of(name)).collect(),
        })
    }

    /// Returns the candidates of a request in other editions than the default one, where an edition is signed in another
    /// way and none is asked for.
    pub(super) fn other_editions(&self, request: &Request<'_>) -> Result<Vec<Rc<Candidate>>> {
        let mut found = Vec::new();
        for name in self.names_for(request)?.into_iter().filter(|name| name.edition.is_none()) {
            let default = Rc::clone(&self.candidate(&name)?.provider);
            for (edition, _) in default.editions.iter().filter(|(edition, _)| *edition != default.edition) {
                let name = ProviderRef { provider: default.name.clone(), edition: Some(edition.clone()) };
                let candidate = self.candidate(&name)?;
                let (scheme, other) = (&default.scheme, &candidate.provider.scheme);
                if scheme.content != other.content || scheme.signature.from != other.signature.from {
                    found.push(candidate);
                }
            }
        }
        Ok(found)
    }

    /// Returns a provider in the edition that is asked for, otherwise in its default edition.
    pub(super) fn edition_of(&self, provider: &str) -> ProviderRef {
        match &self.default_provider {
            Some(default) if default.provider == provider => default.clone(),
            _ => ProviderRef::default_edition(provider),
        }
    }

    /// Returns a provider with its keys.
    pub(super) fn candidate(&self, name: &ProviderRef) -> Result<Rc<Candidate>> {
        let is_known = |candidate: &&Rc<Candidate>| {
            candidate.provider.name == name.provider
                && name.edition.as_ref().is_none_or(|edition| *edition == candidate.provider.edition)
        };
        if let Some(candidate) = self.candidates.borrow().iter().find(is_known) {
            return Ok(Rc::clone(candidate));
        }
        let provider = self.catalog.load(name)?;
        let keys = (self.secrets)(&provider).map_err(|error| error.one_line()).and_then(|mut secrets| {
            // Secrets that were given for no provider in particular are for those that can read them.
            if self.required_provider.is_none() && secrets.iter().any(|secret| provider.scheme.key(secret).is_ok()) {
                secrets.retain(|secret| provider.scheme.key(secret).is_ok());
            }
            Keyring::new(&provider.scheme, &secrets).map_err(|error| error.to_string())
        });
        let candidate = Rc::new(Candidate { provider: Rc::new(provider), keys });
        self.candidates.borrow_mut().push(Rc::clone(&candidate));
        Ok(candidate)
    }

    /// Returns a provider without its secrets.
    pub(super) fn load_scheme(&self, name: &str) -> Result<Rc<Provider>> {
        let with_secrets = self
            .candidates
            .borrow()
            .iter()
            .find(|candidate| candidate.provider.name == name)
            .map(|candidate| Rc::clone(&candidate.provider));
        let known =
            with_secrets.or_else(|| self.schemes_only.borrow().iter().find(|other| other.name == name).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        let other = Rc::new(self.catalog.load(&ProviderRef::default_edition(name))?);
        self.schemes_only.borrow_mut().push(Rc::clone(&other));
        Ok(other)
    }
}

/// Returns whether the request has a signature in a header of this provider's.
fn has_signature_header_of(provider: &Provider, request: &Request<'_>) -> bool {
    provider.scheme.signature.from.iter().filter_map(ValueSource::header).any(|name| request.has(name))
}

/// Returns whether the request has a signature in a header or field of this provider's.
pub(super) fn has_signature_of(provider: &Provider, request: &Request<'_>) -> bool {
    provider.scheme.signature.from.iter().any(|source| source.is_present(request))
}

/// Returns whether the request has any header of this provider's scheme.
fn has_scheme_header_of(provider: &Provider, request: &Request<'_>) -> bool {
    let scheme = &provider.scheme;
    let sources =
        scheme.id.iter().flat_map(|rule| &rule.from).chain(scheme.timestamp.iter().flat_map(|rule| &rule.from));
    sources.filter_map(ValueSource::header).any(|name| request.has(name))
}
