//! The engine's state, on the one thread that owns the store: what the API changes, and what is delivered.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::changes::{Change, ChangeLog};
use super::engine_handle::Announcer;
use super::model::{AttemptEntry, Counters, DeliveryEntry, DueDelivery, Page, Webhook, WebhookFields, WebhookFilter};
use super::provider::ServedProvider;
use super::registry::Registry;
use super::schedule::Schedule;
use super::store::Store;
use super::target::Target;
use crate::clock::{Clock, Stopwatch};
use crate::delivery::TimeScale;
use crate::error::{Error, Result};
use crate::random::Rng;
use crate::signing::Secret;

/// Characters of ids.
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The setting that holds the key of the API.
const API_KEY: &str = "api_key";

/// The options of an engine.
pub(super) struct EngineOptions {
    /// The providers, by name.
    pub(super) providers: IndexMap<String, Rc<ServedProvider>>,
    /// Clock that changes are dated with.
    pub(super) clock: Clock,
    /// The seed of ids and secrets; `None` takes them from the system's random source.
    pub(super) seed: Option<u64>,
    /// Speed at which the waits of a schedule pass.
    pub(super) speed: TimeScale,
    /// Tells others what changed.
    pub(super) announcer: Announcer,
}

/// The webhooks, the store and the providers.
pub(in crate::server) struct Engine {
    pub(super) store: Store,
    pub(super) webhooks: Registry,
    pub(super) providers: IndexMap<String, Rc<ServedProvider>>,
    pub(super) schedule: Schedule,
    /// Where each webhook's requests go, and what signs them; made when first needed.
    pub(super) targets: HashMap<i64, Rc<Target>>,
    /// Deliveries that are due and come next.
    pub(super) loaded: VecDeque<DueDelivery>,
    /// Webhooks with counters that the store does not have yet.
    pub(super) counted: BTreeSet<i64>,
    /// The last changes, for those who follow them.
    pub(super) changes: ChangeLog,
    announcer: Announcer,
    /// The row of the last attempt.
    pub(super) newest_attempt: i64,
    pub(super) speed: TimeScale,
    clock: Clock,
    /// The time in milliseconds at which the watch started: due times follow the real clock, whatever `--now` says.
    started_at: i64,
    watch: Stopwatch,
    /// The seed of ids and secrets; `None` takes them from the system's random source.
    seed: Option<u64>,
    /// Number of random values drawn.
    drawn: u64,
}

impl Engine {
    pub(super) fn new(mut store: Store, options: EngineOptions) -> Result<Self> {
        let EngineOptions { providers, clock, seed, speed, announcer } = options;
        store.recover()?;
        let webhooks = Registry::new(store.all_webhooks()?);
        let mut schedule = Schedule::default();
        for (webhook, waiting) in store.waiting_for_each()? {
            let served = webhooks.get(webhook).filter(|webhook| providers.contains_key(&webhook.fields.provider));
            if let Some(due) = served.and(waiting.first_due) {
                schedule.add(webhook, due);
            }
        }
        let drawn = store.webhooks_created()? << 8;
        let started_at = Clock::System.now().as_millisecond();
        let changes = ChangeLog::new(started_at.unsigned_abs());
        let newest_attempt = store.newest_attempt()?;
        announcer.announce(changes.newest(), newest_attempt.unsigned_abs());
        Ok(Self {
            store,
            webhooks,
            providers,
            schedule,
            targets: HashMap::new(),
            loaded: VecDeque::new(),
            counted: BTreeSet::new(),
            changes,
            announcer,
            newest_attempt,
            speed,
            clock,
            started_at,
            watch: Stopwatch::start(),
            seed,
            drawn,
        })
    }

