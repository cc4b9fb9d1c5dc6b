//! Provider time: passes at real speed, faster, or as fast as responses arrive.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::clock::Stopwatch;

/// Factor by which every delay is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeScale {
    /// This factor; 1 is real time.
    Times(f64),
    /// No waiting; the order of attempts stays the same.
    Max,
}

impl TimeScale {
    /// Real time, as the provider itself delivers.
    pub const REAL: Self = Self::Times(1.0);
}

impl FromStr for TimeScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let number = text.strip_suffix('x').unwrap_or(text).parse().ok();
        // Beyond these limits, a delay of a second is longer than a day, or shorter than a clock can measure.
        match number.filter(|times| (0.00001..=1e9).contains(times)) {
            Some(times) => Ok(Self::Times(times)),
            None => Err(format!("`{text}` is not a speed, expected a number such as `60`, or `max`")),
        }
    }
}

impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// A clock of provider time, which starts with the run.
#[derive(Debug)]
pub(super) struct DeliveryClock {
    speed: TimeScale,
    watch: Stopwatch,
    /// The time at [`TimeScale::Max`], where it passes only when told to.
    virtual_now: Cell<Duration>,
}

impl DeliveryClock {
    pub(super) fn start(speed: TimeScale) -> Self {
        Self { speed, watch: Stopwatch::start(), virtual_now: Cell::default() }
    }

    /// Returns provider time since the start.
    pub(super) fn now(&self) -> Duration {
        match self.speed {
            TimeScale::Times(times) => scaled(self.watch.elapsed(), times),
            TimeScale::Max => self.virtual_now.get(),
        }
    }

    /// True if time stands still until [`DeliveryClock::advance_to`].
    pub(super) fn is_virtual(&self) -> bool {
        self.speed == TimeScale::Max
    }

    /// Advances virtual time to this moment. It never goes back.
    pub(super) fn advance_to(&self, moment: Duration) {
        self.virtual_now.set(moment.max(self.virtual_now.get()));
    }

    /// Completes at this moment; never if time is virtual.
    pub(super) async fn sleep_until(&self, moment: Duration) {
        let TimeScale::Times(times) = self.speed else { return std::future::pending().await };
        // The timer counts whole milliseconds and ends up to one late, but must not end early.
        loop {
            let left = scaled(moment.saturating_sub(self.now()), 1.0 / times);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}

/// Multiplies a duration; the result is at most some thousand years.
pub(super) fn scaled(time: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64((time.as_secs_f64() * by).min(1e11)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_and_printed() {
        for (text, expected) in [
            ("60", TimeScale::Times(60.0)),
            ("1x", TimeScale::REAL),
            ("0.5", TimeScale::Times(0.5)),
            ("max", TimeScale::Max),
        ] {
            let speed: TimeScale = text.parse().unwrap();
            assert_eq!(speed, expected);
            assert_eq!(speed.to_string().parse::<TimeScale>().unwrap(), expected);
        }
        for bad in ["", "0", "-1", "inf", "nan", "fast", "1e300"] {
            assert!(bad.parse::<TimeScale>().is_err(), "{bad}");
        }
    }

    #[test]
    fn virtual_time_passes_when_told_and_never_goes_back() {
        let timer = DeliveryClock::start(TimeScale::Max);
        timer.advance_to(Duration::from_secs(5));
        timer.advance_to(Duration::from_secs(3));
        assert_eq!(timer.now(), Duration::from_secs(5));
    }
}
