//! A provider for people and scripts: its scheme, delivery rules and schedule.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use crate::error::Result;
use crate::output::{Output, Table, plural};
use crate::provider::{FinalResponse, Provider, RefreshedField};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "provider")]
struct ProviderLine<'a> {
    provider: &'a str,
    title: &'a str,
    edition: &'a str,
    editions: Vec<&'a str>,
    summary: &'a str,
    events: usize,
    scenarios: Vec<&'a str>,
    signature: Vec<&'a str>,
    timeout_s: f64,
    success: String,
    retries_s: Vec<f64>,
    cumulative_s: Vec<f64>,
    jitter: f64,
    retry_after: bool,
    retry_after_limit: Option<f64>,
    least_wait_s: Option<f64>,
    no_retry: Option<String>,
    gone_disables: bool,
    disable_after: Option<u32>,
    disable_after_s: Option<f64>,
    limits: &'a IndexMap<String, String>,
}

/// Prints the line of a provider for scripts. Without `--json` it prints nothing.
///
/// # Errors
/// Stdout cannot be written.
pub fn print_provider_line(output: Output, provider: &Provider) -> Result {
    output.print_json(&line(provider))
}

fn line(provider: &Provider) -> ProviderLine<'_> {
    let delivery = &provider.delivery;
    let seconds: Vec<f64> = delivery.retries.iter().map(|wait| wait.0.as_secs_f64()).collect();
    let mut total = 0.0;
    let cumulative = seconds.iter().map(|wait| {
        total += wait;
        total
    });
    ProviderLine {
        provider: &provider.name,
        title: &provider.title,
        edition: &provider.edition,
        editions: provider.editions.iter().map(|(name, _)| name.as_str()).collect(),
        summary: &provider.summary,
        events: provider.events.len(),
        scenarios: provider.scenarios.iter().map(|scenario| scenario.name.as_str()).collect(),
        signature: provider.scheme.signature.from.iter().map(crate::signing::ValueSource::name).collect(),
        timeout_s: delivery.timeout.0.as_secs_f64(),
        success: delivery.success.to_string(),
        cumulative_s: cumulative.collect(),
        retries_s: seconds,
        jitter: delivery.jitter,
        retry_after: delivery.retry_after,
        retry_after_limit: delivery.retry_after_limit,
        least_wait_s: delivery.min_delay.as_ref().map(|rule| rule.delay.0.as_secs_f64()),
        no_retry: delivery.final_response.as_ref().map(final_response),
        gone_disables: delivery.disable_on_gone,
        disable_after: delivery.disable_after_failures,
        disable_after_s: delivery.disable_after_time.map(|limit| limit.0.as_secs_f64()),
        limits: &provider.limits,
    }
}

/// Prints a provider: what signs its requests, how it delivers them, and its scenarios.
///
/// # Errors
/// Stdout cannot be written.
pub fn print_provider(output: Output, provider: &Provider) -> Result {
    print_provider_line(output, provider)?;
    let style = output.style;
    let width = output.width().unwrap_or(80);
    let mut table = Table::of_descriptions();
    let mut row = |name: &str, text: String| table.row([name.to_owned(), text]);
    row("summary", provider.summary.clone());
    for (name, summary) in &provider.editions {
        let shown = if *name == provider.edition { "edition (shown)" } else { "edition" };
        row(shown, format!("{}@{name}: {summary}", provider.name));
    }
    scheme(provider, &mut row);
    for (name, value) in &provider.headers {
        row("header", format!("{name}: {value}"));
    }
    row(
        "responds",
        format!("{} if valid, else {}", provider.responses.valid.status, provider.responses.invalid.status),
    );
    delivery(provider, &mut row);
    output.print(&style.bold(&format!("{} ({}@{})", provider.title, provider.name, provider.edition)))?;
    output.print(&table.lines(width).join("\n"))?;
    schedule(output, provider)?;
    for scenario in &provider.scenarios {
        let mut table = Table::of_descriptions();
        let steps: Vec<&str> = scenario.steps.iter().map(|step| step.event_type.as_str()).collect();
        table.row([format!("scenario {}", scenario.name), steps.join(" → ")]);
        output.print(&table.lines(width).join("\n"))?;
    }
    Ok(())
}

