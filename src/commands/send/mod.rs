//! `whk send`: signed sample events, or a body of one's own, to a handler.

mod options;

use super::CommandContext;
use super::signals::Signals;
use super::wait;
use crate::cli::{PrintFormat, SendArgs};
use crate::clock::Stopwatch;
use crate::delivery::{DispatchOptions, Dispatcher};
use crate::error::{ExitStatus, Result};
use crate::http::client::{Endpoint, HttpClient};
use crate::output::Output;
use crate::provider::TemplateContext;
use crate::random::Rng;
use crate::report::{
    Case, DeliveryCases, RequestForm, Results, SendHints, SendReporter, print_request, request_heading, send_summary,
    unreachable, write_results,
};
use crate::sender::{EventRequestFactory, EventSource, PreparedRequest, SequenceStep};
use options::Requests;

pub(super) fn run(context: &CommandContext, flags: &SendArgs) -> Result<ExitStatus> {
    let endpoint = context.config.url(flags.url.clone())?;
    let requests = options::resolve(context, flags, endpoint.url().as_str())?;
    for note in requests.factory.notes() {
        context.output.status(&format!("note: {note}"));
    }
    if flags.dry_run {
        return dry_run(context, &requests, &endpoint, flags);
    }
    let mut cases = Results::open(context.now(), "send", &flags.reports, &[])?.map(DeliveryCases::new);
    if let Some(cases) = &mut cases {
        cases.property("target", &endpoint.to_string());
        cases.property("provider", &requests.factory.provider().name);
    }
    let result = super::block_on(deliver(context, &requests, endpoint, flags, &mut cases))?;
    write_results(cases.map(DeliveryCases::finish), context.output, result)
}

fn dry_run(context: &CommandContext, requests: &Requests, endpoint: &Endpoint, flags: &SendArgs) -> Result<ExitStatus> {
    for (mutation, reason) in &requests.skipped {
        context.output.status(&format!("skipped {}: {reason}", mutation.name()));
    }
    let form = match flags.format {
        PrintFormat::Http => RequestForm::Http,
        PrintFormat::Curl => RequestForm::Curl,
        PrintFormat::Json => RequestForm::Json,
    };
    let factory = &requests.factory;
    let mut number = 0;
    for round in 0..factory.rounds() {
        let scenario_values = factory.scenario_values(round);
        let steps = factory.steps(round);
        let total = factory.rounds().saturating_mul(steps.len() as u64);
        let mut last = None;
        for step in steps {
            let request = step_request(factory, round, &step, scenario_values.as_ref(), last)?;
            number += 1;
            if total > 1 && Output::is_terminal() && !context.output.json && form != RequestForm::Json {
                context.output.write_stdout(request_heading(number, total, &request, context.output).as_bytes())?;
            }
            print_request(context.output, endpoint, &request, form)?;
            last = Some(request);
        }
    }
    Ok(ExitStatus::Success)
}

/// Returns the request of a step: a new one, or the last one again.
fn step_request(
    factory: &EventRequestFactory,
    round: u64,
    step: &SequenceStep,
    scenario_values: Option<&TemplateContext<'_>>,
    last: Option<PreparedRequest>,
) -> Result<PreparedRequest> {
    match last.filter(|_| step.is_repeat) {
        Some(last) => Ok(last),
        None => factory.build(round, step, scenario_values),
    }
}

async fn deliver(
    context: &CommandContext,
    requests: &Requests,
    endpoint: Endpoint,
    flags: &SendArgs,
    cases: &mut Option<DeliveryCases>,
) -> Result<ExitStatus> {
    let factory = &requests.factory;
    let with_mutations = !factory.mutations().is_empty();
    let mut signals = Signals::catch()?;
    if let Some(limit) = flags.wait {
        tokio::select! {
            waited = wait::until_reachable(context.output, &endpoint, limit.0) => waited?,
            _ = signals.next() => return Ok(ExitStatus::Interrupted),
        }
    }
    let client = HttpClient::new(&endpoint, flags.insecure)?;
    let options = options::source(context, flags, factory, endpoint.clone());
    let pacing = DispatchOptions {
        speed: options.speed,
        concurrency: flags.concurrency,
        timeout: context.config.timeout(flags.timeout).map(|span| span.0),
        seed: context.seed.unwrap_or_else(|| Rng::System.bits()),
        clock: context.clock,
    };
    let watch = Stopwatch::start();
    let hints = SendHints {
        body_style: flags.body_style,
        uses_development_secret: context.development_secret_check(&flags.identity),
    };
    let mut reporter = SendReporter::new(context.output, factory, &options, hints, cases.take());
    let source = EventSource::new(factory, options);
    for (mutation, reason) in &requests.skipped {
        reporter.report.report_skipped(mutation.name(), reason)?;
        if let Some(cases) = &mut reporter.cases {
            cases.record(Case::skipped(mutation.name(), "all events", reason));
        }
    }
    let dispatcher = Dispatcher::new(source, reporter, client, pacing);
    let ended = tokio::select! {
        ended = dispatcher.run() => Some(ended),
        _ = signals.next() => None,
    };
    let (_, reporter) = dispatcher.into_parts();
    *cases = reporter.cases;
    let mut report = reporter.report;
    report.summary(watch.elapsed(), with_mutations)?;
    let stats = &report.stats;
    if stats.ended() > 1 {
        context.output.status(&send_summary(stats, with_mutations, flags.expect.is_some()));
    }
    match ended {
        None => Ok(ExitStatus::Interrupted),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => match stats.never_reached() {
            Some(failure) => Err(unreachable(&endpoint, failure)),
            None => Ok(if stats.failed + stats.held_back + stats.accepted + stats.crashed == 0 {
                ExitStatus::Success
            } else {
                ExitStatus::Failure
            }),
        },
    }
}
