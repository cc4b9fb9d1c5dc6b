//! Builds the request for a record: re-signed or verbatim, with the requested changes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::event_request::with_signed_parameters;
use super::record_selection::RecordIdentity;
use crate::capture::CapturedRequest;
use crate::clock::Clock;
use crate::delivery::Attempt;
use crate::duration::HumanDuration;
use crate::error::{Error, Result};
use crate::http::client::{Endpoint, HopByHopHeaders, OutgoingRequest};
use crate::provider::{BodyFormat, Catalog, DeliveryPolicy, Edit, EventAttempt, Provider, ProviderRef, SecretLookup};
use crate::random::Rng;
use crate::signing::{Keyring, SignInput, Tolerance, ValueSource};

/// Headers that the client computes itself.
const RECOMPUTED_HEADERS: [&str; 2] = ["content-length", "host"];

/// A provider with its keys and its delivery policy.
pub struct SigningProfile {
    /// The provider, if it is known.
    pub provider: Option<Provider>,
    /// The keys, if the secret is known.
    keyring: Option<Keyring>,
    /// The rules by which its deliveries are retried.
    pub policy: Rc<DeliveryPolicy>,
}

impl SigningProfile {
    /// Returns the name of the provider.
    #[must_use]
    pub fn name(&self) -> &str {
        self.provider.as_ref().map_or("", |provider| provider.name.as_str())
    }

    /// Returns the name of the provider for people.
    #[must_use]
    pub fn title(&self) -> &str {
        self.provider.as_ref().map_or("unknown provider", |provider| provider.title.as_str())
    }
}

/// The signatures of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureMode {
    /// Valid requests are re-signed if their secret is known; the others keep their signatures.
    #[default]
    Auto,
    /// All requests are re-signed.
    Resign,
    /// All requests keep their signatures.
    Verbatim,
}

/// The retries of a delivery, instead of the provider's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOverride {
    /// No retries.
    None,
    /// After these delays, without jitter.
    Delays(Vec<HumanDuration>),
    /// By the policy of this provider.
    Of(ProviderRef),
}

/// Options of [`RecordRequestFactory`].
#[derive(Clone, Debug)]
pub struct RecordRequestOptions {
    /// The provider of all records, instead of the recorded one.
    pub provider: Option<ProviderRef>,
    /// The edition of its provider, if a record names no edition.
    pub preferred: Option<ProviderRef>,
    /// The signatures of the requests.
    pub signatures: SignatureMode,
    /// Changes of the bodies.
    pub edits: Vec<Edit>,
    /// Headers that are added, or replace others.
    pub headers: Vec<(String, String)>,
    /// The retries, instead of the provider's own.
    pub retries: Option<RetryOverride>,
    /// Clock that the age of signatures is measured with.
    pub clock: Clock,
}

/// Builds requests for records.
pub struct RecordRequestFactory<'a> {
    options: RecordRequestOptions,
    endpoint: Endpoint,
    catalog: &'a Catalog,
    secrets: SecretLookup<'a>,
    profiles: RefCell<Vec<(Option<ProviderRef>, Rc<SigningProfile>)>>,
    /// True if each record keeps its own path and query.
    preserve_target: bool,
    endpoints: RefCell<HashMap<String, (Endpoint, Rc<str>)>>,
}

/// The most targets that are cached.
const TARGETS: usize = 256;

/// The way in which one record is sent.
#[derive(Clone)]
pub struct RequestPlan {
    /// The provider with its keys and its policy.
    pub profile: Rc<SigningProfile>,
    /// True if it is re-signed.
    pub resign: bool,
    /// The endpoint that it is sent to.
    pub endpoint: Endpoint,
    /// The endpoint without its query; failures in a row are counted for each.
    pub health_key: Rc<str>,
    /// The signed id.
    id: String,
    /// The event's type; empty if it is not known.
    event_type: String,
}

