//! `whk log`: its arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{SigningArgs, TimeArg};
use crate::capture::ExportFormat;
use crate::inspect::{FieldMatch, RecordFilter, Redaction, TextSearch};
use crate::provider::{EventPattern, JsonPath, ProviderRef, StatusRanges};
use crate::secrets::SecretSource;
use crate::verification::VerdictStatus;

/// `whk log`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  whk log                                  everything that arrived
  whk log --verdict invalid --since -1h
  whk log --where data.recipient=a@example.com --last 5
  whk log -f --verdict invalid             and those that arrive
  whk log show 2                           one request in full
  whk log export 2 --format curl           the command that sends it again
  whk log diff 1 2                         two requests compared
  whk log session.har")]
pub struct LogArgs {
    /// Log, HAR, curl or raw request; - is stdin [default: listen's log]
    #[arg(value_name = "FILE", conflicts_with = "log")]
    pub file: Option<PathBuf>,
    /// The same file, for every form of the command
    #[arg(long, value_name = "FILE", hide_short_help = true, global = true)]
    pub log: Option<PathBuf>,
    /// Go on with the requests that arrive, until Ctrl-C
    ///
    /// Begins with the last 10, or with those of --last. Also goes on in the new file after the log was rotated.
    #[arg(short, long)]
    pub follow: bool,
    /// The flags that select requests.
    #[command(flatten)]
    pub selection: LogSelectionArgs,
    /// The provider and its secrets.
    #[command(flatten)]
    pub identity: LogSigningArgs,
    /// The subcommand; without one, the list.
    #[command(subcommand)]
    pub command: Option<LogCommand>,
}

/// The subcommands of `whk log`.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print requests in full, with the reason if one is not valid
    #[command(after_long_help = "\
Examples:
  whk log show 2
  whk log show --last 1 --json")]
    Show(LogShowArgs),
    /// Write requests in a form that verify and replay read
    ///
    /// jsonl is a log, json an array of its records. http has a line ### between requests, as the HTTP clients of
    /// editors read it, curl a command line for each. har is an HTTP Archive, which browsers open.
    #[command(after_long_help = "\
Examples:
  whk log export 2 --format curl
  whk log export --verdict invalid --format har >failed.har
  whk log export 2 --redact data.recipient --redact-headers
  whk log export --format http | whk verify")]
    Export(LogExportArgs),
    /// Compare two requests: headers, JSON by path, bytes
    ///
    /// The bytes of the bodies are compared if their JSON is equal. Exits with 0 if the requests are the same, with 1 if
    /// not.
    #[command(after_long_help = "\
Examples:
  whk log diff 1 2
  whk log diff wh_17eb wh_9055 --json")]
    Diff(LogDiffArgs),
}

/// `whk log diff`
#[derive(Args, Debug)]
pub struct LogDiffArgs {
    /// Number in the list, event id or its beginning, or :LINE
    #[arg(value_name = "A")]
    pub left: String,
    /// The other request
    #[arg(value_name = "B")]
    pub right: String,
}

/// `whk log export`
#[derive(Args, Debug)]
pub struct LogExportArgs {
    /// Number in the list, event id or its beginning, or :LINE [default: all that are selected]
    #[arg(value_name = "SEQ|ID")]
    pub records: Vec<String>,
    /// jsonl, http, curl, har or json [default: jsonl]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ExportFormat>,
    /// Replace this value in the JSON of each body, such as data.recipient
    ///
    /// Repeatable, or a list. What was valid is signed again if the secret is known.
    #[arg(long = "redact", value_name = "PATH", value_delimiter = ',')]
    pub paths: Vec<JsonPath>,
    /// Replace the values of these headers [default: those with credentials]
    ///
    /// Without names: authorization, proxy-authorization, cookie, set-cookie and x-api-key.
    #[arg(long = "redact-headers", value_name = "NAME,…", num_args = 0..=1, value_delimiter = ',', value_parser = header_name)]
    pub headers: Option<Vec<String>>,
}

impl LogExportArgs {
    /// Returns the values that are replaced.
    #[must_use]
    pub fn redaction(&self) -> Redaction {
        let credentials = || Redaction::CREDENTIALS.map(str::to_owned).into();
        let headers = self.headers.clone().map(|names| if names.is_empty() { credentials() } else { names });
        Redaction { paths: self.paths.clone(), headers: headers.unwrap_or_default() }
    }
}

