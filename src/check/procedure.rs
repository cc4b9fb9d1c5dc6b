//! The checks that need more than independent requests.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Barrier;

use super::accepts::wrong_entry;
use super::battery::{Expected, Level};
use super::effects::{EffectTime, Effects};
use super::request::{CheckRequest, Draft, Transmission};
use super::result::FailureKind;
use super::session::{Exchange, Failure, Judgement, Session};
use crate::clock::Stopwatch;
use crate::duration::{HumanDuration, MeasuredDuration};
use crate::error::Result;
use crate::signing::{Header, Request};

/// A check with steps that depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Procedure {
    Valid,
    OtherEditions,
    ConnectionReused,
    ConnectionAfterError,
    Challenge,
    NoLeak,
    NoRedirect,
    NotBehindLogin,
    CutOffBody,
    SlowClient,
    DuplicateAcknowledged,
    DuplicateOnce,
    ConcurrentAcknowledged,
    ConcurrentOnce,
    RetryAfterHangup,
    RefusedNoEffect,
    VerifyBeforeDedupe,
    RefusedIdNotTaken,
    UnsignedIdChanged,
    SameIdOtherBody,
    FailedThenRetried,
    Burst,
    WithinTimeout,
    OtherTenantSecret,
    RestartDuplicateOnce,
    SurvivesKill,
    UnconfiguredSecret,
    StillWorks,
}

/// The result of a procedure.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum ProcedureResult {
    /// Judged, with the exchange that shows it.
    Ended(Judgement, Option<Exchange>),
    /// Not applicable, for this reason.
    Skipped(String),
}

const NO_EFFECTS: &str = "whk cannot see effects: give --effects COMMAND";
const NO_EFFECT: &str = "a valid event has no effect: check --effects, or choose types that have one with --types";
const NO_PROCESS: &str = "whk did not start the handler: give its command after --";

/// The number of requests that are sent at the same time to find races, and the number of rounds.
const CONCURRENT: usize = 10;
const ROUNDS: usize = 3;

/// The time for which they wait for each other: a server may accept only a few connections at a time.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of requests of a burst.
const BURST: usize = 50;

impl ProcedureResult {
    fn passed() -> Self {
        Self::Ended(Judgement::Passed, None)
    }

    fn failed(failure: Failure, exchange: Option<Exchange>) -> Self {
        Self::Ended(Judgement::Failed(failure), exchange)
    }

    fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped(reason.into())
    }
}

impl Session {
    /// Runs a procedure.
    ///
    /// # Errors
    /// A request cannot be built, or the command of `--effects` fails.
    pub(super) async fn run(&self, procedure: Procedure) -> Result<ProcedureResult> {
        match procedure {
            Procedure::Valid | Procedure::StillWorks => self.control().await,
            Procedure::OtherEditions => self.other_editions().await,
            Procedure::ConnectionReused => self.connection_reused().await,
            Procedure::ConnectionAfterError => self.connection_after_error().await,
            Procedure::Challenge => self.challenge().await,
            Procedure::NoLeak => Ok(self.no_leak()),
            Procedure::NoRedirect => Ok(self.no_redirect()),
            Procedure::NotBehindLogin => Ok(ProcedureResult::passed()),
            Procedure::CutOffBody => self.cut_off_body().await,
            Procedure::SlowClient => self.slow_client().await,
            Procedure::DuplicateAcknowledged => self.duplicate_acknowledged().await,
            Procedure::DuplicateOnce => self.duplicate_once().await,
            Procedure::ConcurrentAcknowledged => self.concurrent(false).await,
            Procedure::ConcurrentOnce => self.concurrent(true).await,
            Procedure::RetryAfterHangup => self.retry_after_hangup().await,
            Procedure::RefusedNoEffect => self.refused_no_effect().await,
            Procedure::VerifyBeforeDedupe => self.verify_before_dedupe().await,
            Procedure::RefusedIdNotTaken => self.refused_id_not_taken().await,
            Procedure::UnsignedIdChanged => self.unsigned_id_changed().await,
            Procedure::SameIdOtherBody => self.same_id_other_body().await,
            Procedure::FailedThenRetried => self.failed_then_retried().await,
            Procedure::Burst => self.burst().await,
            Procedure::WithinTimeout => Ok(self.within_timeout()),
            Procedure::OtherTenantSecret => self.other_tenant_secret().await,
            Procedure::RestartDuplicateOnce => self.restarted(false).await,
            Procedure::SurvivesKill => self.restarted(true).await,
            Procedure::UnconfiguredSecret => self.unconfigured_secret().await,
        }
    }

