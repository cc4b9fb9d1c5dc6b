//! `whk log diff`: two requests compared.

use super::super::CommandContext;
use super::find::find;
use crate::cli::{LogArgs, LogDiffArgs};
use crate::error::{Error, ExitStatus, Result};
use crate::inspect::differences;
use crate::output::Verbosity;
use crate::report::print_differences;

pub(super) fn run(context: &CommandContext, args: &LogArgs, diff: &LogDiffArgs) -> Result<ExitStatus> {
    let names = [diff.left.clone(), diff.right.clone()];
    let found = find(context, args, &names)?;
    let [left, right] = &found[..] else { return Err(Error::new("`whk log diff` compares two requests")) };
    let differences = differences(left.record.capture(), right.record.capture());
    if context.output.verbosity != Verbosity::Quiet || context.output.json {
        print_differences(context.output, [&left.record, &right.record], &differences)?;
    }
    Ok(if differences.is_empty() { ExitStatus::Success } else { ExitStatus::Failure })
}
