//! `whk listen`: receive, verify, print, record.

mod banner;
mod child;
mod inspector_page;
mod open_log;
mod options;
mod shutdown;
mod tls;
mod unknown_types;

use std::rc::Rc;

use tokio::sync::watch;

use super::CommandContext;
use super::address::cannot_listen;
use super::ready_file::ReadyFile;
use super::signals::Signals;
use crate::cli::{ListenAddress, ListenArgs};
use crate::error::{Error, ExitStatus, Result};
use crate::http::server::Listener;
use crate::output::Output;
use crate::provider::{Provider, ProviderRef};
use crate::receiver::{
    Expectation, ForwardResponder, InFlight, Pipeline, PipelineParts, Receiver, ReceiverEvent, ReceiverStats,
    ReceiverSummary,
};
use crate::report::{LiveReporter, secret_hint};
use crate::secrets::MissingSecret;
use crate::signing::{Keyring, Secret};
use crate::verification::{DiagnosisBudget, Verifier};
use banner::Banner;
use child::ChildCommand;
use inspector_page::InspectorPage;
use open_log::OpenLog;
use shutdown::{StopConditions, Stopped};

pub(super) fn run(context: &CommandContext, args: &ListenArgs) -> Result<ExitStatus> {
    super::block_on(listen(context, args))?
}

async fn listen(context: &CommandContext, args: &ListenArgs) -> Result<ExitStatus> {
    let output = context.output;
    let expectation = Expectation::from_options(options::expectation(args))?.map(Rc::new);
    let secret = if args.command.is_empty() { None } else { Some(child_secret(context, args)?) };
    let verifier = verifier(context, args, secret.clone())?;
    let forward = options::forward(context, args)?;
    // Signals are caught before the address is announced.
    let signals = Signals::catch()?;
    if let Some(path) = &args.ready_file {
        ReadyFile::remove_stale(path);
    }
    // The address comes first: a port in use is a more useful error than a log in use.
    let (listener, url) = bind(context, args, forward.is_some()).await?;
    let log = OpenLog::open(context, args, listener.address().port())?;
    let page = InspectorPage::open(args, log.as_ref().map(OpenLog::path))?;
    let handler = forward.as_ref().map(|forward| &forward.handler);
    let ui = page.as_ref().map(|page| page.url.as_str());
    Banner { url: &url, address: listener.address(), ui, log: log.as_ref(), handler }.print(context, args)?;
    unknown_types::warn(context, args)?;
    let feed = page.as_ref().map(|page| page.feed.clone());
    let page = page.map(|page| page.start(context, args, secret.clone(), &url, listener.address())).transpose()?;
    let ready = args.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose()?;
    let command = match secret {
        Some(secret) => ChildCommand::start(&args.command, &url, &secret, output)?,
        None => None,
    };

    let (shutdown_tx, shutdown) = watch::channel(false);
    let (stats, in_flight) = (Rc::<ReceiverStats>::default(), Rc::new(InFlight::new(shutdown)));
    let uses_development_secret = context.development_secret_check(&args.identity);
    // An unreadable secret has been reported: the request was verified with it.
    let hint = move |provider: &Provider| {
        let development = uses_development_secret(provider).unwrap_or_default();
        development.then(|| secret_hint(provider, "whk listen"))
    };
    let reporter = Rc::new(LiveReporter::new(output, args.types.clone(), Rc::clone(&stats), hint));
    let parts = PipelineParts {
        receiver: Receiver::new(verifier, options::policy(args), log.map(|opened| opened.log)),
        script: options::scripts(args),
        forward: forward.map(ForwardResponder::new),
        in_flight: Rc::clone(&in_flight),
        stats: Rc::clone(&stats),
        expectation: expectation.clone(),
    };
    let subscriber = Rc::clone(&reporter);
    let pipeline = Pipeline::new(parts, move |event| {
        if let Some(feed) = &feed {
            feed.on_event(&event);
        }
        subscriber.on_event(event);
    });
    let timeout = args.timeout.filter(|span| !span.0.is_zero());
    let conditions = StopConditions { signals, timeout, expectation: expectation.as_deref(), command };
    let stopped = async {
        let stopped = conditions.wait().await;
        let _ = shutdown_tx.send(true);
        stopped
    };
    let stopped = serve(listener, pipeline, stopped).await;
    in_flight.drained().await;
    let stopped = stopped?;
    drop((ready, page));
    reporter.close()?;
    finish(output, stats.summary(), stopped.exit(expectation.as_deref(), timeout), expectation.is_some())
}

