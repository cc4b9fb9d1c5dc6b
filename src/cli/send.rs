//! `whk send`: its arguments.

use clap::{Args, ValueEnum};

use super::value::concurrency;
use super::{Glob, Header, Pace, SigningArgs, Time};
use crate::deliver::{Endpoint, TimeScale};
use crate::provider::Edit;
use crate::span::Span;

/// `whk send`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk send --type message.delivered
  whk send :3000/hooks -p ahasend --type 'message.*' --set data.recipient=me@example.com
  whk send :3000/hooks -p standard -s env:SECRET -d @body.json
  whk send --type all -p ahasend --dry-run --format curl")]
pub struct SendArgs {
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
    pub speed: Option<TimeScale>,
    /// Send the events in random order
    #[arg(long, conflicts_with = "data")]
    pub shuffle: bool,
    /// Send each request twice, as a provider does whose first attempt was lost
    #[arg(long)]
    pub duplicate: bool,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: SigningArgs,
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
    /// Wait until the handler accepts connections, for at most this long
    #[arg(long, value_name = "DUR", conflicts_with = "dry_run")]
    pub wait: Option<Span>,
    /// Do not verify the handler's TLS certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,
    /// Print the requests instead of sending them
    #[arg(long)]
    pub dry_run: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", requires = "dry_run", default_value = "http")]
    pub format: PrintFormat,
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
