//! The deliveries of records: the selected records, their due times, and the progress of an earlier run.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::{
    NextRecord, RecordIdentity, RecordLocation, RecordRequestFactory, RecordSelection, RequestPlan, SelectedRecord,
    SigningProfile,
};
use crate::capture::CapturedRequest;
use crate::clock::Clock;
use crate::delivery::{Attempt, DeliverySource, Journal, NewDelivery, NextDelivery, Pace, TimeScale};
use crate::error::{Error, Result};
use crate::http::client::OutgoingRequest;
use crate::provider::RefreshedField;

/// The journal of a run: its source reads the progress of an earlier run and records starts, its observer records
/// outcomes.
pub type SharedJournal = Rc<RefCell<Journal>>;

/// One delivery.
pub struct RecordDelivery {
    /// Its position in the input.
    pub key: u64,
    /// The number of the record.
    pub seq: u64,
    /// Its verdict and its event.
    pub known: RecordIdentity,
    origin: RecordLocation,
    /// The way in which it is sent.
    pub plan: RequestPlan,
    /// The request, before the first attempt.
    capture: Option<CapturedRequest>,
    /// The time of the first attempt, which retries repeat if the provider renews nothing.
    first: Option<Timestamp>,
    /// The time of this attempt.
    pub at: Timestamp,
}

/// A remark about a record.
pub enum RecordNotice {
    /// A line or an entry of the input cannot be read.
    Unreadable(Error),
    /// The record cannot be sent.
    Unsendable {
        /// Name of its provider, if known.
        provider: Option<String>,
        /// Its place in the input.
        source: String,
        /// The reason.
        error: Error,
    },
    /// The original signatures are older than the provider allows, by this age.
    Expired {
        /// The provider and its keys.
        profile: Rc<SigningProfile>,
        /// The age of the signature.
        age: Duration,
    },
    /// The original signature is sent because no secret is known.
    NotResigned {
        /// The provider, without keys.
        profile: Rc<SigningProfile>,
    },
}

/// Options of [`RecordSource`].
#[derive(Clone, Copy, Debug)]
pub struct RecordSourceOptions {
    /// The distance between deliveries.
    pub pace: Pace,
    /// Speed at which provider time passes.
    pub speed: TimeScale,
    /// Clock that attempts are dated with.
    pub clock: Clock,
}

/// Supplies the selected records as deliveries.
pub struct RecordSource<'a> {
    /// The selected records.
    pub input: RecordSelection,
    requests: RecordRequestFactory<'a>,
    /// The journal, if progress is kept.
    pub journal: Option<SharedJournal>,
    options: RecordSourceOptions,
    /// The delivery that follows a notice about it.
    ready: Option<NewDelivery<RecordDelivery>>,
    /// The time of receipt of the first record.
    first_received_at: Option<Timestamp>,
    started: u64,
    /// The number of events that an earlier run delivered.
    pub delivered_earlier: u64,
}

impl<'a> RecordSource<'a> {
    /// Makes the source of the selected records.
    pub fn new(
        input: RecordSelection,
        requests: RecordRequestFactory<'a>,
        journal: Option<SharedJournal>,
        options: RecordSourceOptions,
    ) -> Self {
        Self {
            input,
            requests,
            journal,
            options,
            ready: None,
            first_received_at: None,
            started: 0,
            delivered_earlier: 0,
        }
    }

    /// True if an earlier run delivered the request, which is then counted.
    fn was_delivered(&mut self, record: &SelectedRecord) -> bool {
        let was = self.journal.as_ref().is_some_and(|journal| journal.borrow().is_delivered(record.key));
        self.delivered_earlier += u64::from(was);
        was
    }

