//! `whk verify`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::{Header, SigningArgs, StrictFor, Time, ToleranceFlag};
use crate::capture::Format;
use crate::deliver::Endpoint;

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
pub struct VerifyArgs {
    /// The capture: a raw HTTP request, curl command lines, an HTTP Archive (HAR), a JSON record or a log; - for stdin
    #[arg(value_name = "FILE", required_unless_present = "body", conflicts_with = "body")]
    pub file: Option<PathBuf>,
    /// Whose webhooks.
    #[command(flatten)]
    pub identity: SigningArgs,
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