fn scheme(provider: &Provider, row: &mut impl FnMut(&str, String)) {
    let scheme = &provider.scheme;
    let places = |sources: &[crate::signing::ValueSource]| {
        sources.iter().map(|source| source.to_string().replace('`', "")).collect::<Vec<_>>().join(", or ")
    };
    if let Some(rule) = &scheme.id {
        row("id", places(&rule.from));
    }
    if let Some(rule) = &scheme.timestamp {
        let limit = |limit: Option<u64>, what: &str| match limit {
            Some(seconds) => format!("up to {seconds} s {what}"),
            None => format!("any time {what}"),
        };
        let (age, ahead) = (limit(rule.max_age, "old"), limit(rule.max_future, "ahead"));
        let (age, ahead) = if rule.max_age.is_none() && rule.max_future.is_none() {
            ("any time".to_owned(), String::new())
        } else {
            (age, format!(", {ahead}"))
        };
        let signed = if scheme.content.has_timestamp() { "" } else { "; not signed" };
        row("timestamp", format!("{} ({}; {age}{ahead}{signed})", places(&rule.from), rule.unit.name()));
    }
    row("signature", places(&scheme.signature.from));
    row("signed", scheme.content.to_string());
    for format in &scheme.formats {
        row("signature format", format.pattern.format(&algorithm(format)));
    }
    for other in &scheme.additional {
        let formats: Vec<String> =
            other.formats.iter().map(|format| format.pattern.format(&algorithm(format))).collect();
        row("also sent", format!("{}: {}", places(&other.signature.from), formats.join(" or ")));
    }
    let handshakes = provider.challenges.len();
    if handshakes > 0 {
        row("challenges", format!("{handshakes}, listen responds to them"));
    }
}

/// The value that stands for `{sig}`, such as `<base64 HMAC-SHA256>`.
fn algorithm(format: &crate::signing::SignatureFormat) -> String {
    let name = match format.algorithm.name() {
        "sha256" => "SHA-256".to_owned(),
        "ed25519" => "Ed25519".to_owned(),
        "ecdsa-p256-sha256" => "ECDSA P-256".to_owned(),
        "none" => return "<the secret>".to_owned(),
        name => name.to_uppercase(),
    };
    format!("<{} {name}>", format.encoding.name())
}

fn delivery(provider: &Provider, row: &mut impl FnMut(&str, String)) {
    let delivery = &provider.delivery;
    row("timeout", delivery.timeout.to_string());
    row("success", format!("{}; a redirect is a failure", delivery.success));
    let renewed =
        match (delivery.refreshed.contains(&RefreshedField::Timestamp), provider.scheme.content.has_timestamp()) {
            (true, true) => "new timestamp and signature",
            (true, false) => "new timestamp, same signature",
            (false, _) => "the same request",
        };
    row("on retry", renewed.to_owned());
    if let Some(rule) = &delivery.final_response {
        row("not retried", final_response(rule));
    }
    let mut disabled = Vec::new();
    if let Some(failures) = delivery.disable_after_failures {
        disabled.push(format!("after {failures} failures in a row"));
    }
    if let Some(limit) = delivery.disable_after_time {
        disabled.push(format!("after {limit} without a success"));
    }
    if delivery.disable_on_gone {
        disabled.push("by a 410 response".to_owned());
    }
    if !disabled.is_empty() {
        row("disabled", disabled.join(", or "));
    }
    for (name, text) in &provider.limits {
        row("limit", format!("{name}: {text}"));
    }
    if delivery.retry_after {
        let limit = delivery.retry_after_limit;
        row(
            "retry-after",
            limit.map_or("honoured".to_owned(), |limit| format!("honoured up to {limit} times the wait")),
        );
    }
    if let Some(rule) = &delivery.min_delay {
        let failures: Vec<String> = rule.after.iter().map(ToString::to_string).collect();
        row("least wait", format!("{} after {}", rule.delay, failures.join(" or ")));
    }
}

/// The responses after which there is no retry, such as `after 406`.
fn final_response(rule: &FinalResponse) -> String {
    let status = rule.status.as_ref().map(|statuses| format!("after {statuses}"));
    let header = rule.header.as_ref().map(|(name, value)| format!("after a failure with `{name}: {value}`"));
    status.into_iter().chain(header).collect::<Vec<_>>().join(", or ")
}

fn schedule(output: Output, provider: &Provider) -> Result {
    let delivery = &provider.delivery;
    if delivery.retries.is_empty() {
        return output.print("no retries: one attempt");
    }
    let jitter =
        if delivery.jitter > 0.0 { format!(", each wait ±{:.0} %", delivery.jitter * 100.0) } else { String::new() };
    let count = plural(delivery.retries.len() as u64, "retry", "retries");
    output.print(&format!("schedule: first attempt + {count}{jitter}"))?;
    let mut total = Duration::ZERO;
    for (index, wait) in delivery.retries.iter().enumerate() {
        total += wait.0;
        let (retry, wait) = (format!("retry {}", index + 1), wait.to_string());
        output.print(&format!("  {retry:<8}  after {wait:>6}  at {}", clock_time(total)))?;
    }
    Ok(())
}

/// `h:mm:ss` since the first attempt.
fn clock_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
