//! `--dry-run`: when each attempt would be made, were all of them to fail.

use std::time::Duration;

use serde::Serialize;

use super::super::Context;
use super::super::report::{Report, in_words, seconds};
use super::input::Input;
use super::letter::Letters;
use crate::deliver::{jitter_rng, retry_delay};
use crate::error::{Exit, Result};
use crate::output::clean;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "timeline")]
struct Timeline<'a> {
    seq: u64,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    url: String,
    signed: &'static str,
    attempts: Vec<Planned>,
}

#[derive(Serialize)]
struct Planned {
    attempt: u32,
    wait_s: f64,
    at_s: f64,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct Summary {
    events: u64,
    attempts: u64,
    longest_s: f64,
}

pub(super) fn print(context: &Context, mut input: Input, letters: &Letters<'_>, seed: u64) -> Result<Exit> {
    let mut report = Report::new(context.output);
    let paint = context.output.paint;
    let mut sum = Summary { events: 0, attempts: 0, longest_s: 0.0 };
    let mut unsendable = 0;
    while let Some(chosen) = input.wait_for_next()? {
        let way = match letters.way(&chosen.known, &chosen.capture) {
            Ok(way) => way,
            Err(error) => {
                unsendable += 1;
                context.output.error(&error.at(&input.source(&chosen)));
                continue;
            }
        };
        let times = times(&way.sender.terms, chosen.key, seed);
        let last = times.last().map_or(Duration::ZERO, |(_, at)| *at);
        sum.events += 1;
        sum.attempts += times.len() as u64;
        sum.longest_s = sum.longest_s.max(seconds(last));
        let attempts = times.iter().zip(1..);
        report.object(&Timeline {
            seq: chosen.seq,
            event_type: chosen.known.kind.as_deref(),
            event_id: chosen.known.id.as_deref(),
            url: way.endpoint.to_string(),
            signed: if way.resigned { "anew" } else { "verbatim" },
            attempts: attempts
                .map(|((wait, at), attempt)| Planned { attempt, wait_s: seconds(*wait), at_s: seconds(*at) })
                .collect(),
        })?;
        let kind = paint.bold(&clean(chosen.known.kind.as_deref().unwrap_or("-")));
        let id = paint.cyan(&clean(chosen.known.id.as_deref().unwrap_or("-")));
        let moments: Vec<String> = times.iter().map(|(_, at)| in_words(*at)).collect();
        let count = if moments.len() == 1 { "1 attempt".to_owned() } else { format!("{} attempts", moments.len()) };
        report.answer(&format!("{kind} {id} {count}: {}", moments.join(", ")))?;
    }
    report.object(&sum)?;
    report.flush()?;
    input.say_unknown();
    if sum.events == 0 && unsendable == 0 {
        return Err(input.nothing_chosen());
    }
    let longest = in_words(Duration::from_secs_f64(sum.longest_s));
    context
        .output
        .status(&format!("{} events; were every attempt to fail, the last would come after {longest}", sum.events));
    Ok(if unsendable > 0 { Exit::No } else { Exit::Yes })
}

/// The wait before each attempt, and its moment after the first one. An answer is taken to come at once.
fn times(terms: &crate::provider::DeliveryPolicy, key: u64, seed: u64) -> Vec<(Duration, Duration)> {
    let mut times = vec![(Duration::ZERO, Duration::ZERO)];
    for attempt in 1.. {
        let Some(wait) = retry_delay(terms, attempt, &mut jitter_rng(seed, key, attempt)) else { break };
        let before = times.last().map_or(Duration::ZERO, |(_, at)| *at);
        times.push((wait, before + wait));
    }
    times
}
