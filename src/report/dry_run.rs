//! Reports what a replay would send: the moment of each attempt, if every attempt fails.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use super::schedule;
use super::{DeliveryReporter, EventRef, TimelineReport, seconds};
use crate::delivery::{PlannedAttempt, TimeScale};
use crate::error::Result;
use crate::output::{Output, human, plural, sanitize};
use crate::sender::{RequestPlan, SelectedRecord, SigningProfile};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "timeline")]
struct DeliveryLine<'a> {
    seq: u64,
    event_type: Option<&'a str>,
    event_id: Option<&'a str>,
    url: String,
    signed: &'static str,
    attempts: Vec<AttemptLine>,
}

#[derive(Serialize)]
struct AttemptLine {
    attempt: u32,
    wait_s: f64,
    at_s: f64,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    events: u64,
    attempts: u64,
    longest_s: f64,
}

/// The events of one provider, which share a schedule.
struct ScheduleGroup {
    profile: Rc<SigningProfile>,
    events: u64,
}

/// Prints planned deliveries, and draws them if there is a page.
pub struct DryRunReporter {
    output: Output,
    speed: TimeScale,
    report: DeliveryReporter,
    /// The page of `--report FILE.html`.
    pub page: Option<TimelineReport>,
    /// The number of events that would be sent.
    pub events: u64,
    attempts: u64,
    longest: Duration,
    groups: Vec<ScheduleGroup>,
}

impl DryRunReporter {
    /// Reports what would be sent at this speed.
    #[must_use]
    pub fn new(output: Output, speed: TimeScale, page: Option<TimelineReport>) -> Self {
        Self {
            output,
            speed,
            report: DeliveryReporter::new(output, "whk replay"),
            page,
            events: 0,
            attempts: 0,
            longest: Duration::ZERO,
            groups: Vec::new(),
        }
    }

    /// Returns the longest time from a first attempt to the last one.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Reports a delivery.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn report_planned(
        &mut self,
        record: &SelectedRecord,
        plan: RequestPlan,
        attempts: &[PlannedAttempt],
    ) -> Result {
        self.events += 1;
        self.attempts += attempts.len() as u64;
        self.longest = self.longest.max(attempts.last().map_or(Duration::ZERO, |attempt| attempt.since_first));
        let event = EventRef {
            webhook_id: None,
            seq: Some(record.seq),
            event_type: record.known.event_type.as_deref(),
            event_id: record.known.id.as_deref(),
            fault: None,
        };
        let lines = attempts.iter().zip(1..).map(|(planned, attempt)| AttemptLine {
            attempt,
            wait_s: seconds(planned.delay),
            at_s: seconds(planned.since_first),
        });
        self.report.print_json(&DeliveryLine {
            seq: record.seq,
            event_type: event.event_type,
            event_id: event.event_id,
            url: plan.endpoint.to_string(),
            signed: if plan.resign { "re-signed" } else { "verbatim" },
            attempts: lines.collect(),
        })?;
        let (event_type, id) = (sanitize(event.event_type.unwrap_or("-")), sanitize(event.event_id.unwrap_or("-")));
        self.output.verbose(&format!("{} {event_type} {id}", record.seq));
        if let Some(page) = &mut self.page {
            let moments: Vec<Duration> = attempts.iter().map(|attempt| attempt.since_first).collect();
            page.planned(plan.profile.title(), &event, &moments);
            page.schedule(plan.profile.title(), &plan.profile.policy);
        }
        match self.groups.iter_mut().find(|group| Rc::ptr_eq(&group.profile, &plan.profile)) {
            Some(group) => group.events += 1,
            None => self.groups.push(ScheduleGroup { profile: plan.profile, events: 1 }),
        }
        Ok(())
    }

    /// Prints the counts for scripts, and the schedules for people.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print_schedules(&mut self) -> Result {
        let longest_s = seconds(self.longest);
        self.report.print_json(&SummaryLine { events: self.events, attempts: self.attempts, longest_s })?;
        for line in self.lines() {
            self.report.print(&line)?;
        }
        self.report.flush()
    }

    /// Returns the schedule of each group: its moments in the provider's time, and at the chosen speed.
    fn lines(&self) -> Vec<String> {
        let heading = |group: &ScheduleGroup| {
            format!("{}, {}:", sanitize(group.profile.title()), plural(group.events, "event", "events"))
        };
        let scaled = format!("  at {}:", speed(self.speed));
        let headings: Vec<String> = self.groups.iter().map(heading).collect();
        let shown = Some(&scaled).filter(|_| self.speed != TimeScale::REAL);
        let first = headings.iter().chain(shown).map(|heading| heading.chars().count()).max().unwrap_or(0) + 2;
        let style = self.output.style;
        let width = self.output.width().map_or(usize::MAX, |width| width.saturating_sub(first).max(20));
        let mut lines = Vec::new();
        let mut add = |heading: &str, moments: &str, bold: bool| {
            for (number, line) in fold(moments, width).iter().enumerate() {
                let heading = format!("{:first$}", if number == 0 { heading } else { "" });
                lines.push(format!("{}{line}", if bold { style.bold(&heading) } else { style.faint(&heading) }));
            }
        };
        for (group, heading) in self.groups.iter().zip(&headings) {
            let policy = &group.profile.policy;
            add(heading, &schedule::describe(policy), true);
            let retried = !policy.retries.is_empty();
            if let Some(moments) = schedule::describe_scaled(policy, self.speed).filter(|_| retried) {
                add(&scaled, &moments, false);
            }
        }
        lines
    }

    /// Prints the number of events, and the time of the last attempt.
    pub fn print_longest(&self) {
        let longest = self.longest;
        let mut text = plural(self.events, "event", "events");
        if self.attempts == self.events {
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
        self.output.status(&text);
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
