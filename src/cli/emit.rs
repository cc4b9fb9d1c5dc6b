//! `whk emit`: its arguments.

use clap::{ArgGroup, Args};

use super::ServeAddress;
use crate::provider::{Edit, EventPattern, ProviderRef};

/// `whk emit`
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("events").args(["types", "scenario"]).required(true)))]
#[command(after_help = "\
Examples:
  whk emit --type delivered
  whk emit -p selfmx --type bounced --set data.bounce_type=soft
  whk emit --scenario hard-bounce --to 9460")]
pub struct EmitArgs {
    /// Event type: a name, a pattern or `all` (repeatable)
    ///
    /// Every webhook that subscribes to the event gets it, and no other. `whk events` lists the types.
    #[arg(short, long = "type", value_name = "TYPE")]
    pub types: Vec<EventPattern>,
    /// Emit the events of a scenario, in order
    ///
    /// Such as `hard-bounce`: one message, with consistent ids and increasing timestamps. `whk events` lists them.
    #[arg(long, value_name = "NAME", conflicts_with = "types")]
    pub scenario: Option<String>,
    /// Only the events of this provider [default: of each that has them]
    #[arg(short, long, value_name = "NAME")]
    pub provider: Option<ProviderRef>,
    /// Address of whk serve [default: 127.0.0.1:9460]
    #[arg(long, value_name = "ADDR")]
    pub to: Option<ServeAddress>,
    /// Set a field of the sample: PATH=TEXT, or PATH:=JSON
    #[arg(long = "set", value_name = "PATH=TEXT", value_parser = Edit::set)]
    pub sets: Vec<Edit>,
    /// Remove a field of the sample
    #[arg(long = "unset", value_name = "PATH", value_parser = Edit::unset, hide_short_help = true)]
    pub unsets: Vec<Edit>,
    /// Emit each event this many times, each with an id of its own
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), hide_short_help = true)]
    pub count: u32,
    /// Key of a server on another machine
    #[arg(long, value_name = "KEY", env = "WHK_API_KEY", hide_env_values = true, hide_short_help = true)]
    pub api_key: Option<String>,
}
