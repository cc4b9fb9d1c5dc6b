//! `--dry-run`: the moment of each attempt, if every attempt fails.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use super::super::Context;
use super::summary::note_undecided;
use crate::delivery::{TimeScale, jitter_rng, retry_delay};
use crate::error::{ExitStatus, Result};
use crate::http::client::Endpoint;
use crate::output::{human, plural, sanitize};
use crate::provider::DeliveryPolicy;
use crate::report::schedule;
use crate::report::{DeliveryReporter, EventRef, seconds};
use crate::report::{RunSummary, TimelineReport};
use crate::sender::{NextRecord, RecordRequestFactory, RecordSelection, SigningProfile};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "timeline")]
struct PlannedDelivery<'a> {
    seq: u64,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    url: String,
    signed: &'static str,
    attempts: Vec<PlannedAttempt>,
}

#[derive(Serialize)]
struct PlannedAttempt {
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

/// The events of one provider, which share a schedule.
struct Group {
    profile: Rc<SigningProfile>,
    events: u64,
}

/// The options of a dry run.
pub(super) struct DryRun<'a> {
    pub(super) context: &'a Context,
    pub(super) url: &'a Endpoint,
    pub(super) seed: u64,
    pub(super) speed: TimeScale,
    pub(super) page: Option<TimelineReport>,
}

