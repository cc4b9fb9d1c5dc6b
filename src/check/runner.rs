//! Runs the battery: the control first, then each check in order, with a control after each group.

use std::fmt::Write as _;
use std::time::Duration;

use super::battery::{Check, CheckGroup, Expected, Level, Run, Variant, checks};
use super::diagnosis::browser_protection;
use super::effects::Effects;
use super::handler_process::HandlerProcess;
use super::procedure::{Procedure, ProcedureResult, named};
use super::redact::RedactingObserver;
use super::request::RequestBuilder;
use super::result::{CheckOutcome, CheckResult, FailureKind, VariantResult};
use super::session::{Exchange, Failure, Judgement, Session};
use super::timestamps;
use crate::clock::{Clock, Stopwatch};
use crate::error::{Error, Result};
use crate::http::client::{AttemptError, Endpoint, RawError};
use crate::provider::{Event, Provider};
use crate::signing::Secret;

/// After this many timeouts the rest of a group is not judged: a slow handler must not make the run endless.
const MAX_TIMEOUTS: u32 = 2;

/// Which checks run.
#[derive(Clone, Debug, Default)]
pub struct CheckSelection {
    /// Ids of the only checks that run; empty means all.
    pub only: Vec<String>,
    /// Ids of checks that do not run.
    pub skip: Vec<String>,
    /// The short battery.
    pub quick: bool,
}

impl CheckSelection {
    /// Returns the selected checks in order.
    pub fn checks(&self) -> impl Iterator<Item = &'static Check> {
        checks().filter(|check| {
            let named = |ids: &[String]| ids.iter().any(|id| id == check.id);
            (self.only.is_empty() || named(&self.only)) && !named(&self.skip) && (!self.quick || check.quick)
        })
    }
}

/// Options of a run.
pub struct BatteryOptions {
    /// The provider of the requests.
    pub provider: Provider,
    /// Its events that are sent, at least one.
    pub events: Vec<Event>,
    /// Its other editions.
    pub editions: Vec<Provider>,
    /// The secrets that the handler accepts; the first one signs.
    pub secrets: Vec<Secret>,
    /// A secret that it must no longer accept.
    pub retired_secret: Option<Secret>,
    /// The secret and the address of another customer.
    pub other_tenant: Option<(Secret, Endpoint)>,
    /// Address of the handler.
    pub endpoint: Endpoint,
    /// Accept any TLS certificate.
    pub insecure: bool,
    /// Time limit of a request, if it is not the provider's.
    pub timeout: Option<Duration>,
    /// The least time between two requests.
    pub pause: Option<Duration>,
    /// Counts effects.
    pub effects: Option<Effects>,
    /// The handler, if `whk` started it.
    pub process: Option<HandlerProcess>,
    /// Which checks run.
    pub selection: CheckSelection,
    /// Clock of the events.
    pub clock: Clock,
    /// Seed of all random values.
    pub seed: u64,
}

/// Sees each result as soon as it is known.
pub trait CheckObserver {
    /// Reports the result of a check.
    ///
    /// # Errors
    /// It cannot be reported, which ends the run.
    fn on_result(&mut self, result: &CheckResult) -> Result;
}

/// A run of the battery.
pub struct Battery {
    session: Session,
    selection: CheckSelection,
    /// The reason why nothing more can be judged.
    stopped: Option<String>,
    /// The check that failed together with the control.
    explained: Option<&'static str>,
    /// The valid event that got no response while the handler was expected to become ready.
    unanswered: Option<Exchange>,
    /// The results from the last check on that sent requests: the next request shows if the handler survived it.
    held: Vec<CheckResult>,
}

impl Battery {
    /// Prepares a run; nothing is sent.
    ///
    /// # Errors
    /// The provider cannot sign with the secret, or TLS cannot be set up.
    pub fn new(options: BatteryOptions) -> Result<Self> {
        let BatteryOptions { provider, events, editions, secrets, endpoint, .. } = options;
        let timeout = options.timeout.unwrap_or(provider.delivery.timeout.0);
        let same_scheme = |edition: &Provider| {
            edition.scheme.content == provider.scheme.content
                && edition.scheme.signature.from == provider.scheme.signature.from
        };
        let editions = editions.into_iter().filter(same_scheme).collect();
        let mut builder = RequestBuilder::new(provider, events, secrets, &endpoint, options.clock, options.seed)?;
        builder.editions = editions;
        builder.retired_secret = options.retired_secret;
        let mut session = Session::new(builder, endpoint, options.insecure, timeout, options.pause)?;
        session.effects = options.effects;
        session.other_tenant = options.other_tenant;
        *session.process.borrow_mut() = options.process;
        Ok(Self {
            session,
            selection: options.selection,
            stopped: None,
            explained: None,
            unanswered: None,
            held: Vec::new(),
        })
    }

