//! `whk log`: lists what was received, follows it, shows a request in full, compares two, and exports requests.

mod diff;
mod export;
mod find;
mod follow;
mod following;
mod list;
mod options;
mod read;
mod redact;
mod show;
mod tail;

use super::CommandContext;
use crate::cli::{LogArgs, LogCommand};
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Output, plural, sanitize};
use read::Totals;

pub(super) fn run(context: &CommandContext, args: &LogArgs) -> Result<ExitStatus> {
    if args.follow && args.command.is_some() {
        return Err(Error::new("`whk log -f` lists the requests that arrive").hint(options::command(args, "-f")));
    }
    match &args.command {
        None => list::run(context, args),
        Some(LogCommand::Show(show)) => show::run(context, args, show),
        Some(LogCommand::Diff(diff)) => diff::run(context, args, diff),
        Some(LogCommand::Export(export)) => export::run(context, args, export),
    }
}

/// Returns the exit status: 2 if something could not be read.
fn exit(totals: &Totals) -> ExitStatus {
    if totals.unreadable > 0 { ExitStatus::Error } else { ExitStatus::Success }
}

/// Prints the number of requests that were skipped because a value was not recorded, and of unreadable lines.
fn print_notes(output: Output, totals: &Totals) {
    if let Some((missing, count)) = totals.undecided {
        let requests = plural(count, "request", "requests");
        output.status(&format!("note: skipped {requests} without a recorded {missing}"));
    }
    if totals.unreadable > 0 {
        output.status(&format!("skipped {} that cannot be read", plural(totals.unreadable, "line", "lines")));
    }
}

/// Returns the text for an input from which nothing was selected.
fn nothing_selected(totals: &Totals, name: &str) -> String {
    let name = sanitize(name);
    match totals.requests {
        0 => format!("there is no request in {name}"),
        1 => format!("the only request in {name} does not match the selection"),
        several => format!("none of the {several} requests in {name} matches the selection"),
    }
}
