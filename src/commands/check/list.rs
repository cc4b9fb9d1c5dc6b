//! `whk check --list`: the checks, without sending anything.

use serde::Serialize;

use super::options;
use crate::check::{Check, CheckSelection, is_applicable};
use crate::cli::CheckArgs;
use crate::commands::CommandContext;
use crate::error::{ExitStatus, Result};
use crate::provider::{Provider, ProviderRef};

#[derive(Serialize)]
struct CheckLine<'a> {
    kind: &'static str,
    id: &'a str,
    group: &'a str,
    level: &'a str,
    /// The providers, with their editions, whose scheme can express it.
    providers: Vec<String>,
    reason: &'a str,
    rule: &'a str,
}

pub(super) fn run(context: &CommandContext, args: &CheckArgs, selection: &CheckSelection) -> Result<ExitStatus> {
    let one = match (&args.identity.provider, context.config.provider()) {
        (None, None) => None,
        _ => Some(options::provider(context, args)?),
    };
    if context.output.json {
        let providers = match one {
            Some(provider) => vec![provider],
            None => all(context)?,
        };
        for check in selection.checks() {
            let fitting = providers.iter().filter(|provider| matches!(is_applicable(check, provider), Ok(Ok(()))));
            context.output.print_json(&CheckLine {
                kind: "check",
                id: check.id,
                group: check.group.name(),
                level: check.level.name(),
                providers: fitting.map(|provider| format!("{}@{}", provider.name, provider.edition)).collect(),
                reason: check.reason,
                rule: check.rule,
            })?;
        }
        return Ok(ExitStatus::Success);
    }
    let width = selection.checks().map(|check| check.id.len()).max().unwrap_or(0);
    let mut group = "";
    for check in selection.checks() {
        if check.group.name() != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = check.group.name();
            context.output.print(&format!("{gap}{}", context.output.style.bold(group)))?;
        }
        print(context, check, one.as_ref(), width)?;
    }
    Ok(ExitStatus::Success)
}

fn print(context: &CommandContext, check: &Check, provider: Option<&Provider>, width: usize) -> Result {
    let skipped = provider.and_then(|provider| is_applicable(check, provider).ok()?.err());
    let text = match &skipped {
        Some(reason) => format!("skipped: {reason}"),
        None => check.reason.to_owned(),
    };
    let columns = context.output.width().unwrap_or(80);
    let indent = width + 17;
    for (index, line) in crate::output::wrap(&text, columns.saturating_sub(indent).max(24)).iter().enumerate() {
        let head =
            if index == 0 { format!("  {:width$}  {:11}  ", check.id, check.level.name()) } else { " ".repeat(indent) };
        context.output.print(format!("{head}{line}").trim_end())?;
    }
    Ok(())
}

fn all(context: &CommandContext) -> Result<Vec<Provider>> {
    context.catalog.names().map(|name| context.catalog.load(&ProviderRef::default_edition(name))).collect()
}
