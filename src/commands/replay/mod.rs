//! `whk replay`: resends a recorded log on the provider's retry schedule.

mod dry_run;
mod operands;
mod options;
mod summary;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::signals::Signals;
use super::{CommandContext, wait};
use crate::cli::ReplayArgs;
use crate::clock::Stopwatch;
use crate::delivery::{DispatchOptions, Dispatcher, DispatcherHandle, Journal, JournalKey, JournalMismatch, TimeScale};
use crate::error::{Error, ExitStatus, Result};
use crate::http::client::{Endpoint, HttpClient};
use crate::output::sanitize;
use crate::random::Rng;
use crate::report::{
    DeliveryCases, ReplayProgress, ReplayReporter, ReportFile, Results, TimelineReport, unreachable, write_results,
};
use crate::sender::{RecordRequestFactory, RecordSelection, RecordSource, SharedJournal};
use crate::signing::Tolerance;
use crate::verification::DiagnosisBudget;
use dry_run::DryRun;
use operands::Operands;

pub(super) fn run(context: &CommandContext, flags: &ReplayArgs) -> Result<ExitStatus> {
    let operands = Operands::read(context, flags)?;
    let endpoint = operands.url.clone();
    let wanted = flags.identity.provider.clone();
    let preferred = context.config.provider();
    let verifier = context
        .verifier(&flags.identity, wanted, preferred, Tolerance::Unlimited)?
        .diagnosis_budget(DiagnosisBudget::OFF);
    if let Some(name) = &flags.identity.provider {
        context.catalog.load(name)?;
    }
    let handle = DispatcherHandle::default();
    let mut input = RecordSelection::open(&operands.log, options::selection(flags, context.now())?, verifier, &handle)?;
    if let Some(last) = flags.last {
        let last = usize::try_from(last).unwrap_or(usize::MAX);
        input.keep_last(last, |error| context.output.error(error))?;
    }
    let requests = RecordRequestFactory::new(
        options::requests(context, flags),
        endpoint.clone(),
        &context.catalog,
        options::secrets(context, flags),
    );
    let seed = context.seed.unwrap_or_else(|| Rng::System.bits());
    let (page, cases) = reports(context, flags, &operands)?;
    if flags.dry_run {
        let dry_run = DryRun { context, url: &endpoint, seed, speed: flags.speed.unwrap_or(TimeScale::REAL), page };
        return dry_run.run(input, &requests);
    }
    let journal = journal(flags, &operands, &input)?.map(|journal| Rc::new(RefCell::new(journal)));
    let size = input.length();
    let scale = flags.speed.unwrap_or(TimeScale::REAL);
    let secret_check = context.development_secret_check(&flags.identity);
    let reporter = ReplayReporter::new(context.output, context.clock, scale, secret_check, journal.clone())
        .with_reports(page, cases);
    let source = RecordSource::new(input, requests, journal, options::source(context, flags));
    let options = DispatchOptions {
        speed: scale,
        concurrency: flags.concurrency,
        timeout: context.config.timeout(flags.timeout).map(|span| span.0),
        seed,
        clock: context.clock,
    };
    let size = size.filter(|_| flags.last.is_none());
    let run = deliver(context, flags, (source, reporter, handle), size, &endpoint, options);
    let (cases, result) = super::block_on(run)?;
    write_results(cases.map(DeliveryCases::finish), context.output, result)
}

/// Opens the page and the other reports, which must not replace the log or its state file.
fn reports(
    context: &CommandContext,
    flags: &ReplayArgs,
    operands: &Operands,
) -> Result<(Option<TimelineReport>, Option<DeliveryCases>)> {
    let state = flags.state.clone().unwrap_or_else(|| beside(&operands.log));
    let taken: [&Path; 2] = [&operands.log, &state];
    let (pages, others): (Vec<_>, Vec<_>) = flags.reports.iter().cloned().partition(ReportFile::is_html);
    if let [_, second, ..] = pages.as_slice() {
        let what = format!("cannot write the report {}", second.path().display());
        return Err(Error::new(what).cause("replay draws one .html page a run"));
    }
    // The page opens its file itself; this makes sure that the path is free.
    let page = match pages.first() {
        Some(file) => {
            drop(file.open(&taken)?);
            Some(TimelineReport::open(file.path())?)
        }
        None => None,
    };
    if let Some(other) = others.first().filter(|_| flags.dry_run) {
        return Err(Error::new(format!("cannot write the report {}", other.path().display()))
            .cause("a dry run sends nothing, so there are no results")
            .hint("to draw the schedule: --dry-run --report FILE.html"));
    }
    let mut cases = Results::open(context.now(), "replay", &others, &taken)?.map(DeliveryCases::new);
    if let Some(cases) = &mut cases {
        cases.property("target", &operands.url.to_string());
        cases.property("log", &operands.log.display().to_string());
    }
    Ok((page, cases))
}

