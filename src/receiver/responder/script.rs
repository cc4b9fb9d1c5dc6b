//! A script of responses, as it is written: `500x2,200@12s,reset`.

use std::str::FromStr;
use std::time::Duration;

use crate::duration::HumanDuration;

/// A comma list of steps; the last one repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseScript {
    steps: Vec<(ScriptStep, u64)>,
}

/// The response to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptStep {
    /// The action.
    pub action: ScriptAction,
    /// The delay before it; for a slow body, the duration of the body.
    pub time: Duration,
}

/// The action instead of an ordinary response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptAction {
    /// Respond with this status.
    Status(u16),
    /// Reset the connection.
    Reset,
    /// Never respond.
    Hang,
    /// Send the body one byte at a time.
    Slow,
    /// Send less than the content-length.
    Short,
    /// Send more than the content-length.
    Long,
}

/// The default duration of a slow body: longer than any provider waits.
const DEFAULT_SLOW_BODY: Duration = Duration::from_secs(30);

impl ResponseScript {
    /// Returns the step for the request with this number, counted from 0.
    #[must_use]
    pub fn step(&self, number: u64) -> ScriptStep {
        let mut before = 0_u64;
        for (step, count) in &self.steps {
            before = before.saturating_add(*count);
            if number < before {
                return *step;
            }
        }
        self.steps.last().expect("a script has a step").0
    }
}

impl ScriptStep {
    /// Returns the delay before the response; the time of a slow body is not before it.
    #[must_use]
    pub fn delay(self) -> Duration {
        if self.action == ScriptAction::Slow { Duration::ZERO } else { self.time }
    }
}

impl FromStr for ResponseScript {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { steps: text.split(',').map(|item| step(item.trim())).collect::<Result<_, _>>()? })
    }
}

/// Reads `STATUS[xCOUNT][@DELAY]`, or a fault in place of the status.
fn step(item: &str) -> Result<(ScriptStep, u64), String> {
    let invalid = |reason: &str| {
        format!(
            "`{item}`: {reason}; expected STATUS[xCOUNT][@DELAY] such as `500x2` or `200@12s`, or one of `reset`, `hang`, `slow`, `short`, `long`"
        )
    };
    let (rest, time) = match item.split_once('@') {
        Some((rest, time)) => (rest, Some(time.parse::<HumanDuration>().map_err(|error| invalid(&error))?.0)),
        None => (item, None),
    };
    let (action, count) = match rest.rsplit_once('x') {
        Some((action, count)) => {
            let count = count.parse().ok().filter(|count| *count > 0);
            (action, count.ok_or_else(|| invalid("COUNT is not a number above 0"))?)
        }
        None => (rest, 1),
    };
    let action = match action {
        "reset" => ScriptAction::Reset,
        "hang" if time.is_some() => return Err(invalid("a time has no effect, because nothing follows")),
        "hang" => ScriptAction::Hang,
        "slow" => ScriptAction::Slow,
        "short" => ScriptAction::Short,
        "long" => ScriptAction::Long,
        status_text => match status_text.parse() {
            Ok(status) if (200..=599).contains(&status) && status_text.len() == 3 => ScriptAction::Status(status),
            Ok(_) => return Err(invalid("a status is a number from 200 to 599")),
            Err(_) => return Err(invalid("not a step")),
        },
    };
    let time = time.unwrap_or(if action == ScriptAction::Slow { DEFAULT_SLOW_BODY } else { Duration::ZERO });
    Ok((ScriptStep { action, time }, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(script: &str, count: u64) -> Vec<ScriptAction> {
        let script: ResponseScript = script.parse().unwrap();
        (0..count).map(|number| script.step(number).action).collect()
    }

    #[test]
    fn steps_follow_each_other_and_the_last_repeats() {
        use ScriptAction::{Reset, Status};
        assert_eq!(
            actions("503x3,reset,200", 7),
            [Status(503), Status(503), Status(503), Reset, Status(200), Status(200), Status(200)]
        );
        assert_eq!(actions("200, 500x2", 4), [Status(200), Status(500), Status(500), Status(500)]);
        assert_eq!(
            actions("slow,short,long,hang", 5),
            [ScriptAction::Slow, ScriptAction::Short, ScriptAction::Long, ScriptAction::Hang, ScriptAction::Hang]
        );
    }

    #[test]
    fn a_step_can_wait() {
        let time = |text: &str| text.parse::<ResponseScript>().unwrap().step(0).time;
        assert_eq!(time("200@12s"), Duration::from_secs(12));
        assert_eq!(time("resetx2@500ms"), Duration::from_millis(500));
        assert_eq!(
            (time("slow"), time("slow@1s"), time("200")),
            (DEFAULT_SLOW_BODY, Duration::from_secs(1), Duration::ZERO)
        );
    }

    #[test]
    fn a_bad_item_is_named() {
        for (bad, expected) in [
            ("", "``: not a step"),
            ("200,", "``: not a step"),
            ("500x2,teapot", "`teapot`: not a step"),
            ("199", "`199`: a status is a number from 200 to 599"),
            ("0200", "`0200`: a status is"),
            ("200x0", "`200x0`: COUNT"),
            ("200x", "`200x`: COUNT"),
            ("200@12x", "`200@12x`: `12x` is not a duration"),
            ("hang@1s", "`hang@1s`: a time has no effect"),
        ] {
            let error = bad.parse::<ResponseScript>().unwrap_err();
            assert!(error.starts_with(expected), "{bad}: {error}");
        }
    }
}
