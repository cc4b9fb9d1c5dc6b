//! The request that a record becomes: signed anew or as it was, with the changes that are asked for.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::Context;
use super::input::Signature;
use crate::capture::Capture;
use crate::cli::{ReplayArgs, Schedule};
use crate::deliver::{Endpoint, HopByHopHeaders, Outgoing};
use crate::error::{Error, Result};
use crate::provider::{DeliveryPolicy, Edit, Provider, ProviderRef};
use crate::random::Rng;
use crate::signing::{Keyring, SignInput, Tolerance, ValueSource};

/// Headers that the client writes itself.
const WRITTEN_ANEW: [&str; 2] = ["content-length", "host"];

/// One provider, as its requests are sent again.
pub(super) struct Sender {
    pub(super) provider: Option<Provider>,
    /// The keys; none where the secret is not known.
    ring: Option<Keyring>,
    /// When and how its deliveries are repeated.
    pub(super) terms: Rc<DeliveryPolicy>,
}

impl Sender {
    /// The name of the provider for people.
    pub(super) fn title(&self) -> &str {
        self.provider.as_ref().map_or("unknown provider", |provider| provider.title.as_str())
    }
}

/// Makes requests of records.
pub(super) struct Letters<'a> {
    context: &'a Context,
    flags: &'a ReplayArgs,
    endpoint: Endpoint,
    edits: Vec<Edit>,
    senders: RefCell<Vec<(Option<ProviderRef>, Rc<Sender>)>>,
    /// Whether each record keeps its own path and query.
    keeps_targets: bool,
    endpoints: RefCell<HashMap<String, (Endpoint, Rc<str>)>>,
}

/// How many targets are remembered.
const TARGETS: usize = 256;

/// How one record is sent.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) sender: Rc<Sender>,
    /// Whether it is signed anew.
    pub(super) resigned: bool,
    pub(super) endpoint: Endpoint,
    /// The endpoint without its query: what failures in a row are counted of.
    pub(super) place: Rc<str>,
    /// The id that is signed.
    id: String,
}

impl<'a> Letters<'a> {
    pub(super) fn new(context: &'a Context, flags: &'a ReplayArgs, endpoint: Endpoint) -> Self {
        let edits = flags.sets.iter().chain(&flags.unsets).cloned().collect();
        let keeps_targets = endpoint.target() == "/";
        let (senders, endpoints) = (RefCell::default(), RefCell::default());
        Self { context, flags, endpoint, edits, senders, keeps_targets, endpoints }
    }

    /// How a record is sent. What cannot be made into a request is found out here, not after a wait.
    ///
    /// # Errors
    /// It is to be signed, and there is nothing to sign it with; or no request can be made of it.
    pub(super) fn way(&self, known: &Signature, capture: &Capture) -> Result<Way> {
        let way = self.unchecked(known, capture)?;
        self.check(capture, &way)?;
        Ok(way)
    }

    fn unchecked(&self, known: &Signature, capture: &Capture) -> Result<Way> {
        let sender = self.sender(known.provider.as_deref())?;
        let resigned = self.is_resigned(known, &sender)?;
        if !resigned && !self.edits.is_empty() {
            return Err(Error::new("a change needs a new signature").cause(why_not(known, &sender)).hint("--resign"));
        }
        let id = known.id.clone().filter(|id| !id.is_empty()).unwrap_or_default();
        let header = sender
            .provider
            .as_ref()
            .and_then(|provider| provider.scheme.id.as_ref())
            .and_then(|rule| capture.as_request(|request| ValueSource::first_string(&rule.from, request)));
        let mut id = header.unwrap_or(id);
        if id.is_empty()
            && let Some(provider) = sender.provider.as_ref().filter(|_| resigned)
        {
            id = new_id(provider, capture)?;
        }
        let (endpoint, place) = self.endpoint_of(capture)?;
        Ok(Way { sender, resigned, endpoint, place, id })
    }

    fn is_resigned(&self, known: &Signature, sender: &Sender) -> Result<bool> {
        if self.flags.verbatim {
            return Ok(false);
        }
        if self.flags.resign {
            return match (&sender.provider, &sender.ring) {
                (Some(_), Some(_)) => Ok(true),
                (Some(provider), None) => Err(Error::new(format!("no secret of {} is known", provider.title))
                    .hint("give it with -s env:NAME or -s file:PATH, or send it as it is: --verbatim")),
                (None, _) => Err(Error::new("it cannot be told whose request it is").hint("say whose: -p ahasend")),
            };
        }
        // What was not valid stays so: a forged request in the log must not become a genuine one.
        Ok(known.valid && sender.ring.is_some())
    }

