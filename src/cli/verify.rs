//! `whk verify`: its arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{HeaderArg, LibraryFilter, SigningArgs, TimeArg, ToleranceArg};
use crate::capture::CaptureFormat;
use crate::http::client::Endpoint;
use crate::report::ReportFile;

/// `whk verify`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  whk verify captured.http -p ahasend -s env:AHASEND_SECRET
  pbpaste | whk verify -s file:secret.txt
  whk verify --body body.json -H 'x-webhook-signature: ...' -s env:SECRET
  whk verify session.har --entry 3
  whk verify events.jsonl")]
pub struct VerifyArgs {
    /// Capture, - is stdin [default: piped stdin, else listen's log]
    ///
    /// A raw HTTP request, curl command lines, an HTTP Archive (HAR), JSON as programs log requests, an API Gateway or
    /// Lambda event, or a log of `whk listen`. Of a file that grows, the part is read that is there at the start.
    #[arg(value_name = "FILE", conflicts_with = "body")]
    pub file: Option<PathBuf>,
    /// The provider and its secrets.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Input form: auto, http, curl, jsonl, har or json
    #[arg(long, value_name = "FORMAT", default_value = "auto", hide_default_value = true)]
    pub format: CaptureFormat,
    /// Check only entry N of an HTTP Archive (from 1)
    #[arg(long, value_name = "N", conflicts_with = "body")]
    pub entry: Option<u64>,
    /// File with the body alone, with headers from -H
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// Header of the request, with --body (repeatable)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", requires = "body")]
    pub headers: Vec<HeaderArg>,
    /// Time to check at [default: when received, or now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<TimeArg>,
    /// Public URL of the endpoint, for schemes that sign the URL
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub public_url: Option<Endpoint>,
    /// Allowed age of the timestamp; `none` for any
    #[arg(long, value_name = "DUR|none")]
    pub tolerance: Option<ToleranceArg>,
    /// Fail too if one of these libraries would reject it
    ///
    /// A list such as `python,ruby` of the published Standard Webhooks libraries, or `all`. -v and --json show what the
    /// others do.
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_possible_values = true)]
    pub strict_for: Vec<LibraryFilter>,
    /// Write results: .xml (JUnit), .tap, .json or .html
    ///
    /// Repeatable. The ending of the name chooses the form. The file is written when the run ends, also after a failure.
    #[arg(long = "report", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub reports: Vec<ReportFile>,
}
