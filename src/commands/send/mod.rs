//! `whk send`: signed sample events, or a body of one's own, to a handler.

mod curl;
mod fault;
mod plan;
mod sequence;

use bytes::Bytes;
use serde::Serialize;

use super::Context;
use crate::capture::{Capture, Headers, write_http};
use crate::cli::{Pace, PrintFormat, Send};
use crate::deliver::{Client, Endpoint, Outcome};
use crate::error::{Error, Exit, Result};
use crate::output::{Output, body_lines, clean};
use crate::provider::Values;
use plan::{Dispatch, Plan};
use sequence::Step;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "attempt")]
struct AttemptLine<'a> {
    event_type: Option<&'a str>,
    event_id: &'a str,
    attempt: u32,
    url: &'a str,
    at: String,
    status: Option<u16>,
    error: Option<&'a str>,
    duration_ms: f64,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "delivery")]
struct DeliveryLine<'a> {
    event_type: Option<&'a str>,
    event_id: &'a str,
    outcome: &'static str,
    attempts: u32,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    sent: u64,
    delivered: u64,
    failed: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
    per_second: Option<f64>,
}

/// What came of everything that was sent.
#[derive(Default)]
struct Tally {
    delivered: u64,
    failed: u64,
    reached: bool,
    latencies: Vec<f64>,
}

pub(super) fn run(context: &Context, flags: &Send) -> Result<Exit> {
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
    super::runtime()?.block_on(deliver(context, &plan, endpoint, flags))
}

/// The request of a step: a new one, or the last one once more.
fn next(
    context: &Context,
    plan: &Plan<'_>,
    round: u64,
    shared: Option<&Values<'_>>,
    step: &Step,
    last: Option<Dispatch>,
) -> Result<Dispatch> {
    match last.filter(|_| step.again) {
        Some(last) => Ok(last),
        None => plan.dispatch(context, round, shared, step),
    }
}

async fn deliver(context: &Context, plan: &Plan<'_>, endpoint: Endpoint, flags: &Send) -> Result<Exit> {
    let timeout = match context.config.timeout(flags.timeout) {
        Some(span) => Some(span.0).filter(|limit| !limit.is_zero()),
        None => Some(plan.provider.delivery.timeout.0),
    };
    let client = Client::new(endpoint.clone(), timeout, flags.insecure)?;
    let run = Run { context, plan, client: &client, endpoint: &endpoint, pace: flags.pace.unwrap_or(Pace::Asap) };
    let watch = crate::clock::Stopwatch::start();
    let mut tally = Tally::default();
    let ended = tokio::select! {
        ended = run.all(&mut tally) => Some(ended),
        _ = tokio::signal::ctrl_c() => None,
    };
    summarise(context.output, &tally, watch.elapsed())?;
    match ended {
        None => Ok(Exit::Interrupted),
        Some(Err(error)) => Err(error),
        Some(Ok(())) => Ok(if tally.failed == 0 { Exit::Yes } else { Exit::No }),
    }
}

/// One run against one endpoint.
struct Run<'a> {
    context: &'a Context,
    plan: &'a Plan<'a>,
    client: &'a Client,
    endpoint: &'a Endpoint,
    pace: Pace,
}

