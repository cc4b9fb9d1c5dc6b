//! `whk check --list`: the checks, without sending anything.

use super::options;
use crate::check::CheckSelection;
use crate::cli::CheckArgs;
use crate::commands::CommandContext;
use crate::error::{ExitStatus, Result};
use crate::provider::{Provider, ProviderRef};
use crate::report::{check_list_json, print_listed_check};

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
            context.output.print_json(&check_list_json(check, &providers))?;
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
        print_listed_check(context.output, check, one.as_ref(), width)?;
    }
    Ok(ExitStatus::Success)
}

fn all(context: &CommandContext) -> Result<Vec<Provider>> {
    context.catalog.names().map(|name| context.catalog.load(&ProviderRef::default_edition(name))).collect()
}