impl DryRun<'_> {
    /// Prints the schedule of what would be sent, and draws it if a page is asked for.
    ///
    /// # Errors
    /// The log cannot be read, nothing in it is selected, or the page cannot be written.
    pub(super) fn run(mut self, mut input: RecordSelection, requests: &RecordRequestFactory<'_>) -> Result<ExitStatus> {
        let output = self.context.output;
        let mut report = DeliveryReporter::new(output, "whk replay");
        let mut sum = Summary { events: 0, attempts: 0, longest_s: 0.0 };
        let mut groups: Vec<Group> = Vec::new();
        let mut unsendable = 0;
        loop {
            let chosen = match input.wait_for_next()? {
                NextRecord::Selected(chosen) => chosen,
                NextRecord::Unreadable(error) => {
                    output.error(&error);
                    continue;
                }
                NextRecord::Pending | NextRecord::End => break,
            };
            let plan = match requests.plan(&chosen.known, &chosen.capture) {
                Ok(plan) => plan,
                Err(error) => {
                    unsendable += 1;
                    output.error(&error.at(&input.source(&chosen)));
                    continue;
                }
            };
            let times = times(&plan.profile.policy, chosen.key, self.seed);
            sum.events += 1;
            sum.attempts += times.len() as u64;
            sum.longest_s = sum.longest_s.max(seconds(times.last().map_or(Duration::ZERO, |(_, at)| *at)));
            let event = EventRef {
                seq: Some(chosen.seq),
                event_type: chosen.known.kind.as_deref(),
                event_id: chosen.known.id.as_deref(),
                fault: None,
            };
            let attempts = times.iter().zip(1..);
            report.print_json(&PlannedDelivery {
                seq: chosen.seq,
                event_type: event.event_type,
                event_id: event.event_id,
                url: plan.endpoint.to_string(),
                signed: if plan.resign { "re-signed" } else { "verbatim" },
                attempts: attempts
                    .map(|((wait, at), attempt)| PlannedAttempt { attempt, wait_s: seconds(*wait), at_s: seconds(*at) })
                    .collect(),
            })?;
            let (kind, id) = (sanitize(event.event_type.unwrap_or("-")), sanitize(event.event_id.unwrap_or("-")));
            output.verbose(&format!("{} {kind} {id}", chosen.seq));
            if let Some(page) = &mut self.page {
                let moments: Vec<Duration> = times.iter().map(|(_, at)| *at).collect();
                page.planned(plan.profile.title(), &event, &moments);
                page.schedule(plan.profile.title(), &plan.profile.policy);
            }
            match groups.iter_mut().find(|group| Rc::ptr_eq(&group.profile, &plan.profile)) {
                Some(group) => group.events += 1,
                None => groups.push(Group { profile: plan.profile, events: 1 }),
            }
        }
        report.print_json(&sum)?;
        for line in self.lines(&groups) {
            report.print(&line)?;
        }
        report.flush()?;
        note_undecided(output, &input);
        if sum.events == 0 && unsendable == 0 {
            return Err(input.empty_selection());
        }
        self.finish(&input, &sum)?;
        Ok(if unsendable > 0 { ExitStatus::Failure } else { ExitStatus::Success })
    }

    /// Returns the schedule of each group: its moments in the provider's time, and at the chosen speed.
    fn lines(&self, groups: &[Group]) -> Vec<String> {
        let heading = |group: &Group| {
            format!("{}, {}:", sanitize(group.profile.title()), plural(group.events, "event", "events"))
        };
        let scaled = format!("  at {}:", speed(self.speed));
        let headings: Vec<String> = groups.iter().map(heading).collect();
        let shown = Some(&scaled).filter(|_| self.speed != TimeScale::REAL);
        let first = headings.iter().chain(shown).map(|heading| heading.chars().count()).max().unwrap_or(0) + 2;
        let paint = self.context.output.paint;
        let width = self.context.output.width().map_or(usize::MAX, |width| width.saturating_sub(first).max(20));
        let mut lines = Vec::new();
        let mut add = |heading: &str, moments: &str, bold: bool| {
            for (number, line) in fold(moments, width).iter().enumerate() {
                let heading = format!("{:first$}", if number == 0 { heading } else { "" });
                lines.push(format!("{}{line}", if bold { paint.bold(&heading) } else { paint.faint(&heading) }));
            }
        };
        for (group, heading) in groups.iter().zip(&headings) {
            let policy = &group.profile.policy;
            add(heading, &schedule::describe(policy), true);
            let retried = !policy.retries.is_empty();
            if let Some(moments) = schedule::describe_scaled(policy, self.speed).filter(|_| retried) {
                add(&scaled, &moments, false);
            }
        }
        lines
    }

    /// Writes the page, and says when the last attempt would be made.
    fn finish(self, input: &RecordSelection, sum: &Summary) -> Result {
        let output = self.context.output;
        let longest = Duration::from_secs_f64(sum.longest_s);
        let mut text = plural(sum.events, "event", "events");
        if sum.attempts == sum.events {
            text.push_str(", without retries");
        } else {
            let _ =
                write!(text, "; if every attempt failed, the last would be sent after {}", human::duration(longest));
            if let TimeScale::Times(times) = self.speed
                && self.speed != TimeScale::REAL
            {
                let _ = write!(
                    text,
                    "\n(at {}: after {})",
                    speed(self.speed),
                    human::short_duration(longest.div_f64(times))
                );
            }
        }
        output.status(&text);
        if let Some(page) = self.page {
            let path = page.write(&RunSummary {
                log: &sanitize(input.name()),
                url: &self.url.to_string(),
                speed: self.speed,
                at: self.context.now(),
                stats: None,
                provider_time: longest,
                interrupted: false,
            })?;
            output.status(&format!("report written to {}", sanitize(&path.display().to_string())));
        }
        Ok(())
    }
}

/// Breaks a list into lines after its commas, none longer than `width` unless a single item is.
fn fold(list: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for item in list.split_inclusive(", ") {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && line.chars().count() + item.trim_end().chars().count() > width {
            line.truncate(line.trim_end().len());
            lines.push(item.to_owned());
        } else {
            line.push_str(item);
        }
    }
    lines
}

/// Returns the speed as people write it: `300×`.
fn speed(speed: TimeScale) -> String {
    match speed {
        TimeScale::Times(times) => format!("{times}×"),
        TimeScale::Max => "max".to_owned(),
    }
}

/// Returns the wait before each attempt, and its moment after the first one. A response is assumed to come at once.
fn times(policy: &DeliveryPolicy, key: u64, seed: u64) -> Vec<(Duration, Duration)> {
    let mut times = vec![(Duration::ZERO, Duration::ZERO)];
    for attempt in 1.. {
        let Some(wait) = retry_delay(policy, attempt, &mut jitter_rng(seed, key, attempt)) else { break };
        let before = times.last().map_or(Duration::ZERO, |(_, at)| *at);
        times.push((wait, before + wait));
    }
    times
}
