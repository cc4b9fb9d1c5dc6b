//! Reports the deliveries of `whk replay`: on the terminal, in the files of `--report`, and in the journal.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::secret_hint::{DevelopmentSecretCheck, secret_hint, suggests_bad_signature};
use super::{Case, DeliveryCases, DeliveryReporter, EventRef, NO_PROVIDER, TimelineReport};
use crate::clock::Clock;
use crate::delivery::{CompletedAttempt, DeliveryObserver, EndpointDisabled, RetryDecision, TimeScale, failure_kind};
use crate::error::{Error, Result};
use crate::output::{Column, Output, Table, human, sanitize};
use crate::sender::{RecordDelivery, RecordNotice, RecordSource, RequestPlan, SharedJournal};

/// The counts of one event type.
#[derive(Clone, Copy, Debug, Default)]
struct TypeTotals {
    delivered: u64,
    failed: u64,
    held_back: u64,
    retries: u64,
}

/// Reports each attempt, and counts.
pub struct ReplayReporter<'a> {
    output: Output,
    clock: Clock,
    uses_development_secret: DevelopmentSecretCheck<'a>,
    /// The journal that each attempt is noted in, if there is one.
    pub journal: Option<SharedJournal>,
    /// Prints the attempts, and counts them.
    pub report: DeliveryReporter,
    /// The page of `--report FILE.html`.
    pub page: Option<TimelineReport>,
    /// The cases of `--report`.
    pub cases: Option<DeliveryCases>,
    /// The number of records that could not be sent at all.
    pub unsendable: u64,
    totals_by_type: BTreeMap<String, TypeTotals>,
    /// Provider time from the first attempt to the last response.
    pub provider_time: Duration,
    /// Notes that were shown already.
    notes_shown: HashSet<String>,
}

impl<'a> ReplayReporter<'a> {
    /// Reports deliveries at this speed.
    #[must_use]
    pub fn new(
        output: Output,
        clock: Clock,
        speed: TimeScale,
        uses_development_secret: DevelopmentSecretCheck<'a>,
        journal: Option<SharedJournal>,
    ) -> Self {
        Self {
            output,
            clock,
            uses_development_secret,
            journal,
            report: DeliveryReporter::new(output, "whk replay").with_speed(speed),
            page: None,
            cases: None,
            unsendable: 0,
            totals_by_type: BTreeMap::new(),
            provider_time: Duration::ZERO,
            notes_shown: HashSet::new(),
        }
    }

    /// Also draws the deliveries on a page, and records them as cases.
    #[must_use]
    pub fn with_reports(mut self, page: Option<TimelineReport>, cases: Option<DeliveryCases>) -> Self {
        (self.page, self.cases) = (page, cases);
        self
    }

    /// Prints a row for each event type.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print_totals(&mut self) -> Result {
        if self.totals_by_type.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&[Column::Left, Column::Right, Column::Right, Column::Right, Column::Right]);
        table.row(["", "delivered", "failed", "skipped", "retries"].map(str::to_owned));
        for (event_type, totals) in &self.totals_by_type {
            let counts = [totals.delivered, totals.failed, totals.held_back, totals.retries];
            let counts = counts.map(|count| count.to_string());
            table.row(std::iter::once(sanitize(event_type).into_owned()).chain(counts));
        }
        for line in table.lines(usize::MAX) {
            self.report.print(&line)?;
        }
        Ok(())
    }

    /// True if a delivery failed or was skipped.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.report.stats.failed + self.report.stats.held_back > 0
    }

    /// Shows once, if the development secret was used, how to give it to the handler.
    fn hint_at_the_secret(&mut self, plan: &RequestPlan) -> Result {
        let Some(provider) = plan.profile.provider.as_ref().filter(|_| plan.resign) else { return Ok(()) };
        if !self.notes_shown.insert(format!("secret {}", provider.name)) {
            return Ok(());
        }
        if (self.uses_development_secret)(provider)? {
            self.report.flush()?;
            self.output.hint(&secret_hint(provider, "whk replay"));
        }
        Ok(())
    }

    /// Shows a note once for each provider.
    fn note_once(&mut self, what: String, text: &str) {
        if self.notes_shown.insert(what) {
            self.output.status(text);
        }
    }

    /// Reports a record that cannot be sent.
    fn report_unsendable(&mut self, provider: Option<&str>, source: &str, error: Error) {
        self.unsendable += 1;
        let error = error.at(source);
        if let Some(cases) = &mut self.cases {
            cases.record(Case::errored(provider.unwrap_or(NO_PROVIDER), source, "unsendable", &error.one_line()));
        }
        self.output.error(&error);
    }

    fn totals(&mut self, delivery: &RecordDelivery) -> &mut TypeTotals {
        let event_type = delivery.known.event_type.as_deref().unwrap_or("-");
        if !self.totals_by_type.contains_key(event_type) {
            self.totals_by_type.insert(event_type.to_owned(), TypeTotals::default());
        }
        self.totals_by_type.get_mut(event_type).expect("it was just inserted")
    }
}

