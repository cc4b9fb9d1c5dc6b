//! `whk send`: its arguments.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum, ValueHint};

use super::value::concurrency;
use super::{HeaderArg, SigningArgs, TimeArg};
use crate::delivery::{Pace, TimeScale};
use crate::duration::HumanDuration;
use crate::http::client::Endpoint;
use crate::provider::{Edit, EventPattern, StatusRanges};
use crate::report::ReportFile;
use crate::sender::{BodyStyle, Mutation};

/// `whk send`
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  whk send --type message.delivered
  whk send :3000/hooks -p ahasend --type 'message.*' --set data.recipient=a@b.eu
  whk send :3000/hooks -p ahasend --type all --fault all
  whk send :3000/hooks -p standard -s env:SECRET -d @body.json
  whk send --type all -p ahasend --dry-run --format curl")]
pub struct SendArgs {
    /// PORT, /PATH, HOST/PATH or a URL [default: WHK_URL, else :9450]
    ///
    /// The handler's address. :PORT/PATH is on this machine, and a /PATH alone is on the default address: WHK_URL, else
    /// the `url` of the section `send` in whk.toml, else http://127.0.0.1:9450/.
    #[arg(value_name = "URL", env = "WHK_URL", hide_env = true)]
    pub url: Option<Endpoint>,
    /// Event type: a name, a pattern or `all` (repeatable)
    ///
    /// A pattern has stars, such as 'message.*'. `whk events` lists the types.
    #[arg(short, long = "type", value_name = "TYPE")]
    pub types: Vec<EventPattern>,
    /// Send a realistic sequence of events
    ///
    /// Such as `hard-bounce`: one message, with consistent ids and increasing timestamps. `whk events` lists them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["types", "data"])]
    pub scenario: Option<String>,
    /// Send at the scenario's own times (original), or without waiting (asap) [default: asap]
    #[arg(long, value_name = "PACE", hide_short_help = true)]
    pub pace: Option<Pace>,
    /// Send at this rate, such as 50/s or 30/m
    #[arg(long, value_name = "N/s", conflicts_with = "pace", value_parser = Pace::rate, hide_short_help = true)]
    pub rate: Option<Pace>,
    /// Keep sending for this long
    #[arg(long, value_name = "DUR", conflicts_with_all = ["count", "dry_run"], hide_short_help = true)]
    pub duration: Option<HumanDuration>,
    /// The most requests in flight at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = concurrency, hide_short_help = true)]
    pub concurrency: usize,
    /// Retry failures on the provider's schedule
    #[arg(long)]
    pub retry: bool,
    /// Speed up retries by this factor, such as 60 (max = no waiting) [default: 1]
    #[arg(long, value_name = "N|max", hide_short_help = true)]
    pub speed: Option<TimeScale>,
    /// Send the events in random order
    #[arg(long, conflicts_with = "data", hide_short_help = true)]
    pub shuffle: bool,
    /// Send each request twice, as a provider does when a response is lost
    #[arg(long, hide_short_help = true)]
    pub duplicate: bool,
    /// The provider and the secret.
    #[command(flatten)]
    pub identity: SigningArgs,
    /// Set a field of the sample: PATH=TEXT, or PATH:=JSON
    #[arg(long = "set", value_name = "PATH=TEXT", value_parser = Edit::set, conflicts_with = "data")]
    pub sets: Vec<Edit>,
    /// Remove a field of the sample
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, conflicts_with = "data", hide_short_help = true)]
    pub unsets: Vec<Edit>,
    /// Send your own body: @FILE, - for stdin, or the text
    ///
    /// The bytes are sent as they are.
    #[arg(short, long, value_name = "DATA", allow_hyphen_values = true)]
    pub data: Option<String>,
    /// Write the JSON of the same event in another way, validly signed [default: provider]
    ///
    /// A handler that verifies the raw body accepts each of them; one that verifies re-serialized JSON rejects them.
    #[arg(long, value_name = "STYLE", conflicts_with = "data", hide_short_help = true)]
    pub body_style: Option<BodyStyle>,
    /// Add a header, or replace one
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", hide_short_help = true)]
    pub headers: Vec<HeaderArg>,
    /// Use this event id instead of a new one
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub id: Option<String>,
    /// Sign with this time: RFC 3339, unix seconds, `-10m`, `+6m` [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, hide_short_help = true)]
    pub timestamp: Option<TimeArg>,
    /// Send each event this many times, each with an id of its own
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), hide_short_help = true)]
    pub count: u64,
    /// Break each request in one way, or in `all` ways
    ///
    /// Repeatable. The handler should reject each request with a 4xx status. Every chosen event is sent with every fault. Exit 0 if the handler rejected all of them, 1 if it accepted one or
    /// crashed on one.
    #[arg(long = "fault", value_name = "NAME", conflicts_with_all = ["expect", "retry"])]
    pub faults: Vec<FaultArg>,
    /// Status that counts as success: 401, 4xx, 400-499
    ///
    /// A status, a class, a range or a list of them, instead of the provider's own rule.
    #[arg(long, value_name = "STATUS")]
    pub expect: Option<StatusRanges>,
    /// Request timeout; 0 = no limit [default: the provider's own]
    #[arg(long, value_name = "DUR", hide_short_help = true)]
    pub timeout: Option<HumanDuration>,
    /// Wait at most this long for the handler to start
    ///
    /// Waits until it accepts connections; exit 3 if it does not.
    #[arg(long, value_name = "DUR", conflicts_with = "dry_run")]
    pub wait: Option<HumanDuration>,
    /// Do not verify the handler's TLS certificate
    #[arg(short = 'k', long, hide_short_help = true)]
    pub insecure: bool,
    /// Write results: .xml (JUnit), .tap, .json or .html
    ///
    /// Repeatable. The ending of the name chooses the form. The file is written when the run ends, also after a failure.
    #[arg(long = "report", value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    pub reports: Vec<ReportFile>,
    /// Print the requests instead of sending them
    #[arg(long)]
    pub dry_run: bool,
    /// The format of --dry-run
    #[arg(long, value_name = "FORMAT", requires = "dry_run", default_value = "http", hide_short_help = true)]
    pub format: PrintFormat,
}

/// A mutation, or all that the provider's scheme can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultArg {
    /// Every mutation that applies.
    All,
    /// This one.
    One(Mutation),
}

impl ValueEnum for FaultArg {
    fn value_variants<'a>() -> &'a [Self] {
        const VARIANTS: [FaultArg; Mutation::ALL.len() + 1] = {
            let mut variants = [FaultArg::All; Mutation::ALL.len() + 1];
            let mut index = 0;
            while index < Mutation::ALL.len() {
                variants[index + 1] = FaultArg::One(Mutation::ALL[index]);
                index += 1;
            }
            variants
        };
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::All => PossibleValue::new("all").help("Every fault that applies to the provider"),
            Self::One(mutation) => PossibleValue::new(mutation.name()).help(mutation.description()),
        })
    }
}

impl ValueEnum for BodyStyle {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.description()))
    }
}

/// The format in which a request is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrintFormat {
    /// As it goes over the wire
    Http,
    /// As a command line for a POSIX shell
    Curl,
    /// As JSON Lines that `whk verify` reads
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_chosen_by_its_name() {
        let chosen: Vec<String> = FaultArg::value_variants()
            .iter()
            .map(|fault| fault.to_possible_value().unwrap().get_name().to_owned())
            .collect();
        let named: Vec<String> = Mutation::ALL.iter().map(|fault| fault.name().to_owned()).collect();
        assert_eq!(chosen, [vec!["all".to_owned()], named].concat());
    }
}