    /// The provider with its keys and its schedule, looked up once.
    fn sender(&self, recorded: Option<&str>) -> Result<Rc<Sender>> {
        let name = self.name(recorded);
        if let Some((_, sender)) = self.senders.borrow().iter().find(|(known, _)| *known == name) {
            return Ok(Rc::clone(sender));
        }
        let provider = name.as_ref().map(|name| self.context.catalog.load(name)).transpose()?;
        let secrets = match &provider {
            Some(provider) => super::super::known_secrets(self.context, &self.flags.identity, provider)?,
            None => None,
        };
        let ring = match (&provider, secrets) {
            (Some(provider), Some(secrets)) => Keyring::new(&provider.scheme, &secrets).ok(),
            _ => None,
        };
        let terms = Rc::new(self.terms(provider.as_ref())?);
        let sender = Rc::new(Sender { provider, ring, terms });
        self.senders.borrow_mut().push((name, Rc::clone(&sender)));
        Ok(sender)
    }

    fn name(&self, recorded: Option<&str>) -> Option<ProviderRef> {
        let preferred = self.context.config.provider();
        match (&self.flags.identity.provider, recorded) {
            (Some(wanted), _) => Some(wanted.clone()),
            (None, Some(recorded)) => Some(
                preferred
                    .filter(|name| name.provider == recorded)
                    .unwrap_or_else(|| ProviderRef::default_edition(recorded)),
            ),
            (None, None) => None,
        }
    }

    fn terms(&self, provider: Option<&Provider>) -> Result<DeliveryPolicy> {
        let own = provider.map(|provider| provider.delivery.clone());
        let mut own = own.unwrap_or_default();
        match &self.flags.schedule {
            None => {}
            Some(Schedule::None) => {
                own.retries.clear();
                own.source = None;
            }
            Some(Schedule::Waits(waits)) => {
                own.retries.clone_from(waits);
                own.jitter = 0.0;
                own.source = None;
            }
            // What an attempt carries anew belongs to whoever signs it.
            Some(Schedule::Of(name)) => {
                own = DeliveryPolicy { refreshed: own.refreshed, ..self.context.catalog.load(name)?.delivery };
            }
        }
        Ok(own)
    }

    /// A URL without a path keeps the record's own path and query.
    fn endpoint_of(&self, capture: &Capture) -> Result<(Endpoint, Rc<str>)> {
        let target = if self.keeps_targets { path_of(&capture.target) } else { "" };
        let mut known = self.endpoints.borrow_mut();
        if let Some((endpoint, place)) = known.get(target) {
            return Ok((endpoint.clone(), Rc::clone(place)));
        }
        let endpoint = match target {
            "" => self.endpoint.clone(),
            _ if target.starts_with('/') => self.endpoint.with_target(target),
            _ => {
                return Err(Error::new(format!("it cannot be sent to `{target}`")).cause("its target is not a path"));
            }
        };
        let place: Rc<str> = endpoint.place().into();
        // Most logs have few targets; where each has its own, keeping them all would fill the memory.
        if known.len() >= TARGETS {
            known.clear();
        }
        known.insert(target.to_owned(), (endpoint.clone(), Rc::clone(&place)));
        Ok((endpoint, place))
    }

