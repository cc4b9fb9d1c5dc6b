//! The value of `--respond` and `--respond-for`: a script of responses.

use std::str::FromStr;
use std::time::Duration;

use crate::duration::HumanDuration;
use crate::provider::EventPattern;

/// A comma list of steps; the last one repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<(Step, u64)>,
}

/// The response to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The action.
    pub act: Act,
    /// The delay before it; for a slow body, the duration of the body.
    pub time: Duration,
}

/// The action instead of an ordinary response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
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
const SLOW: Duration = Duration::from_secs(30);

impl Script {
    /// Returns the step for the request with this number, counted from 0.
    #[must_use]
    pub fn step(&self, number: u64) -> Step {
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

impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self { steps: text.split(',').map(|item| step(item.trim())).collect::<Result<_, _>>()? })
    }
}

/// `WHAT[xCOUNT][@TIME]`
fn step(item: &str) -> Result<(Step, u64), String> {
    let wrong = |why: &str| {
        format!(
            "`{item}`: {why}; expected STATUS[xCOUNT][@DELAY] such as `500x2` or `200@12s`, or one of `reset`, `hang`, `slow`, `short`, `long`"
        )
    };
    let (rest, time) = match item.split_once('@') {
        Some((rest, time)) => (rest, Some(time.parse::<HumanDuration>().map_err(|error| wrong(&error))?.0)),
        None => (item, None),
    };
    let (what, count) = match rest.rsplit_once('x') {
        Some((what, count)) => {
            let count = count.parse().ok().filter(|count| *count > 0);
            (what, count.ok_or_else(|| wrong("COUNT is not a number above 0"))?)
        }
        None => (rest, 1),
    };
    let act = match what {
        "reset" => Act::Reset,
        "hang" if time.is_some() => return Err(wrong("a time has no effect, because nothing follows")),
        "hang" => Act::Hang,
        "slow" => Act::Slow,
        "short" => Act::Short,
        "long" => Act::Long,
        status => match status.parse() {
            Ok(status) if (200..=599).contains(&status) && what.len() == 3 => Act::Status(status),
            Ok(_) => return Err(wrong("a status is a number from 200 to 599")),
            Err(_) => return Err(wrong("not a step")),
        },
    };
    let time = time.unwrap_or(if act == Act::Slow { SLOW } else { Duration::ZERO });
    Ok((Step { act, time }, count))
}

/// `GLOB=SPEC`: the script for events of these types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFor {
    /// The types.
    pub types: EventPattern,
    /// The script.
    pub script: Script,
}

impl FromStr for ScriptFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (types, script) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`: expected GLOB=SPEC"))?;
        Ok(Self { types: types.parse()?, script: script.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(script: &str, count: u64) -> Vec<Act> {
        let script: Script = script.parse().unwrap();
        (0..count).map(|number| script.step(number).act).collect()
    }

    #[test]
    fn steps_follow_each_other_and_the_last_repeats() {
        use Act::{Reset, Status};
        assert_eq!(
            acts("503x3,reset,200", 7),
            [Status(503), Status(503), Status(503), Reset, Status(200), Status(200), Status(200)]
        );
        assert_eq!(acts("200, 500x2", 4), [Status(200), Status(500), Status(500), Status(500)]);
        assert_eq!(acts("slow,short,long,hang", 5), [Act::Slow, Act::Short, Act::Long, Act::Hang, Act::Hang]);
    }

    #[test]
    fn a_step_can_wait() {
        let time = |text: &str| text.parse::<Script>().unwrap().step(0).time;
        assert_eq!(time("200@12s"), Duration::from_secs(12));
        assert_eq!(time("resetx2@500ms"), Duration::from_millis(500));
        assert_eq!((time("slow"), time("slow@1s"), time("200")), (SLOW, Duration::from_secs(1), Duration::ZERO));
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
            let error = bad.parse::<Script>().unwrap_err();
            assert!(error.starts_with(expected), "{bad}: {error}");
        }
        assert!("message.*".parse::<ScriptFor>().is_err());
        let one: ScriptFor = "message.*=500".parse().unwrap();
        assert!(one.types.matches("message.bounced"));
    }
}
