//! Responds from scripts: selects the step of a request and makes its response.

use std::cell::Cell;

use hyper::StatusCode;

use super::super::Exchange;
use super::{ResponseScript, ScriptAction, ScriptStep};
use crate::capture::RecordedResponse;
use crate::duration::HumanDuration;
use crate::http::server::{ResponseFault, ServerResponse};
use crate::provider::EventPattern;

/// The scripts of a run, each with its own count.
#[derive(Debug, Default)]
pub struct ScriptedResponder {
    scripts: Vec<(Option<EventPattern>, ResponseScript, Cell<u64>)>,
    body: Option<String>,
}

impl ScriptedResponder {
    /// Makes a responder from scripts, of which the first match wins; one without a pattern matches every event. `body`
    /// is that of all responses; by default it is the reason phrase of the status.
    pub fn new(
        scripts: impl IntoIterator<Item = (Option<EventPattern>, ResponseScript)>,
        body: Option<String>,
    ) -> Self {
        let scripts = scripts.into_iter().map(|(pattern, script)| (pattern, script, Cell::new(0)));
        Self { scripts: scripts.collect(), body }
    }

    /// Returns the next step for an event of this type, if a script covers it.
    pub(in super::super) fn next_step(&self, event_type: Option<&str>) -> Option<ScriptStep> {
        let event_type = event_type.unwrap_or_default();
        let matches = |pattern: &Option<EventPattern>| pattern.as_ref().is_none_or(|types| types.matches(event_type));
        let (_, script, count) = self.scripts.iter().find(|(pattern, ..)| matches(pattern))?;
        let number = count.replace(count.get() + 1);
        Some(script.step(number))
    }

    /// Returns the response of a step, and the response as it is recorded.
    pub(in super::super) fn respond(
        &self,
        step: ScriptStep,
        exchange: &Exchange,
    ) -> (ServerResponse, RecordedResponse) {
        let (status, fault, remark) = match step.action {
            ScriptAction::Status(status) => (status, None, None),
            ScriptAction::Reset => (200, Some(ResponseFault::Reset), Some("connection reset, on purpose".to_owned())),
            ScriptAction::Hang => (200, Some(ResponseFault::Hang), Some("no response, on purpose".to_owned())),
            ScriptAction::Slow => (
                200,
                Some(ResponseFault::Slow(step.time)),
                Some(format!("the body takes {}, on purpose", HumanDuration(step.time))),
            ),
            ScriptAction::Short => (
                200,
                Some(ResponseFault::Short),
                Some("the body is shorter than its content-length, on purpose".to_owned()),
            ),
            ScriptAction::Long => (
                200,
                Some(ResponseFault::Long),
                Some("the body is longer than its content-length, on purpose".to_owned()),
            ),
        };
        let phrase = || StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let body = self.body.clone().unwrap_or_else(|| phrase().unwrap_or_default().to_owned());
        let mut response = ServerResponse::text(status, body);
        response.fault = fault;
        let is_sent = !matches!(step.action, ScriptAction::Reset | ScriptAction::Hang);
        let mut recorded = RecordedResponse::new(is_sent.then_some(status), "script", exchange.elapsed());
        recorded.error = remark;
        (response, recorded)
    }
}
