//! `whk listen`: receive, verify, print, record.

mod banner;
mod child;
mod expectation;
mod forward;
mod in_flight;
mod log_health;
mod open_log;
mod pipeline;
mod printer;
mod queue;
mod ready_file;
mod scripted;
mod shutdown;
mod stats;
mod tls;
mod unknown_types;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Context;
use super::signals::Signals;
use crate::cli::{Address, ListenArgs, OnInvalid};
use crate::error::{Error, Exit, Result};
use crate::http::server::{Listener, ListenerConfig, RejectedRequest, RequestLimits};
use crate::output::Output;
use crate::provider::{Provider, ProviderRef};
use crate::receiver::{InvalidPolicy, Receiver};
use crate::signing::{Keyring, Secret};
use crate::verification::{DiagnosisBudget, Verifier};
use banner::Heading;
use child::Running;
use expectation::Expectation;
use forward::Onward;
use in_flight::Flights;
use log_health::Complaints;
use open_log::OpenLog;
use pipeline::Floor;
use queue::View;
use ready_file::ReadyFile;
use scripted::Scripts;
use shutdown::{Ending, Until};
use stats::Summary;

/// Time limits for headers and body; other receivers allow 10 to 60 s.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const BODY_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn run(context: &Context, flags: &ListenArgs) -> Result<Exit> {
    super::block_on(listen(context, flags))?
}

async fn listen(context: &Context, flags: &ListenArgs) -> Result<Exit> {
    let output = context.output;
    let expectation = Expectation::of(flags)?.map(Rc::new);
    let secret = if flags.command.is_empty() { None } else { Some(secret_of_command(context, flags)?) };
    let verifier = verifier(context, flags, secret.clone())?;
    let onward = Onward::of(flags, &context.config, output)?;
    // Signals are caught before the address is announced.
    let signals = Signals::catch()?;
    if let Some(path) = &flags.ready_file {
        ReadyFile::remove_stale(path);
    }
    // The address comes first: a port in use is a more useful error than a log in use.
    let (listener, url) = bind(context, flags, onward.is_some()).await?;
    let log = OpenLog::open(context, flags, listener.address().port())?;
    Heading { url: &url, address: listener.address(), log: log.as_ref(), onward: onward.as_ref() }
        .announce(context, flags)?;
    unknown_types::warn(context, flags)?;
    let ready = flags.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose()?;
    let command = match secret {
        Some(secret) => Running::start(&flags.command, &url, &secret, output)?,
        None => None,
    };

    let view = View::open(output);
    let (end, ending) = watch::channel(false);
    let floor = Rc::new(Floor {
        receiver: Receiver::new(verifier, policy(flags), log.map(|opened| opened.log)),
        on_invalid: flags.on_invalid,
        scripts: Scripts::of(flags),
        onward,
        flights: Rc::new(Flights::new(ending)),
        output,
        sights: view.sender(),
        counter: Rc::default(),
        complaints: Complaints::new(view.sender()),
        expectation: expectation.clone(),
        events: flags.types.clone(),
    });
    let timeout = flags.timeout.filter(|span| !span.0.is_zero());
    let until = Until { signals, timeout, expectation: expectation.as_deref(), command };
    let over = async {
        let ending = until.over().await;
        let _ = end.send(true);
        ending
    };
    let (summary, ending) = serve(listener, floor, over).await?;
    drop(ready);
    view.close()?;
    conclude(output, summary, ending.exit(expectation.as_deref(), timeout), expectation.is_some())
}

/// Binds the address; returns the listener and its URL.
async fn bind(context: &Context, flags: &ListenArgs, passthrough: bool) -> Result<(Listener, String)> {
    let address = match flags.port {
        Some(port) => Address { port, ..Address::default() },
        None => context.config.address(flags.address.clone()),
    };
    let settings = settings(context, flags, &address.host, passthrough)?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let listener = Listener::bind(&address.host, address.port, settings, context.clock)
        .await
        .map_err(|error| cannot_listen(&address, &error))?;
    let url = format!("{scheme}://{}", listener.address());
    Ok((listener, url))
}

fn policy(flags: &ListenArgs) -> InvalidPolicy {
    match flags.on_invalid {
        OnInvalid::Reject => InvalidPolicy::Reject,
        OnInvalid::Accept | OnInvalid::Forward => InvalidPolicy::Accept,
    }
}