    /// Sends a request and judges the response.
    async fn judged(&self, expected: Expected, request: &CheckRequest) -> (Judgement, Exchange) {
        let exchange = self.send(request).await;
        let judgement = self.judge(expected, &exchange);
        self.keep_failed(expected, request, &exchange);
        (judgement, exchange)
    }

    /// Keeps the first valid request that failed, for it to be sent again.
    pub(super) fn keep_failed(&self, expected: Expected, request: &CheckRequest, exchange: &Exchange) {
        let is_valid = matches!(expected, Expected::Accepted | Expected::AcceptedOrHandled);
        if is_valid && exchange.status().is_some_and(|status| status >= 500) {
            self.failed_request.borrow_mut().get_or_insert_with(|| request.clone());
        }
    }

    /// Sends requests one after the other, up to the first that is not as expected.
    async fn all(&self, requests: impl IntoIterator<Item = (&'static str, Expected, CheckRequest)>) -> ProcedureResult {
        let mut last = None;
        for (name, expected, request) in requests {
            let (judgement, exchange) = self.judged(expected, &request).await;
            match judgement {
                Judgement::Passed => last = Some(exchange),
                judgement => return ProcedureResult::Ended(named(judgement, name), Some(exchange)),
            }
        }
        ProcedureResult::Ended(Judgement::Passed, last)
    }

    async fn control(&self) -> Result<ProcedureResult> {
        let (judgement, exchange) = self.judged(Expected::Accepted, &self.builder.valid()?).await;
        Ok(ProcedureResult::Ended(judgement, Some(exchange)))
    }

    async fn other_editions(&self) -> Result<ProcedureResult> {
        let mut requests = Vec::new();
        for edition in &self.builder.editions {
            // Types that both have differ only in shape, and each edition has at most a dozen of them.
            for event in &edition.events {
                requests.push(("", Expected::Accepted, self.builder.sign(&self.builder.draft_of(edition, event)?)?));
            }
        }
        if requests.is_empty() {
            return Ok(ProcedureResult::skipped("it has one edition, or the others are signed in another way"));
        }
        Ok(self.all(requests).await)
    }

    async fn connection_reused(&self) -> Result<ProcedureResult> {
        let Ok(mut connection) = self.open().await else { return self.control().await };
        let mut last = None;
        for _ in 0..3 {
            let request = self.builder.valid()?;
            if !connection.is_reusable() {
                // Closing after every response is allowed.
                break;
            }
            let exchange = self.exchange(&mut connection, &request).await;
            match self.judge(Expected::Accepted, &exchange) {
                Judgement::Passed => last = Some(exchange),
                judgement => {
                    return Ok(ProcedureResult::Ended(named(judgement, "on a used connection"), Some(exchange)));
                }
            }
        }
        Ok(ProcedureResult::Ended(Judgement::Passed, last))
    }

    async fn connection_after_error(&self) -> Result<ProcedureResult> {
        let Some(bad) = self.forged(&self.builder.sample()?)? else {
            return Ok(ProcedureResult::skipped("its signature is part of the body"));
        };
        let Ok(mut connection) = self.open().await else { return self.control().await };
        let rejected = self.exchange(&mut connection, &bad).await;
        if rejected.response.is_err() || !connection.is_reusable() {
            // Closing the connection after an error is allowed.
            return Ok(ProcedureResult::Ended(Judgement::Passed, Some(rejected)));
        }
        let exchange = self.exchange(&mut connection, &self.builder.valid()?).await;
        let judgement =
            named(self.judge(Expected::Accepted, &exchange), "after a rejected request on the same connection");
        Ok(ProcedureResult::Ended(judgement, Some(exchange)))
    }

    /// Returns a request of this draft with a wrong signature; nothing if the signature is part of the body.
    fn forged(&self, draft: &Draft) -> Result<Option<CheckRequest>> {
        let request = self.builder.sign(draft)?;
        let Some(header) = self.builder.signature_header().map(str::to_owned) else { return Ok(None) };
        let lead = super::accepts::entries(&self.builder, &request).map(|(lead, _)| lead).unwrap_or_default();
        let wrong = wrong_entry(&self.builder).unwrap_or_else(|| "AAAAAAAAAAAAAAAA".to_owned());
        let mut forged = request.set(&header, format!("{lead}{wrong}"));
        self.builder.remove_valid_additional(&mut forged);
        Ok(Some(forged))
    }

    async fn challenge(&self) -> Result<ProcedureResult> {
        let provider = &self.builder.provider;
        if provider.challenges.is_empty() {
            return Ok(ProcedureResult::skipped(format!("{} sends no challenge", provider.title)));
        }
        let mut last = None;
        for challenge in &provider.challenges {
            let Some(request) = self.builder.challenge(challenge)? else { continue };
            let headers: Vec<Header<'_>> = request.headers.iter().map(|(name, value)| Header { name, value }).collect();
            let url = request.target.clone().unwrap_or_else(|| self.builder.url.clone());
            let parsed = Request { method: &request.method, url: &url, headers: &headers, body: &request.body };
            let Some(expected) = challenge.respond(&provider.scheme, &self.builder.secrets, &parsed) else { continue };
            let (judgement, exchange) = self.judged(Expected::Accepted, &request).await;
            let judgement = match judgement {
                Judgement::Passed if !responds(&exchange, &expected.body) => {
                    let message = "the response to the challenge is not what the provider expects";
                    Judgement::Failed(Failure::new(FailureKind::Refused, message))
                }
                judgement => judgement,
            };
            if !matches!(judgement, Judgement::Passed) {
                return Ok(ProcedureResult::Ended(judgement, Some(exchange)));
            }
            last = Some(exchange);
        }
        if last.is_none() {
            return Ok(ProcedureResult::skipped("its challenge cannot be made from the data of the provider"));
        }
        Ok(ProcedureResult::Ended(Judgement::Passed, last))
    }

    fn no_leak(&self) -> ProcedureResult {
        let leaks = self.leaks.borrow();
        match leaks.found.iter().max_by_key(|(level, _, _)| *level) {
            Some((level, message, exchange)) => {
                let failure = Failure { level: Some(*level), ..Failure::new(FailureKind::Leaked, message.clone()) };
                ProcedureResult::failed(failure, Some(exchange.clone()))
            }
            None => ProcedureResult::passed(),
        }
    }

    fn no_redirect(&self) -> ProcedureResult {
        match &*self.redirect.borrow() {
            Some(exchange) => {
                let status = exchange.status().unwrap_or_default();
                let failure = Failure::new(FailureKind::Redirected, format!("responded with the redirect {status}"));
                ProcedureResult::failed(failure, Some(exchange.clone()))
            }
            None => ProcedureResult::passed(),
        }
    }

    async fn cut_off_body(&self) -> Result<ProcedureResult> {
        let before = self.count().await?;
        let request = self.builder.valid()?;
        let half = request.body.len() / 2;
        let request = request.sent(Transmission { body_limit: Some(half), ..Transmission::default() });
        // The handler may close the connection first.
        let _ = self.write_and_close(&request).await;
        // A handler notices the end of the connection a moment later.
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(failure) = self.unexpected_change(before, 0).await? {
            return Ok(ProcedureResult::failed(failure, None));
        }
        let (judgement, exchange) = self.judged(Expected::Accepted, &self.builder.valid()?).await;
        Ok(ProcedureResult::Ended(named(judgement, "after a request that was cut off"), Some(exchange)))
    }

    async fn slow_client(&self) -> Result<ProcedureResult> {
        let barrier = Arc::new(Barrier::new(2));
        // A handler that needs its time gets it.
        let limit = Duration::from_secs(1) + self.slowest.get() * 5;
        let transmission = Some((Arc::clone(&barrier), 2 * limit));
        let slow = self.builder.valid()?.sent(Transmission { barrier: transmission, ..Transmission::default() });
        let mut fast = Vec::new();
        for _ in 0..5 {
            fast.push(self.builder.valid()?);
        }
        let beside = async {
            // The slow one is first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let all = async {
                let mut failed = None;
                for request in &fast {
                    let exchange = self.send_plain(request).await;
                    if !matches!(self.judge(Expected::Accepted, &exchange), Judgement::Passed) {
                        failed.get_or_insert(exchange);
                    }
                }
                failed
            };
            tokio::pin!(all);
            let in_time = tokio::time::timeout(limit, &mut all).await;
            // Now the slow one sends its last byte; it may have given up.
            let _ = tokio::time::timeout(Duration::from_millis(100), barrier.wait()).await;
            if in_time.is_err() {
                all.await;
            }
            in_time
        };
        match tokio::join!(self.send_plain(&slow), beside) {
            (_, Ok(None)) => Ok(ProcedureResult::passed()),
            (_, Ok(Some(exchange))) => {
                let judgement = named(self.judge(Expected::Accepted, &exchange), "beside a slow sender");
                Ok(ProcedureResult::Ended(judgement, Some(exchange)))
            }
            (exchange, Err(_)) => {
                let message = format!("5 requests waited {} for a slow sender", MeasuredDuration(limit));
                Ok(ProcedureResult::failed(Failure::new(FailureKind::Timeout, message), Some(exchange)))
            }
        }
    }

