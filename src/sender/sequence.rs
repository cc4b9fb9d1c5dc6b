//! The sequence of a round: the chosen events or those of a scenario, in order.

use std::time::Duration;

use crate::provider::Scenario;
use crate::random::Rng;

/// One request of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceStep {
    /// The index of the event.
    pub event: usize,
    /// The time from the event to the last one of the round.
    pub before_last: Duration,
    /// The time from the step before it.
    pub delay: Duration,
    /// It repeats the step before it.
    pub is_repeat: bool,
}

/// Returns the steps of a number of events that happen at once.
pub(super) fn immediate(events: usize) -> Vec<SequenceStep> {
    let step = |event| SequenceStep { event, before_last: Duration::ZERO, delay: Duration::ZERO, is_repeat: false };
    (0..events).map(step).collect()
}

/// Returns the steps of a scenario, with its own times.
pub(super) fn from_scenario(scenario: &Scenario) -> Vec<SequenceStep> {
    let mut before_last: Duration = scenario.steps.iter().skip(1).map(|step| step.delay).sum();
    let mut steps = Vec::new();
    for (event, step) in scenario.steps.iter().enumerate() {
        let delay = if event == 0 { Duration::ZERO } else { step.delay };
        before_last = before_last.saturating_sub(delay);
        steps.push(SequenceStep { event, before_last, delay, is_repeat: false });
    }
    steps
}

/// Shuffles the steps (Fisher and Yates): every order is equally likely.
pub(super) fn shuffle(steps: &mut [SequenceStep], random: &mut Rng) {
    for last in (1..steps.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(0);
        steps.swap(last, other);
    }
}

/// Returns every step twice in a row.
pub(super) fn duplicated(steps: Vec<SequenceStep>) -> Vec<SequenceStep> {
    let repeat = |step: &SequenceStep| SequenceStep { is_repeat: true, delay: Duration::ZERO, ..step.clone() };
    steps.into_iter().flat_map(|step| [repeat(&step), step].into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_ends_now_and_keeps_its_gaps() {
        let scenario: Scenario =
            toml::from_str("name = 'a'\ndescription = 'b'\nsteps = ['x', 'y +2s', 'z +1m']").unwrap();
        let times: Vec<(u64, u64)> =
            from_scenario(&scenario).iter().map(|step| (step.before_last.as_secs(), step.delay.as_secs())).collect();
        assert_eq!(times, [(62, 0), (60, 2), (0, 60)]);
    }

    #[test]
    fn shuffling_keeps_every_step_and_repeats_with_the_seed() {
        let shuffled = |seed| {
            let mut steps = immediate(20);
            shuffle(&mut steps, &mut Rng::seeded(seed));
            steps.iter().map(|step| step.event).collect::<Vec<_>>()
        };
        let mut sorted = shuffled(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        assert_eq!(shuffled(1), shuffled(1));
        assert_ne!(shuffled(1), shuffled(2));
    }

    #[test]
    fn each_step_is_followed_by_itself() {
        let steps: Vec<(usize, bool)> =
            duplicated(immediate(2)).iter().map(|step| (step.event, step.is_repeat)).collect();
        assert_eq!(steps, [(0, false), (0, true), (1, false), (1, true)]);
    }
}
