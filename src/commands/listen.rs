//! `whk listen`: receive, verify, print, record.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::{Context, development};
use crate::capture::{Log, Record};
use crate::cli::{Address, Listen, OnInvalid};
use crate::error::{Error, Exit, Result};
use crate::output::{Output, Volume, clean, request_lines};
use crate::provider::{Effort, Judge, Name};
use crate::receive::{Dealt, Desk, Limits, Listener, Policy, Refusal};

/// How long headers and body may take; what the field's other receivers allow is 10 to 60 s.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// How many requests the view may be behind before it skips some.
const BEHIND: usize = 1024;

#[derive(Serialize)]
#[serde(tag = "kind", rename = "ready")]
struct Ready<'a> {
    url: &'a str,
    pid: u32,
    log: Option<&'a Path>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(tag = "kind", rename = "summary")]
struct Summary {
    received: u64,
    valid: u64,
    invalid: u64,
    unsigned: u64,
    duplicates: u64,
    refused: u64,
}

/// What the view shows.
enum Sight {
    Request(Box<Record>, (Option<String>, Option<String>)),
    Refused(Refusal),
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
    let stop = stopped()?;
    let log = open_log(context, &flags)?;
    let limits = Limits {
        body: context.config.max_body(flags.max_body),
        headers_within: HEADERS_WITHIN,
        body_within: BODY_WITHIN,
    };
    let listener = Listener::bind(&address.host, address.port, limits, context.clock)
        .await
        .map_err(|error| cannot_listen(&address, &error))?;
    let bound = listener.address().map_err(|error| Error::new("cannot listen").cause(error))?;
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
    context.output.last_status(&in_words(&summary));
    Ok(Exit::Yes)
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
    let summary = Rc::new(Cell::new(Summary::default()));
    let desk = RefCell::new(desk);
    let unwritten = Cell::new(false);
    let (counted, sights) = (Rc::clone(&summary), view.sender());
    let answer = move |arrival: crate::receive::Arrival| match desk.borrow_mut().deal(arrival.capture) {
        Ok(dealt) => {
            counted.set(count(counted.get(), &dealt));
            if let Some(error) = dealt.unwritten.filter(|_| !unwritten.replace(true)) {
                output.error(&error);
            }
            sights.show(Sight::Request(Box::new(dealt.record), dealt.people));
            dealt.reply
        }
        Err(error) => {
            output.error(&error);
            crate::receive::Reply { status: 500, content_type: "text/plain".to_owned(), body: bytes::Bytes::new() }
        }
    };
    let (counted, sights) = (Rc::clone(&summary), view.sender());
    let refused = move |refusal: Refusal| {
        let mut summary = counted.get();
        summary.refused += 1;
        counted.set(summary);
        sights.show(Sight::Refused(refusal));
    };
    listener.serve(answer, refused, stop).await;
    summary.get()
}

fn count(mut summary: Summary, dealt: &Dealt) -> Summary {
    summary.received += 1;
    match dealt.record.verdict.status.as_str() {
        "valid" => summary.valid += 1,
        "invalid" => summary.invalid += 1,
        "unsigned" => summary.unsigned += 1,
        _ => {}
    }
    summary.duplicates += u64::from(dealt.record.duplicate);
    summary
}

fn in_words(summary: &Summary) -> String {
    let mut parts = vec![format!("{} received", summary.received)];
    for (count, what) in [
        (summary.valid, "valid"),
        (summary.invalid, "invalid"),
        (summary.unsigned, "unsigned"),
        (summary.duplicates, if summary.duplicates == 1 { "duplicate" } else { "duplicates" }),
        (summary.refused, "refused"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
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

/// The file that says where requests are taken; it is gone when they no longer are.
struct ReadyFile(PathBuf);

impl ReadyFile {
    fn write(path: &Path, url: &str) -> Result<Self> {
        let cannot = |error| Error::new(format!("cannot write the ready file {}", path.display())).cause(error);
        // Renamed into place, so that a reader never sees half of it.
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", std::process::id()));
        fs::write(&draft, format!("{url}\n")).map_err(cannot)?;
        if let Err(error) = fs::rename(&draft, path) {
            let _ = fs::remove_file(&draft);
            return Err(cannot(error));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Ends with Ctrl-C or SIGTERM.
fn stopped() -> Result<impl Future<Output = ()>> {
    let cannot = |error| Error::new("cannot catch signals").cause(error);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        Ok(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        })
    }
    #[cfg(not(unix))]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c().map_err(cannot)?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}

/// Prints on a thread of its own, so that a slow terminal never slows the receiver.
struct View {
    sights: Sights,
    printer: thread::JoinHandle<Result>,
}

/// The way to the view. People's lines are skipped when it is far behind, and counted; JSON lines never are.
#[derive(Clone)]
struct Sights {
    sender: SyncSender<Sight>,
    skipped: std::sync::Arc<std::sync::atomic::AtomicU64>,
    lossless: bool,
}

impl View {
    fn open(output: Output) -> Self {
        let (sender, receiver) = mpsc::sync_channel(BEHIND);
        let skipped = std::sync::Arc::default();
        let sights = Sights { sender, skipped: std::sync::Arc::clone(&skipped), lossless: output.json };
        let printer = thread::spawn(move || print(output, &receiver, &skipped));
        Self { sights, printer }
    }

    fn sender(&self) -> Sights {
        self.sights.clone()
    }

    /// Waits until everything is printed.
    fn close(self) -> Result {
        drop(self.sights);
        self.printer.join().unwrap_or_else(|_| Err(Error::new("the view ended unexpectedly")))
    }
}

impl Sights {
    fn show(&self, sight: Sight) {
        if self.lossless {
            let _ = self.sender.send(sight);
        } else if let Err(TrySendError::Full(_)) = self.sender.try_send(sight) {
            self.skipped.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

fn print(output: Output, sights: &Receiver<Sight>, skipped: &std::sync::atomic::AtomicU64) -> Result {
    // After a write fails the channel is still emptied, or the receiver would wait for ever.
    let mut result = Ok(());
    for sight in sights {
        if result.is_ok() {
            result = print_one(output, &sight);
        }
        let missed = skipped.swap(0, std::sync::atomic::Ordering::Relaxed);
        if missed > 0 {
            output.status(&format!("{missed} requests were not shown: the terminal is too slow; the log has them"));
        }
    }
    result
}

fn print_one(output: Output, sight: &Sight) -> Result {
    match sight {
        Sight::Request(record, _) if output.json => output.object(record),
        Sight::Request(record, (from, to)) => {
            let whole = output.volume == Volume::Verbose;
            let people = (from.as_deref(), to.as_deref());
            output.answer(&request_lines(record, people, output.paint, output.width(), whole).join("\n"))
        }
        Sight::Refused(refusal) => {
            let status = refusal.status.map_or_else(String::new, |status| format!("{status} "));
            let line = format!("refused {}: {status}{}", clean(&refusal.remote), clean(&refusal.reason));
            output.status(&output.status_paint.yellow(&line));
            Ok(())
        }
    }
}
