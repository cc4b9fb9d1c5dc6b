//! The logarithmic time axis of the page.

use std::time::Duration;

use super::model::AttemptMark;

/// Moments that are labelled on the axis, in seconds.
const TICKS: [(u64, &str); 9] = [
    (0, "0"),
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3_600, "1 h"),
    (21_600, "6 h"),
    (86_400, "1 d"),
    (259_200, "3 d"),
];

/// Maps a time to a position in percent. It is logarithmic, because waits reach from a second to a day.
pub(super) struct TimeAxis {
    longest: f64,
}

/// The positions of its ends, so that marks have room.
const AXIS_START: f64 = 2.0;
const AXIS_END: f64 = 97.0;

/// The least distance between marks if there is room: their width on the narrowest page.
const MIN_SPACING: f64 = 4.6;

impl TimeAxis {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest: longest.as_secs_f64().max(1.0) }
    }

    fn position(&self, time: Duration) -> f64 {
        AXIS_START + (AXIS_END - AXIS_START) * time.as_secs_f64().ln_1p() / self.longest.ln_1p()
    }

    /// Returns the position and the label of each labelled moment that is on the axis.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, &'static str)> {
        let ticks = TICKS.iter().map(|(seconds, label)| (self.position(Duration::from_secs(*seconds)), *label));
        ticks.filter(|(position, _)| *position <= AXIS_END + 0.01)
    }

    /// Returns the positions of a delivery's attempts, in order; attempts that would overlap are moved apart.
    pub(super) fn positions(&self, attempts: &[AttemptMark]) -> Vec<f64> {
        let count = f64::from(u32::try_from(attempts.len().max(1)).unwrap_or(u32::MAX));
        let spacing = MIN_SPACING.min((AXIS_END - AXIS_START) / count);
        let mut positions: Vec<f64> = attempts.iter().map(|attempt| self.position(attempt.at)).collect();
        for at in 1..positions.len() {
            positions[at] = positions[at].max(positions[at - 1] + spacing);
        }
        // A mark that was pushed over the end moves back, and pushes those before it.
        let mut end = AXIS_END;
        for position in positions.iter_mut().rev() {
            *position = position.min(end);
            end = *position - spacing;
        }
        positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_in_order_apart_and_on_the_axis() {
        for count in [1, 2, 7, 61] {
            let attempt = |number: u32| AttemptMark {
                number,
                at: Duration::from_secs(u64::from(number / 2) * 3600),
                result: "500".to_owned(),
                body: String::new(),
                delivered: false,
                possibly_received: false,
            };
            let attempts: Vec<AttemptMark> = (0..count).map(attempt).collect();
            let positions = TimeAxis::new(attempts.last().unwrap().at).positions(&attempts);
            assert!(positions.windows(2).all(|pair| pair[1] - pair[0] > 1.5), "{positions:?}");
            let on_axis = |position: &f64| (AXIS_START - 0.01..=AXIS_END + 0.01).contains(position);
            assert!(positions.iter().all(on_axis), "{positions:?}");
        }
    }
}