    async fn duplicate_acknowledged(&self) -> Result<ProcedureResult> {
        let request = self.builder.valid()?;
        let again = request.clone();
        Ok(self
            .all([("the first time", Expected::Accepted, request), ("the second time", Expected::Accepted, again)])
            .await)
    }

    /// Returns the number of effects so far, if they can be counted.
    async fn count(&self) -> Result<Option<i64>> {
        let Some(effects) = &self.effects else { return Ok(None) };
        match self.effect_time(effects).await? {
            EffectTime::Never => Ok(None),
            time => effects.settled(time).await.map(Some),
        }
    }

    /// Finds out when effects can be seen.
    async fn effect_time(&self, effects: &Effects) -> Result<EffectTime> {
        if let Some(known) = self.effect_time.get() {
            return Ok(known);
        }
        let mut time = EffectTime::AtResponse;
        // One may be luck.
        for _ in 0..3 {
            let before = effects.count().await?;
            self.send(&self.builder.valid()?).await;
            if effects.count().await? != before + 1 {
                time = EffectTime::Later;
                break;
            }
        }
        if time == EffectTime::Later {
            let before = effects.settled(time).await?;
            self.send(&self.builder.valid()?).await;
            if effects.change(before, 1, time).await? == 0 {
                time = EffectTime::Never;
            }
        }
        self.effect_time.set(Some(time));
        Ok(time)
    }

