//! The list: a line for each request, newest last.

use std::path::Path;

use serde::Serialize;

use super::super::{CommandContext, block_on};
use super::following::Following;
use super::options::{self, LogInput};
use super::read::{BatchReader, Detail, Flow, Selected, Totals, Worker, read};
use crate::cli::LogArgs;
use crate::error::{ExitStatus, Result};
use crate::inspect::StoredRecord;
use crate::output::{Output, Verbosity, plural, sanitize};
use crate::report::RecordListRenderer;
use crate::verification::VerdictStatus;

/// The line at the end, with `--json`.
#[derive(Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct SummaryLine {
    requests: u64,
    selected: u64,
    valid: u64,
    invalid: u64,
    unsigned: u64,
    unchecked: u64,
    unreadable: u64,
}

pub(super) fn run(context: &CommandContext, args: &LogArgs) -> Result<ExitStatus> {
    let input = LogInput::open(context, args)?;
    let (input, follower) = if args.follow {
        let (input, follower) = input.follow()?;
        (input, Some(follower))
    } else {
        (input, None)
    };
    let input = input.tail(context, args)?;
    let (name, is_tail) = (input.name(), input.is_tail);
    let output = context.output;
    let renderer = RecordListRenderer::new(output, context.now());
    let detail = if output.verbosity == Verbosity::Verbose && !output.json { Detail::Full } else { Detail::Summary };
    let worker = || -> Result<Worker<'static, Option<Vec<u8>>>> {
        let renderer = renderer.clone();
        Ok(Box::new(move |record, line| text(output, &renderer, &record, line)))
    };
    let mut attention = None;
    let mut written = Buffer::new(output);
    let mut collect = |selected: Selected<Option<Vec<u8>>>| {
        if selected.verdict != Some(VerdictStatus::Valid) {
            attention = Some(selected.seq);
        }
        match selected.value {
            Some(text) => written.add(&text),
            None => Ok(Flow::Continue),
        }
    };
    let mut totals = read(context, args, input, detail, worker, &mut collect)?;
    if written.flush()? == Flow::Continue
        && let Some(follower) = follower
    {
        let summaries = detail == Detail::Summary && !args.selection.filter().reads_requests();
        let reader = BatchReader::new(context, args, None, worker()?)?;
        let following = Following { context, name: &name, summaries, follower, reader };
        let select = |selected: &Selected<_>| {
            if selected.verdict != Some(VerdictStatus::Valid) {
                attention = Some(selected.seq);
            }
        };
        block_on(following.run(&mut written, select, &mut totals))??;
    }
    finish(context, args, &totals, (&name, is_tail), attention)?;
    Ok(super::exit(&totals))
}

/// Returns the text of a request; none if `-q` hides it.
fn text(
    output: Output,
    renderer: &RecordListRenderer,
    record: &StoredRecord,
    line: Option<&[u8]>,
) -> Result<Option<Vec<u8>>> {
    if output.json {
        return json_line(record, line).map(Some);
    }
    if output.verbosity == Verbosity::Quiet && !record.needs_attention() {
        return Ok(None);
    }
    let mut text = renderer.lines(record).join("\n").into_bytes();
    text.push(b'\n');
    Ok(Some(text))
}

/// Returns the record as a line of JSON: as the listener wrote it, if it did.
pub(super) fn json_line(record: &StoredRecord, line: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    match line.filter(|line| record.has_recorded_verdict && line.starts_with(b"{\"v\":1,\"kind\":\"request\",")) {
        Some(line) => text.extend_from_slice(line),
        None => record.write(&mut text)?,
    }
    text.push(b'\n');
    Ok(text)
}

/// Prints the totals, and what to type next.
fn finish(
    context: &CommandContext,
    args: &LogArgs,
    totals: &Totals,
    (name, is_tail): (&str, bool),
    attention: Option<u64>,
) -> Result {
    let output = context.output;
    let [valid, invalid, unsigned, unchecked] = totals.verdicts;
    output.print_json(&SummaryLine {
        requests: totals.requests,
        selected: totals.selected,
        valid,
        invalid,
        unsigned,
        unchecked,
        unreadable: totals.unreadable,
    })?;
    super::print_notes(output, totals);
    if totals.selected == 0 {
        output.status(&super::nothing_selected(totals, name));
        if totals.requests == 0 {
            let listen = match options::named(args) {
                Some(path) if path != Path::new("-") => format!("whk listen --log {}", path.display()),
                _ => "whk listen".to_owned(),
            };
            output.hint(&sanitize(&listen));
        }
        return Ok(());
    }
    let verdicts = [(valid, "valid"), (invalid, "invalid"), (unsigned, "unsigned"), (unchecked, "unchecked")];
    let verdicts: Vec<String> =
        verdicts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    let requests = plural(totals.requests, "request", "requests");
    let count = match totals.selected {
        // The number of all requests is not known.
        selected if is_tail => format!("the last {}", plural(selected, "request", "requests")),
        selected if selected == totals.requests => requests,
        selected => format!("{selected} of {requests}"),
    };
    output.status(&format!("{count} in {}: {}", sanitize(name), verdicts.join(", ")));
    if let Some(seq) = attention {
        output.hint(&format!("why request {seq} is not valid: {}", options::command(args, &format!("show {seq}"))));
    }
    Ok(())
}

/// Collects text, and writes it in large pieces.
pub(super) struct Buffer {
    output: Output,
    text: Vec<u8>,
}

/// The size from which text is written.
const PIECE: usize = 1 << 16;

impl Buffer {
    pub(super) fn new(output: Output) -> Self {
        Self { output, text: Vec::new() }
    }

    pub(super) fn add(&mut self, text: &[u8]) -> Result<Flow> {
        self.text.extend_from_slice(text);
        if self.text.len() < PIECE {
            return Ok(Flow::Continue);
        }
        self.flush()
    }

    /// Writes what is left.
    pub(super) fn flush(&mut self) -> Result<Flow> {
        let is_open = self.output.write_stdout_while_open(&self.text)?;
        self.text.clear();
        Ok(if is_open { Flow::Continue } else { Flow::Stop })
    }
}
