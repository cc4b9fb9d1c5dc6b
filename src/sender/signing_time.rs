//! The time that is signed.

use std::time::Duration;

use jiff::Timestamp;

/// The time that is signed, absolute or relative to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningTime {
    /// The time at which the request is built.
    Now,
    /// This time.
    At(Timestamp),
    /// A time before now.
    Before(Duration),
    /// A time after now.
    After(Duration),
}

impl SigningTime {
    /// Returns the time for a given `now`.
    pub(super) fn resolve(self, now: Timestamp) -> Result<Timestamp, jiff::Error> {
        match self {
            Self::Now => Ok(now),
            Self::At(time) => Ok(time),
            Self::Before(span) => now.checked_sub(span),
            Self::After(span) => now.checked_add(span),
        }
    }
}
