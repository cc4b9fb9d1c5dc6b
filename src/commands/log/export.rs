//! `whk log export`: requests in the forms that `verify` and `replay` read.

use super::super::CommandContext;
use super::find::find;
use super::list::{Buffer, json_line};
use super::options::LogInput;
use super::read::{Detail, Flow, Worker, read};
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
    if !export.records.is_empty() {
        for found in find(context, args, &export.records)? {
            let written = write(format, &found.record, Some(&found.line));
            if writer.add(written)? == Flow::Stop {
                break;
            }
        }
        return writer.finish();
    }
    let input = LogInput::open(context, args)?;
    let name = input.name();
    let worker =
        || -> Result<Worker<'static, Written>> { Ok(Box::new(move |record, line| Ok(write(format, &record, line)))) };
    let totals = read(context, args, input, Detail::Full, worker, |selected| writer.add(selected.value))?;
    super::print_notes(context.output, &totals);
    if totals.selected == 0 {
        context.output.status(&super::nothing_selected(&totals, &name));
    }
    let status = writer.finish()?;
    Ok(if totals.unreadable > 0 { ExitStatus::Error } else { status })
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

    fn finish(mut self) -> Result<ExitStatus> {
        if self.count == 0 {
            self.buffer.add(self.format.start().as_bytes())?;
        }
        self.buffer.add(self.format.end(self.count).as_bytes())?;
        self.buffer.flush()?;
        Ok(if self.failed > 0 { ExitStatus::Error } else { ExitStatus::Success })
    }
}

/// True if a terminal shows a text as it is.
fn is_harmless(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.split(['\n', '\t'])
            .all(|line| matches!(sanitize(line.trim_end_matches('\r')), std::borrow::Cow::Borrowed(_)))
    })
}
