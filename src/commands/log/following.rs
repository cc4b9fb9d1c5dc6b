//! The list of requests that arrive, until a signal.

use std::path::Path;
use std::time::Duration;

use super::super::CommandContext;
use super::super::signals::Signals;
use super::follow::{Follower, INTERVAL};
use super::list::Buffer;
use super::read::{BatchReader, Collector, Flow, Selected, Totals};
use crate::capture::{CaptureFormat, Reader, cannot_read};
use crate::error::Result;
use crate::output::sanitize;

/// Lists the requests that are appended to a log.
pub(super) struct Following<'a> {
    pub(super) context: &'a CommandContext,
    /// The log for people.
    pub(super) name: &'a str,
    /// True if headers and bodies are not needed.
    pub(super) summaries: bool,
    pub(super) follower: Follower,
    pub(super) reader: BatchReader<'a, Option<Vec<u8>>>,
}

impl Following<'_> {
    /// Lists until Ctrl-C or SIGTERM, or until nobody reads the output.
    ///
    /// # Errors
    /// The log cannot be read, or stdout not written.
    pub(super) async fn run(
        mut self,
        written: &mut Buffer,
        mut select: impl FnMut(&Selected<Option<Vec<u8>>>),
        totals: &mut Totals,
    ) -> Result {
        let mut signals = Signals::catch()?;
        self.context.output.status(&format!("following {}; Ctrl-C stops", sanitize(self.name)));
        // The numbers of the lines are not known.
        let source = format!("{} (new lines)", self.name);
        loop {
            let lines = self.follower.read().map_err(|error| cannot_read(Path::new(self.name), &error))?;
            let wait = if lines.is_empty() { INTERVAL } else { Duration::ZERO };
            if !lines.is_empty() {
                let entries = Reader::new(&lines[..], CaptureFormat::JsonLines);
                let mut entries = if self.summaries { entries.summaries() } else { entries.with_outcomes() };
                let (batch, _) = self.reader.read(&mut entries, u64::MAX)?;
                let mut collector = Collector::new(self.context, None, &source, |selected| {
                    select(&selected);
                    selected.value.map_or(Ok(Flow::Continue), |text| written.add(&text))
                });
                collector.add(batch)?;
                totals.add(&collector.finish()?);
                if written.flush()? == Flow::Stop {
                    return Ok(());
                }
            }
            tokio::select! {
                _ = signals.next() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