    /// Returns the reason why effects cannot be compared.
    fn no_effects(&self) -> ProcedureResult {
        ProcedureResult::skipped(if self.effects.is_some() { NO_EFFECT } else { NO_EFFECTS })
    }

    /// Compares the number of effects with what is expected.
    async fn unexpected_change(&self, before: Option<i64>, expected: i64) -> Result<Option<Failure>> {
        let (Some(effects), Some(before)) = (&self.effects, before) else { return Ok(None) };
        let time = self.effect_time(effects).await?;
        let change = effects.change(before, expected, time).await?;
        Ok((change != expected)
            .then(|| Failure::new(FailureKind::Effect, format!("{change} effects instead of {expected}"))))
    }

    async fn duplicate_once(&self) -> Result<ProcedureResult> {
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let draft = self.builder.sample()?;
        let first = self.builder.sign(&draft)?;
        // A retry has the same id, and a time and signature of its own.
        let again = self.builder.sign(&draft.shifted(1))?;
        match self.all([("", Expected::Accepted, first), ("the second time", Expected::Accepted, again)]).await {
            ProcedureResult::Ended(Judgement::Passed, exchange) => {
                let failure = self.unexpected_change(Some(before), 1).await?;
                Ok(effect(failure, exchange))
            }
            other => Ok(other),
        }
    }

