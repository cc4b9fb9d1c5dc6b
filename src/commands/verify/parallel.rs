//! A long log, verified with all cores and printed in the order of its lines.

use std::io::Read;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{CommandContext, SharedResults, printer, verifier};
use crate::capture::{Chunk, process_chunks};
use crate::cli::VerifyArgs;
use crate::error::Result;
use crate::output::Verbosity;
use crate::report::{BufferedOutput, PrintedNotes, VerdictPrinter, VerifyStats};

/// Verifies a log of which `head` was read already.
pub(super) fn verify(
    context: &CommandContext,
    flags: &VerifyArgs,
    head: Vec<u8>,
    input: impl Read + Send,
    size: Option<u64>,
    source: &str,
    results: &SharedResults,
) -> Result<VerifyStats> {
    let shared = context.shared();
    let worker = || {
        let context = shared.context();
        let mut printer = printer(&context, flags, verifier(&context, flags)?)?;
        Ok(move |chunk: &Chunk| {
            let verified = verify_chunk(&mut printer, chunk, source);
            (verified, std::mem::take(&mut printer.stats), std::mem::take(&mut printer.cases))
        })
    };
    let bar = progress(context, size);
    let (mut stats, mut shown) = (VerifyStats::default(), PrintedNotes::default());
    process_chunks(head, input, Path::new(source), worker, |(printed, counts, cases), length| {
        results.record(cases);
        let printed: BufferedOutput = printed?;
        bar.suspend(|| printed.print(context.output, &mut shown))?;
        bar.inc(length);
        stats.merge(counts);
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(stats)
}

fn verify_chunk(printer: &mut VerdictPrinter<'_>, chunk: &Chunk, source: &str) -> Result<BufferedOutput> {
    for captured in chunk.entries() {
        match captured {
            Ok(captured) => printer.verify_one(&captured, &captured.source(source))?,
            Err(error) => printer.unreadable(&error, source),
        }
    }
    Ok(std::mem::take(&mut printer.printed))
}

/// Returns a progress bar on stderr, if that is a terminal and wanted.
fn progress(context: &CommandContext, size: Option<u64>) -> ProgressBar {
    let Some(size) = size.filter(|_| context.output.verbosity > Verbosity::Quiet && !context.output.json) else {
        return ProgressBar::hidden();
    };
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
