//! What the store holds, in the terms of svix: a message goes to an endpoint in attempts. A provider calls its endpoints
//! webhooks, and a delivery is one message on its way to one of them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sender::EventMessage;
use crate::signing::Secret;

/// A registered webhook.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    /// Its row in the store, which grows with each webhook and is never used again.
    pub(super) row: i64,
    /// Its id in the API.
    pub(super) id: String,
    /// Its fields.
    pub(super) fields: WebhookFields,
    /// The outcomes of its attempts.
    pub(super) counters: Counters,
    /// Time of its creation.
    pub(super) created_at: Timestamp,
    /// Time of the last change by the API.
    pub(super) updated_at: Timestamp,
}

/// The fields of a webhook that an API sets.
#[derive(Clone, Debug)]
pub(super) struct WebhookFields {
    /// Name of the provider.
    pub(super) provider: String,
    /// The account that owns it; empty if the provider's API has no accounts.
    pub(super) account: String,
    /// The URL, as it was given.
    pub(super) url: String,
    /// The secret that signs its requests.
    pub(super) secret: Secret,
    /// The types of event that it receives.
    pub(super) events: Vec<String>,
    /// False if nothing is delivered to it.
    pub(super) enabled: bool,
    /// Fields of one provider alone, such as a name or a scope.
    pub(super) details: Map<String, Value>,
}

/// The outcomes of a webhook's attempts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    /// Attempts that succeeded.
    pub(super) successes: u64,
    /// Attempts that failed.
    pub(super) failures: u64,
    /// Attempts that failed since the last success, or since it was enabled.
    pub(super) failures_in_a_row: u64,
    /// Time of the last attempt.
    pub(super) last_attempt_at: Option<Timestamp>,
    /// Time of the last success.
    pub(super) last_success_at: Option<Timestamp>,
    /// Time of the last failure.
    pub(super) last_failure_at: Option<Timestamp>,
}

/// Selects webhooks of one account.
#[derive(Clone, Debug, Default)]
pub(super) struct WebhookFilter {
    /// Name of the provider.
    pub(super) provider: String,
    /// The account; empty if the provider's API has no accounts.
    pub(super) account: String,
    /// Only enabled or disabled ones.
    pub(super) enabled: Option<bool>,
}

impl WebhookFilter {
    /// Selects every webhook of an account.
    #[must_use]
    pub(super) fn account(provider: &str, account: &str) -> Self {
        Self { provider: provider.to_owned(), account: account.to_owned(), enabled: None }
    }

    /// True if it selects this webhook.
    #[must_use]
    pub(super) fn selects(&self, webhook: &Webhook) -> bool {
        let fields = &webhook.fields;
        fields.provider == self.provider
            && fields.account == self.account
            && self.enabled.is_none_or(|enabled| fields.enabled == enabled)
    }
}

/// A part of a list of rows, in their order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// Only rows after this one.
    pub(super) after: Option<i64>,
    /// Only rows before this one.
    pub(super) before: Option<i64>,
    /// True for the newest first.
    pub(super) newest_first: bool,
    /// Number of rows that are skipped.
    pub(super) offset: u64,
    /// Maximum number of rows.
    pub(super) limit: u64,
}

impl Page {
    /// The first rows, oldest first.
    #[must_use]
    pub(super) fn oldest(limit: u64) -> Self {
        Self { after: None, before: None, newest_first: false, offset: 0, limit }
    }

    /// The last rows, newest first.
    #[must_use]
    pub(super) fn newest(limit: u64) -> Self {
        Self { newest_first: true, ..Self::oldest(limit) }
    }
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryState {
    /// It waits for its next attempt.
    Pending,
    /// An attempt is under way.
    InFlight,
    /// The handler accepted it.
    Delivered,
    /// Every attempt failed.
    Failed,
    /// Its webhook was disabled or deleted before it ended.
    Skipped,
}

impl DeliveryState {
    /// Returns the number that stands for it in the store.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Pending => 0,
            Self::InFlight => 1,
            Self::Delivered => 2,
            Self::Failed => 3,
            Self::Skipped => 4,
        }
    }

    /// Returns the state that a number stands for.
    pub(super) fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Pending,
            1 => Self::InFlight,
            2 => Self::Delivered,
            3 => Self::Failed,
            _ => Self::Skipped,
        }
    }
}

/// A delivery with its last attempt: the entry of a log with one row for each delivery.
#[derive(Clone, Debug)]
pub(super) struct DeliveryEntry {
    /// Its row in the store.
    pub(super) row: i64,
    /// Type of its event.
    pub(super) event_type: String,
    /// Its state.
    pub(super) state: DeliveryState,
    /// Number of attempts so far.
    pub(super) attempts: u32,
    /// Status of the last response; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The reason why there was no response.
    pub(super) error: Option<String>,
    /// Duration of the last attempt in microseconds.
    pub(super) duration_us: Option<u64>,
    /// Time of its creation.
    pub(super) created_at: Timestamp,
    /// Time of its last change.
    pub(super) updated_at: Timestamp,
}

/// An attempt that was made: the entry of a log with one row for each attempt.
#[derive(Clone, Debug)]
pub(super) struct AttemptEntry {
    /// Its row in the store.
    pub(super) row: i64,
    /// Id of its event.
    pub(super) event_id: String,
    /// Type of its event.
    pub(super) event_type: String,
    /// Its number within the delivery, from 1.
    pub(super) number: u32,
    /// True if the handler accepted it.
    pub(super) succeeded: bool,
    /// Status of the response; `None` if there was none.
    pub(super) status: Option<u16>,
    /// The reason why there was no response.
    pub(super) error: Option<String>,
    /// Time at which it started.
    pub(super) at: Timestamp,
    /// Time at which the next one is due, if there is one.
    pub(super) next_at: Option<Timestamp>,
}

/// A delivery that is due.
#[derive(Clone, Debug)]
pub(super) struct DueDelivery {
    /// Its row in the store.
    pub(super) row: i64,
    /// The row of its webhook.
    pub(super) webhook: i64,
    /// Number of attempts so far.
    pub(super) attempts: u32,
    /// The provider's wait before this attempt, in milliseconds.
    pub(super) wait_ms: u64,
    /// True if an earlier process ended during this attempt.
    pub(super) possibly_received: bool,
    /// Its message.
    pub(super) message: EventMessage,
}

/// An attempt that was made, as the store keeps it.
#[derive(Clone, Debug)]
pub(super) struct MadeAttempt<'a> {
    /// The row of its delivery.
    pub(super) delivery: i64,
    /// The row of its webhook.
    pub(super) webhook: i64,
    /// Its number within the delivery, from 1.
    pub(super) number: u32,
    /// Time at which it started.
    pub(super) at: Timestamp,
    /// Time at which it ended.
    pub(super) ended_at: Timestamp,
    /// The state of the delivery after it.
    pub(super) state: DeliveryState,
    /// Status of the response.
    pub(super) status: Option<u16>,
    /// The reason why there was no response.
    pub(super) error: Option<&'a str>,
    /// Its duration in microseconds.
    pub(super) duration_us: u64,
    /// Time at which the next one is due, in milliseconds since 1970.
    pub(super) next_at: Option<i64>,
    /// The provider's wait before the next one, in milliseconds.
    pub(super) wait_ms: u64,
    /// The headers that were sent.
    pub(super) headers: Vec<(String, String)>,
    /// The first bytes of the response's body.
    pub(super) response: Option<&'a [u8]>,
}
