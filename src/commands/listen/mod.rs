//! `whk listen`: receive, verify, print, record.

mod flights;
mod floor;
mod onward;
mod ready;
mod script;
mod summary;
mod tls;
mod view;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::{Context, development, signals};
use crate::capture::Log;
use crate::cli::{Address, Listen, OnInvalid};
use crate::error::{Error, Exit, Result};
use crate::provider::{Effort, Judge, Name};
use crate::receive::{Desk, Limits, Listener, Policy, Refusal, Settings};
use flights::Flights;
use floor::Floor;
use onward::Onward;
use ready::ReadyFile;
use script::Scripts;
use summary::Summary;
use view::{Sight, View};

/// How long headers and body may take; what the field's other receivers allow is 10 to 60 s.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const BODY_WITHIN: Duration = Duration::from_secs(30);

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct Ready<'a> {
    url: &'a str,
    pid: u32,
    log: Option<&'a Path>,
}

pub(super) fn run(context: &Context, flags: &Listen) -> Result<Exit> {
    super::block_on(listen(context, flags))?
}

async fn listen(context: &Context, flags: &Listen) -> Result<Exit> {
    let address = match flags.port {
        Some(port) => Address { port, ..Address::default() },
        None => context.config.address(flags.address.clone()),
    };
    let judge = judge(context, flags)?;
    if let Some((provider, advice)) = judge.prepare()? {
        for advice in advice {
            context.output.status(&format!("note: {} of {}", advice, provider.title));
        }
    }
    let onward = Onward::of(flags, &context.config, context.output)?;
    // The signals are caught before anybody can know that there is something to end.
    let stop = signals::stopped()?;
    let log = open_log(context, flags)?;
    let settings = settings(context, flags, &address.host, onward.is_some())?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let listener = Listener::bind(&address.host, address.port, settings, context.clock)
        .await
        .map_err(|error| cannot_listen(&address, &error))?;
    let bound = listener.address();
    let url = format!("{scheme}://{bound}");
    let log_path = log.as_ref().map(|log| log.path().to_owned());
    announce(context, flags, &url, bound.ip().is_loopback(), log_path.as_deref(), onward.as_ref())?;
    let ready = flags.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose()?;

    let policy = match flags.on_invalid {
        OnInvalid::Reject => Policy::Reject,
        OnInvalid::Accept | OnInvalid::Forward => Policy::Accept,
    };
    let view = View::open(context.output);
    let (end, ending) = watch::channel(false);
    let floor = Floor {
        desk: Desk::new(judge, policy, log),
        on_invalid: flags.on_invalid,
        scripts: Scripts::of(flags),
        onward,
        flights: Rc::new(Flights::new(ending)),
        output: context.output,
        sights: view.sender(),
        counter: Rc::default(),
        unwritten: Cell::new(false),
    };
    let stop = async {
        stop.await;
        let _ = end.send(true);
    };
    let summary = serve(listener, Rc::new(floor), stop).await;
    drop(ready);
    view.close()?;
    context.output.object(&summary)?;
    context.output.last_status(&summary.in_words());
    Ok(Exit::Yes)
}

fn settings(context: &Context, flags: &Listen, host: &str, transparent: bool) -> Result<Settings> {
    let limits = Limits {
        body: context.config.max_body(flags.max_body),
        headers_within: HEADERS_WITHIN,
        body_within: BODY_WITHIN,
    };
    // What is allowed to know this endpoint may also call it by its name.
    let public = flags.public_url.as_ref().and_then(|url| url.url().host_str().map(str::to_owned));
    let allowed_hosts = context.config.allowed_hosts(&flags.allowed_hosts).into_iter().chain(public).collect();
    Ok(Settings { limits, allowed_hosts, transparent, tls: tls::config(context, flags, host)? })
}

fn judge(context: &Context, flags: &Listen) -> Result<Judge<'static>> {
    let wanted = flags.identity.provider.clone();
    let tolerance = context.config.listen_tolerance(flags.tolerance);
    let judge = context
        .judge(&flags.identity, wanted, context.config.provider(), tolerance, super::NoSecret::Make)?
        .effort(Effort::RECEIVER)
        .public_url(flags.public_url.as_ref().map(|url| url.url().to_string()));
    Ok(judge)
}

async fn serve(listener: Listener, floor: Rc<Floor>, stop: impl Future<Output = ()>) -> Summary {
    let (counter, flights) = (Rc::clone(&floor.counter), Rc::clone(&floor.flights));
    let (refusals, sights) = (Rc::clone(&counter), floor.sights.clone());
    let refused = move |refusal: Refusal| {
        refusals.refused();
        sights.show(Sight::Refused(refusal));
    };
    listener.serve(async move |arrival| floor.answer(arrival).await, refused, stop).await;
    flights.all_landed().await;
    counter.summary()
}

fn open_log(context: &Context, flags: &Listen) -> Result<Option<Log>> {
    if flags.no_log {
        return Ok(None);
    }
    let path: PathBuf = match context.config.log(flags.log.clone()) {
        Some(path) => path,
        None => development::data_folder()?.join("events.jsonl"),
    };
    match Log::open(&path) {
        Ok(log) => Ok(Some(log)),
        Err(error) => {
            let error = if path.is_dir() {
                Error::new(format!("cannot write the log {}", path.display())).cause("it is a folder")
            } else {
                Error::new(format!("cannot write the log {}", path.display())).cause(error)
            };
            Err(error.hint("give another with --log FILE, or --no-log"))
        }
    }
}

fn cannot_listen(address: &Address, error: &std::io::Error) -> Error {
    let wrong = Error::new(format!("cannot listen on {address}")).cause(error);
    match error.kind() {
        std::io::ErrorKind::AddrInUse => wrong.hint("another program has that port; for any free one: whk listen 0"),
        std::io::ErrorKind::PermissionDenied => {
            wrong.hint("ports below 1024 need privileges; for any free one: whk listen 0")
        }
        _ => wrong,
    }
}

fn announce(
    context: &Context,
    flags: &Listen,
    url: &str,
    local: bool,
    log: Option<&Path>,
    onward: Option<&Onward>,
) -> Result {
    let output = context.output;
    output.object(&Ready { url, pid: std::process::id(), log })?;
    let whose = flags.identity.provider.as_ref().map_or_else(|| "any known provider".to_owned(), Name::to_string);
    let paint = output.status_paint;
    output.status(&format!("{} {}  ({whose})", paint.bold("listening on"), paint.cyan(url)));
    if let Some(onward) = onward {
        output.status(&format!("{} {}", paint.bold("forwarding to"), paint.cyan(&onward.handler().to_string())));
    }
    match log {
        Some(log) => output.status(&paint.faint(&format!("recording to {}", log.display()))),
        None => output.status(&paint.faint("recording nothing")),
    }
    if !local {
        output.status(&paint.yellow("other machines can reach this address"));
    }
    output.status(&paint.faint("Ctrl-C ends it"));
    Ok(())
}
