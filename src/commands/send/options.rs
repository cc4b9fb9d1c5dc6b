//! The arguments and the config of a run, resolved once into the options of its requests.

use std::fs;
use std::io::Read;
use std::rc::Rc;

use bytes::Bytes;

use super::super::CommandContext;
use crate::cli::{FaultArg, SendArgs, TimeArg};
use crate::delivery::{Pace, TimeScale};
use crate::error::{Error, Result};
use crate::http::client::Endpoint;
use crate::provider::{DeliveryPolicy, Provider, StatusRanges};
use crate::sender::{
    EventId, EventRequestFactory, EventRequestOptions, EventSourceOptions, Mutation, Payload, ProviderQuery,
    ScenarioTimes, SelectedMutations, SigningTime, select_mutations, select_provider,
};

/// The largest body that is read for sending.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// The requests of a run.
pub(super) struct Requests {
    pub(super) factory: EventRequestFactory,
    /// Mutations that are not sent, with the reason.
    pub(super) skipped: Vec<(Mutation, String)>,
}

/// Resolves and checks what is sent to `url`.
///
/// # Errors
/// There is nothing to send, or it does not fit the provider.
pub(super) fn resolve(context: &CommandContext, args: &SendArgs, url: &str) -> Result<Requests> {
    if args.types.is_empty() && args.scenario.is_none() && args.data.is_none() {
        return Err(nothing_to_send(context, args)?);
    }
    let body = args.data.as_deref().map(read_body).transpose()?;
    let preferred = context.config.provider();
    let query = ProviderQuery {
        named: args.identity.provider.as_ref(),
        preferred: preferred.as_ref(),
        scenario: args.scenario.as_deref(),
        event_types: &args.types,
        body: body.as_deref(),
    };
    let provider = select_provider(&context.catalog, &query)?;
    let payload = match (body, &args.scenario) {
        (Some(body), _) => Payload::custom(&provider, body, &args.types)?,
        (None, Some(name)) => Payload::scenario(&provider, name)?,
        (None, None) => Payload::events(&provider, &args.types)?,
    };
    let SelectedMutations { mutations, skipped } = mutations(args, &provider, payload.custom_body())?;
    let options = EventRequestOptions {
        edits: args.sets.iter().chain(&args.unsets).cloned().collect(),
        body_style: args.body_style.unwrap_or_default(),
        headers: args.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
        event_id: args.id.as_deref().map(EventId::new).transpose()?,
        signing_time: args.timestamp.map_or(SigningTime::Now, signing_time),
        scenario_times: if args.pace == Some(Pace::Original) { ScenarioTimes::Live } else { ScenarioTimes::Past },
        mutations,
        count: args.count,
        shuffle: args.shuffle,
        duplicate: args.duplicate,
        refreshable: args.retry,
        ..EventRequestOptions::new(url, payload, context.clock, context.event_seed())
    };
    let secrets = context.secrets(&args.identity, &provider)?;
    Ok(Requests { factory: EventRequestFactory::new(provider, &secrets, options)?, skipped })
}

/// Returns the options of the deliveries to an endpoint.
pub(super) fn source(
    context: &CommandContext,
    args: &SendArgs,
    factory: &EventRequestFactory,
    endpoint: Endpoint,
) -> EventSourceOptions {
    EventSourceOptions {
        endpoint,
        policy: Rc::new(policy(factory, args)),
        pace: args.rate.or(args.pace).unwrap_or(Pace::Asap),
        speed: args.speed.unwrap_or(TimeScale::REAL),
        duration: args.duration.map(|span| span.0),
        duplicate: args.duplicate,
        retry: args.retry,
        clock: context.clock,
    }
}

/// Returns the delivery policy: the provider's, with the changes of the flags.
fn policy(factory: &EventRequestFactory, flags: &SendArgs) -> DeliveryPolicy {
    let mut policy = factory.provider().delivery.clone();
    if !flags.retry {
        policy.retries.clear();
    }
    if let Some(expected) = &flags.expect {
        policy.success = expected.clone();
    }
    if !factory.mutations().is_empty() {
        // A rejection is expected, and a handler that accepts everything must not end the run.
        policy.success = StatusRanges::new(&[400..=499]);
        (policy.disable_on_gone, policy.disable_after_failures, policy.disable_after_time) = (false, None, None);
    }
    policy
}

/// Selects the mutations of `--fault`.
fn mutations(args: &SendArgs, provider: &Provider, body: Option<&[u8]>) -> Result<SelectedMutations> {
    let named: Vec<Mutation> = args
        .faults
        .iter()
        .filter_map(|fault| match fault {
            FaultArg::One(mutation) => Some(*mutation),
            FaultArg::All => None,
        })
        .collect();
    let asked = args.faults.iter().flat_map(|fault| match fault {
        FaultArg::All => Mutation::ALL.to_vec(),
        FaultArg::One(mutation) => vec![*mutation],
    });
    select_mutations(&named, asked, provider, body)
}

fn signing_time(time: TimeArg) -> SigningTime {
    match time {
        TimeArg::At(time) => SigningTime::At(time),
        TimeArg::Before(span) => SigningTime::Before(span.0),
        TimeArg::After(span) => SigningTime::After(span.0),
    }
}

/// Returns the error of a run without an event, which lists what can be sent.
fn nothing_to_send(context: &CommandContext, args: &SendArgs) -> Result<Error> {
    let error = Error::new("nothing to send: choose --type TYPE, --scenario NAME or --data @FILE");
    let Some(name) = args.identity.provider.clone().or_else(|| context.config.provider()) else {
        return Ok(error.hint("whk events lists what can be sent"));
    };
    let provider = context.catalog.load(&name)?;
    let types = ["all"].into_iter().chain(provider.events.iter().map(|event| event.event_type.as_str()));
    Ok(error
        .available("types", types)
        .hint(format!("whk events -p {} describes them, and the scenarios", provider.name)))
}

/// Reads the body of `--data`: a file, stdin, or the text itself.
fn read_body(data: &str) -> Result<Bytes> {
    let cannot = |from: &str| Error::new(format!("cannot read the body from {from}"));
    let limited = |from: &str, input: &mut dyn Read| {
        let mut body = Vec::new();
        input.take(MAX_BODY_BYTES + 1).read_to_end(&mut body).map_err(|error| cannot(from).cause(error))?;
        if body.len() as u64 > MAX_BODY_BYTES {
            Err(cannot(from).cause("it is larger than 64 MiB"))
        } else {
            Ok(Bytes::from(body))
        }
    };
    match data.strip_prefix('@') {
        Some(path) => limited(path, &mut fs::File::open(path).map_err(|error| cannot(path).cause(error))?),
        None if data == "-" => limited("stdin", &mut std::io::stdin().lock()),
        None => Ok(Bytes::copy_from_slice(data.as_bytes())),
    }
}
