//! Responses from a script: selects the step of a request and makes its response.

use std::cell::Cell;

use hyper::StatusCode;

use crate::capture::RecordedResponse;
use crate::cli::{Act, ListenArgs, Script, Step};
use crate::duration::HumanDuration;
use crate::provider::EventPattern;
use crate::receive::{Exchange, ResponseFault, ServerResponse};

/// The scripts of a run, each with its own count.
pub(super) struct Scripts {
    scripts: Vec<(Option<EventPattern>, Script, Cell<u64>)>,
    body: Option<String>,
}

impl Scripts {
    pub(super) fn of(flags: &ListenArgs) -> Self {
        let some = flags.respond_for.iter().map(|one| (Some(one.types.clone()), one.script.clone(), Cell::new(0)));
        let all = flags.respond.iter().map(|script| (None, script.clone(), Cell::new(0)));
        Self { scripts: some.chain(all).collect(), body: flags.respond_body.clone() }
    }

    /// Returns the next step for an event of this type, if a script covers it.
    pub(super) fn next(&self, kind: Option<&str>) -> Option<Step> {
        let fits =
            |types: &Option<EventPattern>| types.as_ref().is_none_or(|types| types.matches(kind.unwrap_or_default()));
        let (_, script, count) = self.scripts.iter().find(|(types, ..)| fits(types))?;
        let number = count.replace(count.get() + 1);
        Some(script.step(number))
    }

    /// Returns the response of a step, and its record.
    pub(super) fn answer(&self, step: Step, case: &Exchange) -> (ServerResponse, RecordedResponse) {
        let (status, fault, remark) = match step.act {
            Act::Status(status) => (status, None, None),
            Act::Reset => (200, Some(ResponseFault::Reset), Some("connection reset, on purpose".to_owned())),
            Act::Hang => (200, Some(ResponseFault::Hang), Some("no response, on purpose".to_owned())),
            Act::Slow => (
                200,
                Some(ResponseFault::Slow(step.time)),
                Some(format!("the body takes {}, on purpose", HumanDuration(step.time))),
            ),
            Act::Short => (
                200,
                Some(ResponseFault::Short),
                Some("the body is shorter than its content-length, on purpose".to_owned()),
            ),
            Act::Long => (
                200,
                Some(ResponseFault::Long),
                Some("the body is longer than its content-length, on purpose".to_owned()),
            ),
        };
        let words = || StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let body = self.body.clone().unwrap_or_else(|| words().unwrap_or_default().to_owned());
        let mut reply = ServerResponse::text(status, body);
        reply.fault = fault;
        let answered = !matches!(step.act, Act::Reset | Act::Hang);
        let mut response = RecordedResponse::new(answered.then_some(status), "script", case.elapsed());
        response.error = remark;
        (reply, response)
    }
}

/// Returns the delay before a step; a slow body takes its time afterwards.
pub(super) fn wait(step: Step) -> std::time::Duration {
    if step.act == Act::Slow { std::time::Duration::ZERO } else { step.time }
}
