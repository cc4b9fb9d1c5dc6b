//! The deliveries of `whk replay`: the selected records, their due times, and the progress of an earlier run.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Context;
use super::super::delivery_cases::{DeliveryCases, NO_PROVIDER};
use super::super::report::{Report, Subject, in_words};
use super::super::secret_hint::{looks_like_a_bad_signature, secret_hint, uses_development_secret};
use super::html::TimelineReport;
use super::record_request::{RecordRequestFactory, RequestPlan};
use super::record_selection::{NextRecord, RecordIdentity, RecordLocation, RecordSelection, SelectedRecord};
use crate::capture::Capture;
use crate::cli::{Pace, ReplayArgs, SigningArgs};
use crate::deliver::{
    Attempt, CompletedAttempt, Journal, NewDelivery, NextDelivery, Outbox, OutgoingRequest, RetryDecision, TimeScale,
};
use crate::error::{Error, Result};
use crate::output::Output;
use crate::provider::RefreshedField;
use crate::report::Case;

/// One delivery.
pub(super) struct RecordDelivery {
    key: u64,
    seq: u64,
    known: RecordIdentity,
    origin: RecordLocation,
    plan: RequestPlan,
    /// The request, before the first attempt.
    capture: Option<Capture>,
    /// The time of the first attempt, which retries repeat if the provider renews nothing.
    first: Option<Timestamp>,
    /// The time of this attempt.
    at: Timestamp,
}

/// The counts of one event type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TypeTotals {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) held_back: u64,
    pub(super) retries: u64,
}

/// Supplies the deliveries, and reports their outcomes.
pub(super) struct RecordSource<'a> {
    context: &'a Context,
    identity: &'a SigningArgs,
    pub(super) input: RecordSelection,
    requests: RecordRequestFactory<'a>,
    pub(super) journal: Option<Journal>,
    pub(super) report: Report,
    pub(super) page: Option<TimelineReport>,
    /// The cases of `--report`.
    pub(super) cases: Option<DeliveryCases>,
    pace: Pace,
    speed: TimeScale,
    /// The time of receipt of the first record.
    first_received_at: Option<Timestamp>,
    started: u64,
    /// The number of events that an earlier run delivered.
    pub(super) delivered_earlier: u64,
    /// The number of records that could not be sent at all.
    pub(super) unsendable: u64,
    pub(super) totals_by_type: BTreeMap<String, TypeTotals>,
    /// The provider's time from the first attempt to the last response.
    pub(super) provider_time: Duration,
    /// Notes that were shown already.
    notes_shown: HashSet<String>,
}

impl<'a> RecordSource<'a> {
    pub(super) fn new(
        context: &'a Context,
        flags: &'a ReplayArgs,
        input: RecordSelection,
        requests: RecordRequestFactory<'a>,
        journal: Option<Journal>,
        (page, cases): (Option<TimelineReport>, Option<DeliveryCases>),
    ) -> Self {
        Self {
            context,
            identity: &flags.identity,
            input,
            requests,
            journal,
            report: Report::new(context.output, "whk replay").at_speed(flags.speed.unwrap_or(TimeScale::REAL)),
            page,
            cases,
            pace: flags.pace.unwrap_or(Pace::Asap),
            speed: flags.speed.unwrap_or(TimeScale::REAL),
            first_received_at: None,
            started: 0,
            delivered_earlier: 0,
            unsendable: 0,
            totals_by_type: BTreeMap::new(),
            provider_time: Duration::ZERO,
            notes_shown: HashSet::new(),
        }
    }

    /// True if an earlier run delivered the request, which is then counted.
    fn was_delivered(&mut self, chosen: &SelectedRecord) -> bool {
        let was = self.journal.as_ref().is_some_and(|journal| journal.is_delivered(chosen.key));
        self.delivered_earlier += u64::from(was);
        was
    }

    /// Returns the due time of a record, in the provider's time.
    fn due(&mut self, at: Option<Timestamp>) -> Duration {
        match (self.pace, self.speed) {
            (Pace::Asap, _) => Duration::ZERO,
            (Pace::Original, _) => {
                let Some(at) = at else { return Duration::ZERO };
                let first = *self.first_received_at.get_or_insert(at);
                Duration::try_from(at.duration_since(first)).unwrap_or_default()
            }
            // A rate is in real time, and the provider's time can run faster.
            (Pace::Every(gap), TimeScale::Times(times)) => gap.mul_f64(times * to_float(self.started)),
            (Pace::Every(gap), TimeScale::Max) => gap.mul_f64(to_float(self.started)),
        }
    }

