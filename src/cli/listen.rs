//! `whk listen`: its arguments.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::{ByteSize, ListenAddress, Route, ScriptRoute, SigningArgs, ToleranceArg};
use crate::duration::HumanDuration;
use crate::http::client::Endpoint;
use crate::provider::EventPattern;
use crate::receiver::{ExpectedType, ResponseScript};

/// `whk listen`
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("script").args(["respond", "respond_for"]).multiple(true)))]
#[command(after_long_help = "\
Examples:
  whk listen                          on 127.0.0.1:9450, any known provider
  whk listen -f 3000/hooks            verify, then forward to your handler
  whk listen -p ahasend -s env:AHASEND_SECRET
  whk listen --ui                     and look at the requests in a browser
  whk listen --respond 500x2,200      fail twice, to see the provider retry
  whk listen 0 --json --ready-file addr      for a script: any free port
  whk listen --expect 3 --expect-type message.delivered=2 --timeout 30s
  whk listen 0 -p ahasend --expect 1 -- npm test

Several listeners can run side by side. The first one records to events.jsonl in
the data folder, the others to events-PORT.jsonl. A log that is named with --log
and in use is an error.

--expect and --expect-type count valid requests with a 2xx response, each id
once: a retry counts if the first attempt was rejected. A rejected invalid
request breaks the expectation, and so does one request too many. whk exits as
soon as everything was received. With a count of 0 it waits until --timeout,
COMMAND or Ctrl-C ends it.

COMMAND gets WHK_URL (the address) and WHK_SECRET (the secret of -p, else of the
default provider, else of standard; requests of other providers can be signed
with it too). whk exits when COMMAND does, after waiting up to 2 s (or
--timeout) for outstanding events. The exit code is that of COMMAND if the
expectation was met (128 plus the signal if it was killed), else 1, or 4 at
--timeout.

