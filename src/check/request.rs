//! The requests of checks: drafts of events, signed as the provider signs or in a way that is wrong on purpose.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Barrier;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::http::client::{Endpoint, WriteStep};
use crate::provider::{BodyFormat, Event, Provider, TemplateContext};
use crate::random::Rng;
use crate::signing::{
    Challenge, Encoding, Header, Keyring, Request, Scheme, Secret, SignInput, Tolerance, ValueSource, sign_timestamp,
    verify,
};

/// An event that is not signed yet. Each draft has an id of its own.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) event_type: String,
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// A text that is signed and sent in place of the time.
    pub(super) timestamp: Option<String>,
    /// The headers that do not belong to the signature.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Draft {
    /// Moves the time that is signed, by so many seconds.
    pub(super) fn shifted(mut self, seconds: i64) -> Self {
        self.at = self.at.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(self.at);
        self
    }

    /// Replaces the body.
    pub(super) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns the body as JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Changes the JSON of the body, and writes it as the provider does. `None` if it is not JSON.
    pub(super) fn edited(mut self, format: BodyFormat, edit: impl FnOnce(&mut Value)) -> Option<Self> {
        let mut value = self.json()?;
        edit(&mut value);
        self.body = format.write(&value).into();
        Some(self)
    }
}

/// The way in which a request is written to the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Transmission {
    /// `HTTP/1.0` with `connection: close`.
    pub(super) http_1_0: bool,
    /// `transfer-encoding: chunked`, a chunk for each part of the body.
    pub(super) chunked: bool,
    /// Offsets at which the body is split.
    pub(super) splits: Vec<usize>,
    /// The pause before each further part.
    pub(super) pause: Duration,
    /// Ask for the interim response 100 before the body.
    pub(super) expect_continue: bool,
    /// Announce the complete body and write only so much of it.
    pub(super) body_limit: Option<usize>,
    /// Send the last byte only when all requests of a group are here, or after this time.
    pub(super) barrier: Option<(Arc<Barrier>, Duration)>,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(super) struct CheckRequest {
    pub(super) method: String,
    /// Replaces the target of the endpoint.
    pub(super) target: Option<String>,
    pub(super) headers: Vec<(String, Bytes)>,
    pub(super) body: Bytes,
    pub(super) transmission: Transmission,
}

/// The time that a handler gets to respond with 100 to `expect: 100-continue`.
/// It is below every timeout of a provider, of which the shortest is 1 s.
const CONTINUE_TIMEOUT: Duration = Duration::from_millis(500);

impl CheckRequest {
    /// Returns all values of a header.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.headers.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the first value of a header as text.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.values(name).next().map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Replaces the values of a header by one.
    pub(super) fn set(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        let value = value.into();
        match self.headers.iter().position(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some(at) => {
                self.headers[at].1 = value;
                let mut index = 0;
                self.headers.retain(|(have, _)| {
                    index += 1;
                    index - 1 <= at || !have.eq_ignore_ascii_case(name)
                });
            }
            None => self.headers.push((name.to_owned(), value)),
        }
        self
    }

    /// Adds a header line.
    pub(super) fn and(mut self, name: &str, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Removes a header.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        self
    }

    /// Replaces the body after it was signed.
    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets how it is written.
    pub(super) fn sent(mut self, transmission: Transmission) -> Self {
        self.transmission = transmission;
        self
    }

    /// Returns the steps that write it.
    pub(super) fn steps(&self, target: &str, defaults: &[(String, Bytes)]) -> Vec<WriteStep> {
        let how = &self.transmission;
        let mut head = BytesMut::new();
        let version = if how.http_1_0 { "1.0" } else { "1.1" };
        head.extend_from_slice(format!("{} {target} HTTP/{version}\r\n", self.method).as_bytes());
        let mut line = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        for (name, value) in defaults.iter().filter(|(name, _)| self.values(name).next().is_none()) {
            line(name, value);
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        if how.http_1_0 {
            line("connection", b"close");
        }
        if how.chunked {
            line("transfer-encoding", b"chunked");
        } else if !self.body.is_empty() || !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE") {
            line("content-length", self.body.len().to_string().as_bytes());
        }
        if how.expect_continue {
            line("expect", b"100-continue");
        }
        head.extend_from_slice(b"\r\n");
        self.write_body(head)
    }

