//! `whk providers`: the providers and their data, and a template for your own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;

use super::{CUSTOM_PROVIDERS_DIR, Context};
use crate::cli::{ProvidersArgs, ProvidersCommand};
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Table, plural, sanitize};
use crate::provider::{Catalog, Provider, ProviderRef, RefreshedField};
use crate::signing::{Header, Keyring, Request, SignInput, Tolerance, verify};
use crate::strict_toml::line_containing;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "provider")]
struct Line<'a> {
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
    gone_disables: bool,
    disable_after: Option<u32>,
    limits: &'a IndexMap<String, String>,
}

pub(super) fn run(context: &Context, command: &ProvidersArgs) -> Result<ExitStatus> {
    match (&command.action, &command.name) {
        (Some(ProvidersCommand::New { name }), _) => create(context, name),
        (Some(ProvidersCommand::Check { path }), _) => check(context, path),
        (None, Some(name)) => show(context, &context.catalog.load(name)?),
        (None, None) => list(context),
    }
}

fn list(context: &Context) -> Result<ExitStatus> {
    let mut table = Table::of_descriptions();
    for name in context.catalog.names() {
        let provider = context.catalog.load(&ProviderRef::default_edition(name))?;
        context.output.print_json(&line(&provider))?;
        table.row([name.to_owned(), provider.summary.clone()]);
    }
    context.output.print(&table.lines(context.output.width().unwrap_or(80)).join("\n"))?;
    context.output.status("details: whk providers NAME · add your own: whk providers new NAME");
    Ok(ExitStatus::Success)
}

fn line(provider: &Provider) -> Line<'_> {
    let delivery = &provider.delivery;
    let seconds: Vec<f64> = delivery.retries.iter().map(|wait| wait.0.as_secs_f64()).collect();
    let mut total = 0.0;
    let cumulative = seconds.iter().map(|wait| {
        total += wait;
        total
    });
    Line {
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
        gone_disables: delivery.disable_on_gone,
        disable_after: delivery.disable_after_failures,
        limits: &provider.limits,
    }
}

fn show(context: &Context, provider: &Provider) -> Result<ExitStatus> {
    context.output.print_json(&line(provider))?;
    let paint = context.output.paint;
    let width = context.output.width().unwrap_or(80);
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
    context.output.print(&paint.bold(&format!("{} ({}@{})", provider.title, provider.name, provider.edition)))?;
    context.output.print(&table.lines(width).join("\n"))?;
    schedule(context, provider)?;
    for scenario in &provider.scenarios {
        let mut table = Table::of_descriptions();
        let steps: Vec<&str> = scenario.steps.iter().map(|step| step.event_type.as_str()).collect();
        table.row([format!("scenario {}", scenario.name), steps.join(" → ")]);
        context.output.print(&table.lines(width).join("\n"))?;
    }
    context.output.status(&format!("events: whk events {}@{}", provider.name, provider.edition));
    Ok(ExitStatus::Success)
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
    let mut disabled = Vec::new();
    if let Some(failures) = delivery.disable_after_failures {
        disabled.push(format!("after {failures} failures in a row"));
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
        row("retry-after", "honoured".to_owned());
    }
}

fn schedule(context: &Context, provider: &Provider) -> Result {
    let delivery = &provider.delivery;
    if delivery.retries.is_empty() {
        return context.output.print("no retries: one attempt");
    }
    let jitter =
        if delivery.jitter > 0.0 { format!(", each wait ±{:.0} %", delivery.jitter * 100.0) } else { String::new() };
    let count = plural(delivery.retries.len() as u64, "retry", "retries");
    context.output.print(&format!("schedule: first attempt + {count}{jitter}"))?;
    let mut total = Duration::ZERO;
    for (index, wait) in delivery.retries.iter().enumerate() {
        total += wait.0;
        let (retry, wait) = (format!("retry {}", index + 1), wait.to_string());
        context.output.print(&format!("  {retry:<8}  after {wait:>6}  at {}", clock_time(total)))?;
    }
    Ok(())
}

