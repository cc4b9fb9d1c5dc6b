//! `whk serve`: its arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ServeAddress;
use crate::delivery::{Pace, TimeScale};
use crate::provider::ProviderRef;

/// `whk serve`
#[derive(Args, Debug)]
#[command(
    after_help = "\
Examples:
  whk serve                         every API on 127.0.0.1:9460
  whk serve -p selfmx --data whk.db
  whk serve 0 --api-key test --speed 60 --json",
    after_long_help = "\
Examples:
  whk serve                         every API on 127.0.0.1:9460
  whk serve -p selfmx --data whk.db
  whk serve 0 --api-key test --speed 60 --json

Set the base URL of your API client to the address, and its key to the one that
is printed. Each API is at its provider's own paths, such as /v1/webhooks. If
several providers have the same paths, the first -p has them, else the first of
the list in `whk serve --help`; the others are below their names, such as
/autosend/v1/webhooks. A page at / shows webhooks, deliveries and requests."
)]
pub struct ServeArgs {
    /// PORT or HOST:PORT [default: 127.0.0.1:9460]
    ///
    /// The address to listen on. A bare port is reachable from this machine only. Port 0 is any free port.
    #[arg(value_name = "ADDR")]
    pub address: Option<ServeAddress>,
    /// Provider: NAME or NAME@EDITION (repeatable) [default: all that have an API]
    #[arg(short, long = "provider", value_name = "NAME")]
    pub providers: Vec<ProviderRef>,
    /// Key that the APIs accept [default: a new one, which is printed]
    ///
    /// With --data, a key that was made is kept in the file. Other users of the machine can see a key on the command line,
    /// but not in WHK_API_KEY.
    #[arg(long, value_name = "KEY", env = "WHK_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// Keep webhooks and deliveries in this file [default: in memory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub data: Option<PathBuf>,
    /// Speed up retries by N (max = no waiting) [default: 1]
    #[arg(long, value_name = "N|max")]
    pub speed: Option<TimeScale>,
    /// Play scenarios by itself at this rate, such as 6/m
    ///
    /// Each is a random scenario of a provider that has webhooks; the times between its events are divided by --speed.
    #[arg(long, value_name = "RATE", value_parser = Pace::rate)]
    pub autoplay: Option<Pace>,
    /// Reject calls beyond the rate limits that the providers document
    ///
    /// SelfMX has 100 calls a minute, AutoSend 2 a second; the next one is 429 with `retry-after`. The others document none.
    #[arg(long, hide_short_help = true)]
    pub rate_limits: bool,
    /// Do not verify the TLS certificates of handlers
    #[arg(short = 'k', long, hide_short_help = true)]
    pub insecure: bool,
    /// Accept requests for this host, such as a tunnel's (repeatable)
    ///
    /// NAME, `*.NAME` for its subdomains, or `*` for any host. A loopback address accepts only requests for this machine
    /// (localhost, *.localhost, 127.0.0.0/8, ::1), so that no web page can reach it by a name of its own.
    #[arg(long = "allow-host", value_name = "NAME", hide_short_help = true)]
    pub allowed_hosts: Vec<String>,
    /// Write the address to this file once listening; it is removed at the end
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub ready_file: Option<PathBuf>,
}