    /// The request of an attempt. `at` is the time that it carries.
    ///
    /// # Errors
    /// A change does not fit the body, or it cannot be signed.
    pub(super) fn outgoing(&self, capture: Capture, way: &Way, at: Timestamp) -> Result<Outgoing> {
        let method = Method::from_bytes(capture.method.as_bytes())
            .map_err(|_| Error::new(format!("`{}` is not a method", capture.method)))?;
        let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let connection = capture.headers.iter().filter(|(name, _)| is(name, "connection"));
        let hop = HopByHopHeaders::from_connection(connection.map(|(_, value)| value));
        let sent = |name: &str| !hop.contains(name) && !WRITTEN_ANEW.iter().any(|other| is(name, other));
        let mut headers: Vec<_> = capture.headers.into_pairs().filter(|(name, _)| sent(name)).collect();
        let mut body = capture.body;
        if way.resigned {
            body = self.signed(&method, &body, way, at, &mut headers)?;
        }
        for header in &self.flags.headers {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header.name));
            headers.push((header.name.clone(), Bytes::from(header.value.clone())));
        }
        Ok(Outgoing { method, endpoint: way.endpoint.clone(), headers, body })
    }

    /// Whether nothing is signed anew because that was asked for.
    pub(super) fn is_verbatim(&self) -> bool {
        self.flags.verbatim
    }

    /// Finds out whether a request can be made of a record, where that depends on the record.
    ///
    /// # Errors
    /// It cannot.
    fn check(&self, capture: &Capture, way: &Way) -> Result {
        let Some(provider) = way.sender.provider.as_ref().filter(|_| way.resigned) else { return Ok(()) };
        let scheme = &provider.scheme;
        let in_body = |from: &[ValueSource]| matches!(from.first(), Some(ValueSource::Json(_)));
        let timed = scheme.timestamp.as_ref().is_some_and(|rule| in_body(&rule.from));
        let id = scheme.id.as_ref().and_then(|rule| rule.forbidden.as_deref());
        if !self.edits.is_empty()
            || timed
            || in_body(&scheme.signature.from)
            || id.is_some_and(|id| way.id.contains(id))
        {
            self.outgoing(capture.clone(), way, self.context.now())?;
        }
        Ok(())
    }

    /// Puts a new signature among the headers; gives the body that goes with it.
    fn signed(
        &self,
        method: &Method,
        body: &Bytes,
        way: &Way,
        at: Timestamp,
        headers: &mut Vec<(String, Bytes)>,
    ) -> Result<Bytes> {
        let (provider, ring) = way.sender.provider.as_ref().zip(way.sender.ring.as_ref()).expect("it can be signed");
        let mut body = self.edited(provider, body)?;
        if let Some(timed) = provider.with_timestamp(&body, at) {
            body = timed.into();
        }
        let scheme = &provider.scheme;
        let places = scheme.id.iter().flat_map(|rule| &rule.from);
        let places = places.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from)).chain(&scheme.signature.from);
        let names: Vec<&str> = places.filter_map(ValueSource::header).collect();
        headers.retain(|(name, _)| !names.iter().any(|own| name.eq_ignore_ascii_case(own)));
        let signed = headers.iter().filter(|_| scheme.content.has_request());
        let beside: Vec<(String, String)> = signed
            .filter_map(|(name, value)| Some((name.clone(), std::str::from_utf8(value).ok()?.to_owned())))
            .collect();
        let url = if scheme.content.has_request() { way.endpoint.as_sent() } else { String::new() };
        let what = SignInput {
            id: &way.id,
            at: at.as_millisecond(),
            method: method.as_str(),
            body: &body,
            url: &url,
            headers: &beside,
        };
        let (signed, in_body) = provider.sign(ring, &what)?;
        headers.extend(signed.into_iter().map(|(name, value)| (name, Bytes::from(value))));
        Ok(in_body.map_or(body, Bytes::from))
    }

    fn edited(&self, provider: &Provider, body: &Bytes) -> Result<Bytes> {
        if self.edits.is_empty() {
            return Ok(body.clone());
        }
        let mut value: Value = serde_json::from_slice(body)
            .map_err(|error| Error::new("the body cannot be changed: it is not JSON").cause(error))?;
        for edit in &self.edits {
            edit.apply(&mut value).map_err(|_| Error::new(format!("there is no `{}` in it", edit.path())))?;
        }
        Ok(provider.body_format.write(&value).into())
    }

    /// How old a signature is that is sent as it was, where that is older than the provider's limit.
    pub(super) fn too_old(&self, way: &Way, capture: &Capture) -> Option<std::time::Duration> {
        let provider = way.sender.provider.as_ref().filter(|_| !way.resigned)?;
        let limit = provider.scheme.timestamp.as_ref()?.max_age?;
        let ring = way.sender.ring.as_ref();
        let now = self.context.now();
        // Where the time that was signed cannot be read without the secret, the time of receipt stands for it.
        let age = ring.and_then(|ring| {
            let checked = capture.as_request(|request| {
                crate::signing::verify(&provider.scheme, ring, request, now.as_second(), Tolerance::Unlimited)
            });
            checked.age
        });
        let age = age.or_else(|| capture.at.map(|at| now.as_second() - at.as_second()))?;
        u64::try_from(age).ok().filter(|age| *age > limit).map(std::time::Duration::from_secs)
    }
}

/// An id for a request that has none: the same whenever it is sent, so that a handler knows it again.
fn new_id(provider: &Provider, capture: &Capture) -> Result<String> {
    let hash = Sha256::digest(&capture.body);
    let seed = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
    provider.new_id(&provider.values(Rng::seeded(seed), Timestamp::UNIX_EPOCH))
}

/// The path and query of a target, which may be a whole URL.
fn path_of(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else { return target };
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

fn why_not(known: &Signature, sender: &Sender) -> String {
    match (&sender.provider, &sender.ring, known.valid) {
        (None, _, _) => "it cannot be told whose request it is".to_owned(),
        (Some(provider), None, _) => format!("no secret of {} is known", provider.title),
        (Some(_), Some(_), false) => "it was not valid when it was recorded, and stays as it is".to_owned(),
        (Some(_), Some(_), true) => "it is sent as it was".to_owned(),
    }
}
