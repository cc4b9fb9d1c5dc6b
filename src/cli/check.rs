//! `whk check`: its arguments.

use std::ffi::OsString;

use clap::{Args, ValueEnum, ValueHint};

use super::SigningArgs;
use crate::check::Level;
use crate::delivery::Pace;
use crate::duration::HumanDuration;
use crate::http::client::Endpoint;
use crate::provider::EventPattern;
use crate::report::ReportFile;
use crate::secrets::SecretSource;

/// The form of the results on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Human,
    /// JSON Lines, as with --json
    Json,
    /// JUnit XML
    Junit,
    /// TAP 14
    Tap,
}

/// `whk check`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk check :3000/hooks -p ahasend -s env:SECRET
  whk check :3000/hooks -p ahasend --quick
  whk check :3000/hooks -p ahasend --only body-bytes -v
  whk check -p ahasend --list
  whk check -p ahasend -s env:SECRET --report junit.xml -- node app.js")]
pub struct CheckArgs {
    /// The handler: PORT, /PATH, HOST/PATH or a URL [default: WHK_URL, else :9450]
    #[arg(value_name = "URL")]
    pub url: Option<Endpoint>,
    /// Provider and secrets: -s twice during a rotation.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Run only this check (repeatable)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Do not run this check (repeatable)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// The most important checks: about 15 requests
    #[arg(long)]
    pub quick: bool,
    /// List the checks and send nothing
    #[arg(long)]
    pub list: bool,
    /// Send only events of these types: GLOB (repeatable)
    #[arg(short, long, visible_alias = "type", value_name = "GLOB")]
    pub types: Vec<EventPattern>,
    /// Failures that make the exit code 1: required or recommended [default: required]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
    /// Print human, json, junit or tap [default: human]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<CheckFormat>,
    /// Write results: .xml (JUnit), .tap, .json or .html
    ///
    /// Repeatable. The ending of the name chooses the form. The file is written when the run ends, also after a failure.
    #[arg(long = "report", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub reports: Vec<ReportFile>,
    /// Shell command that prints how many events took effect
    ///
    /// It prints one whole number, such as `psql -tAc 'select count(*) from payments'`, and runs before and after each
    /// check that is about effects. Without it these checks are skipped.
    #[arg(long, value_name = "COMMAND")]
    pub effects: Option<String>,
    /// Time that an effect may take [default: 2s]
    #[arg(long, value_name = "DUR", requires = "effects", hide_short_help = true)]
    pub settle: Option<HumanDuration>,
    /// A secret that the handler must no longer accept
    #[arg(long, value_name = "VALUE", hide_short_help = true)]
    pub retired_secret: Option<SecretSource>,
    /// The secret of another customer, with --other-url
    #[arg(long, value_name = "VALUE", requires = "other_url", hide_short_help = true)]
    pub other_secret: Option<SecretSource>,
    /// The address of another customer, with --other-secret
    #[arg(long, value_name = "URL", requires = "other_secret", hide_short_help = true)]
    pub other_url: Option<Endpoint>,
    /// Wait at most this long for the handler to start
    #[arg(long, value_name = "DUR")]
    pub wait: Option<HumanDuration>,
    /// Give up a request after this long [default: the provider's]
    #[arg(long, value_name = "DUR", hide_short_help = true)]
    pub timeout: Option<HumanDuration>,
    /// Send at most this many requests, such as 20/s
    #[arg(long, value_name = "N/s", value_parser = Pace::rate, hide_short_help = true)]
    pub rate: Option<Pace>,
    /// Test a handler that is neither on this machine nor in a private network
    #[arg(long)]
    pub allow_remote: bool,
    /// Accept any TLS certificate
    #[arg(short = 'k', long, hide_short_help = true)]
    pub insecure: bool,
    /// Start the handler with this command, and stop it afterwards
    ///
    /// It finds its port in PORT and its secret in WHK_SECRET. Without a URL it gets a free port.
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "required" => Ok(Level::Required),
        "recommended" => Ok(Level::Recommended),
        _ => Err(format!("`{text}` is not a level, expected `required` or `recommended`")),
    }
}
