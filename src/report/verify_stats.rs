//! The counts of a run: the summary, and a table by provider, type and cause.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compat::CompatStats;
use crate::error::ExitStatus;
use crate::output::{Column, Table};
use crate::verification::{Verdict, VerdictStatus};

/// The counts of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub struct VerifyStats {
    checked: u64,
    valid: u64,
    invalid: u64,
    unsigned: u64,
    unchecked: u64,
    unreadable: u64,
    /// The results of `--strict-for`.
    #[serde(skip)]
    pub strict: CompatStats,
    #[serde(skip)]
    keys: BTreeMap<StatsKey, u64>,
}

/// Provider, type, and the cause, or what else became of it.
type StatsKey = (String, String, &'static str);

/// The most rows of the table: types come from outside, and must not fill the memory.
const MAX_KEYS: usize = 500;

/// A run of fewer requests needs no table.
const MIN_REQUESTS_FOR_TABLE: u64 = 20;

impl VerifyStats {
    /// Counts one verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        self.checked += 1;
        match verdict.status {
            VerdictStatus::Valid => self.valid += 1,
            VerdictStatus::Invalid => self.invalid += 1,
            VerdictStatus::Unsigned => self.unsigned += 1,
            VerdictStatus::Unchecked => self.unchecked += 1,
        }
        let provider = verdict.provider.as_ref().map_or("-", |provider| provider.name.as_str());
        let event_type = verdict.event_type.as_deref().unwrap_or("-");
        let result = verdict.failure.as_ref().map_or(verdict.status.name(), |failure| failure.cause.name());
        self.add((provider.to_owned(), event_type.to_owned(), result), 1);
    }

    /// Counts input that is no request.
    pub fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Adds the counts of a part of the input.
    pub fn merge(&mut self, part: Self) {
        self.checked += part.checked;
        self.valid += part.valid;
        self.invalid += part.invalid;
        self.unsigned += part.unsigned;
        self.unchecked += part.unchecked;
        self.unreadable += part.unreadable;
        self.strict.merge(part.strict);
        for (key, count) in part.keys {
            self.add(key, count);
        }
    }

    fn add(&mut self, key: StatsKey, count: u64) {
        let known = self.keys.len() < MAX_KEYS || self.keys.contains_key(&key);
        let key = if known { key } else { ("(others)".to_owned(), "-".to_owned(), key.2) };
        *self.keys.entry(key).or_default() += count;
    }

    /// Returns the number of requests and unreadable lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.checked + self.unreadable
    }

    /// Returns the exit code.
    #[must_use]
    pub fn exit(&self) -> ExitStatus {
        if self.unreadable + self.unchecked > 0 {
            ExitStatus::Error
        } else if self.valid == self.checked && !self.strict.found_some() {
            ExitStatus::Success
        } else {
            ExitStatus::Failure
        }
    }

    /// Returns the lines of the table, the heading first; empty if there are few requests.
    #[must_use]
    pub fn table(&self) -> Vec<String> {
        if self.checked <= MIN_REQUESTS_FOR_TABLE {
            return Vec::new();
        }
        let mut table = Table::new(&[Column::Right, Column::Left, Column::Left, Column::Left]);
        table.row(["count", "provider", "result", "type"].map(str::to_owned));
        for ((provider, event_type, result), count) in &self.keys {
            table.row([count.to_string(), provider.clone(), (*result).to_owned(), event_type.clone()]);
        }
        table.lines(usize::MAX)
    }

    /// Returns the summary in words.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut parts = vec![format!("{} checked", self.checked)];
        for (count, what) in [
            (self.valid, "valid"),
            (self.invalid, "invalid"),
            (self.unsigned, "unsigned"),
            (self.unchecked, "unchecked"),
            (self.unreadable, "unreadable"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }
}