impl<'a> RecordRequestFactory<'a> {
    /// Makes the factory of requests to an endpoint. Without a path, each record keeps its own.
    pub fn new(
        options: RecordRequestOptions,
        endpoint: Endpoint,
        catalog: &'a Catalog,
        secrets: SecretLookup<'a>,
    ) -> Self {
        let preserve_target = endpoint.target() == "/";
        let (profiles, endpoints) = (RefCell::default(), RefCell::default());
        Self { options, endpoint, catalog, secrets, profiles, preserve_target, endpoints }
    }

    /// Plans the request for a record. A record that cannot be sent is rejected here, not after a wait.
    ///
    /// # Errors
    /// The record must be signed and its secret is not known, or no request can be built for it.
    pub fn plan(&self, known: &RecordIdentity, capture: &CapturedRequest) -> Result<RequestPlan> {
        let plan = self.resolve(known, capture)?;
        self.dry_build(capture, &plan)?;
        Ok(plan)
    }

    fn resolve(&self, known: &RecordIdentity, capture: &CapturedRequest) -> Result<RequestPlan> {
        let profile = self.profile(known.provider.as_deref())?;
        let resign = self.is_resigned(known, &profile)?;
        if !resign && !self.options.edits.is_empty() {
            return Err(Error::new("a change needs a new signature")
                .cause(unsigned_reason(known, &profile))
                .hint("--resign"));
        }
        let id = known.id.clone().filter(|id| !id.is_empty()).unwrap_or_default();
        let header = profile
            .provider
            .as_ref()
            .and_then(|provider| provider.scheme.id.as_ref())
            .and_then(|rule| capture.with_request(|request| ValueSource::first_string(&rule.from, request)));
        let mut id = header.unwrap_or(id);
        if id.is_empty()
            && let Some(provider) = profile.provider.as_ref().filter(|_| resign)
        {
            id = new_id(provider, capture)?;
        }
        let (endpoint, health_key) = self.endpoint_of(capture)?;
        let event_type = known.event_type.clone().unwrap_or_default();
        Ok(RequestPlan { profile, resign, endpoint, health_key, id, event_type })
    }

    fn is_resigned(&self, known: &RecordIdentity, profile: &SigningProfile) -> Result<bool> {
        match self.options.signatures {
            SignatureMode::Verbatim => Ok(false),
            // An invalid request stays invalid: a forged request in the log must not become a genuine one.
            SignatureMode::Auto => Ok(known.valid && profile.keyring.is_some()),
            SignatureMode::Resign => match (&profile.provider, &profile.keyring) {
                (Some(_), Some(_)) => Ok(true),
                (Some(provider), None) => Err(Error::new(format!("no secret of {} is known", provider.title))
                    .hint("give it with -s env:NAME, or send the original signature: --verbatim")),
                (None, _) => {
                    Err(Error::new("cannot determine the provider").hint("name it with -p, for example: -p ahasend"))
                }
            },
        }
    }

    /// Returns the provider with its keys and its policy, looked up once.
    fn profile(&self, recorded: Option<&str>) -> Result<Rc<SigningProfile>> {
        let name = self.name(recorded);
        if let Some((_, profile)) = self.profiles.borrow().iter().find(|(known, _)| *known == name) {
            return Ok(Rc::clone(profile));
        }
        let provider = name.as_ref().map(|name| self.catalog.load(name)).transpose()?;
        let keyring = match &provider {
            Some(provider) => Keyring::new(&provider.scheme, &(self.secrets)(provider)?).ok(),
            None => None,
        };
        let policy = Rc::new(self.policy(provider.as_ref())?);
        let profile = Rc::new(SigningProfile { provider, keyring, policy });
        self.profiles.borrow_mut().push((name, Rc::clone(&profile)));
        Ok(profile)
    }

    fn name(&self, recorded: Option<&str>) -> Option<ProviderRef> {
        match (&self.options.provider, recorded) {
            (Some(wanted), _) => Some(wanted.clone()),
            (None, Some(recorded)) => Some(
                self.options
                    .preferred
                    .clone()
                    .filter(|name| name.provider == recorded)
                    .unwrap_or_else(|| ProviderRef::default_edition(recorded)),
            ),
            (None, None) => None,
        }
    }

