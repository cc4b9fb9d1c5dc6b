//! The arguments and the config of a run, resolved once.

use crate::check::{BatteryOptions, CheckSelection, Effects, Level, checks, weaknesses};
use crate::cli::CheckArgs;
use crate::commands::CommandContext;
use crate::delivery::Pace;
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::provider::{Event, Provider, ProviderRef};
use crate::report::CheckRun;
use crate::secrets::SecretSource;
use crate::sender::{ProviderQuery, select_provider};
use crate::signing::Secret;

/// The time that an effect may take.
const SETTLE: std::time::Duration = std::time::Duration::from_secs(2);

/// Seeds that are drawn have at most six digits: a person types them.
const MAX_DRAWN_SEED: u64 = 1_000_000;

/// The options of a run.
pub(super) struct CheckOptions {
    pub(super) battery: BatteryOptions,
    pub(super) run: CheckRun,
}

/// Returns the selected checks.
///
/// # Errors
/// An id is not known, or nothing is left.
pub(super) fn selection(args: &CheckArgs) -> Result<CheckSelection> {
    for id in args.only.iter().chain(&args.skip) {
        if !checks().any(|check| check.id == id) {
            let error = Error::new(format!("there is no check `{id}`"));
            let nearest = crate::strict_toml::nearest(id, checks().map(|check| check.id));
            return Err(match nearest {
                Some(nearest) => error.cause(format!("did you mean `{nearest}`?")),
                None => error,
            }
            .hint("whk check --list"));
        }
    }
    let selection = CheckSelection { only: args.only.clone(), skip: args.skip.clone(), quick: args.quick };
    if selection.checks().next().is_none() {
        return Err(Error::new("no check is left to run").hint("whk check --list"));
    }
    Ok(selection)
}

/// Returns the provider of the requests.
///
/// # Errors
/// Nothing names one.
pub(super) fn provider(context: &CommandContext, args: &CheckArgs) -> Result<Provider> {
    let preferred = context.config.provider();
    if args.identity.provider.is_none() && preferred.is_none() && args.types.is_empty() {
        return Err(Error::new("name the provider of the requests: -p NAME")
            .available("providers", context.catalog.names())
            .hint("whk providers describes them"));
    }
    let query = ProviderQuery {
        named: args.identity.provider.as_ref(),
        preferred: preferred.as_ref(),
        scenario: None,
        event_types: &args.types,
        body: None,
    };
    select_provider(&context.catalog, &query)
}

pub(super) fn resolve(
    context: &CommandContext,
    args: &CheckArgs,
    selection: CheckSelection,
    endpoint: &Endpoint,
) -> Result<CheckOptions> {
    let provider = provider(context, args)?;
    let events = events(&provider, args)?;
    let editions = provider.editions.iter().map(|(edition, _)| edition).filter(|edition| **edition != provider.edition);
    let editions = editions.map(|edition| {
        let name: ProviderRef = format!("{}@{edition}", provider.name).parse().map_err(Error::new)?;
        context.catalog.load(&name)
    });
    let editions = editions.collect::<Result<Vec<_>>>()?;
    let secrets = context.secrets(&args.identity, &provider)?;
    let read = |source: &Option<SecretSource>| source.as_ref().map(one_secret).transpose();
    let other_tenant = read(&args.other_secret)?.zip(args.other_url.clone());
    let seed = context.seed.unwrap_or_else(|| context.event_seed() % MAX_DRAWN_SEED);
    let run = CheckRun {
        provider: provider.name.clone(),
        title: provider.title.clone(),
        edition: provider.edition.clone(),
        target: endpoint.to_string(),
        seed,
        level: args.level.unwrap_or(Level::Required),
        checks: selection.checks().count(),
        command: args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        typed_target: (args.url.is_some() || args.command.is_empty()).then(|| endpoint.to_string()),
        weaknesses: weaknesses(&provider),
    };
    let battery = BatteryOptions {
        events,
        editions,
        secrets,
        retired_secret: read(&args.retired_secret)?,
        other_tenant,
        endpoint: endpoint.clone(),
        insecure: args.insecure,
        timeout: context.config.timeout(args.timeout).map(|span| span.0),
        pause: args.rate.and_then(|rate| match rate {
            Pace::Every(pause) => Some(pause),
            Pace::Original | Pace::Asap => None,
        }),
        effects: args
            .effects
            .clone()
            .map(|command| Effects::new(command, args.settle.map_or(SETTLE, |settle| settle.0))),
        process: None,
        selection,
        clock: context.clock,
        seed,
        provider,
    };
    Ok(CheckOptions { battery, run })
}

fn one_secret(source: &SecretSource) -> Result<Secret> {
    let found = crate::secrets::SecretResolver::new(vec![source.clone()], Vec::new().into()).given()?;
    found.and_then(|found| found.secrets.into_iter().next()).ok_or_else(|| Error::new("the secret is empty"))
}

/// Returns the events that are sent.
fn events(provider: &Provider, args: &CheckArgs) -> Result<Vec<Event>> {
    let matches =
        |event: &&Event| args.types.is_empty() || args.types.iter().any(|pattern| pattern.matches(&event.event_type));
    let events: Vec<Event> = provider.events.iter().filter(matches).cloned().collect();
    if events.is_empty() {
        let types = provider.events.iter().map(|event| event.event_type.as_str());
        return Err(Error::new(format!("{} sends no event of these types", provider.title)).available("types", types));
    }
    Ok(events)
}
