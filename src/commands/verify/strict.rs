//! The report of `whk verify` on published libraries that do not accept a valid request.

use serde_json::{Value, json};

use super::super::Context;
use crate::cli::{LibraryFilter, VerifyArgs};
use crate::output::{Verbosity, plural, wrap};
use crate::signing::{Incompatibility, LibraryOutcome, ReferenceLibrary};
use crate::verification::Verdict;

/// The valid requests that a library of `--strict-for` does not accept.
#[derive(Clone, Debug, Default)]
pub(super) struct Strict {
    requests: u64,
    libraries: Vec<ReferenceLibrary>,
}

impl Strict {
    /// Returns whether the libraries are to be compared.
    pub(super) fn is_asked(context: &Context, flags: &VerifyArgs) -> bool {
        !flags.strict_for.is_empty() || context.output.json || context.output.verbosity == Verbosity::Verbose
    }

    /// Counts one request.
    pub(super) fn count(&mut self, wanted: &[LibraryFilter], verdict: &Verdict) {
        let mut counted = false;
        for refusal in verdict.incompatible_libraries.iter().filter(|refusal| is_wanted(wanted, refusal)) {
            counted = true;
            if !self.libraries.contains(&refusal.library) {
                self.libraries.push(refusal.library);
            }
        }
        self.requests += u64::from(counted);
    }

    /// The failures that count, as warnings.
    pub(super) fn warnings(flags: &VerifyArgs, verdict: &Verdict) -> Vec<String> {
        let line = |(libraries, refusal): (String, &Incompatibility)| match (refusal.by_secret, refusal.outcome) {
            (true, _) => format!("{libraries}: {}", refusal.reason),
            (false, LibraryOutcome::Rejects) => format!("{libraries} would reject it: {}", refusal.reason),
            (false, LibraryOutcome::Throws) => format!("{libraries} would throw an error: {}", refusal.reason),
        };
        grouped(verdict, |refusal| is_wanted(&flags.strict_for, refusal)).into_iter().map(line).collect()
    }

    /// The failures of the other libraries, as a table with its heading first; `width` is that of a line.
    pub(super) fn table(flags: &VerifyArgs, verdict: &Verdict, width: usize) -> Vec<String> {
        let rows = grouped(verdict, |refusal| !is_wanted(&flags.strict_for, refusal));
        let column = rows.iter().map(|(libraries, _)| libraries.chars().count()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for (libraries, refusal) in rows {
            let reason = match (refusal.by_secret, refusal.outcome) {
                (true, _) => refusal.reason.to_string(),
                (false, LibraryOutcome::Rejects) => format!("rejects it: {}", refusal.reason),
                (false, LibraryOutcome::Throws) => format!("throws: {}", refusal.reason),
            };
            let reason = wrap(&reason, width.saturating_sub(column + 4).max(24));
            for (at, part) in reason.iter().enumerate() {
                let name = if at == 0 { libraries.as_str() } else { "" };
                lines.push(format!("    {name:column$}  {part}"));
            }
        }
        if !lines.is_empty() {
            lines.insert(0, "  libraries that would not accept this request:".to_owned());
        }
        lines
    }

    /// Adds the counts of a part of the input.
    pub(super) fn merge(&mut self, part: Self) {
        self.requests += part.requests;
        for library in part.libraries {
            if !self.libraries.contains(&library) {
                self.libraries.push(library);
            }
        }
    }

    /// Returns whether there were any.
    pub(super) fn found_some(&self) -> bool {
        self.requests > 0
    }

    /// Prints at the end how many there were.
    pub(super) fn say(&self, context: &Context) {
        if self.requests > 0 {
            let names: Vec<&str> = self.libraries.iter().map(|library| library.name()).collect();
            let requests = plural(self.requests, "valid request", "valid requests");
            let rejected = format!("{requests} would be rejected by: {}", names.join(", "));
            context.output.status(&rejected);
        }
    }
}

/// The libraries that fail for the same reason, with the first of their failures.
fn grouped(verdict: &Verdict, chosen: impl Fn(&Incompatibility) -> bool) -> Vec<(String, &Incompatibility)> {
    let mut groups: Vec<(&Incompatibility, Vec<&str>)> = Vec::new();
    for refusal in verdict.incompatible_libraries.iter().filter(|refusal| chosen(refusal)) {
        let same = |(other, _): &&mut (&Incompatibility, _)| {
            other.outcome == refusal.outcome && other.reason == refusal.reason
        };
        match groups.iter_mut().find(same) {
            Some((_, libraries)) => libraries.push(refusal.library.title()),
            None => groups.push((refusal, vec![refusal.library.title()])),
        }
    }
    groups.into_iter().map(|(refusal, libraries)| (libraries.join(", "), refusal)).collect()
}

fn is_wanted(wanted: &[LibraryFilter], refusal: &Incompatibility) -> bool {
    wanted.iter().any(|wanted| wanted.matches(refusal.library))
}

/// `[{library, outcome, why}]`
pub(super) fn in_json(incompatibilities: &[Incompatibility]) -> Value {
    let one = |refusal: &Incompatibility| json!({"library": refusal.library.name(), "outcome": refusal.outcome.name(), "why": refusal.reason});
    incompatibilities.iter().map(one).collect()
}
