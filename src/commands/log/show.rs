//! `whk log show`: requests in full.

use super::super::CommandContext;
use super::find::{Found, find};
use super::options;
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
    let found = find(context, args, &show.records)?;
    let printer = Printer::new(context, args)?;
    for (index, found) in found.iter().enumerate() {
        if index > 0 {
            context.output.print("")?;
        }
        printer.print(context, found)?;
    }
    Ok(ExitStatus::Success)
}

struct Printer<'a> {
    selector: RecordSelector,
    renderer: RecordDetailRenderer,
    secret_source: SecretSourceName<'a>,
}

impl<'a> Printer<'a> {
    fn new(context: &'a CommandContext, args: &LogArgs) -> Result<Self> {
        let resolver = context.secret_resolver(&args.identity.identity());
        Ok(Self {
            selector: options::selector(context, args)?,
            renderer: RecordDetailRenderer::new(context.output),
            secret_source: Box::new(move |provider, index| {
                let found = resolver.configured(provider).ok()??;
                found.sources.get(index).or(found.sources.first()).cloned()
            }),
        })
    }

    fn print(&self, context: &CommandContext, found: &Found) -> Result {
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
