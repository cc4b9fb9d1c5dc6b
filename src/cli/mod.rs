//! The command line as types. A flag's comment is its help.
#![expect(clippy::doc_markdown, reason = "help is read on a terminal, where backticks and angle brackets are noise")]

mod replay;
mod respond;
mod route;
mod value;

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

pub use replay::{Schedule, StatusFilter};
pub use respond::{Act, Script, ScriptFor, Step};
pub use route::{Route, RouteTo};
pub use value::{
    Address, DEFAULT_PORT, Glob, Header, Pace, SecretSource, Size, StrictFor, Time, ToleranceFlag, TypeCount,
};

use crate::capture::Format;
use crate::deliver::{Endpoint, Speed};
use crate::output::Choice;
use crate::provider::{Edit, Name};
use crate::span::Span;

const EXIT_CODES: &str = "\
Exit codes:
  0    yes: valid, delivered, expectation met, or a normal end
  1    no: a signature is invalid, a delivery refused, an expectation broken
  2    could not run: bad usage, unreadable input, bad config, port taken
  3    the target could not be reached at all
  4    timed out waiting for what was expected
  130  interrupted before the answer was known";

/// Test webhooks offline: send signed sample events, receive and verify them, learn why a signature fails
///
/// In one terminal: `whk listen`. In another: `whk send --type message.delivered`. They verify each other with no
/// set-up.
#[derive(Debug, Parser)]
#[command(name = "whk", version, after_help = EXIT_CODES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Print JSON Lines on stdout, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// When to colour: auto, always or never; `NO_COLOR` and `CLICOLOR_FORCE` are honoured
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    pub color: Option<Choice>,
    /// Say less on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more on stderr, and show bodies unfolded
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Read this config file instead of ./whk.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Make ids, names and other random values repeatable
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// The time that is written into events and checked against: RFC 3339, unix seconds, `-10m`, `+6m`
    #[arg(long, global = true, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<Time>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Receive webhooks: verify, print and record each one
    Listen(Box<Listen>),
    /// Send signed sample events, or your own body
    Send(Box<Send>),
    /// Check captured requests and say why one fails
    Verify(Verify),
    /// Send a recorded log again, on the provider's real retry schedule
    Replay(Box<Replay>),
    /// List the events that can be sent, or show a sample of one
    Events(Events),
    /// List the providers, show one, or describe one of your own
    Providers(Providers),
    /// Show or make the secret that is used while none is configured
    Secret(SecretCommand),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write all of them into a folder
    Man(Man),
}

/// Whose events, and with which secret.
#[derive(Args, Clone, Debug)]
pub struct Identity {
    /// Whose webhooks: NAME or NAME@EDITION; may be left out where the event or the headers tell
    #[arg(short, long, value_name = "NAME[@EDITION]", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<Name>,
    /// The signing secret: its text, env:NAME or file:PATH; may be repeated
    ///
    /// Else WHK_SECRET, else the config file, else the development secret (`whk secret`). A text on the command line
    /// can be seen by other users of the machine; env: and file: cannot.
    #[arg(short, long = "secret", value_name = "VALUE", allow_hyphen_values = true)]
    pub secrets: Vec<SecretSource>,
}

/// `whk listen`
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("script").args(["respond", "respond_for"]).multiple(true)))]
#[command(after_help = "\
Examples:
  whk listen                         on 127.0.0.1:9450, any known provider
  whk listen -f 3000/hooks           verified, then passed on to your handler, and its answer back
  whk listen -p ahasend -s env:AHASEND_SECRET
  whk listen --respond 500x2,200     fails twice, to see the provider try again
  whk listen 0 --json --ready-file addr   for a script: any free port
  whk listen --expect 3 --expect-type message.delivered=2 --timeout 30s
  whk listen 0 -p ahasend --expect 1 -- npm test   WHK_URL and WHK_SECRET are set

What counts for --expect and --expect-type: a valid request that was answered 2xx, each id once, so that a \
provider's repeats of an event that your handler refused count when it takes one. What breaks it: a request that is \
refused because it is not valid, or one too many. It ends as soon as all came. Where nothing may come (=0), it ends \
at --timeout, with COMMAND, or with Ctrl-C.

