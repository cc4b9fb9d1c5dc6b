//! The deliveries of `whk replay`: what was chosen, when it is due, and what an earlier run did of it.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::Context;
use super::super::report::{Report, Subject, in_words};
use super::super::secret_hint::{looks_like_a_bad_signature, secret_hint, uses_development_secret};
use super::html::TimelineReport;
use super::input::{Chosen, Input, NextRecord, Origin, Signature};
use super::letter::{Letters, Way};
use crate::capture::Capture;
use crate::cli::{Pace, ReplayArgs, SigningArgs};
use crate::deliver::{
    Attempt, CompletedAttempt, Journal, NewDelivery, NextDelivery, Outbox, Outgoing, RetryDecision, TimeScale,
};
use crate::error::{Error, Result};
use crate::output::Output;
use crate::provider::RefreshedField;

/// One delivery.
pub(super) struct Item {
    key: u64,
    seq: u64,
    known: Signature,
    origin: Origin,
    way: Way,
    /// The request, before the first attempt.
    capture: Option<Capture>,
    /// The time of the first attempt, which is what later ones carry where nothing is carried anew.
    first: Option<Timestamp>,
    /// The time of this attempt.
    at: Timestamp,
}

/// What became of the deliveries of one type.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) held_back: u64,
    pub(super) retries: u64,
}

/// The deliveries, and the report of what became of them.
pub(super) struct ReplayOutbox<'a> {
    context: &'a Context,
    identity: &'a SigningArgs,
    pub(super) input: Input,
    letters: Letters<'a>,
    pub(super) journal: Option<Journal>,
    pub(super) report: Report,
    pub(super) page: Option<TimelineReport>,
    pace: Pace,
    speed: TimeScale,
    /// When the first record was received.
    origin: Option<Timestamp>,
    begun: u64,
    /// How many deliveries an earlier run made.
    pub(super) before: u64,
    /// What could not be sent at all.
    pub(super) unsendable: u64,
    pub(super) fates: BTreeMap<String, Fate>,
    /// How long it would have taken in production, from the first attempt to the last answer.
    pub(super) provider_time: Duration,
    /// What people were told already.
    said: HashSet<String>,
}

impl<'a> ReplayOutbox<'a> {
    pub(super) fn new(
        context: &'a Context,
        flags: &'a ReplayArgs,
        input: Input,
        letters: Letters<'a>,
        journal: Option<Journal>,
        page: Option<TimelineReport>,
    ) -> Self {
        Self {
            context,
            identity: &flags.identity,
            input,
            letters,
            journal,
            report: Report::new(context.output, "whk replay").at_speed(flags.speed.unwrap_or(TimeScale::REAL)),
            page,
            pace: flags.pace.unwrap_or(Pace::Asap),
            speed: flags.speed.unwrap_or(TimeScale::REAL),
            origin: None,
            begun: 0,
            before: 0,
            unsendable: 0,
            fates: BTreeMap::new(),
            provider_time: Duration::ZERO,
            said: HashSet::new(),
        }
    }

    /// Whether an earlier run delivered a request.
    fn was_delivered(&mut self, chosen: &Chosen) -> bool {
        let was = self.journal.as_ref().is_some_and(|journal| journal.is_delivered(chosen.key));
        self.before += u64::from(was);
        was
    }

    /// When a record is due, in the provider's time.
    fn due(&mut self, at: Option<Timestamp>) -> Duration {
        match (self.pace, self.speed) {
            (Pace::Asap, _) => Duration::ZERO,
            (Pace::Original, _) => {
                let Some(at) = at else { return Duration::ZERO };
                let origin = *self.origin.get_or_insert(at);
                Duration::try_from(at.duration_since(origin)).unwrap_or_default()
            }
            // A rate is of the real time, which the provider's may be faster than.
            (Pace::Every(gap), TimeScale::Times(times)) => gap.mul_f64(times * to_float(self.begun)),
            (Pace::Every(gap), TimeScale::Max) => gap.mul_f64(to_float(self.begun)),
        }
    }

    fn fresh(&mut self, chosen: Chosen, way: Way) -> NewDelivery<Item> {
        let mut due = self.due(chosen.at);
        let progress = self.journal.as_ref().and_then(|journal| journal.progress(chosen.key));
        // What was given up begins again; what waited goes on, less the time that has passed since.
        let progress = progress.filter(|progress| !progress.exhausted);
        let attempts_made = progress.map_or(0, |progress| progress.attempts);
        if let Some(progress) = progress.filter(|progress| progress.attempts > 0) {
            let passed = Duration::try_from(self.context.now().duration_since(progress.last)).unwrap_or_default();
            due = match self.speed {
                TimeScale::Times(times) => progress.wait.saturating_sub(passed.mul_f64(times.min(1e6))),
                TimeScale::Max => progress.wait,
            };
        }
        self.begun += 1;
        let endpoint = Rc::clone(&way.place);
        NewDelivery {
            number: chosen.key,
            policy: Rc::clone(&way.sender.terms),
            endpoint,
            due,
            attempts_made,
            possibly_received: progress.is_some_and(|progress| progress.interrupted),
            wait: progress.map_or(Duration::ZERO, |progress| progress.wait),
            item: Item {
                key: chosen.key,
                seq: chosen.seq,
                known: chosen.known,
                origin: chosen.origin,
                way,
                capture: Some(chosen.capture).filter(|_| attempts_made == 0),
                first: progress.map(|progress| progress.first),
                at: Timestamp::UNIX_EPOCH,
            },
        }
    }

