//! `whk listen`: receive, verify, print, record.

mod complaints;
mod floor;
mod ready;
mod summary;
mod view;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use super::{Context, development, signals};
use crate::capture::{Keeping, Log, Rotation};
use crate::cli::{Address, Listen, OnInvalid};
use crate::error::{Error, Exit, Result};
use crate::output::Output;
use crate::provider::{Effort, Judge, Name};
use crate::receive::{Desk, Limits, Listener, Policy, Refusal, Settings};
use floor::Floor;
use ready::ReadyFile;
use summary::{Counter, Summary};
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

pub(super) fn run(context: &Context, flags: Listen) -> Result<Exit> {
    let runtime = super::runtime()?;
    tokio::task::LocalSet::new().block_on(&runtime, listen(context, flags))
}

async fn listen(context: &Context, flags: Listen) -> Result<Exit> {
    let address = match flags.port {
        Some(port) => Address { port, ..Address::default() },
        None => context.config.address(flags.address.clone()),
    };
    let judge = judge(context, &flags)?;
    if let Some((provider, advice)) = judge.prepare()? {
        for advice in advice {
            context.output.status(&format!("note: {} of {}", advice, provider.title));
        }
    }
    // The signals are caught before anybody can know that there is something to end.
    let stop = signals::stopped()?;
    let log = open_log(context, &flags)?;
    let listener = Listener::bind(&address.host, address.port, settings(context, &flags), context.clock)
        .await
        .map_err(|error| cannot_listen(&address, &error))?;
    let bound = listener.address();
    let url = format!("http://{bound}");
    let log_path = log.as_ref().map(|log| log.path().to_owned());
    announce(context, &flags, &url, bound.ip().is_loopback(), log_path.as_deref())?;
    let ready = flags.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose()?;

    let policy = match flags.on_invalid {
        OnInvalid::Reject => Policy::Reject,
        OnInvalid::Accept => Policy::Accept,
    };
    let view = View::open(context.output);
    let summary = serve(context.output, listener, Desk::new(judge, policy, log), &view, stop).await;
    drop(ready);
    view.close()?;
    context.output.object(&summary)?;
    context.output.last_status(&summary.in_words());
    Ok(Exit::Yes)
}

fn settings(context: &Context, flags: &Listen) -> Settings {
    let limits = Limits {
        body: context.config.max_body(flags.max_body),
        headers_within: HEADERS_WITHIN,
        body_within: BODY_WITHIN,
    };
    // What is allowed to know this endpoint may also call it by its name.
    let public = flags.public_url.as_ref().and_then(|url| url.url().host_str().map(str::to_owned));
    let allowed_hosts = context.config.allowed_hosts(&flags.allowed_hosts).into_iter().chain(public).collect();
    Settings { limits, allowed_hosts, transparent: false }
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

async fn serve(
    output: Output,
    listener: Listener,
    desk: Desk<'static>,
    view: &View,
    stop: impl Future<Output = ()>,
) -> Summary {
    let counter = Rc::new(Counter::default());
    let floor = Rc::new(Floor::new(desk, output, view.sender(), Rc::clone(&counter)));
    let answer = async move |arrival| Floor::answer(&floor, arrival).await;
    let (counted, sights) = (Rc::clone(&counter), view.sender());
    let refused = move |refusal: Refusal| {
        counted.refused();
        sights.show(Sight::Refused(refusal));
    };
    listener.serve(answer, refused, stop).await;
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
    let rotate = context.config.rotate(flags.rotate);
    let keeping = Keeping {
        sync: context.config.sync(flags.sync),
        rotation: rotate.map(|size| Rotation { size: size.0, keep: context.config.keep(flags.keep) }),
    };
    let log = Log::open(&path, keeping).map_err(|error| error.hint("give another with --log FILE, or --no-log"))?;
    for remark in log.remarks() {
        context.output.status(&format!("note: {remark}"));
    }
    Ok(Some(log))
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

fn announce(context: &Context, flags: &Listen, url: &str, local: bool, log: Option<&Path>) -> Result {
    let output = context.output;
    output.object(&Ready { url, pid: std::process::id(), log })?;
    let whose = flags.identity.provider.as_ref().map_or_else(|| "any known provider".to_owned(), Name::to_string);
    let paint = output.status_paint;
    output.status(&format!("{} {}  ({whose})", paint.bold("listening on"), paint.cyan(url)));
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