    fn policy(&self, provider: Option<&Provider>) -> Result<DeliveryPolicy> {
        let own = provider.map(|provider| provider.delivery.clone());
        let mut own = own.unwrap_or_default();
        match &self.options.retries {
            None => {}
            Some(RetryOverride::None) => {
                own.retries.clear();
                own.source = None;
            }
            Some(RetryOverride::Delays(delays)) => {
                own.retries.clone_from(delays);
                own.jitter = 0.0;
                own.source = None;
            }
            // The fields that a retry renews are those of the provider that signs it.
            Some(RetryOverride::Of(name)) => {
                own = DeliveryPolicy { refreshed: own.refreshed, ..self.catalog.load(name)?.delivery };
            }
        }
        Ok(own)
    }

    /// Returns the endpoint of a record: a URL without a path keeps the path and query of the record.
    fn endpoint_of(&self, capture: &CapturedRequest) -> Result<(Endpoint, Rc<str>)> {
        let target = if self.preserve_target { path_of(&capture.target) } else { "" };
        let mut known = self.endpoints.borrow_mut();
        if let Some((endpoint, place)) = known.get(target) {
            return Ok((endpoint.clone(), Rc::clone(place)));
        }
        let endpoint = match target {
            "" => self.endpoint.clone(),
            _ if target.starts_with('/') => self.endpoint.with_target(target),
            _ => {
                return Err(Error::new(format!("cannot send to `{target}`")).cause("the target is not a path"));
            }
        };
        let place: Rc<str> = endpoint.without_query().into();
        // Most logs have few targets. If each record has its own, keeping all of them would fill the memory.
        if known.len() >= TARGETS {
            known.clear();
        }
        known.insert(target.to_owned(), (endpoint.clone(), Rc::clone(&place)));
        Ok((endpoint, place))
    }

    /// Builds the request of an attempt. `at` is its timestamp.
    ///
    /// # Errors
    /// A change does not apply to the body, or the request cannot be signed.
    pub fn build(
        &self,
        capture: CapturedRequest,
        plan: &RequestPlan,
        at: Timestamp,
        attempt: &Attempt,
    ) -> Result<OutgoingRequest> {
        let method = Method::from_bytes(capture.method.as_bytes())
            .map_err(|_| Error::new(format!("`{}` is not a method", capture.method)))?;
        let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let connection = capture.headers.iter().filter(|(name, _)| is(name, "connection"));
        let hop = HopByHopHeaders::from_connection(connection.map(|(_, value)| value));
        let sent = |name: &str| !hop.contains(name) && !RECOMPUTED_HEADERS.iter().any(|other| is(name, other));
        let mut headers: Vec<_> = capture.headers.into_pairs().filter(|(name, _)| sent(name)).collect();
        let (mut body, mut endpoint) = (capture.body, plan.endpoint.clone());
        self.describe_attempt(plan, at, attempt, &mut headers)?;
        if plan.resign {
            body = self.resign(&method, &body, plan, (at, attempt.number), (&mut headers, &mut endpoint))?;
        }
        for (name, value) in &self.options.headers {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.push((name.clone(), Bytes::from(value.clone())));
        }
        Ok(OutgoingRequest { method, endpoint, headers, body })
    }

    /// True if all requests keep their signatures.
    pub fn is_verbatim(&self) -> bool {
        self.options.signatures == SignatureMode::Verbatim
    }

