//! The counts of a run: the summary, and a table by provider, type and cause.

use std::collections::BTreeMap;

use serde::Serialize;

use super::strict::Strict;
use crate::error::ExitStatus;
use crate::output::{Column, Table};
use crate::verification::{Verdict, VerdictStatus};

/// The counts of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub(super) struct Tally {
    checked: u64,
    valid: u64,
    invalid: u64,
    unsigned: u64,
    unchecked: u64,
    unreadable: u64,
    /// The results of `--strict-for`.
    #[serde(skip)]
    pub(super) strict: Strict,
    #[serde(skip)]
    kinds: BTreeMap<Kind, u64>,
}

/// Provider, type, and the cause, or what else became of it.
type Kind = (String, String, &'static str);

/// The most rows of the table: types come from outside, and must not fill the memory.
const KINDS: usize = 500;

/// A run of fewer requests needs no table.
const FEW: u64 = 20;

impl Tally {
    /// Counts one verdict.
    pub(super) fn count(&mut self, verdict: &Verdict) {
        self.checked += 1;
        match verdict.status {
            VerdictStatus::Valid => self.valid += 1,
            VerdictStatus::Invalid => self.invalid += 1,
            VerdictStatus::Unsigned => self.unsigned += 1,
            VerdictStatus::Unchecked => self.unchecked += 1,
        }
        let provider = verdict.provider.as_ref().map_or("-", |provider| provider.name.as_str());
        let kind = verdict.event_type.as_deref().unwrap_or("-");
        let fate = verdict.finding.as_ref().map_or(verdict.status.name(), |finding| finding.cause.name());
        self.add((provider.to_owned(), kind.to_owned(), fate), 1);
    }

    /// Counts input that is no request.
    pub(super) fn unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Takes in the counts of a part of the input.
    pub(super) fn merge(&mut self, part: Self) {
        self.checked += part.checked;
        self.valid += part.valid;
        self.invalid += part.invalid;
        self.unsigned += part.unsigned;
        self.unchecked += part.unchecked;
        self.unreadable += part.unreadable;
        self.strict.merge(part.strict);
        for (kind, count) in part.kinds {
            self.add(kind, count);
        }
    }

    fn add(&mut self, kind: Kind, count: u64) {
        let known = self.kinds.len() < KINDS || self.kinds.contains_key(&kind);
        let kind = if known { kind } else { ("(others)".to_owned(), "-".to_owned(), kind.2) };
        *self.kinds.entry(kind).or_default() += count;
    }

    /// Returns the number of requests and unreadable lines.
    pub(super) fn total(&self) -> u64 {
        self.checked + self.unreadable
    }

    /// Returns the exit code.
    pub(super) fn exit(&self) -> ExitStatus {
        if self.unreadable + self.unchecked > 0 {
            ExitStatus::Error
        } else if self.valid == self.checked && !self.strict.found_some() {
            ExitStatus::Success
        } else {
            ExitStatus::Failure
        }
    }

    /// Returns the lines of the table, the heading first; empty if there are few requests.
    pub(super) fn table(&self) -> Vec<String> {
        if self.checked <= FEW {
            return Vec::new();
        }
        let mut table = Table::new(&[Column::Right, Column::Left, Column::Left, Column::Left]);
        table.row(["count", "provider", "result", "type"].map(str::to_owned));
        for ((provider, event_type, result), count) in &self.kinds {
            table.row([count.to_string(), provider.clone(), (*result).to_owned(), event_type.clone()]);
        }
        table.lines(usize::MAX)
    }

    /// The summary in words.
    pub(super) fn in_words(&self) -> String {
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
