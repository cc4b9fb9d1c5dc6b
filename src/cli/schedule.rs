//! The values that the flags of `whk replay` take.

use std::str::FromStr;

use crate::duration::HumanDuration;
use crate::provider::ProviderRef;

/// The retry schedule of failed deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduleOverride {
    /// No retries.
    None,
    /// After these waits.
    Delays(Vec<HumanDuration>),
    /// Retries by the rules of this provider.
    Provider(ProviderRef),
}

impl FromStr for ScheduleOverride {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::None);
        }
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map(Self::Provider);
        }
        let waits: Result<Vec<HumanDuration>, String> = text.split(',').map(|wait| wait.trim().parse()).collect();
        waits
            .map(Self::Delays)
            .map_err(|error| format!("{error}; a schedule is a provider's name, `none`, or waits such as `5s,5m,30m`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_names_waits_or_none() {
        let waits = |text: &str| match text.parse().unwrap() {
            ScheduleOverride::Delays(waits) => waits.iter().map(|wait| wait.0.as_secs()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(waits("5s,5m, 30m"), [5, 300, 1800]);
        assert_eq!(waits("5, 300"), [5, 300]);
        assert_eq!("none".parse(), Ok(ScheduleOverride::None));
        assert_eq!("autosend@2026-01".parse(), Ok(ScheduleOverride::Provider("autosend@2026-01".parse().unwrap())));
        for bad in ["", "5s,", "5s;5m", "a b"] {
            assert!(bad.parse::<ScheduleOverride>().is_err(), "{bad:?}");
        }
    }
}