/// Binds the address; returns the listener and its URL.
async fn bind(context: &CommandContext, args: &ListenArgs, passthrough: bool) -> Result<(Listener, String)> {
    let address = match args.port {
        Some(port) => ListenAddress { port, ..ListenAddress::default() },
        None => context.config.address(args.address.clone()),
    };
    let config = options::listener(context, args, &address.host, passthrough)?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let listener = Listener::bind(&address.host, address.port, config, context.clock)
        .await
        .map_err(|error| cannot_listen("whk listen", &address, &error))?;
    let url = format!("{scheme}://{}", listener.address());
    Ok((listener, url))
}

/// Prints the summary, and the reason if the exit code is not 0.
fn finish(
    output: Output,
    mut summary: ReceiverSummary,
    end: (ExitStatus, Option<String>),
    expecting: bool,
) -> Result<ExitStatus> {
    let (exit, reason) = end;
    let result = match exit {
        _ if reason.is_none() => "met",
        ExitStatus::Failure => "broken",
        _ => "unmet",
    };
    summary.expectation = expecting.then_some(result);
    output.print_json(&summary)?;
    output.final_status(&summary.to_string());
    if let Some(reason) = reason {
        output.annotate("whk listen", &reason)?;
        output.error(&Error::new(reason));
    }
    Ok(exit)
}

/// Returns the verifier of requests. The secret that a command was given can sign for every provider that can read it.
fn verifier(context: &CommandContext, args: &ListenArgs, given: Option<Secret>) -> Result<Verifier<'static>> {
    let lookup = context.secret_lookup(&args.identity, MissingSecret::Create)?;
    let secrets = move |provider: &Provider| {
        let found = lookup(provider)?;
        Ok(with_given_secret(provider, found, given.as_ref()))
    };
    let wanted = args.identity.provider.clone();
    let tolerance = context.config.listen_tolerance(args.tolerance);
    let verifier =
        Verifier::new(Rc::clone(&context.catalog), wanted, context.config.provider(), Box::new(secrets), tolerance);
    let verifier = verifier
        .diagnosis_budget(DiagnosisBudget::RECEIVER)
        .public_url(args.public_url.as_ref().map(|url| url.url().to_string()));
    if let Some((provider, advice)) = verifier.preload()? {
        for advice in advice {
            context.output.status(&format!("note: {} of {}", advice, provider.title));
        }
    }
    Ok(verifier)
}

/// Adds the secret that a command was given, if the provider can read it.
fn with_given_secret(provider: &Provider, mut secrets: Vec<Secret>, given: Option<&Secret>) -> Vec<Secret> {
    let can_read = |secret: &Secret| Keyring::new(&provider.scheme, std::slice::from_ref(secret)).is_ok();
    let more = given.filter(|secret| !secrets.contains(secret) && can_read(secret)).cloned();
    secrets.extend(more);
    secrets
}

/// Returns the secret that a command can sign with: the provider's, or that of Standard Webhooks.
fn child_secret(context: &CommandContext, args: &ListenArgs) -> Result<Secret> {
    let name = args.identity.provider.clone().or_else(|| context.config.provider());
    let provider = context.catalog.load(&name.unwrap_or_else(|| ProviderRef::default_edition("standard")))?;
    let secrets = context.secrets(&args.identity, &provider)?;
    secrets.into_iter().next().ok_or_else(|| Error::new(format!("no secret of {}", provider.name)))
}

/// Serves until the run is stopped.
async fn serve(
    listener: Listener,
    pipeline: Pipeline<impl Fn(ReceiverEvent) + 'static>,
    stopped: impl Future<Output = Result<Stopped>>,
) -> Result<Stopped> {
    let pipeline = Rc::new(pipeline);
    let rejecting = Rc::clone(&pipeline);
    let mut result = None;
    let shutdown = async { result = Some(stopped.await) };
    let handler = async move |request| pipeline.handle(request).await;
    listener.serve(handler, move |request| rejecting.reject(request), shutdown).await;
    result.unwrap_or_else(|| Err(Error::new("the listener ended unexpectedly")))
}
