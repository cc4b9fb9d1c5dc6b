//! The retry schedule of a provider in words.

use std::time::Duration;

use crate::delivery::TimeScale;
use crate::output::human;
use crate::provider::DeliveryPolicy;

/// Returns the moment of each attempt after the first one, without jitter, if every attempt fails at once.
#[must_use]
pub fn moments(policy: &DeliveryPolicy) -> Vec<Duration> {
    let mut moment = Duration::ZERO;
    let retries = policy.retries.iter().map(|wait| {
        moment += wait.0;
        moment
    });
    std::iter::once(Duration::ZERO).chain(retries).collect()
}

/// Returns the moments of a policy with its jitter: `now, 1 s, 17 s (±10 %)`.
#[must_use]
pub fn describe(policy: &DeliveryPolicy) -> String {
    let jitter = if policy.jitter > 0.0 && !policy.retries.is_empty() {
        format!(" (±{:.0} %)", policy.jitter * 100.0)
    } else {
        String::new()
    };
    list(&moments(policy)) + &jitter
}

/// Returns the same moments as they are at this speed; none in real time.
#[must_use]
pub fn describe_scaled(policy: &DeliveryPolicy, speed: TimeScale) -> Option<String> {
    match speed {
        _ if speed == TimeScale::REAL => None,
        TimeScale::Times(times) => {
            Some(list(&moments(policy).iter().map(|moment| moment.div_f64(times)).collect::<Vec<_>>()))
        }
        TimeScale::Max => Some("all at once, without waiting".to_owned()),
    }
}

fn list(moments: &[Duration]) -> String {
    let rest = moments.iter().skip(1).map(|moment| human::short_duration(*moment));
    std::iter::once("now".to_owned()).chain(rest).collect::<Vec<_>>().join(", ")
}
