//! `whk check`: a battery of requests to a handler, and a report.

mod list;
mod options;
mod progress;
mod reporter;

use std::time::Duration;

use super::CommandContext;
use super::signals::Signals;
use super::wait;
use crate::check::{Battery, HandlerProcess, ensure_local, free_address};
use crate::cli::{CheckArgs, CheckFormat};
use crate::clock::Stopwatch;
use crate::duration::HumanDuration;
use crate::error::{Error, ErrorKind, ExitStatus, Result};
use crate::http::client::{AttemptError, AttemptErrorKind, Endpoint, accepts_connections};
use crate::output::Output;
use crate::report::unreachable;
use crate::report::{Results, write_results};
use options::CheckOptions;
use reporter::CheckReporter;

/// The time that a command gets to accept connections, unless `--wait` says otherwise.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that a handler gets from accepting connections to accepting events.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// The time in which a handler that is not there must be reported.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) fn run(context: &CommandContext, args: &CheckArgs) -> Result<ExitStatus> {
    let selection = options::selection(args)?;
    if args.list {
        return list::run(context, args, &selection);
    }
    let output =
        if args.format == Some(CheckFormat::Json) { Output { json: true, ..context.output } } else { context.output };
    let endpoint = if args.url.is_none() && !args.command.is_empty() {
        free_address()?
    } else {
        context.config.url(args.url.clone())?
    };
    let resolved = options::resolve(context, args, selection, &endpoint)?;
    let results = Results::open(context.now(), "check", &args.reports, &[])?;
    let mut reporter = CheckReporter::new(output, args.format, resolved.run.clone(), results, context.now());
    let result = super::block_on(check(context, args, resolved, &endpoint, &mut reporter))?;
    let (results, result) = reporter.finish(result)?;
    write_results(results, output, result)
}

async fn check(
    context: &CommandContext,
    args: &CheckArgs,
    options: CheckOptions,
    endpoint: &Endpoint,
    reporter: &mut CheckReporter,
) -> Result<ExitStatus> {
    let mut signals = Signals::catch()?;
    let bar = reporter.progress();
    tokio::select! {
        result = run_battery(context, args, options, endpoint, reporter) => result,
        _ = signals.next() => Ok(ExitStatus::Interrupted),
        never = progress::show(bar) => match never {},
    }
}

async fn run_battery(
    context: &CommandContext,
    args: &CheckArgs,
    options: CheckOptions,
    endpoint: &Endpoint,
    reporter: &mut CheckReporter,
) -> Result<ExitStatus> {
    if !args.allow_remote {
        ensure_local(endpoint).await?;
    }
    let CheckOptions { mut battery, run, .. } = options;
    if args.command.is_empty() {
        if let Some(limit) = args.wait {
            wait::until_reachable(context.output, endpoint, limit.0).await?;
        }
    } else {
        battery.process = Some(start(args, endpoint, &battery.secrets).await?);
    }
    let effects = battery.effects.clone();
    let mut battery = Battery::new(battery)?;
    if args.wait.is_some() || !args.command.is_empty() {
        battery.wait_until_ready(args.wait.map_or(READY_TIMEOUT, |limit| limit.0)).await?;
    } else {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, accepts_connections(endpoint)).await;
        let limit = HumanDuration(CONNECT_TIMEOUT);
        let late = |_| Err(AttemptError::new(AttemptErrorKind::Unreachable, format!("no connection within {limit}")));
        connected.unwrap_or_else(late).map_err(|error| unreachable(endpoint, &error))?;
    }
    if let Some(effects) = &effects {
        // A command that cannot count is an error before the first check.
        effects.count().await?;
    }
    reporter.start()?;
    let watch = Stopwatch::start();
    let ended = battery.run(reporter).await;
    battery.finish().await;
    if let Err(error) = ended? {
        return Err(unreachable(endpoint, &error));
    }
    reporter.summary(watch.elapsed())?;
    Ok(if reporter.counts().failed_at(run.level) { ExitStatus::Failure } else { ExitStatus::Success })
}

/// Starts the handler, and waits until it accepts connections.
async fn start(args: &CheckArgs, endpoint: &Endpoint, secrets: &[crate::signing::Secret]) -> Result<HandlerProcess> {
    if accepts_connections(endpoint).await.is_ok() {
        return Err(Error::new(format!("something listens on {} already", endpoint.host()))
            .cause("the command after -- is to be started there")
            .hint("stop it, or leave the URL out to use a free port"));
    }
    let port = endpoint.url().port_or_known_default().unwrap_or(80);
    let mut process = HandlerProcess::start(&args.command, port, secrets)?;
    let limit = args.wait.map_or(START_TIMEOUT, |limit| limit.0);
    let watch = Stopwatch::start();
    loop {
        if accepts_connections(endpoint).await.is_ok() {
            return Ok(process);
        }
        let problem = if !process.is_running() {
            Some("the handler exited before it accepted a connection".to_owned())
        } else if watch.elapsed() >= limit {
            Some(format!("the handler accepted no connection on port {port} within {}", HumanDuration(limit)))
        } else {
            None
        };
        if let Some(problem) = problem {
            process.stop().await;
            let mut error = Error::new(problem).kind(ErrorKind::Unreachable);
            for line in process.last_output(6) {
                error = error.cause(crate::sanitize::sanitize(&line));
            }
            return Err(error.hint("it must listen on the port in the environment variable PORT"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