    /// Builds a request to see if that is possible, if it depends on the record.
    ///
    /// # Errors
    /// The request cannot be built.
    fn dry_build(&self, capture: &CapturedRequest, plan: &RequestPlan) -> Result {
        let Some(provider) = plan.profile.provider.as_ref().filter(|_| plan.resign) else { return Ok(()) };
        let scheme = &provider.scheme;
        let in_body = |from: &[ValueSource]| matches!(from.first(), Some(ValueSource::Json(_)));
        let timed = scheme.timestamp.as_ref().is_some_and(|rule| in_body(&rule.from));
        let id = scheme.id.as_ref().and_then(|rule| rule.forbidden.as_deref());
        if !self.options.edits.is_empty()
            || timed
            || in_body(&scheme.signature.from)
            || id.is_some_and(|id| plan.id.contains(id))
        {
            self.build(capture.clone(), plan, self.options.clock.now(), &Attempt::first())?;
        }
        Ok(())
    }

    /// Replaces the headers that describe an attempt, unless the request is sent verbatim. A time of sending stays with
    /// its signature.
    fn describe_attempt(
        &self,
        plan: &RequestPlan,
        at: Timestamp,
        attempt: &Attempt,
        headers: &mut Vec<(String, Bytes)>,
    ) -> Result {
        let Some(provider) = plan.profile.provider.as_ref().filter(|_| !self.is_verbatim()) else { return Ok(()) };
        let described = provider.render_attempt_headers(&EventAttempt {
            event_type: &plan.event_type,
            event_id: &plan.id,
            number: attempt.number,
            last_failure: attempt.last_failure,
            sent: plan.resign.then_some(at),
        })?;
        for (name, value) in described {
            let known = headers.iter().position(|(have, _)| have.eq_ignore_ascii_case(&name));
            match known {
                Some(index) if value.is_empty() => drop(headers.remove(index)),
                Some(index) => headers[index].1 = value.into(),
                None if value.is_empty() => {}
                None => headers.push((name, value.into())),
            }
        }
        Ok(())
    }

    /// Replaces the signature in the headers, and the parameters of the URL that belong to it; returns its body.
    fn resign(
        &self,
        method: &Method,
        body: &Bytes,
        plan: &RequestPlan,
        (at, attempt): (Timestamp, u32),
        (headers, endpoint): (&mut Vec<(String, Bytes)>, &mut Endpoint),
    ) -> Result<Bytes> {
        let (provider, keyring) = plan
            .profile
            .provider
            .as_ref()
            .zip(plan.profile.keyring.as_ref())
            .expect("a plan to re-sign has a provider and keys");
        let mut body = self.apply_edits(provider, body)?;
        if let Some(timed) = provider.with_timestamp(&body, at) {
            body = timed.into();
        }
        if let Some(counted) = provider.with_retry_count(&body, attempt.saturating_sub(1)) {
            body = counted.into();
        }
        let scheme = &provider.scheme;
        let places = scheme.id.iter().flat_map(|rule| &rule.from);
        let places = places.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
        let names = places.filter_map(ValueSource::header).chain(scheme.additional_headers());
        let names: Vec<&str> = names.collect();
        headers.retain(|(name, _)| !names.iter().any(|own| name.eq_ignore_ascii_case(own)));
        let signed = headers.iter().filter(|_| scheme.covers_request());
        let beside: Vec<(String, String)> = signed
            .filter_map(|(name, value)| Some((name.clone(), std::str::from_utf8(value).ok()?.to_owned())))
            .collect();
        let url = if scheme.covers_request() { plan.endpoint.wire_url() } else { String::new() };
        let what = SignInput {
            id: &plan.id,
            at: at.as_millisecond(),
            method: method.as_str(),
            body: &body,
            url: &url,
            headers: &beside,
        };
        let signature = provider.sign(keyring, &what)?;
        *endpoint = with_signed_parameters(endpoint, &signature.parameters);
        headers.extend(signature.headers.into_iter().map(|(name, value)| (name, Bytes::from(value))));
        Ok(signature.body.map_or(body, Bytes::from))
    }

