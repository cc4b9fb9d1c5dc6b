//! The numbers of a run.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

use crate::capture::Record;

/// The numbers of a run, which are also the last line of `--json`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub struct ReceiverSummary {
    /// Requests that were verified.
    pub received: u64,
    /// Requests with a valid signature.
    pub valid: u64,
    /// Requests with an invalid signature.
    pub invalid: u64,
    /// Requests without a signature.
    pub unsigned: u64,
    /// Valid requests with an id that was received before.
    pub duplicates: u64,
    /// Requests that were rejected before they could be verified.
    #[serde(rename = "refused")]
    pub rejected: u64,
    /// Requests that were not shown because of their type.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden: u64,
    /// Result of the expectation: `met`, `unmet` or `broken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expectation: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl fmt::Display for ReceiverSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received", self.received)?;
        for (count, label) in [
            (self.valid, "valid"),
            (self.invalid, "invalid"),
            (self.unsigned, "unsigned"),
            (self.duplicates, if self.duplicates == 1 { "duplicate" } else { "duplicates" }),
            (self.rejected, "rejected"),
            (self.hidden, "not shown"),
        ] {
            if count > 0 {
                write!(f, ", {count} {label}")?;
            }
        }
        Ok(())
    }
}

/// Counts requests.
#[derive(Debug, Default)]
pub struct ReceiverStats(RefCell<ReceiverSummary>);

impl ReceiverStats {
    /// Counts a request that was verified.
    pub(super) fn record(&self, record: &Record) {
        let mut summary = self.0.borrow_mut();
        summary.received += 1;
        match &*record.verdict.status {
            "valid" => summary.valid += 1,
            "invalid" => summary.invalid += 1,
            "unsigned" => summary.unsigned += 1,
            _ => {}
        }
        summary.duplicates += u64::from(record.duplicate);
    }

    /// Counts a request that was rejected before it could be verified.
    pub(super) fn record_rejected(&self) {
        self.0.borrow_mut().rejected += 1;
    }

    /// Counts a request that is not shown.
    pub fn record_hidden(&self) {
        self.0.borrow_mut().hidden += 1;
    }

    /// Returns the numbers until now.
    #[must_use]
    pub fn summary(&self) -> ReceiverSummary {
        *self.0.borrow()
    }
}
