//! `whk send`: signed sample events, or a body of one's own, to a handler.

mod curl;
mod fault;
mod plan;

use bytes::Bytes;
use serde::Serialize;

use super::Context;
use crate::capture::{Capture, Headers, write_http};
use crate::cli::{PrintFormat, Send};
use crate::deliver::{Client, Endpoint, Outcome};
use crate::error::{Error, Exit, Result};
use crate::output::{Output, body_lines, clean};
use plan::{Dispatch, Plan};

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
        for number in 0..plan.len() {
            print(context.output, &endpoint, &plan.dispatch(context, number)?, flags.format)?;
        }
        return Ok(Exit::Yes);
    }
    let timeout = match context.config.timeout(flags.timeout) {
        Some(span) => Some(span.0).filter(|limit| !limit.is_zero()),
        None => Some(plan.provider.delivery.timeout.0),
    };
    super::runtime()?.block_on(deliver(context, &plan, endpoint, timeout, flags.insecure))
}

async fn deliver(
    context: &Context,
    plan: &Plan<'_>,
    endpoint: Endpoint,
    timeout: Option<std::time::Duration>,
    insecure: bool,
) -> Result<Exit> {
    let client = Client::new(endpoint.clone(), timeout, insecure)?;
    let url = endpoint.to_string();
    let watch = crate::clock::Stopwatch::start();
    let mut tally = Tally::default();
    for number in 0..plan.len() {
        let dispatch = plan.dispatch(context, number)?;
        let outcome = tokio::select! {
            outcome = client.attempt(&dispatch.headers, dispatch.body.clone()) => outcome?,
            _ = tokio::signal::ctrl_c() => {
                summarise(context.output, &tally, watch.elapsed())?;
                return Ok(Exit::Interrupted);
            }
        };
        report(context.output, plan, &dispatch, &url, &outcome, &mut tally)?;
        if let Err(failure) = &outcome.answer
            && failure.unreachable
            && !tally.reached
        {
            summarise(context.output, &tally, watch.elapsed())?;
            let error = Error::new(format!("cannot reach {url}")).cause(&failure.message).exit(Exit::Unreachable);
            return Err(error.hint(what_to_start(&endpoint, &failure.message)));
        }
    }
    summarise(context.output, &tally, watch.elapsed())?;
    Ok(if tally.failed == 0 { Exit::Yes } else { Exit::No })
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
            if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
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