    fn apply_edits(&self, provider: &Provider, body: &Bytes) -> Result<Bytes> {
        if self.options.edits.is_empty() {
            return Ok(body.clone());
        }
        let mut value: Value = serde_json::from_slice(body)
            .map_err(|error| Error::new("cannot change the body: it is not JSON").cause(error))?;
        for edit in &self.options.edits {
            edit.apply(&mut value).map_err(|_| Error::new(format!("there is no `{}` in the body", edit.path())))?;
        }
        // A provider of forms may also have sent JSON, as this body is.
        let format = if provider.body_format == BodyFormat::Form { BodyFormat::Compact } else { provider.body_format };
        Ok(format.write(&value).into())
    }

    /// Returns the age of an original signature if it exceeds the provider's limit.
    pub fn expired_by(&self, plan: &RequestPlan, capture: &CapturedRequest) -> Option<std::time::Duration> {
        let provider = plan.profile.provider.as_ref().filter(|_| !plan.resign)?;
        let limit = provider.scheme.timestamp.as_ref()?.max_age?;
        let keyring = plan.profile.keyring.as_ref();
        let now = self.options.clock.now();
        // If the signed time cannot be read without the secret, the time of receipt stands in for it.
        let age = keyring.and_then(|keyring| {
            let checked = capture.with_request(|request| {
                crate::signing::verify(&provider.scheme, keyring, request, now.as_second(), Tolerance::Unlimited)
            });
            checked.age
        });
        let age = age.or_else(|| capture.received_at.map(|at| now.as_second() - at.as_second()))?;
        u64::try_from(age).ok().filter(|age| *age > limit).map(std::time::Duration::from_secs)
    }
}

/// Returns an id for a request that has none. It is the same in every run, so that a handler can deduplicate.
fn new_id(provider: &Provider, capture: &CapturedRequest) -> Result<String> {
    let hash = Sha256::digest(&capture.body);
    let seed = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
    provider.new_id(&provider.values(Rng::seeded(seed), Timestamp::UNIX_EPOCH))
}