    /// Returns the due time of a record, in the provider's time.
    fn due(&mut self, at: Option<Timestamp>) -> Duration {
        match (self.options.pace, self.options.speed) {
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

    /// Makes the delivery of a record, with the progress of an earlier run.
    fn delivery(&mut self, record: SelectedRecord, plan: RequestPlan) -> NewDelivery<RecordDelivery> {
        let mut due = self.due(record.at);
        let progress = self.journal.as_ref().and_then(|journal| journal.borrow().progress(record.key));
        // A failed delivery starts over. One that waited continues, less the time that has passed since.
        let progress = progress.filter(|progress| !progress.exhausted);
        let attempts_made = progress.map_or(0, |progress| progress.attempts);
        if let Some(progress) = progress.filter(|progress| progress.attempts > 0) {
            let passed = Duration::try_from(self.options.clock.now().duration_since(progress.last)).unwrap_or_default();
            due = match self.options.speed {
                TimeScale::Times(times) => progress.wait.saturating_sub(passed.mul_f64(times.min(1e6))),
                TimeScale::Max => progress.wait,
            };
        }
        self.started += 1;
        let endpoint = Rc::clone(&plan.health_key);
        NewDelivery {
            number: record.key,
            policy: Rc::clone(&plan.profile.policy),
            endpoint,
            due,
            attempts_made,
            possibly_received: progress.is_some_and(|progress| progress.interrupted),
            wait: progress.map_or(Duration::ZERO, |progress| progress.wait),
            last_failure: progress.and_then(|progress| progress.last_failure),
            delivery: RecordDelivery {
                key: record.key,
                seq: record.seq,
                known: record.known,
                origin: record.origin,
                plan,
                capture: Some(record.capture).filter(|_| attempts_made == 0),
                first: progress.map(|progress| progress.first),
                at: Timestamp::UNIX_EPOCH,
            },
        }
    }

    /// Returns the reason why a record keeps its signature, if its receiver may reject it.
    fn signing_notice(&self, record: &SelectedRecord, plan: &RequestPlan) -> Option<RecordNotice> {
        plan.profile.provider.as_ref()?;
        let profile = || Rc::clone(&plan.profile);
        if let Some(age) = self.requests.expired_by(plan, &record.capture) {
            return Some(RecordNotice::Expired { profile: profile(), age });
        }
        let unknown = !plan.resign && record.known.valid && !self.requests.is_verbatim();
        unknown.then(|| RecordNotice::NotResigned { profile: profile() })
    }
}

impl DeliverySource for RecordSource<'_> {
    type Delivery = RecordDelivery;
    type Notice = RecordNotice;

    fn next(&mut self) -> Result<NextDelivery<RecordDelivery, RecordNotice>> {
        if let Some(ready) = self.ready.take() {
            return Ok(NextDelivery::Ready(ready));
        }
        loop {
            let record = match self.input.try_next()? {
                NextRecord::Selected(record) if self.was_delivered(&record) => continue,
                NextRecord::Selected(record) => *record,
                NextRecord::Unreadable(error) => return Ok(NextDelivery::Notice(RecordNotice::Unreadable(error))),
                NextRecord::Pending => return Ok(NextDelivery::Pending),
                NextRecord::End => return Ok(NextDelivery::Exhausted),
            };
            let plan = match self.requests.plan(&record.known, &record.capture) {
                Ok(plan) => plan,
                Err(error) => {
                    let source = self.input.source(&record);
                    let provider = record.known.provider;
                    return Ok(NextDelivery::Notice(RecordNotice::Unsendable { provider, source, error }));
                }
            };
            let notice = self.signing_notice(&record, &plan);
            let delivery = self.delivery(record, plan);
            return Ok(match notice {
                Some(notice) => {
                    self.ready = Some(delivery);
                    NextDelivery::Notice(notice)
                }
                None => NextDelivery::Ready(delivery),
            });
        }
    }

    fn build_request(&mut self, delivery: &mut RecordDelivery, attempt: &Attempt) -> Result<OutgoingRequest> {
        let capture = match delivery.capture.take() {
            Some(capture) => capture,
            None => self.input.reread(&delivery.origin)?,
        };
        delivery.at = self.options.clock.now();
        let renews = delivery.plan.profile.policy.refreshed.contains(&RefreshedField::Timestamp);
        let first = *delivery.first.get_or_insert(delivery.at);
        let carried = if renews { delivery.at } else { first };
        let request = self.requests.build(capture, &delivery.plan, carried, attempt)?;
        if let Some(journal) = &self.journal {
            journal.borrow_mut().begin(delivery.key, attempt.number, delivery.at)?;
        }
        Ok(request)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of events within 52 bits")]
fn to_float(number: u64) -> f64 {
    number as f64
}
