//! The arguments and the config of a run, resolved once into the options of its parts.

use jiff::Timestamp;

use super::super::CommandContext;
use crate::cli::{ReplayArgs, ScheduleOverride, TimeArg};
use crate::delivery::{Pace, TimeScale};
use crate::error::{Error, Result};
use crate::inspect::RecordFilter;
use crate::provider::{Provider, SecretLookup};
use crate::sender::{RecordRequestOptions, RecordSourceOptions, RetryOverride, SelectionOptions, SignatureMode};

/// Returns the options that select records.
///
/// # Errors
/// A relative time is outside the range of times.
pub(super) fn selection(args: &ReplayArgs, now: Timestamp) -> Result<SelectionOptions> {
    let time = |time: Option<TimeArg>, flag: &str| {
        let time = time.map(|time| time.from(now)).transpose();
        time.map_err(|error| Error::new(format!("{flag} is not a possible time")).cause(error))
    };
    Ok(SelectionOptions {
        format: args.format,
        filter: RecordFilter {
            types: args.types.clone(),
            ids: args.ids.clone(),
            statuses: args.status.clone(),
            since: time(args.since, "--since")?,
            until: time(args.until, "--until")?,
            ..RecordFilter::default()
        },
    })
}

/// Returns the options of the requests.
pub(super) fn requests(context: &CommandContext, args: &ReplayArgs) -> RecordRequestOptions {
    RecordRequestOptions {
        provider: args.identity.provider.clone(),
        preferred: context.config.provider(),
        signatures: match (args.verbatim, args.resign) {
            (true, _) => SignatureMode::Verbatim,
            (false, true) => SignatureMode::Resign,
            (false, false) => SignatureMode::Auto,
        },
        edits: args.sets.iter().chain(&args.unsets).cloned().collect(),
        headers: args.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
        retries: args.schedule.clone().map(|schedule| match schedule {
            ScheduleOverride::None => RetryOverride::None,
            ScheduleOverride::Delays(waits) => RetryOverride::Delays(waits),
            ScheduleOverride::Provider(provider) => RetryOverride::Of(provider),
        }),
        clock: context.clock,
    }
}

/// Returns the search for the secrets of the requests.
pub(super) fn secrets<'a>(context: &'a CommandContext, args: &'a ReplayArgs) -> SecretLookup<'a> {
    let resolver = context.secret_resolver(&args.identity);
    Box::new(move |provider: &Provider| Ok(resolver.find(provider)?.map(|found| found.secrets).unwrap_or_default()))
}

/// Returns the options of the deliveries.
pub(super) fn source(context: &CommandContext, args: &ReplayArgs) -> RecordSourceOptions {
    RecordSourceOptions {
        pace: args.pace.unwrap_or(Pace::Asap),
        speed: args.speed.unwrap_or(TimeScale::REAL),
        clock: context.clock,
    }
}
