//! What was received, in numbers.

use serde::Serialize;

use crate::receive::Dealt;

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
pub(super) struct Summary {
    pub(super) received: u64,
    pub(super) valid: u64,
    pub(super) invalid: u64,
    pub(super) unsigned: u64,
    pub(super) duplicates: u64,
    pub(super) refused: u64,
}

impl Summary {
    /// With one more request.
    pub(super) fn with(mut self, dealt: &Dealt) -> Self {
        self.received += 1;
        match dealt.record.verdict.status.as_str() {
            "valid" => self.valid += 1,
            "invalid" => self.invalid += 1,
            "unsigned" => self.unsigned += 1,
            _ => {}
        }
        self.duplicates += u64::from(dealt.record.duplicate);
        self
    }

    /// For people.
    pub(super) fn in_words(&self) -> String {
        let mut parts = vec![format!("{} received", self.received)];
        for (count, what) in [
            (self.valid, "valid"),
            (self.invalid, "invalid"),
            (self.unsigned, "unsigned"),
            (self.duplicates, if self.duplicates == 1 { "duplicate" } else { "duplicates" }),
            (self.refused, "refused"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        parts.join(", ")
    }
}
