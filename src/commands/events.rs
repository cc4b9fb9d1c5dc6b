//! `whk events`: the catalogue, and a sample of one event.

use serde::Serialize;

use super::CommandContext;
use crate::cli::EventsArgs;
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Table, body_lines, wrap};
use crate::provider::{Provider, ProviderRef};
use crate::strict_toml::nearest;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "event")]
struct Line<'a> {
    provider: &'a str,
    edition: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<String>,
}

pub(super) fn run(context: &CommandContext, flags: &EventsArgs) -> Result<ExitStatus> {
    let Some(word) = &flags.kind else {
        return list(context, &providers(context, flags.provider.as_ref())?);
    };
    // A word may name a type or a provider; a type wins, and -p leaves only types.
    let providers = providers(context, flags.provider.as_ref())?;
    if !providers.iter().any(|provider| provider.has_event(word))
        && flags.provider.is_none()
        && let Ok(name) = word.parse::<ProviderRef>()
        && let Some(provider) = context.catalog.known(&name)?
    {
        return list(context, &[provider]);
    }
    sample(context, &providers, word)
}

/// The named provider, or all of them.
fn providers(context: &CommandContext, name: Option<&ProviderRef>) -> Result<Vec<Provider>> {
    match name {
        Some(name) => Ok(vec![context.catalog.load(name)?]),
        None => context.catalog.names().map(|name| context.catalog.load(&ProviderRef::default_edition(name))).collect(),
    }
}

fn list(context: &CommandContext, providers: &[Provider]) -> Result<ExitStatus> {
    for provider in providers {
        for event in &provider.events {
            context.output.print_json(&line(provider, &event.event_type, &event.description, None))?;
        }
    }
    let style = context.output.style;
    for (index, provider) in providers.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        context.output.print(&format!("{gap}{}", style.bold(&format!("{}@{}", provider.name, provider.edition))))?;
        let mut table = Table::of_descriptions();
        for event in &provider.events {
            table.row([format!("  {}", event.event_type), event.description.clone()]);
        }
        context.output.print(&table.lines(context.output.width().unwrap_or(80)).join("\n"))?;
        if !provider.scenarios.is_empty() {
            let names: Vec<&str> = provider.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
            let width = context.output.width().unwrap_or(80).saturating_sub(4);
            for (index, line) in wrap(&format!("scenarios: {}", names.join(", ")), width).iter().enumerate() {
                let indent = if index == 0 { "  " } else { "    " };
                context.output.print(&style.faint(&format!("{indent}{line}")))?;
            }
        }
    }
    Ok(ExitStatus::Success)
}

fn line<'a>(provider: &'a Provider, kind: &'a str, description: &'a str, sample: Option<String>) -> Line<'a> {
    Line { provider: &provider.name, edition: &provider.edition, kind, description, sample }
}

fn sample(context: &CommandContext, providers: &[Provider], kind: &str) -> Result<ExitStatus> {
    let having: Vec<&Provider> = providers.iter().filter(|provider| provider.has_event(kind)).collect();
    if having.is_empty() {
        return Err(unknown(context, providers, kind));
    }
    let style = context.output.style;
    for (index, provider) in having.iter().enumerate() {
        let event = provider.event(kind).expect("only providers that have it were kept");
        let values = provider.values(context.random(0), context.now());
        values.set("id", provider.new_id(&values)?);
        let body = event.render(provider, &values, &[])?.body;
        let text = String::from_utf8_lossy(&body).into_owned();
        context.output.print_json(&line(provider, kind, &event.description, Some(text)))?;
        if having.len() > 1 {
            let gap = if index == 0 { "" } else { "\n" };
            context
                .output
                .print(&format!("{gap}{}", style.bold(&format!("{}@{}", provider.name, provider.edition))))?;
        }
        context.output.status(&style.faint(&event.description));
        context.output.print(&body_lines(&body, style, usize::MAX - 1).join("\n"))?;
    }
    Ok(ExitStatus::Success)
}

fn unknown(context: &CommandContext, providers: &[Provider], word: &str) -> Error {
    let types: Vec<&str> =
        providers.iter().flat_map(|provider| &provider.events).map(|event| event.event_type.as_str()).collect();
    if let [only] = providers {
        let error = Error::new(format!("{}@{} has no event `{word}`", only.name, only.edition));
        return match nearest(word, types.iter().copied()) {
            Some(nearest) => error.hint(format!("did you mean: whk events {nearest} -p {}", only.name)),
            None => error.available("", types).hint(format!("whk events -p {}", only.name)),
        };
    }
    let error = Error::new(format!("`{word}` is neither an event type nor a provider"));
    let names: Vec<&str> = context.catalog.names().collect();
    match nearest(word, types.into_iter().chain(names.iter().copied())) {
        Some(nearest) => error.hint(format!("did you mean: whk events {nearest}")),
        None => error.available("providers", names).hint("all event types: whk events"),
    }
}
