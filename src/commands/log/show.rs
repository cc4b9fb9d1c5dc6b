//! `whk log show`: requests in full.

use super::super::CommandContext;
use super::find::{Found, find};
use super::options::{self, LogInput};
use super::read::{Detail, Flow, Worker, read};
use crate::cli::{LogArgs, LogShowArgs};
use crate::error::{Error, ExitStatus, Result};
use crate::inspect::RecordSelector;
use crate::report::{RecordDetailRenderer, SecretSourceName, VerdictView};
use crate::verification::remedy;

pub(super) fn run(context: &CommandContext, args: &LogArgs, show: &LogShowArgs) -> Result<ExitStatus> {
    if show.records.is_empty() && args.selection.is_empty() {
        return Err(Error::new("`whk log show` needs SEQ or ID")
            .cause("a request is named by its number in the list, or by its event id")
            .hint("the last one: whk log show --last 1"));
    }
    let mut printer = Printer::new(context, args)?;
    if show.records.is_empty() {
        return show_selected(context, args, &mut printer);
    }
    for found in find(context, args, &show.records)? {
        printer.print(context, &found)?;
    }
    Ok(ExitStatus::Success)
}

/// Shows all that are selected, while they are read.
fn show_selected(context: &CommandContext, args: &LogArgs, printer: &mut Printer<'_>) -> Result<ExitStatus> {
    let input = LogInput::open(context, args)?;
    let name = input.name();
    let worker = || -> Result<Worker<'static, Found>> {
        let source = name.clone();
        Ok(Box::new(move |record, line| Found::new(record, &source, line)))
    };
    let totals = read(context, args, input, Detail::Full, worker, |selected| {
        printer.print(context, &selected.value)?;
        Ok(Flow::Continue)
    })?;
    super::print_notes(context.output, &totals);
    if totals.selected == 0 {
        return Err(Error::new(super::nothing_selected(&totals, &name)));
    }
    Ok(super::exit(&totals))
}

struct Printer<'a> {
    /// True if a request was printed.
    has_printed: bool,
    selector: RecordSelector,
    renderer: RecordDetailRenderer,
    secret_source: SecretSourceName<'a>,
}

impl<'a> Printer<'a> {
    fn new(context: &'a CommandContext, args: &LogArgs) -> Result<Self> {
        let resolver = context.secret_resolver(&args.identity.identity());
        Ok(Self {
            has_printed: false,
            selector: options::selector(context, args)?,
            renderer: RecordDetailRenderer::new(context.output),
            secret_source: Box::new(move |provider, index| {
                let found = resolver.configured(provider).ok()??;
                found.sources.get(index).or(found.sources.first()).cloned()
            }),
        })
    }

    fn print(&mut self, context: &CommandContext, found: &Found) -> Result {
        if std::mem::replace(&mut self.has_printed, true) {
            context.output.print("")?;
        }
        if context.output.json {
            return context.output.write_stdout(&found.line);
        }
        let record = &found.record;
        let (verdict, notes) = self.selector.verify(&record.entry)?;
        let body = &record.capture().body;
        let remedy = if record.entry.parsed_body && verdict.is_about_body() {
            Some(remedy::log_raw_body(body))
        } else {
            remedy::remedy_for(&verdict, body, &self.secret_source)
        };
        let view = VerdictView { verdict: &verdict, notes: &notes, source: &found.source, remedy: remedy.as_deref() };
        let mut text = self.renderer.lines(record, &view).join("\n");
        text.push('\n');
        context.output.write_stdout(text.as_bytes())
    }
}