/// Prints the summary, and the reason if the exit code is not 0.
fn conclude(output: Output, mut summary: Summary, end: (Exit, Option<String>), expecting: bool) -> Result<Exit> {
    let (exit, reason) = end;
    let standing = match exit {
        _ if reason.is_none() => "met",
        Exit::No => "broken",
        _ => "unmet",
    };
    summary.expectation = expecting.then_some(standing);
    output.object(&summary)?;
    output.last_status(&summary.in_words());
    if let Some(reason) = reason {
        output.annotate("whk listen", &reason)?;
        output.error(&Error::new(reason));
    }
    Ok(exit)
}

fn settings(context: &Context, flags: &ListenArgs, host: &str, passthrough: bool) -> Result<ListenerConfig> {
    let limits = RequestLimits {
        max_body: context.config.max_body(flags.max_body),
        header_timeout: HEADERS_WITHIN,
        body_timeout: BODY_WITHIN,
    };
    // A provider that knows the public URL sends its host.
    let public = flags.public_url.as_ref().and_then(|url| url.url().host_str().map(str::to_owned));
    let allowed_hosts = context.config.allowed_hosts(&flags.allowed_hosts).into_iter().chain(public).collect();
    Ok(ListenerConfig { limits, allowed_hosts, passthrough, tls: tls::config(context, flags, host)? })
}

/// Returns the verifier of requests. The secret that a command was given can sign for every provider that can read it.
fn verifier(context: &Context, flags: &ListenArgs, given: Option<Secret>) -> Result<Verifier<'static>> {
    crate::config::given(&flags.identity)?;
    let (config, output, identity) = (Arc::clone(&context.config), context.output, flags.identity.clone());
    let secrets = move |provider: &Provider| {
        let mut found = super::secrets(&config, output, &identity, provider, super::NoSecret::Make)?;
        let more = given.iter().filter(|secret| !found.contains(secret));
        let more: Vec<Secret> = more.filter(|secret| can_read(provider, secret)).cloned().collect();
        found.extend(more);
        Ok(found)
    };
    let wanted = flags.identity.provider.clone();
    let tolerance = context.config.listen_tolerance(flags.tolerance);
    let verifier =
        Verifier::new(Rc::clone(&context.catalog), wanted, context.config.provider(), Box::new(secrets), tolerance);
    let verifier = verifier
        .diagnosis_budget(DiagnosisBudget::RECEIVER)
        .public_url(flags.public_url.as_ref().map(|url| url.url().to_string()));
    if let Some((provider, advice)) = verifier.preload()? {
        for advice in advice {
            context.output.status(&format!("note: {} of {}", advice, provider.title));
        }
    }
    Ok(verifier)
}

fn can_read(provider: &Provider, secret: &Secret) -> bool {
    Keyring::new(&provider.scheme, std::slice::from_ref(secret)).is_ok()
}

/// Returns the secret that a command can sign with: the provider's, or that of Standard Webhooks.
fn secret_of_command(context: &Context, flags: &ListenArgs) -> Result<Secret> {
    let name = flags.identity.provider.clone().or_else(|| context.config.provider());
    let provider = context.catalog.load(&name.unwrap_or_else(|| ProviderRef::default_edition("standard")))?;
    let secrets = context.secrets(&flags.identity, &provider)?;
    secrets.into_iter().next().ok_or_else(|| Error::new(format!("no secret of {}", provider.name)))
}

async fn serve(
    listener: Listener,
    floor: Rc<Floor>,
    over: impl Future<Output = Result<Ending>>,
) -> Result<(Summary, Ending)> {
    let (counter, flights) = (Rc::clone(&floor.counter), Rc::clone(&floor.flights));
    let (refusals, sights) = (Rc::clone(&counter), floor.sights.clone());
    let refused = move |refusal: RejectedRequest| {
        refusals.refused();
        sights.refused(refusal);
    };
    let mut ending = None;
    let stop = async { ending = Some(over.await) };
    listener.serve(async move |arrival| floor.answer(arrival).await, refused, stop).await;
    flights.all_landed().await;
    let ending = ending.unwrap_or_else(|| Err(Error::new("the listener ended unexpectedly")))?;
    Ok((counter.summary(), ending))
}

fn cannot_listen(address: &Address, error: &std::io::Error) -> Error {
    let wrong = Error::new(format!("cannot listen on {address}"));
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            wrong.cause(format!("port {} is in use", address.port)).hint("for any free port: whk listen 0")
        }
        std::io::ErrorKind::PermissionDenied => {
            wrong.cause(error).hint("ports below 1024 need privileges; for any free port: whk listen 0")
        }
        std::io::ErrorKind::AddrNotAvailable => wrong
            .cause(format!("{} is not an address of this machine", address.host))
            .hint(format!("for all its addresses: whk listen 0.0.0.0:{}", address.port)),
        _ => wrong.cause(error),
    }
}