fn header_name(text: &str) -> Result<String, String> {
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if text.is_empty() || !is_name || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is not the name of a header; write the request before this flag"));
    }
    Ok(text.to_owned())
}

/// `whk log show`
#[derive(Args, Debug)]
pub struct LogShowArgs {
    /// Number in the list, event id or its beginning, or :LINE
    #[arg(value_name = "SEQ|ID")]
    pub records: Vec<String>,
}

/// The flags that select requests: those of `replay`, and more.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Selection")]
pub struct LogSelectionArgs {
    /// Only events of this type, such as 'message.*'
    ///
    /// Repeatable.
    #[arg(short, long = "type", value_name = "GLOB", global = true)]
    pub types: Vec<EventPattern>,
    /// Only valid, invalid, unsigned or unchecked requests
    ///
    /// Repeatable, or a list: invalid,unsigned.
    #[arg(long = "verdict", value_name = "VERDICT", value_delimiter = ',', global = true)]
    pub verdicts: Vec<VerdictStatus>,
    /// Only requests that got this status when recorded
    ///
    /// 500, 5xx, 400-499, or a list of these: 5xx,429.
    #[arg(long, value_name = "STATUS", hide_short_help = true, global = true)]
    pub status: Option<StatusRanges>,
    /// Only bodies with this value, such as data.id=7
    ///
    /// A path in the JSON of the body: data.recipient, or as a JSON Pointer, /data/to/0/email. A string is compared by
    /// its text, any other value as it is written. Repeatable: all must match.
    #[arg(long = "where", value_name = "PATH=TEXT", hide_short_help = true, global = true)]
    pub fields: Vec<FieldMatch>,
    /// Only requests with this text anywhere
    ///
    /// In the target, the headers, the body, the verdict or the error of the response; a to z match in either case.
    /// Repeatable: all must match.
    #[arg(long = "grep", value_name = "TEXT", global = true)]
    pub texts: Vec<String>,
    /// Only requests received since then, such as -2h
    ///
    /// RFC 3339, unix seconds, or a duration before now.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, hide_short_help = true, global = true)]
    pub since: Option<TimeArg>,
    /// Only requests received before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, hide_short_help = true, global = true)]
    pub until: Option<TimeArg>,
    /// Only the last N of the selected requests
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), global = true)]
    pub last: Option<u64>,
    /// Only the event with this id (repeatable)
    #[arg(long = "id", value_name = "ID", hide_short_help = true, global = true)]
    pub ids: Vec<String>,
}

/// The provider and the secrets, for requests that no listener verified.
#[derive(Args, Clone, Debug)]
pub struct LogSigningArgs {
    /// Provider: NAME or NAME@EDITION [default: detected]
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "WHK_PROVIDER",
        hide_env_values = true,
        hide_short_help = true,
        global = true
    )]
    pub provider: Option<ProviderRef>,
    /// Secret: env:NAME, file:PATH or text (repeatable)
    ///
    /// For requests without a recorded verdict, and for the reason that `show` gives.
    #[arg(
        short,
        long = "secret",
        value_name = "VALUE",
        allow_hyphen_values = true,
        hide_short_help = true,
        global = true
    )]
    pub secrets: Vec<SecretSource>,
}

impl LogSigningArgs {
    /// Returns the same as the arguments of other commands.
    #[must_use]
    pub fn identity(&self) -> SigningArgs {
        SigningArgs { provider: self.provider.clone(), secrets: self.secrets.clone() }
    }
}

impl LogSelectionArgs {
    /// Returns the filter, without its times.
    #[must_use]
    pub fn filter(&self) -> RecordFilter {
        RecordFilter {
            verdicts: self.verdicts.clone(),
            types: self.types.clone(),
            ids: self.ids.clone(),
            statuses: self.status.clone(),
            fields: self.fields.clone(),
            texts: self.texts.iter().map(|text| TextSearch::new(text)).collect(),
            ..RecordFilter::default()
        }
    }

    /// True if no flag selects anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filter().is_empty() && self.since.is_none() && self.until.is_none() && self.last.is_none()
    }
}