impl Run<'_> {
    async fn all(&self, tally: &mut Tally) -> Result {
        for round in 0..self.plan.rounds() {
            let shared = self.plan.shared(self.context, round);
            let mut last = None;
            for step in self.plan.steps(self.context, round) {
                self.wait(&step, tally).await;
                let dispatch = next(self.context, self.plan, round, shared.as_ref(), &step, last)?;
                self.one(&dispatch, tally).await?;
                last = Some(dispatch);
            }
        }
        Ok(())
    }

    async fn wait(&self, step: &Step, tally: &Tally) {
        let first = tally.latencies.is_empty();
        let wait = match self.pace {
            Pace::Original => step.after,
            Pace::Every(gap) if !first => gap,
            Pace::Every(_) | Pace::Asap => return,
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    async fn one(&self, dispatch: &Dispatch, tally: &mut Tally) -> Result {
        let outcome = self.client.attempt(&dispatch.headers, dispatch.body.clone()).await?;
        let url = self.endpoint.to_string();
        report(self.context.output, self.plan, dispatch, &url, &outcome, tally)?;
        match &outcome.answer {
            Err(failure) if failure.unreachable && !tally.reached => {
                let error = Error::new(format!("cannot reach {url}")).cause(&failure.message).exit(Exit::Unreachable);
                Err(error.hint(what_to_start(self.endpoint, &failure.message)))
            }
            _ => Ok(()),
        }
    }
}

fn what_to_start(endpoint: &Endpoint, message: &str) -> String {
    let local = matches!(endpoint.url().host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if endpoint.is_https() && message.to_lowercase().contains("certificate") {
        return "to take any certificate: -k".to_owned();
    }
    match endpoint.url().port_or_known_default() {
        Some(crate::cli::DEFAULT_PORT) if local => "start a receiver in another terminal: whk listen".to_owned(),
        Some(port) if local => format!("start your handler, or a receiver in its place: whk listen {port}"),
        _ => "check the address, and that the handler runs".to_owned(),
    }
}

fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn report(
    output: Output,
    plan: &Plan<'_>,
    dispatch: &Dispatch,
    url: &str,
    outcome: &Outcome,
    tally: &mut Tally,
) -> Result {
    let took = milliseconds(outcome.duration);
    let status = outcome.answer.as_ref().ok().map(|answer| answer.status);
    let delivered = status.is_some_and(|status| plan.provider.delivery.success.contain(status));
    tally.reached |= outcome.answer.as_ref().map_or_else(|failure| !failure.unreachable, |_| true);
    tally.delivered += u64::from(delivered);
    tally.failed += u64::from(!delivered);
    tally.latencies.push(took);
    output.object(&AttemptLine {
        event_type: dispatch.kind.as_deref(),
        event_id: &dispatch.id,
        attempt: 1,
        url,
        at: format!("{:.6}", dispatch.at),
        status,
        error: outcome.answer.as_ref().err().map(|failure| failure.message.as_str()),
        duration_ms: took,
    })?;
    output.object(&DeliveryLine {
        event_type: dispatch.kind.as_deref(),
        event_id: &dispatch.id,
        outcome: if delivered { "delivered" } else { "failed" },
        attempts: 1,
    })?;
    output.answer(&lines(output, dispatch, outcome, delivered, took).join("\n"))
}

fn lines(output: Output, dispatch: &Dispatch, outcome: &Outcome, delivered: bool, took: f64) -> Vec<String> {
    let paint = output.paint;
    let mark = if delivered { paint.green("✓ delivered") } else { paint.red("✗ failed   ") };
    let kind = paint.bold(&clean(dispatch.kind.as_deref().unwrap_or("-")));
    let id = paint.cyan(&clean(&dispatch.id));
    match &outcome.answer {
        Ok(answer) => {
            let status = answer.status.to_string();
            let status = if delivered { paint.green(&status) } else { paint.red(&status) };
            let mut lines = vec![format!("{mark} {kind} {id} {status} {}", paint.faint(&format!("{took:.1} ms")))];
            // A refusal is explained by the handler's own words.
            if !delivered || output.volume == crate::output::Volume::Verbose {
                lines.extend(body_lines(&answer.body, paint, 24).into_iter().map(|line| format!("    {line}")));
            }
            lines
        }
        Err(failure) => vec![format!("{mark} {kind} {id} {}", clean(&failure.message))],
    }
}

fn summarise(output: Output, tally: &Tally, elapsed: std::time::Duration) -> Result {
    let mut sorted = tally.latencies.clone();
    sorted.sort_by(f64::total_cmp);
    // Nearest rank: the smallest value that at least this share does not exceed.
    let rank = |share: usize| sorted.get((sorted.len() * share).div_ceil(100).saturating_sub(1)).copied();
    let sent = tally.delivered + tally.failed;
    let seconds = elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let per_second = (sent > 0 && seconds > 0.0).then(|| (sent as f64 / seconds * 10.0).round() / 10.0);
    output.object(&SummaryLine {
        sent,
        delivered: tally.delivered,
        failed: tally.failed,
        p50_ms: rank(50),
        p95_ms: rank(95),
        p99_ms: rank(99),
        max_ms: sorted.last().copied(),
        per_second,
    })?;
    if sent > 1 {
        output.status(&format!("{sent} sent, {} delivered, {} failed", tally.delivered, tally.failed));
    }
    Ok(())
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
            let mut headers = vec![("host".to_owned(), Bytes::from(endpoint.host()))];
            headers.extend(dispatch.headers.iter().map(|(name, value)| (name.clone(), Bytes::from(value.clone()))));
            let mut text = write_http(&Capture {
                at: None,
                remote: String::new(),
                method: "POST".to_owned(),
                target: endpoint.target(),
                headers: Headers(headers),
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