    async fn concurrent(&self, count_effects: bool) -> Result<ProcedureResult> {
        if count_effects && self.count().await?.is_none() {
            return Ok(self.no_effects());
        }
        let mut last = None;
        for _ in 0..ROUNDS {
            let before = if count_effects { self.count().await? } else { None };
            let barrier = Some((Arc::new(Barrier::new(CONCURRENT)), BARRIER_TIMEOUT));
            let transmission = Transmission { barrier, ..Transmission::default() };
            let request = self.builder.valid()?.sent(transmission);
            let exchanges = join_all((0..CONCURRENT).map(|_| self.send_plain(&request))).await;
            for exchange in exchanges {
                let judgement = self.judge(Expected::Accepted, &exchange);
                if !count_effects && !matches!(judgement, Judgement::Passed) {
                    let message = "one of 10 identical requests at the same time";
                    return Ok(ProcedureResult::Ended(named(judgement, message), Some(exchange)));
                }
                last = Some(exchange);
            }
            if let Some(failure) = self.unexpected_change(before, 1).await? {
                return Ok(ProcedureResult::failed(failure, last));
            }
        }
        Ok(ProcedureResult::Ended(Judgement::Passed, last))
    }

    async fn retry_after_hangup(&self) -> Result<ProcedureResult> {
        let before = self.count().await?;
        let request = self.builder.valid()?;
        let _ = self.write_and_close(&request).await;
        // The first one may still be in progress.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (judgement, exchange) = self.judged(Expected::Accepted, &request).await;
        if let Judgement::Failed(failure) = judgement {
            let level = if self.effects.is_some() { Level::Required } else { Level::Recommended };
            let failure = Failure { level: Some(level), ..failure };
            return Ok(ProcedureResult::Ended(
                named(Judgement::Failed(failure), "sent again after a hang-up"),
                Some(exchange),
            ));
        }
        let failure = self.unexpected_change(before, 1).await?;
        Ok(effect(failure, Some(exchange)))
    }

    async fn refused_no_effect(&self) -> Result<ProcedureResult> {
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let (mut last, mut accepted) = (None, 0);
        for mutation in crate::sender::Mutation::ALL {
            let Some(request) = super::rejects::broken(&self.builder, mutation)? else { continue };
            let exchange = self.send(&request).await;
            // A request that was accepted is the matter of another check, and may have an effect.
            accepted += i64::from(exchange.status().is_some_and(|status| self.is_success(status)));
            if exchange.status().is_some_and(|status| (400..500).contains(&status)) {
                last = Some(exchange);
            }
        }
        if last.is_none() {
            return Ok(ProcedureResult::skipped("the handler rejected none of the forged requests"));
        }
        let Some(effects) = &self.effects else { return Ok(self.no_effects()) };
        let time = self.effect_time(effects).await?;
        let taken = effects.change(before, accepted, time).await? - accepted;
        let failure = (taken > 0).then(|| {
            let requests = if taken == 1 { "request" } else { "requests" };
            Failure::new(FailureKind::Effect, format!("{taken} rejected {requests} took effect"))
        });
        Ok(effect(failure, last))
    }

    async fn verify_before_dedupe(&self) -> Result<ProcedureResult> {
        let draft = self.builder.sample()?;
        let Some(forged) = self.forged(&draft)? else {
            return Ok(ProcedureResult::skipped("its signature is part of the body"));
        };
        let first = self.builder.sign(&draft)?;
        Ok(self
            .all([("", Expected::Accepted, first), ("the same id with a wrong signature", Expected::Rejected, forged)])
            .await)
    }

    async fn refused_id_not_taken(&self) -> Result<ProcedureResult> {
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let draft = self.builder.sample()?;
        let Some(forged) = self.forged(&draft)? else {
            return Ok(ProcedureResult::skipped("its signature is part of the body"));
        };
        let rejected = self.send(&forged).await;
        if !rejected.status().is_some_and(|status| (400..500).contains(&status)) {
            return Ok(ProcedureResult::skipped("the handler did not reject the forged request"));
        }
        let (judgement, exchange) = self.judged(Expected::Accepted, &self.builder.sign(&draft)?).await;
        if !matches!(judgement, Judgement::Passed) {
            let judgement = named(judgement, "the right request after a forged one with its id");
            return Ok(ProcedureResult::Ended(judgement, Some(exchange)));
        }
        let failure = self.unexpected_change(Some(before), 1).await?;
        Ok(effect(failure, Some(exchange)))
    }

