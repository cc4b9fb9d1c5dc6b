//! What needs secrets or sends something: why a signature is not valid, and a replay with changes.
//!
//! These parts belong to one thread, so the page asks them by messages.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::capture::{CapturedRequest, Headers, LoggedOutcome};
use crate::clock::Clock;
use crate::delivery::Attempt;
use crate::error::{Error, ErrorKind, Result};
use crate::http::client::{Endpoint, HttpClient};
use crate::provider::{Catalog, Provider, ProviderRef, SecretLookup};
use crate::sender::{RecordIdentity, RecordRequestFactory, RecordRequestOptions, RetryOverride, SignatureMode};
use crate::signing::Secret;
use crate::verification::{Verdict, Verifier, remedy};

/// Time limit for the response to a replay: longer than any provider waits, so that a handler can be debugged.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(60);

/// The most commands that wait. The page has one person in front of it.
const QUEUE_CAPACITY: usize = 64;

/// Names the source of a provider's configured secret with this index; `None` for the development secret.
pub type SecretSource = Box<dyn Fn(&Provider, usize) -> Option<String>>;

/// Returns the secrets of a provider, for verification and for signing.
pub type SharedSecretLookup = Rc<dyn Fn(&Provider) -> Result<Vec<Secret>>>;

/// The parts and the options of an [`Inspector`].
pub struct InspectorOptions {
    /// Verifies with the same secrets as the receiver.
    pub verifier: Verifier<'static>,
    /// The providers.
    pub catalog: Rc<Catalog>,
    /// Returns the secrets of a provider.
    pub secrets: SharedSecretLookup,
    /// Names secrets in remedies.
    pub secret_source: SecretSource,
    /// The provider of all requests, if it is named.
    pub provider: Option<ProviderRef>,
    /// The edition of a provider, if a record names none.
    pub preferred: Option<ProviderRef>,
    /// The address that requests are resent to, unless another is named.
    pub target: Endpoint,
    /// True to accept any certificate of that address, such as one of our own.
    pub target_insecure: bool,
    /// True to accept any certificate of another address.
    pub insecure: bool,
    /// The clock of signatures.
    pub clock: Clock,
}

/// A command to the inspector, with the place for its result.
#[derive(Debug)]
pub enum InspectorCommand {
    /// Explains the verdict on a record.
    Explain {
        /// The record.
        json: Bytes,
        /// The result.
        reply: oneshot::Sender<Result<Explanation>>,
    },
    /// Describes how the provider of a record delivers it.
    Schedule {
        /// The record.
        json: Bytes,
        /// The result.
        reply: oneshot::Sender<Result<Option<Schedule>>>,
    },
    /// Resends a record.
    Replay {
        /// The record.
        json: Bytes,
        /// The changes.
        edits: ReplayEdits,
        /// The result.
        reply: oneshot::Sender<Result<ReplayOutcome>>,
    },
}

