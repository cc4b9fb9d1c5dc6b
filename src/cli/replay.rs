//! `whk replay`: its arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::value::concurrency;
use super::{HeaderArg, ScheduleOverride, SigningArgs, TimeArg};
use crate::capture::CaptureFormat;
use crate::delivery::{Pace, TimeScale};
use crate::duration::HumanDuration;
use crate::provider::{Edit, EventPattern, StatusRanges};
use crate::report::ReportFile;

/// `whk replay`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(
    after_help = "\
Examples:
  whk replay 3000 --speed 60               listen's log, 60 times as fast
  whk replay 3000 --last 1                 only the last request
  whk replay events.jsonl 3000 --status 5xx --since -2h
  whk replay events.jsonl 3000 --dry-run   print the retry schedule",
    after_long_help = "\
Examples:
  whk replay 3000 --speed 60               listen's log, 60 times as fast
  whk replay 3000 --last 1                 only the last request
  whk replay events.jsonl 3000 --status 5xx --since -2h
  whk replay events.jsonl 3000 --speed max --json
  whk replay events.jsonl 3000 --dry-run   print the retry schedule
  whk listen --json | whk replay - 3000

A single argument is the log if it is a file, else the URL if it reads as one.
A URL without a path keeps the path and query of each request. A URL with a path
replaces them.
Interrupted runs resume: delivered events are not resent. --fresh starts over."
)]
pub struct ReplayArgs {
    /// Log, HAR, curl or raw request; - is stdin [default: listen's log]
    #[arg(value_name = "LOG")]
    pub log: Option<PathBuf>,
    /// Your handler: 3000, :3000/x or a URL [default: WHK_URL, whk.toml]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// Input format: auto, http, curl, jsonl, har or json
    #[arg(long, value_name = "FORMAT", default_value = "auto", hide_short_help = true)]
    pub format: CaptureFormat,
    /// Retry schedule: PROVIDER, none, or 5s,5m,30m
    ///
    /// The name of a provider, none for no retries, or the waits between attempts.
    /// [default: the schedule of each record's provider]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<ScheduleOverride>,
    /// Speed up retries by N (max = no waiting)
    ///
    /// Divides every wait by this factor. [default: 1]
    #[arg(long, value_name = "N|max")]
    pub speed: Option<TimeScale>,
    /// Pace of new events: original (the recorded gaps), asap, or a rate such as 10/s
    ///
    /// [default: asap]
    #[arg(long, value_name = "PACE", hide_short_help = true)]
    pub pace: Option<Pace>,
    /// Attempts in flight at once; 1 keeps the order
    #[arg(long, value_name = "N", default_value = "1", value_parser = concurrency, hide_short_help = true)]
    pub concurrency: usize,
    /// Only events of this type, such as 'message.*'
    ///
    /// Repeatable.
    #[arg(short, long = "type", value_name = "GLOB", help_heading = "Selection")]
    pub types: Vec<EventPattern>,
    /// Only requests that got this status when recorded
    ///
    /// 500, 5xx, 400-499, or a list of these: 5xx,429.
    #[arg(long, value_name = "STATUS", help_heading = "Selection")]
    pub status: Option<StatusRanges>,
    /// Only requests received since then, such as -2h
    ///
    /// RFC 3339, unix seconds, or a duration before now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection", hide_short_help = true)]
    pub since: Option<TimeArg>,
    /// Only requests received before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection", hide_short_help = true)]
    pub until: Option<TimeArg>,
    /// Only the last N of the selected requests
    #[arg(long, value_name = "N", help_heading = "Selection", value_parser = clap::value_parser!(u64).range(1..))]
    pub last: Option<u64>,
    /// Only the event with this id (repeatable)
    #[arg(long = "id", value_name = "ID", help_heading = "Selection", hide_short_help = true)]
    pub ids: Vec<String>,
    /// The provider and its secrets.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Re-sign every request, even those that were not valid
    ///
    /// [default: re-sign valid requests if the secret is known]
    #[arg(long, conflicts_with = "verbatim", hide_short_help = true)]
    pub resign: bool,
    /// Send the recorded headers and bytes, with their original signatures
    #[arg(long, hide_short_help = true)]
    pub verbatim: bool,
    /// Change a field of each body: PATH=TEXT, or PATH:=JSON
    #[arg(long = "set", value_name = "PATH=TEXT", value_parser = Edit::set, conflicts_with = "verbatim", hide_short_help = true)]
    pub sets: Vec<Edit>,
    /// Remove a field from each body
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, conflicts_with = "verbatim", hide_short_help = true)]
    pub unsets: Vec<Edit>,
    /// Add or replace a header
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", hide_short_help = true)]
    pub headers: Vec<HeaderArg>,
    /// Keep the progress in this file, and resume from it [default: LOG.replay]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub state: Option<PathBuf>,
    /// Forget the progress of an earlier run
    #[arg(long, hide_short_help = true)]
    pub fresh: bool,
    /// Timeout of each attempt; 0 means no limit [default: the provider's]
    #[arg(long, value_name = "DUR", hide_short_help = true)]
    pub timeout: Option<HumanDuration>,
    /// Wait until the handler accepts connections, for at most this long
    #[arg(long, value_name = "DUR", conflicts_with = "dry_run", hide_short_help = true)]
    pub wait: Option<HumanDuration>,
    /// Do not verify the handler's TLS certificate
    #[arg(short = 'k', long, hide_short_help = true)]
    pub insecure: bool,
    /// Print the retry schedule, send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write the results to FILE.html, .xml, .tap or .json
    ///
    /// Repeatable. The ending of the name chooses the form; .xml is JUnit, .html draws every attempt on a time line, and with --dry-run the
    /// schedule. The file is written when the run ends, also after a failure.
    #[arg(long = "report", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub reports: Vec<ReportFile>,
    /// Exit with 2 if a line of the log cannot be read
    #[arg(long, hide_short_help = true)]
    pub strict: bool,
}
