//! The order of what is sent: the chosen events, or a scenario's, once for each round.

use std::time::Duration;

use crate::provider::Scenario;
use crate::random::Rng;

/// One request of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Which of the events, counted from 0 in their own order.
    pub(super) event: usize,
    /// How long before the last event of the round it happens.
    pub(super) before_end: Duration,
    /// How long after the step before it happens.
    pub(super) after: Duration,
    /// Whether it is the step before once more.
    pub(super) again: bool,
}

/// The steps of a list of events that happen at once.
pub(super) fn at_once(events: usize) -> Vec<Step> {
    (0..events).map(|event| Step { event, before_end: Duration::ZERO, after: Duration::ZERO, again: false }).collect()
}

/// The steps of a scenario, with its own times.
pub(super) fn of(scenario: &Scenario) -> Vec<Step> {
    let mut before_end: Duration = scenario.steps.iter().skip(1).map(|step| step.delay).sum();
    let mut steps = Vec::new();
    for (event, step) in scenario.steps.iter().enumerate() {
        let after = if event == 0 { Duration::ZERO } else { step.delay };
        before_end = before_end.saturating_sub(after);
        steps.push(Step { event, before_end, after, again: false });
    }
    steps
}

/// Fisher and Yates: every order is equally likely.
pub(super) fn shuffle(steps: &mut [Step], random: &mut Rng) {
    for last in (1..steps.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(0);
        steps.swap(last, other);
    }
}

/// Every step twice in a row.
pub(super) fn twice(steps: Vec<Step>) -> Vec<Step> {
    let again = |step: &Step| Step { again: true, after: Duration::ZERO, ..step.clone() };
    steps.into_iter().flat_map(|step| [again(&step), step].into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_ends_now_and_keeps_its_gaps() {
        let scenario: Scenario =
            toml::from_str("name = 'a'\ndescription = 'b'\nsteps = ['x', 'y +2s', 'z +1m']").unwrap();
        let times: Vec<(u64, u64)> =
            of(&scenario).iter().map(|step| (step.before_end.as_secs(), step.after.as_secs())).collect();
        assert_eq!(times, [(62, 0), (60, 2), (0, 60)]);
    }

    #[test]
    fn shuffling_keeps_every_step_and_repeats_with_the_seed() {
        let shuffled = |seed| {
            let mut steps = at_once(20);
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
        let steps: Vec<(usize, bool)> = twice(at_once(2)).iter().map(|step| (step.event, step.again)).collect();
        assert_eq!(steps, [(0, false), (0, true), (1, false), (1, true)]);
    }
}
