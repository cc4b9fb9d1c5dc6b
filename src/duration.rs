//! A duration as people write it: `500ms`, `10s`, `5m`, `2h`, `1d`; a bare number is seconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a duration, expected seconds, or a unit: 500ms, 10s, 5m, 2h, 1d");
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = if unit.is_empty() { "s" } else { unit };
        let scale = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let mut nanoseconds = whole.checked_mul(scale).ok_or_else(wrong)?;
        let mut step = scale;
        for digit in fraction.bytes() {
            step /= 10;
            let digit = (digit as char).to_digit(10).ok_or_else(wrong)?;
            nanoseconds = nanoseconds.checked_add(u64::from(digit) * step).ok_or_else(wrong)?;
        }
        Ok(Self(Duration::from_nanos(nanoseconds)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        let (unit, scale) =
            UNITS.iter().rev().find(|(_, scale)| nanoseconds.is_multiple_of(*scale)).unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", nanoseconds / scale)
    }
}

/// A duration that was measured, for people: `0.4 ms`, `12 ms`, `6.2 s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredDuration(pub Duration);

impl fmt::Display for MeasuredDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_secs_f64() * 1e3;
        if milliseconds < 9.95 {
            write!(f, "{milliseconds:.1} ms")
        } else if milliseconds < 999.5 {
            write!(f, "{milliseconds:.0} ms")
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrSeconds)
    }
}

/// Reads a text, or a whole number of seconds.
struct TextOrSeconds;

impl de::Visitor<'_> for TextOrSeconds {
    type Value = HumanDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `10s`, or a number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<HumanDuration, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<HumanDuration, E> {
        seconds.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<HumanDuration, E> {
        seconds.to_string().parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_printed() {
        for (text, milliseconds, printed) in [
            ("500ms", 500, "500ms"),
            ("10s", 10_000, "10s"),
            ("1.5s", 1_500, "1500ms"),
            ("90m", 5_400_000, "90m"),
            ("2h", 7_200_000, "2h"),
            ("1d", 86_400_000, "1d"),
            ("0", 0, "0s"),
            ("10", 10_000, "10s"),
            ("0.5", 500, "500ms"),
        ] {
            let span: HumanDuration = text.parse().unwrap();
            assert_eq!(span.0, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(span.to_string(), printed);
        }
        for bad in ["", ".", "s", "-1s", "1 s", "1w", "99999999999999d", "1.s.", "é"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad:?}");
        }
    }
}
