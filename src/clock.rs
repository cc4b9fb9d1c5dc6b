//! The only place that reads the clock.
#![expect(clippy::disallowed_methods, reason = "this is the place that the ban points to")]

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The clock for event times and time checks: the real one, or one that stands still (`--now`).
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A fixed time.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Fixed(time) => time,
        }
    }
}

/// Measures durations, unaffected by `--now`.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
