//! `whk listen`: its arguments.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::{Address, Glob, Route, Script, ScriptFor, SigningArgs, Size, ToleranceFlag, TypeCount};
use crate::deliver::Endpoint;
use crate::span::Span;

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
pub struct ListenArgs {
    /// Where to listen: PORT or HOST:PORT; a bare port is on this machine only, port 0 is any free one
    #[arg(value_name = "ADDR")]
    pub address: Option<Address>,
    /// Listen on this port of the loopback address; 0 is any free one
    #[arg(long, value_name = "PORT", conflicts_with = "address")]
    pub port: Option<u16>,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: SigningArgs,
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
    pub tls: Option<TlsMode>,
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
pub enum TlsMode {
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