    fn fresh(&mut self, chosen: SelectedRecord, plan: RequestPlan) -> NewDelivery<RecordDelivery> {
        let mut due = self.due(chosen.at);
        let progress = self.journal.as_ref().and_then(|journal| journal.progress(chosen.key));
        // A failed delivery starts over. One that waited continues, less the time that has passed since.
        let progress = progress.filter(|progress| !progress.exhausted);
        let attempts_made = progress.map_or(0, |progress| progress.attempts);
        if let Some(progress) = progress.filter(|progress| progress.attempts > 0) {
            let passed = Duration::try_from(self.context.now().duration_since(progress.last)).unwrap_or_default();
            due = match self.speed {
                TimeScale::Times(times) => progress.wait.saturating_sub(passed.mul_f64(times.min(1e6))),
                TimeScale::Max => progress.wait,
            };
        }
        self.started += 1;
        let endpoint = Rc::clone(&plan.health_key);
        NewDelivery {
            number: chosen.key,
            policy: Rc::clone(&plan.profile.policy),
            endpoint,
            due,
            attempts_made,
            possibly_received: progress.is_some_and(|progress| progress.interrupted),
            wait: progress.map_or(Duration::ZERO, |progress| progress.wait),
            item: RecordDelivery {
                key: chosen.key,
                seq: chosen.seq,
                known: chosen.known,
                origin: chosen.origin,
                plan,
                capture: Some(chosen.capture).filter(|_| attempts_made == 0),
                first: progress.map(|progress| progress.first),
                at: Timestamp::UNIX_EPOCH,
            },
        }
    }

    /// Notes once for each provider why its requests keep their signatures.
    fn note_signing(&mut self, chosen: &SelectedRecord, plan: &RequestPlan) {
        let Some(provider) = &plan.profile.provider else { return };
        if let Some(age) = self.requests.expired_by(plan, &chosen.capture) {
            self.note_once(
                format!("too old {}", provider.name),
                &format!(
                    "note: replaying {}'s original signatures, now {} old;\nhandlers that check the timestamp will reject them\nhint: re-sign with --resign -s env:NAME",
                    provider.title,
                    in_words(age)
                ),
            );
        } else if !plan.resign && chosen.known.valid && !self.requests.is_verbatim() {
            self.note_once(
                format!("no secret {}", provider.name),
                &format!(
                    "note: no secret of {} is known; sending its original signatures\nhint: to re-sign, add -s env:NAME or -s file:PATH",
                    provider.title
                ),
            );
        }
    }

    /// Shows once, if the development secret was used, how to give it to the handler.
    fn hint_at_the_secret(&mut self, plan: &RequestPlan) -> Result {
        let Some(provider) = plan.profile.provider.as_ref().filter(|_| plan.resign) else { return Ok(()) };
        if !self.notes_shown.insert(format!("secret {}", provider.name)) {
            return Ok(());
        }
        if uses_development_secret(&self.context.config, self.identity, provider)? {
            self.report.flush()?;
            self.context.output.hint(&secret_hint(provider, "whk replay"));
        }
        Ok(())
    }

    fn note_once(&mut self, what: String, text: &str) {
        if self.notes_shown.insert(what) {
            self.context.output.status(text);
        }
    }

    /// Reports a record that cannot be sent.
    fn cannot_send(&mut self, source: &str, provider: &str, error: Error) {
        self.unsendable += 1;
        let error = error.at(source);
        if let Some(cases) = &mut self.cases {
            cases.record(Case::errored(provider, source, "unsendable", &error.in_short()));
        }
        self.context.output.error(&error);
    }

    fn totals(&mut self, item: &RecordDelivery) -> &mut TypeTotals {
        let kind = item.known.kind.as_deref().unwrap_or("-");
        if !self.totals_by_type.contains_key(kind) {
            self.totals_by_type.insert(kind.to_owned(), TypeTotals::default());
        }
        self.totals_by_type.get_mut(kind).expect("it was just inserted")
    }

    pub(super) fn output(&self) -> Output {
        self.context.output
    }
}