/// Returns the path and query of a target, which can be a whole URL.
fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else { return target };
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn unsigned_reason(known: &RecordIdentity, profile: &SigningProfile) -> String {
    match (&profile.provider, &profile.keyring, known.valid) {
        (None, _, _) => "its provider is not known".to_owned(),
        (Some(provider), None, _) => format!("no secret of {} is known", provider.title),
        (Some(_), Some(_), false) => "it was not valid when it was recorded, so it is not re-signed".to_owned(),
        (Some(_), Some(_), true) => "it is sent verbatim".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Headers;
    use crate::signing::Secret;

    fn options() -> RecordRequestOptions {
        RecordRequestOptions {
            provider: None,
            preferred: None,
            signatures: SignatureMode::Auto,
            edits: Vec::new(),
            headers: Vec::new(),
            retries: None,
            clock: Clock::Fixed(Timestamp::UNIX_EPOCH),
        }
    }

    fn identity(valid: bool) -> RecordIdentity {
        let text = |text: &str| Some(text.to_owned());
        RecordIdentity { valid, provider: text("standard"), event_type: text("a.made"), id: text("msg_1") }
    }

    fn capture() -> CapturedRequest {
        let headers: Headers = [
            ("host", "example.com"),
            ("x-kept", "1"),
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", "1"),
            ("webhook-signature", "v1,AAAA"),
        ]
        .into_iter()
        .collect();
        CapturedRequest {
            received_at: None,
            remote_addr: String::new(),
            method: "POST".into(),
            target: "/in?x=1".to_owned(),
            headers,
            body: Bytes::from_static(br#"{"n":1}"#),
        }
    }

    /// Builds the request of a record, with the secret of its provider or without one.
    fn build(options: RecordRequestOptions, valid: bool, has_secret: bool, url: &str) -> Result<OutgoingRequest> {
        let catalog = Catalog::new(Vec::new());
        let secret = || Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let secrets: SecretLookup<'_> = Box::new(move |_| Ok(has_secret.then(secret).into_iter().collect()));
        let factory = RecordRequestFactory::new(options, url.parse().unwrap(), &catalog, secrets);
        let plan = factory.plan(&identity(valid), &capture())?;
        factory.build(capture(), &plan, Timestamp::from_second(7).unwrap(), &Attempt::first())
    }

    fn header<'a>(request: &'a OutgoingRequest, name: &str) -> Option<&'a [u8]> {
        request.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &value[..])
    }

    const URL: &str = "http://127.0.0.1:9";

    #[test]
    fn only_a_valid_request_with_a_secret_is_re_signed() {
        for (valid, has_secret, mode, re_signed) in [
            (true, true, SignatureMode::Auto, true),
            (false, true, SignatureMode::Auto, false),
            (true, false, SignatureMode::Auto, false),
            (false, true, SignatureMode::Resign, true),
            (true, true, SignatureMode::Verbatim, false),
        ] {
            let options = RecordRequestOptions { signatures: mode, ..options() };
            let request = build(options, valid, has_secret, URL).unwrap();
            let expected: &[u8] = if re_signed { b"7" } else { b"1" };
            assert_eq!(header(&request, "webhook-timestamp"), Some(expected), "{valid} {has_secret} {mode:?}");
            assert_eq!(header(&request, "webhook-signature") == Some(b"v1,AAAA"), !re_signed);
            assert_eq!(header(&request, "x-kept"), Some(&b"1"[..]));
            assert_eq!(header(&request, "host"), None, "the client computes it");
        }
    }

    #[test]
    fn a_request_that_cannot_be_re_signed_is_an_error_before_it_is_due() {
        let resign = RecordRequestOptions { signatures: SignatureMode::Resign, ..options() };
        let error = build(resign, true, false, URL).unwrap_err();
        assert_eq!(error.one_line(), "no secret of Standard Webhooks is known");
        let edits = vec![Edit::set("n=2").unwrap()];
        let error = build(RecordRequestOptions { edits, ..options() }, false, true, URL).unwrap_err();
        assert!(error.one_line().starts_with("a change needs a new signature: "), "{}", error.one_line());
        let edits = vec![Edit::set("missing=2").unwrap()];
        let error = build(RecordRequestOptions { edits, ..options() }, true, true, URL).unwrap_err();
        assert_eq!(error.one_line(), "there is no `missing` in the body");
    }

    #[test]
    fn edits_and_headers_change_the_request() {
        let edits = vec![Edit::set("n:=2").unwrap()];
        let headers = vec![("X-Kept".to_owned(), "2".to_owned())];
        let request = build(RecordRequestOptions { edits, headers, ..options() }, true, true, URL).unwrap();
        assert_eq!(&request.body[..], br#"{"n":2}"#);
        assert_eq!((header(&request, "x-kept"), header(&request, "X-Kept")), (None, Some(&b"2"[..])));
    }

    #[test]
    fn a_url_without_a_path_keeps_the_targets_of_records() {
        for (url, expected) in [(URL, "/in?x=1"), ("http://127.0.0.1:9/hooks", "/hooks")] {
            assert_eq!(build(options(), true, true, url).unwrap().endpoint.target(), expected);
        }
    }

    #[test]
    fn retries_are_the_providers_unless_overridden() {
        let catalog = Catalog::new(Vec::new());
        let retries = |retries: Option<RetryOverride>| {
            let options = RecordRequestOptions { retries, ..options() };
            let factory = RecordRequestFactory::new(
                options,
                URL.parse().unwrap(),
                &catalog,
                Box::new(|_: &Provider| Ok(Vec::new())),
            );
            let plan = factory.plan(&identity(true), &capture()).unwrap();
            plan.profile.policy.retries.clone()
        };
        let load = |name: &str| catalog.load(&name.parse().unwrap()).unwrap().delivery.retries;
        assert_eq!(retries(None), load("standard"));
        assert_eq!(retries(Some(RetryOverride::None)), []);
        let delays: Vec<HumanDuration> = vec!["5s".parse().unwrap()];
        assert_eq!(retries(Some(RetryOverride::Delays(delays.clone()))), delays);
        assert_eq!(retries(Some(RetryOverride::Of("ahasend".parse().unwrap()))), load("ahasend"));
    }
}
