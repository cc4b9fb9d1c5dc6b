//! Numbers and times as people write them.

use std::time::Duration;

/// Returns a count with its noun: `1 event`, `2 events`.
#[must_use]
pub fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Returns a length of time: `0.4 s`, `16 s`, `16 min 19 s`, `3 d 3 h 35 min`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 10_000 {
        let tenths = (millis + 50) / 100;
        return if tenths.is_multiple_of(10) {
            format!("{} s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        };
    }
    let seconds = (millis + 500) / 1000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, unit) in units {
        if rest >= size && words.len() < 3 {
            words.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    words.join(" ")
}

/// Returns a length of time; below a second in milliseconds.
#[must_use]
pub fn short_duration(time: Duration) -> String {
    match time.as_millis() {
        0 if time.is_zero() => "0 s".to_owned(),
        0 => "<1 ms".to_owned(),
        millis @ 1..1000 => format!("{millis} ms"),
        _ => duration(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_said_as_people_do() {
        for (millis, words) in [
            (0, "0 s"),
            (449, "0.4 s"),
            (1_000, "1 s"),
            (16_000, "16 s"),
            (60_000, "1 min"),
            (979_000, "16 min 19 s"),
            (272_105_000, "3 d 3 h 35 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), words);
        }
        assert_eq!(short_duration(Duration::from_millis(16)), "16 ms");
        assert_eq!(short_duration(Duration::from_micros(16)), "<1 ms");
    }

    #[test]
    fn one_is_singular_and_every_other_count_plural() {
        assert_eq!([0, 1, 2].map(|count| plural(count, "line", "lines")), ["0 lines", "1 line", "2 lines"]);
    }
}