    async fn unsigned_id_changed(&self) -> Result<ProcedureResult> {
        let Some(header) = self.builder.unsigned_id_header() else {
            return Ok(ProcedureResult::skipped("its id is signed"));
        };
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let request = self.builder.valid()?;
        let other = request.clone().set(&header, self.builder.sample()?.id);
        match self.all([("", Expected::Accepted, request), ("with another id", Expected::Handled, other)]).await {
            ProcedureResult::Ended(Judgement::Passed, exchange) => {
                let failure = self.unexpected_change(Some(before), 1).await?;
                Ok(effect(failure, exchange))
            }
            other => Ok(other),
        }
    }

    async fn same_id_other_body(&self) -> Result<ProcedureResult> {
        let draft = self.builder.sample()?;
        let other = self.builder.draft(self.builder.events.last().unwrap_or(&self.builder.events[0]))?;
        let other = Draft { id: draft.id.clone(), headers: draft.headers.clone(), ..other };
        let requests = [
            ("", Expected::Accepted, self.builder.sign(&draft)?),
            ("the same id with another body", Expected::Handled, self.builder.sign(&other)?),
        ];
        Ok(self.all(requests).await)
    }

    async fn failed_then_retried(&self) -> Result<ProcedureResult> {
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let Some(request) = self.failed_request.borrow_mut().take() else {
            return Ok(ProcedureResult::skipped("no valid request failed"));
        };
        let (judgement, exchange) = self.judged(Expected::Accepted, &request).await;
        if exchange.status().is_some_and(|status| status >= 500) {
            return Ok(ProcedureResult::skipped("the event that failed fails again"));
        }
        if !matches!(judgement, Judgement::Passed) {
            return Ok(ProcedureResult::Ended(named(judgement, "the event that failed, sent again"), Some(exchange)));
        }
        let failure = self.unexpected_change(Some(before), 1).await?;
        Ok(effect(failure, Some(exchange)))
    }

    async fn burst(&self) -> Result<ProcedureResult> {
        let mut requests = Vec::new();
        for _ in 0..BURST {
            requests.push(self.builder.valid()?);
        }
        let exchanges = join_all(requests.iter().map(|request| self.send_plain(request))).await;
        let mut last = None;
        for exchange in exchanges {
            if let Ok(response) = &exchange.response
                && response.status == 429
            {
                if response.header("retry-after").is_none() {
                    let failure = Failure::new(FailureKind::Refused, "responded with 429 without retry-after");
                    return Ok(ProcedureResult::failed(failure, Some(exchange)));
                }
                continue;
            }
            match self.judge(Expected::Accepted, &exchange) {
                Judgement::Passed => last = Some(exchange),
                judgement => {
                    return Ok(ProcedureResult::Ended(named(judgement, "one of 50 at once"), Some(exchange)));
                }
            }
        }
        Ok(ProcedureResult::Ended(Judgement::Passed, last))
    }

    fn within_timeout(&self) -> ProcedureResult {
        let limit = self.builder.provider.delivery.timeout.0;
        let slowest = self.slowest.get();
        let title = &self.builder.provider.title;
        let (slow, limit_text) = (MeasuredDuration(slowest), HumanDuration(limit));
        let message = format!("slowest response after {slow}; {title} gives up after {limit_text}");
        if slowest >= limit {
            ProcedureResult::failed(Failure::new(FailureKind::Timeout, message), None)
        } else if slowest >= limit / 2 {
            let failure = Failure { level: Some(Level::Recommended), ..Failure::new(FailureKind::Timeout, message) };
            ProcedureResult::failed(failure, None)
        } else {
            ProcedureResult::passed()
        }
    }

    async fn other_tenant_secret(&self) -> Result<ProcedureResult> {
        let Some((secret, endpoint)) = &self.other_tenant else {
            return Ok(ProcedureResult::skipped(
                "give another customer's secret and address: --other-secret, --other-url",
            ));
        };
        // The address of one customer, the secret of another.
        let draft = self.builder.sample()?;
        let request = self.builder.sign_with_secrets(&draft, std::slice::from_ref(secret))?;
        let (judgement, exchange) = self.judged(Expected::Rejected, &request).await;
        if !matches!(judgement, Judgement::Passed) {
            return Ok(ProcedureResult::Ended(judgement, Some(exchange)));
        }
        let exchange = self.send_to(endpoint, &self.builder.valid()?).await;
        Ok(ProcedureResult::Ended(self.judge(Expected::Rejected, &exchange), Some(exchange)))
    }