COMMAND is run once requests are taken, with WHK_URL (the address) and WHK_SECRET (the secret of -p, else of the \
config's provider, else of standard; requests of other providers may be signed with it too). It is over when COMMAND \
is; what is expected and still to come has 2 more seconds then, or until --timeout. The exit code is COMMAND's where \
the expectation held (128 and the signal's number where it was killed), else 1, and 4 where --timeout ended it.

With -q only what is not valid or was not taken is shown.")]
pub struct Listen {
    /// Where to listen: PORT or HOST:PORT; a bare port is on this machine only, port 0 is any free one
    #[arg(value_name = "ADDR")]
    pub address: Option<Address>,
    /// Listen on this port of the loopback address; 0 is any free one
    #[arg(long, value_name = "PORT", conflicts_with = "address")]
    pub port: Option<u16>,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: Identity,
    /// Append every request to this file, as JSON Lines [default: events.jsonl in the data folder]
    #[arg(long, value_name = "FILE", conflicts_with = "no_log")]
    pub log: Option<PathBuf>,
    /// Keep no log
    #[arg(long)]
    pub no_log: bool,
    /// Answer only once the record is on the disk, so that it outlives a power cut; a crash of whk it outlives anyway
    #[arg(long, conflicts_with = "no_log")]
    pub sync: bool,
    /// Begin a new log file at this size, such as 64MiB; FILE becomes FILE.1, that becomes FILE.2, and so on
    #[arg(long, value_name = "SIZE", conflicts_with = "no_log")]
    pub rotate: Option<Size>,
    /// How many old log files to keep when rotating [default: all]
    #[arg(long, value_name = "N", conflicts_with = "no_log")]
    pub keep: Option<NonZeroU32>,
    /// Pass each valid request on to this handler, and its answer back: PORT, :PORT/PATH, HOST/PATH or a URL
    ///
    /// Method, headers and body go on byte for byte, without what is about one connection alone, and `host` is the
    /// handler's. The path of a request is put behind the URL's, and so is its query. GET requests and handshakes are
    /// passed on too, signed or not.
    #[arg(short, long, value_name = "URL", visible_alias = "forward")]
    pub forward_to: Option<Endpoint>,
    /// Pass events of these types on to another path or URL instead, which is the whole path; may be repeated, the
    /// first that fits counts
    #[arg(long = "route", value_name = "GLOB=PATH")]
    pub routes: Vec<Route>,
    /// How many requests are passed on at a time [default: 1, in the order in which they come]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: Option<u16>,
    /// How long the handler may take; 0 waits for ever [default: the provider's own, or 10s]
    #[arg(long, value_name = "DUR")]
    pub forward_timeout: Option<Span>,
    /// Mark an answer that took longer, because the provider would have given up [default: the provider's own]
    #[arg(long, value_name = "DUR")]
    pub slow_after: Option<Span>,
    /// Take any certificate that handler shows
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// What to do with a request that is not valid
    #[arg(long, value_name = "WHAT", default_value = "reject")]
    pub on_invalid: OnInvalid,
    /// Answer by this script, valid or not: a list of `STATUS[xCOUNT][@DELAY]`, reset, hang, slow, short or long
    ///
    /// The last one repeats: `500x2,200` fails twice, `200@12s` is late, `503x3,reset,200`. With reset the connection
    /// breaks off, with hang nothing is answered, with slow the body trickles (over 30s, or as in slow@5s), with short
    /// and long its length is wrong. What is answered by the script is not passed on. Handshakes and GET requests without
    /// a signature are answered as ever.
    #[arg(long, value_name = "SPEC")]
    pub respond: Option<Script>,
    /// The same for events of these types only; may be repeated, the first that fits counts
    #[arg(long, value_name = "GLOB=SPEC")]
    pub respond_for: Vec<ScriptFor>,
    /// The body of what --respond and --respond-for answer [default: the words of the status]
    #[arg(long, value_name = "TEXT", requires = "script")]
    pub respond_body: Option<String>,
    /// The address by which the provider knows this endpoint, for schemes that sign the URL
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Endpoint>,
    /// How far a timestamp may be from the clock, either way: a length of time, or `none`
    #[arg(long, value_name = "DUR|none")]
    pub tolerance: Option<ToleranceFlag>,
    /// The largest body that is taken, such as 256KiB [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    pub max_body: Option<Size>,
    /// Take requests for this host as well, such as a tunnel's: NAME, `*.NAME` or `*`; may be repeated
    ///
    /// On a loopback address only requests for this machine (localhost, *.localhost, 127.0.0.0/8, ::1) are taken, so
    /// that no page in a browser can reach it by a name of its own. The host of --public-url is taken too.
    #[arg(long = "allow-host", value_name = "NAME")]
    pub allowed_hosts: Vec<String>,
    /// Speak https with a certificate that is made once and kept in the data folder
    #[arg(long, value_name = "HOW", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub tls: Option<Tls>,
    /// Speak https with the certificate chain in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, in a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Write the address to this file once requests are taken; it is removed at the end
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Show only events of this type, or of a pattern such as 'message.*'; may be repeated
    ///
    /// The others are recorded, answered and counted all the same; the summary says how many were not shown.
    #[arg(short, long, value_name = "GLOB", value_delimiter = ',')]
    pub events: Vec<Glob>,
    /// End once this many requests were accepted; see below for what counts
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// Expect this many events of a type or pattern [default: 1]; may be repeated
    #[arg(long = "expect-type", value_name = "TYPE[=N]")]
    pub expected_types: Vec<TypeCount>,
    /// End after this time: exit 4 where something that was expected did not come; 0 waits for ever
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Span>,
    /// A command to run once requests are taken; it is over when the command is
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// It is made here, and nobody else vouches for it
    SelfSigned,
}

/// What to do with a request that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInvalid {
    /// Answer as the provider's own samples do: 400 or 401
    Reject,
    /// Take it as if it were valid
    Accept,
    /// Pass it on and answer as the handler does, which needs --forward-to
    Forward,
}

/// `whk send`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk send --type message.delivered
  whk send :3000/hooks --type 'message.*' --set data.recipient=me@example.com
  whk send :3000/hooks -p standard -s env:SECRET -d @body.json
  whk send --type all -p ahasend --dry-run --format curl")]
pub struct Send {
    /// The handler: PORT, :PORT/PATH, HOST/PATH or a URL [default: WHK_URL, else http://127.0.0.1:9450/]
    #[arg(value_name = "URL", env = "WHK_URL", hide_env = true)]
    pub url: Option<Endpoint>,
    /// The type of event; may be repeated, may be a pattern such as 'message.*', or `all`
    #[arg(short, long = "type", value_name = "TYPE", required_unless_present_any = ["data", "scenario"])]
    pub types: Vec<Glob>,
    /// Send the events of one life in order, such as `hard-bounce`; `whk events` names them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["types", "data"])]
    pub scenario: Option<String>,
    /// How fast: original keeps a scenario's own times, asap, or a rate such as 10/s [default: asap]
    #[arg(long, value_name = "PACE")]
    pub pace: Option<Pace>,
    /// Send this many a second, such as 50/s or 30/m
    #[arg(long, value_name = "N/s", conflicts_with = "pace", value_parser = Pace::rate)]
    pub rate: Option<Pace>,
    /// Go on for this long, instead of a number of times
    #[arg(long, value_name = "DUR", conflicts_with_all = ["count", "dry_run"])]
    pub duration: Option<Span>,
    /// How many attempts may be under way at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = concurrency)]
    pub concurrency: usize,
    /// Try again what fails, on the provider's own schedule
    #[arg(long)]
    pub retry: bool,
    /// Divide every wait by this number, such as 60; max waits for nothing [default: 1]
    #[arg(long, value_name = "N|max")]
    pub speed: Option<Speed>,
    /// Send the events in random order
    #[arg(long, conflicts_with = "data")]
    pub shuffle: bool,
    /// Send each request twice, as a provider does whose first attempt was lost
    #[arg(long)]
    pub duplicate: bool,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: Identity,
    /// Give a field of the sample another value: PATH=TEXT, or PATH:=JSON
    #[arg(long = "set", value_name = "PATH=TEXT", value_parser = Edit::set, conflicts_with = "data")]
    pub sets: Vec<Edit>,
    /// Take a field of the sample away
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, conflicts_with = "data")]
    pub unsets: Vec<Edit>,
    /// Send your own body, byte for byte: @FILE, - for stdin, or the text itself
    #[arg(short, long, value_name = "@FILE|-|TEXT", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// Add a header, or replace one
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// The id of the event, instead of a new one
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// The time that is signed: RFC 3339, unix seconds, `-10m`, `+6m` [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub timestamp: Option<Time>,
    /// Send each event this many times, each with an id of its own
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: u64,
    /// Make every request wrong in one way, to see that the handler refuses it
    #[arg(long, value_name = "NAME")]
    pub fault: Option<Fault>,
    /// How long to wait for an answer; 0 waits for ever [default: the provider's own]
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Span>,
    /// Take any certificate the handler shows
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Print the requests instead of sending them
    #[arg(long)]
    pub dry_run: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", requires = "dry_run", default_value = "http")]
    pub format: PrintFormat,
}