impl DeliveryObserver<RecordSource<'_>> for ReplayReporter<'_> {
    fn on_notice(&mut self, notice: RecordNotice) -> Result {
        match notice {
            RecordNotice::Unreadable(error) => self.output.error(&error),
            RecordNotice::Unsendable { provider, source, error } => {
                self.report_unsendable(provider.as_deref(), &source, error);
            }
            RecordNotice::Expired { profile, age } => self.note_once(
                format!("too old {}", profile.name()),
                &format!(
                    "note: replaying {}'s original signatures, now {} old;\nhandlers that check the timestamp will reject them\nhint: re-sign with --resign -s env:NAME",
                    profile.title(),
                    human::duration(age)
                ),
            ),
            RecordNotice::NotResigned { profile } => self.note_once(
                format!("no secret {}", profile.name()),
                &format!(
                    "note: no secret of {} is known; sending its original signatures\nhint: to re-sign, add -s env:NAME or -s file:PATH",
                    profile.title()
                ),
            ),
        }
        Ok(())
    }

    fn on_attempt(&mut self, delivery: &RecordDelivery, made: &CompletedAttempt<'_>) -> Result {
        if let Some(journal) = &self.journal {
            let failure = Some(failure_kind(made.outcome)).filter(|_| made.decision != RetryDecision::Delivered);
            journal.borrow_mut().end(delivery.key, made.attempt.number, self.clock.now(), made.decision, failure)?;
        }
        let rejected = made.outcome.response.as_ref().is_ok_and(|answer| suggests_bad_signature(answer.status));
        let event = event(delivery);
        let most = delivery.plan.profile.policy.retries.len() + 1;
        self.report.report_attempt(&event, &made.request.endpoint, delivery.at, made, most)?;
        let ended = made.delivery_started + made.attempt.since_first + made.outcome.duration;
        self.provider_time = self.provider_time.max(ended);
        if let Some(page) = &mut self.page {
            let profile = &delivery.plan.profile;
            page.attempted(delivery.key, profile.title(), &event, made);
            page.schedule(profile.title(), &profile.policy);
        }
        if let Some(cases) = &mut self.cases {
            cases.attempted(delivery.key, group(delivery), &event, made);
        }
        let totals = self.totals(delivery);
        totals.retries += u64::from(made.attempt.number > 1);
        match made.decision {
            RetryDecision::Delivered => totals.delivered += 1,
            RetryDecision::Exhausted | RetryDecision::Final | RetryDecision::Gone => totals.failed += 1,
            RetryDecision::Retry(_) => {}
        }
        if rejected { self.hint_at_the_secret(&delivery.plan) } else { Ok(()) }
    }

    fn on_endpoint_disabled(&mut self, endpoint: &str, disabled: EndpointDisabled) -> Result {
        if let Some(page) = &mut self.page {
            page.disabled(endpoint, disabled);
        }
        self.report.report_disabled(endpoint, disabled)
    }

    fn on_skipped(&mut self, delivery: &RecordDelivery) -> Result {
        self.report.stats.held_back += 1;
        self.totals(delivery).held_back += 1;
        if let Some(cases) = &mut self.cases {
            cases.held_back(delivery.key, group(delivery), &event(delivery));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result {
        if let Some(journal) = &self.journal {
            journal.borrow_mut().flush()?;
        }
        self.report.flush()
    }
}

/// The delivery as its lines name it.
fn event(delivery: &RecordDelivery) -> EventRef<'_> {
    let known = &delivery.known;
    EventRef {
        webhook_id: None,
        seq: Some(delivery.seq),
        event_type: known.event_type.as_deref(),
        event_id: known.id.as_deref(),
        fault: None,
    }
}

/// The group of its case in a report.
fn group(delivery: &RecordDelivery) -> &str {
    delivery.known.provider.as_deref().unwrap_or(NO_PROVIDER)
}
