//! The pace of deliveries: the distance from one to the next.

use std::str::FromStr;
use std::time::Duration;

/// The pace of deliveries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// With the original times between them.
    Original,
    /// As fast as responses arrive.
    Asap,
    /// This long apart.
    Every(Duration),
}

impl Pace {
    /// Reads a rate, and nothing else.
    pub fn rate(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(rate @ Self::Every(_)) => Ok(rate),
            _ => Err(format!("`{text}` is not a rate, expected one such as `10/s` or `30/m`")),
        }
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a pace, expected `original`, `asap`, or a rate such as `10/s` or `30/m`");
        match text {
            "original" => return Ok(Self::Original),
            "asap" => return Ok(Self::Asap),
            _ => {}
        }
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let unit = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let count: f64 = count.parse().map_err(|_| wrong())?;
        if count.is_finite() && count > 0.0 {
            Duration::try_from_secs_f64(unit / count).map(Self::Every).map_err(|_| wrong())
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_word_or_a_rate() {
        for (text, pace) in [
            ("original", Pace::Original),
            ("asap", Pace::Asap),
            ("10/s", Pace::Every(Duration::from_millis(100))),
            ("30/m", Pace::Every(Duration::from_secs(2))),
            ("0.5/h", Pace::Every(Duration::from_secs(7200))),
        ] {
            assert_eq!(text.parse(), Ok(pace), "{text}");
        }
        for text in ["", "10", "/s", "0/s", "-1/s", "inf/s", "1/d", "Asap", "1e-300/h"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_is_no_other_pace() {
        assert_eq!(Pace::rate("4/s"), Ok(Pace::Every(Duration::from_millis(250))));
        assert!(Pace::rate("asap").is_err() && Pace::rate("original").is_err());
    }
}