With -q only problems are shown: requests that are not valid or got no 2xx
response.")]
pub struct ListenArgs {
    /// PORT or HOST:PORT [default: 127.0.0.1:9450]
    ///
    /// The address to listen on. A bare port is reachable from this machine only. Port 0 is any free port.
    #[arg(value_name = "ADDR")]
    pub address: Option<ListenAddress>,
    /// Listen on this port, as ADDR does; 0 is any free port
    #[arg(long, value_name = "PORT", conflicts_with = "address", hide_short_help = true)]
    pub port: Option<u16>,
    /// The provider and the secrets.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Log file [default: events.jsonl in the data folder]
    ///
    /// Every request is appended to it as a line of JSON before it gets its response.
    #[arg(long, value_name = "FILE", conflicts_with = "no_log")]
    pub log: Option<PathBuf>,
    /// Do not write a log
    #[arg(long, hide_short_help = true)]
    pub no_log: bool,
    /// fsync each record before responding (survives power loss, not just a crash)
    #[arg(long, conflicts_with = "no_log", hide_short_help = true)]
    pub sync: bool,
    /// Rotate the log at this size, such as 64MiB (FILE → FILE.1 → FILE.2 …)
    #[arg(long, value_name = "SIZE", conflicts_with = "no_log", hide_short_help = true)]
    pub rotate: Option<ByteSize>,
    /// Number of rotated log files to keep [default: all]
    #[arg(long, value_name = "N", conflicts_with = "no_log", hide_short_help = true)]
    pub keep: Option<NonZeroU32>,
    /// Serve a page to inspect and resend requests [ADDR default: 127.0.0.1:9451]
    ///
    /// PORT or HOST:PORT. It shows every request as it arrives, with the reason why a signature is invalid. It has its own
    /// address, never that of webhooks, and only this machine can use it.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "9451", value_parser = page_address)]
    pub ui: Option<ListenAddress>,
    /// Forward valid requests to this handler
    ///
    /// PORT, :PORT/PATH, HOST/PATH or a URL; --forward means the same. The sender gets the handler's response.
    ///
    /// Method, headers and body are forwarded byte for byte, without hop-by-hop headers; `host` is the handler's. The path
    /// and query of a request are appended to those of the URL. GET requests and verification handshakes are forwarded too,
    /// signed or not.
    #[arg(short, long, value_name = "URL", alias = "forward")]
    pub forward_to: Option<Endpoint>,
    /// Forward events of this type to another path or URL (first match wins; repeatable)
    ///
    /// GLOB is a type or a pattern such as 'message.*'. PATH is the whole path: that of the request is not appended.
    #[arg(long = "route", value_name = "GLOB=PATH", hide_short_help = true)]
    pub routes: Vec<Route>,
    /// Number of requests to forward at a time [default: 1, in order of arrival]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), hide_short_help = true)]
    pub concurrency: Option<u16>,
    /// Handler timeout (0 = no limit) [default: the provider's own, or 10s]
    #[arg(long, value_name = "DUR", hide_short_help = true)]
    pub forward_timeout: Option<HumanDuration>,
    /// Flag responses slower than this [default: the provider's own timeout]
    #[arg(long, value_name = "DUR", hide_short_help = true)]
    pub slow_after: Option<HumanDuration>,
    /// Do not verify the handler's TLS certificate
    #[arg(short = 'k', long, hide_short_help = true)]
    pub insecure: bool,
    /// Invalid requests: reject, accept or forward
    ///
    /// reject responds as the provider's own samples do, with 400 or 401. accept handles them as if they were valid. forward
    /// forwards them and returns the handler's response, which needs --forward-to. [default: reject]
    #[arg(long, value_name = "WHAT", default_value = "reject", hide_default_value = true, hide_possible_values = true)]
    pub on_invalid: OnInvalid,
    /// Respond from a script such as 500x2,200 or 200@12s
    ///
    /// A list of `STATUS[xCOUNT][@DELAY]`, reset, hang, slow, short or long, for valid and invalid requests alike. The
    /// last one repeats: `500x2,200` fails twice, `200@12s` is late, `503x3,reset,200`. reset breaks the connection, hang
    /// never responds, slow sends the body slowly (over 30s, or as in slow@5s), short and long send a wrong
    /// content-length. Requests with a scripted response are not forwarded. Verification handshakes and unsigned GET
    /// requests get their usual response.
    #[arg(long, value_name = "SPEC")]
    pub respond: Option<ResponseScript>,
    /// The same for events of one type (first match wins; repeatable)
    #[arg(long, value_name = "GLOB=SPEC", hide_short_help = true)]
    pub respond_for: Vec<ScriptRoute>,
    /// Body of scripted responses [default: the reason phrase of the status]
    #[arg(long, value_name = "TEXT", requires = "script", hide_short_help = true)]
    pub respond_body: Option<String>,
    /// Public URL of this endpoint (needed by schemes that sign the URL)
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub public_url: Option<Endpoint>,
    /// Maximum age of a timestamp, in either direction, or none for any
    #[arg(long, value_name = "DUR|none", hide_short_help = true)]
    pub tolerance: Option<ToleranceArg>,
    /// Maximum size of a body, such as 256KiB [default: 1MiB]
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    pub max_body: Option<ByteSize>,
    /// Accept requests for this host, such as a tunnel's (repeatable)
    ///
    /// NAME, `*.NAME` for its subdomains, or `*` for any host. A loopback address accepts only requests for this machine
    /// (localhost, *.localhost, 127.0.0.0/8, ::1), so that no web page can reach it by a name of its own. The host of
    /// --public-url is accepted too.
    #[arg(long = "allow-host", value_name = "NAME", hide_short_help = true)]
    pub allowed_hosts: Vec<String>,
    /// Serve HTTPS with a generated self-signed certificate
    ///
    /// It is generated once and kept in the data folder, with a file that clients can trust.
    #[arg(
        long,
        value_name = "self-signed",
        conflicts_with_all = ["tls_cert", "tls_key"],
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub tls: Option<TlsMode>,
    /// Serve HTTPS with the certificate chain in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key", hide_short_help = true)]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert", hide_short_help = true)]
    pub tls_key: Option<PathBuf>,
    /// Write the address to this file once listening; it is removed at the end
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub ready_file: Option<PathBuf>,
    /// Show only events of this type or pattern
    ///
    /// A type such as message.delivered, or a pattern such as 'message.*'; repeatable. Other requests are handled and
    /// recorded as usual, and the summary counts them as not shown. -e and --events mean the same.
    #[arg(short, long = "type", value_name = "GLOB", value_delimiter = ',', alias = "events", short_alias = 'e')]
    pub types: Vec<EventPattern>,
    /// Exit once N valid requests got a 2xx response
    ///
    /// See below for what counts.
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// Expect N events of a type or pattern [default: 1] (repeatable)
    #[arg(long = "expect-type", value_name = "TYPE[=N]", hide_short_help = true)]
    pub expected_types: Vec<ExpectedType>,
    /// Exit after this time (code 4 if events are missing)
    ///
    /// Without --expect and --expect-type the code is 0. A time of 0 waits forever.
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<HumanDuration>,
    /// Run COMMAND once listening, then exit when it exits
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Reads the address of the page, which has a port of its own by default.
fn page_address(text: &str) -> Result<ListenAddress, String> {
    let address: ListenAddress = text.parse()?;
    let has_port = text.ends_with(&address.port.to_string());
    Ok(if has_port { address } else { ListenAddress { port: DEFAULT_PAGE_PORT, ..address } })
}

/// The port of the page: the one after that of webhooks.
const DEFAULT_PAGE_PORT: u16 = 9451;

/// The source of the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// Generated here, and trusted by nobody else
    SelfSigned,
}

/// The way to handle invalid requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnInvalid {
    /// Respond as the provider's own samples do: 400 or 401
    Reject,
    /// Handle it as if it were valid
    Accept,
    /// Forward it and return the handler's response (needs --forward-to)
    Forward,
}
