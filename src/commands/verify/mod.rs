//! `whk verify`: verifies captured requests, and gives the reason why one fails.

mod input;
mod parallel;

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::CommandContext;
use super::shared_results::{SharedResults, until_signal};
use crate::capture::{
    CHUNK_SIZE, CaptureEntry, CaptureFormat, CaptureInput, CapturedRequest, Reader, cannot_read, is_log,
};
use crate::cli::VerifyArgs;
use crate::error::{Error, ExitStatus, Result};
use crate::output::{Verbosity, sanitize};
use crate::report::{PrintedNotes, Results, VerdictPrinter, VerdictPrinterOptions, VerifyStats};
use crate::signing::ReferenceLibrary;
use crate::verification::Verifier;

pub(super) fn run(context: &CommandContext, flags: &VerifyArgs) -> Result<ExitStatus> {
    let verifier = verifier(context, flags)?;
    if let Some((provider, advice)) = verifier.preload()? {
        for advice in advice {
            context.output.status(&format!("note: {advice} ({})", provider.title));
        }
    }
    let input = flags.file.as_deref().or(flags.body.as_deref());
    match Results::open(context.now(), "verify", &flags.reports, input.as_slice())? {
        None => verify(context, flags, verifier, &SharedResults::default()),
        Some(mut results) => {
            if let Some(input) = input {
                results.recorder.property("source", &input.display().to_string());
            }
            let flags = flags.clone();
            until_signal(context, results, move |context, results| {
                verify(context, &flags, self::verifier(context, &flags)?, results)
            })
        }
    }
}

fn verify(
    context: &CommandContext,
    flags: &VerifyArgs,
    verifier: Verifier<'static>,
    results: &SharedResults,
) -> Result<ExitStatus> {
    let stats = match (&flags.body, &flags.file) {
        (Some(body), _) => parts(context, flags, verifier, body, results)?,
        (None, file) => all(context, flags, verifier, input::open(context, file.as_deref())?, results)?,
    };
    finish(context, &stats)
}

/// Makes a verifier from the flags and the config.
fn verifier(context: &CommandContext, flags: &VerifyArgs) -> Result<Verifier<'static>> {
    let wanted = flags.identity.provider.clone();
    let tolerance = context.config.verify_tolerance(flags.tolerance);
    let verifier = context
        .verifier(&flags.identity, wanted, context.config.provider(), tolerance)?
        .public_url(flags.public_url.as_ref().map(|url| url.url().to_string()))
        .check_libraries(compares_libraries(context, flags));
    Ok(verifier)
}

/// Makes a printer of verdicts from the flags and the config.
fn printer<'a>(
    context: &CommandContext,
    flags: &VerifyArgs,
    verifier: Verifier<'static>,
) -> Result<VerdictPrinter<'a>> {
    let at = flags.at.map(|time| time.from(context.now())).transpose();
    let resolver = context.secret_resolver(&flags.identity);
    let options = VerdictPrinterOptions {
        output: context.output,
        clock: context.clock,
        at: at.map_err(|error| Error::new("--at is not a possible time").cause(error))?,
        required: required_libraries(flags),
        records_cases: !flags.reports.is_empty(),
        secret_source: Box::new(move |provider, index| {
            let found = resolver.configured(provider).ok()??;
            found.sources.get(index).or(found.sources.first()).cloned()
        }),
    };
    Ok(VerdictPrinter::new(verifier, options))
}

/// Returns the libraries that must accept a valid request.
fn required_libraries(flags: &VerifyArgs) -> Vec<ReferenceLibrary> {
    let is_required = |library: &ReferenceLibrary| flags.strict_for.iter().any(|filter| filter.matches(*library));
    ReferenceLibrary::ALL.into_iter().filter(is_required).collect()
}

/// Returns whether the libraries are to be compared.
fn compares_libraries(context: &CommandContext, flags: &VerifyArgs) -> bool {
    !flags.strict_for.is_empty() || context.output.json || context.output.verbosity == Verbosity::Verbose
}

/// Checks everything in an input: a log of some size with all cores, anything else one request after the other.
fn all(
    context: &CommandContext,
    flags: &VerifyArgs,
    verifier: Verifier<'static>,
    input: CaptureInput,
    results: &SharedResults,
) -> Result<VerifyStats> {
    let CaptureInput { reader: mut input, size, name: source } = input;
    let source = source.as_str();
    let (mut printer, mut shown) = (printer(context, flags, verifier)?, PrintedNotes::default());
    let mut head = Vec::new();
    let read = input.by_ref().take(CHUNK_SIZE as u64).read_to_end(&mut head);
    read.map_err(|error| cannot_read(Path::new(source), &error))?;
    let may_be_log = flags.entry.is_none() && matches!(flags.format, CaptureFormat::Auto | CaptureFormat::JsonLines);
    if head.len() >= CHUNK_SIZE && may_be_log && is_log(&head) {
        return parallel::verify(context, flags, head, input, size, source, results);
    }
    let input = io::BufReader::with_capacity(1 << 16, Cursor::new(head).chain(input));
    for captured in Reader::new(input, flags.format).entry(flags.entry) {
        match captured {
            Ok(captured) => printer.verify_one(&captured, &captured.source(source))?,
            Err(error) => printer.unreadable(&error, source),
        }
        results.record(std::mem::take(&mut printer.cases));
        std::mem::take(&mut printer.printed).print(context.output, &mut shown)?;
    }
    Ok(printer.stats)
}

/// Checks a body with the headers of the command line.
fn parts(
    context: &CommandContext,
    flags: &VerifyArgs,
    verifier: Verifier<'static>,
    path: &Path,
    results: &SharedResults,
) -> Result<VerifyStats> {
    let mut body = Vec::new();
    let (source, read) = if path.as_os_str() == "-" {
        ("stdin".to_owned(), io::stdin().lock().read_to_end(&mut body))
    } else {
        (path.display().to_string(), File::open(path).and_then(|mut file| file.read_to_end(&mut body)))
    };
    read.map_err(|error| cannot_read(path, &error))?;
    let capture = CapturedRequest {
        received_at: None,
        remote_addr: String::new(),
        method: "POST".into(),
        target: "/".to_owned(),
        headers: flags.headers.iter().map(|header| (&header.name, &header.value)).collect(),
        body: body.into(),
    };
    let mut printer = printer(context, flags, verifier)?;
    printer.verify_one(&CaptureEntry::alone(capture), &source)?;
    results.record(std::mem::take(&mut printer.cases));
    printer.printed.print(context.output, &mut PrintedNotes::default())?;
    Ok(printer.stats)
}

fn finish(context: &CommandContext, stats: &VerifyStats) -> Result<ExitStatus> {
    context.output.print_json(stats)?;
    if stats.total() == 0 {
        return Err(Error::new("no request found in the input"));
    }
    for line in stats.table() {
        context.output.status(sanitize(&line).trim_end());
    }
    if stats.total() > 1 {
        context.output.status(&stats.summary());
    }
    if let Some(text) = stats.strict.summary() {
        context.output.status(&text);
    }
    Ok(stats.exit())
}