impl InspectorCommand {
    /// Returns the record that it is about.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        match self {
            Self::Explain { json, .. } | Self::Schedule { json, .. } | Self::Replay { json, .. } => json,
        }
    }

    /// Reports that it cannot be executed.
    pub fn fail(self, error: Error) {
        match self {
            Self::Explain { reply, .. } => drop(reply.send(Err(error))),
            Self::Schedule { reply, .. } => drop(reply.send(Err(error))),
            Self::Replay { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// Changes of a request that is resent.
#[derive(Clone, Debug, Default)]
pub struct ReplayEdits {
    /// The address, instead of the listener's own.
    pub url: Option<Endpoint>,
    /// Headers that replace all of their name; without a value they are removed.
    pub headers: Vec<(String, Option<String>)>,
    /// The body, instead of the recorded one.
    pub body: Option<Bytes>,
    /// True to sign it again, false to keep the signature. By default, a request that was valid or is changed is signed
    /// again if its secret is known.
    pub resign: Option<bool>,
}

/// The response to a request that was resent.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// The status.
    pub status: u16,
    /// The time it took.
    pub duration: Duration,
    /// The headers.
    pub headers: Vec<(String, Bytes)>,
    /// The body, cut if it is very long.
    pub body: Bytes,
    /// True if the request was signed again.
    pub resigned: bool,
}

/// The verdict on a request, with its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    status: &'static str,
    provider: Option<String>,
    title: Option<String>,
    event_type: Option<String>,
    event_id: Option<String>,
    cause: Option<&'static str>,
    message: String,
    fix: Option<String>,
    detected: Option<String>,
    age_s: Option<i64>,
    works_as: Vec<String>,
    /// The text that was signed, and the text that was received, around the first difference.
    difference: Option<(String, String)>,
    /// True if a secret is known, so that a replay can be signed again.
    can_sign: bool,
}

/// The times at which a provider makes its attempts.
#[derive(Clone, Debug, Serialize)]
pub struct Schedule {
    provider: String,
    title: String,
    /// The time of each attempt after the first one, in seconds from the first, as planned.
    attempts_s: Vec<f64>,
    /// Random variation of each delay, as a share of it.
    jitter: f64,
    /// The document that describes it.
    source: Option<String>,
}

/// Explains and resends requests; see [`InspectorCommand`].
pub struct Inspector {
    options: InspectorOptions,
}

impl Inspector {
    /// Makes an inspector.
    #[must_use]
    pub fn new(options: InspectorOptions) -> Self {
        Self { options }
    }

    /// Creates the queue of commands.
    #[must_use]
    pub fn queue() -> (mpsc::Sender<InspectorCommand>, mpsc::Receiver<InspectorCommand>) {
        mpsc::channel(QUEUE_CAPACITY)
    }

    /// Executes commands until no one can send any. A replay does not hold up the others. Needs a `LocalSet`.
    pub async fn run(self, mut commands: mpsc::Receiver<InspectorCommand>) {
        let this = Rc::new(self);
        while let Some(command) = commands.recv().await {
            let this = Rc::clone(&this);
            tokio::task::spawn_local(async move { this.execute(command).await });
        }
    }

    /// Executes a command. Nobody waits for a result that cannot be delivered.
    pub async fn execute(&self, command: InspectorCommand) {
        match command {
            InspectorCommand::Explain { json, reply } => drop(reply.send(self.explain(&json))),
            InspectorCommand::Schedule { json, reply } => drop(reply.send(self.schedule(&json))),
            InspectorCommand::Replay { json, edits, reply } => drop(reply.send(self.replay(&json, edits).await)),
        }
    }

    fn explain(&self, json: &[u8]) -> Result<Explanation> {
        let (capture, _) = read(json)?;
        let at = capture.received_at.unwrap_or_else(|| self.options.clock.now());
        let verdict = capture.with_request(|request| self.options.verifier.verify(request, at.as_second()))?;
        let fix = remedy::remedy_for(&verdict, &capture.body, &self.options.secret_source);
        let can_sign = match &verdict.provider {
            Some(provider) => !(self.options.secrets)(provider)?.is_empty(),
            None => false,
        };
        Ok(explanation(verdict, fix, can_sign))
    }

    fn schedule(&self, json: &[u8]) -> Result<Option<Schedule>> {
        let (_, outcome) = read(json)?;
        let recorded = outcome.verdict.and_then(|verdict| verdict.provider);
        let name = self.options.provider.clone().or_else(|| Some(self.edition_of(&recorded?)));
        let Some(name) = name else { return Ok(None) };
        let provider = self.options.catalog.load(&name)?;
        let mut at = 0.0;
        let attempts_s = provider.delivery.retries.iter().map(|delay| {
            at += delay.0.as_secs_f64();
            at
        });
        Ok(Some(Schedule {
            attempts_s: attempts_s.collect(),
            provider: provider.name.clone(),
            title: provider.title.clone(),
            jitter: provider.delivery.jitter,
            source: provider.delivery.source.clone(),
        }))
    }

    fn edition_of(&self, name: &str) -> ProviderRef {
        let preferred = self.options.preferred.clone().filter(|preferred| preferred.provider == name);
        preferred.unwrap_or_else(|| ProviderRef::default_edition(name))
    }

    async fn replay(&self, json: &[u8], edits: ReplayEdits) -> Result<ReplayOutcome> {
        let (mut capture, outcome) = read(json)?;
        let is_edited = edits.body.is_some() || !edits.headers.is_empty();
        let verdict = outcome.verdict;
        let identity = RecordIdentity {
            valid: verdict.as_ref().is_some_and(|verdict| verdict.status == "valid"),
            provider: verdict.as_ref().and_then(|verdict| verdict.provider.clone()),
            event_type: verdict.as_ref().and_then(|verdict| verdict.event_type.clone()),
            id: verdict.and_then(|verdict| verdict.event_id),
        };
        apply(&mut capture, &edits);
        let is_own = edits.url.is_none();
        let endpoint = edits.url.unwrap_or_else(|| self.options.target.clone());
        let factory = |signatures| {
            let secrets = Rc::clone(&self.options.secrets);
            let secrets: SecretLookup<'_> = Box::new(move |provider| secrets(provider));
            let options = RecordRequestOptions {
                provider: self.options.provider.clone(),
                preferred: self.options.preferred.clone(),
                signatures,
                edits: Vec::new(),
                headers: Vec::new(),
                retries: Some(RetryOverride::None),
                clock: self.options.clock,
            };
            RecordRequestFactory::new(options, endpoint.clone(), &self.options.catalog, secrets)
        };
        let signatures = match edits.resign {
            Some(true) => SignatureMode::Resign,
            Some(false) => SignatureMode::Verbatim,
            None if is_edited => SignatureMode::Resign,
            None => SignatureMode::Auto,
        };
        let mut used = factory(signatures);
        let plan = match used.plan(&identity, &capture) {
            // An edited request of an unknown provider or secret keeps its signature.
            Err(_) if edits.resign.is_none() && is_edited => {
                used = factory(SignatureMode::Verbatim);
                used.plan(&identity, &capture)?
            }
            plan => plan?,
        };
        let request = used.build(capture, &plan, self.options.clock.now(), &Attempt::first())?;
        let insecure = if is_own { self.options.target_insecure } else { self.options.insecure };
        let client = HttpClient::new(&request.endpoint, insecure)?;
        let outcome = client.attempt(&request, Some(REPLAY_TIMEOUT)).await?;
        let response = outcome.response.map_err(|error| {
            Error::new(format!("no response from {}", request.endpoint.without_query()))
                .cause(error.message)
                .kind(ErrorKind::Unreachable)
        })?;
        let headers = response.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), Bytes::copy_from_slice(value.as_bytes())));
        Ok(ReplayOutcome {
            status: response.status,
            duration: outcome.duration,
            headers: headers.collect(),
            body: response.body,
            resigned: plan.resign,
        })
    }
}