/// How many may be under way: beyond this, most systems have no more sockets.
fn concurrency(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| format!("`{text}` is not a number from 1 to 10000"))
}

/// What is made wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// One character of the body is another than was signed
    TamperedBody,
    /// Signed with another secret
    WrongSecret,
    /// Without the signature header
    MissingSignature,
    /// Without the id header
    MissingId,
    /// Without the timestamp header
    MissingTimestamp,
    /// With a signature header that cannot be parsed
    MalformedSignature,
    /// Signed rightly, too long ago
    Expired,
    /// Signed rightly, too far ahead
    Future,
    /// The same JSON with its keys sorted, as a framework writes it anew
    ReserializedBody,
    /// The body ends half-way
    TruncatedBody,
}

/// How a request is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrintFormat {
    /// As it goes over the wire
    Http,
    /// As a command line for a POSIX shell
    Curl,
    /// As JSON Lines that `whk verify` reads
    Json,
}

/// `whk replay`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk replay events.jsonl 3000 --speed 60     failures are retried as in production, 60 times as fast
  whk replay events.jsonl 3000 --speed max --json
  whk replay events.jsonl 3000 --status 5xx --since -2h    what failed in an outage, once
  whk replay events.jsonl 3000 --dry-run      when each attempt would be made
  whk listen --json | whk replay - 3000