impl Outbox for RecordSource<'_> {
    type Item = RecordDelivery;

    fn next(&mut self) -> Result<NextDelivery<RecordDelivery>> {
        loop {
            let chosen = match self.input.next()? {
                NextRecord::Selected(chosen) if self.was_delivered(&chosen) => continue,
                NextRecord::Selected(chosen) => *chosen,
                NextRecord::Pending => return Ok(NextDelivery::Pending),
                NextRecord::End => return Ok(NextDelivery::Exhausted),
            };
            match self.requests.plan(&chosen.known, &chosen.capture) {
                Ok(plan) => {
                    self.note_signing(&chosen, &plan);
                    return Ok(NextDelivery::Ready(self.fresh(chosen, plan)));
                }
                Err(error) => {
                    let source = self.input.source(&chosen);
                    self.cannot_send(&source, chosen.known.provider.as_deref().unwrap_or(NO_PROVIDER), error);
                }
            }
        }
    }

    fn build_request(&mut self, item: &mut RecordDelivery, attempt: &Attempt) -> Result<OutgoingRequest> {
        let capture = match item.capture.take() {
            Some(capture) => capture,
            None => self.input.reread(&item.origin)?,
        };
        item.at = self.context.now();
        let renews = item.plan.profile.policy.refreshed.contains(&RefreshedField::Timestamp);
        let first = *item.first.get_or_insert(item.at);
        let carried = if renews { item.at } else { first };
        let request = self.requests.build(capture, &item.plan, carried)?;
        if let Some(journal) = &mut self.journal {
            journal.begin(item.key, attempt.number, item.at)?;
        }
        Ok(request)
    }

    fn on_attempt(&mut self, item: &mut RecordDelivery, made: &CompletedAttempt<'_>) -> Result {
        if let Some(journal) = &mut self.journal {
            journal.end(item.key, made.attempt.number, self.context.now(), made.decision)?;
        }
        let rejected = made.outcome.response.as_ref().is_ok_and(|answer| looks_like_a_bad_signature(answer.status));
        let subject = Subject {
            seq: Some(item.seq),
            kind: item.known.kind.as_deref(),
            id: item.known.id.as_deref(),
            fault: None,
        };
        let most = item.plan.profile.policy.retries.len() + 1;
        self.report.attempted(&subject, &made.request.endpoint, item.at, made, most)?;
        let ended = made.delivery_started + made.attempt.since_first + made.outcome.duration;
        self.provider_time = self.provider_time.max(ended);
        if let Some(page) = &mut self.page {
            let profile = &item.plan.profile;
            page.attempted(item.key, profile.title(), &subject, made);
            page.schedule(profile.title(), &profile.policy);
        }
        if let Some(cases) = &mut self.cases {
            cases.attempted(item.key, item.known.provider.as_deref().unwrap_or(NO_PROVIDER), &subject, made);
        }
        let totals = self.totals(item);
        totals.retries += u64::from(made.attempt.number > 1);
        match made.decision {
            RetryDecision::Delivered => totals.delivered += 1,
            RetryDecision::Exhausted | RetryDecision::Gone => totals.failed += 1,
            RetryDecision::Retry(_) => {}
        }
        if rejected { self.hint_at_the_secret(&item.plan) } else { Ok(()) }
    }

    fn on_endpoint_disabled(&mut self, endpoint: &str, after: u32) -> Result {
        if let Some(page) = &mut self.page {
            page.disabled(endpoint, after);
        }
        self.report.disabled(endpoint, after)
    }

    fn on_skipped(&mut self, item: &mut RecordDelivery) -> Result {
        self.report.tally.held_back += 1;
        self.totals(item).held_back += 1;
        if let Some(cases) = &mut self.cases {
            let (kind, id) = (item.known.kind.as_deref(), item.known.id.as_deref());
            let provider = item.known.provider.as_deref().unwrap_or(NO_PROVIDER);
            cases.held_back(item.key, provider, &Subject { seq: Some(item.seq), kind, id, fault: None });
        }
        Ok(())
    }

    fn flush(&mut self) -> Result {
        if let Some(journal) = &mut self.journal {
            journal.flush()?;
        }
        self.report.flush()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of events within 52 bits")]
fn to_float(number: u64) -> f64 {
    number as f64
}