/// Opens the state file: `--state`, or the one beside the log; none for a stream, which cannot be read twice.
fn journal(flags: &ReplayArgs, operands: &Operands, input: &RecordSelection) -> Result<Option<Journal>> {
    let Some(log) = input.fingerprint()? else {
        return match flags.state {
            Some(_) => Err(Error::new(format!("cannot resume from {}", sanitize(input.name())))
                .cause("its content may differ next time")
                .hint("write it to a file first")),
            None => Ok(None),
        };
    };
    let path = flags.state.clone().unwrap_or_else(|| beside(&operands.log));
    let about = JournalKey { log_fingerprint: log, url: operands.url.to_string() };
    match Journal::open(&path, &about, flags.fresh)? {
        Ok(journal) => Ok(Some(journal)),
        Err(JournalMismatch(found)) => {
            let why = if found.url == about.url {
                "it belongs to another log".to_owned()
            } else {
                format!("it belongs to a replay to {}", found.url)
            };
            Err(Error::new(format!("the state file {} belongs to another replay", path.display()))
                .cause(why)
                .hint("to start over: --fresh; to keep both: --state FILE"))
        }
    }
}

fn beside(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".replay");
    name.into()
}

/// Catches signals and waits for the handler, if that is asked for; `None` if a signal ends it.
async fn start(
    context: &CommandContext,
    flags: &ReplayArgs,
    endpoint: &Endpoint,
) -> Result<Option<(Signals, HttpClient)>> {
    let mut signals = Signals::catch()?;
    if let Some(limit) = flags.wait {
        tokio::select! {
            waited = wait::until_reachable(context.output, endpoint, limit.0) => waited?,
            _ = signals.next() => return Ok(None),
        }
    }
    Ok(Some((signals, HttpClient::new(endpoint, flags.insecure)?)))
}

async fn deliver(
    context: &CommandContext,
    flags: &ReplayArgs,
    (source, mut reporter, handle): (RecordSource<'_>, ReplayReporter<'_>, DispatcherHandle),
    size: Option<u64>,
    endpoint: &Endpoint,
    options: DispatchOptions,
) -> (Option<DeliveryCases>, Result<ExitStatus>) {
    let (mut signals, client) = match start(context, flags, endpoint).await {
        Ok(Some(started)) => started,
        Ok(None) => return (reporter.cases.take(), Ok(ExitStatus::Interrupted)),
        Err(error) => return (reporter.cases.take(), Err(error)),
    };
    let progress = ReplayProgress::start(context.output, size, options.speed);
    reporter.report.set_bar(progress.bar());
    let watch = Stopwatch::start();
    let dispatcher = Dispatcher::new(source, reporter, client, options).woken_by(handle);
    let interrupted = std::cell::Cell::new(false);
    let ended = tokio::select! {
        ended = dispatcher.run() => Some(ended),
        () = async {
            signals.next().await;
            interrupted.set(true);
            dispatcher.stop();
            if dispatcher.status().in_flight > 0 {
                let text = "finishing requests in flight; press Ctrl-C again to quit now";
                progress.suspend(|| context.output.final_status(text));
            }
            signals.next().await;
        } => None,
        () = progress.tick(&dispatcher) => None,
    };
    progress.finish();
    let status = dispatcher.status();
    let (source, mut reporter) = dispatcher.into_parts();
    let end = summary::RunEnd {
        url: endpoint,
        interrupted: interrupted.get() || ended.is_none(),
        waiting: status.waiting + status.in_flight,
        read_to_end: status.exhausted,
        elapsed: watch.elapsed(),
        speed: options.speed,
        strict: flags.strict,
        delivered_earlier: source.delivered_earlier,
    };
    let cases = reporter.cases.take();
    (cases, finish(context, source, reporter, ended, &end))
}

/// Writes the rest of the journal, and prints the end of the run.
fn finish(
    context: &CommandContext,
    source: RecordSource<'_>,
    mut reporter: ReplayReporter<'_>,
    ended: Option<Result>,
    end: &summary::RunEnd<'_>,
) -> Result<ExitStatus> {
    let RecordSource { input, journal, .. } = source;
    let mut journal = sole_journal(journal, reporter.journal.take());
    if let Some(journal) = &mut journal {
        journal.flush()?;
    }
    if let Some(Err(error)) = ended {
        return summary::abort(context, &input, &mut reporter, error, end);
    }
    let exit = summary::finish(context, &input, &mut reporter, journal, end)?;
    match reporter.report.stats.never_reached() {
        Some(failure) if exit != ExitStatus::Interrupted => Err(unreachable(end.url, failure)),
        _ => Ok(exit),
    }
}

/// Takes the journal from its two users.
fn sole_journal(first: Option<SharedJournal>, second: Option<SharedJournal>) -> Option<Journal> {
    drop(first);
    second.map(|shared| Rc::into_inner(shared).expect("the source and the reporter ended").into_inner())
}