/// `h:mm:ss` since the first attempt.
fn clock_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn create(context: &Context, name: &str) -> Result<ExitStatus> {
    let name: ProviderRef = name.parse().map_err(Error::new)?;
    if name.edition.is_some() {
        return Err(Error::new("an edition is described inside the provider's file")
            .hint(format!("whk providers new {}", name.provider)));
    }
    let folder = Path::new(CUSTOM_PROVIDERS_DIR);
    let path = folder.join(format!("{}.toml", name.provider));
    let cannot = |error: std::io::Error| Error::new(format!("cannot write {}", path.display())).cause(error);
    fs::create_dir_all(folder).map_err(cannot)?;
    let text = include_str!("own_provider.toml").replace("NAME", &name.provider);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(cannot)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(cannot)?;
    context.output.print(&path.display().to_string())?;
    context.output.print_json(&serde_json::json!({"kind": "created", "path": path.display().to_string()}))?;
    context.output.status(&format!("next: whk providers check {}", path.display()));
    Ok(ExitStatus::Success)
}

fn check(context: &Context, path: &Path) -> Result<ExitStatus> {
    let first = Catalog::read(path, None)?;
    let file = if path.is_dir() { path.join("provider.toml") } else { path.to_owned() };
    let text = fs::read_to_string(&file)
        .map_err(|error| Error::new(format!("cannot read {}", file.display())).cause(error))?;
    for (edition, _) in &first.editions {
        let provider = Catalog::read(path, Some(edition))?;
        check_edition(context, &provider, &file, &text)?;
    }
    let events = first.events.len();
    context.output.print_json(&serde_json::json!({
        "kind": "checked", "provider": first.name, "editions": first.editions.len(), "events": events
    }))?;
    let paint = context.output.paint;
    context.output.print(&format!(
        "{} {}: {}, {}",
        paint.green("✓"),
        sanitize(&file.display().to_string()),
        plural(first.editions.len() as u64, "edition", "editions"),
        plural(events as u64, "event", "events")
    ))?;
    Ok(ExitStatus::Success)
}

/// Signs every event with a new secret and verifies it, as `send` and `listen` would.
fn check_edition(context: &Context, provider: &Provider, file: &Path, text: &str) -> Result {
    let at = |part: &str| format!("{}:{}", file.display(), line_containing(text, part));
    let secret = provider.new_secret().map_err(|error| error.at(&at("make =")))?;
    let ring = Keyring::new(&provider.scheme, &[secret])
        .map_err(|error| Error::new(format!("{}: a new secret does not fit the scheme", at("make ="))).cause(error))?;
    for event in &provider.events {
        let values = provider.values(context.random(0), context.now());
        let id = provider.new_id(&values).map_err(|error| error.at(&at("make-id")))?;
        values.set("id", id.as_str());
        let mut body = event.render(provider, &values, &[])?.body;
        let mut headers = provider.render_headers(&values).map_err(|error| error.at(&at("[headers]")))?;
        let url = "http://127.0.0.1/";
        let what = SignInput {
            id: &id,
            at: context.now().as_millisecond(),
            method: "POST",
            body: &body,
            url,
            headers: &headers,
        };
        let cannot = |error: &dyn std::fmt::Display| {
            Error::new(format!("{}: `{}` cannot be signed", at("[scheme]"), event.event_type)).cause(error)
        };
        let (signed, in_body) = provider.sign(&ring, &what).map_err(|error| cannot(&error.one_line()))?;
        headers.extend(signed);
        body = in_body.unwrap_or(body);
        let borrowed: Vec<Header<'_>> =
            headers.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        let request = Request { method: "POST", url, headers: &borrowed, body: &body };
        let verified = verify(&provider.scheme, &ring, &request, context.now().as_second(), Tolerance::Scheme);
        if let Err(finding) = verified.outcome {
            let error = Error::new(format!("{}: `{}` is signed and does not verify", at("[scheme]"), event.event_type));
            return Err(error.cause(finding.message));
        }
    }
    for scenario in &provider.scenarios {
        if let Some(step) = scenario.steps.iter().find(|step| !provider.has_event(&step.event_type)) {
            let place = at(&format!("\"{}", step.event_type));
            return Err(Error::new(format!(
                "{place}: the scenario `{}` has no event `{}`",
                scenario.name, step.event_type
            )));
        }
    }
    Ok(())
}
