//! Reads the selected requests of an input in order: a long log with all cores, anything else one after the other.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::super::CommandContext;
use super::options::{self, LogInput};
use crate::capture::{
    CHUNK_SIZE, CaptureFormat, CaptureInput, Chunk, ReadError, Reader, cannot_read, is_log, process_chunks,
};
use crate::cli::LogArgs;
use crate::error::{Error, Result};
use crate::inspect::{RecordSelector, StoredRecord};
use crate::verification::VerdictStatus;

/// The parts of a request that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// All but headers and bodies, unless the filter needs them or the verdict was not recorded.
    Summary,
}

/// A selected request, as a [`Worker`] returned it.
#[derive(Debug)]
pub(super) struct Selected<T> {
    pub(super) seq: u64,
    pub(super) verdict: Option<VerdictStatus>,
    pub(super) value: T,
}

/// What follows a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// Nobody reads the output any longer.
    Stop,
}

/// Makes something of each selected request; the line of the log is given as well, if it is one.
pub(super) type Worker<'a, T> = Box<dyn FnMut(StoredRecord, Option<&[u8]>) -> Result<T> + 'a>;

/// The counts of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// The requests of the input, selected or not.
    pub(super) requests: u64,
    /// The selected requests by their verdict: valid, invalid, unsigned, unchecked.
    pub(super) verdicts: [u64; 4],
    /// The selected requests.
    pub(super) selected: u64,
    /// The lines and entries that cannot be read.
    pub(super) unreadable: u64,
    /// The requests that the filter could not decide on, and the value that was not recorded.
    pub(super) undecided: Option<(&'static str, u64)>,
}

impl Totals {
    fn count<T>(&mut self, selected: &Selected<T>) {
        self.selected += 1;
        if let Some(verdict) = selected.verdict {
            self.verdicts[verdict as usize] += 1;
        }
    }

    /// Adds the counts of what was read after this.
    pub(super) fn add(&mut self, part: &Totals) {
        self.selected += part.selected;
        for (total, more) in self.verdicts.iter_mut().zip(part.verdicts) {
            *total += more;
        }
        self.merge(part);
    }

    fn merge(&mut self, part: &Totals) {
        self.requests += part.requests;
        self.unreadable += part.unreadable;
        if let Some((missing, count)) = part.undecided {
            self.undecided.get_or_insert((missing, 0)).1 += count;
        }
    }
}

/// The selected requests of a part of the input.
pub(super) struct Batch<T> {
    pub(super) selected: VecDeque<Selected<T>>,
    errors: Vec<(usize, ReadError)>,
    totals: Totals,
}

/// Reads parts of an input.
pub(super) struct BatchReader<'a, T> {
    selector: RecordSelector,
    worker: Worker<'a, T>,
    last: Option<usize>,
    undecided: u64,
}

impl<'a, T> BatchReader<'a, T> {
    pub(super) fn new(
        context: &CommandContext,
        args: &LogArgs,
        last: Option<u64>,
        worker: Worker<'a, T>,
    ) -> Result<Self> {
        let last = last.map(|last| usize::try_from(last).unwrap_or(usize::MAX));
        Ok(Self { selector: options::selector(context, args)?, worker, last, undecided: 0 })
    }

    /// Reads at most `limit` requests, and returns those that are selected; of `--last`, no more than could be needed.
    pub(super) fn read<R: io::BufRead>(&mut self, reader: &mut Reader<R>, limit: u64) -> Result<(Batch<T>, bool)> {
        let mut batch = Batch { selected: VecDeque::new(), errors: Vec::new(), totals: Totals::default() };
        let mut ended = true;
        while let Some(read) = reader.next() {
            match read {
                Err(error) => {
                    batch.totals.unreadable += 1;
                    batch.errors.push((batch.selected.len(), error));
                }
                Ok(entry) => {
                    batch.totals.requests += 1;
                    let position = batch.totals.requests;
                    if let Some(record) = self.selector.select(entry, position)? {
                        let seq = record.seq;
                        let verdict = record.verdict.status.parse().ok();
                        let line = reader.last_line().map(|(_, line)| line.trim_ascii());
                        let value = (self.worker)(record, line)?;
                        if self.last == Some(batch.selected.len()) {
                            batch.selected.pop_front();
                        }
                        batch.selected.push_back(Selected { seq, verdict, value });
                    }
                }
            }
            if batch.totals.requests >= limit {
                ended = false;
                break;
            }
        }
        let undecided = self.selector.undecided();
        batch.totals.undecided = undecided.map(|(missing, count)| (missing, count - self.undecided));
        self.undecided = undecided.map_or(0, |(_, count)| count);
        Ok((batch, ended))
    }
}