    /// Waits until the handler accepts a valid event, as long as it is only unavailable: frameworks accept connections
    /// before they are ready.
    ///
    /// # Errors
    /// Nothing accepts connections.
    pub async fn wait_until_ready(&mut self, limit: Duration) -> Result {
        let watch = Stopwatch::start();
        loop {
            let exchange = self.session.send(&self.session.builder.valid()?).await;
            let unavailable = match &exchange.response {
                Ok(response) => matches!(response.status, 502 | 503),
                Err(error) => matches!(error, RawError::Unreachable(_) | RawError::Closed(_)),
            };
            if !unavailable || watch.elapsed() >= limit {
                // It counts for the slowest response.
                let _ = self.session.judge(Expected::Accepted, &exchange);
                self.unanswered = Some(exchange).filter(|it| matches!(it.response, Err(RawError::TimedOut(_))));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs the selected checks. The error kind tells apart a handler that was never reached.
    ///
    /// # Errors
    /// A request cannot be built, or a result cannot be reported.
    pub async fn run(&mut self, observer: &mut impl CheckObserver) -> Result<std::result::Result<(), AttemptError>> {
        let redactor = self.session.redactor();
        let observer = &mut RedactingObserver { observer, redactor };
        let selected: Vec<&'static Check> = self.selection.checks().collect();
        if let Some(unreachable) = self.start(&selected, observer).await? {
            return Ok(Err(unreachable));
        }
        for group in CheckGroup::ALL {
            let in_group: Vec<&&Check> = selected
                .iter()
                .filter(|check| check.group == group && check.id != "valid" && self.explained != Some(check.id))
                .collect();
            let mut timeouts = 0;
            for check in &in_group {
                let skipped = (timeouts >= MAX_TIMEOUTS && check.id != "within-timeout" && check.id != "still-works")
                    .then(|| "two requests timed out before it".to_owned());
                let result = match self.stopped.clone().or(skipped) {
                    Some(reason) => not_judged(check, &reason),
                    None => self.check(check).await?,
                };
                timeouts += u32::from(result.kind == Some(FailureKind::Timeout) && check.id != "within-timeout");
                self.report(result, observer)?;
            }
            if !in_group.is_empty() && group != CheckGroup::Behaves && self.stopped.is_none() {
                self.control_after(group).await?;
            }
        }
        self.report_held(observer)?;
        Ok(Ok(()))
    }

    /// Reports the results before this one, if it sent requests, and holds it.
    fn report(&mut self, result: CheckResult, observer: &mut impl CheckObserver) -> Result {
        if result.requests > 0 {
            self.report_held(observer)?;
        }
        self.held.push(result);
        Ok(())
    }

    fn report_held(&mut self, observer: &mut impl CheckObserver) -> Result {
        self.held.drain(..).try_for_each(|result| observer.on_result(&result))
    }

    /// Notes that a check begins.
    fn begin(&self) {
        self.session.check_start.set(self.session.requests.get());
        self.session.stopped_before.set(false);
        self.session.stopped_within.set(false);
    }

    /// Stops the handler if `whk` started it.
    pub async fn finish(self) {
        let process = self.session.process.borrow_mut().take();
        if let Some(mut process) = process {
            process.stop().await;
        }
    }

    /// Sends the control, and explains why it is rejected. Returns the error if nothing accepts connections.
    async fn start(
        &mut self,
        selected: &[&'static Check],
        observer: &mut impl CheckObserver,
    ) -> Result<Option<AttemptError>> {
        let check = checks().next().ok_or_else(|| Error::new("there are no checks"))?;
        let watch = Stopwatch::start();
        let before = self.session.requests.get();
        self.begin();
        let control = match self.unanswered.take() {
            Some(exchange) => ProcedureResult::Ended(self.session.judge(Expected::Accepted, &exchange), Some(exchange)),
            None => self.session.run(Procedure::Valid).await?,
        };
        let ProcedureResult::Ended(judgement, exchange) = control else { return Ok(None) };
        if let Some(Err(RawError::Unreachable(error))) = exchange.as_ref().map(|exchange| &exchange.response) {
            return Ok(Some(error.clone()));
        }
        let mut result = judged_result(check, judgement, exchange.clone(), Vec::new());
        if result.outcome == CheckOutcome::Failed
            && let Some(exchange) = &exchange
        {
            self.explain_control(selected, &mut result, exchange, observer).await?;
        }
        if self.session.stopped_before.take() || self.session.stopped_within.take() {
            handler_stopped(&mut result);
        }
        result.duration = watch.elapsed();
        result.requests = self.session.requests.get() - before;
        if result.outcome == CheckOutcome::Failed || selected.iter().any(|check| check.id == "valid") {
            self.report(result.clone(), observer)?;
        }
        if result.not_judged {
            self.stopped = Some(result.message);
        }
        Ok(None)
    }

    async fn explain_control(
        &mut self,
        selected: &[&'static Check],
        result: &mut CheckResult,
        exchange: &Exchange,
        observer: &mut impl CheckObserver,
    ) -> Result {
        let also = match result.kind {
            Some(FailureKind::Refused) => {
                let explanation = self.session.diagnose_control(exchange).await?;
                result.message = format!("{}. {}", result.message, capitalized(&explanation.message));
                result.fix = Some(explanation.fix);
                browser_protection(exchange).map(|_| "not-behind-login")
            }
            Some(FailureKind::Redirected) => {
                let login = browser_protection(exchange).map(|_| "not-behind-login");
                login.or(Some("no-redirect"))
            }
            Some(FailureKind::Timeout) => Some("within-timeout"),
            _ => None,
        };
        self.stopped = Some("the handler does not accept a valid event".to_owned());
        // The check that names the cause fails as well.
        if let Some(check) = selected.iter().find(|check| also == Some(check.id)) {
            let mut cause = result.clone();
            (cause.id, cause.group, cause.level) = (check.id, check.group, check.level);
            (cause.reason, cause.rule, cause.fix) = (check.reason, check.rule, Some(check.fix.to_owned()));
            self.explained = Some(check.id);
            self.report(cause, observer)?;
        }
        Ok(())
    }

    /// Sends the control after a group; a handler that no longer accepts it cannot be judged any further.
    async fn control_after(&mut self, group: CheckGroup) -> Result {
        self.begin();
        let ProcedureResult::Ended(judgement, _) = self.session.run(Procedure::StillWorks).await? else {
            return Ok(());
        };
        let stopped = self.blame_earlier();
        if let Judgement::Failed(failure) = judgement {
            let group = group.name();
            let after = format!("after the group `{group}` the handler no longer accepts a valid event");
            self.stopped = Some(stopped.unwrap_or_else(|| format!("{after}: {}", failure.message)));
        }
        Ok(())
    }

    /// Fails the last check that sent requests, if the handler stopped after it. Returns what to say about that.
    fn blame_earlier(&mut self) -> Option<String> {
        if !self.session.stopped_before.get() {
            return None;
        }
        let culprit = self.held.first_mut()?;
        self.session.stopped_before.set(false);
        handler_stopped(culprit);
        Some(format!("the handler stopped during `{}`", culprit.id))
    }

    async fn check(&mut self, check: &'static Check) -> Result<CheckResult> {
        let watch = Stopwatch::start();
        self.begin();
        let before = self.session.check_start.get();
        let _ = self.session.process.borrow().as_ref().map(HandlerProcess::take_output);
        let mut result = match check.run {
            Run::Requests(plan) => match plan(&self.session.builder)? {
                Ok(mut variants) => {
                    for variant in variants.iter_mut().filter(|variant| variant.expected == Expected::Rejected) {
                        self.session.builder.remove_valid_additional(&mut variant.request);
                    }
                    self.variants(check, variants).await?
                }
                Err(reason) => skipped(check, reason.into_owned()),
            },
            Run::Procedure(procedure) => match self.session.run(procedure).await? {
                ProcedureResult::Skipped(reason) => skipped(check, reason),
                ProcedureResult::Ended(judgement, exchange) => judged_result(check, judgement, exchange, Vec::new()),
            },
        };
        let sent_nothing = self.session.requests.get() == before;
        if sent_nothing && self.session.has_process_exited() {
            self.session.stopped_before.set(true);
        }
        let earlier = self.blame_earlier();
        match earlier {
            Some(reason) if self.session.cannot_be_reached().await && !self.start_again().await? => {
                result = not_judged(check, &reason);
                self.stopped = Some(reason);
            }
            _ => self.look_after(&mut result).await?,
        }
        if result.outcome == CheckOutcome::Failed {
            // What it prints comes a moment after its response.
            if self.session.process.borrow().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result.handler_output = self.session.process.borrow().as_ref().and_then(HandlerProcess::take_output);
        }
        result.duration = watch.elapsed();
        result.requests = self.session.requests.get() - before;
        Ok(result)
    }

    async fn variants(&self, check: &'static Check, variants: Vec<Variant>) -> Result<CheckResult> {
        let mut worst: Option<(Level, Failure, Exchange, bool)> = None;
        let mut unknown = None;
        let mut last = None;
        let mut outcomes = Vec::new();
        let mut also = Vec::new();
        for variant in variants {
            let limit = variant.limit.map_or(self.session.timeout, Duration::from_millis);
            let exchange = self.session.send_within(&variant.request, limit).await;
            if let (true, Some(before)) = (self.session.stopped_within.get(), &last) {
                // The variant before it was responded to, but did not leave the handler running.
                let Some(VariantResult { name, outcome }) = outcomes.last_mut() else { break };
                *outcome = CheckOutcome::Failed;
                let failure = Failure::new(FailureKind::Crashed, "the handler no longer accepts connections");
                if let Judgement::Failed(failure) = named(Judgement::Failed(failure), name) {
                    worst = Some((Level::Required, failure, Exchange::clone(before), false));
                }
                break;
            }
            let judgement = self.session.judge(variant.expected, &exchange);
            self.session.keep_failed(variant.expected, &variant.request, &exchange);
            let seen = exchange.clone();
            let outcome = match judgement {
                Judgement::Passed => CheckOutcome::Passed,
                Judgement::Failed(failure) => {
                    let level = failure.level.or(variant.level).unwrap_or(check.level);
                    let died = matches!(exchange.response, Err(RawError::Unreachable(_) | RawError::TimedOut(_)));
                    also.push(variant.name.to_string());
                    let failure = with_consequence(check, &variant, failure);
                    let Judgement::Failed(failure) = named(Judgement::Failed(failure), &variant.name) else { continue };
                    let is_worse = worst.as_ref().is_none_or(|(have, other, _, _)| {
                        (level, std::cmp::Reverse(failure.kind)) > (*have, std::cmp::Reverse(other.kind))
                    });
                    if is_worse {
                        let accepts = variant.expected == Expected::Accepted;
                        worst = Some((level, failure, exchange.clone(), accepts));
                    }
                    if died {
                        outcomes.push(VariantResult { name: variant.name.into_owned(), outcome: CheckOutcome::Failed });
                        break;
                    }
                    CheckOutcome::Failed
                }
                Judgement::Unknown(reason) => {
                    unknown.get_or_insert(reason);
                    CheckOutcome::Skipped
                }
            };
            outcomes.push(VariantResult { name: variant.name.into_owned(), outcome });
            last = Some(seen);
        }
        if outcomes.len() < 2 {
            outcomes.clear();
        }
        let Some((level, mut failure, exchange, was_valid)) = worst else {
            let judgement = unknown.map_or(Judgement::Passed, Judgement::Unknown);
            return Ok(judged_result(check, judgement, last, outcomes));
        };
        failure.level = Some(level);
        let mut explanation = None;
        if was_valid && failure.kind == FailureKind::Refused && check.id == "body-bytes" {
            explanation = self.session.diagnose_body(&exchange.sent.body, &exchange).await?;
        }
        if also.len() > 1 {
            let others: Vec<&str> = also
                .iter()
                .map(String::as_str)
                .filter(|name| !failure.message.starts_with(&format!("{name}:")))
                .collect();
            let _ = write!(failure.message, " (also: {})", shortened(&others));
        }
        if let Some(explanation) = &explanation {
            failure.message = format!("{}. {}", failure.message, capitalized(&explanation.message));
        }
        let mut result = judged_result(check, Judgement::Failed(failure), Some(exchange), outcomes);
        if let Some(explanation) = explanation {
            result.fix = Some(explanation.fix);
        }
        Ok(result)
    }

    /// Starts the handler again if `whk` started it; true if it then accepts connections.
    async fn start_again(&self) -> Result<bool> {
        Ok(self.session.process.borrow().is_some() && self.session.restart(true, true).await?)
    }

    /// Makes sure that the handler still responds after a failure; starts it again if `whk` started it.
    async fn look_after(&mut self, result: &mut CheckResult) -> Result {
        let was_stopped = self.session.stopped_before.take() || self.session.stopped_within.take();
        let suspicious = matches!(result.kind, Some(FailureKind::Closed | FailureKind::Crashed | FailureKind::Timeout));
        let gone = self.session.has_process_exited() || suspicious && self.session.cannot_be_reached().await;
        if was_stopped || gone {
            handler_stopped(result);
        }
        if !gone || self.start_again().await? {
            return Ok(());
        }
        self.stopped = Some(format!("the handler stopped during `{}`", result.id));
        Ok(())
    }
}

/// Makes a result a failure that stopped the handler.
fn handler_stopped(result: &mut CheckResult) {
    const MESSAGE: &str = "the handler stopped";
    result.outcome = CheckOutcome::Failed;
    result.kind = Some(FailureKind::Crashed);
    result.level = Level::Required;
    result.fix.get_or_insert_with(|| "catch the exception, and respond with 400 or 401".to_owned());
    if !result.message.starts_with(MESSAGE) {
        let detail = if result.message.is_empty() { String::new() } else { format!(" ({})", result.message) };
        result.message = format!("{MESSAGE}{detail}");
    }
}

/// Returns the result of a check that was judged.
fn judged_result(
    check: &'static Check,
    judgement: Judgement,
    exchange: Option<Exchange>,
    variants: Vec<VariantResult>,
) -> CheckResult {
    let mut result = skipped(check, String::new());
    result.variants = variants;
    match judgement {
        Judgement::Passed => result.outcome = CheckOutcome::Passed,
        Judgement::Failed(failure) => {
            result.outcome = CheckOutcome::Failed;
            result.kind = Some(failure.kind);
            result.level = failure.level.unwrap_or(check.level);
            result.message = failure.message;
            result.fix = Some(check.fix.to_owned());
        }
        Judgement::Unknown(reason) => {
            result.not_judged = true;
            result.message = reason;
        }
    }
    result.response = exchange.as_ref().and_then(Exchange::received);
    result.request = exchange.map(|exchange| exchange.sent);
    result
}

/// Says what an accepted request means, if it must be rejected.
fn with_consequence(check: &Check, variant: &Variant, failure: Failure) -> Failure {
    if failure.kind != FailureKind::Accepted || variant.expected != Expected::Rejected {
        return failure;
    }
    let consequence = if timestamps::CHECKS.iter().any(|row| row.id == check.id) {
        "a captured request could be sent again"
    } else {
        "anyone could have sent this"
    };
    Failure { message: format!("{}: {consequence}", failure.message), ..failure }
}

fn skipped(check: &'static Check, reason: String) -> CheckResult {
    CheckResult {
        id: check.id,
        group: check.group,
        level: check.level,
        outcome: CheckOutcome::Skipped,
        kind: None,
        not_judged: false,
        message: reason,
        reason: check.reason,
        fix: None,
        rule: check.rule,
        duration: Duration::ZERO,
        requests: 0,
        request: None,
        response: None,
        variants: Vec::new(),
        handler_output: None,
    }
}

fn not_judged(check: &'static Check, reason: &str) -> CheckResult {
    CheckResult { not_judged: true, ..skipped(check, format!("not judged: {reason}")) }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A list of at most four names.
fn shortened(names: &[&str]) -> String {
    const MAX: usize = 4;
    let mut text = names.iter().take(MAX).copied().collect::<Vec<_>>().join(", ");
    if names.len() > MAX {
        let _ = write!(text, " and {} more", names.len() - MAX);
    }
    text
}

/// Returns whether a check applies to a provider, for lists; the reason if it does not.
///
/// # Errors
/// A request cannot be built.
pub fn is_applicable(check: &Check, provider: &Provider) -> Result<std::result::Result<(), String>> {
    let endpoint: Endpoint = "http://127.0.0.1:9450/".parse().map_err(Error::new)?;
    let secret = provider.new_secret()?;
    let clock = Clock::Fixed(jiff::Timestamp::UNIX_EPOCH);
    let builder = RequestBuilder::new(
        provider.clone(),
        provider.events.clone(),
        vec![secret.clone(), secret],
        &endpoint,
        clock,
        0,
    )?;
    Ok(match check.run {
        Run::Requests(_) if check.id == "retired-secret" => Ok(()),
        Run::Requests(plan) => plan(&builder)?.map(|_| ()).map_err(std::borrow::Cow::into_owned),
        Run::Procedure(Procedure::Challenge) if provider.challenges.is_empty() => {
            Err(format!("{} sends no challenge", provider.title))
        }
        Run::Procedure(_) => Ok(()),
    })
}