    fn write_body(&self, mut head: BytesMut) -> Vec<WriteStep> {
        let how = &self.transmission;
        let mut steps = Vec::new();
        let mut parts = split(&self.body.slice(..how.body_limit.unwrap_or(self.body.len())), &how.splits);
        if how.chunked {
            parts = parts.iter().map(|part| chunk(part)).collect();
            parts.push(Bytes::from_static(b"0\r\n\r\n"));
        }
        if let Some((barrier, limit)) = &how.barrier {
            let last = parts.pop().unwrap_or_default();
            let kept = last.len().saturating_sub(1);
            for part in parts {
                head.extend_from_slice(&part);
            }
            head.extend_from_slice(&last[..kept]);
            let end = if last.is_empty() { head.split_off(head.len() - 1).freeze() } else { last.slice(kept..) };
            steps.push(WriteStep::Bytes(head.freeze()));
            steps.push(WriteStep::AwaitOthers(Arc::clone(barrier), *limit));
            steps.push(WriteStep::Bytes(end));
            return steps;
        }
        if how.expect_continue {
            steps.push(WriteStep::Bytes(head.split().freeze()));
            steps.push(WriteStep::AwaitContinue(CONTINUE_TIMEOUT));
        }
        for (index, part) in parts.into_iter().enumerate() {
            // Head and body go into one packet where they fit.
            if index == 0 && how.splits.is_empty() {
                head.extend_from_slice(&part);
                continue;
            }
            if !head.is_empty() {
                steps.push(WriteStep::Bytes(head.split().freeze()));
            }
            if !how.pause.is_zero() {
                steps.push(WriteStep::Pause(how.pause));
            }
            steps.push(WriteStep::Bytes(part));
        }
        if !head.is_empty() {
            steps.push(WriteStep::Bytes(head.freeze()));
        }
        steps
    }
}

fn split(body: &Bytes, at: &[usize]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut start = 0;
    for end in at.iter().copied().filter(|end| *end < body.len()) {
        parts.push(body.slice(start..end));
        start = end;
    }
    parts.push(body.slice(start..));
    parts
}

fn chunk(part: &[u8]) -> Bytes {
    let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
    if part.is_empty() {
        return Bytes::new();
    }
    chunk.extend_from_slice(part);
    chunk.extend_from_slice(b"\r\n");
    chunk.into()
}

/// A way to make a key of the text of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretReading {
    Text,
    WithoutPrefix,
    Base64,
    Hex,
}

/// Builds the requests of a run. The same seed gives the same ids and values in the same order.
pub(super) struct RequestBuilder {
    pub(super) provider: Provider,
    /// The events that are sent, in the provider's order.
    pub(super) events: Vec<Event>,
    /// The provider's other editions, if they are signed in the same way.
    pub(super) editions: Vec<Provider>,
    pub(super) secrets: Vec<Secret>,
    pub(super) retired_secret: Option<Secret>,
    pub(super) url: String,
    /// Path and query of the handler.
    pub(super) target: String,
    pub(super) clock: Clock,
    pub(super) seed: u64,
    keyring: Keyring,
    drafts: Cell<u64>,
}

impl RequestBuilder {
    /// Makes a builder that signs with the first secret.
    ///
    /// # Errors
    /// The provider cannot sign with it.
    pub(super) fn new(
        provider: Provider,
        events: Vec<Event>,
        secrets: Vec<Secret>,
        endpoint: &Endpoint,
        clock: Clock,
        seed: u64,
    ) -> Result<Self> {
        let (url, target) = (endpoint.wire_url(), endpoint.target());
        let keyring = Keyring::new(&provider.scheme, secrets.get(..1).unwrap_or_default())
            .map_err(|error| cannot_sign(&provider, error))?;
        Ok(Self {
            provider,
            events,
            editions: Vec::new(),
            secrets,
            retired_secret: None,
            url,
            target,
            clock,
            seed,
            keyring,
            drafts: Cell::new(0),
        })
    }

    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(super) fn scheme(&self) -> &Scheme {
        &self.provider.scheme
    }

    pub(super) fn format(&self) -> BodyFormat {
        self.provider.body_format
    }

