//! `whk log export`: requests in the forms that `verify` and `replay` read.

use super::super::CommandContext;
use super::find::find;
use super::list::{Buffer, json_line};
use super::options::LogInput;
use super::read::{Detail, Flow, Totals, Worker, read};
use super::redact::Redactor;
use crate::capture::ExportFormat;
use crate::cli::{LogArgs, LogExportArgs};
use crate::error::{Error, ExitStatus, Result};
use crate::inspect::StoredRecord;
use crate::output::{Output, sanitize};

/// A written record, or the reason why it cannot be written.
type Written = Result<Vec<u8>>;

pub(super) fn run(context: &CommandContext, args: &LogArgs, export: &LogExportArgs) -> Result<ExitStatus> {
    let format = export.format.unwrap_or_default();
    if context.output.json && format != ExportFormat::JsonLines {
        return Err(Error::new("--json is a record a line, so it cannot be another format")
            .hint("leave out --json, or use --format jsonl"));
    }
    let mut writer = Writer::new(context.output, format);
    let mut redactor = Redactor::new(context, args, export)?;
    let mut status = ExitStatus::Success;
    if export.records.is_empty() {
        let totals = export_selected(context, args, &mut writer, redactor.as_mut())?;
        if totals.unreadable > 0 {
            status = ExitStatus::Error;
        }
    } else {
        for mut found in find(context, args, &export.records)? {
            let written = match &mut redactor {
                None => write(format, &found.record, Some(&found.line)),
                Some(redactor) => redactor.apply(&mut found.record).and_then(|()| write(format, &found.record, None)),
            };
            if writer.add(written)? == Flow::Stop {
                break;
            }
        }
    }
    if writer.finish()? > 0 {
        status = ExitStatus::Error;
    }
    if let Some(redactor) = redactor {
        redactor.finish(context.output)?;
    }
    Ok(status)
}

/// Writes the selected requests: in the threads that read them, or one after the other to redact them.
fn export_selected(
    context: &CommandContext,
    args: &LogArgs,
    writer: &mut Writer,
    redactor: Option<&mut Redactor>,
) -> Result<Totals> {
    let input = LogInput::open(context, args)?.tail(context, args)?;
    let name = input.name();
    let format = writer.format;
    let totals = match redactor {
        None => {
            let worker = || -> Result<Worker<'static, Written>> {
                Ok(Box::new(move |record, line| Ok(write(format, &record, line))))
            };
            read(context, args, input, Detail::Full, worker, |selected| writer.add(selected.value))?
        }
        Some(redactor) => {
            let worker =
                || -> Result<Worker<'static, Box<StoredRecord>>> { Ok(Box::new(|record, _| Ok(Box::new(record)))) };
            read(context, args, input, Detail::Full, worker, |mut selected| {
                let redacted = redactor.apply(&mut selected.value);
                writer.add(redacted.and_then(|()| write(format, &selected.value, None)))
            })?
        }
    };
    super::print_notes(context.output, &totals);
    if totals.selected == 0 {
        context.output.status(&super::nothing_selected(&totals, &name));
    }
    Ok(totals)
}

/// Returns a record in the format; a line of the log as the listener wrote it.
fn write(format: ExportFormat, record: &StoredRecord, line: Option<&[u8]>) -> Written {
    if matches!(format, ExportFormat::JsonLines | ExportFormat::Json) {
        let mut text = json_line(record, line.map(<[u8]>::trim_ascii))?;
        text.truncate(text.trim_ascii_end().len());
        return Ok(text);
    }
    let mut text = Vec::new();
    format.write(&record.exported(), &mut text)?;
    Ok(text)
}

/// Writes records to stdout, with what is between them.
struct Writer {
    output: Output,
    buffer: Buffer,
    format: ExportFormat,
    count: u64,
    /// The records that could not be written.
    failed: u64,
}

impl Writer {
    fn new(output: Output, format: ExportFormat) -> Self {
        Self { output, buffer: Buffer::new(output), format, count: 0, failed: 0 }
    }

    fn add(&mut self, written: Written) -> Result<Flow> {
        let text = match written {
            Ok(text) => text,
            Err(error) => {
                self.failed += 1;
                self.output.error(&error);
                return Ok(Flow::Continue);
            }
        };
        if self.format == ExportFormat::Http && Output::is_terminal() && !is_harmless(&text) {
            return Err(Error::new("the requests have bytes that would change the terminal")
                .hint("write them to a file: whk log export --format http >requests.http"));
        }
        let before = if self.count == 0 { self.format.start() } else { self.format.separator() };
        self.count += 1;
        self.buffer.add(before.as_bytes())?;
        self.buffer.add(&text)
    }

    /// Writes what is left, and returns the number of records that could not be written.
    fn finish(mut self) -> Result<u64> {
        if self.count == 0 {
            self.buffer.add(self.format.start().as_bytes())?;
        }
        self.buffer.add(self.format.end(self.count).as_bytes())?;
        self.buffer.flush()?;
        Ok(self.failed)
    }
}

/// True if a terminal shows a text as it is.
fn is_harmless(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.split(['\n', '\t'])
            .all(|line| matches!(sanitize(line.trim_end_matches('\r')), std::borrow::Cow::Borrowed(_)))
    })
}
