//! `--dry-run`: the moment of each attempt, if every attempt fails.

use super::super::CommandContext;
use super::summary::note_undecided;
use crate::delivery::{TimeScale, planned_attempts};
use crate::error::{ExitStatus, Result};
use crate::http::client::Endpoint;
use crate::output::sanitize;
use crate::report::{DryRunReporter, RunSummary, TimelineReport};
use crate::sender::{NextRecord, RecordRequestFactory, RecordSelection};

/// The options of a dry run.
pub(super) struct DryRun<'a> {
    pub(super) context: &'a CommandContext,
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
    pub(super) fn run(self, mut input: RecordSelection, requests: &RecordRequestFactory<'_>) -> Result<ExitStatus> {
        let output = self.context.output;
        let mut reporter = DryRunReporter::new(output, self.speed, self.page);
        let mut unsendable = 0;
        loop {
            let record = match input.wait_for_next()? {
                NextRecord::Selected(record) => record,
                NextRecord::Unreadable(error) => {
                    output.error(&error);
                    continue;
                }
                NextRecord::Pending | NextRecord::End => break,
            };
            match requests.plan(&record.known, &record.capture) {
                Ok(plan) => {
                    let attempts = planned_attempts(&plan.profile.policy, self.seed, record.key);
                    reporter.report_planned(&record, plan, &attempts)?;
                }
                Err(error) => {
                    unsendable += 1;
                    output.error(&error.at(&input.source(&record)));
                }
            }
        }
        reporter.print_schedules()?;
        note_undecided(output, &input);
        if reporter.events == 0 && unsendable == 0 {
            return Err(input.empty_selection());
        }
        reporter.print_longest();
        if let Some(page) = reporter.page.take() {
            let path = page.write(&RunSummary {
                log: &sanitize(input.name()),
                url: &self.url.to_string(),
                speed: self.speed,
                at: self.context.now(),
                stats: None,
                provider_time: reporter.longest(),
                interrupted: false,
            })?;
            output.status(&format!("report written to {}", sanitize(&path.display().to_string())));
        }
        Ok(if unsendable > 0 { ExitStatus::Failure } else { ExitStatus::Success })
    }
}
