//! What `whk verify` says of the published libraries that do not take a valid request.

use serde_json::{Value, json};

use super::super::Context;
use crate::cli::{StrictFor, VerifyArgs};
use crate::output::Volume;
use crate::provider::Judgement;
use crate::signing::{Library, Outcome, Refusal};

/// The valid requests that a library of `--strict-for` does not take.
#[derive(Clone, Debug, Default)]
pub(super) struct Strict {
    requests: u64,
    libraries: Vec<Library>,
}

impl Strict {
    /// Whether anybody wants to know.
    pub(super) fn is_asked(context: &Context, flags: &VerifyArgs) -> bool {
        !flags.strict_for.is_empty() || context.output.json || context.output.volume == Volume::Verbose
    }

    /// Counts one request.
    pub(super) fn count(&mut self, wanted: &[StrictFor], judgement: &Judgement) {
        let mut counted = false;
        for refusal in judgement.refused_by.iter().filter(|refusal| is_wanted(wanted, refusal)) {
            counted = true;
            if !self.libraries.contains(&refusal.library) {
                self.libraries.push(refusal.library);
            }
        }
        self.requests += u64::from(counted);
    }

    /// A line for each reason: `but:` where a library counts, `note:` of the others where more is to be said.
    pub(super) fn lines(context: &Context, flags: &VerifyArgs, judgement: &Judgement) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for (name, counts) in [("but:", true), ("note:", false)] {
            if !counts && context.output.volume != Volume::Verbose {
                continue;
            }
            let mut groups: Vec<(&Refusal, Vec<&str>)> = Vec::new();
            for refusal in judgement.refused_by.iter().filter(|refusal| is_wanted(&flags.strict_for, refusal) == counts)
            {
                let like =
                    |(other, _): &&mut (&Refusal, _)| other.outcome == refusal.outcome && other.why == refusal.why;
                match groups.iter_mut().find(like) {
                    Some((_, libraries)) => libraries.push(refusal.library.name()),
                    None => groups.push((refusal, vec![refusal.library.name()])),
                }
            }
            lines.extend(groups.iter().map(|(refusal, libraries)| {
                let what = match refusal.outcome {
                    Outcome::Refuses => "would refuse it",
                    Outcome::Throws => "would throw an error",
                };
                (name, format!("{} {what}: {}", libraries.join(", "), refusal.why))
            }));
        }
        lines
    }

    /// Takes in what was found in a part of the input.
    pub(super) fn merge(&mut self, part: Self) {
        self.requests += part.requests;
        for library in part.libraries {
            if !self.libraries.contains(&library) {
                self.libraries.push(library);
            }
        }
    }

    /// Whether there were any.
    pub(super) fn found_some(&self) -> bool {
        self.requests > 0
    }

    /// Says at the end that there were some.
    pub(super) fn say(&self, context: &Context) {
        if self.requests > 0 {
            let names: Vec<&str> = self.libraries.iter().map(|library| library.name()).collect();
            let what = if self.requests == 1 {
                "1 valid request is"
            } else {
                &format!("{} valid requests are", self.requests)
            };
            context.output.status(&format!("{what} not taken by --strict-for: {}", names.join(", ")));
        }
    }
}

fn is_wanted(wanted: &[StrictFor], refusal: &Refusal) -> bool {
    wanted.iter().any(|wanted| wanted.is(refusal.library))
}

/// `[{library, outcome, why}]`
pub(super) fn in_json(refusals: &[Refusal]) -> Value {
    let one = |refusal: &Refusal| json!({"library": refusal.library.name(), "outcome": refusal.outcome.name(), "why": refusal.why});
    refusals.iter().map(one).collect()
}
