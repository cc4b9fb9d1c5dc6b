//! `whk replay`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::value::concurrency;
use super::{Glob, Header, Pace, Schedule, SigningArgs, StatusFilter, Time};
use crate::capture::Format;
use crate::deliver::{Endpoint, TimeScale};
use crate::provider::Edit;
use crate::span::Span;

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
pub struct ReplayArgs {
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
    pub speed: Option<TimeScale>,
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
    pub identity: SigningArgs,
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