A URL without a path keeps each request's own path and query; a URL with a path takes all of them.
A run that was ended is gone on with: what was delivered is not sent again. --fresh starts over.")]
pub struct Replay {
    /// What is sent again: a log, an HTTP Archive, curl command lines, a raw HTTP request; - for stdin
    #[arg(value_name = "LOG")]
    pub log: PathBuf,
    /// The handler: PORT, :PORT/PATH, HOST/PATH or a URL [default: http://127.0.0.1:9450/]
    #[arg(value_name = "URL")]
    pub url: Option<Endpoint>,
    /// What the input is: auto, http, curl, jsonl, har or json
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub format: Format,
    /// Retry on the schedule of this provider, not at all (none), or after these waits, such as \"5s,5m,30m\"
    /// [default: each record's own provider]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<Schedule>,
    /// Divide every wait by this number, such as 60; max waits for nothing [default: 1]
    #[arg(long, value_name = "N|max")]
    pub speed: Option<Speed>,
    /// How fast: original keeps the recorded gaps, asap, or a rate such as 10/s [default: asap]
    #[arg(long, value_name = "PACE")]
    pub pace: Option<Pace>,
    /// How many attempts may be under way at once; 1 keeps the order
    #[arg(long, value_name = "N", default_value = "1", value_parser = concurrency)]
    pub concurrency: usize,
    /// Only events of this type; may be repeated, may be a pattern such as 'message.*'
    #[arg(short, long = "type", value_name = "GLOB", help_heading = "Selection")]
    pub types: Vec<Glob>,
    /// Only what was answered so when it was recorded: 500, 5xx, 400-499, or a list of these
    #[arg(long, value_name = "STATUS", help_heading = "Selection")]
    pub status: Option<StatusFilter>,
    /// Only what was received at this time or later: RFC 3339, unix seconds, `-2h`
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection")]
    pub since: Option<Time>,
    /// Only what was received before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection")]
    pub until: Option<Time>,
    /// Only the last N of those
    #[arg(long, value_name = "N", help_heading = "Selection", value_parser = clap::value_parser!(u64).range(1..))]
    pub last: Option<u64>,
    /// Only the event with this id; may be repeated
    #[arg(long = "id", value_name = "ID", help_heading = "Selection")]
    pub ids: Vec<String>,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: Identity,
    /// Sign everything anew, also what was not valid [default: what was valid, where the secret is known]
    #[arg(long, conflicts_with = "verbatim")]
    pub resign: bool,
    /// Send the recorded bytes and headers, old signatures included
    #[arg(long)]
    pub verbatim: bool,
    /// Give a field of each body another value: PATH=TEXT, or PATH:=JSON
    #[arg(long = "set", value_name = "PATH=TEXT", value_parser = Edit::set, conflicts_with = "verbatim")]
    pub sets: Vec<Edit>,
    /// Take a field of each body away
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, conflicts_with = "verbatim")]
    pub unsets: Vec<Edit>,
    /// Add a header, or replace one
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<Header>,
    /// Keep what was done in this file, and go on from it [default: LOG.replay]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Start over: forget what an earlier run did
    #[arg(long)]
    pub fresh: bool,
    /// How long to wait for an answer; 0 waits for ever [default: the provider's own]
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Span>,
    /// Take any certificate the handler shows
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Send nothing; print when each attempt would be made, were all of them to fail
    #[arg(long)]
    pub dry_run: bool,
    /// Write a page that draws every delivery's attempts over the provider's time
    #[arg(long, value_name = "FILE.html", conflicts_with = "dry_run")]
    pub report: Option<PathBuf>,
    /// Exit 2 where a line of the log cannot be read; it is named in any case
    #[arg(long)]
    pub strict: bool,
}