    /// True if the bodies are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.provider.body_format != BodyFormat::Form
    }

    /// Returns the header of the signature, unless the signature is part of the body.
    pub(super) fn signature_header(&self) -> Option<&str> {
        self.scheme().signature.from[0].header()
    }

    /// Returns the header of the signed id.
    pub(super) fn id_header(&self) -> Option<&str> {
        self.scheme().id.as_ref()?.from[0].header()
    }

    /// Returns the header of the timestamp.
    pub(super) fn timestamp_header(&self) -> Option<&str> {
        self.scheme().timestamp.as_ref()?.from[0].header()
    }

    /// Returns the tolerated age in seconds, if a correct handler must reject older requests.
    pub(super) fn max_age(&self) -> Option<i64> {
        let rule = self.scheme().timestamp.as_ref()?;
        rule.max_age.and_then(|age| i64::try_from(age).ok())
    }

    /// Returns the JSON pointers of the values that the scheme or the provider's events need: their signature, time,
    /// id and type.
    pub(super) fn needed_pointers(&self) -> Vec<String> {
        let scheme = self.scheme();
        let places = scheme.signature.from.iter();
        let places = places.chain(scheme.id.iter().flat_map(|rule| &rule.from));
        let places = places.chain(scheme.timestamp.iter().flat_map(|rule| &rule.from));
        let fields = &self.provider.event_fields;
        let places = places.chain(&fields.event_type).chain(&fields.id);
        let pointers = places.filter_map(|place| match place {
            ValueSource::Json(pointer) => Some(pointer.clone()),
            _ => None,
        });
        pointers.chain(scheme.content.json_pointers()).collect()
    }

    /// Returns the JSON pointers of the event's type.
    pub(super) fn type_pointers(&self) -> Vec<String> {
        let places = self.provider.event_fields.event_type.iter();
        let pointers = places.filter_map(|place| match place {
            ValueSource::Json(pointer) => Some(pointer.clone()),
            _ => None,
        });
        pointers.collect()
    }

    /// Returns the header of the event's id, if it is a header that is not signed.
    pub(super) fn unsigned_id_header(&self) -> Option<String> {
        let header = self.provider.event_fields.id.first()?.header()?;
        (self.id_header() != Some(header)).then(|| header.to_owned())
    }

    /// Returns the other keys that a handler may make of the secret, each once.
    pub(super) fn misread_keys(&self) -> Vec<(SecretReading, Vec<u8>)> {
        let Some(secret) = self.secrets.first() else { return Vec::new() };
        let text = secret.expose_secret();
        let bare = text.rsplit_once('_').map_or(text, |(_, rest)| rest).as_bytes();
        let all = [
            (SecretReading::Text, Some(text.as_bytes().to_vec())),
            (SecretReading::WithoutPrefix, Some(bare.to_vec())),
            (SecretReading::Base64, Encoding::Base64.decode(bare)),
            (SecretReading::Hex, Encoding::Hex.decode(bare)),
        ];
        let mut keys: Vec<(SecretReading, Vec<u8>)> = Vec::new();
        for (reading, key) in all.into_iter().filter_map(|(reading, key)| Some((reading, key?))) {
            if !key.is_empty() && keys.iter().all(|(_, have)| *have != key) && !self.is_own_key(&key) {
                keys.push((reading, key));
            }
        }
        keys
    }

    /// True if the scheme reads the secret as this key.
    fn is_own_key(&self, key: &[u8]) -> bool {
        let Ok(draft) = self.sample() else { return false };
        let other = self.sign_with_key(&draft, key);
        match (self.sign(&draft), other) {
            (Ok(own), Some(Ok(other))) => own.headers == other.headers && own.body == other.body,
            _ => false,
        }
    }

    /// Makes the request of a challenge; nothing if it needs values that only the user knows.
    pub(super) fn challenge(&self, challenge: &Challenge) -> Result<Option<CheckRequest>> {
        let ValueSource::Json(trigger) = &challenge.trigger else { return Ok(None) };
        let mut body = Value::Object(serde_json::Map::new());
        let equals = challenge.equals.clone().unwrap_or_else(|| "whk-check".to_owned());
        // A number in the manifest's text is a number in the body.
        let equals = equals.parse::<i64>().map_or_else(|_| Value::from(equals.clone()), Value::from);
        insert(&mut body, trigger, equals);
        for (start, _) in challenge.body_template.match_indices('{') {
            let inside = challenge.body_template[start + 1..].split('}').next().unwrap_or_default();
            let pointer = inside.strip_prefix("json:").or_else(|| inside.strip_prefix("hmac:"));
            if let Some(pointer) = pointer.filter(|pointer| pointer.starts_with('/')) {
                let token = Rng::for_event(self.seed, u64::MAX).string(b"abcdefghijklmnopqrstuvwxyz0123456789", 22);
                insert(&mut body, pointer, token.into());
            }
        }
        let draft = self.sample()?;
        let draft = draft.with_body(self.format().write(&body));
        let mut request = self.sign(&draft)?;
        challenge.method.clone_into(&mut request.method);
        Ok(Some(request))
    }

    /// Makes a draft of the first event.
    pub(super) fn sample(&self) -> Result<Draft> {
        let event = self.events.first();
        self.draft(event.expect("a run has an event"))
    }

    /// Makes a draft of an event, with an id and values of its own.
    pub(super) fn draft(&self, event: &Event) -> Result<Draft> {
        self.draft_of(&self.provider, event)
    }

    /// Makes a draft of an event of another edition.
    pub(super) fn draft_of(&self, provider: &Provider, event: &Event) -> Result<Draft> {
        let values = provider.values(self.random(), self.clock.now());
        self.draft_from(provider, event, &values)
    }

    /// Makes drafts of the events of one scenario, in its order; nothing if there is none with several events.
    pub(super) fn scenario(&self) -> Result<Vec<Draft>> {
        let provider = &self.provider;
        let Some(scenario) = provider.scenarios.iter().find(|scenario| scenario.steps.len() > 1) else {
            return Ok(Vec::new());
        };
        let values = provider.scenario_values(scenario, self.random(), self.clock.now());
        let events = scenario.steps.iter().filter_map(|step| provider.event(&step.event_type));
        events.map(|event| self.draft_from(provider, event, &values)).collect()
    }

    fn random(&self) -> Rng {
        Rng::for_event(self.seed, self.drafts.replace(self.drafts.get() + 1))
    }

    fn draft_from(&self, provider: &Provider, event: &Event, values: &TemplateContext<'_>) -> Result<Draft> {
        let now = self.clock.now();
        let id = provider.new_id(values)?;
        values.set("id", id.as_str());
        let body = event.render(provider, values, &[])?.body;
        values.set("type", event.event_type.as_str());
        let headers = provider.render_headers(values)?;
        Ok(Draft { event_type: event.event_type.clone(), id, at: now, timestamp: None, headers, body: body.into() })
    }

    /// Signs a draft as the provider does.
    pub(super) fn sign(&self, draft: &Draft) -> Result<CheckRequest> {
        self.sign_with(draft, self.scheme(), &self.keyring, &self.url)
    }

    /// Signs a draft for another URL.
    pub(super) fn sign_at(&self, draft: &Draft, url: &str) -> Result<CheckRequest> {
        self.sign_with(draft, self.scheme(), &self.keyring, url)
    }

    /// Makes a valid request of the first event.
    pub(super) fn valid(&self) -> Result<CheckRequest> {
        self.sign(&self.sample()?)
    }

    /// Signs with these secrets.
    pub(super) fn sign_with_secrets(&self, draft: &Draft, secrets: &[Secret]) -> Result<CheckRequest> {
        let keyring = Keyring::new(self.scheme(), secrets).map_err(|error| cannot_sign(&self.provider, error))?;
        self.sign_with(draft, self.scheme(), &keyring, &self.url)
    }

    /// Signs with a changed scheme, with the same secret.
    pub(super) fn sign_as(&self, draft: &Draft, scheme: &Scheme) -> Result<CheckRequest> {
        let keyring = Keyring::new(scheme, self.secrets.get(..1).unwrap_or_default())
            .map_err(|error| cannot_sign(&self.provider, error))?;
        self.sign_with(draft, scheme, &keyring, &self.url)
    }

    /// Signs with a shared key of any bytes. `None` if the scheme signs with key pairs.
    pub(super) fn sign_with_key(&self, draft: &Draft, key: &[u8]) -> Option<Result<CheckRequest>> {
        let keyring = Keyring::from_shared_key(self.scheme(), key)?;
        Some(self.sign_with(draft, self.scheme(), &keyring, &self.url))
    }

    fn sign_with(&self, draft: &Draft, scheme: &Scheme, keyring: &Keyring, url: &str) -> Result<CheckRequest> {
        let mut body = draft.body.clone();
        if let Some(timed) = self.provider.with_timestamp(&body, draft.at) {
            body = timed.into();
        }
        if let (Some(text), Some(ValueSource::Json(pointer))) =
            (&draft.timestamp, scheme.timestamp.as_ref().map(|rule| &rule.from[0]))
            && let Ok(changed) = self.format().set_pointer(&body, pointer, text.as_str().into())
        {
            body = changed.into();
        }
        let input = SignInput {
            id: &draft.id,
            at: draft.at.as_millisecond(),
            method: "POST",
            body: &body,
            url,
            headers: &draft.headers,
        };
        let signed = sign_timestamp(scheme, keyring, &input, draft.timestamp.as_deref())
            .map_err(|error| cannot_sign(&self.provider, error))?;
        if let Some((pointer, signature)) = signed.in_body {
            let changed = self.format().set_pointer(&body, &pointer, signature.into());
            body = changed.map_err(|error| cannot_sign(&self.provider, error))?.into();
        }
        let headers = draft.headers.iter().cloned().chain(signed.headers);
        Ok(CheckRequest {
            method: "POST".to_owned(),
            target: None,
            headers: headers.map(|(name, value)| (name, Bytes::from(value))).collect(),
            body,
            transmission: Transmission::default(),
        })
    }

    /// Removes the further signatures that are valid, of a request that a handler must reject: a handler that verifies
    /// one of them would be right to accept it.
    pub(super) fn remove_valid_additional(&self, request: &mut CheckRequest) {
        for (other, keyring) in self.scheme().additional.iter().zip(self.keyring.additional()) {
            let headers: Vec<Header<'_>> = request.headers.iter().map(|(name, value)| Header { name, value }).collect();
            let method = &request.method;
            let signed = Request { method, url: &self.url, headers: &headers, body: &request.body };
            let valid = verify(other, keyring, &signed, 0, Tolerance::Unlimited).outcome.is_ok();
            if let Some(name) = other.signature.from[0].header().filter(|_| valid) {
                request.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
            }
        }
    }

    /// Returns the text of the signature of a request; nothing if it is part of the body.
    pub(super) fn signature(&self, request: &CheckRequest) -> Option<String> {
        request.value(self.signature_header()?)
    }

    /// Returns the text between the first pattern's literal parts, of a signature header with one entry.
    pub(super) fn bare_signature(&self, request: &CheckRequest) -> Option<String> {
        let text = self.signature(request)?;
        let format = &self.scheme().formats[0];
        let separator = self.scheme().signature.separator.as_deref();
        let mut entries = separator.map_or_else(|| vec![text.as_str()], |separator| text.split(separator).collect());
        entries.reverse();
        entries.iter().find_map(|entry| {
            let found = format.pattern.extract(entry.as_bytes())?;
            String::from_utf8(found.to_vec()).ok()
        })
    }

    /// Replaces the bare signature of a request; the text around it stays.
    pub(super) fn with_bare_signature(
        &self,
        request: CheckRequest,
        signature: impl AsRef<[u8]>,
    ) -> Option<CheckRequest> {
        let bare = self.bare_signature(&request)?;
        let header = self.signature_header()?;
        let text = self.signature(&request)?;
        let at = text.rfind(&bare)?;
        let mut value = text.as_bytes()[..at].to_vec();
        value.extend_from_slice(signature.as_ref());
        value.extend_from_slice(&text.as_bytes()[at + bare.len()..]);
        Some(request.set(header, value))
    }
}

/// Sets a value in nested objects, which are made if they are absent.
fn insert(body: &mut Value, pointer: &str, value: Value) {
    let mut at = body;
    for key in pointer.split('/').skip(1) {
        let Value::Object(fields) = at else { return };
        at = fields.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    *at = value;
}

fn cannot_sign(provider: &Provider, reason: impl std::fmt::Display) -> Error {
    Error::new(format!("cannot sign as {}", provider.title)).cause(reason)
}