/// Collects batches in the order of the input.
pub(super) struct Collector<'a, T, C> {
    context: &'a CommandContext,
    source: &'a str,
    collect: C,
    /// The last requests, with `--last`.
    kept: Option<(usize, VecDeque<Selected<T>>)>,
    totals: Totals,
}

impl<'a, T, C: FnMut(Selected<T>) -> Result<Flow>> Collector<'a, T, C> {
    pub(super) fn new(context: &'a CommandContext, last: Option<u64>, source: &'a str, collect: C) -> Self {
        let last = last.map(|last| usize::try_from(last).unwrap_or(usize::MAX));
        let kept = last.map(|last| (last, VecDeque::new()));
        Self { context, source, collect, kept, totals: Totals::default() }
    }

    pub(super) fn add(&mut self, batch: Batch<T>) -> Result<Flow> {
        let Batch { selected, errors, totals } = batch;
        self.totals.merge(&totals);
        let mut errors = errors.into_iter().peekable();
        for (index, selected) in selected.into_iter().enumerate() {
            while let Some((_, error)) = errors.next_if(|(before, _)| *before <= index) {
                self.unreadable(&error);
            }
            let Some((last, kept)) = &mut self.kept else {
                if self.hand_on(selected)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                continue;
            };
            if kept.len() == *last {
                kept.pop_front();
            }
            kept.push_back(selected);
        }
        errors.for_each(|(_, error)| self.unreadable(&error));
        Ok(Flow::Continue)
    }

    fn hand_on(&mut self, selected: Selected<T>) -> Result<Flow> {
        self.totals.count(&selected);
        (self.collect)(selected)
    }

    fn unreadable(&self, error: &ReadError) {
        let whole = Error::new(error.located(self.source));
        self.context.output.error(&match error.hint {
            Some(hint) => whole.hint(hint),
            None => whole,
        });
    }

    /// Hands on the last requests, and returns the counts.
    pub(super) fn finish(mut self) -> Result<Totals> {
        if let Some((_, kept)) = self.kept.take() {
            for selected in kept {
                if self.hand_on(selected)? == Flow::Stop {
                    break;
                }
            }
        }
        Ok(self.totals)
    }
}

/// The number of requests that are processed before anything is printed.
const BATCH: u64 = 64;

/// Reads the selected requests. Each thread makes a worker of its own; `collect` is given the results in order.
///
/// # Errors
/// The input cannot be read, a worker cannot be made, or an error of a worker or of `collect`.
pub(super) fn read<T: Send>(
    context: &CommandContext,
    args: &LogArgs,
    input: LogInput,
    detail: Detail,
    make_worker: impl Fn() -> Result<Worker<'static, T>> + Sync,
    collect: impl FnMut(Selected<T>) -> Result<Flow>,
) -> Result<Totals> {
    let LogInput { input: CaptureInput { reader: mut bytes, name, .. }, format, .. } = input;
    let last = options::last(args);
    let filter = args.selection.filter();
    let summaries = detail == Detail::Summary && !filter.reads_requests();
    let mut collector = Collector::new(context, last, &name, collect);
    let mut head = Vec::new();
    let read = bytes.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut head);
    read.map_err(|error| cannot_read(Path::new(&name), &error))?;
    let may_be_log = matches!(format, CaptureFormat::Auto | CaptureFormat::JsonLines);
    if head.len() >= CHUNK_SIZE && may_be_log && is_log(&head) {
        let shared = context.shared();
        let make = || {
            let mut reader = BatchReader::new(&shared.context(), args, last, make_worker()?)?;
            Ok(move |chunk: &Chunk| {
                let entries = chunk.entries();
                let mut entries = if summaries { entries.summaries() } else { entries.with_outcomes() };
                reader.read(&mut entries, u64::MAX).map(|(batch, _)| batch)
            })
        };
        let mut stopped = false;
        let processed = process_chunks(head, bytes, Path::new(&name), make, |batch: Result<Batch<T>>, _| {
            if collector.add(batch?)? == Flow::Stop {
                stopped = true;
                return Err(Error::new("nobody reads the output"));
            }
            Ok(())
        });
        if !stopped {
            processed?;
        }
        return collector.finish();
    }
    let bytes = io::BufReader::with_capacity(1 << 16, Cursor::new(head).chain(bytes));
    let entries = Reader::new(bytes, format);
    let mut entries = if summaries { entries.summaries() } else { entries.with_outcomes() };
    let mut reader = BatchReader::new(context, args, last, make_worker()?)?;
    loop {
        let (batch, ended) = reader.read(&mut entries, BATCH)?;
        if collector.add(batch)? == Flow::Stop || ended {
            return collector.finish();
        }
    }
}
