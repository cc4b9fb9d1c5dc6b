//! Reports the deliveries of `whk serve`: a line for each attempt, or JSON.

use super::{DeliveryReporter, EventRef};
use crate::delivery::TimeScale;
use crate::error::Result;
use crate::output::Output;
use crate::server::ServerEvent;

/// Prints what happens in a server.
pub struct ServeReporter {
    report: DeliveryReporter,
}

impl ServeReporter {
    /// Reports the deliveries of a server with this speed.
    #[must_use]
    pub fn new(output: Output, speed: TimeScale) -> Self {
        Self { report: DeliveryReporter::new(output, "whk serve").with_speed(speed) }
    }

    /// Prints an event.
    ///
    /// # Errors
    /// It cannot be printed.
    pub fn on_event(&mut self, event: ServerEvent<'_>) -> Result {
        match event {
            ServerEvent::Attempt { webhook_id, url, event_type, event_id, at, made, max_attempts } => {
                let event = EventRef {
                    webhook_id: Some(webhook_id),
                    seq: None,
                    event_type: Some(event_type),
                    event_id: Some(event_id),
                    fault: None,
                };
                self.report.report_attempt(&event, &url, at, made, max_attempts)
            }
            ServerEvent::Disabled { webhook_id, url, disabled, notice } => {
                self.report.report_disabled_webhook(Some(webhook_id), url, disabled, notice.as_deref())
            }
            ServerEvent::Flush => self.report.flush(),
        }
    }

    /// Returns the counts of deliveries for people; `None` if there were none.
    #[must_use]
    pub fn summary(&self) -> Option<String> {
        let stats = &self.report.stats;
        (stats.attempts > 0)
            .then(|| format!("{} delivered, {} failed, {} attempts", stats.delivered, stats.failed, stats.attempts))
    }
}