    /// Returns the real time in milliseconds since 1970.
    pub(super) fn real_millis(&self) -> i64 {
        self.started_at.saturating_add(i64::try_from(self.watch.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Returns the real time from now until a delivery is due; `None` if nothing waits.
    pub(super) fn until_due(&self) -> Option<Duration> {
        let due = self.schedule.next_due()?;
        Some(Duration::from_millis(u64::try_from(due - self.real_millis()).unwrap_or(0)))
    }

    /// Makes every change so far durable.
    pub(super) fn commit(&mut self) -> Result {
        for row in std::mem::take(&mut self.counted) {
            if let Some(webhook) = self.webhooks.get(row) {
                self.store.update_counters(row, &webhook.counters)?;
            }
        }
        self.store.commit()?;
        self.announcer.announce(self.changes.newest(), self.newest_attempt.unsigned_abs());
        Ok(())
    }

    /// Returns the time that changes are dated with.
    pub(in crate::server) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes an id of random letters and digits.
    pub(in crate::server) fn new_id(&mut self, prefix: &str, length: usize) -> String {
        format!("{prefix}{}", self.random().string(ID_ALPHABET, length))
    }

    /// Makes a random source of its own; repeatable with a seed.
    pub(in crate::server) fn random(&mut self) -> Rng {
        self.drawn += 1;
        self.seed.map_or(Rng::System, |seed| Rng::for_event(!seed, self.drawn))
    }

    /// Makes a secret in the format of a provider.
    pub(in crate::server) fn new_secret(&mut self, provider: &str) -> Result<Secret> {
        let random = self.random();
        let provider = self.providers.get(provider).ok_or_else(|| Error::new(format!("no provider `{provider}`")))?;
        provider.data.seeded_secret(random)
    }

    /// Registers a webhook under a new id.
    pub(in crate::server) fn create_webhook(&mut self, id: String, fields: WebhookFields) -> Result<Webhook> {
        let now = self.now();
        let row = self.store.add_webhook(&id, &fields, now)?;
        let webhook = Webhook { row, id, fields, counters: Counters::default(), created_at: now, updated_at: now };
        self.webhooks.insert(webhook.clone());
        self.changes.push(Change::Webhook(row));
        Ok(webhook)
    }

    /// Returns a webhook of an account.
    pub(in crate::server) fn webhook(&self, provider: &str, account: &str, id: &str) -> Option<&Webhook> {
        self.webhooks.find(provider, account, id)
    }

    /// Returns a part of the webhooks that a filter selects, and the number of all that it selects.
    pub(in crate::server) fn webhooks(&self, filter: &WebhookFilter, page: Page) -> (Vec<Webhook>, u64) {
        (self.webhooks.list(filter, page), self.webhooks.count(filter))
    }

    /// Changes the fields of a webhook; returns it as it is then. A webhook that is enabled again starts to count its
    /// failures in a row again; what waits for one that is disabled is skipped.
    pub(in crate::server) fn update_webhook(&mut self, row: i64, fields: WebhookFields) -> Result<Option<Webhook>> {
        let now = self.now();
        let Some(webhook) = self.webhooks.get_mut(row) else { return Ok(None) };
        self.store.update_webhook(row, &fields, now)?;
        let (enabled_again, disabled) =
            (fields.enabled && !webhook.fields.enabled, !fields.enabled && webhook.fields.enabled);
        (webhook.fields, webhook.updated_at) = (fields, now);
        if enabled_again {
            webhook.counters.failures_in_a_row = 0;
            self.counted.insert(row);
        }
        let changed = webhook.clone();
        self.targets.remove(&row);
        self.changes.push(Change::Webhook(row));
        if disabled {
            self.skip_waiting(row)?;
        }
        Ok(Some(changed))
    }

    /// Removes a webhook; what waits for it is not delivered any more.
    pub(in crate::server) fn delete_webhook(&mut self, row: i64) -> Result {
        self.webhooks.remove(row);
        self.targets.remove(&row);
        self.schedule.set_next(row, None);
        self.changes.push(Change::Webhook(row));
        self.store.delete_webhook(row)
    }

    /// Skips the deliveries that wait for a webhook.
    pub(super) fn skip_waiting(&mut self, row: i64) -> Result {
        self.schedule.set_next(row, None);
        let now = self.now();
        if self.store.skip_waiting(row, now)? > 0 {
            self.changes.push_many();
        }
        Ok(())
    }

    /// Returns a part of the attempts of a webhook.
    pub(in crate::server) fn attempts(&self, webhook: i64, page: Page) -> Result<Vec<AttemptEntry>> {
        self.store.attempts(webhook, page)
    }

    /// Returns a part of the deliveries of a webhook, and the number of all.
    pub(in crate::server) fn deliveries(&self, webhook: i64, page: Page) -> Result<(Vec<DeliveryEntry>, u64)> {
        Ok((self.store.deliveries(webhook, page)?, self.store.count_deliveries(webhook)?))
    }

    /// Returns the key that the API accepts: the given one, else that of earlier runs with this store, else a new one.
    pub(super) fn api_key(&mut self, given: Option<String>) -> Result<String> {
        if let Some(key) = given {
            return Ok(key);
        }
        if let Some(key) = self.store.setting(API_KEY)? {
            return Ok(key);
        }
        let key = self.new_id("whk_", 32);
        self.store.set_setting(API_KEY, &key)?;
        self.commit()?;
        Ok(key)
    }
}