/// Reads a record of the store.
pub(super) fn read(json: &[u8]) -> Result<(CapturedRequest, LoggedOutcome)> {
    let unreadable = || Error::new("cannot read the record");
    LoggedOutcome::from_line(json).map_err(|error| unreadable().cause(error.message))?.ok_or_else(unreadable)
}

fn explanation(verdict: Verdict, fix: Option<String>, can_sign: bool) -> Explanation {
    let causes = verdict.diagnosis.iter().flat_map(|diagnosis| &diagnosis.causes);
    let difference = causes.clone().find_map(|cause| cause.difference.as_deref());
    Explanation {
        status: verdict.status.name(),
        provider: verdict.provider.as_ref().map(|provider| provider.name.clone()),
        title: verdict.provider.as_ref().map(|provider| provider.title.clone()),
        cause: verdict.failure.as_ref().map(|failure| failure.cause.name()),
        works_as: causes.map(|cause| cause.reproduced_as.clone()).collect(),
        difference: difference.map(|difference| (difference.signed.clone(), difference.received.clone())),
        event_type: verdict.event_type,
        event_id: verdict.event_id,
        message: verdict.message.into_owned(),
        detected: verdict.detected,
        age_s: verdict.age,
        fix,
        can_sign,
    }
}

/// Changes a request: a header replaces all of its name, in the place of the first.
fn apply(capture: &mut CapturedRequest, edits: &ReplayEdits) {
    if let Some(body) = &edits.body {
        capture.body = body.clone();
    }
    if edits.headers.is_empty() {
        return;
    }
    let is_edited = |name: &str| edits.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let kept = capture.headers.iter().filter(|(name, _)| !is_edited(name));
    let added = edits.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?.as_bytes())));
    capture.headers = kept.chain(added).collect::<Headers>();
}