    async fn restarted(&self, kill: bool) -> Result<ProcedureResult> {
        if self.process.borrow().is_none() {
            return Ok(ProcedureResult::skipped(NO_PROCESS));
        }
        let Some(before) = self.count().await? else { return Ok(self.no_effects()) };
        let request = self.builder.valid()?;
        let (judgement, exchange) = self.judged(Expected::Accepted, &request).await;
        if !matches!(judgement, Judgement::Passed) {
            return Ok(ProcedureResult::Ended(judgement, Some(exchange)));
        }
        self.restart(kill, true).await?;
        if kill {
            let failure = self.unexpected_change(Some(before), 1).await?;
            return Ok(effect(failure, Some(exchange)));
        }
        let (judgement, exchange) = self.judged(Expected::Accepted, &request).await;
        if !matches!(judgement, Judgement::Passed) {
            return Ok(ProcedureResult::Ended(named(judgement, "the same event after a restart"), Some(exchange)));
        }
        let failure = self.unexpected_change(Some(before), 1).await?;
        Ok(effect(failure, Some(exchange)))
    }

    async fn unconfigured_secret(&self) -> Result<ProcedureResult> {
        if self.process.borrow().is_none() {
            return Ok(ProcedureResult::skipped(NO_PROCESS));
        }
        let runs = self.restart(false, false).await?;
        let result = if runs {
            let draft = self.builder.sample()?;
            let mut requests = Vec::new();
            if let Some(request) = super::rejects::broken(&self.builder, crate::sender::Mutation::MissingSignature)? {
                requests.push(("without a secret, an unsigned request", Expected::HandledNotAccepted, request));
            }
            if let Some(request) = self.builder.sign_with_key(&draft, b"") {
                requests.push((
                    "without a secret, a request signed with an empty key",
                    Expected::HandledNotAccepted,
                    request?,
                ));
            }
            // A failure without a secret lets nobody in.
            match self.all(requests).await {
                ProcedureResult::Ended(Judgement::Failed(failure), _) if failure.kind != FailureKind::Accepted => {
                    ProcedureResult::passed()
                }
                result => result,
            }
        } else {
            ProcedureResult::passed()
        };
        self.restart(false, true).await?;
        Ok(result)
    }

    /// Stops the handler and starts it again; false if it then does not accept connections.
    pub(super) async fn restart(&self, kill: bool, with_secret: bool) -> Result<bool> {
        let Some(mut process) = self.process.borrow_mut().take() else { return Ok(false) };
        if kill {
            process.kill().await;
        } else {
            process.stop().await;
        }
        let started = process.start_again(with_secret);
        let watch = Stopwatch::start();
        let mut reachable = false;
        while started.is_ok() && watch.elapsed() < Duration::from_secs(10) && process.is_running() {
            if crate::http::client::accepts_connections(&self.endpoint).await.is_ok() {
                reachable = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        *self.process.borrow_mut() = Some(process);
        started.map(|()| reachable)
    }
}

/// The result of a comparison of effects.
fn effect(failure: Option<Failure>, exchange: Option<Exchange>) -> ProcedureResult {
    match failure {
        Some(failure) => ProcedureResult::failed(failure, exchange),
        None => ProcedureResult::Ended(Judgement::Passed, exchange),
    }
}

/// Puts the name of a request before a failure.
pub(super) fn named(judgement: Judgement, name: &str) -> Judgement {
    match judgement {
        Judgement::Failed(failure) if !name.is_empty() => {
            Judgement::Failed(Failure { message: format!("{name}: {}", failure.message), ..failure })
        }
        other => other,
    }
}

fn responds(exchange: &Exchange, body: &str) -> bool {
    let Ok(response) = &exchange.response else { return false };
    let got: Option<Value> = serde_json::from_slice(&response.body).ok();
    match (got, serde_json::from_str(body).ok()) {
        // The order of the fields and further ones do not matter.
        (Some(Value::Object(got)), Some(Value::Object(want))) => {
            want.iter().all(|(key, value)| got.get(key) == Some(value))
        }
        _ => response.body.trim_ascii() == body.trim().as_bytes(),
    }
}
