//! `whk serve`: is the provider, on this machine.

use serde::Serialize;

use super::address::cannot_listen;
use super::ready_file::ReadyFile;
use super::signals::Signals;
use super::{CommandContext, block_on};
use crate::cli::ServeArgs;
use crate::delivery::{Pace, TimeScale};
use crate::error::{Error, ExitStatus, Result};
use crate::http::server::bind;
use crate::provider::ProviderRef;
use crate::report::ServeReporter;
use crate::server::{Server, ServerOptions, providers_with_api};

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct ReadyLine<'a> {
    url: &'a str,
    api_key: &'a str,
    ui: &'a str,
}

/// Runs the command.
pub(super) fn run(context: &CommandContext, args: &ServeArgs) -> Result<ExitStatus> {
    block_on(serve(context, args))?
}

async fn serve(context: &CommandContext, args: &ServeArgs) -> Result<ExitStatus> {
    // Signals are caught before the address is announced.
    let mut signals = Signals::catch()?;
    if let Some(path) = &args.ready_file {
        ReadyFile::remove_stale(path);
    }
    let address = context.config.serve_address(args.address.clone()).0;
    // The address comes first: a port in use is a more useful error than a file in use.
    let socket =
        bind(&address.host, address.port).await.map_err(|error| cannot_listen("whk serve", &address, &error))?;
    let bound = socket.local_addr().map_err(|error| Error::new("cannot listen").cause(error))?;
    let server = Server::new(options(context, args)?)?;
    let url = format!("http://{bound}");
    announce(context, args, &url, &server)?;
    if !bound.ip().is_loopback() {
        context.output.status(&context.output.stderr_style.yellow("warning: reachable from other machines"));
    }
    let _ready = args.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose()?;
    let shutdown = async {
        signals.next().await;
    };
    let mut reporter = ServeReporter::new(context.output, args.speed.unwrap_or(TimeScale::REAL));
    server.run(socket, shutdown, |event| reporter.on_event(event)).await?;
    if let Some(summary) = reporter.summary() {
        context.output.final_status(&summary);
    }
    Ok(ExitStatus::Success)
}

fn options(context: &CommandContext, args: &ServeArgs) -> Result<ServerOptions> {
    let mut chosen: Vec<ProviderRef> = args.providers.clone();
    if chosen.is_empty() {
        chosen = providers_with_api().into_iter().map(ProviderRef::default_edition).collect();
    }
    if args.api_key.as_deref().is_some_and(|key| key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic())) {
        return Err(Error::new("the API key is not possible")
            .cause("it is empty, or has characters that no header can carry")
            .hint("whk serve --api-key test"));
    }
    let providers = chosen.iter().map(|name| context.catalog.load(name)).collect::<Result<Vec<_>>>()?;
    for (index, provider) in providers.iter().enumerate() {
        if providers[..index].iter().any(|earlier| earlier.name == provider.name) {
            return Err(Error::new(format!("`{}` was chosen more than once", provider.name))
                .hint(format!("choose one edition: -p {}@{}", provider.name, provider.edition)));
        }
    }
    Ok(ServerOptions {
        providers,
        api_key: args.api_key.clone(),
        data: args.data.clone(),
        allowed_hosts: context.config.allowed_hosts(&args.allowed_hosts),
        clock: context.clock,
        seed: context.seed,
        jitter_seed: context.event_seed(),
        speed: args.speed.unwrap_or(TimeScale::REAL),
        autoplay: match args.autoplay {
            Some(Pace::Every(gap)) => Some(gap),
            _ => None,
        },
        rate_limits: args.rate_limits,
        insecure: args.insecure,
        catalog: {
            let shared = context.shared();
            Box::new(move || shared.context().catalog)
        },
    })
}

/// Prints the address and the key: for scripts on stdout, for people on stderr.
fn announce(context: &CommandContext, args: &ServeArgs, url: &str, server: &Server) -> Result {
    let (output, api_key) = (context.output, server.api_key());
    let ui = format!("{url}/");
    output.print_json(&ReadyLine { url, api_key, ui: &ui })?;
    let style = output.stderr_style;
    output.status(&format!("{} {}", style.bold("serving on"), style.cyan(url)));
    if args.api_key.is_none() {
        output.status(&format!("{} {api_key}", style.bold("API key")));
    }
    output.status(&format!("{} {}", style.bold("inspect at"), style.cyan(&ui)));
    match &args.data {
        Some(path) => output.status(&style.faint(&format!("keeping everything in {}", path.display()))),
        None => output.status(&style.faint("keeping everything in memory (--data FILE to keep it)")),
    }
    output.status(&style.faint("Press Ctrl-C to stop"));
    Ok(())
}
