//! `whk send`: signed sample events, or a body of one's own, to a handler.

mod curl;
mod fault;
mod outbox;
mod plan;
mod sequence;

use serde::Serialize;

use super::Context;
use super::report::Tally;
use super::signals::Signals;
use super::unreachable::unreachable;
use super::wait;
use crate::capture::{Capture, Headers, write_http};
use crate::cli::{PrintFormat, SendArgs};
use crate::clock::Stopwatch;
use crate::deliver::{Client, DispatchOptions, Dispatcher, Endpoint, TimeScale};
use crate::error::{Exit, Result};
use crate::output::Output;
use crate::provider::TemplateContext;
use crate::random::Random;
use outbox::SendOutbox;
use plan::{Dispatch, Plan};
use sequence::Step;

pub(super) fn run(context: &Context, flags: &SendArgs) -> Result<Exit> {
    let endpoint = context.config.url(flags.url.clone());
    let plan = Plan::new(context, flags, endpoint.url().as_str())?;
    for remark in &plan.remarks {
        context.output.status(&format!("note: {remark}"));
    }
    if flags.dry_run {
        for round in 0..plan.rounds() {
            let shared = plan.shared(context, round);
            let mut last = None;
            for step in plan.steps(context, round) {
                let dispatch = next(context, &plan, round, shared.as_ref(), &step, last)?;
                print(context.output, &endpoint, &dispatch, flags.format)?;
                last = Some(dispatch);
            }
        }
        return Ok(Exit::Yes);
    }
    super::block_on(deliver(context, &plan, endpoint, flags))?
}

/// The request of a step: a new one, or the last one once more.
fn next(
    context: &Context,
    plan: &Plan<'_>,
    round: u64,
    shared: Option<&TemplateContext<'_>>,
    step: &Step,
    last: Option<Dispatch>,
) -> Result<Dispatch> {
    match last.filter(|_| step.again) {
        Some(last) => Ok(last),
        None => plan.dispatch(context, round, shared, step),
    }
}

async fn deliver(context: &Context, plan: &Plan<'_>, endpoint: Endpoint, flags: &SendArgs) -> Result<Exit> {
    let mut signals = Signals::catch()?;
    if let Some(limit) = flags.wait {
        tokio::select! {
            waited = wait::until_reachable(context.output, &endpoint, limit.0) => waited?,
            _ = signals.next() => return Ok(Exit::Interrupted),
        }
    }
    let client = Client::new(&endpoint, flags.insecure)?;
    let pacing = DispatchOptions {
        speed: flags.speed.unwrap_or(TimeScale::REAL),
        concurrency: flags.concurrency,
        timeout: context.config.timeout(flags.timeout).map(|span| span.0),
        seed: context.seed.unwrap_or_else(|| Random::System.bits()),
        clock: context.clock,
    };
    let watch = Stopwatch::start();
    let dispatcher = Dispatcher::new(SendOutbox::new(context, plan, flags, endpoint.clone()), client, pacing);
    let ended = tokio::select! {
        ended = dispatcher.run() => Some(ended),
        _ = signals.next() => None,
    };
    let mut report = dispatcher.into_source().report;
    report.summary(watch.elapsed())?;
    let tally = &report.tally;
    if tally.ended() > 1 {
        context.output.status(&in_words(tally));
    }
    match ended {
        None => Ok(Exit::Interrupted),
        Some(Err(error)) => Err(error),
        Some(Ok(())) if tally.attempts > 0 && !tally.reached => {
            Err(unreachable(&endpoint, &format!("none of {} attempts reached it", tally.attempts)))
        }
        Some(Ok(())) => Ok(if tally.failed + tally.held_back == 0 { Exit::Yes } else { Exit::No }),
    }
}

fn in_words(tally: &Tally) -> String {
    let held_back = if tally.held_back > 0 { format!(", {} held back", tally.held_back) } else { String::new() };
    format!("{} sent, {} delivered, {} failed{held_back}", tally.ended(), tally.delivered, tally.failed)
}

#[derive(Serialize)]
struct DryLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    event_type: Option<&'a str>,
    event_id: &'a str,
    url: &'a str,
    method: &'static str,
    target: String,
    headers: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_b64: Option<String>,
    size: usize,
}

fn print(output: Output, endpoint: &Endpoint, dispatch: &Dispatch, format: PrintFormat) -> Result {
    use base64::Engine as _;
    let url = endpoint.to_string();
    let format = if output.json { PrintFormat::Json } else { format };
    match format {
        PrintFormat::Http => {
            let mut headers: Headers = [("host", endpoint.host())].into_iter().collect();
            for (name, value) in &dispatch.headers {
                headers.push(name, value.as_bytes());
            }
            let mut text = write_http(&Capture {
                at: None,
                remote: String::new(),
                method: "POST".into(),
                target: endpoint.target(),
                headers,
                body: dispatch.body.clone(),
            });
            if Output::is_terminal() {
                text.push(b'\n');
            }
            output.raw(&text)
        }
        PrintFormat::Curl => output.raw(format!("{}\n", curl::command(endpoint, dispatch)).as_bytes()),
        PrintFormat::Json => {
            let text = std::str::from_utf8(&dispatch.body).ok();
            let line = DryLine {
                v: 1,
                kind: "request",
                at: format!("{:.6}", dispatch.at),
                event_type: dispatch.kind.as_deref(),
                event_id: &dispatch.id,
                url: &url,
                method: "POST",
                target: endpoint.target(),
                headers: &dispatch.headers,
                body: text,
                body_b64: text.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(&dispatch.body)),
                size: dispatch.body.len(),
            };
            Output { json: true, ..output }.object(&line)
        }
    }
}
