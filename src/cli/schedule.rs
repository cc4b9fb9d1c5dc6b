//! The values that the flags of `whk replay` take.

use std::ops::RangeInclusive;
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

/// Statuses of recorded responses: `500`, `5xx`, `400-499`, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFilter(Vec<RangeInclusive<u16>>);

impl StatusFilter {
    /// The statuses, as ranges.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.0
    }

    /// True if a status is one of them.
    #[must_use]
    pub fn matches(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl FromStr for StatusFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a status, expected one such as `500`, `5xx`, `400-499` or `5xx,429`");
        let number = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status)).ok_or_else(wrong);
        let range = |part: &str| {
            if let Some(class) = part.strip_suffix("xx") {
                let class: u16 = number(&format!("{class}00"))?;
                return Ok(class..=class + 99);
            }
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first <= last { Ok(first..=last) } else { Err(wrong()) }
        };
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
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

    #[test]
    fn statuses_are_numbers_classes_and_ranges() {
        let matches = |text: &str, status| text.parse::<StatusFilter>().unwrap().matches(status);
        assert!(matches("500", 500) && !matches("500", 501));
        assert!(matches("5xx", 599) && !matches("5xx", 499));
        assert!(matches("400-404,5xx", 404) && matches("400-404,5xx", 503) && !matches("400-404, 5xx", 405));
        for bad in ["", "x", "5x", "99", "600", "404-400", "6xx", "500,", "5xx-6xx"] {
            assert!(bad.parse::<StatusFilter>().is_err(), "{bad:?}");
        }
    }
}