/// `whk verify`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk verify captured.http -p ahasend -s env:AHASEND_SECRET
  pbpaste | whk verify - -s file:secret.txt
  whk verify --body body.json -H 'webhook-id: ...' -H 'webhook-timestamp: ...' -H 'webhook-signature: ...'
  pbpaste | whk verify - --format curl
  whk verify session.har --entry 3
  whk verify events.jsonl")]
pub struct Verify {
    /// The capture: a raw HTTP request, curl command lines, an HTTP Archive (HAR), a JSON record or a log; - for stdin
    #[arg(value_name = "FILE", required_unless_present = "body", conflicts_with = "body")]
    pub file: Option<PathBuf>,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: Identity,
    /// What the capture is: auto, http, curl, jsonl, har or json
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub format: Format,
    /// Check only this entry of an HTTP Archive, counted from 1
    #[arg(long, value_name = "N", conflicts_with = "body")]
    pub entry: Option<u64>,
    /// A file with the body alone, for headers given with -H
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// A header of the request, with --body
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "body")]
    pub headers: Vec<Header>,
    /// The time to check against [default: when the record was received, else now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<Time>,
    /// The address by which the provider knows this endpoint, for schemes that sign the URL
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Endpoint>,
    /// How far the timestamp may be from that time, either way: a length of time, or `none`
    #[arg(long, value_name = "DUR|none")]
    pub tolerance: Option<ToleranceFlag>,
    /// Fail as well where one of these published Standard Webhooks libraries would not take a valid request
    ///
    /// A list such as `python,ruby`, or `all`. What the other libraries would do is shown with -v, and always by
    /// --json.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub strict_for: Vec<StrictFor>,
}

/// `whk events`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk events -p ahasend
  whk events message.delivered
  whk events message.delivered -p ahasend@2026-08")]
pub struct Events {
    /// The type of event of which a sample is shown
    #[arg(value_name = "TYPE")]
    pub kind: Option<String>,
    /// Whose events: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME[@EDITION]")]
    pub provider: Option<Name>,
}

/// `whk providers`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Providers {
    /// The provider: NAME or NAME@EDITION
    #[arg(value_name = "NAME[@EDITION]")]
    pub name: Option<Name>,
    /// What to do; without a word, show.
    #[command(subcommand)]
    pub action: Option<ProvidersAction>,
}

/// What `whk providers` does.
#[derive(Debug, Subcommand)]
pub enum ProvidersAction {
    /// Write a commented start of one's own into whk-providers/NAME.toml, and print the path
    New {
        /// The name by which it is called
        name: String,
    },
    /// Check a provider's file: exit 0, or 2 with file and line
    Check {
        /// The file, or the folder that holds provider.toml
        path: PathBuf,
    },
}

/// `whk secret`
#[derive(Args, Debug)]
pub struct SecretCommand {
    /// What to do; without a word, show.
    #[command(subcommand)]
    pub action: Option<SecretAction>,
    /// The flags of `show`.
    #[command(flatten)]
    pub show: SecretFlags,
}

/// What `whk secret` does.
#[derive(Debug, Subcommand)]
pub enum SecretAction {
    /// Print the secret that send and listen use
    Show(SecretFlags),
    /// Print a new secret in the provider's own format; nothing is stored
    New(NewSecret),
}

/// Whose secret, and in which form.
#[derive(Args, Debug)]
pub struct SecretFlags {
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: Identity,
    /// Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)
    #[arg(long = "for", value_name = "LIBRARY")]
    pub library: Option<Library>,
}

/// `whk secret new`
#[derive(Args, Debug)]
pub struct NewSecret {
    /// Whose webhooks: NAME or NAME@EDITION
    #[arg(short, long, value_name = "NAME[@EDITION]", env = "WHK_PROVIDER", hide_env_values = true)]
    pub provider: Option<Name>,
    /// Print the form for these: standard-webhooks (stock libraries), public-key (receivers of a key pair)
    #[arg(long = "for", value_name = "LIBRARY")]
    pub library: Option<Library>,
    /// Make a key pair instead of a shared secret, where the provider can sign with one
    #[arg(long)]
    pub pair: bool,
}

/// Libraries that take a secret in a form of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// The published Standard Webhooks libraries, all of them: `whsec_` and base64
    StandardWebhooks,
    /// Whoever checks signatures made with a key pair: its public half
    PublicKey,
}

/// `whk completions`
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `whk man`
#[derive(Args, Debug)]
pub struct Man {
    /// Write the page of every command into this folder, which is made where it is missing
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}
