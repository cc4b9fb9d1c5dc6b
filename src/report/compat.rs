//! Published libraries that do not accept a valid request.

use serde_json::{Value, json};

use crate::output::{plural, wrap};
use crate::signing::{Incompatibility, LibraryOutcome, ReferenceLibrary};
use crate::verification::Verdict;

/// The valid requests that a required library does not accept.
#[derive(Clone, Debug, Default)]
pub struct CompatStats {
    requests: u64,
    libraries: Vec<ReferenceLibrary>,
}

impl CompatStats {
    /// Counts one request.
    pub fn count(&mut self, required: &[ReferenceLibrary], verdict: &Verdict) {
        let mut counted = false;
        for refusal in verdict.incompatible_libraries.iter().filter(|refusal| is_required(required, refusal)) {
            counted = true;
            if !self.libraries.contains(&refusal.library) {
                self.libraries.push(refusal.library);
            }
        }
        self.requests += u64::from(counted);
    }

    /// Adds the counts of a part of the input.
    pub fn merge(&mut self, part: Self) {
        self.requests += part.requests;
        for library in part.libraries {
            if !self.libraries.contains(&library) {
                self.libraries.push(library);
            }
        }
    }

    /// Returns whether there were any.
    #[must_use]
    pub fn found_some(&self) -> bool {
        self.requests > 0
    }

    /// Returns the sentence about them, if there were any.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let names: Vec<&str> = self.libraries.iter().map(|library| library.name()).collect();
        let requests = plural(self.requests, "valid request", "valid requests");
        (self.requests > 0).then(|| format!("{requests} would be rejected by: {}", names.join(", ")))
    }
}

/// Returns the failures of required libraries, as warnings.
pub(super) fn warnings(required: &[ReferenceLibrary], verdict: &Verdict) -> Vec<String> {
    let line = |(libraries, refusal): (String, &Incompatibility)| match (refusal.by_secret, refusal.outcome) {
        (true, _) => format!("{libraries}: {}", refusal.reason),
        (false, LibraryOutcome::Rejects) => format!("{libraries} would reject it: {}", refusal.reason),
        (false, LibraryOutcome::Throws) => format!("{libraries} would throw an error: {}", refusal.reason),
    };
    grouped(verdict, |refusal| is_required(required, refusal)).into_iter().map(line).collect()
}

/// Returns the failures of the other libraries, as a table with its heading first; `width` is that of a line.
pub(super) fn table(required: &[ReferenceLibrary], verdict: &Verdict, width: usize) -> Vec<String> {
    let rows = grouped(verdict, |refusal| !is_required(required, refusal));
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

/// Returns the libraries that fail for the same reason, with the first of their failures.
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

fn is_required(required: &[ReferenceLibrary], refusal: &Incompatibility) -> bool {
    required.contains(&refusal.library)
}

/// Returns `[{library, outcome, why}]`.
pub(super) fn in_json(incompatibilities: &[Incompatibility]) -> Value {
    let one = |refusal: &Incompatibility| json!({"library": refusal.library.name(), "outcome": refusal.outcome.name(), "why": refusal.reason});
    incompatibilities.iter().map(one).collect()
}
