//! The checks as `whk check --list` shows them.

use serde::Serialize;

use crate::check::{Check, is_applicable};
use crate::error::Result;
use crate::output::{Output, wrap};
use crate::provider::Provider;

#[derive(Serialize)]
struct CheckLine<'a> {
    kind: &'static str,
    id: &'a str,
    group: &'a str,
    level: &'a str,
    /// The providers, with their editions, that can express it.
    providers: Vec<String>,
    reason: &'a str,
    rule: &'a str,
}

/// Returns the line of a check in JSON, with those of the providers that can express it.
#[must_use]
pub fn check_list_json<'a>(check: &'a Check, providers: &[Provider]) -> impl Serialize + use<'a> {
    let fitting = providers.iter().filter(|provider| matches!(is_applicable(check, provider), Ok(Ok(()))));
    CheckLine {
        kind: "check",
        id: check.id,
        group: check.group.name(),
        level: check.level.name(),
        providers: fitting.map(|provider| format!("{}@{}", provider.name, provider.edition)).collect(),
        reason: check.reason,
        rule: check.rule,
    }
}

/// Prints a check with its reason, or why the provider cannot express it; ids take `width` columns.
///
/// # Errors
/// Stdout cannot be written.
pub fn print_listed_check(output: Output, check: &Check, provider: Option<&Provider>, width: usize) -> Result {
    let skipped = provider.and_then(|provider| is_applicable(check, provider).ok()?.err());
    let text = match &skipped {
        Some(reason) => format!("skipped: {reason}"),
        None => check.reason.to_owned(),
    };
    let columns = output.width().unwrap_or(80);
    let indent = width + 17;
    for (index, line) in wrap(&text, columns.saturating_sub(indent).max(24)).iter().enumerate() {
        let head =
            if index == 0 { format!("  {:width$}  {:11}  ", check.id, check.level.name()) } else { " ".repeat(indent) };
        output.print(format!("{head}{line}").trim_end())?;
    }
    Ok(())
}
