//! `whk send`: signed sample events, or a body of one's own, to a handler.

mod faults;
mod options;

use serde::Serialize;

use super::Context;
use super::signals::Signals;
use super::wait;
use crate::capture::{CapturedRequest, Headers, write_http};
use crate::cli::{PrintFormat, SendArgs};
use crate::clock::Stopwatch;
use crate::delivery::DeliveryStats;
use crate::delivery::{DispatchOptions, Dispatcher};
use crate::error::{ExitStatus, Result};
use crate::http::client::{Endpoint, HttpClient};
use crate::output::{Output, sanitize};
use crate::provider::TemplateContext;
use crate::random::Rng;
use crate::report::{Case, DeliveryCases, Results, SendHints, SendReporter, to_curl, unreachable, write_results};
use crate::sender::{EventRequestFactory, EventSource, Mutation, PreparedRequest, SequenceStep};
use options::Requests;

pub(super) fn run(context: &Context, flags: &SendArgs) -> Result<ExitStatus> {
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

fn dry_run(context: &Context, requests: &Requests, endpoint: &Endpoint, flags: &SendArgs) -> Result<ExitStatus> {
    for (mutation, reason) in &requests.skipped {
        context.output.status(&format!("skipped {}: {reason}", mutation.name()));
    }
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
            if total > 1 && Output::is_terminal() && !context.output.json && flags.format != PrintFormat::Json {
                context.output.write_stdout(heading(number, total, &request, context.output).as_bytes())?;
            }
            print_dry_run(context.output, endpoint, &request, flags.format)?;
            last = Some(request);
        }
    }
    Ok(ExitStatus::Success)
}

/// The line above each of several requests on a terminal: `# 2 of 3  message.bounced`.
fn heading(number: u64, total: u64, request: &PreparedRequest, output: Output) -> String {
    let gap = if number == 1 { "" } else { "\n" };
    let mut text = format!("# {number} of {total}");
    for part in [request.event_type.as_deref(), request.mutation.map(Mutation::name)].into_iter().flatten() {
        text.push_str("  ");
        text.push_str(&sanitize(part));
    }
    format!("{gap}{}\n", output.paint.faint(&text))
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
    context: &Context,
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
        context.output.status(&in_words(stats, with_mutations, flags.expect.is_some()));
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

fn in_words(stats: &DeliveryStats, with_mutations: bool, with_expectation: bool) -> String {
    let mut text = format!("{} sent, ", stats.ended());
    let parts: &[(u64, &str, bool)] = if with_mutations {
        &[
            (stats.rejected, "rejected", true),
            (stats.accepted, "accepted", true),
            (stats.crashed, "crashed", false),
            (stats.skipped, "skipped", false),
        ]
    } else if with_expectation {
        &[(stats.delivered, "as expected", true), (stats.failed, "unexpected", true)]
    } else {
        &[
            (stats.delivered, "delivered", true),
            (stats.failed, "failed", true),
            (stats.held_back, "skipped (endpoint disabled)", false),
        ]
    };
    let parts = parts.iter().filter(|(count, _, always)| *always || *count > 0);
    let parts: Vec<String> = parts.map(|(count, name, _)| format!("{count} {name}")).collect();
    text.push_str(&parts.join(", "));
    text
}

#[derive(Serialize)]
struct DryRunLine<'a> {
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

fn print_dry_run(output: Output, endpoint: &Endpoint, request: &PreparedRequest, format: PrintFormat) -> Result {
    use base64::Engine as _;
    let url = endpoint.to_string();
    let format = if output.json { PrintFormat::Json } else { format };
    match format {
        PrintFormat::Http => {
            let mut headers: Headers = [("host", endpoint.host())].into_iter().collect();
            for (name, value) in &request.headers {
                headers.push(name, value.as_bytes());
            }
            let mut text = write_http(&CapturedRequest {
                received_at: None,
                remote_addr: String::new(),
                method: "POST".into(),
                target: endpoint.target(),
                headers,
                body: request.body.clone(),
            });
            if Output::is_terminal() {
                text.push(b'\n');
            }
            output.write_stdout(&text)
        }
        PrintFormat::Curl => output.write_stdout(format!("{}\n", to_curl(endpoint, request)).as_bytes()),
        PrintFormat::Json => {
            let text = std::str::from_utf8(&request.body).ok();
            let line = DryRunLine {
                v: 1,
                kind: "request",
                at: format!("{:.6}", request.built_at),
                event_type: request.event_type.as_deref(),
                event_id: &request.event_id,
                url: &url,
                method: "POST",
                target: endpoint.target(),
                headers: &request.headers,
                body: text,
                body_b64: text.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(&request.body)),
                size: request.body.len(),
            };
            Output { json: true, ..output }.print_json(&line)
        }
    }
}