    /// Says once what is to be known about how requests are sent.
    fn remark(&mut self, chosen: &Chosen, way: &Way) {
        let Some(provider) = &way.sender.provider else { return };
        if let Some(age) = self.letters.too_old(way, &chosen.capture) {
            self.say_once(
                format!("too old {}", provider.name),
                &format!(
                    "note: replaying {}'s original signatures, now {} old;\nhandlers that check the timestamp will reject them\nhint: re-sign with --resign -s env:NAME",
                    provider.title,
                    in_words(age)
                ),
            );
        } else if !way.resigned && chosen.known.valid && !self.letters.is_verbatim() {
            self.say_once(
                format!("no secret {}", provider.name),
                &format!(
                    "note: no secret of {} is known; sending its original signatures\nhint: to re-sign, add -s env:NAME or -s file:PATH",
                    provider.title
                ),
            );
        }
    }

    /// Says once, if the development secret was used, how to give the handler the same one.
    fn hint_at_the_secret(&mut self, way: &Way) -> Result {
        let Some(provider) = way.sender.provider.as_ref().filter(|_| way.resigned) else { return Ok(()) };
        if !self.said.insert(format!("secret {}", provider.name)) {
            return Ok(());
        }
        if uses_development_secret(&self.context.config, self.identity, provider)? {
            self.report.flush()?;
            self.context.output.hint(&secret_hint(provider, "whk replay"));
        }
        Ok(())
    }

    fn say_once(&mut self, what: String, text: &str) {
        if self.said.insert(what) {
            self.context.output.status(text);
        }
    }

    /// Names a record that cannot be sent; the rest goes on.
    fn cannot_send(&mut self, source: &str, error: Error) {
        self.unsendable += 1;
        self.context.output.error(&error.at(source));
    }

    fn fate(&mut self, item: &Item) -> &mut Fate {
        let kind = item.known.kind.as_deref().unwrap_or("-");
        if !self.fates.contains_key(kind) {
            self.fates.insert(kind.to_owned(), Fate::default());
        }
        self.fates.get_mut(kind).expect("it was put there")
    }

    pub(super) fn output(&self) -> Output {
        self.context.output
    }
}

impl Outbox for ReplayOutbox<'_> {
    type Item = Item;

    fn next(&mut self) -> Result<NextDelivery<Item>> {
        loop {
            let chosen = match self.input.next()? {
                NextRecord::Chosen(chosen) if self.was_delivered(&chosen) => continue,
                NextRecord::Chosen(chosen) => *chosen,
                NextRecord::NotYet => return Ok(NextDelivery::Pending),
                NextRecord::End => return Ok(NextDelivery::Exhausted),
            };
            match self.letters.way(&chosen.known, &chosen.capture) {
                Ok(way) => {
                    self.remark(&chosen, &way);
                    return Ok(NextDelivery::Ready(self.fresh(chosen, way)));
                }
                Err(error) => {
                    let source = self.input.source(&chosen);
                    self.cannot_send(&source, error);
                }
            }
        }
    }

    fn build_request(&mut self, item: &mut Item, attempt: &Attempt) -> Result<Outgoing> {
        let capture = match item.capture.take() {
            Some(capture) => capture,
            None => self.input.again(&item.origin)?,
        };
        item.at = self.context.now();
        let renews = item.way.sender.terms.refreshed.contains(&RefreshedField::Timestamp);
        let first = *item.first.get_or_insert(item.at);
        let carried = if renews { item.at } else { first };
        let request = self.letters.outgoing(capture, &item.way, carried)?;
        if let Some(journal) = &mut self.journal {
            journal.begin(item.key, attempt.number, item.at)?;
        }
        Ok(request)
    }

    fn on_attempt(&mut self, item: &mut Item, made: &CompletedAttempt<'_>) -> Result {
        if let Some(journal) = &mut self.journal {
            journal.end(item.key, made.attempt.number, self.context.now(), made.decision)?;
        }
        let rejected = made.outcome.answer.as_ref().is_ok_and(|answer| looks_like_a_bad_signature(answer.status));
        let subject = Subject {
            seq: Some(item.seq),
            kind: item.known.kind.as_deref(),
            id: item.known.id.as_deref(),
            fault: None,
        };
        let most = item.way.sender.terms.retries.len() + 1;
        self.report.attempted(&subject, &made.request.endpoint, item.at, made, most)?;
        let ended = made.delivery_started + made.attempt.since_first + made.outcome.duration;
        self.provider_time = self.provider_time.max(ended);
        if let Some(page) = &mut self.page {
            let sender = &item.way.sender;
            page.attempted(item.key, sender.title(), &subject, made);
            page.schedule(sender.title(), &sender.terms);
        }
        let fate = self.fate(item);
        fate.retries += u64::from(made.attempt.number > 1);
        match made.decision {
            RetryDecision::Delivered => fate.delivered += 1,
            RetryDecision::Exhausted | RetryDecision::Gone => fate.failed += 1,
            RetryDecision::Retry(_) => {}
        }
        if rejected { self.hint_at_the_secret(&item.way) } else { Ok(()) }
    }

    fn on_endpoint_disabled(&mut self, endpoint: &str, after: u32) -> Result {
        if let Some(page) = &mut self.page {
            page.disabled(endpoint, after);
        }
        self.report.disabled(endpoint, after)
    }

    fn on_skipped(&mut self, item: &mut Item) -> Result {
        self.report.tally.held_back += 1;
        self.fate(item).held_back += 1;
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
