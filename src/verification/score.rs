//! The choice between several candidates.

use super::{Verdict, VerdictStatus};

/// The likelihood that a request is a candidate's, compared field by field, the most telling one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "the order of the fields is the order of the questions")]
pub(super) struct Score {
    valid: bool,
    /// The signature is right; the time may be wrong.
    signature_matches: bool,
    signed: bool,
    knows_event: bool,
    is_default_provider: bool,
    /// The signature is written in the candidate's form, although it does not match.
    well_formed_signature: bool,
}

impl Score {
    /// Scores a verdict; `default_provider` is the name of the provider that is assumed if nothing else decides.
    pub(super) fn new(verdict: &Verdict, default_provider: Option<&str>) -> Self {
        let provider = verdict.provider.as_ref();
        let event_type = verdict.event_type.as_ref();
        Self {
            valid: verdict.status == VerdictStatus::Valid,
            signature_matches: verdict.signature_matches(),
            signed: matches!(verdict.status, VerdictStatus::Valid | VerdictStatus::Invalid),
            knows_event: provider.zip(event_type).is_some_and(|(provider, event)| provider.has_event(event)),
            is_default_provider: provider.is_some_and(|provider| default_provider == Some(provider.name.as_str())),
            well_formed_signature: verdict.is_mismatch(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every score that a verdict can have.
    fn scores() -> Vec<Score> {
        let mut scores = Vec::new();
        // Unsigned or unchecked; malformed; a mismatch; right but not in time; valid.
        for (signed, well_formed_signature, signature_matches, valid) in [
            (false, false, false, false),
            (true, false, false, false),
            (true, true, false, false),
            (true, false, true, false),
            (true, false, true, true),
        ] {
            for (knows_event, is_default_provider) in [(false, false), (false, true), (true, false), (true, true)] {
                scores.push(Score {
                    valid,
                    signature_matches,
                    signed,
                    knows_event,
                    is_default_provider,
                    well_formed_signature,
                });
            }
        }
        scores
    }

    /// Weights that order scores in the same way, except that the event counts as much as the two fields after it.
    fn weight(score: Score) -> u32 {
        u32::from(score.valid) * 32
            + u32::from(score.signature_matches) * 16
            + u32::from(score.signed) * 8
            + u32::from(score.knows_event) * 3
            + u32::from(score.is_default_provider) * 2
            + u32::from(score.well_formed_signature)
    }

    #[test]
    fn the_event_alone_outweighs_the_default_provider_with_a_well_formed_signature() {
        let mut ties = 0;
        for a in scores() {
            for b in scores() {
                let event_alone =
                    |score: Score| score.knows_event && !score.is_default_provider && !score.well_formed_signature;
                if a > b && weight(a) == weight(b) {
                    assert!(event_alone(a) && b.is_default_provider && b.well_formed_signature, "{a:?} {b:?}");
                    ties += 1;
                } else {
                    assert_eq!(a.cmp(&b).is_gt(), weight(a) > weight(b), "{a:?} {b:?}");
                }
            }
        }
        assert_eq!(ties, 1);
    }
}
