//! The numbers of a run.

use std::cell::RefCell;

use serde::Serialize;

use crate::capture::Record;

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub(super) struct Summary {
    pub(super) received: u64,
    pub(super) valid: u64,
    pub(super) invalid: u64,
    pub(super) unsigned: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
    /// The number of requests that `--type` did not show.
    #[serde(skip_serializing_if = "is_none")]
    pub(super) hidden: u64,
    /// The result of the expectation: `met`, `unmet` or `broken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expectation: Option<&'static str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Counts requests.
#[derive(Default)]
pub(super) struct Counter(RefCell<Summary>);

impl Counter {
    pub(super) fn dealt(&self, record: &Record) {
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

    pub(super) fn refused(&self) {
        self.0.borrow_mut().refused += 1;
    }

    pub(super) fn hidden(&self) {
        self.0.borrow_mut().hidden += 1;
    }

    pub(super) fn summary(&self) -> Summary {
        *self.0.borrow()
    }
}

impl Summary {
    /// Returns it as a line for people.
    pub(super) fn in_words(&self) -> String {
        let mut parts = vec![format!("{} received", self.received)];
        for (count, what) in [
            (self.valid, "valid"),
            (self.invalid, "invalid"),
            (self.unsigned, "unsigned"),
            (self.duplicates, if self.duplicates == 1 { "duplicate" } else { "duplicates" }),
            (self.refused, "rejected"),
            (self.hidden, "not shown"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }
}
